"""The colours of the demo shop's pictures, chosen to look well together, and the calm ground that products stand on."""

from dataclasses import dataclass

from bot.pictures import paint
from bot.pictures.art.canvas import BLACK, WHITE, Canvas
from bot.pictures.paint import Colour


@dataclass(frozen=True, slots=True)
class Palette:
    """`back` to `floor` is the ground; `main` and `accent` dress the product; `ink` letters on `label`."""

    back: Colour
    floor: Colour
    main: Colour
    accent: Colour
    label: Colour
    ink: Colour


def _hex(text: str) -> Colour:
    return (int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16))


_PALETTES = tuple(
    Palette(*(_hex(colour) for colour in row.split()))
    for row in (
        "F1F5EE D5E2D3 7F9F86 DFA98A FDFBF6 34463B",  # sage
        "FCF1EE F1D3CC DE978D A9574F FFFBF9 6B3B36",  # blush
        "EDF4F9 C9DDEB 6F9DC2 EFC27C FBFDFF 2B475F",  # sky
        "F9F4EA E9D9BF C9A374 7B8E67 FFFCF5 5A4630",  # sand
        "F4F1FA DAD1EB 9C89C6 EFB7C3 FEFCFF 43395F",  # lilac
        "EBF7F3 C4E4DA 5FB09B F3CF7E FBFFFD 1F5146",  # mint
        "FEF4E9 F7D6B6 E99B5C 648785 FFFCF7 6B3F1D",  # apricot
        "F0F3F5 CDD6DE 58708A E0896A FCFDFE 28353F",  # slate
        "F9EFF1 E7C9D1 9A4660 D8B16A FFFBFA 55202F",  # wine
        "FDF9E8 F3E4A8 DDB543 568672 FFFEF7 574711",  # lemon
        "E9F3F4 BEDADD 2E7D86 EFB183 FAFEFE 17474D",  # lagoon
        "F6F4F0 DFD9CE 44484F C7A063 FDFCF9 2A2C31",  # graphite
    )
)

GOLD: Colour = (206, 170, 104)
SILVER: Colour = (196, 200, 206)


def palette(seed: int) -> Palette:
    """Return one of the palettes, the same for the same `seed`."""
    return _PALETTES[seed % len(_PALETTES)]


def ground(canvas: Canvas, colours: Palette, seed: int) -> None:
    """Paint what is behind every product: light from above, a floor, and a disc, an arch or a window's light."""
    everything = canvas.box(0, 0, 1000, 1000)
    canvas.blend(
        everything,
        [(0, colours.back), (0.7, paint.mix(colours.back, colours.floor, 0.6)), (1, colours.floor)],
        across=False,
    )
    light, deep = paint.mix(colours.back, WHITE, 0.75), paint.mix(colours.floor, colours.main, 0.12)
    kind = (seed + seed // len(_PALETTES)) % 3
    if kind == 0:
        canvas.blend(canvas.oval(500, 470, 372), [(0, light), (1, paint.mix(light, deep, 0.55))], across=False)
    elif kind == 1:
        arch = canvas.path("M 170 880 L 170 450 C 170 20 830 20 830 450 L 830 880")
        canvas.blend(arch, [(0, light), (1, paint.mix(light, deep, 0.5))], across=False)
    else:
        for left in (90, 380, 670):
            beam = canvas.path(f"M {left + 150} 0 L {left + 360} 0 L {left + 60} 1000 L {left - 150} 1000")
            canvas.veil(beam, WHITE, [(0, 0.5), (0.85, 0.05), (1, 0)], across=False)
    floor = canvas.box(0, 846, 1000, 1000)
    canvas.blend(
        floor, [(0, paint.mix(deep, colours.back, 0.25)), (1, paint.mix(deep, colours.back, 0.6))], across=False
    )


def stand(canvas: Canvas, x: float, y: float, half: float, *, strength: float = 0.34) -> None:
    """Paint the soft shadow of something `half` units to either side that touches the floor at `y`."""
    canvas.soft(canvas.oval(x + 26, y, half * 1.16, 22), BLACK, blur=17, alpha=strength * 0.6)
    canvas.soft(canvas.oval(x + 4, y, half * 0.98, 9), BLACK, blur=6, alpha=strength)
