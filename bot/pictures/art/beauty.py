"""How skincare, make-up and perfume are drawn."""

from bot.pictures import paint
from bot.pictures.art.canvas import BLACK, WHITE, Canvas
from bot.pictures.art.palettes import GOLD, Palette, stand
from bot.pictures.art.parts import band, edge_light, metal, print_on, ribs


def serum(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A glass bottle with a dropper."""
    stand(canvas, 500, 862, 150)
    glass = paint.mix(colours.main, colours.accent, 0.25)
    bulb = canvas.path("M 462 120 C 462 84 538 84 538 120 L 544 232 L 456 232")
    canvas.round_body(bulb, paint.mix(colours.ink, BLACK, 0.15), gloss=0.7)
    collar = canvas.box(434, 228, 566, 330, 10)
    metal(canvas, collar, GOLD)
    ribs(canvas, collar, 434, 566, 240, 322, count=22)
    neck = canvas.box(452, 326, 548, 368)
    canvas.round_body(neck, paint.mix(glass, WHITE, 0.45))
    body = canvas.path(
        "M 452 362 L 548 362 C 600 372 650 392 650 452 L 650 812 C 650 848 634 862 602 862 "
        "L 398 862 C 366 862 350 848 350 812 L 350 452 C 350 392 400 372 452 362"
    )
    canvas.round_body(body, paint.mix(glass, WHITE, 0.12))
    canvas.veil(canvas.box(350, 362, 650, 470), WHITE, [(0, 0.4), (1, 0)], across=False, within=body)
    canvas.fill(canvas.box(494, 366, 506, 800, 6), WHITE, alpha=0.20)
    canvas.veil(canvas.box(350, 800, 650, 862), BLACK, [(0, 0), (1, 0.22)], across=False, within=body)
    band(canvas, body, 500, 768, colours.label)
    canvas.fill(canvas.box(350, 500, 650, 506), GOLD, within=body)
    canvas.fill(canvas.box(350, 762, 650, 768), GOLD, within=body)
    print_on(canvas, 500, 620, brand, colours.ink, wide=222)
    canvas.glint(368, 424, 384, 490, alpha=0.6)
    canvas.glint(368, 776, 384, 830, alpha=0.5)


def cream(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A low jar with a wide lid."""
    stand(canvas, 500, 862, 268)
    jar = canvas.path("M 236 560 L 764 560 L 764 780 C 764 842 730 862 670 862 L 330 862 C 270 862 236 842 236 780")
    canvas.round_body(jar, colours.label, gloss=0.5)
    inner = canvas.path("M 262 560 L 738 560 L 738 764 C 738 812 706 832 656 832 L 344 832 C 294 832 262 812 262 764")
    canvas.round_body(inner, paint.mix(colours.main, WHITE, 0.38))
    canvas.veil(inner, WHITE, [(0, 0.25), (0.5, 0.0), (1, 0.0)], across=False)
    print_on(canvas, 500, 700, brand, colours.ink, wide=420, size=62)
    neck = canvas.box(262, 536, 738, 562)
    canvas.round_body(neck, paint.mix(colours.label, BLACK, 0.08))
    lid = canvas.path("M 226 404 C 226 384 240 374 262 374 L 738 374 C 760 374 774 384 774 404 L 774 540 L 226 540")
    canvas.round_body(lid, colours.main)
    top = canvas.oval(500, 378, 262, 26)
    canvas.blend(top, [(0, paint.mix(colours.main, WHITE, 0.55)), (1, paint.mix(colours.main, WHITE, 0.2))])
    metal(canvas, canvas.box(226, 516, 774, 540), GOLD)
    canvas.glint(262, 420, 282, 506, alpha=0.5)
    canvas.glint(276, 580, 294, 800, alpha=0.5)


def lipstick(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A lipstick turned out of its case, the cap beside it."""
    stand(canvas, 400, 862, 100)
    stand(canvas, 652, 862, 96)
    red = paint.mix((190, 40, 62), colours.main, 0.28)
    bullet = canvas.path("M 336 470 L 336 300 C 336 220 420 150 464 166 L 464 470")
    canvas.round_body(bullet, red)
    slant = canvas.path("M 340 296 C 346 226 420 158 458 170 C 466 206 410 288 340 296")
    canvas.fill(slant, paint.mix(red, WHITE, 0.24), alpha=0.85)
    metal(canvas, canvas.box(324, 452, 476, 574, 6), GOLD)
    edge_light(canvas, 326, 474, 454)
    case = canvas.box(306, 566, 494, 862, 14)
    canvas.round_body(case, colours.ink)
    metal(canvas, canvas.box(306, 600, 494, 614), GOLD)
    canvas.text(400, 760, brand, 38, paint.mix(GOLD, WHITE, 0.45), wide=164, tracking=0.05)
    cap = canvas.box(558, 470, 746, 862, 18)
    canvas.round_body(cap, colours.ink)
    metal(canvas, canvas.box(558, 812, 746, 830), GOLD)
    canvas.glint(584, 500, 600, 800, alpha=0.35)
    canvas.glint(330, 630, 344, 840, alpha=0.35)
    canvas.glint(354, 320, 366, 446, alpha=0.4)


def mask(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A sachet with a sheet mask, another behind it."""
    stand(canvas, 512, 866, 250)
    behind = canvas.path("M 352 158 L 786 206 C 762 430 752 650 758 866 L 300 866 C 318 640 330 400 352 158")
    canvas.blend(behind, [(0, paint.mix(colours.accent, WHITE, 0.45)), (1, paint.mix(colours.accent, WHITE, 0.15))])
    main = paint.mix(colours.main, WHITE, 0.3)
    pouch = canvas.path("M 262 214 L 716 214 C 706 440 706 640 716 866 L 262 866 C 272 640 272 440 262 214")
    canvas.soft(canvas.box(290, 250, 730, 860, 20), BLACK, blur=14, alpha=0.26, within=behind)
    canvas.blend(pouch, [(0, paint.mix(main, WHITE, 0.3)), (0.5, main), (1, paint.mix(main, BLACK, 0.12))])
    for top in (226, 240, 842, 854):
        canvas.fill(canvas.box(262, top, 716, top + 5), WHITE, alpha=0.35, within=pouch)
    face = canvas.path("M 376 440 C 376 300 602 300 602 440 C 602 560 560 640 489 640 C 418 640 376 560 376 440")
    canvas.soft(face, BLACK, blur=9, alpha=0.16)
    canvas.blend(face, [(0, WHITE), (1, paint.mix(colours.back, colours.main, 0.12))])
    feature = paint.mix(colours.main, colours.ink, 0.35)
    for x in (436, 542):
        canvas.fill(canvas.stroke(f"M {x - 26} 446 Q {x} 474 {x + 26} 446", 9), feature)
    canvas.fill(canvas.stroke("M 456 556 Q 489 586 522 556", 9), feature)
    for x in (416, 562):
        canvas.soft(canvas.oval(x, 520, 22, 15), (238, 140, 130), blur=8, alpha=0.5)
    canvas.text(489, 736, brand, 58, colours.ink, wide=400, tracking=0.06)
    canvas.fill(canvas.box(409, 764, 569, 772, 4), colours.ink, alpha=0.3)
    canvas.fill(canvas.box(437, 784, 541, 792, 4), colours.ink, alpha=0.3)
    drop = canvas.path(
        "M 650 286 C 668 314 680 330 680 346 C 680 366 667 378 650 378 C 633 378 620 366 620 346 "
        "C 620 330 632 314 650 286"
    )
    canvas.fill(drop, WHITE, alpha=0.75)


def perfume(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A square flacon of thick glass with a ball stopper."""
    stand(canvas, 500, 862, 226)
    metal(canvas, canvas.box(450, 318, 550, 396, 6), GOLD)
    cap = canvas.oval(500, 238, 92)
    canvas.round_body(cap, colours.ink, gloss=0.8)
    canvas.soft(canvas.oval(468, 206, 24, 18), WHITE, blur=7, alpha=0.7)
    glass = canvas.box(276, 388, 724, 862, 44)
    canvas.blend(
        glass,
        [
            (0, paint.mix(colours.back, WHITE, 0.5)),
            (0.5, paint.mix(colours.main, WHITE, 0.72)),
            (1, paint.mix(colours.main, WHITE, 0.5)),
        ],
    )
    juice = canvas.box(312, 470, 688, 822, 26)
    tone = paint.mix(colours.main, colours.accent, 0.35)
    canvas.blend(juice, [(0, paint.mix(tone, WHITE, 0.42)), (1, paint.mix(tone, BLACK, 0.06))], across=False)
    canvas.veil(juice, WHITE, [(0, 0.5), (0.12, 0.1), (0.5, 0), (1, 0.0)])
    canvas.veil(juice, BLACK, [(0, 0), (0.8, 0), (1, 0.18)])
    canvas.fill(canvas.box(312, 470, 688, 477, 3), WHITE, alpha=0.5, within=juice)
    canvas.fill(canvas.box(496, 396, 504, 800, 4), WHITE, alpha=0.35)
    plate = canvas.box(368, 584, 632, 736, 6)
    canvas.soft(plate, BLACK, blur=5, alpha=0.16)
    canvas.fill(plate, colours.label)
    print_on(canvas, 500, 664, brand, colours.ink, wide=226, size=46, lines=1)
    canvas.glint(290, 430, 302, 820, alpha=0.85, soft=2)
    canvas.veil(canvas.box(276, 820, 724, 862), WHITE, [(0, 0.0), (0.6, 0.5), (1, 0.1)], across=False, within=glass)


def sunscreen(canvas: Canvas, colours: Palette, brand: str) -> None:
    """A tube that stands on its cap."""
    stand(canvas, 500, 862, 120)
    tube = canvas.path("M 326 150 L 674 150 C 672 380 656 600 628 742 L 372 742 C 344 600 328 380 326 150")
    canvas.round_body(tube, paint.mix(colours.label, colours.main, 0.04), gloss=0.4)
    canvas.veil(tube, BLACK, [(0, 0.10), (0.12, 0.0), (1, 0.0)], across=False)
    crimp = canvas.box(322, 128, 678, 178, 6)
    canvas.blend(crimp, [(0, paint.mix(colours.main, WHITE, 0.2)), (1, colours.main)])
    ribs(canvas, crimp, 322, 678, 128, 178, count=38)
    sun = canvas.oval(500, 330, 74)
    canvas.blend(sun, [(0, paint.mix(colours.accent, WHITE, 0.35)), (1, colours.accent)], across=False, within=tube)
    for top, tint in ((356, 0.55), (384, 0.3)):
        wave = canvas.path(
            f"M 320 {top} Q 390 {top - 34} 460 {top} Q 530 {top + 34} 600 {top} Q 640 {top - 18} 690 {top - 8} "
            f"L 690 {top + 46} L 320 {top + 46}"
        )
        canvas.fill(wave, paint.mix(colours.main, WHITE, tint), within=tube)
    lower = canvas.box(320, 420, 680, 742)
    canvas.round_body(lower, colours.main, within=tube, gloss=0.8)
    canvas.text(500, 536, brand, 52, WHITE, wide=260, tracking=0.05)
    canvas.text(500, 632, "SPF 50+", 46, WHITE, wide=220)
    canvas.fill(canvas.box(430, 660, 570, 667, 3), WHITE, alpha=0.55)
    cap = canvas.path("M 378 742 L 622 742 L 616 842 C 615 858 606 862 590 862 L 410 862 C 394 862 385 858 384 842")
    canvas.round_body(cap, paint.mix(colours.accent, WHITE, 0.1))
    ribs(canvas, cap, 378, 622, 752, 850, count=26)
    canvas.glint(360, 200, 374, 640, alpha=0.5)


DRAWN = {
    "serum": serum,
    "cream": cream,
    "lipstick": lipstick,
    "mask": mask,
    "perfume": perfume,
    "sunscreen": sunscreen,
}
