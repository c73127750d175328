"""Hierarchical bootstrap of a paired difference: images crossed with seeds, seeds within an arm.

A metric of one arm (a recipe) is a matrix Y[seed, image], NaN where undefined. For image i

    m[i] = mean over the seeds where Y[:, i] is defined   g[s] = mean_i (Y[s, i] - m[i]) / n[i]
    d[i] = m_treatment[i] - m_control[i]                  estimate D = mean of d

over the N images that are defined in both arms; n[i] counts the defined seeds, so g[s] is how far
seed s pulls the arm's mean. A replicate draws the images with replacement, w[i] times image i and
the same for both arms, and of each arm its own seeds, c[s] times seed s. It deviates from D by

    sqrt(N / (N - 1)) mean_i w[i] (d[i] - D)
  + sqrt(S / (S - 1)) sum_s c[s] g[s]             of the treatment, minus the same of the control

which are products of matrices. The square roots undo the shrinking of a bootstrap with few members.
With few seeds the percentiles are still too close together: they are widened by Student's t over
the normal, with Welch-Satterthwaite degrees of freedom. campare.stats.crossed, which campare uses,
holds its level better: coverage.py compares them.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from campare.stats.crossed import Effect

Doubles = NDArray[np.float64]

_KEPT = 4  # draws of so many numbers of images stay in memory: 4 x 40 MB at 2000 x 5000
_BLOCK = 256  # replicates drawn at once

#: How much the variance between seeds counts in the degrees of freedom. Few seeds that happen to
#: agree understate it, and plain Welch-Satterthwaite would then narrow the interval once more.
_CAUTION = 2


class Draws:
    """The random draws of a bootstrap, the same for every metric: a function of `seed` alone.

    Example:
        >>> Draws(3, seed=0).seeds(5, arm=0).sum(axis=1)
        array([5., 5., 5.], dtype=float32)
    """

    def __init__(self, resamples: int, seed: int) -> None:
        self.resamples = resamples
        self._seed = seed
        self._kept: dict[int, NDArray[np.float32]] = {}

    def images(self, n: int) -> NDArray[np.float32]:
        """How often each of `n` images is drawn, (resamples, n); every row sums to n."""
        if n not in self._kept:
            if len(self._kept) == _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[n] = self._counts(n, 0)
        return self._kept[n]

    def seeds(self, n: int, arm: int) -> NDArray[np.float32]:
        """How often each of the `n` seeds of an arm is drawn, (resamples, n); rows sum to n."""
        return self._counts(n, 1 + arm)

    def _counts(self, n: int, stream: int) -> NDArray[np.float32]:
        rng = np.random.default_rng([self._seed, stream, n])
        counts = np.empty((self.resamples, n), np.float32)
        for start in range(0, self.resamples, _BLOCK):
            block = counts[start : start + _BLOCK]
            drawn = rng.integers(n, size=block.shape, dtype=np.uint32)
            places = drawn + np.arange(0, block.size, n)[:, None]
            block[:] = np.bincount(places.ravel(), minlength=block.size).reshape(block.shape)
        return counts


class _Arm(NamedTuple):
    """One arm, taken apart: the mean of each image and the pull of each seed."""

    means: Doubles  # (N,)
    pulls: Doubles  # (S,)  sum to zero

    @property
    def seeds(self) -> int:
        return len(self.pulls)

    @property
    def variance(self) -> float:
        """Of the arm's mean, from its seeds; zero with one seed, where it cannot be known."""
        return math.fsum(self.pulls**2) * self.seeds / max(self.seeds - 1, 1)

    def deviations(self, counts: NDArray[np.float32]) -> Doubles:  # (R, S) -> (R,)
        """Of the arm's mean when its seeds are drawn `counts` times."""
        shrunk: Doubles = counts @ self.pulls
        return shrunk * math.sqrt(self.seeds / max(self.seeds - 1, 1))


def difference(
    treatment: ArrayLike, control: ArrayLike | None, draws: Draws, *, confidence: float = 0.95
) -> Effect:
    """Treatment minus control with interval and p, paired on images; no control: the mean itself.

    Shapes: (S, images) and (S', images), NaN undefined; column i is the same image in both. Images
    without a value in either arm are left out. Paired seeds (two methods on the same models):
    pass their difference as `treatment`.

    The interval holds `confidence` in [low, high]; p is two-sided, the smallest 1 - confidence at
    which the interval excludes zero, not below 2 / (resamples + 1). effect_size is D / SD of d, in
    standard deviations of the difference between images. With one image the interval is NaN.

    Source: resampling crossed factors, Owen 2007, doi:10.1214/07-AOAS122; degrees of freedom,
    Satterthwaite 1946; percentiles widened by t, Hesterberg 2015, doi:10.1080/00031305.2015.1089789

    Example:
        >>> difference([[1.0, 2.0, 4.0]], [[0.0, 1.0, 3.0]], Draws(999, seed=0))
        Effect(estimate=1.0, low=1.0, high=1.0, p=0.002, effect_size=nan, images=3, seeds=1)
    """
    given = [np.asarray(Y, np.float64) for Y in (treatment, control) if Y is not None]
    common = np.logical_and.reduce([np.isfinite(Y).any(axis=0) for Y in given])
    arms = [_take_apart(Y[:, common]) for Y in given]
    images, seeds = int(common.sum()), min(arm.seeds for arm in arms)
    if images == 0:
        return Effect()

    d = arms[0].means - arms[1].means if len(arms) == 2 else arms[0].means
    D = math.fsum(d) / images
    if images == 1:
        return Effect(D, images=1, seeds=seeds)

    spread = float(d.std(ddof=1))
    centered = (d - D).astype(np.float32)  # rounds to 1e-7 of a deviation
    sums = (draws.images(images) @ centered).astype(np.float64)  # (R, N) @ (N,)
    deviations = sums / math.sqrt(images * (images - 1))
    for i, arm in enumerate(arms):
        deviations += (1 - 2 * i) * arm.deviations(draws.seeds(arm.seeds, i))

    freedom = _degrees_of_freedom(
        [spread**2 / images, *(_CAUTION * arm.variance for arm in arms)],
        [images - 1, *(arm.seeds - 1 for arm in arms)],
    )
    low, high, p = _interval(D, deviations, freedom, confidence)
    size = D / spread if spread > 1e-12 * abs(D) else math.nan
    return Effect(D, low, high, p, size, images, seeds)


def _take_apart(Y: Doubles) -> _Arm:  # (S, N)
    defined = np.isfinite(Y)
    Y, defined = Y[defined.any(axis=1)], defined[defined.any(axis=1)]
    n = defined.sum(axis=0)
    means = np.where(defined, Y, 0).sum(axis=0) / n
    return _Arm(means, (np.where(defined, Y - means, 0) / n).sum(axis=1) / max(Y.shape[1], 1))


def _degrees_of_freedom(variances: list[float], freedoms: list[int]) -> float:
    """Welch-Satterthwaite: of a sum of independent estimates of variance."""
    parts = [(v, f) for v, f in zip(variances, freedoms, strict=True) if v > 0 and f > 0]
    whole = sum(v for v, _ in parts)
    return whole**2 / sum(v**2 / f for v, f in parts) if whole > 0 else math.inf


def _interval(
    D: float, deviations: Doubles, freedom: float, confidence: float
) -> tuple[float, float, float]:
    """Low, high and p: one curve read in both directions.

    `lower` is the deviation of the lower limit for each probability left below it. The interval
    reads it at (1 - confidence) / 2; p reads at which probability the limit would touch zero.
    """
    R = len(deviations)
    tails = np.arange(1, R // 2 + 1) / (R + 1)
    widening = stdtrit(min(freedom, 1e6), tails) / ndtri(tails)

    def limits(values: Doubles) -> Doubles:
        return np.maximum.accumulate(np.sort(values)[: len(tails)] * widening)

    lower, upper = limits(deviations), limits(-deviations)
    tail = (1 - confidence) / 2
    low, high = D + np.interp(tail, tails, lower), D - np.interp(tail, tails, upper)
    facing = lower if D > 0 else upper
    p = 1.0 if D == 0 else 2 * float(np.interp(-abs(D), facing, tails))
    return float(low), float(high), min(p, 1.0)
