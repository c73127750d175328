"""IROF (Rieger and Hansen 2020): take away whole superpixels, the most relevant first.

Pixels of one object go together, which looks less like noise than scattered pixels do.
"""

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray

from campare.attribution import maps as m
from campare.data.stored import as_read, gathered
from campare.metrics.faithfulness.predicting import BATCH, check, scored, split
from campare.metrics.faithfulness.replacing import (
    Baseline,
    baseline,
    finite,
    generator,
    undefined,
)
from campare.metrics.metric import INF, Metric, Predict
from campare.metrics.values import Values, with_reasons
from campare.models.arrays import map_axes
from campare.types import Array, Floats, Ints

#: About how many superpixels an image has.
SUPERPIXELS = 100


def irof(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    delete_to: Baseline = "mean",
    superpixels: int | Ints = SUPERPIXELS,
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Area over the curve of p(target) / p(target of the image) as superpixels go: at most 1.

    1 - integral from 0 to 1 of p(x_l) / p(x_0), where l superpixels of SLIC, by the mean of the
    enlarged map, highest first, are replaced; trapezoidal rule over l / L (Rieger and Hansen 2020,
    equation 3). High is good. `superpixels` is about how many, or labels (N, H, W) from 0.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> irof(predict, image, image[..., 0], np.array([1]), delete_to="zero",
        ...     superpixels=np.array([[[0, 1, 1, 2]]])).values.round(2).tolist()
        [0.41]
    """
    pixels, maps, targets = check(images, maps, targets)
    rng = generator(rng)
    given = () if isinstance(superpixels, int) else (np.asarray(superpixels),)

    def ranked(pixels: Floats, maps: Floats, labels: Ints | None = None) -> dict[str, Ints]:
        if labels is None:
            labels = slic_labels(pixels, cast("int", superpixels))
        ranks = _ranks(m.resize(finite(maps), pixels.shape[1:3]), np.asarray(labels), rng)
        return {"ranks": ranks.astype(np.int32), "count": ranks.max(axis=map_axes(ranks)) + 1}

    found = gathered(ranked, pixels, maps, *given)
    replacement = baseline(pixels, delete_to, rng)
    variants = _without(pixels, replacement, as_read(found["ranks"]))
    over, first, unscored = np.empty((3, len(targets)))
    batches = scored(predict, variants, targets, batch_size=batch_size)
    for i, curve in enumerate(split(batches, found["count"] + 1)):
        over[i], first[i], unscored[i] = 1 - _relative_area(curve), curve[0], np.isnan(curve).any()
    reasons = {"non-finite-logits": unscored > 0, "no-confidence": first <= 0}
    return with_reasons(over, {**undefined(maps), **reasons})


def slic_labels(images: Floats, count: int = SUPERPIXELS) -> Ints:
    """Labels 0, 1, ... of the superpixels that SLIC finds: (N, H, W, C) -> (N, H, W).

    Example:
        >>> slic_labels(np.zeros((1, 8, 8, 3), np.float32), 4).shape
        (1, 8, 8)
    """
    from skimage.segmentation import slic

    labels = np.empty(images.shape[:3], np.int64)
    for image, label in zip(images, labels, strict=True):
        label[:] = slic(image.astype(np.float64), n_segments=count, start_label=0)
    return labels


def _ranks(maps: Floats, labels: Ints, rng: np.random.Generator) -> Ints:
    """Place of every pixel's superpixel when they are ranked by their mean, ties at random."""
    ranks = np.empty_like(labels)
    for image, label, ranked in zip(maps, labels, ranks, strict=True):
        flat = label.ravel()
        size = np.bincount(flat)
        mean = np.bincount(flat, image.ravel()) / np.maximum(size, 1)
        mean[size == 0] = -INF
        before = rng.permutation(len(mean))
        rank = np.empty(len(mean), np.int64)
        rank[before[np.argsort(-mean[before], kind="stable")]] = np.arange(len(mean))
        ranked[:] = rank[label]
    return ranks


def _without(start: Floats, end: Floats, ranks: Ints) -> Iterator[tuple[int, Floats]]:
    """Every image without its first 0, 1, ... superpixels, image by image."""
    for i, (first, last, ranked) in enumerate(zip(start, end, ranks, strict=True)):
        for count in range(ranked.max() + 2):
            yield i, np.where(ranked[..., None] < count, last, first)


def _relative_area(curve: NDArray[np.float64]) -> float:
    """Area under a curve relative to its start."""
    start = curve[0] if curve[0] > 0 else 1.0
    return float(np.trapezoid(curve / start, dx=1 / (len(curve) - 1)))


#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="irof",
        pictures=True,
        function=irof,
        title="IROF",
        formula="1 - area under p(without l superpixels) / p as superpixels go, highest first",
        needs=frozenset({"model", "image", "target"}),
        region=None,
        higher_is_better=True,
        low=-INF,
        high=1,
        null="a random order on the same network",
        misleads="Its superpixels follow edges, so a map of edges is spread evenly over them. A "
        "network that is easily upset scores high under every map.",
        paper="Rieger and Hansen 2020",
        cost="about 100 forward passes an image",
        order=("perfect", "random", "inverted"),
        default=False,
        parts=True,
    ),
)
