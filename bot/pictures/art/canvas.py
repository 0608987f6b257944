"""A drawing board for flat product pictures: shapes in thousandths of the board, shaded like real things."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from bot.pictures import fonts, paint
from bot.pictures.paint import Colour

Point = tuple[float, float]
Stops = Sequence[tuple[float, float]]  # (place from 0 to 1, strength from 0 to 1), places rising
ColourStops = Sequence[tuple[float, Colour]]

BLACK: Colour = (20, 18, 24)
WHITE: Colour = (255, 255, 255)
_LARGER = 4  # shapes are drawn this much larger and made small, in both directions, which smooths their edges
_SOFT = 2  # blurred things are drawn this much smaller, which nobody sees


@dataclass(frozen=True, slots=True)
class Shape:
    """A mask and where its upper left corner lies, in pixels."""

    mask: Image.Image
    left: int
    top: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        return (self.left, self.top, self.left + self.mask.width, self.top + self.mask.height)


@dataclass(frozen=True, slots=True)
class _Fine:
    """A drawing larger than the board, and how units become its pixels."""

    draw: ImageDraw.ImageDraw
    unit: float
    left: int
    top: int

    def at(self, point: Point) -> Point:
        return (point[0] * self.unit - self.left, point[1] * self.unit - self.top)

    def last(self, point: Point) -> Point:
        """Return the last pixel inside a right or lower edge at `point`."""
        x, y = self.at(point)
        return (x - 1, y - 1)


class Canvas:
    """A square board of 1000 × 1000 units, the origin at the upper left."""

    def __init__(self, size: int) -> None:
        self.unit = size / 1000
        self.image = Image.new("RGB", (size, size), WHITE)

    # shapes

    def polygon(self, points: Sequence[Point]) -> Shape:
        horizontal, vertical = [x for x, _ in points], [y for _, y in points]
        return self._shape(
            min(horizontal),
            min(vertical),
            max(horizontal),
            max(vertical),
            lambda fine: fine.draw.polygon([fine.at(point) for point in points], fill=255),
        )

    def path(self, text: str) -> Shape:
        """Return the closed outline written like an SVG path with absolute M, L, Q and C."""
        return self.polygon(_points(text))

    def box(self, left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Shape:
        radius = min(radius, (right - left) / 2, (bottom - top) / 2)
        return self._shape(
            left,
            top,
            right,
            bottom,
            lambda fine: fine.draw.rounded_rectangle(
                (*fine.at((left, top)), *fine.last((right, bottom))), radius=radius * fine.unit, fill=255
            ),
        )

    def oval(self, x: float, y: float, half_wide: float, half_tall: float | None = None) -> Shape:
        half_tall = half_wide if half_tall is None else half_tall
        left, top, right, bottom = x - half_wide, y - half_tall, x + half_wide, y + half_tall
        return self._shape(
            left,
            top,
            right,
            bottom,
            lambda fine: fine.draw.ellipse((*fine.at((left, top)), *fine.last((right, bottom))), fill=255),
        )

    def stroke(self, text: str, wide: float) -> Shape:
        """Return a line of `wide` units with round ends along an SVG path."""
        points, half = _points(text), wide / 2

        def draw(fine: _Fine) -> None:
            placed, reach = [fine.at(point) for point in points], half * fine.unit
            fine.draw.line(placed, fill=255, width=max(1, round(2 * reach)), joint="curve")
            for x, y in (placed[0], placed[-1]):
                fine.draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)

        horizontal, vertical = [x for x, _ in points], [y for _, y in points]
        return self._shape(
            min(horizontal) - half, min(vertical) - half, max(horizontal) + half, max(vertical) + half, draw
        )

    def _shape(self, left: float, top: float, right: float, bottom: float, draw: Callable[[_Fine], None]) -> Shape:
        """Return what `draw` draws inside the given units, its edge smooth because it was drawn larger."""
        x, y = floor(left * self.unit) - 1, floor(top * self.unit) - 1
        wide, tall = ceil(right * self.unit) + 1 - x, ceil(bottom * self.unit) + 1 - y
        large = Image.new("L", (wide * _LARGER, tall * _LARGER), 0)
        draw(_Fine(ImageDraw.Draw(large), self.unit * _LARGER, x * _LARGER, y * _LARGER))
        return Shape(large.reduce(_LARGER), x, y)

    # filling

    def fill(self, shape: Shape, colour: Colour, *, alpha: float = 1.0, within: Shape | None = None) -> None:
        mask = self._within(shape, within)
        if alpha < 1.0:
            mask = mask.point(lambda value: round(value * alpha))
        self.image.paste(colour, (shape.left, shape.top), mask)

    def blend(self, shape: Shape, stops: ColourStops, *, across: bool = True, within: Shape | None = None) -> None:
        """Fill with colours that change from left to right, or from top to bottom."""
        strip = Image.new("RGB", (256, 1))
        strip.putdata([_colour_at(stops, place / 255) for place in range(256)])
        if not across:
            strip = strip.transpose(Image.Transpose.ROTATE_270)
        ramp = strip.resize(shape.mask.size, Image.Resampling.BILINEAR)
        self.image.paste(ramp, (shape.left, shape.top), self._within(shape, within))

    def veil(
        self, shape: Shape, colour: Colour, stops: Stops, *, across: bool = True, within: Shape | None = None
    ) -> None:
        """Lay `colour` over the shape, as strong at each place as `stops` say."""
        strip = Image.new("L", (256, 1))
        strip.putdata([round(255 * _strength_at(stops, place / 255)) for place in range(256)])
        if not across:
            strip = strip.transpose(Image.Transpose.ROTATE_270)
        ramp = strip.resize(shape.mask.size, Image.Resampling.BILINEAR)
        self.image.paste(colour, (shape.left, shape.top), ImageChops.multiply(ramp, self._within(shape, within)))

    def round_body(self, shape: Shape, colour: Colour, *, gloss: float = 1.0, within: Shape | None = None) -> None:
        """Fill as something round that stands in light from the upper left."""
        dark, light = paint.mix(colour, BLACK, 0.30), paint.mix(colour, WHITE, 0.42 * gloss)
        stops = [
            (0.0, paint.mix(colour, BLACK, 0.20)),
            (0.10, paint.mix(colour, BLACK, 0.05)),
            (0.24, light),
            (0.34, paint.mix(colour, WHITE, 0.16 * gloss)),
            (0.52, colour),
            (0.78, paint.mix(colour, BLACK, 0.11)),
            (0.94, dark),
            (1.0, paint.mix(colour, BLACK, 0.20)),
        ]
        self.blend(shape, stops, within=within)

    def glint(
        self, left: float, top: float, right: float, bottom: float, *, alpha: float = 0.5, soft: float = 3
    ) -> None:
        """Lay a soft upright reflection."""
        self.soft(self.box(left, top, right, bottom, (right - left) / 2), WHITE, blur=soft, alpha=alpha)

    def soft(
        self, shape: Shape, colour: Colour, *, blur: float, alpha: float = 1.0, within: Shape | None = None
    ) -> None:
        """Fill with blurred edges, `blur` in units."""
        margin = round(blur * self.unit * 3) + _SOFT
        small = Image.new("L", _shrunk(shape.mask.width + 2 * margin, shape.mask.height + 2 * margin), 0)
        inner = shape.mask.resize(_shrunk(*shape.mask.size), Image.Resampling.BOX)
        small.paste(inner, (margin // _SOFT, margin // _SOFT))
        small = small.filter(ImageFilter.GaussianBlur(blur * self.unit / _SOFT))
        mask = small.resize((small.width * _SOFT, small.height * _SOFT), Image.Resampling.BICUBIC)
        mask = mask.point(lambda value: round(value * alpha))
        offset = margin // _SOFT * _SOFT
        spread = Shape(mask, shape.left - offset, shape.top - offset)
        self.image.paste(colour, (spread.left, spread.top), self._within(spread, within))

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        size: float,
        colour: Colour,
        *,
        wide: float,
        bold: bool = True,
        tracking: float = 0.0,
    ) -> None:
        """Write one centred line, made smaller until it is at most `wide` units wide, then cut."""
        pixels = max(8, round(size * self.unit))
        smallest = max(8, round(size * self.unit * 0.45))
        limit = wide * self.unit
        face = fonts.font(pixels, bold=bold)
        while pixels > smallest and paint.spaced_width(text, face, tracking * pixels) > limit:
            pixels = max(smallest, round(pixels * 0.92))
            face = fonts.font(pixels, bold=bold)
        if paint.spaced_width(text, face, tracking * pixels) > limit:
            tracking, text = 0.0, fonts.cut(text, face, int(limit))
        draw = ImageDraw.Draw(self.image)
        at = (x * self.unit, baseline * self.unit)
        paint.spaced(draw, at, text, face, colour, tracking=tracking * pixels, anchor="ms")

    def _within(self, shape: Shape, outer: Shape | None) -> Image.Image:
        """Return the shape's mask, cut to where `outer` is."""
        if outer is None:
            return shape.mask
        moved = Image.new("L", shape.mask.size, 0)
        moved.paste(outer.mask, (outer.left - shape.left, outer.top - shape.top))
        return ImageChops.multiply(shape.mask, moved)


def _shrunk(wide: int, tall: int) -> tuple[int, int]:
    return (max(1, -(-wide // _SOFT)), max(1, -(-tall // _SOFT)))


def _colour_at(stops: ColourStops, place: float) -> Colour:
    before = stops[0]
    for after in stops:
        if place <= after[0]:
            span = after[0] - before[0]
            return paint.mix(before[1], after[1], (place - before[0]) / span if span else 1.0)
        before = after
    return before[1]


def _strength_at(stops: Stops, place: float) -> float:
    before = stops[0]
    for after in stops:
        if place <= after[0]:
            span = after[0] - before[0]
            return before[1] + (after[1] - before[1]) * ((place - before[0]) / span if span else 1.0)
        before = after
    return before[1]


def _points(text: str) -> list[Point]:
    """Return the corners of an SVG path of absolute M, L, Q and C, its curves in short straight pieces."""
    words = text.split()
    points: list[Point] = []
    at = 0
    while at < len(words):
        command, at = words[at], at + 1
        count = {"M": 1, "L": 1, "Q": 2, "C": 3}[command]
        while at < len(words) and words[at] not in "MLQC":
            numbers = [float(word) for word in words[at : at + 2 * count]]
            at += 2 * count
            ends = list(zip(numbers[::2], numbers[1::2], strict=True))
            points.extend(ends if count == 1 else _bezier([points[-1], *ends]))
    return points


def _bezier(controls: list[Point], pieces: int = 28) -> list[Point]:
    curve = []
    for step in range(1, pieces + 1):
        share = step / pieces
        level = controls
        while len(level) > 1:
            level = [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairwise(level)]
        curve.append(level[0])
    return curve
