"""How food, drink and what stands beside them in the pantry are drawn."""

from bot.pictures import paint
from bot.pictures.art.canvas import BLACK, WHITE, Canvas
from bot.pictures.art.palettes import GOLD, SILVER, Palette, stand
from bot.pictures.art.parts import band, edge_light, metal, print_on, ribs
from bot.pictures.paint import Colour

_COCOA: Colour = (84, 52, 38)
_BEAN: Colour = (94, 60, 42)


def milk_powder(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A large can with a plastic lid and a cow's spots."""
    stand(canvas, 500, 862, 216)
    body = canvas.path("M 286 270 L 714 270 L 714 836 Q 714 862 500 868 Q 286 862 286 836")
    canvas.round_body(body, colours.label, gloss=0.5)
    wave = canvas.path("M 286 620 C 380 560 470 690 560 632 C 620 596 670 596 714 622 L 714 868 L 286 868")
    canvas.round_body(wave, colours.main, within=body)
    for x, y, half in ((330, 350, 36), (660, 330, 46), (686, 500, 34), (322, 520, 30)):
        canvas.fill(canvas.oval(x, y, half, half * 0.78), paint.mix(colours.main, WHITE, 0.62), within=body)
    canvas.text(500, 424, brand, 62, colours.ink, wide=330, tracking=0.04)
    drop = canvas.path(
        "M 500 470 C 540 526 562 556 562 588 C 562 626 534 648 500 648 C 466 648 438 626 438 588 "
        "C 438 556 460 526 500 470"
    )
    canvas.soft(drop, BLACK, blur=6, alpha=0.16)
    canvas.blend(drop, [(0, WHITE), (1, paint.mix(colours.main, WHITE, 0.72))])
    canvas.text(500, 612, "3", 66, colours.ink, wide=80)
    canvas.fill(canvas.box(420, 724, 580, 734, 5), WHITE, alpha=0.85)
    canvas.fill(canvas.box(444, 750, 556, 758, 4), WHITE, alpha=0.6)
    metal(
        canvas, canvas.path("M 280 838 Q 280 866 500 874 Q 720 866 720 838 Q 720 856 500 862 Q 280 856 280 838"), SILVER
    )
    metal(canvas, canvas.box(280, 250, 720, 276, 8), SILVER)
    lid = canvas.path("M 276 178 C 276 160 292 152 316 152 L 684 152 C 708 152 724 160 724 178 L 724 252 L 276 252")
    canvas.round_body(lid, paint.mix(colours.accent, WHITE, 0.15))
    canvas.blend(
        canvas.oval(500, 160, 214, 18),
        [(0, paint.mix(colours.accent, WHITE, 0.6)), (1, paint.mix(colours.accent, WHITE, 0.35))],
    )
    ribs(canvas, lid, 276, 724, 196, 250, count=44)


def vitamins(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A brown jar of capsules with a few lying before it."""
    stand(canvas, 470, 862, 188)
    amber = (150, 84, 36)
    cap = canvas.box(318, 180, 622, 318, 18)
    canvas.round_body(cap, colours.label, gloss=0.5)
    ribs(canvas, cap, 318, 622, 206, 314, count=34)
    canvas.round_body(canvas.box(338, 314, 602, 352), amber)
    body = canvas.path(
        "M 338 346 L 602 346 C 640 360 660 384 660 430 L 660 812 C 660 848 642 862 606 862 "
        "L 334 862 C 298 862 280 848 280 812 L 280 430 C 280 384 300 360 338 346"
    )
    canvas.round_body(body, amber, gloss=0.8)
    band(canvas, body, 456, 782, colours.label)
    canvas.round_body(canvas.box(280, 456, 660, 540), colours.main, within=body, gloss=0.6)
    canvas.text(470, 516, brand, 48, WHITE, wide=320, tracking=0.05)
    leaf = canvas.path("M 470 580 C 540 590 560 650 520 706 C 446 706 420 640 470 580")
    canvas.fill(leaf, paint.mix(colours.main, WHITE, 0.25))
    canvas.fill(canvas.stroke("M 476 596 Q 488 650 520 704", 5), WHITE, alpha=0.8)
    canvas.fill(canvas.box(400, 736, 540, 744, 4), colours.ink, alpha=0.35)
    canvas.glint(298, 400, 314, 450, alpha=0.5)
    for x, y, tilt in ((716, 850, 10), (794, 862, -16), (744, 806, 34)):
        _capsule(canvas, colours, x, y, tilt)


def _capsule(canvas: Canvas, colours: Palette, x: float, y: float, rise: float) -> None:
    canvas.soft(canvas.oval(x + 6, y + 22, 46, 9), BLACK, blur=8, alpha=0.3)
    canvas.fill(canvas.stroke(f"M {x - 32} {y + rise / 2} L {x + 32} {y - rise / 2}", 40), colours.accent)
    canvas.fill(canvas.stroke(f"M {x} {y} L {x + 32} {y - rise / 2}", 40), paint.mix(colours.accent, WHITE, 0.75))
    canvas.soft(
        canvas.stroke(f"M {x - 28} {y - 9 + rise / 2} L {x + 30} {y - 9 - rise / 2}", 6), WHITE, blur=3, alpha=0.7
    )


def coffee(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A folded bag of coffee with a valve, beans at its foot."""
    stand(canvas, 500, 862, 218)
    bag = canvas.path(
        "M 310 196 L 690 196 L 704 330 C 716 470 716 700 708 846 C 706 858 698 862 684 862 "
        "L 316 862 C 302 862 294 858 292 846 C 284 700 284 470 296 330 L 310 196"
    )
    dark = paint.mix(colours.ink, BLACK, 0.2)
    canvas.blend(
        bag,
        [
            (0, paint.mix(dark, WHITE, 0.06)),
            (0.16, paint.mix(dark, WHITE, 0.2)),
            (0.3, dark),
            (0.75, dark),
            (0.9, paint.mix(dark, WHITE, 0.12)),
            (1, paint.mix(dark, BLACK, 0.3)),
        ],
    )
    fold = canvas.box(304, 148, 696, 218, 8)
    canvas.blend(fold, [(0, paint.mix(dark, WHITE, 0.28)), (1, paint.mix(dark, WHITE, 0.1))], across=False)
    metal(canvas, canvas.box(286, 176, 714, 194, 9), GOLD)
    canvas.veil(canvas.box(290, 218, 710, 270), BLACK, [(0, 0.35), (1, 0)], across=False, within=bag)
    canvas.fill(canvas.oval(500, 286, 22), paint.mix(dark, WHITE, 0.22))
    for x in (490, 500, 510):
        canvas.fill(canvas.oval(x, 286, 3), dark)
    label = canvas.box(352, 360, 648, 740, 14)
    canvas.soft(label, BLACK, blur=6, alpha=0.3)
    canvas.blend(
        label,
        [(0, paint.mix(colours.label, BLACK, 0.03)), (0.25, colours.label), (1, paint.mix(colours.label, BLACK, 0.08))],
    )
    canvas.fill(canvas.box(352, 360, 648, 470, 14), colours.main)
    canvas.fill(canvas.box(352, 450, 648, 474), colours.main)
    canvas.text(500, 432, "COFFEE", 44, colours.label, wide=240, tracking=0.16)
    print_on(canvas, 500, 546, brand, colours.ink, wide=256, size=48)
    _bean(canvas, 500, 690, 0.9)
    for x, y, scale in ((258, 850, 1.1), (196, 872, 0.9), (760, 862, 1.15), (822, 842, 0.85)):
        canvas.soft(canvas.oval(x + 4, y + 20 * scale, 32 * scale, 7), BLACK, blur=6, alpha=0.35)
        _bean(canvas, x, y, scale)


def _bean(canvas: Canvas, x: float, y: float, scale: float) -> None:
    bean = canvas.oval(x, y, 34 * scale, 24 * scale)
    canvas.blend(bean, [(0, paint.mix(_BEAN, WHITE, 0.24)), (1, paint.mix(_BEAN, BLACK, 0.25))], across=False)
    line = (
        f"M {x - 30 * scale} {y + 3 * scale} Q {x - 8 * scale} {y - 9 * scale} {x} {y} "
        f"Q {x + 10 * scale} {y + 9 * scale} {x + 30 * scale} {y - 3 * scale}"
    )
    canvas.fill(canvas.stroke(line, 5 * scale), paint.mix(_BEAN, BLACK, 0.55))


def chocolate(canvas: Canvas, colours: Palette, brand: str) -> None:
    """An open box of pralines, its lid behind it."""
    stand(canvas, 500, 866, 322)
    lid = canvas.path("M 262 180 L 738 180 L 762 560 L 238 560")
    canvas.blend(
        lid, [(0, paint.mix(colours.main, WHITE, 0.22)), (1, paint.mix(colours.main, BLACK, 0.12))], across=False
    )
    canvas.fill(canvas.stroke("M 288 206 L 712 206 L 732 534 L 268 534 L 288 206", 4), GOLD)
    dark_lid = sum(colours.main) < 380
    canvas.text(500, 372, brand, 68, paint.mix(GOLD, WHITE, 0.45) if dark_lid else colours.ink, wide=400, tracking=0.06)
    canvas.text(
        500, 436, "CHOCOLAT", 30, paint.mix(GOLD, WHITE, 0.3) if dark_lid else colours.ink, wide=300, tracking=0.3
    )
    tray = canvas.path("M 236 556 L 764 556 L 838 780 L 162 780")
    canvas.blend(tray, [(0, paint.mix(_COCOA, BLACK, 0.35)), (1, paint.mix(_COCOA, BLACK, 0.1))], across=False)
    for row, (y, left, step, size) in enumerate(((602, 300, 100, 0.86), (664, 274, 113, 0.97), (732, 246, 127, 1.1))):
        for column in range(5):
            _praline(canvas, colours, left + column * step, y, size, (row * 2 + column) % 4)
    front = canvas.path("M 162 780 L 838 780 L 826 862 C 825 868 820 870 812 870 L 188 870 C 180 870 175 868 174 862")
    canvas.blend(
        front, [(0, paint.mix(colours.main, WHITE, 0.1)), (1, paint.mix(colours.main, BLACK, 0.2))], across=False
    )
    canvas.fill(canvas.box(166, 796, 834, 801), GOLD, within=front)
    edge_light(canvas, 164, 836, 778, alpha=0.55)


def _praline(canvas: Canvas, colours: Palette, x: float, y: float, size: float, sort: int) -> None:
    paper = canvas.oval(x, y + 8 * size, 48 * size, 25 * size)
    canvas.fill(paper, paint.mix(GOLD, WHITE, 0.25))
    canvas.fill(canvas.oval(x, y + 5 * size, 42 * size, 21 * size), paint.mix(GOLD, BLACK, 0.4))
    colour = (_COCOA, (122, 76, 48), (236, 220, 194), _COCOA)[sort]
    dome = canvas.path(
        f"M {x - 38 * size} {y + 8 * size} C {x - 38 * size} {y - 46 * size} {x + 38 * size} {y - 46 * size} "
        f"{x + 38 * size} {y + 8 * size} "
        f"C {x + 30 * size} {y + 24 * size} {x - 30 * size} {y + 24 * size} {x - 38 * size} {y + 8 * size}"
    )
    canvas.round_body(dome, colour, gloss=0.8)
    if sort in (1, 2):
        canvas.fill(
            canvas.stroke(
                f"M {x - 24 * size} {y - 6 * size} Q {x} {y - 26 * size} {x + 24 * size} {y - 4 * size}", 5 * size
            ),
            WHITE if sort == 1 else _COCOA,
            alpha=0.8,
        )
    else:
        nut = colours.accent if sort == 3 else GOLD
        canvas.fill(canvas.oval(x, y - 26 * size, 11 * size, 8 * size), nut)


def wine(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A bottle of red wine and a filled glass."""
    stand(canvas, 420, 862, 108)
    stand(canvas, 672, 862, 84)
    green = (34, 48, 40)
    body = canvas.path(
        "M 382 150 L 458 150 L 460 330 C 462 392 524 400 524 476 L 524 834 C 524 854 514 862 494 862 "
        "L 346 862 C 326 862 316 854 316 834 L 316 476 C 316 400 378 392 380 330"
    )
    canvas.round_body(body, green, gloss=0.7)
    foil = canvas.path("M 378 140 C 378 130 384 126 394 126 L 446 126 C 456 126 462 130 462 140 L 463 296 L 377 296")
    canvas.round_body(foil, colours.main if colours.main[0] > 120 else (150, 50, 66))
    metal(canvas, canvas.box(377, 276, 463, 288), GOLD)
    metal(canvas, canvas.box(374, 152, 466, 166, 4), GOLD)
    band(canvas, body, 528, 786, colours.label)
    canvas.fill(canvas.box(316, 540, 524, 544), GOLD, within=body)
    canvas.fill(canvas.box(316, 770, 524, 774), GOLD, within=body)
    hill = canvas.path("M 316 640 Q 370 584 424 622 Q 476 588 524 630 L 524 660 L 316 660")
    canvas.fill(hill, paint.mix(colours.main, WHITE, 0.4), within=body)
    print_on(canvas, 420, 706, brand, colours.ink, wide=178, size=36, lines=1)
    canvas.glint(334, 480, 344, 520, alpha=0.4)
    canvas.glint(392, 310, 400, 380, alpha=0.3)
    _glass(canvas)


def _glass(canvas: Canvas) -> None:
    bowl = canvas.path("M 592 430 L 752 430 C 764 520 764 640 672 656 C 580 640 580 520 592 430")
    canvas.fill(bowl, WHITE, alpha=0.42)
    red = canvas.path("M 586 520 L 758 520 C 756 590 734 636 672 648 C 610 636 588 590 586 520")
    canvas.blend(red, [(0, (150, 24, 48)), (0.35, (172, 36, 60)), (1, (96, 12, 32))])
    canvas.fill(canvas.oval(672, 520, 86, 13), (186, 58, 80))
    canvas.fill(canvas.box(667, 652, 677, 842), WHITE, alpha=0.75)
    canvas.veil(canvas.box(667, 652, 677, 842), BLACK, [(0, 0.05), (1, 0.3)])
    foot = canvas.oval(672, 850, 82, 14)
    canvas.blend(foot, [(0, WHITE), (0.5, (226, 230, 233)), (1, (196, 202, 208))])
    canvas.glint(606, 456, 616, 600, alpha=0.65)
    canvas.fill(canvas.stroke("M 592 430 L 752 430", 4), WHITE, alpha=0.8)


def tea(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A round tin of tea with a leaf."""
    stand(canvas, 500, 862, 192)
    body = canvas.path("M 314 380 L 686 380 L 686 838 Q 686 862 500 866 Q 314 862 314 838")
    canvas.round_body(body, colours.main)
    for x in range(336, 690, 44):
        canvas.fill(canvas.stroke(f"M {x} 760 Q {x + 22} 738 {x + 44} 760", 4), WHITE, alpha=0.22, within=body)
        canvas.fill(canvas.stroke(f"M {x - 22} 800 Q {x} 778 {x + 22} 800", 4), WHITE, alpha=0.22, within=body)
        canvas.fill(canvas.stroke(f"M {x} 840 Q {x + 22} 818 {x + 44} 840", 4), WHITE, alpha=0.22, within=body)
    label = canvas.oval(500, 580, 142, 160)
    canvas.soft(label, BLACK, blur=7, alpha=0.2)
    canvas.blend(label, [(0, colours.label), (1, paint.mix(colours.label, BLACK, 0.07))])
    canvas.fill(canvas.stroke("M 500 440 C 676 440 676 720 500 720 C 324 720 324 440 500 440", 4), GOLD)
    leaf = canvas.path("M 470 536 C 452 488 488 462 540 462 C 546 508 524 548 470 536")
    canvas.fill(leaf, paint.mix((92, 138, 84), colours.main, 0.25))
    canvas.fill(canvas.stroke("M 456 556 Q 486 514 528 474", 5), paint.mix((60, 96, 56), colours.main, 0.2))
    print_on(canvas, 500, 622, brand, colours.ink, wide=226, size=48, lines=1)
    collar = canvas.box(326, 356, 674, 384)
    metal(canvas, collar, SILVER)
    lid = canvas.path("M 310 226 C 310 206 322 198 344 198 L 656 198 C 678 198 690 206 690 226 L 690 362 L 310 362")
    canvas.round_body(lid, paint.mix(colours.main, colours.ink, 0.55))
    canvas.blend(
        canvas.oval(500, 206, 182, 18),
        [(0, paint.mix(colours.main, WHITE, 0.35)), (1, paint.mix(colours.main, colours.ink, 0.3))],
    )
    metal(canvas, canvas.box(310, 336, 690, 348), GOLD)
    metal(canvas, canvas.oval(500, 188, 26, 18), GOLD)


def honey(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A jar of honey under a cloth, with a dipper."""
    stand(canvas, 490, 862, 208)
    jar = canvas.path(
        "M 316 352 L 664 352 C 696 376 706 402 706 446 L 706 800 C 706 846 688 862 650 862 "
        "L 330 862 C 292 862 274 846 274 800 L 274 446 C 274 402 284 376 316 352"
    )
    canvas.round_body(jar, (233, 156, 36))
    canvas.veil(jar, (255, 214, 110), [(0, 0.7), (0.5, 0.2), (1, 0)], across=False)
    canvas.veil(canvas.box(274, 780, 706, 862), (132, 70, 8), [(0, 0), (1, 0.35)], across=False, within=jar)
    for x, y, half in ((640, 470, 9), (664, 520, 6), (322, 800, 8), (350, 826, 5), (650, 810, 7)):
        canvas.fill(canvas.oval(x, y, half), WHITE, alpha=0.45)
    cloth = canvas.path(
        "M 318 220 C 380 196 600 196 662 220 C 676 270 690 320 724 372 C 690 396 668 372 640 392 "
        "C 612 408 588 384 556 398 "
        "C 526 410 504 386 472 398 C 440 410 416 384 386 396 C 350 408 326 380 256 376 C 290 320 304 270 318 220"
    )
    canvas.round_body(cloth, paint.mix(colours.main, WHITE, 0.2), gloss=0.6)
    for x in range(300, 720, 52):
        canvas.fill(canvas.stroke(f"M {x} 190 L {x - 18} 410", 8), WHITE, alpha=0.4, within=cloth)
    canvas.fill(canvas.stroke("M 310 318 Q 490 346 670 318", 12), (190, 146, 92))
    canvas.fill(canvas.stroke("M 470 330 Q 430 380 416 420", 7), (190, 146, 92))
    canvas.fill(canvas.stroke("M 474 330 Q 484 384 510 414", 7), (190, 146, 92))
    label = canvas.path("M 490 478 L 620 552 L 620 702 L 490 776 L 360 702 L 360 552")
    canvas.soft(label, (96, 48, 0), blur=7, alpha=0.3)
    canvas.fill(label, colours.label)
    canvas.fill(
        canvas.stroke("M 490 496 L 604 561 L 604 693 L 490 758 L 376 693 L 376 561 L 490 496", 4), (222, 152, 40)
    )
    print_on(canvas, 490, 638, brand, (94, 58, 18), wide=206, size=46, lines=2)
    canvas.glint(294, 440, 310, 780, alpha=0.6)
    _dipper(canvas)


def _dipper(canvas: Canvas) -> None:
    canvas.soft(canvas.oval(800, 866, 70, 10), BLACK, blur=9, alpha=0.35)
    wood = (196, 142, 86)
    canvas.fill(canvas.stroke("M 878 470 L 806 770", 16), wood)
    for number in range(5):
        x, y = 808 - number * 5, 764 + number * 22
        half = (30, 40, 44, 40, 30)[number]
        canvas.fill(
            canvas.stroke(f"M {x - half} {y - 9} L {x + half} {y + 9}", 17), paint.mix(wood, BLACK, 0.05 * number)
        )


def olive_oil(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A tall square bottle of oil with a branch of olives."""
    stand(canvas, 480, 862, 120)
    glass = (96, 112, 42)
    body = canvas.path(
        "M 446 236 L 514 236 L 516 372 C 520 412 592 420 592 482 L 592 838 C 592 856 584 862 568 862 "
        "L 392 862 C 376 862 368 856 368 838 L 368 482 C 368 420 440 412 444 372"
    )
    canvas.round_body(body, glass)
    canvas.veil(body, (226, 208, 70), [(0, 0.1), (0.4, 0.42), (1, 0.1)], across=False)
    cap = canvas.box(436, 132, 524, 246, 10)
    canvas.round_body(cap, colours.ink)
    metal(canvas, canvas.box(436, 226, 524, 242), GOLD)
    band(canvas, body, 520, 788, colours.label)
    canvas.round_body(canvas.box(368, 742, 592, 788), colours.main, within=body, gloss=0.4)
    _olives(canvas, 480, 582, 0.62)
    canvas.text(480, 694, brand, 42, colours.ink, wide=196, tracking=0.05)
    canvas.fill(canvas.box(430, 714, 530, 721, 3), colours.ink, alpha=0.3)
    canvas.glint(384, 470, 394, 512, alpha=0.55)
    canvas.glint(456, 260, 463, 366, alpha=0.5)
    for x in (680, 746, 714):
        canvas.soft(canvas.oval(x + 4, 868, 40, 8), BLACK, blur=7, alpha=0.3)
    _olives(canvas, 710, 822, 1.25)


def _olives(canvas: Canvas, x: float, y: float, scale: float) -> None:
    for dx, dy, turn in ((-64, -22, -1), (62, -30, 1), (-20, -44, -1), (24, -52, 1)):
        tip = (x + dx * scale * 1.3, y + dy * scale * 1.3)
        base = (x + dx * scale * 0.2, y + dy * scale * 0.2)
        side = turn * 16 * scale
        leaf = canvas.path(
            f"M {base[0]} {base[1]} "
            f"Q {(base[0] + tip[0]) / 2 - side} {(base[1] + tip[1]) / 2 - abs(side)} {tip[0]} {tip[1]} "
            f"Q {(base[0] + tip[0]) / 2 + side} {(base[1] + tip[1]) / 2 + abs(side)} {base[0]} {base[1]}"
        )
        canvas.fill(leaf, (112, 134, 78))
    for dx, dy, colour in ((-22, 8, (98, 116, 44)), (22, 4, (118, 134, 52)), (2, 24, (70, 52, 66))):
        olive = canvas.oval(x + dx * scale, y + dy * scale, 22 * scale, 18 * scale)
        canvas.round_body(olive, colour)


DRAWN = {
    "milk_powder": milk_powder,
    "vitamins": vitamins,
    "coffee": coffee,
    "chocolate": chocolate,
    "wine": wine,
    "tea": tea,
    "honey": honey,
    "olive_oil": olive_oil,
}
