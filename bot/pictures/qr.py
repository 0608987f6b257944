"""QR codes: a link as a square that a phone's camera follows."""

from io import BytesIO

import segno
from PIL import Image

QUIET = 4  # modules of white that the standard asks for on every side
LONGEST = 1000  # bytes of text; more would be too fine for a phone to read from a screen
_MASK = 4  # fixed, which saves trying all eight; of them, readers did best with this one on our posters


def qr_png(text: str, *, scale: int = 8) -> bytes:
    """Return `text` as a QR code in PNG, `scale` pixels per module, quiet zone included.

    Raises ValueError for an empty text, one above 1,000 bytes of UTF-8, or a scale outside 1–40.
    """
    if not 1 <= scale <= 40:
        raise ValueError(f"scale is {scale}, must be 1 to 40 pixels per module")
    symbol = qr_symbol(text)
    modules = symbol.width + 2 * QUIET
    picture = Image.new("1", (modules, modules), 1)
    picture.paste(symbol, (QUIET, QUIET))
    out = BytesIO()
    picture.resize((modules * scale, modules * scale), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def qr_symbol(text: str) -> Image.Image:
    """Return the bare symbol, one black or white pixel per module, without quiet zone.

    Raises ValueError for an empty text or one above 1,000 bytes of UTF-8.
    """
    if not text:
        raise ValueError("a QR code needs a text")
    if len(text.encode("utf-8", "replace")) > LONGEST:
        raise ValueError(f"a QR code holds at most {LONGEST} bytes here")
    code = segno.make(text, error="m", boost_error=False, micro=False, mask=_MASK)
    side = len(code.matrix)
    dots = b"".join(bytes(0 if module else 255 for module in row) for row in code.matrix)
    return Image.frombytes("L", (side, side), dots)


def enlarged(symbol: Image.Image, at_least: int) -> Image.Image:
    """Return `symbol` at the smallest whole number of pixels per module that makes it `at_least` pixels wide."""
    side = symbol.width
    scale = -(-at_least // side)
    return symbol.resize((side * scale, side * scale), Image.Resampling.NEAREST)
