"""How alike are two maps of one grid? Rank correlation, and structural similarity.

Both read the positive part of maps (N, h, w), pair by pair, and only at the cells that `valid`
(h, w) names: a transformed image has a border that shows nothing. Neither sees the scale of a map.
Equal maps have similarity 1, exactly.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter, uniform_filter

from campare.errors import DataError
from campare.metrics.concentration import mean_ranks
from campare.metrics.values import Values, pixels, with_reasons
from campare.types import Array, Bools

#: (a, b, valid) -> Values: how alike the maps a and b (N, h, w) are on the cells of `valid` (h, w).
Similarity = Callable[[Array, Array, Bools | None], Values]

#: Fewer valid cells than these have no rank correlation worth the name.
MIN_CELLS = 4

#: Side of the window of `ssim`, as in scikit-image; on a map below 14 cells, half of its side.
WINDOW = 7


def spearman(a: Array, b: Array, valid: Bools | None = None) -> Values:
    """Spearman's rank correlation of two maps, in [-1, 1]; ties have their mean rank.

    Shapes: (N, h, w), (N, h, w), (h, w) -> (N,). Undefined where one of the maps is constant on
    the valid cells ('flat') or fewer than four cells are valid ('too-small'). Raises DataError for
    maps of different shapes. Used by Adebayo et al. 2018.

    Example:
        >>> one = np.array([[[0.0, 1.0], [2.0, 3.0]]])
        >>> spearman(one, one).values.tolist(), spearman(one, 3 - one).values.tolist()
        ([1.0], [-1.0])
    """
    x, y, reasons, cells = _pair(a, b, valid)
    x, y = x[:, cells.ravel()], y[:, cells.ravel()]
    small = np.full(len(x), x.shape[1] < MIN_CELLS)
    if small.all():
        return with_reasons(np.zeros(len(x)), {**reasons, "too-small": small})
    flat = (x.min(axis=1) == x.max(axis=1)) | (y.min(axis=1) == y.max(axis=1))
    correlation = rank_correlation(x, y)
    return with_reasons(correlation, {**reasons, "flat": reasons["flat"] | flat})


def ssim(a: Array, b: Array, valid: Bools | None = None) -> Values:
    """Mean structural similarity of two maps, each divided by its maximum, in [-1, 1].

    Shapes: (N, h, w), (N, h, w), (h, w) -> (N,). Wang et al. 2004 as in scikit-image
    (`structural_similarity`, uniform window of 7, data range 1), for all maps at once; on a small
    map the window is the largest odd one up to half of its side, at least 3. Only windows of valid
    cells count; without any it is undefined ('too-small'). A constant positive map is alike to
    itself. Raises DataError for maps of different shapes.

    Example:
        >>> flat = np.ones((1, 3, 3))
        >>> ssim(flat, flat).values.tolist()
        [1.0]
    """
    x, y, reasons, cells = _pair(a, b, valid)
    side = min(WINDOW, max(3, (min(cells.shape) // 2 - 1) // 2 * 2 + 1))
    edge = side // 2
    inner = slice(edge, cells.shape[0] - edge), slice(edge, cells.shape[1] - edge)
    whole = minimum_filter(cells, side)[inner]  # windows that hold valid cells only
    if not whole.any():
        return with_reasons(np.zeros(len(x)), {**reasons, "too-small": np.ones(len(x), bool)})
    empty = np.zeros(len(x), bool)
    unit = []
    for rows in (x * cells.ravel(), y * cells.ravel()):
        top = rows.max(axis=1).astype(np.float64)
        empty |= top <= 0
        unit.append((rows / np.where(top > 0, top, 1)[:, None]).reshape(-1, *cells.shape))
    local = _local_similarity(unit[0], unit[1], side)[:, inner[0], inner[1]]
    mean = local[:, whole].mean(axis=1)
    return with_reasons(mean, {**reasons, "flat": reasons["flat"] | empty})


def rank_correlation(x: Array, y: Array) -> NDArray[np.float64]:
    """Spearman's correlation of rows (N, n) with rows (N, n) -> (N,); 0 for a constant row.

    Example:
        >>> rank_correlation(np.array([[1, 2, 9]]), np.array([[3, 2, 1]])).tolist()
        [-1.0]
    """
    a, b = (mean_ranks(rows) - (rows.shape[1] + 1) / 2 for rows in (x, y))
    ab, aa, bb = (np.einsum("np,np->n", p, q) for p, q in ((a, b), (a, a), (b, b)))
    length = np.sqrt(aa * bb)  # of equal rows: exactly ab
    return np.asarray(ab / np.where(length > 0, length, 1), np.float64)


def _local_similarity(x: Array, y: Array, side: int) -> NDArray[np.float64]:
    """(N, h, w), (N, h, w) -> (N, h, w): SSIM of the window around every cell, data range 1."""

    def mean(z: Array) -> NDArray[np.float64]:
        return np.asarray(uniform_filter(z, (1, side, side)), np.float64)

    n = side**2
    ux, uy = mean(x), mean(y)
    vx, vy, vxy = (
        n / (n - 1) * (mean(p * q) - up * uq)
        for p, q, up, uq in ((x, x, ux, ux), (y, y, uy, uy), (x, y, ux, uy))
    )
    c1, c2 = 0.01**2, 0.03**2
    above = (2 * ux * uy + c1) * (2 * vxy + c2)
    below = (ux * ux + uy * uy + c1) * (vx + vy + c2)
    return np.asarray(above / below)


def _pair(a: Array, b: Array, valid: Bools | None) -> tuple[Array, Array, dict[str, Bools], Bools]:
    """Positive rows of both maps, why one of them has no mass, and the valid cells (h, w)."""
    if np.shape(a) != np.shape(b):
        raise DataError(
            f"Expected two stacks of maps of one shape, got {np.shape(a)} and {np.shape(b)}. "
            "Try campare.attribution.maps.pool(maps, grid) on both first."
        )
    (x, first), (y, second) = pixels(a), pixels(b)
    reasons = {name: first[name] | second[name] for name in first}
    grid = np.shape(a)[1:]
    cells = np.ones(grid, bool) if valid is None else np.broadcast_to(valid, grid)
    return x, y, reasons, cells
