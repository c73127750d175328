"""Arithmetic on maps: the positive part, enlarge, shrink, and say what is wrong with one.

A map is float32 (h, w) at the resolution of a layer; of another rank, as many axes change size as
the new shape has, the last ones. They change one after the other: resize weighs the two nearest
pixels, pool weighs pixels by the area they share with a cell.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from campare.errors import CampareError
from campare.models.arrays import map_axes
from campare.types import Array, Floats

How = Literal["bilinear", "nearest", "corners"]

_Change = Callable[[Array, int, int], Array]  # maps, axis, new size -> maps
_Centers = Callable[[int, int], NDArray[np.float64]]


def positive(maps: Array) -> Floats:
    """The positive part of maps: what speaks for the class; NaN stays NaN.

    Shapes: (N, h, w) -> (N, h, w), float32, >= 0.

    Example:
        >>> positive(np.array([[[-1.0, 2.0]]])).tolist()
        [[[0.0, 2.0]]]
    """
    return np.maximum(np.asarray(maps, dtype=np.float32), 0)


def resize(maps: Array, shape: tuple[int, ...], how: How = "bilinear") -> Floats:
    """Enlarge maps bilinearly, with half-pixel centers and clamped edges, or as `how` says.

    Shapes: (..., h, w) -> (..., H, W), float32, within the range of the input. 'bilinear' equals
    `tf.image.resize(..., "bilinear")`; 'nearest' takes the pixel whose cell holds the center;
    'corners' is bilinear with the corner pixels' centers in the corners. None averages when it
    shrinks; `pool` does.

    Raises:
        CampareError: another way to resize.

    Example:
        >>> resize(np.array([[[0.0, 4.0]]]), (1, 4)).tolist()
        [[[0.0, 1.0, 3.0, 4.0]]]
        >>> resize(np.array([[[0.0, 3.0]]]), (1, 4), "corners").tolist()
        [[[0.0, 1.0, 2.0, 3.0]]]
    """
    if how not in _WAYS:
        raise CampareError(f"Expected one of {', '.join(_WAYS)}, got {how!r}. Try: 'bilinear'")
    return _along_axes(maps, shape, lambda maps, axis, m: _between(maps, axis, _WAYS[how], m))


def within(one: Array, window: Sequence[float], shape: tuple[int, int]) -> Floats:
    """A map of a part of a picture at that part of it, enlarged bilinearly; NaN elsewhere.

    Shapes: (h, w) -> (H, W), float32. `window` is (top, left, bottom, right) in shares of the
    picture, as `Framing.rectangle` has it. Of the whole picture it equals `resize`.

    Example:
        >>> within(np.array([[1.0, 2.0]]), (0, 0.25, 1, 0.75), (1, 4)).tolist()
        [[nan, 1.0, 2.0, nan]]
    """
    top, left, bottom, right = window
    found = np.asarray(one, np.float64)
    outside = []
    for axis, low, high, m in ((-2, top, bottom, shape[0]), (-1, left, right, shape[1])):
        share = ((np.arange(m) + 0.5) / m - low) / (high - low)
        n = found.shape[axis]
        centers = np.clip(share * n - 0.5, 0, n - 1)
        found = _between(found, axis, lambda _, __, at=centers: at, m)  # type: ignore[misc]
        outside.append((share < 0) | (share > 1))
    found[outside[0][:, None] | outside[1]] = np.nan
    return found.astype(np.float32)


def pool(maps: Array, shape: tuple[int, ...]) -> Floats:
    """Average maps over the cells of another grid, by area, for any ratio of the two grids.

    Shapes: (..., h, w) -> (..., H, W), float32. The mean of every map is conserved.

    Example:
        >>> pool(np.array([[[0.0, 3.0, 6.0]]]), (1, 2)).tolist()
        [[[1.0, 5.0]]]
        >>> pool(np.ones((4, 8, 6, 6)), (4, 3, 2)).shape
        (4, 4, 3, 2)
    """
    return _along_axes(maps, shape, _weighted)


def status(maps: Array) -> NDArray[np.str_]:
    """What is wrong with each map, or 'ok'.

    Shapes: (N, h, w) -> (N,). 'non-finite': it has a NaN or an infinity. 'flat': all its values are
    equal, as in an all-zero Grad-CAM. 'all-negative': nothing in it is positive. Else 'ok'.

    Example:
        >>> status(np.array([[[0.0, 0.0]], [[-2.0, -1.0]], [[-1.0, 1.0]]])).tolist()
        ['flat', 'all-negative', 'ok']
    """
    maps = np.asarray(maps)
    grid = map_axes(maps)
    with np.errstate(invalid="ignore"):
        low, high = maps.min(axis=grid), maps.max(axis=grid)  # a NaN spreads to both
    finite = np.isfinite(low) & np.isfinite(high)
    wrong = [~finite, low == high, high <= 0]
    return np.asarray(np.select(wrong, ["non-finite", "flat", "all-negative"], "ok"))


def _along_axes(maps: Array, shape: tuple[int, ...], change: _Change) -> Floats:
    """Change the size of maps along each of their last axes, first to last."""
    if maps.shape[-len(shape) :] == tuple(shape):
        return np.array(maps, dtype=np.float32)
    sized = np.asarray(maps, dtype=np.float64)  # rounded once, at the end: none leaves the range
    with np.errstate(invalid="ignore", over="ignore"):  # a non-finite map stays one
        for axis, n in zip(range(-len(shape), 0), shape, strict=True):
            sized = change(sized, axis, n)
        return sized.astype(np.float32)


def _between(maps: Array, axis: int, centers: _Centers, m: int) -> Array:
    """m values along an axis, each between the two pixels whose centers are nearest."""
    n = maps.shape[axis]
    center = centers(n, m)
    first = np.floor(center).astype(int)
    a: Array = maps.take(first, axis)
    b: Array = maps.take(np.minimum(first + 1, n - 1), axis)
    b -= a  # a + w (b - a), in place: with w = 0 or a = b that is a, exactly
    b *= (center - first).reshape(-1, *[1] * (-axis - 1))
    b += a
    return b


def _weighted(maps: Array, axis: int, m: int) -> Array:
    """m values along an axis, each the mean of a cell."""
    weights = _overlap(maps.shape[axis], m)
    if axis == -1:
        return maps @ weights.T
    means: Array = np.swapaxes(weights @ np.swapaxes(maps, axis, -2), axis, -2)
    return means


def _bilinear(n: int, m: int) -> NDArray[np.float64]:
    """(m,): where in n pixels the centers of m interpolated ones lie."""
    center: NDArray[np.float64] = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    return center


def _nearest(n: int, m: int) -> NDArray[np.float64]:
    """(m,): the pixel in whose cell the center of each of m lies."""
    center: NDArray[np.float64] = np.floor((np.arange(m) + 0.5) * n / m)
    return center


def _corners(n: int, m: int) -> NDArray[np.float64]:
    """(m,): centers at equal distances from that of the first pixel to that of the last."""
    return np.linspace(0, n - 1, m)


def _overlap(n: int, m: int) -> NDArray[np.float64]:
    """(m, n): the share of each of m cells that each of n pixels covers."""
    start, end = np.arange(m)[:, None] * n / m, np.arange(1, m + 1)[:, None] * n / m
    pixel = np.arange(n)
    shared: NDArray[np.float64] = np.minimum(end, pixel + 1) - np.maximum(start, pixel)
    return shared.clip(min=0) * m / n


_WAYS: dict[str, _Centers] = {"bilinear": _bilinear, "nearest": _nearest, "corners": _corners}
