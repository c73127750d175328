"""How much of the target's probability does the map keep, when it multiplies the image?

Average drop and increase (Chattopadhay et al. 2018, Grad-CAM++), average gain (Zhang et al. 2023,
Opti-CAM) and ADCC (Poppi et al. 2021). The mask is the positive part of the enlarged map divided by
its maximum. The first three are best for a mask of ones: Fake-CAM (Poppi et al. 2021), one
everywhere but in a corner, beats every honest map.
"""

from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campare.attribution import maps as m
from campare.data.stored import gathered, lazily
from campare.errors import DataError
from campare.metrics.faithfulness.predicting import BATCH, check, scores
from campare.metrics.faithfulness.replacing import Baseline, baseline, finite
from campare.metrics.metric import Explain, Metric, Predict
from campare.metrics.robustness.stability import maps_of
from campare.metrics.values import Reasons, Values, pixels, with_reasons
from campare.models.arrays import map_axes
from campare.types import Array, Bools, Floats


def average_drop(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    other: Baseline = "zero",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Share of the probability Y that is lost under the mask: max(0, Y - O) / Y, in [0, 1].

    O is the probability of mask x image + (1 - mask) x `other`. Low is good. Chattopadhay et al.
    2018, equation 12.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> average_drop(predict, image, 1 - image[..., 0], np.array([1])).values.round(2).tolist()
        [0.49]
    """
    kept = _kept(predict, images, maps, targets, other=other, rng=rng, batch_size=batch_size)
    before, after, reasons = kept.before, kept.after, kept.reasons
    lost = np.maximum(before - after, 0) / np.where(before > 0, before, 1)
    return with_reasons(lost, {**reasons, "no-confidence": before <= 0})


def increase(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    other: Baseline = "zero",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """1 where the probability is higher under the mask than without, O > Y, else 0.

    High is good. Chattopadhay et al. 2018, equation 13; arguments as of `average_drop`.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> increase(predict, image, 1 - image[..., 0], np.array([0])).values.tolist()
        [1.0]
    """
    kept = _kept(predict, images, maps, targets, other=other, rng=rng, batch_size=batch_size)
    return with_reasons(kept.after > kept.before, kept.reasons)


def average_gain(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    other: Baseline = "zero",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Share of the missing probability that is won under the mask: max(0, O - Y) / (1 - Y).

    In [0, 1]; high is good. Undefined ('full-confidence') where nothing is missing. Zhang et al.
    2023 (Opti-CAM), equation 15; arguments as of `average_drop`.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> average_gain(predict, image, 1 - image[..., 0], np.array([0])).values.round(2).tolist()
        [0.49]
    """
    kept = _kept(predict, images, maps, targets, other=other, rng=rng, batch_size=batch_size)
    missing = 1 - kept.before
    won = np.maximum(kept.after - kept.before, 0) / np.where(missing > 0, missing, 1)
    return with_reasons(won, {**kept.reasons, "full-confidence": missing <= 0})


def adcc(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    explain: Explain,
    other: Baseline = "zero",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Harmonic mean of coherency, 1 - complexity and 1 - drop: in [0, 1], high is good.

    ADCC = 3 / (1 / coherency + 1 / (1 - complexity) + 1 / (1 - drop)) of Poppi et al. 2021. Of the
    positive map divided by its maximum, complexity is the mean; coherency is (1 + r) / 2, where r
    is its correlation with the map that `explain` makes of the masked image. Undefined
    ('no-coherency') where either map is constant. Raises DataError where they differ in shape.
    The authors' code lacks the inversion, and takes the score of the predicted class for any
    target; this is the paper's formula.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> same = lambda images, targets: images[..., 0]
        >>> adcc(predict, image, image[..., 0], np.array([1]), explain=same).values.round(2)
        array([0.9])
    """
    kept = _kept(predict, images, maps, targets, other=other, rng=rng, batch_size=batch_size)
    maps = np.asarray(maps, np.float32)
    again = maps_of(explain, kept.masked, np.asarray(targets, np.int64))
    if again.shape != maps.shape:
        raise DataError(
            f"Expected maps of the masked images of shape {maps.shape}, got {again.shape}. "
            "Try the method, layer and image size that made the maps."
        )
    found = gathered(_coherency, maps, again)
    coherency = found["coherency"]
    lost = np.maximum(kept.before - kept.after, 0) / np.where(kept.before > 0, kept.before, 1)
    parts = np.stack([coherency, found["simple"], 1 - lost])
    zero = (parts <= 0).any(axis=0)
    mean = 3 / (1 / np.where(parts > 0, parts, 1)).sum(axis=0)
    return with_reasons(
        np.where(zero, 0, mean),
        {**kept.reasons, "no-confidence": kept.before <= 0, "no-coherency": np.isnan(coherency)},
    )


class _Kept(NamedTuple):
    """Probability of the target without and with the mask, and what is undefined."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    masked: Floats  # (N, H, W, C); of many images `Computed`
    reasons: Reasons


def _kept(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    other: Baseline,
    rng: np.random.Generator | None,
    batch_size: int,
) -> _Kept:
    """Run every image as it is and under the mask of its map."""
    whole, maps, targets = check(images, maps, targets)

    def under_mask(whole: Floats, maps: Floats, replacement: Floats) -> Floats:
        mask = _unit(m.resize(_unit(maps), whole.shape[1:-1]))[..., None]
        return np.asarray(mask * whole + (1 - mask) * replacement)

    masked = lazily(under_mask, whole, maps, baseline(whole, other, rng))
    found = scores(
        predict, chain(enumerate(whole), enumerate(masked)), targets, batch_size=batch_size
    )
    before, after = np.split(found, 2)
    unscored = np.isnan(before) | np.isnan(after)
    reasons = gathered(lambda some: pixels(some)[1], maps)
    return _Kept(before, after, masked, {**reasons, "non-finite-logits": unscored})


def _coherency(maps: Floats, again: Floats) -> dict[str, NDArray[np.float64]]:
    """(1 + r) / 2 of the maps and those of the masked images, and 1 - complexity."""
    first, second = _unit(maps), _unit(again)
    simple = 1 - first.mean(axis=map_axes(first), dtype=np.float64)
    return {"coherency": (1 + _correlation(first, second)) / 2, "simple": simple}


def _unit(maps: Floats) -> Floats:
    """The positive part divided by its maximum; zero where there is none."""
    positive = m.positive(finite(maps))
    top = positive.max(axis=map_axes(positive), keepdims=True)
    return np.asarray(positive / np.where(top > 0, top, 1), np.float32)


def _correlation(a: Array, b: Array) -> NDArray[np.float64]:
    """Pearson's correlation of maps (N, h, w), NaN where one is constant."""
    constant = _constant(a) | _constant(b)
    a, b = (x - x.mean(axis=map_axes(x), keepdims=True) for x in (a.astype(float), b.astype(float)))
    length = np.sqrt((a**2).sum(axis=map_axes(a)) * (b**2).sum(axis=map_axes(b)))
    together = (a * b).sum(axis=map_axes(a)) / np.where(constant, 1, length)
    return np.where(constant, np.nan, np.clip(together, -1, 1))


def _constant(maps: Array) -> Bools:
    return np.asarray(maps.min(axis=map_axes(maps)) == maps.max(axis=map_axes(maps)))


_NEEDS = frozenset({"model", "image", "target"})
_GAME = "A mask of ones changes nothing, so Fake-CAM is near the best possible value."

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="average-drop",
        function=average_drop,
        title="Average drop",
        formula="max(0, Y - O) / Y of p(target) without and with the map as a mask",
        needs=_NEEDS,
        region=None,
        higher_is_better=False,
        low=0,
        high=1,
        null="a random order on the same network",
        misleads="The wider the map the better; a constant map is perfect.",
        paper="Chattopadhay et al. 2018 (Grad-CAM++), equation 12",
        cost="2 forward passes an image",
        order=("inverted", "perfect"),
        gameable=_GAME,
        default=False,
        parts=True,
    ),
    Metric(
        name="increase",
        function=increase,
        title="Increase in confidence",
        formula="1 if p(target) is higher with the map as a mask, else 0",
        needs=_NEEDS,
        region=None,
        higher_is_better=True,
        low=0,
        high=1,
        null="a random order on the same network",
        misleads="A change of the last digit counts as a hit.",
        paper="Chattopadhay et al. 2018 (Grad-CAM++), equation 13",
        cost="2 forward passes an image",
        order=("perfect", "inverted"),
        gameable="Removing one corner changes p in the last digit, up in half of the images.",
        default=False,
        parts=True,
    ),
    Metric(
        name="average-gain",
        function=average_gain,
        title="Average gain",
        formula="max(0, O - Y) / (1 - Y) of p(target) without and with the map as a mask",
        needs=_NEEDS,
        region=None,
        higher_is_better=True,
        low=0,
        high=1,
        null="a random order on the same network",
        misleads="A confident network has nothing to gain, and its ratio is of small numbers.",
        paper="Zhang et al. 2023 (Opti-CAM), equation 15",
        cost="2 forward passes an image",
        order=("perfect", "inverted"),
        default=False,
        parts=True,
    ),
    Metric(
        name="adcc",
        function=adcc,
        title="ADCC",
        formula="3 / (1 / coherency + 1 / (1 - complexity) + 1 / (1 - drop))",
        needs=_NEEDS | {"method"},
        region=None,
        higher_is_better=True,
        low=0,
        high=1,
        null="none: no method makes the map of the masked image",
        misleads="Complexity is the mean of the map, so sharp maps win; a method that makes the "
        "same map of every image is fully coherent.",
        paper="Poppi et al. 2021",
        cost="2 forward passes and one map an image",
        order=("perfect", "fake-cam"),
        default=False,
        parts=True,
    ),
)
