from pathlib import Path

import pytest
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

import bot.pictures
from bot.pictures import fonts

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # lone surrogates and controls included


@pytest.mark.parametrize("path", [fonts.REGULAR, fonts.BOLD])
def test_the_bundled_fonts_have_every_character_that_is_promised(path: Path):
    glyphs = {chr(code) for code in TTFont(path, lazy=True).getBestCmap()}
    assert fonts.drawable() <= glyphs
    assert path.stat().st_size < 1_700_000


def test_every_character_of_gb2312_and_our_signs_can_be_drawn():
    gb2312: set[str] = set()
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            gb2312.update(bytes([high, low]).decode("gb2312", "ignore"))
    assert len(gb2312) == 7445
    assert gb2312 | set("¥€£$₩¢…—“”‘’·•→←↑↓●○■□▲▼★☆✓éüñçßÄあアんン") <= fonts.drawable()


def test_letters_come_from_the_bundled_files_and_from_nowhere_else():
    assert [fonts.font(30).path, fonts.font(30, bold=True).path] == [str(fonts.REGULAR), str(fonts.BOLD)]
    folder = Path(bot.pictures.__file__).parent
    loading = [path.name for path in folder.rglob("*.py") if "truetype(" in path.read_text(encoding="utf-8")]
    assert loading == ["fonts.py"]


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("林小雨🌸", "林小雨"),
        ("  两行\n名字\t ", "两行 名字"),
        ("\u202eabc\u2066\u200f", "abc"),
        ("]]><b>&amp;", "]]><b>&amp;"),
        ("𝓛𝓲𝓷 Ｌ", "Lin Ｌ"),
        ("Dvořák Łukasz", "Dvorák Lukasz"),
        ("1️⃣ 👨‍👩‍👧", "1"),
        ("𠮷野家", "·野家"),
        ("이름 ok", "· ok"),
        ("محمد", ""),
        ("🎉🎉", ""),
        ("٣٤", "34"),
        ("₽1990", "RUB 1990"),
        ("350 ฿", "350 THB"),
        ("\ud83d", ""),
        ("", ""),
    ],
)
def test_what_the_font_lacks_is_replaced_without_a_trace_of_empty_boxes(given_name: str, shown: str):
    assert fonts.clean(given_name) == shown


@given(ANY_TEXT)
def test_whatever_is_typed_only_drawable_characters_are_drawn(text: str):
    cleaned = fonts.clean(text)
    assert set(cleaned) <= fonts.drawable()
    assert fonts.clean(cleaned) == cleaned


@given(ANY_TEXT, st.integers(20, 400), st.integers(1, 3))
def test_no_line_is_ever_wider_than_its_place(text: str, limit: int, count: int):
    face = fonts.font(20)
    lines = fonts.wrap(fonts.clean(text), face, limit, lines=count)
    assert len(lines) <= count
    assert all(fonts.width(line, face) <= limit for line in lines)


def test_a_long_text_ends_in_an_ellipsis_and_a_fitting_one_is_left_alone():
    face = fonts.font(20)
    assert fonts.cut("面霜", face, 40) == "面霜"
    assert fonts.cut("面霜面霜面霜", face, 80) == "面霜面…"
    assert fonts.cut("Manuka honey", face, 100).endswith("...")


def test_words_stay_whole_and_no_line_begins_with_a_comma():
    face = fonts.font(20)
    assert fonts.wrap("Hydrating serum", face, 110, lines=2) == ["Hydrating", "serum"]
    assert fonts.wrap("敏感肌可用，补水", face, 100, lines=2)[1][0] != "，"
