"""Maps that look at no model: what every measured map has to beat.

Each is a function (images, grid, rng) -> maps on the same grid as the layer, and counts as a
method in the table. A metric that one of these wins says nothing about the model.
"""

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from campare.attribution.maps import pool
from campare.types import Array, Floats

Baseline = Callable[[Array, tuple[int, ...], np.random.Generator], Floats]

#: Width of the centered Gaussian: its standard deviation as a share of each side.
CENTRE_SIGMA = 0.25


def uniform(
    images: Array,
    grid: tuple[int, ...],
    rng: np.random.Generator,  # noqa: ARG001
) -> Floats:
    """One everywhere: a map that prefers no place.

    Shapes: images (N, H, W, 3), grid (h, w) -> (N, h, w).

    Example:
        >>> uniform(np.zeros((1, 8, 8, 3)), (1, 2), np.random.default_rng(0)).tolist()
        [[[1.0, 1.0]]]
    """
    return np.ones((len(images), *grid), np.float32)


def centre(
    images: Array,
    grid: tuple[int, ...],
    rng: np.random.Generator,  # noqa: ARG001
) -> Floats:
    """A Gaussian in the middle, its sigma a quarter of each side: photographers center.

    Shapes: images (N, H, W, 3), grid (h, w) -> (N, h, w), in (0, 1].

    Example:
        >>> centre(np.zeros((1, 8, 8, 3)), (1, 3), np.random.default_rng(0)).round(2)[0, 0]
        array([0.41, 1.  , 0.41], dtype=float32)
    """
    along = (((np.arange(n) + 0.5) / n - 0.5) / CENTRE_SIGMA for n in grid)
    squares = np.meshgrid(*(distance**2 for distance in along), indexing="ij")
    one = np.exp(-0.5 * sum(squares)).astype(np.float32)
    return np.repeat(one[None], len(images), axis=0)


def edge(
    images: Array,
    grid: tuple[int, ...],
    rng: np.random.Generator,  # noqa: ARG001
) -> Floats:
    """The edges of the image: Sobel gradient magnitude of the luminance, averaged over cells.

    Shapes: images (N, H, W, 3), grid (h, w) -> (N, h, w), >= 0. Luminance is Rec. 601; of another
    number of channels their mean stands for it. Of signals and volumes along all axes.

    Example:
        >>> edge(np.zeros((1, 8, 8, 3), np.uint8), (1, 2), np.random.default_rng(0)).tolist()
        [[[0.0, 0.0]]]
    """
    return edges(images, grid)


def edges(images: Array, grid: tuple[int, ...]) -> Floats:
    """The `edge` map, which needs no randomness.

    Example:
        >>> edges(np.zeros((1, 8, 8, 3), np.uint8), (1, 2)).shape
        (1, 1, 2)
    """
    maps = np.empty((len(images), *grid), np.float32)
    for i, image in enumerate(images):
        maps[i] = pool(_edge_magnitude(image), grid)
    return maps


def random(images: Array, grid: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Independent uniform noise in [0, 1).

    Shapes: images (N, H, W, 3), grid (h, w) -> (N, h, w).

    Example:
        >>> random(np.zeros((2, 8, 8, 3)), (3, 3), np.random.default_rng(0)).shape
        (2, 3, 3)
    """
    return rng.random((len(images), *grid), dtype=np.float32)


#: The baselines by the name that stands in the column `method`.
BASELINES: Mapping[str, Baseline] = {
    "uniform": uniform,
    "centre": centre,
    "edge": edge,
    "random": random,
}


def _edge_magnitude(image: Array) -> Floats:
    """(*sides, C) -> sides: length of the Sobel gradient; beyond the border pixels repeat."""
    gray = image.astype(np.float32)
    if image.shape[-1] == 3:
        gray = gray @ np.array([0.299, 0.587, 0.114], np.float32)
    else:
        gray = gray.mean(axis=-1)
    gray = np.pad(gray, 1, mode="edge")
    return np.asarray(
        reduce(np.hypot, [abs(_sobel(gray, axis)) for axis in reversed(range(gray.ndim))])
    )


def _sobel(gray: Array, axis: int) -> Array:
    """The central difference along an axis, smoothed along all others."""
    found = _shifted(gray, axis, 2) - _shifted(gray, axis, 0)
    for other in {*range(gray.ndim)} - {axis}:
        found = (
            _shifted(found, other, 0) + 2 * _shifted(found, other, 1) + _shifted(found, other, 2)
        )
    return found


def _shifted(x: Array, axis: int, start: int) -> Array:
    """All but two along an axis, from `start` on."""
    part: Array = np.moveaxis(np.moveaxis(x, axis, 0)[start : start + x.shape[axis] - 2], 0, axis)
    return part
