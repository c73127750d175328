"""The paired permutation test: signs of images flipped, trainings exchanged between arms.

Without an effect, an image's difference is as likely to have the other sign, and a training may as
well carry the other arm's name. A replicate does both and adds what each alone makes of the
difference D; p is the share of replicates that are as far from zero as D. It assumes no normal
distribution, but few seeds bound it: three seeds an arm can be exchanged in 20 ways, 2 of
them as far out as any, so that p hardly falls below 0.05. It stands beside the interval as a check.
Images of a group have one sign.

Few images and seeds: all replicates, so p is exact. Else `resamples` random ones. Signs of many
images are drawn some replicates at a time, for all metrics of a family together.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from campare.types import Ints

Doubles = NDArray[np.float64]

EXACT = 2**16  # replicates that are enumerated rather than drawn
KEPT = 2**24  # signs that stay in memory


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
        """Signs -1 or 1, (resamples, n); of the last `n` they stay in memory."""
        if n not in self._kept:
            self._kept = {n: np.concatenate([*self._drawn(n, self.resamples)])}
        return self._kept[n]

    def sums(self, values: Sequence[Doubles]) -> list[NDArray[np.float32]]:
        """The sum of each of several vectors (n,) under the signs, (resamples,) of each."""
        n = len(values[0])
        few = [each.astype(np.float32) for each in values]
        if self.resamples * n <= KEPT:
            return [self.images(n) @ each for each in few]
        columns, rows = np.stack(few, axis=1), 4 * max(1, KEPT // (16 * n))
        found = np.concatenate([signs @ columns for signs in self._drawn(n, rows)])
        return list(found.T)

    def _drawn(self, n: int, rows: int) -> Iterator[NDArray[np.float32]]:
        """The signs, `rows` replicates at a time; the stream is one where that is a multiple of 4.

        Four small integers are of one word of the generator's.
        """
        rng = np.random.default_rng([self._seed, 10, n])
        for start in range(0, self.resamples, rows):
            size = min(rows, self.resamples - start), n
            signs = rng.integers(2, size=size, dtype=np.int8).astype(np.float32)
            signs *= 2
            signs -= 1
            yield signs

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
    return permutation_tests([Paired.of(treatment, control, groups)], flips)[0]


class Paired(NamedTuple):
    """What is flipped and exchanged: differences of units (n,), and the levels of the trainings.

    `difference` is D, of `images` images; `units` many differences count, the others are 0.
    """

    units: Doubles
    counts: NDArray[np.bool_]
    difference: float
    images: int
    first: Doubles
    second: Doubles

    @classmethod
    def of(cls, treatment: ArrayLike, control: ArrayLike, groups: Ints | None) -> "Paired | None":
        """The test of two arms; None without two common units."""
        T, C = (np.asarray(Y, np.float64) for Y in (treatment, control))
        common = np.logical_and(np.isfinite(T).any(axis=0), np.isfinite(C).any(axis=0))
        N = int(common.sum())
        if N < 2:
            return None
        (m, first), (k, second) = (_levels(Y, common) for Y in (T, C))
        d = np.where(common, m - k, 0.0)  # an image that is not common has no say
        D = math.fsum(d) / N
        if groups is not None and groups.ndim == 1:  # mosaics that share images: as if not
            index = np.unique(groups[common], return_inverse=True)[1]
            d = np.bincount(index, d[common])
            common = np.ones(len(d), np.bool_)
            if len(d) < 2:
                return None
        return cls(d, common, D, N, first, second)

    @property
    def trained(self) -> bool:
        """Whether trainings can be exchanged."""
        return len(self.first) > 1 and len(self.second) > 1

    @property
    def exact(self) -> bool:
        """Whether all replicates are enumerated."""
        S, units = len(self.first), int(self.counts.sum())
        ways = math.comb(S + len(self.second), S) if self.trained else 1
        return units <= 16 and 2**units * ways <= EXACT

    def p(self, images: NDArray[np.floating[Any]], flips: Flips) -> float:
        """The share of replicates as far out as D; `images` are the means under each signs."""
        replicates = images.astype(np.float64)
        if self.trained:
            first, second = len(self.first), len(self.second)
            levels = np.concatenate([self.first, self.second])
            chosen = (
                _all_choices(len(levels), first) if self.exact else flips.trainings(first, second)
            )
            exchanged = chosen @ levels / first - ~chosen @ levels / second
            replicates = (
                np.add.outer(replicates, exchanged).ravel() if self.exact
                else replicates + exchanged
            )  # fmt: skip
        far = int((np.abs(replicates) >= abs(self.difference) * (1 - 1e-6)).sum())
        return far / len(replicates) if self.exact else (far + 1) / (len(replicates) + 1)


def permutation_tests(tests: Sequence[Paired | None], flips: Flips) -> list[float]:
    """The p of several tests, which draw their signs together; NaN of what is no test."""
    found = [math.nan] * len(tests)
    drawn: dict[int, list[int]] = {}  # number of units -> tests
    for index, test in enumerate(tests):
        if test is not None and test.exact:
            signs = _all_signs(test.units[test.counts], test.images)
            found[index] = test.p(signs, flips)
        elif test is not None:
            drawn.setdefault(len(test.units), []).append(index)
    for several in drawn.values():
        chosen = [test for index in several if (test := tests[index]) is not None]
        sums = flips.sums([test.units for test in chosen])
        for index, test, own in zip(several, chosen, sums, strict=True):
            found[index] = test.p(own / test.images, flips)
    return found


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
