"""Source categories that grow or shine: plants, fruit, and signs of the sky."""

from math import pi

import numpy as np

from campare.data.drawn.canvas import Pen
from campare.data.drawn.geometry import Shape, box, ellipse, flipped, limb, moved, rounded, smooth
from campare.data.drawn.poses import Rng


def _leaf(x: float, y: float, heading: float, long: float) -> Shape:
    tip = (x + long * np.cos(heading), y + long * np.sin(heading))
    middle = ((x + tip[0]) / 2, (y + tip[1]) / 2)
    return limb([(x, y), middle, tip], (0.02, 0.4 * long, 0.01))


def tree(pen: Pen, rng: Rng) -> None:
    """A trunk under a round crown."""
    pen.fill(limb([(0, 0.0), (0, 0.48)], (0.1, 0.15)), skin="second")
    crown = [(-0.2, -0.06, 0.2), (0.21, -0.05, 0.2), (0.0, -0.27, 0.24), (0.0, -0.02, 0.2)]
    shift = rng.uniform(-0.03, 0.03, (4, 2))
    blobs = (
        ellipse(x + dx, y + dy, r, r) for (x, y, r), (dx, dy) in zip(crown, shift, strict=True)
    )
    pen.fill(*blobs)


def fir(pen: Pen, rng: Rng) -> None:
    """Three tiers on a short trunk."""
    pen.fill(box(-0.06, 0.3, 0.06, 0.5), skin="second")
    wide = rng.uniform(0.85, 1.15)
    for top, bottom, half in ((-0.02, 0.36, 0.36), (-0.26, 0.14, 0.29), (-0.5, -0.08, 0.21)):
        pen.fill(rounded([(0, top), (half * wide, bottom), (-half * wide, bottom)], 1))


def flower(pen: Pen, rng: Rng) -> None:
    """Petals round a disc, on a stalk with leaves."""
    pen.fill(limb([(0, -0.1), (rng.uniform(-0.06, 0.06), 0.2), (0, 0.5)], (0.045,)), skin="second")
    pen.fill(_leaf(0, 0.32, -0.5, 0.26), _leaf(0, 0.38, pi + 0.5, 0.26), skin="second")
    count, long = int(rng.integers(5, 9)), rng.uniform(0.15, 0.19)
    for turn in np.arange(count) * 2 * pi / count + rng.random():
        x, y = 0.19 * np.cos(turn), -0.2 + 0.19 * np.sin(turn)
        pen.fill(ellipse(x, y, long, 0.42 / count + 0.03, turn))
    pen.fill(ellipse(0, -0.2, 0.12, 0.12), skin="mark")


def mushroom(pen: Pen, rng: Rng) -> None:
    """A spotted cap on a stem."""
    high, wide = rng.uniform(0.4, 0.5), rng.uniform(0.36, 0.46)
    pen.fill(limb([(0, -0.05), (0.02, 0.44)], (0.17, 0.2)), skin="pale")
    cap = [(wide * np.cos(t), 0.05 - high * np.sin(t)) for t in np.linspace(0, pi, 16)]
    pen.fill(rounded(cap, 1))
    for x, y, r in ((-0.18, -0.1, 0.06), (0.05, -0.24, 0.07), (0.2, -0.06, 0.05)):
        pen.bare(ellipse(x, y, r, r), skin="white")


def cactus(pen: Pen, rng: Rng) -> None:
    """A column with two arms, in a pot."""
    left, right = rng.uniform(-0.1, 0.08, 2)
    pen.fill(
        limb([(0, -0.38), (0, 0.3)], (0.2,)),
        limb([(0, 0.1 + left), (-0.24, 0.08 + left), (-0.27, -0.16 + left)], (0.1,)),
        limb([(0, 0.0 + right), (0.24, -0.02 + right), (0.27, -0.26 + right)], (0.1,)),
    )
    for x in (-0.045, 0.045):
        pen.line([(x, -0.38), (x, 0.2)], 0.014)
    pen.fill(rounded([(-0.22, 0.2), (0.22, 0.2), (0.15, 0.5), (-0.15, 0.5)], 1), skin="second")


def apple(pen: Pen, rng: Rng) -> None:
    """Round, with a dent, a stalk and a leaf."""
    wide = rng.uniform(0.38, 0.45)
    right = np.array([(0.08, -0.27), (0.3, -0.3), (wide, -0.02), (0.3, 0.34), (0.1, 0.4)])
    pen.fill(smooth([(0, -0.2), *right, (0, 0.36), *flipped(right)[::-1]]))
    pen.line([(0, -0.2), (0.05, -0.46)], 0.04)
    pen.fill(_leaf(0.03, -0.34, -0.4, 0.26), skin="second")


def pear(pen: Pen, rng: Rng) -> None:
    """Narrow above, broad below."""
    low = rng.uniform(0.28, 0.36)
    right = np.array([(0.13, -0.3), (0.17, -0.1), (low, 0.16), (0.22, 0.42)])
    pen.fill(smooth([(0, -0.36), *right, (0, 0.46), *flipped(right)[::-1]]))
    pen.line([(0, -0.34), (0.06, -0.5)], 0.04)
    pen.fill(_leaf(0.03, -0.42, 0.1, 0.22), skin="second")


def banana(pen: Pen, rng: Rng) -> None:
    """A crescent with dark ends."""
    bend = rng.uniform(0.3, 0.55)
    x = np.linspace(-0.45, 0.43, 7)
    path = np.stack([x, -0.25 + bend * (1 - (x / 0.45) ** 2)], axis=1)
    pen.fill(limb(path, (0.06, 0.2, 0.25, 0.2, 0.07)))
    pen.fill(limb([(0.42, -0.22), (0.47, -0.34)], (0.07,)), skin="dark")
    pen.line(moved(path[1:-1], 0, 0.02), 0.016)


def carrot(pen: Pen, rng: Rng) -> None:
    """A root with a green tuft."""
    for heading in (-2.1, -1.6, -1.1):
        pen.fill(_leaf(0, -0.16, heading + rng.uniform(-0.1, 0.1), 0.34), skin="second")
    pen.fill(limb([(0, -0.14), (0.01, 0.2), (rng.uniform(-0.05, 0.05), 0.48)], (0.28, 0.2, 0.02)))
    for x, y in ((-0.08, -0.06), (0.04, 0.08), (-0.05, 0.2)):
        pen.line([(x, y), (x + 0.08, y + 0.01)], 0.018)


def star(pen: Pen, rng: Rng) -> None:
    """Five points."""
    turn = np.arange(10) * pi / 5 - pi / 2
    radius = np.where(np.arange(10) % 2 == 0, 0.5, rng.uniform(0.2, 0.27))
    pen.fill(rounded(np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1), 1))


def heart(pen: Pen, rng: Rng) -> None:
    """Two lobes and a point."""
    t = np.linspace(0, 2 * pi, 40, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    pen.fill(np.stack([x, y], axis=1) * (rng.uniform(0.026, 0.031), 0.028))


def moon(pen: Pen, rng: Rng) -> None:
    """A crescent."""
    outer = np.linspace(0.9, 2 * pi - 0.9, 26)
    inner = outer[::-1][1:-1]
    x = np.cos(0.9)
    thin = rng.uniform(0.35, 0.6)
    left = x + (np.cos(inner) - x) * thin
    points = np.concatenate([
        np.stack([np.cos(outer), np.sin(outer)], 1), np.stack([left, np.sin(inner)], 1)
    ])  # fmt: skip
    pen.fill(0.48 * points + (0.1, 0))


def snowman(pen: Pen, rng: Rng) -> None:
    """Three balls, a hat and a carrot."""
    for side in (-1, 1):
        pen.line([(0.15 * side, 0.0), (0.4 * side, -0.12 + rng.uniform(-0.08, 0.08))], 0.035)
    for y, r in ((0.29, 0.22), (0.0, 0.17), (-0.24, 0.13)):
        pen.fill(ellipse(0, y, r, r))
    pen.fill(box(-0.1, -0.5, 0.1, -0.34), box(-0.17, -0.36, 0.17, -0.32), skin="second")
    pen.flat(*(ellipse(x, y, 0.02, 0.02) for x, y in ((-0.05, -0.27), (0.05, -0.27), (0, -0.03),
                                                      (0, 0.06))))  # fmt: skip
    pen.fill(rounded([(0, -0.25), (0.18, -0.2), (0, -0.19)], 1), skin="accent")
