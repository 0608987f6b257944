from io import BytesIO

import pytest
from PIL import Image, ImageStat

from bot.pictures.product_art import KINDS, draw_product

WANTED = {
    "serum", "cream", "lipstick", "mask", "perfume", "sunscreen", "milk_powder", "diapers", "vitamins", "coffee",
    "chocolate", "wine", "tea", "headphones", "rice_cooker", "hair_dryer", "thermos", "backpack", "shoe", "watch",
    "baby_bottle", "honey", "olive_oil",
}  # fmt: skip


def test_the_demo_shop_has_a_drawing_for_every_kind_of_goods():
    assert set(KINDS) >= WANTED
    pictures = {kind: draw_product(kind, "HADA", 3, size=160) for kind in KINDS}
    assert len(set(pictures.values())) == len(KINDS)
    for picture in pictures.values():
        opened = Image.open(BytesIO(picture))
        assert opened.size == (160, 160)
        assert min(ImageStat.Stat(opened.convert("L")).stddev) > 5


def test_the_same_product_looks_the_same_every_time_and_a_palette_changes_it():
    assert draw_product("tea", "HADA", 1, size=128) == draw_product("tea", "HADA", 1, size=128)
    assert len({draw_product("tea", "HADA", seed, size=128) for seed in range(36)}) == 36


@pytest.mark.parametrize("brand", ["", "]]><b>", "\u202eevil", "🎉", "\ud83d", "محمد", "W" * 500, "北海道牧场特选"])
def test_b5_any_brand_can_be_printed_on_any_label(brand: str):
    for kind in ("serum", "watch", "lipstick", "chocolate"):
        assert Image.open(BytesIO(draw_product(kind, brand, -7, size=96))).size == (96, 96)


def test_goods_that_nobody_has_drawn_come_in_a_gift_box():
    assert draw_product("submarine", "HADA", 0, size=128) == draw_product("gift_box", "HADA", 0, size=128)


@pytest.mark.parametrize("size", [0, 63, 1601])
def test_sizes_that_would_be_useless_or_fill_the_memory_are_refused(size: int):
    with pytest.raises(ValueError, match="size"):
        draw_product("tea", "HADA", 0, size=size)
