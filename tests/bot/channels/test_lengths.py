"""Texts that have to fit are cut where a reader would pause, and nothing of them is lost."""

from hypothesis import given
from hypothesis import strategies as st

from bot.channels.lengths import shorten, split, utf8_bytes, utf16_units


@given(
    st.text(alphabet="ab 中。\n😀e\u0301", max_size=400), st.integers(8, 60), st.sampled_from([utf8_bytes, utf16_units])
)
def test_parts_fit_and_make_the_whole(text: str, limit: int, size: object):
    parts = split(text, limit, size)  # type: ignore[arg-type]
    assert all(size(part) <= limit for part in parts)  # type: ignore[operator]
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert size(shorten(text, limit, size)) <= limit  # type: ignore[operator, arg-type]


def test_a_text_is_cut_after_a_paragraph_before_a_line_before_a_sentence():
    assert split("one two\n\nthree", 10, utf16_units) == ["one two", "three"]
    assert split("第一句。第二句。第三句", 9, utf16_units) == ["第一句。第二句。", "第三句"]
    assert split("x" * 25, 10, utf16_units) == ["x" * 10, "x" * 10, "x" * 5]


def test_a_smiley_counts_twice_on_telegram_and_four_times_on_wechat():
    assert (utf16_units("a😀"), utf8_bytes("a😀")) == (3, 5)
    assert shorten("😀😀😀", 5, utf16_units) == "😀😀…"
