"""How things for the home, the journey and the family are drawn, and the gift box for everything else."""

from bot.pictures import paint
from bot.pictures.art.canvas import BLACK, WHITE, Canvas
from bot.pictures.art.palettes import GOLD, SILVER, Palette, stand
from bot.pictures.art.parts import edge_light, metal, print_on, ribs


def diapers(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A soft pack with a carrying handle and a sleeping moon."""
    stand(canvas, 500, 862, 276)
    handle = canvas.path("M 372 214 C 390 120 610 120 628 214 L 586 216 C 574 166 426 166 414 216")
    canvas.round_body(handle, paint.mix(colours.main, WHITE, 0.35))
    pack = canvas.path(
        "M 262 232 C 330 198 670 198 738 232 C 756 330 772 420 766 540 C 772 660 766 780 744 846 "
        "C 736 860 724 862 706 862 "
        "L 294 862 C 276 862 264 860 256 846 C 234 780 228 660 234 540 C 228 420 244 330 262 232"
    )
    canvas.round_body(pack, paint.mix(colours.main, WHITE, 0.55), gloss=0.6)
    lower = canvas.path("M 200 640 C 330 580 420 700 540 642 C 650 592 720 620 800 650 L 800 880 L 200 880")
    canvas.round_body(lower, colours.main, within=pack, gloss=0.6)
    for y in (250, 268):
        seam = canvas.stroke(f"M 240 {y} Q 500 {y - 40} 760 {y}", 3)
        canvas.fill(seam, WHITE, alpha=0.5, within=pack)
    moon = canvas.oval(500, 500, 104)
    canvas.soft(moon, BLACK, blur=8, alpha=0.12)
    canvas.blend(moon, [(0, (255, 248, 222)), (1, (250, 224, 160))], across=False)
    for x in (462, 538):
        canvas.fill(canvas.stroke(f"M {x - 18} 494 Q {x} 512 {x + 18} 494", 7), (128, 92, 52))
        canvas.soft(canvas.oval(x + (x - 500) * 0.5, 528, 17, 11), (240, 140, 120), blur=6, alpha=0.6)
    canvas.fill(canvas.stroke("M 484 536 Q 500 550 516 536", 7), (128, 92, 52))
    for x, y, half in ((340, 420, 12), (660, 400, 15), (644, 574, 10), (352, 566, 9), (590, 350, 8)):
        _star(canvas, x, y, half)
    canvas.text(500, 352, brand, 58, colours.ink, wide=380, tracking=0.05)
    for x, size in ((430, "M"), (500, "L"), (570, "XL")):
        canvas.fill(canvas.oval(x, 778, 30), WHITE, alpha=0.95 if size == "L" else 0.35)
        canvas.text(x, 788, size, 28, colours.main if size == "L" else WHITE, wide=50)


def _star(canvas: Canvas, x: float, y: float, half: float) -> None:
    canvas.fill(
        canvas.path(
            f"M {x} {y - half} Q {x} {y} {x + half} {y} Q {x} {y} {x} {y + half} Q {x} {y} {x - half} {y} "
            f"Q {x} {y} {x} {y - half}"
        ),
        WHITE,
        alpha=0.95,
    )


def baby_bottle(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A feeding bottle, half full, with two handles' worth of colour."""
    stand(canvas, 500, 862, 148)
    teat = canvas.path(
        "M 470 150 C 470 118 530 118 530 150 C 530 190 536 206 566 226 L 590 268 L 410 268 L 434 226 "
        "C 464 206 470 190 470 150"
    )
    canvas.round_body(teat, (236, 204, 160))
    ring = canvas.path(
        "M 396 262 L 604 262 C 618 262 624 270 624 282 L 624 348 L 376 348 L 376 282 C 376 270 382 262 396 262"
    )
    canvas.round_body(ring, colours.main)
    ribs(canvas, ring, 376, 624, 276, 346, count=24)
    body = canvas.path(
        "M 386 348 L 614 348 C 640 400 652 440 634 520 C 622 580 650 640 652 720 L 652 810 C 652 848 634 862 600 862 "
        "L 400 862 C 366 862 348 848 348 810 L 348 720 C 350 640 378 580 366 520 C 348 440 360 400 386 348"
    )
    canvas.round_body(body, (236, 243, 246), gloss=1.0)
    milk = canvas.box(340, 520, 660, 840)
    canvas.round_body(milk, (252, 246, 232), gloss=0.5, within=body)
    canvas.fill(canvas.oval(500, 520, 134, 11), WHITE, alpha=0.95, within=body)
    for number in range(7):
        y = 470 + number * 52
        long = number % 2 == 0
        canvas.fill(canvas.box(576 if long else 590, y, 614, y + 5, 2), colours.main, alpha=0.8, within=body)
    bear = paint.mix(colours.accent, WHITE, 0.1)
    for x in (438, 506):
        canvas.fill(canvas.oval(x, 578, 19), bear)
    canvas.fill(canvas.oval(472, 618, 56, 50), bear)
    canvas.fill(canvas.oval(472, 634, 24, 18), WHITE, alpha=0.85)
    for x in (452, 492):
        canvas.fill(canvas.oval(x, 608, 6), colours.ink)
    canvas.fill(canvas.oval(472, 628, 8, 6), colours.ink)
    canvas.text(486, 740, brand, 40, colours.ink, wide=220, tracking=0.04)
    canvas.glint(372, 700, 386, 826, alpha=0.8)
    canvas.glint(380, 400, 392, 500, alpha=0.8)


def headphones(canvas: Canvas, colours: Palette, brand: str) -> None:
    """Over-ear headphones seen from the front."""
    stand(canvas, 340, 858, 92)
    stand(canvas, 660, 858, 92)
    shell = paint.mix(colours.ink, BLACK, 0.1)
    canvas.fill(canvas.stroke("M 268 640 C 210 40 790 40 732 640", 66), paint.mix(shell, BLACK, 0.1))
    canvas.fill(canvas.stroke("M 262 600 C 214 56 786 56 738 600", 14), paint.mix(shell, WHITE, 0.32))
    canvas.fill(canvas.stroke("M 330 330 C 380 196 620 196 670 330", 36), paint.mix(colours.accent, BLACK, 0.12))
    card = canvas.path("M 398 742 L 602 742 L 612 858 L 388 858")
    canvas.soft(canvas.oval(506, 860, 112, 8), BLACK, blur=6, alpha=0.3)
    canvas.blend(card, [(0, colours.label), (1, paint.mix(colours.label, BLACK, 0.07))], across=False)
    canvas.text(500, 814, brand, 36, colours.ink, wide=176, tracking=0.06)
    for side in (-1, 1):
        x = 500 + side * 236
        metal(canvas, canvas.box(x - 12, 470, x + 12, 620, 12), SILVER)
        outer = 500 + side * 252
        pad = canvas.box(min(outer, outer - side * 128), 548, max(outer, outer - side * 128), 858, 62)
        canvas.round_body(pad, paint.mix(colours.accent, BLACK, 0.05))
        canvas.veil(pad, BLACK, [(0, 0.0), (0.5, 0.0), (1, 0.25)], across=False)
        cup = canvas.box(
            min(outer - side * 60, outer + side * 52), 528, max(outer - side * 60, outer + side * 52), 852, 56
        )
        canvas.round_body(cup, shell, gloss=0.8)
        metal(canvas, canvas.box(outer - 3 + side * 14, 600, outer + 3 + side * 14, 780, 3), GOLD)


def rice_cooker(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A rounded rice cooker with a small display, steaming."""
    stand(canvas, 500, 862, 290)
    for x, lean in ((440, -18), (500, 16), (560, -12)):
        steam = canvas.stroke(
            f"M {x} 250 C {x + lean} 220 {x - lean} 190 {x} 150 C {x + lean} 120 {x - lean} 100 {x + 4} 76", 15
        )
        canvas.soft(steam, WHITE, blur=8, alpha=0.75)
    body = canvas.path(
        "M 206 470 C 206 440 224 430 250 430 L 750 430 C 776 430 794 440 794 470 L 794 700 C 794 810 748 852 690 856 "
        "L 310 856 C 252 852 206 810 206 700"
    )
    canvas.round_body(body, colours.label, gloss=0.4)
    canvas.veil(body, BLACK, [(0, 0), (0.6, 0), (1, 0.16)], across=False)
    lid = canvas.path("M 210 428 C 216 324 330 268 500 268 C 670 268 784 324 790 428 L 790 446 L 210 446")
    canvas.round_body(lid, paint.mix(colours.label, colours.main, 0.08), gloss=0.3)
    canvas.veil(lid, WHITE, [(0, 0.7), (0.5, 0.1), (1, 0)], across=False)
    canvas.fill(canvas.box(206, 440, 794, 452), paint.mix(colours.main, WHITE, 0.1))
    vent = canvas.oval(500, 300, 50, 13)
    canvas.fill(vent, paint.mix(colours.label, BLACK, 0.35))
    button = canvas.box(450, 452, 550, 488, 16)
    canvas.blend(
        button, [(0, paint.mix(colours.label, BLACK, 0.05)), (1, paint.mix(colours.label, BLACK, 0.2))], across=False
    )
    panel = canvas.box(352, 540, 648, 740, 34)
    canvas.blend(
        panel, [(0, paint.mix(colours.ink, WHITE, 0.08)), (1, paint.mix(colours.ink, BLACK, 0.25))], across=False
    )
    canvas.text(500, 628, "18:30", 62, paint.mix(colours.accent, WHITE, 0.45), wide=220, tracking=0.04)
    for x in (420, 473, 527, 580):
        canvas.fill(canvas.oval(x, 690, 15), WHITE, alpha=0.2 if x != 473 else 0.9)
    canvas.text(500, 806, brand, 38, colours.ink, wide=320, tracking=0.12)
    canvas.round_body(canvas.box(268, 852, 372, 868, 7), BLACK)
    canvas.round_body(canvas.box(628, 852, 732, 868, 7), BLACK)
    canvas.glint(236, 480, 254, 720, alpha=0.8)


def hair_dryer(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A hair dryer on its side, its handle slanting down."""
    stand(canvas, 560, 866, 150)
    handle = canvas.path(
        "M 500 500 L 624 500 C 628 600 648 720 672 836 C 676 856 668 864 650 864 L 556 864 "
        "C 540 864 532 858 530 842 C 520 730 508 620 500 500"
    )
    canvas.round_body(handle, paint.mix(colours.main, BLACK, 0.06))
    canvas.round_body(canvas.box(566, 600, 600, 700, 17), colours.label, gloss=0.3)
    canvas.fill(canvas.oval(583, 622, 11), colours.accent)
    canvas.fill(
        canvas.stroke("M 612 864 C 620 930 760 900 800 940 C 830 970 900 950 1010 956", 15),
        paint.mix(colours.ink, BLACK, 0.2),
    )
    barrel = canvas.path("M 250 330 L 560 268 C 700 248 800 320 800 422 C 800 524 700 596 560 576 L 250 514")
    across = [
        (0, paint.mix(colours.main, WHITE, 0.5)),
        (0.2, paint.mix(colours.main, WHITE, 0.62)),
        (0.45, colours.main),
        (0.85, paint.mix(colours.main, BLACK, 0.2)),
        (1, paint.mix(colours.main, BLACK, 0.12)),
    ]
    canvas.blend(barrel, across, across=False)
    back = canvas.oval(716, 422, 84, 148)
    canvas.blend(back, [(0, paint.mix(colours.ink, WHITE, 0.25)), (1, colours.ink)], across=False, within=barrel)
    for number in range(7):
        y = 338 + number * 28
        half = (34, 52, 60, 62, 60, 52, 34)[number]
        canvas.fill(canvas.box(716 - half, y - 4, 716 + half, y + 4, 4), BLACK, alpha=0.4)
    nozzle = canvas.path("M 176 326 C 176 318 182 314 190 314 L 256 326 L 256 518 L 190 530 C 182 530 176 526 176 518")
    canvas.blend(
        nozzle,
        [
            (0, paint.mix(colours.ink, WHITE, 0.3)),
            (0.25, paint.mix(colours.ink, WHITE, 0.4)),
            (0.5, colours.ink),
            (1, paint.mix(colours.ink, BLACK, 0.4)),
        ],
        across=False,
    )
    ring = canvas.box(252, 322, 270, 522, 6)
    canvas.blend(ring, [(0, paint.mix(GOLD, WHITE, 0.5)), (0.5, GOLD), (1, paint.mix(GOLD, BLACK, 0.4))], across=False)
    canvas.text(446, 440, brand, 50, WHITE, wide=300, tracking=0.08)
    canvas.soft(canvas.stroke("M 300 352 L 600 298", 14), WHITE, blur=5, alpha=0.6)
    for y, long in ((370, 90), (422, 126), (474, 90)):
        canvas.fill(canvas.stroke(f"M {152 - long} {y} Q {152 - long / 2} {y - 12} 152 {y}", 6), WHITE, alpha=0.85)


def thermos(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A slim vacuum flask with a loop on its lid."""
    stand(canvas, 500, 862, 124)
    loop = canvas.stroke("M 456 150 C 440 84 560 84 544 150", 15)
    canvas.fill(loop, paint.mix(colours.ink, WHITE, 0.12))
    lid = canvas.path("M 414 160 C 414 144 424 136 440 136 L 560 136 C 576 136 586 144 586 160 L 590 262 L 410 262")
    canvas.round_body(lid, colours.ink, gloss=0.7)
    ribs(canvas, lid, 410, 590, 180, 256, count=20)
    metal(canvas, canvas.box(404, 260, 596, 300, 5), SILVER)
    body = canvas.path(
        "M 402 298 L 598 298 C 616 316 622 340 622 370 L 622 822 C 622 850 608 862 580 862 "
        "L 420 862 C 392 862 378 850 378 822 L 378 370 C 378 340 384 316 402 298"
    )
    canvas.round_body(body, colours.main)
    peak = canvas.path("M 370 700 L 452 560 L 508 650 L 552 590 L 640 710 L 640 790 L 370 790")
    canvas.fill(peak, WHITE, alpha=0.22, within=body)
    canvas.fill(canvas.path("M 420 614 L 452 560 L 484 612 L 462 600 L 448 616"), WHITE, alpha=0.7)
    canvas.text(500, 466, brand, 44, WHITE, wide=200, tracking=0.08)
    canvas.fill(canvas.box(466, 488, 534, 493, 2), WHITE, alpha=0.6)
    metal(canvas, canvas.box(378, 824, 622, 838), SILVER, within=body)
    canvas.glint(404, 350, 420, 800, alpha=0.45)


def backpack(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A school or city backpack with a front pocket."""
    stand(canvas, 500, 862, 244)
    canvas.fill(canvas.stroke("M 430 192 C 430 104 570 104 570 192", 24), paint.mix(colours.main, BLACK, 0.35))
    for side in (-1, 1):
        strap = canvas.stroke(
            f"M {500 + side * 196} 300 C {500 + side * 292} 420 {500 + side * 292} 640 {500 + side * 226} 800", 34
        )
        canvas.fill(strap, paint.mix(colours.main, BLACK, 0.4))
    body = canvas.path(
        "M 288 380 C 288 226 372 168 500 168 C 628 168 712 226 712 380 L 736 760 C 742 836 712 862 656 862 "
        "L 344 862 C 288 862 258 836 264 760"
    )
    canvas.round_body(body, colours.main, gloss=0.7)
    canvas.veil(body, BLACK, [(0, 0), (0.7, 0), (1, 0.2)], across=False)
    canvas.fill(
        canvas.stroke("M 320 486 C 320 270 380 226 500 226 C 620 226 680 270 680 486", 7),
        paint.mix(colours.main, BLACK, 0.42),
    )
    metal(canvas, canvas.box(672, 470, 688, 520, 7), SILVER)
    pocket = canvas.path(
        "M 322 586 C 322 562 334 552 358 552 L 642 552 C 666 552 678 562 678 586 L 688 778 C 690 810 674 824 646 824 "
        "L 354 824 C 326 824 310 810 312 778"
    )
    canvas.soft(pocket, BLACK, blur=9, alpha=0.3)
    canvas.round_body(pocket, paint.mix(colours.main, WHITE, 0.1), gloss=0.6)
    flap = canvas.path("M 318 552 L 682 552 L 686 640 C 640 664 360 664 314 640")
    canvas.round_body(flap, paint.mix(colours.accent, BLACK, 0.04))
    canvas.fill(canvas.stroke("M 330 628 C 420 650 580 650 670 628", 3), WHITE, alpha=0.6)
    metal(canvas, canvas.box(478, 632, 522, 688, 9), GOLD)
    patch = canvas.box(384, 340, 616, 442, 14)
    canvas.soft(patch, BLACK, blur=4, alpha=0.25)
    canvas.fill(patch, colours.label)
    canvas.text(500, 408, brand, 44, colours.ink, wide=206, tracking=0.05)
    canvas.text(500, 766, "DAY 24L", 28, WHITE, wide=200, tracking=0.2)


def shoe(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A running shoe from the side."""
    canvas.soft(canvas.oval(530, 856, 390, 18), BLACK, blur=15, alpha=0.36)
    upper = canvas.path(
        "M 168 452 C 172 410 214 398 240 424 C 280 470 356 474 404 438 C 426 420 452 404 486 418 "
        "C 560 500 650 584 764 624 "
        "C 860 652 912 690 918 748 L 150 760 C 166 660 176 560 168 452"
    )
    tints = [(0, paint.mix(colours.main, WHITE, 0.38)), (0.6, colours.main), (1, paint.mix(colours.main, BLACK, 0.18))]
    tongue = canvas.path("M 384 452 C 420 396 470 352 516 362 C 530 396 520 430 500 458")
    canvas.blend(tongue, [(0, paint.mix(colours.accent, WHITE, 0.3)), (1, colours.accent)], across=False)
    canvas.blend(upper, tints, across=False)
    lining = canvas.path("M 178 440 C 190 412 220 408 240 424 C 280 470 356 474 404 438 C 372 520 214 540 178 440")
    canvas.fill(lining, paint.mix(colours.ink, BLACK, 0.1))
    heel = canvas.path("M 150 760 C 166 660 176 560 170 500 C 220 560 300 610 322 760")
    canvas.blend(heel, [(0, paint.mix(colours.accent, BLACK, 0.15)), (1, colours.accent)], within=upper)
    toe = canvas.path("M 736 612 C 870 640 924 690 918 760 L 716 760 C 700 700 708 650 736 612")
    canvas.fill(toe, BLACK, alpha=0.20, within=upper)
    sweep = canvas.path("M 336 742 C 430 726 512 640 540 528 L 592 566 C 566 660 484 742 380 758")
    canvas.fill(sweep, colours.label, alpha=0.95, within=upper)
    for number in range(5):
        x, y = 446 + number * 52, 462 + number * 33
        canvas.fill(canvas.stroke(f"M {x - 30} {y + 30} Q {x} {y - 10} {x + 40} {y + 2}", 11), WHITE)
        canvas.fill(canvas.oval(x - 31, y + 31, 5), colours.ink)
    sole = canvas.path(
        "M 124 748 C 230 776 420 728 560 744 C 700 758 830 756 936 704 C 964 748 930 812 850 836 "
        "C 800 850 720 852 640 852 "
        "L 216 852 C 150 852 112 812 124 748"
    )
    canvas.blend(sole, [(0, WHITE), (0.5, colours.label), (1, paint.mix(colours.label, BLACK, 0.2))], across=False)
    canvas.fill(
        canvas.stroke("M 120 796 C 300 826 520 784 700 800 C 810 806 890 788 950 744", 9), colours.accent, within=sole
    )
    canvas.fill(canvas.path("M 140 832 L 880 832 L 860 870 L 180 870"), colours.ink, within=sole)
    canvas.text(648, 716, brand, 36, WHITE, wide=150, tracking=0.04)


def watch(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A wrist watch with a leather strap, hands at ten past ten."""
    canvas.soft(canvas.oval(512, 872, 130, 16), BLACK, blur=14, alpha=0.36)
    leather = paint.mix((112, 70, 46), colours.main, 0.25)
    for text in (
        "M 402 340 L 424 88 C 426 72 436 66 450 66 L 550 66 C 564 66 574 72 576 88 L 598 340",
        "M 402 640 L 424 856 C 426 872 436 878 450 878 L 550 878 C 564 878 574 872 576 856 L 598 640",
    ):
        strap = canvas.path(text)
        canvas.round_body(strap, leather, gloss=0.7)
        for x in (438, 562):
            canvas.fill(canvas.stroke(f"M {x} 90 L {x + (x - 500) * 0.26} 330", 3), WHITE, alpha=0.4, within=strap)
            canvas.fill(canvas.stroke(f"M {x + (x - 500) * 0.26} 650 L {x} 850", 3), WHITE, alpha=0.4, within=strap)
    for y in (760, 800, 840):
        canvas.fill(canvas.oval(500, y, 9, 7), BLACK, alpha=0.55)
    canvas.soft(canvas.oval(508, 506, 212), BLACK, blur=14, alpha=0.3)
    metal(canvas, canvas.box(690, 462, 738, 518, 10), GOLD)
    metal(canvas, canvas.oval(500, 490, 212), GOLD)
    canvas.fill(canvas.oval(500, 490, 188), paint.mix(GOLD, BLACK, 0.35))
    canvas.blend(
        canvas.oval(500, 490, 182),
        [(0, colours.label), (1, paint.mix(colours.label, colours.main, 0.18))],
        across=False,
    )
    for number in range(12):
        _hour(canvas, colours, number)
    canvas.text(500, 574, brand, 30, colours.ink, wide=180, tracking=0.1)
    canvas.fill(canvas.stroke("M 500 490 L 414 440", 13), colours.ink)
    canvas.fill(canvas.stroke("M 500 490 L 596 404", 9), colours.ink)
    canvas.fill(canvas.stroke("M 494 536 L 512 342", 4), colours.accent)
    canvas.fill(canvas.oval(500, 490, 13), GOLD)
    canvas.veil(
        canvas.path("M 340 430 C 380 320 520 280 610 330 L 420 640 C 350 590 326 510 340 430"),
        WHITE,
        [(0, 0.0), (0.3, 0.2), (1, 0.05)],
    )


def _hour(canvas: Canvas, colours: Palette, number: int) -> None:
    x, y = (
        (0, -1), (0.5, -0.866), (0.866, -0.5), (1, 0), (0.866, 0.5), (0.5, 0.866),
        (0, 1), (-0.5, 0.866), (-0.866, 0.5), (-1, 0), (-0.866, -0.5), (-0.5, -0.866),
    )[number]  # fmt: skip
    inner = 142 if number % 3 == 0 else 154
    line = f"M {500 + x * inner} {490 + y * inner} L {500 + x * 166} {490 + y * 166}"
    canvas.fill(canvas.stroke(line, 9 if number % 3 == 0 else 5), colours.ink)


def gift_box(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A wrapped box with a bow: what stands for a product that nobody has drawn yet."""
    stand(canvas, 500, 862, 268)
    body = canvas.box(252, 430, 748, 862, 12)
    canvas.round_body(body, colours.main, gloss=0.4)
    canvas.veil(body, BLACK, [(0, 0.22), (0.12, 0), (1, 0.1)], across=False)
    canvas.round_body(canvas.box(462, 430, 538, 862), colours.accent)
    lid = canvas.box(226, 336, 774, 448, 12)
    canvas.round_body(lid, paint.mix(colours.main, WHITE, 0.14), gloss=0.4)
    edge_light(canvas, 232, 768, 338)
    canvas.round_body(canvas.box(458, 336, 542, 448), paint.mix(colours.accent, WHITE, 0.12))
    for side in (-1, 1):
        bow = canvas.path(
            f"M 500 326 C {500 + side * 60} 190 {500 + side * 230} 170 {500 + side * 214} 262 "
            f"C {500 + side * 200} 330 {500 + side * 80} 336 500 338"
        )
        canvas.blend(
            bow, [(0, paint.mix(colours.accent, WHITE, 0.3)), (1, paint.mix(colours.accent, BLACK, 0.12))], across=False
        )
        inner = canvas.path(
            f"M {500 + side * 50} 310 C {500 + side * 90} 236 {500 + side * 180} 222 {500 + side * 172} 268 "
            f"C {500 + side * 160} 304 {500 + side * 90} 314 {500 + side * 50} 310"
        )
        canvas.fill(inner, paint.mix(colours.accent, BLACK, 0.3))
    canvas.round_body(canvas.box(464, 292, 536, 350, 20), colours.accent)
    tag = canvas.box(330, 590, 670, 740, 14)
    canvas.soft(tag, BLACK, blur=7, alpha=0.25)
    canvas.fill(tag, colours.label)
    print_on(canvas, 500, 670, brand, colours.ink, wide=300, size=52, lines=1)


DRAWN = {
    "diapers": diapers,
    "baby_bottle": baby_bottle,
    "headphones": headphones,
    "rice_cooker": rice_cooker,
    "hair_dryer": hair_dryer,
    "thermos": thermos,
    "backpack": backpack,
    "shoe": shoe,
    "watch": watch,
    "gift_box": gift_box,
}
