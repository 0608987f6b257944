import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from bot.pictures.posters import (
    InvitePosterSpec,
    PosterSpec,
    TemplateCache,
    invite_poster,
    poster_key,
    product_poster,
)

FULL = PosterSpec(
    title="极润玻尿酸保湿精华液 30ml 敏感肌可用 日本原装进口 七日修护补水套装",
    price="¥258.00",
    link="https://mall.example.com/r/k3J9xQ",
    code="k3J9xQ",
    name="林小雨",
    invitation="邀请你一起逛全球好物",
    scan_hint="长按识别二维码",
    shop="环球商城",
    badge="热卖",
    points=("七日保湿", "日本直邮"),
    price_note="价格截至 2026-11-23",
)
INVITE = InvitePosterSpec(
    title="一起把全球好物分享给身边的人",
    link="https://mall.example.com/r/k3J9xQ",
    code="k3J9xQ",
    name="林小雨",
    invitation="邀请你加入她的团队",
    scan_hint="长按识别二维码",
    shop="环球商城",
    lines=("不囤货", "正品溯源", "新人课程", "每一笔都说得清楚"),
)
BAD_NAMES = [
    "",
    " ",
    "]]>",
    "<script>alert(1)</script>",
    "*_`[md](x)",
    "\u202eevil\u202c",
    "محمد صلاح",
    "👨‍👩‍👧‍👦🎉",
    "\ud83d",
    "\x00\x07\n\r\t",
    "名" * 40,
    "W" * 500,
    "𠮷田龘",
    "e\u0301" * 60,
    "{name} %s $x_2$",
]
WORDS = [*BAD_NAMES, "林", "小雨", "Anna", " ", "O'Neil", "🌸", "שלום", "ﷺ", "ｶﾅ", "é", "₽", "😀", "-", "陳"]


def photo(form: str, size: tuple[int, int] = (900, 900), mode: str = "RGB") -> bytes:
    picture = Image.new(mode, size)
    ImageDraw.Draw(picture).ellipse((size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2), fill="white")
    out = BytesIO()
    picture.save(out, form)
    return out.getvalue()


def seen(poster: bytes) -> Image.Image:
    return Image.open(BytesIO(poster)).convert("RGB")


def scanned(poster: bytes) -> str:
    """Return what a reader makes of the whole poster when it is as small as on a phone's screen."""
    reader = cv2.QRCodeDetectorAruco()  # OpenCV's older detector misreads 1 of 150 sound codes
    small = seen(poster).convert("L").resize((450, 800), Image.Resampling.BOX)
    return str(reader.detectAndDecode(np.asarray(small))[0])


def test_a_poster_fits_a_phone_and_every_channel():
    for poster in (product_poster(FULL), invite_poster(INVITE)):
        assert seen(poster).size == (750, 1334)
        assert len(poster) < 1_000_000


def test_two_hundred_people_with_any_name_get_a_poster_that_scans_to_their_own_link():
    chance = random.Random(7)
    alphabet = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
    for number in range(200):
        code = "".join(chance.choices(alphabet, k=chance.choice((6, 6, 8, 10))))
        host = chance.choice(
            ("http://localhost:8080", "https://m.example.cn", "https://a-very-long-shop-name.example.com")
        )
        name = BAD_NAMES[number] if number < len(BAD_NAMES) else "".join(chance.choices(WORDS, k=chance.randint(1, 6)))
        title = "".join(chance.choices(WORDS, k=chance.randint(1, 8)))[:40]
        spec = replace(
            FULL, name=name, link=f"{host}/r/{code}", code=code, title=title if number % 10 == 0 else FULL.title
        )
        assert scanned(product_poster(spec)) == spec.link, (name, spec.link)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_b5_a_bad_name_in_any_place_breaks_no_poster(name: str):
    everywhere = replace(
        FULL, title=name, price=name, name=name, invitation=name, scan_hint=name, shop=name, badge=name,
        points=(name, name), price_note=name, code=name,
    )  # fmt: skip
    assert scanned(product_poster(everywhere)) == FULL.link
    invitation = replace(INVITE, title=name, name=name, invitation=name, scan_hint=name, shop=name, lines=(name,) * 9)
    assert scanned(invite_poster(invitation)) == INVITE.link


def test_the_code_is_large_enough_and_stands_free():
    poster = seen(product_poster(FULL)).convert("L")
    corner = poster.crop((400, 940, 750, 1270)).point(lambda value: 255 if value < 128 else 0)
    left, top, right, bottom = corner.getbbox() or (0, 0, 0, 0)
    assert right - left == bottom - top >= 240
    quiet = 4 * (right - left) // 29
    around = (400 + left - quiet, 940 + top - quiet, 400 + right + quiet, 940 + bottom + quiet)
    ring = poster.crop(around)
    ring.paste(255, (quiet, quiet, ring.width - quiet, ring.height - quiet))
    assert min(ring.tobytes()) > 200, "something stands in the quiet zone"
    beneath = poster.crop((around[0], around[3], around[2], 1334))
    assert min(beneath.tobytes()) < 100, "the code is not printed beneath"


def test_the_picture_is_at_least_670_pixels_wide():
    poster = seen(product_poster(replace(FULL, picture=photo("JPEG"), shop="", badge="")))
    dark = [x for x in range(750) if sum(poster.getpixel((x, 60))) < 30]  # type: ignore[arg-type]
    assert len(dark) >= 670


def test_a_poster_says_nothing_that_it_was_not_told_to_say():
    """No promise of an income, nor any other word, can come from the drawing itself."""
    silent = PosterSpec(title="", price="", link=FULL.link, code="", name="", invitation="", scan_hint="")
    poster = seen(product_poster(silent)).convert("L")
    assert min(poster.crop((0, 730, 750, 900)).tobytes()) > 240
    assert min(poster.crop((0, 930, 400, 1334)).tobytes()) > 240


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"no picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(40),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        photo("PNG")[:300],
        photo("JPEG")[:400],
        photo("PNG", (1, 4000)),
        photo("PNG", (6_000, 4_400), "1"),
    ],
)
def test_a_picture_that_cannot_be_used_is_replaced_by_a_drawn_one(picture: bytes):
    plain, poster = product_poster(replace(FULL, picture=None)), product_poster(replace(FULL, picture=picture))
    assert poster == plain


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "LA"), ("JPEG", "CMYK"), ("WEBP", "RGB")]
)
def test_pictures_of_every_usual_kind_are_shown(form: str, mode: str):
    for size in ((900, 900), (300, 1200), (1600, 500), (40, 40)):
        assert product_poster(replace(FULL, picture=photo(form, size, mode))) != product_poster(FULL)


def test_damaged_pictures_never_stop_a_poster():
    chance = random.Random(11)
    for form in ("PNG", "JPEG", "WEBP"):
        sound = photo(form, (120, 120))
        for _ in range(3):
            damaged = bytearray(sound)
            for _ in range(6):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            assert seen(product_poster(replace(FULL, picture=bytes(damaged)))).size == (750, 1334)


def test_a_link_that_no_phone_could_read_is_refused():
    for link in ("", "https://mall.example.com/" + "x" * 1000):
        with pytest.raises(ValueError, match="QR code"):
            product_poster(replace(FULL, link=link))


def test_equal_content_has_an_equal_key_and_any_change_another():
    assert poster_key(FULL) == poster_key(replace(FULL))
    others: list[PosterSpec | InvitePosterSpec] = [
        replace(FULL, price="¥259.00"),
        replace(FULL, name="林小雪"),
        replace(FULL, points=("七日保湿日本直邮",)),
        replace(FULL, points=("七日保湿", "日本直邮", "")),
        replace(FULL, picture=b"x"),
        replace(FULL, shop="", badge="环球商城"),
        replace(FULL, name="\ud83d"),
        INVITE,
    ]
    assert len({poster_key(spec) for spec in (FULL, *others)}) == len(others) + 1


def test_a_new_price_is_on_the_next_poster():
    before = seen(product_poster(FULL))
    after = seen(product_poster(replace(FULL, price="¥1.00")))
    assert before.crop((0, 820, 400, 900)).tobytes() != after.crop((0, 820, 400, 900)).tobytes()


def test_posters_made_at_the_same_time_are_those_made_one_by_one():
    specs = [replace(FULL, name=f"林小雨{number}", title=f"商品 {number % 3}") for number in range(24)]
    one_by_one = [product_poster(spec) for spec in specs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(product_poster, specs)) == one_by_one


def test_backgrounds_are_drawn_once_and_the_oldest_go_when_memory_is_full():
    made: list[str] = []

    def make(name: str) -> Image.Image:
        made.append(name)
        return Image.new("RGB", (10, 10))

    cache = TemplateCache(700)
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, partial(make, name))
    assert made == ["a", "b", "c", "b"]
    assert cache.bytes_held == 600
