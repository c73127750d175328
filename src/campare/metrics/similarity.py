"""How alike are two maps of one grid? Rank correlation, and structural similarity.

Both read the positive part of maps (N, h, w), pair by pair, and only at the cells that `valid`
(h, w) names: a transformed image has a border that shows nothing. Neither sees the scale of a map.
Equal maps have similarity 1, exactly. What is compared with several others is read once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter, uniform_filter

from campare.errors import DataError
from campare.metrics.concentration import mean_ranks
from campare.metrics.values import Values, pixels, with_reasons
from campare.types import Array, Bools, Ints

#: Fewer valid cells than these have no rank correlation worth the name.
MIN_CELLS = 4

#: Side of the window of `ssim`, as in scikit-image; on a map below 14 cells, half of its side.
WINDOW = 7


@dataclass(frozen=True)
class Seen:
    """What a similarity reads of N maps.

    Attributes:
        parts: arrays (N, ...); reasons: why a map has no similarity, (N,) each; cells: those that
        count, (h, w).
    """

    parts: tuple[Array, ...]
    reasons: dict[str, Bools]
    cells: Bools

    def rows(self, which: Ints) -> "Seen":
        """Of some of the maps, or of the same ones in another order."""
        reasons = {name: of[which] for name, of in self.reasons.items()}
        return replace(self, parts=tuple(part[which] for part in self.parts), reasons=reasons)


@dataclass(frozen=True)
class Similarity:
    """(a, b, valid) -> Values: how alike maps (N, h, w) are on the cells of `valid` (h, w).

    Attributes:
        read: (maps, valid) -> what is read of them; like: (seen, seen) -> how alike they are.

    Raises:
        DataError: maps of different shapes.

    Example:
        >>> one = np.array([[[0.0, 1.0], [2.0, 3.0]]])
        >>> seen = spearman.read(one, None)
        >>> spearman.like(seen, seen).values.tolist(), spearman(one, 3 - one).values.tolist()
        ([1.0], [-1.0])
    """

    read: Callable[[Array, Bools | None], Seen]
    like: Callable[[Seen, Seen], Values]

    def __call__(self, a: Array, b: Array, valid: Bools | None = None) -> Values:
        """How alike each of the maps `a` is to that of `b`."""
        if np.shape(a) != np.shape(b):
            raise DataError(
                f"Expected two stacks of maps of one shape, got {np.shape(a)} and {np.shape(b)}. "
                "Try campare.attribution.maps.pool(maps, grid) on both first."
            )
        return self.like(self.read(a, valid), self.read(b, valid))


def ranks(maps: Array, valid: Bools | None = None) -> Seen:
    """Ranks of the valid cells around their mean (N, n), and their sums of squares (N,).

    A map that is constant on these cells is 'flat'; fewer than four cells are 'too-small'.

    Example:
        >>> ranks(np.array([[[0.0, 1.0], [2.0, 3.0]]])).parts[0].tolist()
        [[-1.5, -0.5, 0.5, 1.5]]
    """
    x, reasons, cells = _cells(maps, valid)
    x = x[:, cells.ravel()]
    small = np.full(len(x), x.shape[1] < MIN_CELLS)
    if not small.all():
        reasons["flat"] = reasons["flat"] | (x.min(axis=1) == x.max(axis=1))
    centered = mean_ranks(x) - (x.shape[1] + 1) / 2
    squares = np.einsum("np,np->n", centered, centered)
    return Seen((centered, squares), {**reasons, "too-small": small}, cells)


def rank_correlation(a: Seen, b: Seen) -> Values:
    """Pearson's correlation of `ranks`, in [-1, 1].

    Example:
        >>> one = np.array([[[0.0, 1.0], [2.0, 3.0]]])
        >>> rank_correlation(ranks(one), ranks(one**2)).values.tolist()
        [1.0]
    """
    (x, xx), (y, yy) = a.parts, b.parts
    length = np.sqrt(xx * yy)  # of equal rows: exactly their product
    product = np.einsum("np,np->n", x, y)
    return with_reasons(product / np.where(length > 0, length, 1), _of_both(a, b))


def windows(maps: Array, valid: Bools | None = None) -> Seen:
    """Maps divided by their maxima, and mean and variance of the window around each cell (N, h, w).

    An empty map is 'flat'; no window of valid cells only is 'too-small'.

    Example:
        >>> unit, mean, variance = windows(np.full((1, 3, 3), 5.0)).parts
        >>> unit[0, 0, 0], mean[0, 1, 1], variance[0, 1, 1]
        (np.float64(1.0), np.float64(1.0), np.float64(0.0))
    """
    x, reasons, cells = _cells(maps, valid)
    rows = x * cells.ravel()
    top = rows.max(axis=1).astype(np.float64)
    unit = (rows / np.where(top > 0, top, 1)[:, None]).reshape(-1, *cells.shape)
    mean = _mean(unit, cells)
    variance = _spread(unit, unit, mean, mean, cells)
    small = not _whole(cells).any()
    reasons["flat"] = reasons["flat"] | ((top <= 0) & (not small))
    return Seen((unit, mean, variance), {**reasons, "too-small": np.full(len(x), small)}, cells)


def structural(a: Seen, b: Seen) -> Values:
    """Mean over the valid windows of the similarity of means, variances and covariance.

    Example:
        >>> flat = windows(np.ones((1, 3, 3)))
        >>> structural(flat, flat).values.tolist()
        [1.0]
    """
    (x, ux, vx), (y, uy, vy) = a.parts, b.parts
    reasons, whole = _of_both(a, b), _whole(a.cells)
    if not whole.any():
        return with_reasons(np.zeros(len(x)), reasons)
    c1, c2 = 0.01**2, 0.03**2
    above = (2 * ux * uy + c1) * (2 * _spread(x, y, ux, uy, a.cells) + c2)
    below = (ux * ux + uy * uy + c1) * (vx + vy + c2)
    return with_reasons((above / below)[:, whole].mean(axis=1), reasons)


#: Spearman's rank correlation, in [-1, 1]; ties have their mean rank. Used by Adebayo et al. 2018.
spearman = Similarity(ranks, rank_correlation)

#: Mean structural similarity, in [-1, 1]. Wang et al. 2004 as in scikit-image
#: (`structural_similarity`, uniform window of 7, data range 1), for all maps at once; on a small
#: map the window is the largest odd one up to half of its side, at least 3. A constant positive map
#: is alike to itself.
ssim = Similarity(windows, structural)


def _cells(maps: Array, valid: Bools | None) -> tuple[Array, dict[str, Bools], Bools]:
    """Positive rows of the maps, why one has no mass, and the valid cells (h, w)."""
    rows, reasons = pixels(maps)
    grid = np.shape(maps)[1:]
    cells = np.ones(grid, bool) if valid is None else np.broadcast_to(valid, grid)
    return rows, reasons, cells


def _of_both(a: Seen, b: Seen) -> dict[str, Bools]:
    return {name: a.reasons[name] | b.reasons[name] for name in a.reasons}


def _side(cells: Bools) -> int:
    """Cells of a side of the window on maps of this grid."""
    return min(WINDOW, max(3, int(min(cells.shape) // 2 - 1) // 2 * 2 + 1))


def _whole(cells: Bools) -> Bools:
    """(h, w): the cells whose windows lie in the map and hold valid cells only."""
    side = _side(cells)
    edge = side // 2
    inside = np.zeros(cells.shape, bool)
    inner = slice(edge, cells.shape[0] - edge), slice(edge, cells.shape[1] - edge)
    inside[inner] = minimum_filter(cells, side)[inner]
    return inside


def _mean(z: Array, cells: Bools) -> NDArray[np.float64]:
    """(N, h, w) -> (N, h, w): mean of the window around every cell."""
    side = _side(cells)
    return np.asarray(uniform_filter(z, (1, side, side)), np.float64)


def _spread(x: Array, y: Array, ux: Array, uy: Array, cells: Bools) -> NDArray[np.float64]:
    """(N, h, w): covariance of x and y, whose means are ux and uy, in the window of every cell."""
    n = _side(cells) ** 2
    return np.asarray(n / (n - 1) * (_mean(x * y, cells) - ux * uy))
