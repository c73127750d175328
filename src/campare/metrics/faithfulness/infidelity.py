"""Infidelity (Yeh et al. 2019): does the map foretell how the logit falls under small changes?

A change I of the image should lower the logit by the sum of I times the map. Infidelity is the mean
square of what the map foretells wrongly, over many changes.
"""

from collections.abc import Iterator
from itertools import repeat

import numpy as np

from campare.attribution import maps as m
from campare.data.stored import as_read, gathered, lazily, parts, zeros
from campare.metrics.faithfulness.predicting import BATCH, check, logit, scored, split
from campare.metrics.faithfulness.replacing import Baseline, baseline, finite, generator
from campare.metrics.metric import INF, Metric, Predict
from campare.metrics.values import Values, pixels, with_reasons
from campare.types import Array, Bools, Floats, Ints

_DRAWN = 2**16  # patches that are drawn together


def infidelity(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    changes: int = 32,
    other: Baseline = "mean",
    scaled: bool = True,
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Mean over I of (b sum(I map) - (f(x) - f(x - I)))^2, f the logit of the target: >= 0.

    Yeh et al. 2019, definition 2.1, with their removal of random patches: x - I is x with a square
    of random side and place replaced by `other`. The map is enlarged and counts for every channel.
    `scaled`: b minimizes the mean, so that the scale of the map does not matter; else b = 1. Low is
    good; it is in squared logits.

    Example:
        >>> predict = lambda images: images.sum(axis=(1, 2)) * [[0, 1]]
        >>> image = np.random.default_rng(0).random((1, 8, 8, 1))
        >>> linear = np.ones((1, 8, 8))
        >>> infidelity(predict, image, linear, np.array([1])).values.round(6).tolist()
        [0.0]
    """
    whole, maps, targets = check(images, maps, targets)
    rng = generator(rng)
    replacement = baseline(whole, other, rng)
    shape = whole.shape[1:3]
    corners = _corners(len(whole) * changes, shape, rng)
    corners = as_read(corners.reshape(len(whole), changes, 3))

    def weighed(maps: Floats, whole: Floats, other: Floats) -> Array:
        weight = m.resize(finite(maps), shape) * (whole - other).sum(axis=-1)
        return np.asarray(weight, np.float64)

    weights = lazily(weighed, maps, whole, replacement, shape=(len(whole), *shape))
    runs = _runs(whole, replacement, corners)
    batches = scored(predict, runs, targets, score=logit, batch_size=batch_size)
    curves = split(batches, repeat(changes + 1, len(whole)))
    wrong = np.empty(len(whole))
    for i, (found, weight, places) in enumerate(zip(curves, weights, corners, strict=True)):
        fall = found[0] - found[1:]
        foretold = np.einsum("khw,hw->k", _patches(places, shape), weight)
        if scaled:
            power, fits = (foretold**2).sum(), (foretold * fall).sum()
            foretold = foretold * fits / np.where(power > 0, power, 1)
        wrong[i] = ((foretold - fall) ** 2).mean()
    reasons = gathered(lambda some: pixels(some)[1], maps)
    return with_reasons(wrong, {**reasons, "non-finite-logits": np.isnan(wrong)})


def random_patches(count: int, shape: tuple[int, int], rng: np.random.Generator) -> Bools:
    """Squares of a side of 10 to 50 % of the shorter side, inside: (count, H, W).

    Example:
        >>> random_patches(2, (10, 10), np.random.default_rng(0)).shape
        (2, 10, 10)
    """
    return _patches(_corners(count, shape, rng), shape)


def _corners(count: int, shape: tuple[int, int], rng: np.random.Generator) -> Ints:
    """Side, top and left of random patches: (count, 3)."""
    corners = zeros((count, 3), np.int32)
    shorter = min(shape)
    for some in parts(count, _DRAWN, corners):
        size = some.stop - some.start
        corners[some, 0] = rng.integers(max(1, shorter // 10), max(2, shorter // 2 + 1), size)
    for axis, length in enumerate(shape, 1):
        for some in parts(count, _DRAWN, corners):
            room = length - corners[some, 0] + 1
            corners[some, axis] = (rng.random(some.stop - some.start) * room).astype(int)
    return corners


def _patches(corners: Ints, shape: tuple[int, int]) -> Bools:
    """Squares of these sides, tops and lefts (count, 3) as masks: (count, H, W)."""
    side, top, left = np.asarray(corners, np.int64).T
    row, column = np.arange(shape[0]), np.arange(shape[1])
    down = (row >= top[:, None]) & (row < (top + side)[:, None])
    across = (column >= left[:, None]) & (column < (left + side)[:, None])
    return np.asarray(down[:, :, None] & across[:, None, :])


def _runs(whole: Floats, replacement: Floats, corners: Ints) -> Iterator[tuple[int, Floats]]:
    """Every image, and then the image without each of its patches."""
    for i, (image, other, places) in enumerate(zip(whole, replacement, corners, strict=True)):
        yield i, image
        for mask in _patches(places, (image.shape[0], image.shape[1])):
            yield i, np.where(mask[..., None], other, image)


#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="infidelity",
        pictures=True,
        function=infidelity,
        title="Infidelity",
        formula="mean over removed patches I of (b sum(I map) - fall of the logit)^2, b the best",
        needs=frozenset({"model", "image", "target"}),
        region=None,
        higher_is_better=False,
        low=0,
        high=INF,
        null="a random order on the same network",
        misleads="In squared logits of its own network: a network with small logits scores low. It "
        "asks for attributions that sum up, which a map of places need not do.",
        paper="Yeh et al. 2019, definition 2.1",
        cost="33 forward passes an image",
        order=("inverted", "perfect"),
        default=False,
        parts=True,
    ),
)
