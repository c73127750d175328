"""Changes of an image that a good map should follow, each with its effect on maps and its inverse.

Flip, rotation, zoom, crop and translation say for every point of the new image where in the old one
it comes from; so the same `Transform` moves images, maps of any grid, and maps back. A change of
color (`campare.metrics.robustness.colors`) is a Transform that moves nothing. Images are
(N, H, W, C).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array

from campare.data.stored import Computed, lazily
from campare.types import Array, Bools, Floats

#: Where a point (y, x) comes from: the rows of a 2 x 3 matrix on (y, x, 1). The image spans -1..1.
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]

IDENTITY: Affine = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))

_TOGETHER = 8  # images that are moved at once


def _same(images: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG001
    return images


@dataclass(frozen=True)
class Transform:
    """A change of images, and what it does to maps.

    Attributes:
        name: 'rotation', ...; dose: its size, in the unit of the function that made it.
        source: where each point of the new image comes from; the identity for a change of color.
        change: (images, rng) -> images, the change of color.
    """

    name: str
    dose: float
    source: Affine = IDENTITY
    change: Callable[[Floats, np.random.Generator], Floats] = _same

    def images(self, images: Array | Computed, rng: np.random.Generator) -> Floats:
        """The changed images (N, H, W, C); beyond the border the image is mirrored.

        Of `Computed` images they are, too: what they draw is drawn when they are first read.

        Example:
            >>> row = np.arange(3.0).reshape(1, 1, 3, 1)
            >>> flip().images(row, np.random.default_rng(0)).ravel().tolist()
            [2.0, 1.0, 0.0]
        """
        return cast("Floats", lazily(self._changed, images, rng=rng))

    def _changed(self, images: Array, rng: np.random.Generator) -> Floats:
        images = np.asarray(images, np.float32)
        if self.source != IDENTITY:
            images = _warp(images, self.source, np.float32)
        return self.change(images, rng)

    def maps(self, maps: Array) -> Floats:
        """Maps (N, h, w) moved as the image is, bilinear.

        Example:
            >>> flip().maps(np.array([[[1.0, 2.0]]])).tolist()
            [[[2.0, 1.0]]]
        """
        return self._moved(maps, self.source)

    def back(self, maps: Array) -> Floats:
        """Maps (N, h, w) moved back.

        Example:
            >>> turn = rotation(90)
            >>> turn.back(turn.maps(np.array([[[1.0, 2.0], [3.0, 4.0]]]))).tolist()
            [[[1.0, 2.0], [3.0, 4.0]]]
        """
        return self._moved(maps, inverse(self.source))

    def valid(self, grid: tuple[int, int]) -> Bools:
        """(h, w): cells of a changed map whose centers show a point inside the image.

        Example:
            >>> translation(0.5).valid((1, 4)).tolist()
            [[False, False, True, True]]
        """
        return _inside(self.source, grid)

    def valid_back(self, grid: tuple[int, int]) -> Bools:
        """(h, w): cells of a map moved there and back that never left the image.

        Example:
            >>> zoom(2).valid_back((4, 4)).sum()
            np.int64(4)
        """
        return _inside(inverse(self.source), grid)

    def _moved(self, maps: Array, source: Affine) -> Floats:
        maps = np.asarray(maps, np.float32)
        return maps if source == IDENTITY else _warp(maps[..., None], source, np.float64)[..., 0]


def flip(direction: str = "horizontal") -> Transform:
    """Mirror left and right, or with 'vertical' top and bottom. Exact; its dose is 1.

    Example:
        >>> flip("vertical").name
        'flip'
    """
    y, x = (-1.0, 1.0) if direction == "vertical" else (1.0, -1.0)
    return Transform("flip", 1, ((y, 0.0, 0.0), (0.0, x, 0.0)))


def rotation(degrees: float, *, aspect: float = 1.0) -> Transform:
    """Turn about the center, counterclockwise; `aspect` is width / height of the images.

    Example:
        >>> rotation(90).maps(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
        [[[2.0, 4.0], [1.0, 3.0]]]
    """
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return Transform("rotation", degrees, ((c, s * aspect, 0.0), (-s / aspect, c, 0.0)))


def zoom(factor: float) -> Transform:
    """Enlarge about the center (factor > 1), or shrink (factor < 1) inside a mirrored border.

    The dose is the distance of the factor from 1; the name 'zoom-in' or 'zoom-out'.

    Example:
        >>> zoom(1.5).name, zoom(1.5).dose
        ('zoom-in', 0.5)
    """
    name = "zoom-in" if factor >= 1 else "zoom-out"
    dose = round(abs(factor - 1), 9)
    return Transform(name, dose, ((1 / factor, 0.0, 0.0), (0.0, 1 / factor, 0.0)))


def crop(share: float) -> Transform:
    """Cut `share` of each side away, right and bottom, and enlarge the rest to the image.

    Example:
        >>> crop(0.5).maps(np.array([[[1.0, 1.0, 9.0, 9.0]]])).tolist()
        [[[1.0, 1.0, 1.0, 3.0]]]
    """
    keep = 1 - share
    return Transform("crop", share, ((keep, 0.0, -share), (0.0, keep, -share)))


def translation(share: float) -> Transform:
    """Move right and down by `share` of each side; what comes in is mirrored.

    Example:
        >>> translation(0.5).maps(np.array([[[1.0, 2.0], [3.0, 4.0]]]))[0, 1, 1]
        np.float32(1.0)
    """
    return Transform("translation", share, ((1.0, 0.0, -2 * share), (0.0, 1.0, -2 * share)))


def inverse(source: Affine) -> Affine:
    """The affine map that undoes `source`.

    Example:
        >>> inverse(((2.0, 0.0, 0.0), (0.0, 2.0, 1.0)))
        ((0.5, 0.0, 0.0), (0.0, 0.5, -0.5))
    """
    full = np.vstack([source, (0, 0, 1)])
    down, across = np.linalg.inv(full)[:2] + 0.0  # no -0.0
    return (tuple(down.tolist()), tuple(across.tolist()))


def _coordinates(source: Affine, grid: tuple[int, int]) -> NDArray[np.float64]:
    """(2, h * w): where the center of every cell comes from, in -1..1 inside the image."""
    y, x = ((2 * np.arange(n) + 1) / n - 1 for n in grid)
    down, across = np.meshgrid(y, x, indexing="ij")
    return np.asarray(source) @ [down.ravel(), across.ravel(), np.ones(down.size)]


def _inside(source: Affine, grid: tuple[int, int]) -> Bools:
    """(h, w): whether the center of a cell comes from inside the image."""
    return np.asarray((np.abs(_coordinates(source, grid)) < 1 + 1e-9).all(axis=0)).reshape(grid)


def _warp(images: Floats, source: Affine, precision: DTypeLike) -> Floats:
    """(N, h, w, C) -> (N, h, w, C): every pixel interpolated between the four at its source.

    One sparse matrix of pixels x pixels for all images and channels, of which so many are moved
    at a time as the cache holds; in float64 a plateau stays exactly one. Beyond the border the
    image is mirrored.
    """
    n, h, w, channels = images.shape
    weighed = [
        _neighbors(u, size) for u, size in zip(_coordinates(source, (h, w)), (h, w), strict=True)
    ]
    (rows, down), (columns, across) = weighed
    index = (rows[:, None] * w + columns[None]).reshape(4, -1)
    weight = (down[:, None] * across[None]).reshape(4, -1)
    starts = np.arange(0, 4 * h * w + 1, 4)
    weights = weight.T.ravel().astype(precision)
    matrix = csr_array((weights, index.T.ravel(), starts), shape=(h * w, h * w))
    pixel = np.dtype((np.void, 4 * channels))  # its channels are copied together
    lines = np.ascontiguousarray(images, np.float32).reshape(n, h * w * channels)
    moved = np.empty_like(lines)
    for start in range(0, n, _TOGETHER):
        some = slice(start, start + _TOGETHER)
        flat = lines[some].view(pixel).T.copy()  # (h w, n)
        found = np.asarray(matrix @ flat.view(np.float32), np.float32)
        moved[some].view(pixel)[:] = found.view(pixel).T
    return moved.reshape(images.shape)


def _neighbors(coordinate: Array, n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The two pixels of n around each coordinate in -1..1 (2, P), and their weights (2, P)."""
    along = (coordinate + 1) / 2 * n % (2 * n)
    along = np.minimum(along, 2 * n - along) - 0.5  # mirrored at the border, in pixels
    along = np.clip(np.round(along, 9), 0, n - 1)  # rounded: a flip moves whole pixels
    first = np.minimum(along.astype(np.int64), max(n - 2, 0))
    second = np.minimum(first + 1, n - 1)
    part = along - first
    return np.stack([first, second]), np.stack([1 - part, part])
