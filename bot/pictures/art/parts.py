"""What many products have in common: a printed label, a metal cap, a screw lid."""

from bot.pictures import paint
from bot.pictures.art.canvas import BLACK, WHITE, Canvas, Shape
from bot.pictures.paint import Colour


def print_on(
    canvas: Canvas, x: float, middle: float, brand: str, ink: Colour, *, wide: float, size: float = 46, lines: int = 2
) -> None:
    """Print the brand and, beneath a thin rule, `lines` grey bars that stand for small print."""
    canvas.text(x, middle, brand, size, ink, wide=wide, tracking=0.06)
    rule = canvas.box(x - wide * 0.16, middle + size * 0.42, x + wide * 0.16, middle + size * 0.42 + 3)
    canvas.fill(rule, ink, alpha=0.55)
    for number in range(lines):
        half = wide * (0.30, 0.22, 0.26)[number % 3]
        top = middle + size * 0.42 + 22 + number * 19
        canvas.fill(canvas.box(x - half, top, x + half, top + 7, 3.5), ink, alpha=0.28)


def band(canvas: Canvas, body: Shape, top: float, bottom: float, colour: Colour, *, gloss: float = 0.35) -> None:
    """Wrap a printed band around a round body."""
    left, _, right, _ = (edge / canvas.unit for edge in body.box)
    canvas.round_body(canvas.box(left, top, right, bottom), colour, gloss=gloss, within=body)


def metal(canvas: Canvas, shape: Shape, colour: Colour, *, within: Shape | None = None) -> None:
    """Fill as polished metal: narrow lights and darks side by side."""
    light, dark = paint.mix(colour, WHITE, 0.72), paint.mix(colour, BLACK, 0.42)
    stops = [
        (0.0, dark),
        (0.08, colour),
        (0.2, light),
        (0.3, paint.mix(colour, WHITE, 0.3)),
        (0.45, paint.mix(colour, BLACK, 0.16)),
        (0.66, colour),
        (0.8, light),
        (0.9, paint.mix(colour, BLACK, 0.2)),
        (1.0, dark),
    ]
    canvas.blend(shape, stops, within=within)


def ribs(canvas: Canvas, body: Shape, left: float, right: float, top: float, bottom: float, *, count: int) -> None:
    """Score fine upright lines into a lid."""
    for number in range(1, count):
        x = left + (right - left) * number / count
        canvas.fill(canvas.box(x - 1.5, top, x + 1.5, bottom), BLACK, alpha=0.10, within=body)


def edge_light(canvas: Canvas, left: float, right: float, y: float, *, alpha: float = 0.5) -> None:
    """Draw the thin bright line where an upper edge catches the light."""
    canvas.fill(canvas.box(left, y, right, y + 4, 2), WHITE, alpha=alpha)
