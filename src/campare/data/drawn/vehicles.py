"""Source categories that carry people, and the house they come from."""

import numpy as np

from campare.data.drawn.canvas import Pen
from campare.data.drawn.geometry import Shape, box, ellipse, flipped, limb, rounded, smooth
from campare.data.drawn.poses import Rng


def _wheels(pen: Pen, y: float, r: float, *xs: float) -> None:
    for x in xs:
        pen.fill(ellipse(x, y, r, r), skin="dark")
        pen.bare(ellipse(x, y, 0.5 * r, 0.5 * r), skin="pale")


def car(pen: Pen, rng: Rng) -> None:
    """A sedan from the side."""
    roof = rng.uniform(-0.26, -0.18)
    pen.fill(rounded([(-0.3, 0.02), (-0.2, roof), (0.14, roof), (0.3, 0.02)], 1))
    pen.flat(rounded([(-0.22, 0.0), (-0.15, roof + 0.05), (-0.03, roof + 0.05), (-0.03, 0.0)], 1),
             rounded([(0.02, 0.0), (0.02, roof + 0.05), (0.11, roof + 0.05), (0.21, 0.0)], 1),
             skin="pale")  # fmt: skip
    pen.fill(rounded([(-0.5, 0.0), (0.36, 0.0), (0.5, 0.08), (0.5, 0.22), (-0.5, 0.22)], 1))
    _wheels(pen, 0.22, 0.11, -0.28, 0.28)


def truck(pen: Pen, rng: Rng) -> None:
    """A tall box behind a cab."""
    top = rng.uniform(-0.38, -0.28)
    pen.fill(box(-0.5, top, 0.16, 0.2))
    pen.fill(rounded([(0.18, -0.16), (0.36, -0.16), (0.5, 0.04), (0.5, 0.2), (0.18, 0.2)], 1),
             skin="second")  # fmt: skip
    pen.flat(rounded([(0.24, -0.1), (0.34, -0.1), (0.43, 0.04), (0.24, 0.04)], 1), skin="pale")
    pen.fill(box(-0.5, 0.2, 0.5, 0.25), skin="dark")
    _wheels(pen, 0.27, 0.1, -0.34, -0.08, 0.34)


def bus(pen: Pen, rng: Rng) -> None:
    """A long body with a row of windows."""
    top = rng.uniform(-0.3, -0.24)
    pen.fill(rounded([(-0.5, top), (0.48, top), (0.5, 0.24), (-0.5, 0.24)], 1))
    for x in np.linspace(-0.4, 0.2, 4):
        pen.flat(box(x, top + 0.08, x + 0.12, -0.02), skin="pale")
    pen.flat(box(0.34, top + 0.08, 0.45, 0.2), skin="pale")
    pen.bare(box(-0.48, 0.06, 0.32, 0.11), skin="second")
    _wheels(pen, 0.25, 0.1, -0.3, 0.24)


def boat(pen: Pen, rng: Rng) -> None:
    """A hull under two sails."""
    mast = rng.uniform(-0.06, 0.06)
    pen.line([(mast, -0.5), (mast, 0.2)], 0.035)
    pen.fill(rounded([(mast + 0.03, -0.46), (mast + 0.36, 0.1), (mast + 0.03, 0.1)], 1))
    pen.fill(rounded([(mast - 0.03, -0.36), (mast - 0.03, 0.1), (mast - 0.28, 0.1)], 1))
    pen.fill(rounded([(-0.48, 0.17), (0.48, 0.17), (0.32, 0.42), (-0.34, 0.42)], 1), skin="second")


def plane(pen: Pen, rng: Rng) -> None:
    """From the side, one wing towards the viewer."""
    pen.fill(
        rounded([(-0.4, -0.02), (-0.5, -0.28), (-0.4, -0.28), (-0.24, -0.04)], 1), skin="second"
    )
    pen.fill(
        rounded([(0.1, -0.06), (-0.06, -0.3), (-0.14, -0.3), (-0.06, -0.06)], 1), skin="second"
    )
    high = rng.uniform(0.09, 0.13)
    pen.fill(smooth([(-0.48, -0.06), (0.0, -high), (0.36, -high), (0.5, 0.02), (0.36, high),
                     (-0.1, high), (-0.4, 0.05)]))  # fmt: skip
    for x in np.linspace(-0.16, 0.24, 5):
        pen.flat(ellipse(x, -0.03, 0.025, 0.03), skin="pale")
    pen.fill(rounded([(0.14, 0.04), (-0.16, 0.36), (-0.26, 0.36), (-0.1, 0.04)], 1), skin="second")


def rocket(pen: Pen, rng: Rng) -> None:
    """Nose up, with fins, a porthole and a flame."""
    wide = rng.uniform(0.9, 1.2)
    pen.fill(rounded([(-0.1, 0.26), (0.1, 0.26), (0.0, 0.5)], 1), skin="accent")
    fin = rounded([(0.12, 0.02), (0.3, 0.32), (0.12, 0.26)], 1) * (wide, 1)
    pen.fill(fin, flipped(fin), skin="second")
    right = np.array([(0.12, -0.26), (0.17, 0.04), (0.11, 0.28)]) * (wide, 1)
    pen.fill(smooth([(0, -0.5), *right, *flipped(right)[::-1]]))
    pen.fill(ellipse(0, -0.1, 0.08, 0.08), skin="pale")


def bicycle(pen: Pen, rng: Rng) -> None:
    """Two wheels and a frame."""
    r = rng.uniform(0.19, 0.22)
    for x in (-0.28, 0.28):
        turn = np.linspace(0, 2 * np.pi, 20)
        tyre = np.stack([x + r * np.cos(turn), 0.18 + r * np.sin(turn)], axis=1)
        pen.fill(limb(tyre, (0.04,), 1), skin="dark")
    hub, seat, bar = (-0.02, 0.18), (-0.12, -0.14), (0.2, -0.14)
    tubes = ([(-0.28, 0.18), hub], [hub, seat], [(-0.28, 0.18), seat], [seat, bar], [hub, bar],
             [(0.28, 0.18), (0.17, -0.26)])  # fmt: skip
    pen.fill(*(limb(tube, (0.045,)) for tube in tubes))
    pen.fill(limb([(-0.2, -0.2), (-0.05, -0.18)], (0.06,)), skin="second")
    pen.fill(limb([(0.08, -0.28), (0.17, -0.28), (0.26, -0.22)], (0.045,)), skin="second")


def balloon(pen: Pen, rng: Rng) -> None:
    """A hot-air balloon with its basket."""
    for x in (-0.09, 0.09):
        pen.line([(1.6 * x, 0.1), (x, 0.36)], 0.016)
    wide = rng.uniform(0.3, 0.38)
    pen.fill(smooth([(0, -0.5), (wide, -0.3), (0.9 * wide, -0.04), (0.1, 0.18), (-0.1, 0.18),
                     (-0.9 * wide, -0.04), (-wide, -0.3)]))  # fmt: skip
    pen.bare(ellipse(0, -0.17, 0.1, 0.32), skin="second")
    pen.fill(rounded([(-0.11, 0.34), (0.11, 0.34), (0.09, 0.5), (-0.09, 0.5)], 1), skin="mark")


def house(pen: Pen, rng: Rng) -> None:
    """Walls, a gable roof, a door and windows."""
    half, eaves = rng.uniform(0.32, 0.4), rng.uniform(-0.1, 0.02)
    pen.fill(box(0.14, -0.46, 0.24, -0.1), skin="mark")
    pen.fill(box(-half, eaves, half, 0.46))
    roof: Shape = np.array([(-half - 0.1, eaves + 0.02), (0, -0.46), (half + 0.1, eaves + 0.02)])
    pen.fill(rounded(roof, 1), skin="second")
    pen.fill(box(-0.07, 0.2, 0.07, 0.46), skin="mark")
    for x in (-0.24, 0.16):
        pen.fill(box(x, eaves + 0.1, x + 0.11, eaves + 0.22), skin="pale")
