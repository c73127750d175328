"""Infidelity (Yeh et al. 2019): does the map foretell how the logit falls under small changes?

A change I of the image should lower the logit by the sum of I times the map. Infidelity is the mean
square of what the map foretells wrongly, over many changes.
"""

from collections.abc import Iterator

import numpy as np

from campare.attribution import maps as m
from campare.metrics.faithfulness.predicting import BATCH, check, logit, scores
from campare.metrics.faithfulness.replacing import Baseline, baseline, generator
from campare.metrics.metric import INF, Metric, Predict
from campare.metrics.values import Values, pixels, with_reasons
from campare.models.arrays import map_axes
from campare.types import Array, Bools, Floats


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
    whole, maps, targets = check(np.asarray(images, np.float32), maps, targets)
    rng = generator(rng)
    replacement = baseline(whole, other, rng)
    patches = random_patches(len(whole) * changes, whole.shape[1:3], rng)
    patches = patches.reshape(len(whole), changes, *whole.shape[1:3])
    runs = _runs(whole, replacement, patches)
    found = scores(predict, runs, targets, score=logit, batch_size=batch_size)
    found = found.reshape(len(whole), changes + 1)
    fall = found[:, :1] - found[:, 1:]
    finite = np.where(np.isfinite(maps).all(axis=map_axes(maps), keepdims=True), maps, 0)
    weight = m.resize(finite, whole.shape[1:3]) * (whole - replacement).sum(axis=-1)
    foretold = np.einsum("nkhw,nhw->nk", patches, weight.astype(np.float64))
    if scaled:
        power = (foretold**2).sum(axis=1, keepdims=True)
        fits = (foretold * fall).sum(axis=1, keepdims=True)
        foretold = foretold * fits / np.where(power > 0, power, 1)
    wrong = ((foretold - fall) ** 2).mean(axis=1)
    return with_reasons(wrong, {**pixels(maps)[1], "non-finite-logits": np.isnan(wrong)})


def random_patches(count: int, shape: tuple[int, int], rng: np.random.Generator) -> Bools:
    """Squares of a side of 10 to 50 % of the shorter side, inside: (count, H, W).

    Example:
        >>> random_patches(2, (10, 10), np.random.default_rng(0)).shape
        (2, 10, 10)
    """
    height, width = shape
    shorter = min(shape)
    side = rng.integers(max(1, shorter // 10), max(2, shorter // 2 + 1), count)
    top = (rng.random(count) * (height - side + 1)).astype(int)
    left = (rng.random(count) * (width - side + 1)).astype(int)
    row, column = np.arange(height), np.arange(width)
    down = (row >= top[:, None]) & (row < (top + side)[:, None])
    across = (column >= left[:, None]) & (column < (left + side)[:, None])
    return np.asarray(down[:, :, None] & across[:, None, :])


def _runs(whole: Floats, replacement: Floats, patches: Bools) -> Iterator[tuple[int, Floats]]:
    """Every image, and then the image without each of its patches."""
    for i, (image, other, masks) in enumerate(zip(whole, replacement, patches, strict=True)):
        yield i, image
        for mask in masks:
            yield i, np.where(mask[..., None], other, image)


#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="infidelity",
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
    ),
)
