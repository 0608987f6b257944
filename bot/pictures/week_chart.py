"""A week beside the one before, for a phone: visitors by day as pairs of bars, and the days on which something sold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from babel.dates import get_day_names
from babel.numbers import format_decimal
from PIL import Image, ImageDraw

from bot.pictures import fonts

SIZE = (900, 600)
_LEFT, _RIGHT, _TOP, _FLOOR = 48, 852, 196, 520
_INK, _GREY, _RULE = "#28323a", "#7d868d", "#e7eaec"
_NOW, _THEN, _ORDER = "#2f8f88", "#cfe3e0", "#e0784f"
_BABEL = {"zh": "zh_Hans_CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class WeekLabels:
    """The words on the picture, in the reader's language."""

    visitors: str
    before: str
    orders: str
    nothing: str  # shown when nobody came in either week


def week_chart(
    days: Sequence[date],
    visitors: Sequence[int],
    before: Sequence[int],
    orders: Sequence[int],
    *,
    title: str,
    labels: WeekLabels,
    locale: str,
) -> bytes:
    """Return a PNG of 900 × 600 pixels. The four sequences have one entry per day, the same weekday in each place."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    first, last = days[0], days[-1]
    dates = f"{first.month}/{first.day} – {last.month}/{last.day}"
    draw.text((_LEFT, 62), fonts.clean(title), font=fonts.font(40, bold=True), fill=_INK, anchor="ls")
    draw.text((_RIGHT, 62), dates, font=fonts.font(26), fill=_GREY, anchor="rs")
    totals = (
        (labels.visitors, sum(visitors), _NOW),
        (labels.before, sum(before), _THEN),
        (labels.orders, sum(orders), _ORDER),
    )
    _keys(draw, totals, locale)
    draw.line((_LEFT, _FLOOR, _RIGHT, _FLOOR), fill=_RULE, width=2)
    if any(visitors) or any(before):
        _bars(draw, visitors, before)
    elif not any(orders):
        middle = ((_LEFT + _RIGHT) / 2, (_TOP + _FLOOR) / 2)
        draw.text(middle, fonts.clean(labels.nothing), font=fonts.font(30), fill=_GREY, anchor="mm")
    _orders(draw, orders)
    _names(draw, days, locale)
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _middle(place: int, count: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (place + 0.5) / count


def _keys(draw: ImageDraw.ImageDraw, totals: Sequence[tuple[str, int, str]], locale: str) -> None:
    """What each colour means, with the sum of the week."""
    left = float(_LEFT)
    for word, total, colour in totals:
        draw.rounded_rectangle((left, 104, left + 22, 126), radius=5, fill=colour)
        said = fonts.cut(fonts.clean(word), fonts.font(26), 170)
        number = format_decimal(total, locale=_BABEL[locale])
        draw.text((left + 34, 124), said, font=fonts.font(26), fill=_GREY, anchor="ls")
        at = left + 34 + fonts.width(said, fonts.font(26)) + 12
        draw.text((at, 124), number, font=fonts.font(30, bold=True), fill=_INK, anchor="ls")
        left = at + fonts.width(number, fonts.font(30, bold=True)) + 44


def _bars(draw: ImageDraw.ImageDraw, visitors: Sequence[int], before: Sequence[int]) -> None:
    top = max(1, *visitors, *before)
    for place, pair in enumerate(zip(before, visitors, strict=True)):
        middle = _middle(place, len(visitors))
        for value, left, colour in ((pair[0], middle - 40, _THEN), (pair[1], middle + 2, _NOW)):
            height = round((_FLOOR - _TOP) * value / top)
            if height:
                draw.rounded_rectangle(
                    (left, _FLOOR - max(4, height), left + 38, _FLOOR - 1),
                    radius=min(7, height // 2),
                    fill=colour,
                    corners=(True, True, False, False),
                )
        if pair[1]:
            at = (middle + 21, _FLOOR - max(4, round((_FLOOR - _TOP) * pair[1] / top)) - 8)
            draw.text(at, str(pair[1]), font=fonts.font(22, bold=True), fill=_INK, anchor="ms")


def _orders(draw: ImageDraw.ImageDraw, orders: Sequence[int]) -> None:
    """A round mark with the number of orders beneath the name of its day."""
    for place, number in enumerate(orders):
        if number:
            middle = _middle(place, len(orders))
            draw.ellipse((middle - 17, 560, middle + 17, 594), fill=_ORDER)
            said = str(number) if number < 100 else "99+"
            draw.text((middle, 577), said, font=fonts.font(20, bold=True), fill="white", anchor="mm")


def _names(draw: ImageDraw.ImageDraw, days: Sequence[date], locale: str) -> None:
    names = get_day_names("abbreviated", locale=_BABEL[locale])
    for place, day in enumerate(days):
        at = (_middle(place, len(days)), 550)
        draw.text(at, names[day.weekday()], font=fonts.font(24), fill=_GREY, anchor="ms")
