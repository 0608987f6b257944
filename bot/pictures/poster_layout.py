"""Where everything stands on a poster: the picture above, the words below, the person and the QR code at the foot."""

import re
import struct
import zlib
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from bot.pictures import fonts, paint, qr
from bot.pictures.paint import Colour
from bot.pictures.poster_specs import PosterSpec
from bot.pictures.product_art import drawn

WIDE, TALL = 750, 1334
MARGIN = 42
QR_AT_LEAST = 240

INK: Colour = (33, 37, 41)
GREY: Colour = (122, 128, 135)
HAIRLINE: Colour = (232, 233, 235)
WHITE: Colour = (255, 255, 255)
AVATAR: Colour = (46, 92, 96)
PRICE: Colour = (196, 62, 44)
CALM_HUE = 0.47  # of a poster whose picture has no colour of its own

_SHEET_TOP = 676  # where the white sheet with the words covers the picture
_SHEET_RADIUS = 40
FOOT_TOP = 928
_CODE_BASELINE = 1298
_LEFT_WIDE = 352  # of the column beside the QR code
_LARGEST_PICTURE = 25_000_000  # pixels; larger ones are not opened

# What Pillow raises for files that are no picture, cut off, damaged or made to fill the memory.
_UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
)


def product_background(spec: PosterSpec) -> Image.Image:
    """Draw everything on a product poster that does not depend on who shares it."""
    picture = _opened(spec.picture) or drawn(
        "gift_box", spec.shop, zlib.crc32(spec.title.encode("utf-8", "replace")), WIDE
    )
    hue = _hue_of(picture)
    poster = Image.new("RGB", (WIDE, TALL), WHITE)
    poster.paste(_cover(picture, hue), (0, 0))
    sheet(poster, _SHEET_TOP)
    draw = ImageDraw.Draw(poster)
    pill(poster, fonts.clean(spec.shop), left=MARGIN, fill=WHITE, ink=INK)
    pill(poster, fonts.clean(spec.badge), right=WIDE - MARGIN, fill=PRICE, ink=WHITE)
    _title(draw, fonts.clean(spec.title), [fonts.clean(point) for point in spec.points])
    price_end = _price(draw, fonts.clean(spec.price), baseline=884)
    note = fonts.cut(fonts.clean(spec.price_note), fonts.font(22), WIDE - MARGIN - int(price_end) - 24)
    draw.text((WIDE - MARGIN, 884), note, font=fonts.font(22), fill=GREY, anchor="rs")
    draw.line((MARGIN, FOOT_TOP - 14, WIDE - MARGIN, FOOT_TOP - 14), fill=HAIRLINE, width=2)
    scan_hint(draw, fonts.clean(spec.scan_hint), paint.hls(hue, 0.93, 0.35), paint.hls(hue, 0.27, 0.4))
    return poster


def draw_person(poster: Image.Image, *, name: str, invitation: str, code: str, link: str) -> None:
    """Write on `poster` who recommends it, and the QR code with its code beneath."""
    right = WIDE - MARGIN
    bare = qr.qr_symbol(link)
    symbol = qr.enlarged(bare, QR_AT_LEAST)
    quiet = qr.QUIET * symbol.width // bare.width
    bottom = _CODE_BASELINE - 24 - quiet
    poster.paste(symbol, (right - symbol.width, bottom - symbol.width))
    _code(poster, fonts.clean(code), centre=right - symbol.width // 2, wide=symbol.width)
    name, invitation = fonts.clean(name), fonts.clean(invitation)
    if not name:
        for number, line in enumerate(fonts.lines(invitation, 32, True, _LEFT_WIDE, 3)):
            stamp(poster, MARGIN, 1012 + 48 * number, line, 32, INK, bold=True)
        return
    _avatar(poster, name[0].upper() if name.isascii() else name[-1])  # as beside the chat: 小林 is 林
    size = 34 if fonts.width(name, fonts.font(34, bold=True)) <= _LEFT_WIDE else 28
    face = fonts.font(size, bold=True)
    ImageDraw.Draw(poster).text((MARGIN, 1094), fonts.cut(name, face, _LEFT_WIDE), font=face, fill=INK, anchor="ls")
    for number, line in enumerate(fonts.lines(invitation, 25, False, _LEFT_WIDE, 2)):
        stamp(poster, MARGIN, 1136 + 36 * number, line, 25, GREY)


def stamp(poster: Image.Image, x: int, baseline: int, text: str, size: int, ink: Colour, *, bold: bool = False) -> None:
    poster.paste(ink, (x, baseline - size), fonts.stencil(text, size, bold))


def _opened(raw: bytes | None) -> Image.Image | None:
    """Return the picture in `raw` as RGB on white, or None when it is none, broken, far too large or a mere strip."""
    if not raw:
        return None
    try:
        stored = Image.open(BytesIO(raw), formats=("JPEG", "PNG", "WEBP"))
        long, short = max(stored.size), min(stored.size)
        if long * short > _LARGEST_PICTURE or long > 20 * short:
            return None
        stored.draft("RGB", (WIDE, WIDE))
        picture = ImageOps.exif_transpose(stored)
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", picture.size, WHITE), picture).convert("RGB")
        return picture.convert("RGB")
    except _UNREADABLE:
        return None


def _hue_of(picture: Image.Image) -> float:
    """Return the hue along the picture's upper edge, so that the words go with it."""
    hue, saturation, _ = _mean_of_edge(picture).convert("HSV").getpixel((0, 0))  # type: ignore[misc]
    return hue / 255 if saturation > 10 else CALM_HUE


def _mean_of_edge(picture: Image.Image) -> Image.Image:
    small = picture.resize((16, 16), Image.Resampling.BOX)
    return small.crop((0, 0, 16, 2)).resize((1, 1), Image.Resampling.BOX)


def _cover(picture: Image.Image, hue: float) -> Image.Image:
    """Return the upper part of the poster: the picture, filling it if nearly square, else whole on a calm ground."""
    size = (WIDE, _SHEET_TOP + _SHEET_RADIUS)
    if 0.8 <= picture.width / picture.height <= 1.25:
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS, centering=(0.5, 0.4))
    ground = paint.gradient(size, paint.hls(hue, 0.93, 0.3), paint.hls(hue, 0.84, 0.28))
    whole = ImageOps.contain(picture, (WIDE, _SHEET_TOP), Image.Resampling.LANCZOS)
    ground.paste(whole, ((WIDE - whole.width) // 2, (_SHEET_TOP - whole.height) // 2))
    return ground


def sheet(poster: Image.Image, top: int) -> None:
    """Lay the white sheet with round upper corners over everything below `top`."""
    box = (0, top, WIDE, TALL + _SHEET_RADIUS)
    paint.shadow(poster, box, radius=_SHEET_RADIUS, blur=14, colour=(60, 60, 60), strength=0.16)
    mask = paint.rounded((WIDE, TALL + _SHEET_RADIUS - top), _SHEET_RADIUS)
    poster.paste(WHITE, (0, top), mask)


def pill(
    poster: Image.Image, text: str, *, fill: Colour, ink: Colour, left: int | None = None, right: int | None = None
) -> None:
    if not text:
        return
    face = fonts.font(24, bold=True)
    text = fonts.cut(text, face, 300)
    wide, tall = fonts.width(text, face) + 44, 50
    x = left if left is not None else (right or WIDE) - wide
    paint.shadow(poster, (x, 40, x + wide, 40 + tall), radius=25, blur=8, colour=(60, 60, 60), strength=0.14)
    poster.paste(fill, (x, 40), paint.rounded((wide, tall), tall // 2))
    ImageDraw.Draw(poster).text((x + wide / 2, 40 + 34), text, font=face, fill=ink, anchor="ms")


def _title(draw: ImageDraw.ImageDraw, title: str, points: list[str]) -> None:
    """Write the title on one or two lines; a short one leaves a line for the selling points."""
    face = fonts.font(42, bold=True)
    lines = fonts.wrap(title, face, WIDE - 2 * MARGIN, lines=2)
    extra = fonts.cut("  ·  ".join(point for point in points if point), fonts.font(26), WIDE - 2 * MARGIN)
    lone = len(lines) == 1 and not extra
    for number, line in enumerate(lines):
        draw.text((MARGIN, (774 if lone else 746) + 56 * number), line, font=face, fill=INK, anchor="ls")
    if len(lines) < 2:
        draw.text((MARGIN, 798), extra, font=fonts.font(26), fill=GREY, anchor="ls")


def _price(draw: ImageDraw.ImageDraw, price: str, *, baseline: int) -> float:
    """Write the price with large figures and small currency; return where it ends."""
    found = re.fullmatch(r"(\D*)(\d[\d.,  ]*\d|\d)(.*)", price)
    parts = [(part, index == 1) for index, part in enumerate(found.groups())] if found else [(price, False)]
    faces = _largest_faces(parts, 470)
    x = float(MARGIN)
    for (part, _), face in zip(parts, faces, strict=True):
        shown = fonts.cut(part.strip(), face, 470)
        if shown:
            draw.text((x, baseline), shown, font=face, fill=PRICE, anchor="ls")
            x += fonts.width(shown, face) + 6
    return x


def _largest_faces(parts: list[tuple[str, bool]], limit: int) -> list[ImageFont.FreeTypeFont]:
    """Return the largest fonts, one per part, in which the parts are `limit` pixels wide together."""
    faces: list[ImageFont.FreeTypeFont] = []
    for large, small in ((68, 36), (52, 30), (40, 26), (28, 22)):
        faces = [fonts.font(large if figures else small, bold=True) for _, figures in parts]
        if sum(fonts.width(part, face) for (part, _), face in zip(parts, faces, strict=True)) <= limit:
            break
    return faces


def scan_hint(draw: ImageDraw.ImageDraw, text: str, fill: Colour, ink: Colour) -> None:
    if not text:
        return
    face = fonts.font(24, bold=True)
    text = fonts.cut(text, face, _LEFT_WIDE - 48)
    wide = fonts.width(text, face) + 48
    draw.rounded_rectangle((MARGIN, 1222, MARGIN + wide, 1276), radius=27, fill=fill)
    draw.text((MARGIN + wide / 2, 1258), text, font=face, fill=ink, anchor="ms")


def _avatar(poster: Image.Image, letter: str) -> None:
    poster.paste(AVATAR, (MARGIN, 968), paint.rounded((76, 76), 38))
    mask = fonts.stencil(letter, 36, True)
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    poster.paste(WHITE, (MARGIN + 38 - (left + right) // 2, 1006 - (top + bottom) // 2), mask)


def _code(poster: Image.Image, code: str, *, centre: int, wide: int) -> None:
    """Print the code beneath the QR code, smaller when it is long."""
    size, tracking = (26, 4) if len(code) <= 10 else (20, 1)
    face = fonts.font(size)
    letters = [(letter, fonts.width(letter, face) + tracking) for letter in fonts.cut(code, face, wide - 20)]
    x = centre - (sum(step for _, step in letters) - tracking) // 2
    for letter, step in letters:
        stamp(poster, x, _CODE_BASELINE, letter, size, INK)
        x += step
