"""Fill missing pixels with the weighted mean of their neighbors, all images of a batch at once.

Noisy linear imputation (Rong et al. 2022, ROAD, section 4.2): every missing pixel equals the mean
of its eight neighbors with weights 1/6 (beside) and 1/12 (diagonal), and all equations hold
together. Instead of one sparse factorization an image, conjugate gradients solve the systems of the
whole batch, preconditioned by one multigrid cycle, from a guess that fills every hole with means of
ever wider surroundings. Three cycles leave an error of 0.2 % of the range of a photograph at the
worst pixel, two one of 1 % (root mean square: 0.04 %).

The weights are those of (1 2 1) x (1 2 1) without the center, over 12. So one stencil, `_sums`, is
the equation on every grid, and the way to the next coarser grid and back. Grids have a border of
zeros, so the stencil runs over flat memory.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from campare.errors import DataError
from campare.types import Array, Bools, Floats

#: Stop when a cycle has moved no pixel by more than this share of the range of the known ones.
TOLERANCE = 1e-2

_STEP = np.float32(1.5)  # of Jacobi: eigenvalues lie in 0..1, those of a coarser grid below 0.5
_MOST = 60  # cycles; 2 or 3 are needed
_COARSEST = 9  # nodes along the longer side of the coarsest grid, which is solved directly
_TWICE = (1, 2)  # grids below the finest whose coarser grid is asked twice
_HALF, _TINY = np.float32(0.5), np.finfo(np.float32).tiny
_SLICE = 2**20  # values solved for together: with fewer, threads wait for the interpreter's lock


def impute(images: Array, missing: Array, *, tolerance: float = TOLERANCE) -> Floats:
    """Images whose missing pixels are the weighted means of their neighbors, without noise.

    Shapes: images (N, H, W, C), missing (N, H, W) -> (N, H, W, C) float32. Neighbors beyond the
    border do not count. Raises DataError where an image has no pixel left to fill from.

    Example:
        >>> image = np.array([[[[0.0], [9.0], [3.0]]]])
        >>> impute(image, np.array([[[False, True, False]]])).round(3).ravel().tolist()
        [0.0, 1.5, 3.0]
    """
    missing = np.asarray(missing, bool)
    if missing.all(axis=(1, 2)).any():
        raise DataError(
            "Expected at least one pixel to fill from, got an image with all of them missing. "
            "Try shares below 1."
        )
    images = np.asarray(images, np.float32)
    filled = np.empty(images.shape, np.float32)
    threads = os.cpu_count() or 1
    rounds = -(-images.size // (_SLICE * threads))
    together = max(1, -(-len(images) // max(1, rounds * threads)))

    def fill(start: int) -> None:
        s = slice(start, start + together)
        filled[s] = _solved(images[s], missing[s], tolerance)

    list(_pool(threads).map(fill, range(0, len(images), together)))
    return filled


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """The threads of all calls: new ones for each would leave free memory of their own behind."""
    return ThreadPoolExecutor(threads)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has no threads


def _solved(images: Floats, missing: Bools, tolerance: float) -> Floats:
    """Conjugate gradients on the equations of all images together, each with its own step."""
    levels, x, window = _grids(images, missing)
    finest = levels[0]
    guess = x[window]  # within the range of what is known
    far = tolerance * (guess.max(axis=(1, 2, 3)) - guess.min(axis=(1, 2, 3)))
    r, p, q, moved = (np.zeros_like(x) for _ in range(4))
    _residual(finest, x, None, out=r)
    z = _cycle(levels, r)
    p[:] = z
    power = _dot(r, z)
    for _ in range(_MOST):
        _residual(finest, p, None, out=q)  # minus the operator on p
        step = power / np.maximum(-_dot(p, q), _TINY)
        x += np.multiply(step, p, out=moved)
        r += np.multiply(step, q, out=moved)
        z = _cycle(levels, r)
        if (np.maximum(z.max(axis=(1, 2, 3)), -z.min(axis=(1, 2, 3))) <= far).all():
            break
        before, power = power, _dot(r, z)
        p *= power / np.maximum(before, _TINY)
        p += z
    x += z  # the correction that showed it was enough
    return np.moveaxis(x[window], 1, -1)


@dataclass(eq=False)
class _Level:
    """The equations of one grid, diagonal x - mask sums(x) = right side, and room to solve them.

    Zero off the mask. What is computed goes into memory that is there already: fresh memory costs
    more than the sums.
    """

    mask: Floats  # (N, 1, h, w), 1 where a value is wanted
    diagonal: Floats  # (N, 1, h, w)
    step: Floats  # _STEP / diagonal
    z: Floats  # (N, C, h, w) the solution
    r: Floats  # (N, C, h, w) the right side
    left: Floats  # (N, C, h, w) what is left of it
    spare: Floats  # (2, N C h w) for sums on the way
    inverse: Floats | None = None  # (N, h w, h w), of the coarsest grid alone


def _grids(
    images: Floats, missing: Bools
) -> tuple[list[_Level], Floats, tuple[slice, slice, slice, slice]]:
    """The grids from the finest, a first guess on it, and where the images lie in it.

    The finest has 2^n k + 1 nodes a side with room for the image, each next one every second node.
    """
    n, height, width, channels = images.shape
    halvings = _halvings(max(height, width))
    tall, wide = (_padded(side, halvings) + 2 for side in (height, width))  # with the border
    window = np.s_[:, :, 1 : height + 1, 1 : width + 1]
    mask, inside = np.zeros((2, n, 1, tall, wide), np.float32)
    mask[window], inside[window] = missing[:, None], 1
    x = np.zeros((n, channels, tall, wide), np.float32)
    x[window] = np.moveaxis(images, -1, 1)
    np.copyto(x, 0, where=mask > 0)  # whatever the missing pixels hold
    spare = np.empty((2, x.size), np.float32)
    diagonal = _sums(inside, spare) * mask
    levels = [_level(mask, diagonal, channels, spare)]
    pull = diagonal - _sums(mask, spare) * mask  # of the known pixels on each missing one
    for _ in range(halvings):
        mask = (_coarser(mask, spare) > 0).astype(np.float32)
        pull = _coarser(pull, spare) * mask
        levels.append(_level(mask, _sums(mask, spare) * mask + pull, channels, spare))
    levels[-1].inverse = _inverse(levels[-1].mask, levels[-1].diagonal)
    _guess(x, inside - levels[0].mask, halvings, spare)
    x *= inside
    return levels, x, window


def _padded(side: int, halvings: int) -> int:
    """Nodes along a side that can be halved so often."""
    return -(-(side - 1) >> halvings << halvings) + 1


def _halvings(side: int) -> int:
    """As many as leave at most _COARSEST nodes, and once more where that pads no further."""
    few = max(0, int(np.ceil(np.log2(max(side - 1, 1) / (_COARSEST - 1)))))
    return few + int(_padded(side, few + 1) == _padded(side, few))


def _level(mask: Floats, diagonal: Floats, channels: int, spare: Floats) -> _Level:
    step = np.divide(_STEP, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    z, r, left = np.zeros((3, len(mask), channels, *mask.shape[2:]), np.float32)
    return _Level(mask, diagonal, step, z, r, left, spare)


def _guess(x: Floats, known: Floats, halvings: int, spare: Floats) -> None:
    """Fill x off the known nodes (N, 1, h, w) with means of the known ones of coarser grids.

    A node of a coarser grid is the mean of the known nodes around it, as far as there are any, and
    what the next coarser grid says for the rest (Gortler et al. 1996, pull and push).
    """
    if halvings == 0:
        total = np.maximum(known.sum(axis=(2, 3), keepdims=True), 1)
        x += (1 - known) * ((x * known).sum(axis=(2, 3), keepdims=True) / total)
        return
    weight = _coarser(known, spare)
    mean = _coarser(x, spare)
    mean /= np.maximum(weight, _TINY)
    np.minimum(weight, 1, out=weight)
    mean *= weight
    _guess(mean, weight, halvings - 1, spare)
    _add_finer(mean, 1 - known, x, spare)


def _cycle(levels: list[_Level], r: Floats, depth: int = 0) -> Floats:
    """One symmetric multigrid cycle for the right side r; the result is the level's own z."""
    here, *rest = levels
    z = here.z
    if here.inverse is not None:
        return _directly(here.inverse, r, out=z)
    np.multiply(here.step, r, out=z)
    for _ in range(2 if depth in _TWICE else 1):
        _residual(here, z, r, out=here.left)
        here.left *= here.mask
        coarse = _coarser(here.left, here.spare, out=rest[0].r)
        coarse *= rest[0].mask
        _add_finer(_cycle(rest, coarse, depth + 1), here.mask, z, here.spare)
        _jacobi(here, z, r)
    return z


def _jacobi(level: _Level, z: Floats, r: Floats) -> None:
    """Move z towards the solution of the equations at every node alone."""
    better = _sums(z, level.spare, out=level.left)
    better += r
    better *= level.step
    z *= 1 - _STEP
    z += better


def _residual(level: _Level, z: Floats, r: Floats | None, *, out: Floats) -> None:
    """r - (diagonal z - sums(z)), to be read on the mask alone; None: r is zero."""
    _sums(z, level.spare, out=out)
    own = level.spare[0, : z.size].reshape(z.shape)
    out -= np.multiply(level.diagonal, z, out=own)
    if r is not None:
        out += r


def _directly(inverse: Floats, r: Floats, *, out: Floats) -> Floats:
    """The solution on the coarsest grid; its matrix is symmetric."""
    nodes = r[..., 1:-1, 1:-1]
    out[..., 1:-1, 1:-1] = (nodes.reshape(*r.shape[:2], -1) @ inverse).reshape(nodes.shape)
    return out


def _inverse(mask: Floats, diagonal: Floats) -> Floats:
    """Inverse of the equations of one grid, zero off the mask: (N, nodes, nodes)."""
    height, width = mask.shape[-2] - 2, mask.shape[-1] - 2
    nodes, places = height * width, np.arange(height * width)
    units = np.zeros((1, nodes, height + 2, width + 2), np.float32)
    units[0, places, 1 + places // width, 1 + places % width] = 1
    reached = mask * units
    sums = _sums(reached, np.empty((2, reached.size), np.float32))
    images = (diagonal * units - mask * sums)[..., 1:-1, 1:-1]
    matrix = images.reshape(-1, nodes, nodes).astype(np.float64)
    known = mask[..., 1:-1, 1:-1].reshape(-1, nodes) == 0
    matrix[:, places, places] += known  # rows of zeros so far
    inverse = np.linalg.inv(matrix)
    inverse[:, places, places] -= known
    return inverse.astype(np.float32)


def _sums(x: Floats, spare: Floats, *, out: Floats | None = None) -> Floats:
    """Sums over 3 x 3 nodes with weights (1 2 1) x (1 2 1); the border of x is zero.

    Each of four passes adds two neighbors. Rows follow one another in memory, so that only nodes
    of the border, whose values nobody reads unmasked, see the wrong row.
    """
    out = np.zeros_like(x) if out is None else out
    flat, width, n = x.reshape(-1), x.shape[-1], x.size
    a, b = spare[:, :n]
    np.add(flat[1:], flat[:-1], out=a[: n - 1])
    np.add(a[1 : n - 1], a[: n - 2], out=b[: n - 2])
    np.add(b[width : n - 2], b[: n - 2 - width], out=a[: n - 2 - width])
    inner = out.reshape(-1)[width + 1 : n - width - 1]
    np.add(a[width : n - 2 - width], a[: n - 2 - 2 * width], out=inner)
    return out


def _coarser(x: Floats, spare: Floats, *, out: Floats | None = None) -> Floats:
    """(..., 2h + 1, 2w + 1) nodes and border -> (..., h + 1, w + 1): the transpose of _add_finer.

    A quarter of `_sums` at every second node, rows first.
    """
    *batch, tall, wide = x.shape
    if out is None:
        out = np.zeros((*batch, tall // 2 + 2, wide // 2 + 2), np.float32)
    rows = _room(spare[0], (*batch, tall // 2, wide))
    np.add(x[..., :-2:2, :], x[..., 2::2, :], out=rows)
    rows *= _HALF
    rows += x[..., 1:-1:2, :]
    nodes = out[..., 1:-1, 1:-1]
    np.add(rows[..., :-2:2], rows[..., 2::2], out=nodes)
    nodes *= _HALF
    nodes += rows[..., 1:-1:2]
    return out


def _add_finer(x: Floats, mask: Floats, fine: Floats, spare: Floats) -> None:
    """Add to the nodes of `fine` the bilinear interpolation of x, times mask."""
    nodes, inner, where = x[..., 1:-1, 1:-1], fine[..., 1:-1, 1:-1], mask[..., 1:-1, 1:-1]
    *batch, tall, wide = nodes.shape
    rows = _room(spare[0], (*batch, tall, 2 * wide - 1))
    rows[..., ::2] = nodes
    np.add(nodes[..., :-1], nodes[..., 1:], out=rows[..., 1::2])
    rows[..., 1::2] *= _HALF
    between = _room(spare[1], (*batch, tall - 1, 2 * wide - 1))
    np.add(rows[..., :-1, :], rows[..., 1:, :], out=between)
    between *= _HALF
    rows *= where[..., ::2, :]
    between *= where[..., 1::2, :]
    inner[..., ::2, :] += rows
    inner[..., 1::2, :] += between


def _room(memory: Floats, shape: tuple[int, ...]) -> Floats:
    """The beginning of flat memory in a shape."""
    return memory[: int(np.prod(shape))].reshape(shape)


def _dot(a: Floats, b: Floats) -> NDArray[np.float32]:
    """(N, C, h, w), (N, C, h, w) -> (N, 1, 1, 1)."""
    return np.asarray(np.einsum("nchw,nchw->n", a, b))[:, None, None, None]
