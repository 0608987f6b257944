"""A poster with a warm template: only name and QR code are new; beside encoding a picture of that size and no more."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from bot.pictures.poster_specs import PosterSpec
from bot.pictures.posters import product_poster
from bot.pictures.product_art import draw_product
from tests.benchmarks.figures import Figure

MOST_MS = 10.0
ROUNDS = 60


def run() -> list[Figure]:
    spec = PosterSpec(
        title="花序 紫草修护精华 30ml",
        price="¥258.00",
        link="https://shop.example/r/8u39eq2c",
        code="8u39eq2c",
        name="小林",
        invitation="邀请你一起逛全球好物",
        scan_hint="长按或扫码看看",
        picture=draw_product("serum", "HANAJO", 3),
    )
    finished = Image.open(io.BytesIO(product_poster(spec))).convert("RGB")

    def draw(number: int) -> None:
        code = f"k{number:07d}"
        product_poster(replace(spec, name=f"林{number}", code=code, link=f"https://shop.example/r/{code}"))

    def encode(_number: int) -> None:
        finished.save(io.BytesIO(), "JPEG", quality=85)

    drawn, floor = _cpu_ms(draw), _cpu_ms(encode)
    return [
        Figure(
            "poster, warm template", drawn, "ms CPU", "JPEG encoding alone", drawn / floor, MOST_MS, drawn <= MOST_MS
        )
    ]


def _cpu_ms(work: Callable[[int], None]) -> float:
    """The median CPU of one round, in milliseconds."""
    took = []
    for number in range(ROUNDS):
        began = time.process_time()
        work(number)
        took.append(time.process_time() - began)
    return statistics.median(took) * 1000
