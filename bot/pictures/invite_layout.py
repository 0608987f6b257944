"""Where everything stands on an invitation: a globe above, the person and the QR code at the foot."""

from PIL import Image, ImageDraw

from bot.pictures import fonts, paint
from bot.pictures.paint import Colour
from bot.pictures.poster_layout import FOOT_TOP, INK, MARGIN, TALL, WHITE, WIDE, pill, scan_hint, sheet
from bot.pictures.poster_specs import InvitePosterSpec

_SHEET_TOP = FOOT_TOP - 42
_DEEP: Colour = (17, 62, 72)
_LIGHT: Colour = (56, 128, 124)
_GOLD: Colour = (236, 196, 128)
_CORAL: Colour = (236, 142, 112)
_GLOBE = (550, 810, 300)  # centre and radius
_WAYS = (((352, 812), (560, 668)), ((440, 862), (664, 760)), ((470, 742), (694, 664)))
_MOST_LINES = 4


def invite_background(spec: InvitePosterSpec) -> Image.Image:
    """Draw everything on an invitation that does not depend on who invites."""
    poster = paint.gradient((WIDE, TALL), _DEEP, _LIGHT)
    _globe(poster)
    sheet(poster, _SHEET_TOP)
    draw = ImageDraw.Draw(poster)
    pill(poster, fonts.clean(spec.shop), left=MARGIN, fill=WHITE, ink=INK)
    title = fonts.clean(spec.title)
    face = fonts.font(64, bold=True)
    if fonts.width(title, face) > 1.85 * (WIDE - 2 * MARGIN):
        face = fonts.font(52, bold=True)
    y = 200
    for line in fonts.wrap(title, face, WIDE - 2 * MARGIN, lines=3):
        draw.text((MARGIN, y), line, font=face, fill=WHITE, anchor="ls")
        y += round(face.size * 1.32)
    draw.rounded_rectangle((MARGIN, y - 46, MARGIN + 84, y - 38), radius=4, fill=_GOLD)
    y += 34
    for text in [line for line in map(fonts.clean, spec.lines) if line][:_MOST_LINES]:
        _tick(poster, MARGIN, y - 27)
        shown = fonts.cut(text, fonts.font(30), WIDE - 2 * MARGIN - 54)
        draw.text((MARGIN + 54, y), shown, font=fonts.font(30), fill=WHITE, anchor="ls")
        y += 58
    scan_hint(draw, fonts.clean(spec.scan_hint), (226, 240, 238), (22, 84, 84))
    return poster


def _globe(poster: Image.Image) -> None:
    """Draw the globe twice as large and lay it on softly, so that its lines are fine and smooth."""
    large = Image.new("L", (WIDE * 2, _SHEET_TOP * 2 + 120), 0)
    draw = ImageDraw.Draw(large)
    x, y, radius = (2 * value for value in _GLOBE)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=26)
    for share in (0.28, 0.62, 1.0):
        draw.ellipse((x - radius * share, y - radius, x + radius * share, y + radius), outline=58, width=3)
    for step in (-2, -1, 0, 1, 2):
        height = y + step * radius * 0.32
        half = (radius**2 - (step * radius * 0.32) ** 2) ** 0.5
        draw.arc((x - half, height - half * 0.22, x + half, height + half * 0.22), 0, 180, fill=58, width=3)
    mask = large.resize((large.width // 2, large.height // 2), Image.Resampling.BOX)
    poster.paste(WHITE, (0, 0), mask)
    for (start, end), colour in zip(_WAYS, (_GOLD, _CORAL, WHITE), strict=True):
        _way(poster, start, end, colour)


def _way(poster: Image.Image, start: tuple[int, int], end: tuple[int, int], colour: Colour) -> None:
    """Draw a dotted arc from one place to another."""
    top = (start[0] * 0.4 + end[0] * 0.6, min(start[1], end[1]) - 60)
    for step in range(1, 22):
        share = step / 22
        x = start[0] * (1 - share) ** 2 + 2 * top[0] * share * (1 - share) + end[0] * share**2
        y = start[1] * (1 - share) ** 2 + 2 * top[1] * share * (1 - share) + end[1] * share**2
        _dot(poster, x, y, 3, colour)
    for (x, y), half in ((start, 8), (end, 13)):
        _dot(poster, x, y, half, colour)
    _dot(poster, end[0], end[1], 5, _DEEP)


def _dot(poster: Image.Image, x: float, y: float, half: int, colour: Colour) -> None:
    poster.paste(colour, (round(x) - half, round(y) - half), paint.rounded((2 * half, 2 * half), half))


def _tick(poster: Image.Image, left: int, top: int) -> None:
    """Draw a tick in a gold disc, 34 pixels wide."""
    poster.paste(_GOLD, (left, top), paint.rounded((34, 34), 17))
    large = Image.new("L", (136, 136), 0)
    ImageDraw.Draw(large).line((38, 70, 60, 92, 100, 46), fill=255, width=14, joint="curve")
    poster.paste(_DEEP, (left, top), large.resize((34, 34), Image.Resampling.BOX))
