"""Does the classifier get it right? Correct, confidence, and accuracy with its interval.

Logits (N, K) are compared with labels (N,); a single logit (K = 1) speaks for class 1 of two.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, betainc  # scipy.stats takes a second to import

from campare.data.groups import unit_of
from campare.metrics.metric import Metric
from campare.metrics.values import Values, with_reasons
from campare.types import Array, Bools, Ints


class Accuracy(NamedTuple):
    """Share of correct predictions with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    n: int


def predicted(logits: Array) -> Ints:
    """The class of the highest logit; of a single logit, 1 where it is positive.

    Shapes: (N, K) -> (N,).

    Example:
        >>> predicted(np.array([[0.1, 2.0], [3.0, 0.0]])).tolist()
        [1, 0]
    """
    logits = np.asarray(logits)
    single = logits.shape[1] == 1
    return ((logits[:, 0] > 0) if single else logits.argmax(axis=1)).astype(np.int64)


def correct(logits: Array, labels: Array) -> Values:
    """1 where the predicted class is the label, else 0.

    Shapes: (N, K), (N,) -> (N,). Undefined ('non-finite') where a logit is.

    Example:
        >>> correct(np.array([[0.1, 2.0], [3.0, 0.0]]), np.array([1, 1])).values.tolist()
        [1.0, 0.0]
    """
    return with_reasons(predicted(logits) == labels, {"non-finite": _broken(logits)})


def confidence(logits: Array, labels: Array) -> Values:
    """Probability of the label: softmax of the logits, or sigmoid of a single one, in [0, 1].

    Shapes: (N, K), (N,) -> (N,). Undefined ('non-finite') where a logit is.

    Example:
        >>> confidence(np.array([[0.0, 0.0]]), np.array([1])).values.tolist()
        [0.5]
    """
    logits = np.asarray(logits, np.float64)
    broken = _broken(logits)
    logits = np.where(broken[:, None], 0, logits)
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability = odds[np.arange(len(odds)), labels] / odds.sum(axis=1)
    return with_reasons(probability, {"non-finite": broken})


def _broken(logits: Array) -> Bools:
    """(N, K) -> (N,): whether a logit is NaN or infinite."""
    finite: Bools = np.isfinite(np.asarray(logits))
    return np.asarray(~finite.all(axis=1))


def accuracy(hits: NDArray[np.float64]) -> Accuracy:
    """Mean of the defined values of `correct` with its 95 % Wilson interval; NaN without any.

    Example:
        >>> accuracy(np.array([1.0, 0.0, 1.0, np.nan])).n
        3
    """
    hits = hits[~np.isnan(hits)]
    low, high = wilson(int(hits.sum()), len(hits))
    return Accuracy(float(hits.mean()) if len(hits) else np.nan, low, high, len(hits))


def wilson(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927): honest near 0 and 1 and for small n.

    Example:
        >>> [round(bound, 3) for bound in wilson(9, 10)]
        [0.596, 0.982]
    """
    if n == 0:
        return np.nan, np.nan
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, shrink = successes / n, 1 + z**2 / n
    center = (p + z**2 / (2 * n)) / shrink
    half = z / shrink * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return float(max(center - half, 0)), float(min(center + half, 1))


def learned(
    labels: Ints,
    predictions: Ints,
    *,
    level: float = 0.05,
    groups: Sequence[str | None] = (),
) -> bool:
    """Whether predictions beat "always the commonest class" by more than chance.

    One-sided exact binomial test of the number correct against the commonest class's share. Where
    images have groups, on the number of independent images that would be as certain (Korn &
    Graubard 1998).

    Example:
        >>> labels = np.arange(40) % 2
        >>> learned(labels, labels), learned(labels, np.zeros_like(labels))
        (True, False)
    """
    share = np.bincount(labels).max() / len(labels)
    if share == 1.0:
        return False  # with one class there is nothing to learn
    hits = np.asarray(labels == predictions)
    if any(group is not None for group in groups):
        n = _effective(hits, unit_of(groups))
        k = n * float(hits.mean())
        return bool(k and betainc(k, n - k + 1, share) < level)  # bdtrc, of any real n
    correct = int(hits.sum())
    return bool(correct and bdtrc(correct - 1, len(labels), share) < level)


def _effective(hits: Bools, unit: Ints) -> float:
    """How many independent images have a mean as certain as that of these in their groups."""
    p, N, G = float(hits.mean()), len(hits), int(unit.max()) + 1
    if G < 2 or p in (0.0, 1.0):
        return float(G)
    variance = float((np.bincount(unit, hits - p) ** 2).sum()) / N**2 * G / (G - 1)
    return min(p * (1 - p) / variance, float(N)) if variance > 0 else float(N)


_CORRECT = Metric(
    name="correct",
    function=correct,
    title="Accuracy",
    formula="1 if the predicted class is the label, else 0",
    needs=frozenset({"model"}),
    region=None,
    higher_is_better=True,
    low=0,
    high=1,
    null="share of the commonest class",
    misleads="It says nothing about maps; an arm near chance has none worth comparing.",
    cost="one forward pass an image",
    paper="with the interval of Wilson 1927",
)

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    _CORRECT,
    replace(
        _CORRECT,
        name="confidence",
        function=confidence,
        title="Confidence in the label",
        formula="softmax(logits)[label]; sigmoid for a single logit",
        higher_is_better=None,
        null="1 / classes",
        misleads="Networks are overconfident, and longer training alone raises it.",
        paper="Guo et al. 2017 on its calibration",
    ),
)
