"""Source categories found at home."""

from math import pi

import numpy as np

from campare.data.drawn.canvas import Pen
from campare.data.drawn.geometry import Shape, box, ellipse, flipped, limb, rounded, smooth
from campare.data.drawn.poses import Rng


def cup(pen: Pen, rng: Rng) -> None:
    """A mug with a handle."""
    low = rng.uniform(0.24, 0.32)
    pen.fill(limb([(0.24, -0.14), (0.46, -0.1), (0.42, 0.16), (0.22, 0.22)], (0.08,)))
    pen.fill(rounded([(-0.34, -0.28), (0.34, -0.28), (low, 0.4), (-low, 0.4)], 1))
    pen.fill(ellipse(0, -0.28, 0.33, 0.08), skin="second")


def teapot(pen: Pen, rng: Rng) -> None:
    """A round body between spout and handle, a lid on top."""
    pen.fill(limb([(-0.24, -0.1), (-0.48, -0.12), (-0.46, 0.14), (-0.22, 0.2)], (0.065,)))
    tip = rng.uniform(-0.26, -0.14)
    pen.fill(limb([(0.2, 0.2), (0.36, 0.06), (0.48, tip)], (0.18, 0.1, 0.07)))
    pen.fill(ellipse(0, 0.08, 0.31, 0.28))
    pen.fill(ellipse(0, -0.2, 0.17, 0.06), ellipse(0, -0.29, 0.05, 0.05), skin="second")


def chair(pen: Pen, rng: Rng) -> None:
    """Four legs, a seat and a back."""
    top = rng.uniform(-0.5, -0.4)

    def bar(x0: float, y0: float, x1: float, y1: float) -> Shape:
        return limb([(x0, y0), (x1, y1)], (0.06,))

    pen.fill(bar(-0.14, 0.05, -0.14, 0.38), bar(0.3, 0.05, 0.3, 0.38), shaded=True)
    rails = [bar(-0.26, y, -0.1, y) for y in (top + 0.06, top + 0.22)]
    pen.fill(bar(-0.26, top, -0.26, 0.1), bar(-0.1, top, -0.1, 0.02), *rails)
    pen.fill(bar(-0.24, 0.1, -0.24, 0.48), bar(0.2, 0.1, 0.2, 0.48))
    pen.fill(rounded([(-0.28, 0.12), (-0.14, 0.0), (0.34, 0.0), (0.24, 0.12)], 1), skin="second")


def guitar(pen: Pen, rng: Rng) -> None:
    """A waisted body, a long neck."""
    pen.fill(box(-0.035, -0.44, 0.035, 0.1), skin="mark")
    pen.fill(rounded([(-0.06, -0.5), (0.06, -0.5), (0.05, -0.36), (-0.05, -0.36)], 1), skin="mark")
    wide = rng.uniform(0.9, 1.15)
    right = np.array([(0.15, -0.06), (0.13, 0.08), (0.23, 0.28), (0.14, 0.46)]) * (wide, 1)
    pen.fill(smooth([(0, -0.12), *right, (0, 0.5), *flipped(right)[::-1]]))
    pen.flat(ellipse(0, 0.12, 0.065, 0.065))
    pen.fill(box(-0.09, 0.3, 0.09, 0.34), skin="dark")


def umbrella(pen: Pen, rng: Rng) -> None:
    """A scalloped canopy over a crook."""
    crook = [(0, -0.2), (0, 0.34), (0.05, 0.45), (0.14, 0.4)]
    pen.fill(limb(crook, (0.04,)), skin="second")
    high = rng.uniform(0.36, 0.44)
    arch = [(0.48 * np.cos(t), 0.0 - high * np.sin(t)) for t in np.linspace(0, pi, 16)]
    hem = [(x, -0.02 - 0.06 * (i % 2)) for i, x in enumerate(np.linspace(-0.48, 0.48, 9))]
    pen.fill(np.array([*arch, *hem[1:-1]]))
    for x in (-0.2, 0.2):
        pen.line([(0, -high), (0.8 * x, -0.24), (1.15 * x, -0.04)], 0.016)
    pen.line([(0, -high), (0, -0.5)], 0.03)


def hat(pen: Pen, rng: Rng) -> None:
    """A crown, a band, a broad brim."""
    top = rng.uniform(-0.36, -0.22)
    pen.fill(ellipse(0, 0.22, 0.48, 0.11))
    pen.fill(smooth([(-0.28, 0.2), (-0.24, top), (0.0, top + 0.05), (0.24, top), (0.28, 0.2),
                     (0, 0.26)]))  # fmt: skip
    pen.bare(limb([(-0.27, 0.12), (0, 0.18), (0.27, 0.12)], (0.1,)), skin="second")


def shoe(pen: Pen, rng: Rng) -> None:
    """A laced shoe from the side."""
    top = rng.uniform(-0.34, -0.2)
    pen.fill(smooth([(-0.42, 0.2), (-0.42, top), (-0.2, top), (-0.04, -0.06), (0.3, 0.04),
                     (0.47, 0.18), (0.4, 0.26), (-0.38, 0.26)]))  # fmt: skip
    pen.fill(limb([(-0.42, 0.27), (0.46, 0.27)], (0.08,)), skin="second")
    for x, y in ((-0.14, -0.02), (-0.04, 0.04), (0.06, 0.07)):
        pen.line([(x - 0.05, y + 0.05), (x + 0.06, y - 0.07)], 0.025, "white")


def sock(pen: Pen, rng: Rng) -> None:
    """A bent tube with a cuff and a heel."""
    pen.fill(
        limb([(-0.14, -0.4), (-0.14, 0.1), (-0.02, 0.3), (0.3, 0.3)], (0.26, 0.26, 0.28, 0.24))
    )
    pen.bare(ellipse(-0.16, 0.3, 0.11, 0.11), ellipse(0.32, 0.3, 0.1, 0.12), skin="second")
    pen.fill(box(-0.3, -0.5, 0.02, -0.36 + rng.uniform(-0.02, 0.06)), skin="second")


def clock(pen: Pen, rng: Rng) -> None:
    """An alarm clock with two bells."""
    for side in (-1, 1):
        pen.fill(limb([(0.2 * side, 0.3), (0.3 * side, 0.48)], (0.07,)), skin="second")
        pen.fill(ellipse(0.24 * side, -0.32, 0.14, 0.1, 0.7 * side), skin="second")
    pen.fill(ellipse(0, 0.06, 0.38, 0.38))
    pen.bare(ellipse(0, 0.06, 0.29, 0.29), skin="pale")
    for turn, long in zip(rng.uniform(0, 2 * pi, 2), (0.14, 0.23), strict=True):
        pen.line([(0, 0.06), (long * np.cos(turn), 0.06 + long * np.sin(turn))], 0.035)
    for turn in np.arange(4) * pi / 2:
        pen.flat(ellipse(0.24 * np.cos(turn), 0.06 + 0.24 * np.sin(turn), 0.022, 0.022))


def key(pen: Pen, rng: Rng) -> None:
    """A ring, a shaft and two teeth."""
    turn = np.linspace(0, 2 * pi, 18)
    r = rng.uniform(0.13, 0.16)
    pen.fill(
        limb(np.stack([-0.3 + r * np.cos(turn), r * np.sin(turn)], axis=1), (0.09,), 1),
        limb([(-0.14, 0), (0.46, 0)], (0.09,)),
        box(0.24, 0, 0.31, 0.17),
        box(0.38, 0, 0.45, rng.uniform(0.12, 0.22)),
    )


def bell(pen: Pen, rng: Rng) -> None:
    """A hand bell with its clapper."""
    pen.fill(ellipse(0, 0.36, 0.09, 0.09), skin="second")
    pen.fill(ellipse(0, -0.42, 0.07, 0.07), skin="second")
    wide = rng.uniform(0.34, 0.42)
    right = np.array([(0.18, -0.28), (0.24, 0.06), (wide, 0.32)])
    pen.fill(smooth([(0, -0.38), *right, (0, 0.35), *flipped(right)[::-1]]))
    pen.bare(limb([(-0.27, 0.16), (0.27, 0.16)], (0.06,)), skin="second")


def glasses(pen: Pen, rng: Rng) -> None:
    """Two lenses and a bridge."""
    r = rng.uniform(0.17, 0.2)
    for side in (-1, 1):
        pen.fill(limb([((0.25 + r) * side, -0.03), (0.5 * side, -0.14)], (0.05,)))
        pen.fill(ellipse(0.25 * side, 0.02, r + 0.045, r + 0.03))
        pen.bare(ellipse(0.25 * side, 0.02, r, 0.9 * r), skin="white")
    pen.fill(limb([(-0.07, 0.0), (0, -0.05), (0.07, 0.0)], (0.05,)))


def hammer(pen: Pen, rng: Rng) -> None:
    """A heavy head on a handle."""
    pen.fill(limb([(0, -0.3), (0, 0.48)], (0.08, 0.1)), skin="second")
    claw = rng.uniform(-0.3, -0.18)
    pen.fill(rounded([(-0.3, -0.46), (0.2, -0.44), (0.42, claw), (0.2, -0.27), (-0.3, -0.22)], 1))


def bottle(pen: Pen, rng: Rng) -> None:
    """A shouldered bottle with a label."""
    pen.fill(box(-0.06, -0.5, 0.06, -0.4), skin="mark")
    shoulder = rng.uniform(-0.2, -0.05)
    right = np.array([(0.07, -0.4), (0.08, shoulder - 0.06), (0.18, shoulder + 0.06), (0.18, 0.48)])
    pen.fill(rounded([*right, *flipped(right)[::-1]], 1))
    pen.bare(box(-0.17, 0.1, 0.17, 0.32), skin="pale")


def kite(pen: Pen, rng: Rng) -> None:
    """A diamond with a tail of bows."""
    tail = [(0, 0.14), (0.08, 0.26), (-0.04, 0.36), (0.05, 0.5)]
    pen.line(tail, 0.02)
    for x, y in tail[1:3]:
        pen.fill(rounded([(x - 0.07, y - 0.04), (x + 0.07, y + 0.04), (x + 0.07, y - 0.04),
                          (x - 0.07, y + 0.04)], 0), skin="second")  # fmt: skip
    wide = rng.uniform(0.26, 0.34)
    pen.fill(np.array([(0, -0.5), (wide, -0.2), (0, 0.16), (-wide, -0.2)]))
    pen.line([(0, -0.5), (0, 0.16)], 0.018)
    pen.line([(-wide, -0.2), (wide, -0.2)], 0.018)
