"""Arithmetic on maps: the positive part, enlarge, shrink, and say what is wrong with one.

A map is float32 (h, w) at the resolution of a layer. Both changes of size are a matrix along each
axis: resize weighs the two nearest pixels, pool weighs pixels by the area they share with a cell.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from campare.errors import CampareError
from campare.types import Array, Floats

How = Literal["bilinear", "nearest", "corners"]

_Matrix = Callable[[int, int], NDArray[np.float64]]


def positive(maps: Array) -> Floats:
    """The positive part of maps: what speaks for the class; NaN stays NaN.

    Shapes: (N, h, w) -> (N, h, w), float32, >= 0.

    Example:
        >>> positive(np.array([[[-1.0, 2.0]]])).tolist()
        [[[0.0, 2.0]]]
    """
    return np.maximum(np.asarray(maps, dtype=np.float32), 0)


def resize(maps: Array, shape: tuple[int, int], how: How = "bilinear") -> Floats:
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
    return _along_axes(maps, shape, _WAYS[how])


def pool(maps: Array, shape: tuple[int, int]) -> Floats:
    """Average maps over the cells of another grid, by area, for any ratio of the two grids.

    Shapes: (..., h, w) -> (..., H, W), float32. The mean of every map is conserved.

    Example:
        >>> pool(np.array([[[0.0, 3.0, 6.0]]]), (1, 2)).tolist()
        [[[1.0, 5.0]]]
    """
    return _along_axes(maps, shape, _overlap)


def status(maps: Array) -> NDArray[np.str_]:
    """What is wrong with each map, or 'ok'.

    Shapes: (N, h, w) -> (N,). 'non-finite': it has a NaN or an infinity. 'flat': all its values are
    equal, as in an all-zero Grad-CAM. 'all-negative': nothing in it is positive. Else 'ok'.

    Example:
        >>> status(np.array([[[0.0, 0.0]], [[-2.0, -1.0]], [[-1.0, 1.0]]])).tolist()
        ['flat', 'all-negative', 'ok']
    """
    maps = np.asarray(maps)
    with np.errstate(invalid="ignore"):
        low, high = maps.min(axis=(1, 2)), maps.max(axis=(1, 2))  # a NaN spreads to both
    finite = np.isfinite(low) & np.isfinite(high)
    wrong = [~finite, low == high, high <= 0]
    return np.asarray(np.select(wrong, ["non-finite", "flat", "all-negative"], "ok"))


def _along_axes(maps: Array, shape: tuple[int, int], matrix: _Matrix) -> Floats:
    """Apply one matrix down the columns and one along the rows of maps."""
    if maps.shape[-2:] == tuple(shape):
        return np.array(maps, dtype=np.float32)
    maps = np.asarray(maps, dtype=np.float64)  # then plateaus stay exactly flat in float32
    rows, columns = matrix(maps.shape[-2], shape[0]), matrix(maps.shape[-1], shape[1])
    with np.errstate(invalid="ignore", over="ignore"):  # a non-finite map stays one
        return (rows @ maps @ columns.T).astype(np.float32)


def _bilinear(n: int, m: int) -> NDArray[np.float64]:
    """(m, n): the weights of n pixels in each of m interpolated ones."""
    center = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)  # in old pixels
    weights: NDArray[np.float64] = np.maximum(0, 1 - np.abs(center[:, None] - np.arange(n)))
    return weights


def _nearest(n: int, m: int) -> NDArray[np.float64]:
    """(m, n): one for the pixel in whose cell the center of each of m lies."""
    pixel = ((np.arange(m) + 0.5) * n / m).astype(int)
    weights: NDArray[np.float64] = np.eye(n)[pixel]
    return weights


def _corners(n: int, m: int) -> NDArray[np.float64]:
    """(m, n): the weights of n pixels in each of m between the centers of the outermost."""
    center = np.linspace(0, n - 1, m)
    weights: NDArray[np.float64] = np.maximum(0, 1 - np.abs(center[:, None] - np.arange(n)))
    return weights


def _overlap(n: int, m: int) -> NDArray[np.float64]:
    """(m, n): the share of each of m cells that each of n pixels covers."""
    start, end = np.arange(m)[:, None] * n / m, np.arange(1, m + 1)[:, None] * n / m
    pixel = np.arange(n)
    shared: NDArray[np.float64] = np.minimum(end, pixel + 1) - np.maximum(start, pixel)
    return shared.clip(min=0) * m / n


_WAYS: dict[str, _Matrix] = {"bilinear": _bilinear, "nearest": _nearest, "corners": _corners}
