"""Which pixels go first, and what stands in for them.

Pixels are ranked by the map, enlarged bilinearly to the image, highest first. Pixels of one value
inserted in random order, or in reading order on request: a map of mostly zeros would otherwise lose
its upper rows first, which is a bias of its own.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from math import prod
from typing import Any, Literal, cast

import numpy as np

from campare.attribution import maps as m
from campare.data.stored import BLOCK, Computed, as_read, gathered, lazily, parts
from campare.errors import CampareError, DataError
from campare.metrics.robustness.colors import blur
from campare.metrics.values import Reasons
from campare.models.arrays import grid_axes, map_axes
from campare.types import Array, Bools, Floats, Ints

Ties = Literal["random", "reading-order"]

#: What pixels are replaced by; or an array of the shape of the images.
Baseline = str | Array
BASELINES = ("blur", "mean", "zero", "noise")

#: Width of the blur: the Gaussian's standard deviation as a share of each side.
BLUR_SIGMA = 0.05


def baseline(
    images: Floats | Computed, kind: Baseline, rng: np.random.Generator | None = None
) -> Floats:
    """What stands in for removed pixels (N, H, W, C), or for places on a grid of any rank.

    'blur': the image under a Gaussian of 5 % of its side; 'mean': its mean color; 'zero'; 'noise':
    uniform between its lowest and highest value. An array is taken as it is. Raises CampareError
    for another kind, DataError for an array of another shape.

    Example:
        >>> baseline(np.array([[[[2.0], [4.0]]]], np.float32), "mean").ravel().tolist()
        [3.0, 3.0]
    """
    if not isinstance(kind, str):
        return _given(images, kind)
    if isinstance(images, Computed):
        return cast("Floats", _computed(images, kind, generator(rng)))
    images = np.asarray(images)
    if kind == "blur":
        return blur(images, tuple(BLUR_SIGMA * side for side in images.shape[1:-1]))
    if kind == "mean":
        return np.broadcast_to(images.mean(axis=grid_axes(images), keepdims=True), images.shape)
    if kind == "zero":
        return np.zeros_like(images)
    if kind == "noise":
        every = tuple(range(1, images.ndim))
        low, high = (f(images, axis=every, keepdims=True) for f in (np.min, np.max))
        drawn = generator(rng).random(images.shape, dtype=np.float32)
        return np.asarray(low + (high - low) * drawn, np.float32)
    raise CampareError(
        f"Expected a baseline of {', '.join(BASELINES)}, got {kind!r}. Try 'blur', or an array of "
        "the shape of the images."
    )


def _computed(images: Computed, kind: str, rng: np.random.Generator) -> Any:
    """`baseline` when it is read; what is drawn is drawn now, and kept."""
    if kind != "noise":
        return lazily(lambda rows: baseline(rows, kind), images)
    return as_read(gathered(lambda rows: {"": baseline(rows, kind, rng)}, images)[""])


def ranking(
    maps: Floats,
    shape: tuple[int, ...],
    *,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
) -> Ints:
    """Rank of every pixel of the enlarged map, 0 for the highest: (N, h, w) -> (N, H, W).

    Of signals and volumes the same along all axes of the grid.

    Ties are broken at random by `rng`, or in reading order. Undefined maps have some ranking.

    Example:
        >>> ranking(np.array([[[0.0, 4.0]]]), (1, 4), ties="reading-order").tolist()
        [[[3, 2, 1, 0]]]
    """
    return _ranks(maps, shape, ties, generator(rng))


def ranking_of(
    images: Floats | Computed, maps: Floats, *, ties: Ties = "random", rng: np.random.Generator
) -> Ints:
    """`ranking` of maps for their images; where these are `Computed`, so is it, and the same.

    Example:
        >>> ranking_of(np.zeros((1, 1, 4, 3)), np.array([[[0.0, 4.0]]]), ties="reading-order",
        ...     rng=np.random.default_rng(0)).tolist()
        [[[3, 2, 1, 0]]]
    """
    shape = images.shape[1:-1]
    if not isinstance(images, Computed):
        return ranking(maps, shape, ties=ties, rng=rng)
    places = np.arange(prod(shape))
    states = []
    for block in parts(len(maps), BLOCK):  # each block is ranked later, with what it draws here
        states.append(rng.bit_generator.state)
        if ties == "random":
            for _ in range(block.start, block.stop):
                rng.permutation(places)

    def rows(block: slice) -> Ints:
        again = deepcopy(rng)
        again.bit_generator.state = states[block.start // BLOCK]
        return _ranks(maps[block], shape, ties, again)

    return cast("Ints", Computed((len(maps), *shape), rows))


def _ranks(maps: Floats, shape: tuple[int, ...], ties: Ties, rng: np.random.Generator) -> Ints:
    rows = m.resize(finite(maps), shape).reshape(len(maps), prod(shape))
    places = np.arange(rows.shape[1])
    ranks = np.empty(rows.shape, np.int64)
    for row, rank in zip(rows, ranks, strict=True):
        if ties == "random":  # of pixels in random order, so equal ones stay in random order
            before = rng.permutation(places)
            rank[before[np.argsort(-row[before])]] = places
        else:
            rank[np.argsort(-row, kind="stable")] = places
    return ranks.reshape(len(maps), *shape)


def finite(maps: Floats) -> Floats:
    """Maps, those with a NaN or an infinity as zeros.

    Example:
        >>> finite(np.array([[[1.0, np.nan]], [[1.0, 2.0]]])).tolist()
        [[[0.0, 0.0]], [[1.0, 2.0]]]
    """
    return np.where(np.isfinite(maps).all(axis=map_axes(maps), keepdims=True), maps, 0)


def undefined(maps: Floats) -> Reasons:
    """Why a map ranks nothing: it is non-finite, constant, or nowhere positive."""

    def reasons(some: Floats) -> dict[str, Bools]:
        status = m.status(some)
        return {reason: status == reason for reason in ("non-finite", "all-negative", "flat")}

    return gathered(reasons, maps)


def replaced(
    start: Floats, end: Floats, ranks: Ints, counts: Sequence[int] | Ints
) -> Iterator[tuple[int, Floats]]:
    """Every image with its first `count` pixels from `end`, the others from `start`.

    Shapes: (N, H, W, C), (N, H, W, C), (N, H, W) -> pairs (image, (H, W, C)), image by image. All
    pictures of an image lie in the same memory: each holds until the next is asked for.

    Example:
        >>> dark, bright = np.zeros((1, 1, 3, 1)), np.ones((1, 1, 3, 1))
        >>> made = replaced(dark, bright, np.array([[[2, 0, 1]]]), [1, 2])
        >>> [pixels.ravel().tolist() for _, pixels in made]
        [[0.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    """
    for i, (first, last, rank) in enumerate(zip(start, end, ranks, strict=True)):
        order = np.empty(rank.size, np.int64)
        order[rank.ravel()] = np.arange(rank.size)
        before, after = (pixels.reshape(rank.size, -1) for pixels in (first, last))
        picture, done = before.copy(), 0
        for count in counts:
            inserted, removed = order[done:count], order[count:done]
            picture[inserted], picture[removed] = after[inserted], before[removed]
            done = count
            yield i, picture.reshape(first.shape)


def generator(rng: np.random.Generator | None) -> np.random.Generator:
    """`rng`, or one of seed 0."""
    return np.random.default_rng(0) if rng is None else rng


def _given(images: Floats | Computed, given: Array) -> Floats:
    given = np.asarray(given, np.float32)
    if given.shape != images.shape:
        raise DataError(
            f"Expected a baseline of the shape of the images {images.shape}, got {given.shape}. "
            "Try np.broadcast_to(baseline, images.shape)."
        )
    return given
