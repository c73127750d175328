"""Source categories that live, in the unit box round the origin, in the coats of the animals."""

from math import pi

import numpy as np

from campare.data.drawn.canvas import Pen
from campare.data.drawn.geometry import ellipse, flipped, limb, rounded, smooth, stroll
from campare.data.drawn.poses import Rng


def _eye(pen: Pen, x: float, y: float, r: float = 0.045) -> None:
    pen.flat(ellipse(x, y, r, r), skin="white")
    pen.flat(ellipse(x + 0.2 * r, y, 0.6 * r, 0.6 * r))


def fish(pen: Pen, rng: Rng) -> None:
    """Seen from the side: body, forked tail, fins."""
    high = rng.uniform(0.17, 0.28)
    pen.fill(rounded([(-0.22, 0), (-0.5, -0.24), (-0.42, 0), (-0.5, 0.24)]), skin="second")
    pen.fill(smooth([(-0.15, -0.7 * high), (0.1, -1.5 * high), (0.2, -0.6 * high)]), skin="second")
    pen.fill(smooth([(-0.3, 0), (0.05, -high), (0.36, -0.6 * high), (0.5, 0.02), (0.36, 0.6 * high),
                     (0.05, high)]))  # fmt: skip
    pen.fill(rounded([(0.08, 0.02), (-0.1, 0.14), (0.02, -0.06)]), skin="second")
    _eye(pen, 0.34, -0.06)
    pen.line([(0.2, -0.12), (0.16, 0.02), (0.2, 0.14)], 0.02)


def bird(pen: Pen, rng: Rng) -> None:
    """Perched, from the side: beak, wing, tail feathers, two thin legs."""
    lean = rng.uniform(-0.06, 0.06)
    for x in (-0.04, 0.08):
        pen.line([(x, 0.2), (x + 0.02, 0.48)], 0.025)
        pen.line([(x - 0.03, 0.48), (x + 0.1, 0.48)], 0.025)
    pen.fill(rounded([(-0.2, 0.02), (-0.52, 0.2 + lean), (-0.44, 0.3 + lean), (-0.12, 0.18)], 1))
    pen.fill(rounded([(0.34, -0.27), (0.52, -0.2), (0.34, -0.13)], 1), skin="accent")
    pen.fill(smooth([(0.1, -0.3), (0.27, -0.36), (0.38, -0.22), (0.28, 0.05), (0.05, 0.26),
                     (-0.24, 0.14), (-0.2, -0.04)]))  # fmt: skip
    wing = smooth([(0.14, -0.08), (0.1, 0.12), (-0.34, 0.22 + lean), (-0.12, -0.02)])
    pen.fill(wing, skin="second")
    _eye(pen, 0.27, -0.23)


def butterfly(pen: Pen, rng: Rng) -> None:
    """From above: four wings and feelers."""
    wide, low = rng.uniform(0.85, 1.1), rng.uniform(0.85, 1.1)
    upper = smooth(
        np.array([(0.03, -0.06), (0.24, -0.46), (0.48, -0.38), (0.4, -0.06)]) * (wide, 1)
    )
    lower = smooth(np.array([(0.03, 0.0), (0.36, 0.04), (0.34, 0.34), (0.14, 0.4)]) * (wide, low))
    pen.fill(lower, flipped(lower), skin="second")
    pen.fill(upper, flipped(upper))
    spot = ellipse(0.31 * wide, -0.28, 0.06, 0.07)
    pen.bare(spot, flipped(spot), skin="second")
    for side in (-1, 1):
        pen.line([(0, -0.26), (0.05 * side, -0.4), (0.13 * side, -0.46)], 0.018)
    pen.fill(limb([(0, -0.26), (0, 0.32)], (0.07, 0.09, 0.04)), skin="dark")


def turtle(pen: Pen, rng: Rng) -> None:
    """From the side: a dome on short legs."""
    high = rng.uniform(0.36, 0.48)
    for x in (-0.28, -0.1, 0.12, 0.26):
        pen.fill(limb([(x, 0.14), (x + 0.02, 0.3)], (0.13, 0.12)), skin="second")
    pen.fill(rounded([(-0.36, 0.12), (-0.5, 0.2), (-0.34, 0.22)], 1), skin="second")
    pen.fill(limb([(0.28, 0.1), (0.42, 0.0)], (0.14, 0.17)), skin="second")
    arch = [(0.38 * np.cos(t), 0.16 - high * np.sin(t)) for t in np.linspace(0, pi, 14)]
    pen.fill(np.array(arch))
    pen.fill(limb([(-0.38, 0.17), (0.38, 0.17)], (0.07,)), skin="mark")
    for x in (-0.19, 0.0, 0.19):
        pen.line([(0.7 * x, 0.16 - 0.85 * high), (x, 0.12)], 0.02)
    _eye(pen, 0.44, -0.02, 0.035)


def snail(pen: Pen, rng: Rng) -> None:
    """A spiral house on a creeping foot."""
    r = rng.uniform(0.25, 0.31)
    for x in (0.4, 0.46):
        pen.fill(limb([(0.38, 0.12), (x, -0.14)], (0.035, 0.045)), skin="second")
    foot = [(-0.5, 0.34), (-0.1, 0.28), (0.24, 0.28), (0.38, 0.08)]
    pen.fill(limb(foot, (0.04, 0.16, 0.17, 0.13)), skin="second")
    pen.fill(ellipse(-0.08, 0.04, r, r))
    turn = np.linspace(0.4, 4.2 * pi, 40)
    radius = r * 0.9 * turn / turn[-1]
    spiral = np.stack([-0.08 + radius * np.cos(turn), 0.04 + radius * np.sin(turn)], axis=1)
    pen.arc(spiral, 0.028)


def octopus(pen: Pen, rng: Rng) -> None:
    """A round head on curling arms."""
    for start, heading in zip(np.linspace(-0.22, 0.22, 6), np.linspace(2.7, 0.45, 6), strict=True):
        bends = rng.uniform(0.1, 0.5) * np.array([0, -1, -1, 1, 2.0]) * np.sign(start)
        pen.fill(limb(stroll((start, 0.08), heading, 0.42, bends), (0.12, 0.08, 0.03)))
    pen.fill(smooth([(0, -0.5), (0.26, -0.3), (0.24, 0.02), (0.16, 0.16), (-0.16, 0.16),
                     (-0.24, 0.02), (-0.26, -0.3)]))  # fmt: skip
    _eye(pen, -0.1, -0.06, 0.06)
    _eye(pen, 0.12, -0.06, 0.06)


def whale(pen: Pen, rng: Rng) -> None:
    """From the side: a big head, a raised fluke, a fountain."""
    high = rng.uniform(0.9, 1.15)
    for side in (-1, 1):
        jet = [(0.24, -0.22), (0.24 + 0.04 * side, -0.4), (0.24 + 0.15 * side, -0.42)]
        pen.fill(limb(jet, (0.03, 0.05)), skin="white")
    fluke = [(-0.42, -0.06), (-0.52, -0.26), (-0.4, -0.2), (-0.28, -0.26), (-0.36, -0.04)]
    pen.fill(rounded(fluke, 2))
    body = [(-0.44, -0.08), (-0.26, -0.02), (0.0, -0.2), (0.3, -0.22), (0.48, -0.04), (0.46, 0.18),
            (0.2, 0.28), (-0.14, 0.24), (-0.34, 0.08)]  # fmt: skip
    pen.fill(smooth(np.array(body) * (1, high)))
    pen.bare(smooth([(0.46, 0.1), (0.44, 0.2), (0.2, 0.26), (-0.1, 0.2), (0.2, 0.16)]), skin="pale")
    pen.fill(rounded([(0.1, 0.14), (-0.04, 0.36), (0.2, 0.2)]))
    _eye(pen, 0.32, 0.0, 0.035)


def crab(pen: Pen, rng: Rng) -> None:
    """From the front: two claws, six legs, eyes on stalks."""
    lift = rng.uniform(-0.08, 0.08)
    for side in (-1, 1):
        for y, reach in ((0.1, 0.46), (0.18, 0.42), (0.26, 0.34)):
            path = [(0.2 * side, y), (reach * side, y - 0.06), ((reach + 0.03) * side, y + 0.16)]
            pen.fill(limb(path, (0.06, 0.05, 0.02)))
        pen.fill(limb([(0.2 * side, 0.0), (0.4 * side, -0.04), (0.38 * side, -0.2)], (0.08, 0.07)))
        claw = [
            (0.3, -0.18),
            (0.28, -0.4 + lift),
            (0.37, -0.3),
            (0.48, -0.42 + lift),
            (0.46, -0.18),
        ]
        pen.fill(rounded(np.array(claw) * (side, 1), 1))
        pen.fill(limb([(0.08 * side, -0.08), (0.09 * side, -0.22)], (0.03, 0.03)))
        _eye(pen, 0.09 * side, -0.24, 0.045)
    pen.fill(ellipse(0, 0.08, 0.29, 0.2))
    pen.line([(-0.08, 0.14), (0, 0.18), (0.08, 0.14)], 0.02)


def bee(pen: Pen, rng: Rng) -> None:
    """From the side: a banded body and two wings."""
    tilt = rng.uniform(-0.2, 0.2)
    for x, angle in ((-0.1, -0.5 + tilt), (0.06, 0.3 + tilt)):
        pen.fill(ellipse(x, -0.25, 0.12, 0.23, angle), skin="white")
    pen.fill(rounded([(-0.36, 0.04), (-0.52, 0.12), (-0.36, 0.16)], 1), skin="dark")
    for x in (0.36, 0.44):
        pen.line([(0.32, -0.02), (x, -0.22)], 0.02)
    pen.fill(ellipse(-0.06, 0.1, 0.35, 0.22))
    for x in (-0.26, -0.1, 0.06):
        half = 0.2 * np.sqrt(1 - ((x + 0.06) / 0.35) ** 2)
        pen.bare(limb([(x, 0.1 - half), (x + 0.02, 0.1), (x, 0.1 + half)], (0.07,)), skin="dark")
    pen.fill(ellipse(0.31, 0.08, 0.15, 0.15), skin="second")
    _eye(pen, 0.36, 0.05)


def penguin(pen: Pen, rng: Rng) -> None:
    """From the front: flippers, a pale belly, a beak."""
    lift = rng.uniform(0.0, 0.12)
    for side in (-1, 1):
        pen.fill(ellipse(0.12 * side, 0.47, 0.12, 0.05), skin="accent")
        pen.fill(limb([(0.22 * side, -0.08), ((0.36 + lift) * side, 0.2 - lift)], (0.12, 0.06)))
    pen.fill(smooth([(0, -0.5), (0.2, -0.36), (0.26, 0.1), (0.2, 0.42), (0, 0.48), (-0.2, 0.42),
                     (-0.26, 0.1), (-0.2, -0.36)]))  # fmt: skip
    pen.bare(ellipse(0, 0.14, 0.18, 0.29), skin="pale")
    _eye(pen, -0.08, -0.33)
    _eye(pen, 0.08, -0.33)
    pen.fill(rounded([(-0.07, -0.26), (0.07, -0.26), (0.0, -0.14)], 1), skin="accent")
