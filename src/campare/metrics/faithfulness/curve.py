"""Watch the score of the target while pixels go or come in the order of the map."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campare.metrics.faithfulness.predicting import Score, check, probability, scores
from campare.metrics.faithfulness.replacing import (
    Baseline,
    Ties,
    baseline,
    generator,
    ranking_of,
    replaced,
    undefined,
)
from campare.metrics.metric import Predict
from campare.metrics.values import Reasons
from campare.types import Array, Ints


class Curve(NamedTuple):
    """Scores (N, K) with these shares (K,) of the pixels changed, and what is undefined."""

    scores: NDArray[np.float64]
    shares: NDArray[np.float64]
    reasons: Reasons


def curve(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    shares: Sequence[float] | NDArray[np.float64],
    insert: bool,
    other: Baseline,
    ties: Ties,
    rng: np.random.Generator | None,
    batch_size: int,
    score: Score = probability,
) -> Curve:
    """Scores with the highest `shares` of the pixels changed.

    `insert`: they insert back, and the others are those of the baseline `other`; else they are.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> curve(predict, image, image[..., 0], np.array([1]), shares=[0, 0.25], insert=False,
        ...     other="zero", ties="random", rng=None, batch_size=8).scores.round(2).tolist()
        [[0.99, 0.5]]
    """
    pixels, maps, targets = check(images, maps, targets)
    rng = generator(rng)
    ranks = ranking_of(pixels, maps, ties=ties, rng=rng)
    replacement = baseline(pixels, other, rng)
    counts = counts_of(shares, ranks)
    start, end = (replacement, pixels) if insert else (pixels, replacement)
    variants = replaced(start, end, ranks, counts)
    found = scores(predict, variants, targets, score=score, batch_size=batch_size)
    found = found.reshape(-1, len(counts))
    total = prod(pixels.shape[1:-1])
    return Curve(found, counts / total, also_unscored(undefined(maps), found))


def counts_of(shares: Sequence[float] | NDArray[np.float64], ranks: Ints) -> Ints:
    """Numbers of pixels nearest to these shares of them; every share above zero has one.

    Example:
        >>> counts_of([0, 0.1, 0.5], np.zeros((1, 2, 3), np.int64)).tolist()
        [0, 1, 3]
    """
    shares = np.asarray(shares)
    counts = shares.astype(np.float64)
    for side in ranks.shape[1:]:  # one after the other, so that products round as they always did
        counts = counts * side
    counts = np.rint(counts).astype(np.int64)
    return np.asarray(np.maximum(counts, shares > 0), np.int64)


def also_unscored(reasons: Reasons, curve: NDArray[np.float64]) -> Reasons:
    """The reasons, and curves (N, K) on which the network gave no finite number.

    Example:
        >>> also_unscored({}, np.array([[0.5, np.nan]]))
        {'non-finite-logits': array([ True])}
    """
    return {**reasons, "non-finite-logits": np.asarray(np.isnan(curve).any(axis=1))}
