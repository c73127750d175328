"""What tells a species: ears, muzzle (nose, mouth, whiskers) and tail, from the side and the front.

Head units: the head is a disc of radius one, looking to the right from the side.
Each function draws with a pen whose strokes are labelled as class-telling.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi

import numpy as np

from campare.data.drawn import ears
from campare.data.drawn.canvas import Pen
from campare.data.drawn.ears import Ears
from campare.data.drawn.geometry import curve, ellipse, flipped, limb, rounded, smooth, stroll
from campare.data.drawn.poses import Rng, View

Muzzle = Callable[[Pen, Rng, View], None]
Tail = Callable[[Pen, Rng, float], None]  # from the origin, in a heading


@dataclass(frozen=True)
class Species:
    """The three features."""

    ears: Ears
    muzzle: Muzzle
    tail: Tail


def _whiskers(
    pen: Pen, rng: Rng, x: float, y: float, sides: Sequence[int], reach: float = 0.82
) -> None:
    """Three whiskers from (x, y), or from its mirror image, to each of the sides."""
    for side in sides:
        root = x * side if len(sides) == 2 else x
        for slope in (-0.22, 0.02, 0.26):
            end = (root + reach * side, y + slope + rng.uniform(-0.04, 0.04))
            middle = (root + 0.5 * reach * side, y + 0.35 * slope - 0.03)
            pen.line([(root, y + 0.2 * slope), middle, end], 0.045, "whisker")


def _smile(pen: Pen, x: float, y: float, wide: float) -> None:
    """A nose's lip line that parts to both sides."""
    pen.line([(x, y - 0.12), (x, y)], 0.05)
    for side in (-1, 1):
        pen.line([(x, y), (x + 0.55 * side * wide, y + 0.1), (x + side * wide, y)], 0.05)


def _puffs(pen: Pen, rng: Rng, view: View, nose: str, size: float) -> None:
    """A short muzzle: two cheeks, a small nose, whiskers."""
    if view == "front":
        puff = ellipse(0.2 * size, 0.42, 0.27 * size, 0.22 * size)
        pen.bare(ellipse(0, 0.62, 0.17, 0.14), puff, flipped(puff), skin="pale")
        pen.flat(rounded([(-0.15, 0.14), (0.15, 0.14), (0.0, 0.32)], 1), skin=nose)
        _smile(pen, 0, 0.46, 0.22)
        _whiskers(pen, rng, 0.42, 0.42, (-1, 1))
        return
    pen.fill(ellipse(0.78, 0.32, 0.34 * size, 0.29 * size), skin="pale")
    pen.flat(rounded([(0.92, 0.04), (1.14, 0.08), (1.08, 0.26)], 1), skin=nose)
    pen.line([(1.04, 0.36), (0.86, 0.46), (0.68, 0.4)], 0.05)
    _whiskers(pen, rng, 0.66, 0.36, (-1,), reach=0.6)


def cat_muzzle(pen: Pen, rng: Rng, view: View) -> None:
    """Short, with a small pink nose and long whiskers."""
    _puffs(pen, rng, view, "pink" if rng.random() < 0.7 else "dark", rng.uniform(0.95, 1.1))


def mouse_muzzle(pen: Pen, rng: Rng, view: View) -> None:
    """Short and pink, with whiskers."""
    if view == "front":
        pen.flat(ellipse(0, 0.36, 0.17, 0.15), skin="pink")
        _smile(pen, 0, 0.62, 0.18)
        _whiskers(pen, rng, 0.35, 0.42, (-1, 1))
        return
    pen.fill(smooth([(0.5, -0.3), (1.25, 0.2), (1.3, 0.34), (0.5, 0.75)]))
    pen.flat(ellipse(1.36, 0.24, 0.15, 0.15), skin="pink")
    _whiskers(pen, rng, 0.9, 0.36, (-1,))


def rabbit_muzzle(pen: Pen, rng: Rng, view: View) -> None:
    """Two puffs, and two teeth below them."""
    tooth = (-0.1, 0.56, 0.1, 0.82) if view == "front" else (0.84, 0.48, 0.98, 0.74)
    x0, y0, x1, y1 = tooth
    pen.fill(rounded([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], 1), skin="white")
    _puffs(pen, rng, view, "pink", 0.95)


def _snout(pen: Pen, view: View, length: float, thick: float, nose: float, skin: str) -> None:
    """A muzzle that stands out from the face, with a dark nose at its end."""
    if view == "front":
        low = 0.3 + 0.36 * length
        pen.fill(smooth([(-0.3, 0.0), (0.3, 0.0), (1.25 * thick, low), (0.8 * thick, low + 0.42),
                         (-0.8 * thick, low + 0.42), (-1.25 * thick, low)]), skin=skin)  # fmt: skip
        _smile(pen, 0, low + 0.16, 0.85 * thick)
        pen.flat(ellipse(0, low - 0.18, 1.25 * nose, 0.85 * nose))
        pen.flat(
            ellipse(-0.3 * nose, low - 0.18 - 0.3 * nose, 0.3 * nose, 0.16 * nose), skin="white"
        )
        return
    tip = 0.75 + length
    path = [(0.45, 0.22), (0.5 * (0.45 + tip), 0.3), (tip, 0.34)]
    pen.fill(limb(path, (1.9 * thick, 1.6 * thick, 1.25 * thick)), skin=skin)
    pen.flat(ellipse(tip + 0.4 * thick, 0.34 - 0.42 * thick, nose, 0.85 * nose))
    pen.line([(tip + 0.4 * thick, 0.5), (tip - 0.2, 0.56), (0.75, 0.46)], 0.055)


def dog_muzzle(pen: Pen, rng: Rng, view: View) -> None:
    """Long, with a big dark nose; sometimes the tongue shows."""
    length, thick = rng.uniform(0.6, 0.9), rng.uniform(0.4, 0.48)
    tongue = rng.random() < 0.4
    skin = "pale" if rng.random() < 0.6 else "base"
    if tongue:
        low = 0.3 + 0.36 * length
        inside = ellipse(0, low + 0.44, 0.17, 0.3) if view == "front" else (
            ellipse(0.68 + length, 0.74, 0.15, 0.28, 0.2)
        )  # fmt: skip
        pen.fill(inside, skin="pink")
    _snout(pen, view, length, thick, 0.25, skin)


def bear_muzzle(pen: Pen, rng: Rng, view: View) -> None:
    """Broad and short."""
    _snout(pen, view, rng.uniform(0.1, 0.25), 0.42, 0.19, "pale")


def fox_muzzle(pen: Pen, rng: Rng, view: View) -> None:
    """White and pointed."""
    if view == "front":
        pen.bare(rounded([(-0.98, 0.05), (0.98, 0.05), (0.0, 1.12)], 2), skin="white")
        pen.fill(rounded([(-0.3, -0.1), (0.3, -0.1), (0.16, 0.98), (-0.16, 0.98)], 2))
        pen.flat(ellipse(0, 0.95, 0.18, 0.15))
        return
    tip = 1.6 + rng.uniform(0.0, 0.25)
    pen.fill(smooth([(0.6, 0.02), (1.05, 0.1), (tip, 0.34), (tip, 0.46), (0.9, 0.7), (0.45, 0.75)]))
    pen.bare(smooth([(0.4, 0.4), (tip - 0.1, 0.44), (0.95, 0.66), (0.4, 0.8)]), skin="white")
    pen.flat(ellipse(tip + 0.05, 0.34, 0.16, 0.14))


def pig_muzzle(pen: Pen, rng: Rng, view: View) -> None:
    """A flat disc with two nostrils."""
    if view == "front":
        wide = rng.uniform(0.42, 0.5)
        pen.fill(ellipse(0, 0.36, wide, 0.36), skin="pink")
        pen.flat(ellipse(0.16, 0.36, 0.08, 0.13), ellipse(-0.16, 0.36, 0.08, 0.13))
        return
    tip = rng.uniform(1.3, 1.45)
    pen.fill(limb([(0.6, 0.25), (tip - 0.3, 0.3)], (0.8, 0.7)))
    pen.fill(ellipse(tip, 0.32, 0.17, 0.38, 0.1), skin="pink")
    pen.flat(ellipse(tip, 0.2, 0.05, 0.08), ellipse(tip, 0.42, 0.05, 0.08))


def cat_tail(pen: Pen, rng: Rng, heading: float) -> None:
    """Long, thin, and bent twice."""
    side = -1 if np.cos(heading) > 0 else 1  # curl upwards whichever way it leaves
    bends = side * np.array([0.1, 0.35, 0.5, 0.4, -0.1, -0.5, -0.6]) * rng.uniform(0.5, 1.25)
    path = stroll((0, 0), heading, rng.uniform(0.72, 0.95), bends)
    pen.fill(limb(path, (0.1, 0.085, 0.08, 0.075), 3))


def dog_tail(pen: Pen, rng: Rng, heading: float) -> None:
    """Short and tapered, a plume, or curled."""
    side = -1 if np.cos(heading) > 0 else 1
    kind = rng.integers(3)
    if kind == 0:
        path = stroll((0, 0), heading, rng.uniform(0.34, 0.48), side * rng.uniform(0.1, 0.5, 4))
        pen.fill(limb(path, (0.14, 0.1, 0.035)))
    elif kind == 1:
        path = stroll((0, 0), heading, rng.uniform(0.42, 0.56), side * rng.uniform(0.1, 0.45, 4))
        pen.fill(limb(path, (0.1, 0.2, 0.22, 0.05)))
    else:
        path = stroll((0, 0), heading, 0.5, side * np.array([0.4, 0.8, 1.0, 1.0, 1.0]))
        pen.fill(limb(path, (0.14, 0.13, 0.11, 0.06)))


def fox_tail(pen: Pen, rng: Rng, heading: float) -> None:
    """Bushy, with a white tip."""
    side = -1 if np.cos(heading) > 0 else 1
    path = stroll((0, 0), heading, 0.75, side * rng.uniform(-0.1, 0.4, 5))
    pen.fill(limb(path, (0.1, 0.22, 0.3, 0.26, 0.04)))
    pen.bare(limb(path[-3:], (0.24, 0.22, 0.03)), skin="white")


def rabbit_tail(pen: Pen, rng: Rng, heading: float) -> None:
    """A puff."""
    r = rng.uniform(0.1, 0.13)
    pen.fill(ellipse(0.05 * np.cos(heading), 0, r, r), skin="white")


def bear_tail(pen: Pen, rng: Rng, heading: float) -> None:
    """A stub."""
    pen.fill(ellipse(0.02 * np.cos(heading), 0, rng.uniform(0.075, 0.095), 0.075))


def mouse_tail(pen: Pen, rng: Rng, heading: float) -> None:
    """Very long and thin."""
    side = -1 if np.cos(heading) > 0 else 1
    bends = side * np.array([-0.2, 0.3, 0.5, 0.3, -0.3, -0.6, -0.5]) * rng.uniform(0.7, 1.2)
    pen.fill(limb(stroll((0, 0), heading, 1.0, bends), (0.05, 0.04, 0.025), 3), skin="pink")


def pig_tail(pen: Pen, rng: Rng, heading: float) -> None:
    """A corkscrew."""
    turn = np.linspace(0, rng.uniform(3.0, 3.8) * pi, 22)
    away = np.copysign(1.0, np.cos(heading))
    path = np.stack(
        [away * (0.02 * turn + 0.055 * np.sin(turn)), 0.06 * np.cos(turn) - 0.06], axis=1
    )
    pen.fill(limb(curve(path, 1), (0.045,), 1))


SPECIES: dict[str, Species] = {
    "cat": Species(ears.cat, cat_muzzle, cat_tail),
    "dog": Species(ears.dog, dog_muzzle, dog_tail),
    "rabbit": Species(ears.rabbit, rabbit_muzzle, rabbit_tail),
    "fox": Species(ears.fox, fox_muzzle, fox_tail),
    "bear": Species(ears.bear, bear_muzzle, bear_tail),
    "pig": Species(ears.pig, pig_muzzle, pig_tail),
    "mouse": Species(ears.mouse, mouse_muzzle, mouse_tail),
}
