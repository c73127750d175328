"""Shapes as closed polygons of points (n, 2), x to the right, y down, and frames to place them.

Every drawing is made of these few: an ellipse, a smooth blob through points, a limb (a thick
tapered path with round ends) and a polygon with rounded corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, sin

import numpy as np
from numpy.typing import NDArray

Shape = NDArray[np.float64]  # (n, 2)
Points = Sequence[tuple[float, float]] | Shape


# Round ends of a limb: (cos, sin) of angles from the left side over the tip to the right.
_CAP = np.array([(np.cos(t), np.sin(t)) for t in np.linspace(np.pi / 2, -np.pi / 2, 7)[1:-1]])


@lru_cache
def _circle(count: int) -> Shape:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


@lru_cache
def _catmull_rom(steps: int) -> NDArray[np.float64]:
    """Weights (steps, 4) of four neighbouring points on a uniform Catmull-Rom spline."""
    t = np.arange(steps) / steps
    return 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], 1
    )


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0, n: int = 28) -> Shape:
    """An ellipse at (x, y), turned by `angle` radians."""
    points = _circle(n) * (rx, ry)
    if angle:
        c, s = cos(angle), sin(angle)
        points = points @ np.array([[c, s], [-s, c]])
    return moved(points, x, y)


def moved(shape: Shape, x: float, y: float) -> Shape:
    """The shape moved by (x, y)."""
    there: Shape = shape + np.array([x, y])
    return there


def box(x0: float, y0: float, x1: float, y1: float) -> Shape:
    """An upright rectangle."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)


def smooth(points: Points, steps: int = 6) -> Shape:
    """The closed smooth curve through `points`."""
    p = np.asarray(points, float)
    return _spline(np.concatenate([p[-1:], p, p[:2]]), steps)


def curve(points: Points, steps: int = 6) -> Shape:
    """The open smooth curve through `points`, ends included."""
    p = np.asarray(points, float)
    padded = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    return np.concatenate([_spline(padded, steps), p[-1:]])


def _spline(padded: Shape, steps: int) -> Shape:
    """The curve from the second to the last point but one: (k + 3, 2) -> (k * steps, 2)."""
    k = len(padded) - 3
    around = np.stack([padded[j : j + k].ravel() for j in range(4)])  # (4, k * 2)
    points = (_catmull_rom(steps) @ around).reshape(steps, k, 2)
    return points.transpose(1, 0, 2).reshape(-1, 2)


def rounded(points: Points, times: int = 2) -> Shape:
    """A polygon with its corners cut `times` times (Chaikin)."""
    p = np.asarray(points, float)
    for _ in range(times):
        after = np.concatenate([p[1:], p[:1]])
        p = np.concatenate([0.8 * p + 0.2 * after, 0.2 * p + 0.8 * after], 1).reshape(-1, 2)
    return p


def limb(path: Points, widths: Sequence[float], steps: int = 5) -> Shape:
    """A thick path with round ends; `widths` (full) are spread evenly along it."""
    centre = curve(path, steps)
    along = np.empty_like(centre)
    along[1:-1] = centre[2:] - centre[:-2]
    along[[0, -1]] = centre[1] - centre[0], centre[-1] - centre[-2]
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    at = np.arange(len(centre)) * ((len(widths) - 1) / (len(centre) - 1))
    half = 0.5 * np.interp(at, range(len(widths)), widths)
    across = along[:, ::-1] * (-1, 1)
    side = half[:, None] * across
    tip = centre[-1] + half[-1] * (_CAP @ np.stack([along[-1], across[-1]]))
    start = centre[0] - half[0] * (_CAP @ np.stack([along[0], across[0]]))
    return np.concatenate([centre + side, tip, (centre - side)[::-1], start])


def stroll(
    start: tuple[float, float], heading: float, length: float, bends: Sequence[float] | Shape
) -> Shape:
    """A path of `len(bends)` equal steps that turns by `bends` radians before each of them."""
    angles = heading + np.cumsum(bends)
    steps = length / len(bends) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([[start], start + np.cumsum(steps, axis=0)])


def flipped(shape: Shape) -> Shape:
    """The mirror image, left and right exchanged."""
    return shape * (-1, 1)


def area(shape: Shape) -> float:
    """Signed area of a polygon."""
    x, y = shape.T
    inner = np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:])
    return 0.5 * float(inner + x[-1] * y[0] - y[-1] * x[0])


def expand(shape: Shape, by: float) -> Shape:
    """The polygon moved outwards by about `by`: its outline."""
    around = np.concatenate([shape[-1:], shape, shape[:1]])
    chord = around[2:] - around[:-2]
    size = np.maximum(np.hypot(chord[:, 0], chord[:, 1]), 1e-9)
    step = by if area(shape) > 0 else -by
    outline: Shape = shape + (step / size)[:, None] * chord[:, ::-1] * (1, -1)
    return outline


@dataclass(frozen=True)
class Frame:
    """Where a drawing stands: local points p land on `p @ matrix + origin` (canvas pixels)."""

    matrix: NDArray[np.float64]  # (2, 2)
    origin: NDArray[np.float64]  # (2,)

    @property
    def scale(self) -> float:
        """Pixels of one local unit."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    def __call__(self, points: Points) -> Shape:
        """Local points as canvas pixels."""
        return np.asarray(points, float) @ self.matrix + self.origin

    def within(
        self,
        centre: tuple[float, float],
        scale: float,
        angle: float = 0.0,
        *,
        mirrored: bool = False,
    ) -> "Frame":
        """A frame inside this one, first scaled (and mirrored), then turned, then moved."""
        c, s = cos(angle), sin(angle)
        turn = scale * np.array([[c, s], [-s, c]])
        if mirrored:
            turn[0] *= -1
        return Frame(turn @ self.matrix, self(np.array(centre)))
