"""Ears of every species, from the side and the front, in head units.

The head is a disc of radius one, looking to the right from the side.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from campare.data.drawn.canvas import Pen
from campare.data.drawn.geometry import Shape, ellipse, flipped, moved, rounded, smooth
from campare.data.drawn.poses import Rng, View


class Ear(NamedTuple):
    """One ear: its outline, what shows inside, and whether the head hides its root."""

    shape: Shape
    inner: Shape | None = None
    skin: str = "coat"
    behind: bool = True
    shaded: bool = False


Ears = Callable[[Rng, View], tuple[Ear, ...]]


def draw_ears(pen: Pen, ears: tuple[Ear, ...], *, behind: bool) -> None:
    """Draw the ears behind the head, or those in front of it."""
    for ear in ears:
        if ear.behind == behind:
            pen.fill(ear.shape, skin=ear.skin, shaded=ear.shaded)
            if ear.inner is not None:
                pen.bare(ear.inner, skin="pink")


def _both(
    shape: Shape, inner: Shape | None, skin: str = "coat", *, behind: bool
) -> tuple[Ear, ...]:
    """A right ear from the front, and its mirror image."""
    other = None if inner is None else flipped(inner)
    return Ear(shape, inner, skin, behind), Ear(flipped(shape), other, skin, behind)


def _profile(shape: Shape, inner: Shape | None, skin: str = "coat") -> tuple[Ear, ...]:
    """The near ear over the head, the far one behind it."""
    return Ear(moved(shape, 0.36, -0.03), None, skin, True, True), Ear(shape, inner, skin, False)


def _pointed(view: View, high: float, lean: float, wide: float) -> tuple[Ear, ...]:
    """Triangular ears, pink inside."""
    if view == "front":
        base = np.array([0.6, -0.55])
        ear = rounded([(0.56 - wide, -0.7), (0.62 + lean, -high), (0.5 + wide, -0.25)])
        return _both(ear, moved(base + 0.58 * (ear - base), 0, -0.1), behind=True)
    base = np.array([-0.2, -0.75])
    ear = rounded([(-0.25 - 0.95 * wide, -0.5), (-0.3 - lean, -high), (-0.15 + 0.9 * wide, -0.7)])
    return _profile(ear, base + 0.5 * (ear - base))


def cat(rng: Rng, view: View) -> tuple[Ear, ...]:
    """Upright triangles."""
    return _pointed(view, rng.uniform(1.45, 1.7), rng.uniform(0.05, 0.2), 0.48)


def fox(rng: Rng, view: View) -> tuple[Ear, ...]:
    """Tall broad triangles, dark outside."""
    ears = _pointed(view, rng.uniform(1.8, 2.0), rng.uniform(0.2, 0.35), 0.5)
    return tuple(ear._replace(skin="dark") for ear in ears)


def dog(rng: Rng, view: View) -> tuple[Ear, ...]:
    """Hanging ears, short or long, or ears folded over at half height."""
    folded, long = rng.random() < 0.25, rng.uniform(0.5, 1.1)
    if folded and view == "front":
        base = rounded([(0.2, -0.75), (0.75, -1.2), (1.0, -0.35)])
        flap = rounded([(0.36, -1.0), (0.95, -1.22), (1.32, -0.5 + 0.4 * long)])
        return *_both(base, None, behind=True), *_both(flap, None, "mark", behind=False)
    if folded:
        points = [(-0.75, -0.5), (-0.42, -1.12), (0.0, -1.05), (0.28, -0.25), (-0.15, -0.5)]
        return _profile(rounded(points), None, "mark")
    if view == "front":
        points = [(0.5, -0.82), (0.95, -0.8), (1.3, -0.1), (1.25, long), (0.98, long), (0.84, 0.0)]
        return _both(smooth(points), None, "mark", behind=False)
    low = long + 0.1
    points = [(-0.62, -0.72), (-0.2, -0.78), (0.02, -0.2), (-0.05, low), (-0.45, low), (-0.72, 0.0)]
    return (Ear(smooth(points), None, "mark", behind=False),)


def rabbit(rng: Rng, view: View) -> tuple[Ear, ...]:
    """Two long upright spoons."""
    lean, high = rng.uniform(0.0, 0.3), rng.uniform(0.75, 0.95)
    if view == "front":
        x, y = 0.42 + 0.5 * lean, -0.7 - high
        spoon, inner = (ellipse(x, y, k * 0.25, k * high, lean) for k in (1.0, 0.65))
        return _both(spoon, inner, behind=True)
    x, y = -0.35 - 0.6 * lean, -0.6 - high
    return _profile(ellipse(x, y, 0.25, high, -lean), ellipse(x, y, 0.13, 0.65 * high, -lean))


def _round(view: View, x: float, r: float) -> tuple[Ear, ...]:
    if view == "front":
        return _both(ellipse(x, -x, r, r), ellipse(x, -x, 0.6 * r, 0.6 * r), behind=True)
    y = -0.62 - 0.4 * r
    return _profile(ellipse(-0.3, y, r, r), ellipse(-0.3, y, 0.6 * r, 0.6 * r))


def bear(rng: Rng, view: View) -> tuple[Ear, ...]:
    """Small discs."""
    return _round(view, 0.74, rng.uniform(0.32, 0.4))


def mouse(rng: Rng, view: View) -> tuple[Ear, ...]:
    """Very large discs."""
    return _round(view, 0.9, rng.uniform(0.62, 0.74))


def pig(rng: Rng, view: View) -> tuple[Ear, ...]:
    """Triangles that flop forwards."""
    low = rng.uniform(-0.3, -0.05)
    if view == "front":
        flap = rounded([(0.25, -0.98), (0.95, -0.95), (1.0, low)])
        return _both(flap, None, behind=False)
    return _profile(rounded([(-0.6, -0.75), (-0.1, -1.05), (0.22, low - 0.1)]), None)
