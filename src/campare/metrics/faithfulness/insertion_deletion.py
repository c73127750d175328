"""Insertion and deletion (Petsiuk et al. 2018, RISE): the area under the curve of a probability.

Insertion brings the pixels back from a blurred image, deletion takes them away to the mean color,
both in the order of the map.
"""

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from campare.metrics.faithfulness.curve import also_unscored, counts_of, curve
from campare.metrics.faithfulness.predicting import BATCH, check, scores
from campare.metrics.faithfulness.replacing import (
    Baseline,
    Ties,
    baseline,
    generator,
    ranking_of,
    replaced,
    undefined,
)
from campare.metrics.metric import Metric, Predict
from campare.metrics.values import Values, with_reasons
from campare.types import Array


def insertion(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    insert_from: Baseline = "blur",
    steps: int = 20,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Area under the probability of the target as pixels come back, highest first: in [0, 1].

    Petsiuk et al. 2018 (RISE), section 4.2: from a blurred image to the image in `steps` equal
    steps; trapezoidal rule over the share of pixels. High is good.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> insertion(predict, image, image[..., 0], np.array([1]),
        ...     insert_from="zero", steps=4).values.round(2).tolist()
        [0.93]
    """
    found = curve(
        predict, images, maps, targets, shares=np.linspace(0, 1, steps + 1), insert=True,
        other=insert_from, ties=ties, rng=rng, batch_size=batch_size,
    )  # fmt: skip
    return with_reasons(_area(found.scores, found.shares), found.reasons)


def deletion(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    delete_to: Baseline = "mean",
    steps: int = 20,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Area under the probability of the target as pixels go, highest first: in [0, 1].

    Petsiuk et al. 2018 (RISE), section 4.2: from the image to the baseline in `steps` equal steps;
    trapezoidal rule over the share of pixels. Low is good.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> deletion(predict, image, image[..., 0], np.array([1]),
        ...     delete_to="zero", steps=4).values.round(2).tolist()
        [0.56]
    """
    found = curve(
        predict, images, maps, targets, shares=np.linspace(0, 1, steps + 1), insert=False,
        other=delete_to, ties=ties, rng=rng, batch_size=batch_size,
    )  # fmt: skip
    return with_reasons(_area(found.scores, found.shares), found.reasons)


def insertion_deletion(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    insert_from: Baseline = "blur",
    delete_to: Baseline = "mean",
    steps: int = 20,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> tuple[Values, Values]:
    """`insertion` and `deletion` of one ranking in 2 `steps` + 1 forward passes an image.

    The unchanged image is the end of one curve and the start of the other and runs once.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> both = insertion_deletion(predict, image, image[..., 0], np.array([1]),
        ...     insert_from="zero", delete_to="zero", steps=4)
        >>> [one.values.round(2).tolist() for one in both]
        [[0.93], [0.56]]
    """
    pixels, maps, targets = check(images, maps, targets)
    rng = generator(rng)
    ranks = ranking_of(pixels, maps, ties=ties, rng=rng)
    counts = counts_of(np.linspace(0, 1, steps + 1), ranks)
    hidden, removed = baseline(pixels, insert_from, rng), baseline(pixels, delete_to, rng)
    variants = chain(
        replaced(hidden, pixels, ranks, counts),
        replaced(pixels, removed, ranks, counts[1:]),
    )
    found = scores(predict, variants, targets, batch_size=batch_size)
    inserting, deleting = np.split(found, [len(pixels) * len(counts)])
    inserted = inserting.reshape(-1, len(counts))
    deleted = np.column_stack([inserted[:, -1], deleting.reshape(-1, len(counts) - 1)])
    shares, reasons = counts / counts[-1], undefined(maps)
    return (
        with_reasons(_area(inserted, shares), also_unscored(reasons, inserted)),
        with_reasons(_area(deleted, shares), also_unscored(reasons, deleted)),
    )


def _area(curve: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area under each curve (N, K) by the trapezoidal rule."""
    return np.asarray(np.trapezoid(curve, shares, axis=1))


_NEEDS = frozenset({"model", "image", "target"})

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="insertion",
        function=insertion,
        title="Insertion",
        formula="area under p(target) as the pixels of a blurred image come back, highest first",
        needs=_NEEDS,
        region=None,
        higher_is_better=True,
        low=0,
        high=1,
        null="a random order on the same network",
        misleads="A network that recognizes blurred images scores high under every map: compare "
        "recipes by insertion-over-random. Half-blurred images are unlike any it was trained on.",
        paper="Petsiuk et al. 2018 (RISE), section 4.2",
        cost="21 forward passes an image",
        order=("perfect", "random", "inverted"),
        default=False,
        parts=True,
    ),
    Metric(
        name="deletion",
        function=deletion,
        title="Deletion",
        formula="area under p(target) as pixels turn to the mean color, highest first",
        needs=_NEEDS,
        region=None,
        higher_is_better=False,
        low=0,
        high=1,
        null="a random order on the same network",
        misleads="A network that is easily upset by holes scores low, hence well, under every map: "
        "compare recipes by deletion-over-random. Scattered pixels upset networks most.",
        paper="Petsiuk et al. 2018 (RISE), section 4.2",
        cost="21 forward passes an image",
        order=("inverted", "random", "perfect"),
        default=False,
        parts=True,
    ),
)
