"""The few strokes that all drawn pictures share: soft gradients, smooth corners, shadows, spaced letters."""

import colorsys
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom are outside

_SMOOTH = 4  # how many times larger a shape is drawn before it is made small, so that its edge is smooth


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour that is `share` (0 to 1) of the way from `one` to `other`."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def hls(hue: float, lightness: float, saturation: float) -> Colour:
    """Return a colour by hue, lightness and saturation, each 0 to 1."""
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, lightness, saturation)
    return (round(red * 255), round(green * 255), round(blue * 255))


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """Return a picture that goes evenly from `top` to `bottom`."""
    ramp = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


@lru_cache(maxsize=32)
def rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """Return a mask of a rectangle with smooth round corners; it is shared, so never draw on it."""
    large = Image.new("L", (size[0] * _SMOOTH, size[1] * _SMOOTH), 0)
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, large.width - 1, large.height - 1), radius=radius * _SMOOTH, fill=255
    )
    return large.resize(size, Image.Resampling.BOX)


def shadow(picture: Image.Image, box: Box, *, radius: int, blur: int, colour: Colour, strength: float) -> None:
    """Darken `picture` softly around and under a rounded `box`."""
    margin = blur * 3
    wide, tall = box[2] - box[0], box[3] - box[1]
    mask = Image.new("L", (wide + 2 * margin, tall + 2 * margin), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (margin, margin, margin + wide, margin + tall), radius=radius, fill=round(255 * strength)
    )
    picture.paste(colour, (box[0] - margin, box[1] - margin), mask.filter(ImageFilter.GaussianBlur(blur)))


def spaced(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    face: ImageFont.FreeTypeFont,
    fill: Colour,
    *,
    tracking: float,
    anchor: str = "ls",
) -> None:
    """Write `text` with `tracking` extra pixels between letters; anchors `ls`, `ms` and `rs` only."""
    total = spaced_width(text, face, tracking)
    x = at[0] - {"l": 0.0, "m": total / 2, "r": total}[anchor[0]]
    for char in text:
        draw.text((x, at[1]), char, font=face, fill=fill, anchor="ls")
        x += face.getlength(char) + tracking


def spaced_width(text: str, face: ImageFont.FreeTypeFont, tracking: float) -> float:
    """Return how wide `spaced` writes `text`, in pixels."""
    return sum(face.getlength(char) for char in text) + tracking * max(0, len(text) - 1)
