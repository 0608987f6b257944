"""Pictures of the demo shop's products, drawn rather than photographed, the same every time."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image

from bot.pictures import fonts
from bot.pictures.art import beauty, pantry, things
from bot.pictures.art.canvas import Canvas
from bot.pictures.art.palettes import Palette, ground, palette

_DRAWN: dict[str, Callable[[Canvas, Palette, str], None]] = {**beauty.DRAWN, **pantry.DRAWN, **things.DRAWN}
KINDS: tuple[str, ...] = tuple(_DRAWN)


def draw_product(kind: str, brand: str, palette_seed: int, size: int = 800) -> bytes:
    """Return a square JPEG of `size` pixels with `brand` on the label; equal arguments give equal bytes.

    An unknown `kind` is drawn as a gift box. Raises ValueError for a size outside 64–1600.
    """
    if not 64 <= size <= 1600:
        raise ValueError(f"size is {size}, must be 64 to 1600 pixels")
    out = BytesIO()
    drawn(kind, brand, palette_seed, size).save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue()


def drawn(kind: str, brand: str, palette_seed: int, size: int) -> Image.Image:
    """Return the picture of `draw_product` before it is packed."""
    colours = palette(palette_seed)
    canvas = Canvas(size)
    ground(canvas, colours, palette_seed)
    _DRAWN.get(kind, things.gift_box)(canvas, colours, fonts.clean(brand))
    return canvas.image
