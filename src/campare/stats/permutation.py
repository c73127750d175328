"""The paired permutation test: signs of images flipped, trainings exchanged between arms.

Without an effect, an image's difference is as likely to have the other sign, and a training may as
well carry the other arm's name. A replicate does both and adds what each alone makes of the
difference D; p is the share of replicates that are as far from zero as D. It assumes no normal
distribution, but few seeds bound it: three seeds an arm can be exchanged in 20 ways, 2 of
them as far out as any, so that p hardly falls below 0.05. It stands beside the interval as a check.
Images of a group have one sign.

Few images and seeds: all replicates, so p is exact. Else `resamples` random ones.
"""

import math
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from campare.types import Ints

Doubles = NDArray[np.float64]

EXACT = 2**16  # replicates that are enumerated rather than drawn


class Flips:
    """Random signs of images and exchanges of trainings, the same for every metric.

    Example:
        >>> Flips(4, seed=0).images(3).shape
        (4, 3)
    """

    def __init__(self, resamples: int, seed: int) -> None:
        self.resamples = resamples
        self._seed = seed
        self._kept: dict[int, NDArray[np.float32]] = {}

    def images(self, n: int) -> NDArray[np.float32]:
        """Signs -1 or 1, (resamples, n); of the last `n` asked for they stay in memory."""
        if n not in self._kept:
            rng = np.random.default_rng([self._seed, 10, n])
            bits = rng.integers(2, size=(self.resamples, n), dtype=np.int8)
            self._kept = {n: (2 * bits - 1).astype(np.float32)}
        return self._kept[n]

    def trainings(self, first: int, second: int) -> NDArray[np.bool_]:
        """Which of first + second trainings go to the first arm, (resamples, first + second)."""
        rng = np.random.default_rng([self._seed, 11, first, second])
        order = rng.random((self.resamples, first + second)).argsort(axis=1)
        return np.asarray(order < first)


def permutation_test(
    treatment: ArrayLike, control: ArrayLike, flips: Flips, groups: Ints | None = None
) -> float:
    """The two-sided p of treatment minus control, in (0, 1]; NaN without two common images.

    Shapes: (S, images) and (S', images), NaN undefined; groups (images,) as in `split`. With one
    seed in an arm only the signs of images are flipped, and p is about these trainings alone.
    Source: Good 2005, chapter 3; Phipson & Smyth 2010 (a drawn p counts the observed arrangement
    too).

    Example:
        >>> permutation_test([[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]], Flips(100, seed=0))
        0.25
    """
    T, C = (np.asarray(Y, np.float64) for Y in (treatment, control))
    common = np.logical_and(np.isfinite(T).any(axis=0), np.isfinite(C).any(axis=0))
    N = int(common.sum())
    if N < 2:
        return math.nan
    (m, first), (k, second) = (_levels(Y, common) for Y in (T, C))
    d = np.where(common, m - k, 0.0)  # an image that is not common has no say
    D = math.fsum(d) / N
    if groups is not None and groups.ndim == 1:  # mosaics that share images: as if they did not
        index = np.unique(groups[common], return_inverse=True)[1]
        d = np.bincount(index, d[common])
        common = np.ones(len(d), np.bool_)
        if len(d) < 2:
            return math.nan
    units = int(common.sum())
    trained = len(first) > 1 and len(second) > 1
    ways = math.comb(len(first) + len(second), len(first)) if trained else 1
    exact = units <= 16 and 2**units * ways <= EXACT
    images = _all_signs(d[common], N) if exact else flips.images(len(d)) @ d.astype(np.float32) / N
    replicates = images.astype(np.float64)
    if trained:
        levels = np.concatenate([first, second])
        chosen = (
            _all_choices(len(levels), len(first))
            if exact
            else flips.trainings(len(first), len(second))
        )
        exchanged = chosen @ levels / len(first) - ~chosen @ levels / len(second)
        replicates = (
            np.add.outer(replicates, exchanged).ravel() if exact else replicates + exchanged
        )
    far = int((np.abs(replicates) >= abs(D) * (1 - 1e-6)).sum())
    return far / len(replicates) if exact else (far + 1) / (len(replicates) + 1)


def _levels(Y: Doubles, common: NDArray[Any]) -> tuple[Doubles, Doubles]:
    """The mean of each image (N,), and of each training (S,) had it seen every image."""
    defined = np.isfinite(Y) & common
    kept = defined.any(axis=1)
    Y, defined = Y[kept], defined[kept]
    n = defined.sum(axis=0)
    mean = np.where(defined, Y, 0.0).sum(axis=0) / np.maximum(n, 1)
    off = (np.where(defined, Y - mean, 0.0) / np.maximum(n, 1)).sum(axis=1) / common.sum()
    return mean, mean[common].mean() + len(Y) * off


def _all_signs(d: Doubles, N: int) -> Doubles:
    """The sum of d, over N, under each of the 2^n patterns of signs."""
    bits = np.arange(2 ** len(d))[:, None] >> np.arange(len(d)) & 1
    return np.asarray((2 * bits - 1) @ d / N)


def _all_choices(n: int, k: int) -> NDArray[np.bool_]:
    """Each of the ways to choose k of n."""
    rows = [np.isin(np.arange(n), chosen) for chosen in combinations(range(n), k)]
    return np.array(rows)
