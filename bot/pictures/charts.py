"""Pictures of figures for a phone: thirty days of visits and orders, and a small line for a corner."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from bot.pictures import fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text

_INK, _GREY, _RULE = "#28323a", "#7d868d", "#e7eaec"
_BAR, _BAR_TODAY, _LINE, _ORDER = "#a9d3cd", "#2f8f88", "#1f5c70", "#e0784f"
_DPI = 150
_drawing = threading.Lock()  # matplotlib does not promise to be safe for threads


@dataclass(frozen=True, slots=True)
class TrafficLabels:
    """The words on a traffic chart, in the reader's language."""

    visits: str
    unique_visitors: str
    orders: str
    nothing_yet: str  # shown when there is not one visit or order


def traffic_chart(
    days: Sequence[date],
    visits: Sequence[int],
    unique_visitors: Sequence[int],
    orders: Sequence[int],
    *,
    title: str,
    labels: TrafficLabels,
    locale: str,
) -> bytes:
    """Return a PNG of 900 × 600 pixels: bars for visits, a line for unique visitors, a mark for each day with orders.

    The last day stands out. The four sequences have one entry per day; `locale` is `zh` or `en` and decides how a day
    is written. Slow (0.1 s of CPU; the first time some seconds, to load matplotlib): call it off the event loop.
    Raises ValueError when the sequences differ in length.
    """
    if not len(days) == len(visits) == len(unique_visitors) == len(orders):
        raise ValueError("days, visits, unique_visitors and orders must be equally long")
    with _drawing:
        figure = traffic_figure(days, visits, unique_visitors, orders, title=title, labels=labels, locale=locale)
        out = BytesIO()
        figure.savefig(out, format="png", dpi=_DPI)
        return out.getvalue()


def load() -> None:
    """Load matplotlib, which takes a second or more, so that the first chart does not wait for it."""
    with _drawing:  # and not while another thread loads it, in another order
        from matplotlib.backends import backend_agg  # noqa: F401
        from matplotlib.figure import Figure  # noqa: F401


def traffic_figure(
    days: Sequence[date],
    visits: Sequence[int],
    unique_visitors: Sequence[int],
    orders: Sequence[int],
    *,
    title: str,
    labels: TrafficLabels,
    locale: str,
) -> "Figure":
    """Return the figure of `traffic_chart` before it is drawn; not for two threads at once."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _write(figure.text(0.055, 0.945, _cut(title, 30, 620), va="top"), 14, _INK, bold=True)
    axes = figure.add_axes((0.085, 0.125, 0.875, 0.635))
    _bare(axes)
    if any(visits) or any(unique_visitors) or any(orders):
        _plot(axes, locale, visits, unique_visitors, orders)
        _keys(figure, locale, labels, (sum(visits), None, sum(orders)))
    else:
        axes.set_ylim(0, 4)
        axes.set_yticks([])
        _write(axes.text(0.5, 0.5, fonts.clean(labels.nothing_yet), transform=axes.transAxes, ha="center"), 12, _GREY)
    _name_days(axes, days, locale)
    return figure


def _plot(
    axes: "Axes", locale: str, visits: Sequence[int], unique_visitors: Sequence[int], orders: Sequence[int]
) -> None:
    from babel.numbers import format_compact_decimal
    from matplotlib.ticker import MaxNLocator

    places = range(len(visits))
    last = len(visits) - 1
    top = max(1, *visits, *unique_visitors)
    axes.bar(places, visits, width=0.68, color=[_BAR_TODAY if place == last else _BAR for place in places], zorder=2)
    axes.plot(places, unique_visitors, color=_LINE, linewidth=1.9, solid_capstyle="round", zorder=3)
    axes.plot([last], [unique_visitors[last]], "o", color="white", markeredgecolor=_LINE, markeredgewidth=1.6,
              markersize=6, zorder=5)  # fmt: skip
    sold = [place for place in places if orders[place] > 0]
    height = top * 1.13
    axes.scatter(sold, [height] * len(sold), s=62, color=_ORDER, zorder=4, linewidths=0)
    for place in sold:
        number = str(orders[place]) if orders[place] < 100 else "99+"
        text = axes.text(place, height, number, ha="center", va="center_baseline", zorder=6)
        _write(text, 5.4 if len(number) < 3 else 3.6, "white", bold=True)
    axes.set_ylim(0, top * 1.24)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 2.5, 5, 10]))
    ticks = [tick for tick in axes.get_yticks() if 0 <= tick <= top * 1.04]
    axes.set_yticks(ticks, [format_compact_decimal(tick, fraction_digits=1, locale=locale) for tick in ticks])


def _bare(axes: "Axes") -> None:
    axes.set_facecolor("white")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#c9cfd3")
    axes.grid(axis="y", color=_RULE, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def _keys(figure: "Figure", locale: str, labels: TrafficLabels, totals: tuple[int, None, int]) -> None:
    """Write what bars, line and marks mean, with the sums of those that may be added up, beneath the title."""
    from babel.numbers import format_decimal
    from matplotlib.lines import Line2D

    left = 0.062
    words = (labels.visits, labels.unique_visitors, labels.orders)
    for word, total, style in zip(words, totals, ("bar", "line", "mark"), strict=True):
        marker = {"bar": "s", "line": "_", "mark": "o"}[style]
        colour = {"bar": _BAR, "line": _LINE, "mark": _ORDER}[style]
        key = Line2D(
            [left], [0.823], marker=marker, color=colour, markersize=8, markeredgewidth=2.4 if style == "line" else 0
        )
        figure.add_artist(key)
        shown = _cut(word if total is None else f"{word}  {format_decimal(total, locale=locale)}", 20, 230)
        _write(figure.text(left + 0.02, 0.823, shown, va="center_baseline"), 9.5, _GREY)
        left += 0.062 + fonts.width(shown, fonts.font(20)) / 900


def _name_days(axes: "Axes", days: Sequence[date], locale: str) -> None:
    """Write every seventh day (of few days: every one), counted back from the last, and the last in bold."""
    from babel.dates import format_skeleton

    places = list(range(len(days) - 1, -1, -7 if len(days) > 10 else -2 if len(days) > 6 else -1))[::-1]
    axes.set_xlim(-0.7, max(1, len(days)) - 0.3)
    axes.set_xticks(places, [format_skeleton("MMMd", days[place], locale=locale) for place in places])
    for tick in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        _write(tick, 9, _GREY)
    if places:
        _write(axes.get_xticklabels()[-1], 9, _INK, bold=True)


def _write(text: "Text", points: float, colour: str, *, bold: bool = False) -> None:
    """Set a text in the bundled font, taking a `$` for a dollar and not for mathematics."""
    text.set_fontproperties(_face(bold))
    text.set_fontsize(points)
    text.set_color(colour)
    text.set_parse_math(False)


@lru_cache(maxsize=2)
def _face(bold: bool) -> "FontProperties":
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=str(fonts.BOLD if bold else fonts.REGULAR))


def _cut(text: str, size: int, limit: int) -> str:
    return fonts.cut(fonts.clean(text), fonts.font(size), limit)


def sparkline(values: Sequence[int], *, width: int = 240, height: int = 64) -> bytes:
    """Return a PNG of a bare line on white with a dot at its last value; cheap, without matplotlib.

    Fewer than two values, or nothing but zeros, give a level line at the foot.
    """
    scale, margin = 4, 7
    points = list(values) if len(values) > 1 else [0, 0]
    top = max(1, *points)
    step = (width - 2 * margin) / (len(points) - 1)
    line = [
        ((margin + place * step) * scale, (height - margin - max(0, value) / top * (height - 2 * margin)) * scale)
        for place, value in enumerate(points)
    ]
    large = Image.new("RGB", (width * scale, height * scale), "white")
    draw = ImageDraw.Draw(large)
    floor = (height - 2) * scale
    draw.polygon([(line[0][0], floor), *line, (line[-1][0], floor)], fill="#e4f1ef")
    draw.line(line, fill=_BAR_TODAY, width=2 * scale + 2, joint="curve")
    x, y = line[-1]
    draw.ellipse((x - 4.5 * scale, y - 4.5 * scale, x + 4.5 * scale, y + 4.5 * scale), fill=_ORDER)
    out = BytesIO()
    large.resize((width, height), Image.Resampling.BOX).save(out, "PNG", optimize=True)
    return out.getvalue()
