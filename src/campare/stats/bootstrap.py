"""Hierarchical bootstrap of a paired difference: images are crossed with seeds, seeds belong to an arm.

A metric of one arm (recipe) is a matrix Y[seed, image], NaN where it is undefined. Per image i,

    m[i] = mean of Y[s, i] over the seeds s where it is defined
    d[i] = m_treatment[i] - m_control[i]        estimate = mean of d over images defined in both arms

One replicate draws images with replacement (w[i] times image i, the same draw for both arms) and the seeds
of each arm with replacement (c[s] times seed s, each arm its own draw). Its deviation from the estimate is

    mean of w[i] * (d[i] - estimate  +  sum_s k * (c[s] - 1) * (Y[s, i] - m[i]) / n[i]  -  same for control)

with n[i] the number of defined seeds: a product of matrices, no loop. k = sqrt(S / (S - 1)) undoes the
shrinking of the bootstrap with few seeds (S), and the percentiles are widened from the normal's to Student's
t with Welch-Satterthwaite degrees of freedom. docs/statistics.md has the coverage that was measured.
"""

from functools import cached_property
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Matrix = NDArray[np.float64]


class Effect(NamedTuple):
    """A difference with its uncertainty; NaN where there is nothing to estimate it from."""

    estimate: float
    low: float
    high: float
    p: float
    effect_size: float
    images: int
    seeds: int


class Draws:
    """The random draws of a bootstrap: the same for every metric, a function of `seed` alone.

    The counts for the last number of images stay in memory, (resamples, images) float64.
    """

    def __init__(self, resamples: int, seed: int) -> None:
        self.resamples = resamples
        self._seed = seed
        self._images = np.empty((resamples, 0))

    def images(self, n: int) -> Matrix:
        """How often each of `n` images is drawn, (resamples, n); rows sum to n."""
        if self._images.shape[1] != n:
            self._images = self._counts(n, 0)
        return self._images

    def seeds(self, n: int, arm: int) -> Matrix:
        """How often each of the `n` seeds of an arm is drawn, (resamples, n); rows sum to n."""
        return self._counts(n, 1 + arm)

    def _counts(self, n: int, stream: int) -> Matrix:
        rng = np.random.default_rng([self._seed, stream, n])
        counts = np.empty((self.resamples, n))
        for start in range(0, self.resamples, 256):  # blocks keep the memory flat
            block = counts[start : start + 256]
            drawn = rng.integers(n, size=block.shape)
            drawn += n * np.arange(len(block))[:, None]
            block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
        return counts
