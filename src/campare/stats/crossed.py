"""Interval and p of a contrast of arms: images crossed with arms, seeds within an arm.

Y_a[s, i] is one metric of arm a, seed s, image i, NaN where undefined. With w the weights of a
contrast (treatment 1, control -1) and m_a[i] the mean over the seeds where Y_a[:, i] is defined:

    d[i] = sum_a w_a m_a[i]      estimate D = mean of d over the images that all arms have

Three things make D uncertain: other images, other trainings, and what is left of image x training.

    V = max(v - sum_a w_a^2 r_a, 0)           images: v = var(d) / N, without the residual in it
      + sum_a w_a^2 max(s_a, r_a)             seeds: s_a from the spread of the seeds' means
    r_a = residual variance / (S_a N)         the residual, which v and s_a both hold

Images of a group (a patient, a video) are no independent ones. With groups g that hold w_g of the
images, e_g the mean of d - D in a group, and the same for the residual of a seed and a group:

    v = sum_g (w_g e_g)^2 / (1 - 2 w_g + sum_h w_h^2)

which is unbiased where groups share an effect, and var / G of the groups' means where all are of
one size. D stays the mean over images. A group of one image is an image. Mosaics are images that
share others with each other: v and r are those of `shared.py`.

The interval is D +- t sqrt(V). With three seeds a plain Welch-Satterthwaite t fails: seeds that
happen to agree make V small *and* the degrees of freedom large. Hence CAUTION in the degrees of
freedom; it was chosen on a grid of simulations, and docs/statistics.md says what it covers.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from campare.errors import CampareError
from campare.stats.shared import Shared
from campare.types import Ints

Doubles = NDArray[np.float64]

#: How much the variance between seeds counts in the degrees of freedom.
CAUTION = 4.0


class Effect(NamedTuple):
    """A difference with its uncertainty; NaN where there is nothing to tell it from.

    `seeds` is the smallest number of all arms; 1 means that the interval covers images only.
    `effect_size` is the estimate in standard deviations of the difference between images.
    `groups` is the number of groups, where these are the units; 0 where images are.
    """

    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    effect_size: float = math.nan
    images: int = 0
    seeds: int = 0
    groups: int = 0


class Part(NamedTuple):
    """One arm's share of the variance of D; `between` holds `residual`."""

    seeds: int
    between: float  # w^2 s: from the spread of the seeds' means
    residual: float  # w^2 r


class Grouped(NamedTuple):
    """What groups as units make of the images' share of the variance of D.

    `number` 0: the units are images, mosaics that share others.
    """

    number: int
    variance: float  # v of the module's docstring
    freedom: float


class Split(NamedTuple):
    """An estimate with the variance of its mean taken apart."""

    estimate: float
    spread: float  # standard deviation of d over images
    images: int
    parts: tuple[Part, ...]
    groups: Grouped | None = None  # None: the images are the units

    @property
    def seeds(self) -> int:
        """The smallest number of seeds of an arm."""
        return min((part.seeds for part in self.parts), default=0)

    @property
    def image_variance(self) -> float:
        """Of D, from the images or groups alone; never negative."""
        whole = self.groups.variance if self.groups else self.spread**2 / self.images
        return max(whole - sum(part.residual for part in self.parts), 0.0)

    @property
    def units(self) -> int:
        """How many independent ones there are: groups, or images."""
        return self.groups.number or self.images if self.groups else self.images

    @property
    def variance(self) -> float:
        """V of the module's docstring."""
        seeds = sum(max(part.between, part.residual) for part in self.parts)
        return self.image_variance + seeds

    @property
    def freedom(self) -> float:
        """Degrees of freedom of V, with caution about the variance between seeds.

        u_a = sqrt((s_a - r_a) s_a) is the part of s_a that only the seeds tell: nothing where the
        residual explains their spread, nearly all of s_a where it does not.
        """
        doubtful = [
            (math.sqrt(max(p.between - p.residual, 0) * p.between), p.seeds - 1) for p in self.parts
        ]
        whole = self.variance + (CAUTION - 1) * sum(u for u, _ in doubtful)
        units = self.groups.freedom if self.groups else self.images - 1
        square = self.image_variance**2 / max(units, 1)
        square += sum((CAUTION * u) ** 2 / f for u, f in doubtful if f > 0)
        return max(whole**2 / square, 1.0) if square > 0 else math.inf


def split(arms: Sequence[ArrayLike], weights: Sequence[float], groups: Ints | None = None) -> Split:
    """Take the variance of sum_a w_a mean(Y_a) apart, on the images that all arms have.

    Shapes: each arm (S_a, images), NaN undefined; column i is the same image in all. An image that
    is undefined in every seed of one arm counts in none. `groups` (images,) says which images
    belong together, as numbers, (images, 4) which ones each mosaic shows; None: all images are by
    themselves. Raises CampareError unless each arm has a weight.

    Example:
        >>> split([[[1.0, 2.0, 3.0]], [[0.0, 2.0, 1.0]]], [1, -1]).estimate
        1.0
    """
    given = [np.asarray(Y, np.float64) for Y in arms]
    if len(given) != len(weights) or not given:
        raise CampareError(
            f"Expected one weight for each arm, got {len(given)} arms and {len(weights)} weights. "
            "Try [1, -1] for two arms."
        )
    common = np.logical_and.reduce([np.isfinite(Y).any(axis=0) for Y in given])
    N = int(common.sum())
    if N == 0:
        return Split(math.nan, math.nan, 0, ())
    among = _among(groups, common)
    means, parts = [], []
    for Y, w in zip(given, weights, strict=True):
        mean, part = _arm(Y if common.all() else Y[:, common], w, among)
        means.append(mean)
        parts.append(part)
    d = np.einsum("a,an->n", np.asarray(weights, np.float64), np.stack(means))
    D = math.fsum(d) / N
    spread = float(d.std(ddof=1)) if N > 1 else math.nan
    return Split(D, spread, N, tuple(parts), among.grouped(d - D) if among else None)


def _among(groups: Ints | None, common: NDArray[np.bool_]) -> "_Groups | _Mosaics | None":
    """What makes images dependent; None where nothing does."""
    if groups is None:
        return None
    if groups.ndim == 1:
        return _Groups.of(groups[common])
    shared = Shared.of(groups[common])
    return _Mosaics(shared) if shared else None


class _Mosaics(NamedTuple):
    """Mosaics that share images."""

    shared: Shared

    def grouped(self, off: Doubles) -> Grouped:
        """The images' part of the variance of the mean; `off` (N,) are deviations from it."""
        if self.shared.are_all:
            return Grouped(1, math.nan, math.nan)
        return Grouped(0, *self.shared.variance(off))

    def residual(self, left: Doubles, defined: NDArray[np.bool_]) -> float:
        """r of an arm; `left` (S, N) is what each seed adds to the mean of its image."""
        if self.shared.are_all:
            return math.nan
        cells, N = int(defined.sum()), defined.shape[1]
        whole = cells / (cells - N) if cells > N else 0.0
        return whole * self.shared.variance(left)[0]


class _Groups(NamedTuple):
    """The groups of N images: which image is in which of G, and the share of the images of each."""

    of_image: Ints  # (N,) 0 to G - 1
    w: Doubles  # (G,)

    @classmethod
    def of(cls, groups: Ints) -> "_Groups | None":
        """None where each image is a group by itself."""
        of_image, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
        return cls(of_image, sizes / len(groups)) if sizes.max() > 1 else None

    def sums(self, values: Doubles) -> Doubles:
        """(..., N) -> (..., G), the sum of each group, by the number of images."""
        rows = values.reshape(-1, values.shape[-1])
        found = [np.bincount(self.of_image, row, len(self.w)) for row in rows]
        return np.array(found).reshape(*values.shape[:-1], len(self.w)) / len(self.of_image)

    def residual(self, left: Doubles, defined: NDArray[np.bool_]) -> float:
        """r of an arm; `left` (S, N) is what each seed adds to the mean of its image."""
        cells = int((self.sums(defined.astype(np.float64)) > 0).sum())
        whole = cells / (cells - len(self.w)) if cells > len(self.w) else 0.0
        each = self.sums(left) ** 2 / np.maximum(self.kept, 1e-12)
        return whole * float(each.sum())

    @property
    def kept(self) -> Doubles:
        """(G,) the share of a group's variance that taking off the mean of all leaves."""
        kept: Doubles = 1 - 2 * self.w + (self.w**2).sum()
        return kept

    def grouped(self, off: Doubles) -> Grouped:
        """The groups' part of the variance of the mean; `off` (N,) are deviations from it.

        Its degrees of freedom are Satterthwaite's for groups that share an effect: G - 1 where all
        are of one size.
        """
        w, G = self.w, len(self.w)
        if G < 2:
            return Grouped(G, math.nan, math.nan)
        q = w**2 / self.kept
        k = (w**2).sum() - 2 * w
        zeroth, first, second = q.sum(), (q * w).sum(), (q * w**2).sum()
        a = (w**2).sum()
        double = (q**2 * (1 + 2 * k)).sum() + (a * zeroth) ** 2 + 2 * zeroth * second
        double += (
            2 * first**2 - 4 * a * zeroth * first
        )  # sum over g, h of q_g q_h (a - w_g - w_h)^2
        return Grouped(G, float((self.sums(off) ** 2 / self.kept).sum()), float(a**2 / double))


def _arm(Y: Doubles, w: float, among: _Groups | _Mosaics | None) -> tuple[Doubles, Part]:
    """The mean of each image and the arm's part of the variance.  (S, N) -> (N,), Part"""
    defined = np.isfinite(Y)
    kept = defined.any(axis=1)
    if not kept.all():
        Y, defined = Y[kept], defined[kept]
    S, N = Y.shape
    n = defined.sum(axis=0)
    mean: Doubles = np.where(defined, Y, 0.0).sum(axis=0) / n
    if S == 1:
        return mean, Part(1, 0.0, 0.0)
    off = np.where(defined, Y - mean, 0.0)  # (S, N)
    pulls = (off / n).sum(axis=1) / N  # how far each seed pulls the arm's mean
    between = math.fsum(pulls**2) * S / (S - 1)
    level = off.sum(axis=1) / defined.sum(axis=1)
    left = np.where(defined, off - level[:, None], 0.0)
    if among:
        return mean, Part(S, w**2 * between, w**2 * among.residual(left / n, defined))
    freedom = int(defined.sum()) - N - (S - 1)
    residual = float((left**2).sum()) / freedom if freedom > 0 else 0.0
    return mean, Part(S, w**2 * between, w**2 * residual * float((1 / n).sum()) / N**2)


def interval(found: Split, confidence: float = 0.95) -> tuple[float, float, float]:
    """Low, high and the two-sided p of a split; NaN with fewer than two images, or groups.

    Where nothing varies the interval has no width, and p is 2^(1 - units), the least that
    flipping the sign of every image, or group, could say.

    Example:
        >>> low, high, p = interval(split([[[0.1, 0.3, 0.2, 0.4]]], [1]))
        >>> round(low, 3), round(high, 3), round(p, 3)
        (0.045, 0.455, 0.03)
    """
    D, N = found.estimate, found.units
    if N < 2:
        return math.nan, math.nan, math.nan
    error = math.sqrt(found.variance)
    if error <= 1e-13 * abs(D) or error == 0:
        return D, D, 2.0 ** (1 - N) if D != 0 else 1.0
    freedom = min(found.freedom, 1e9)
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return D - half, D + half, min(2 * float(stdtr(freedom, -abs(D) / error)), 1.0)


def contrast(
    arms: Sequence[ArrayLike],
    weights: Sequence[float],
    *,
    confidence: float = 0.95,
    groups: Ints | None = None,
) -> Effect:
    """A weighted sum of arms with its interval and p.

    Difference, main effect, interaction and trend are all of this kind. Shapes and errors as in
    `split`. Source: crossed random effects, Searle, Casella & McCulloch 1992, chapter 4; degrees
    of freedom, Satterthwaite 1946.

    Example:
        >>> found = contrast([[[1.0, 2.0, 4.0]], [[0.0, 1.5, 3.0]]], [1, -1])
        >>> round(found.estimate, 3), found.images, found.seeds
        (0.833, 3, 1)
    """
    return effect_of(split(arms, weights, groups), confidence)


def effect_of(found: Split, confidence: float = 0.95) -> Effect:
    """The effect that a split says."""
    low, high, p = interval(found, confidence)
    D = found.estimate
    telling = math.isfinite(found.spread) and found.spread > 1e-12 * abs(D)
    size = D / found.spread if telling else math.nan
    groups = found.groups.number if found.groups else 0
    return Effect(D, low, high, p, size, found.images, found.seeds, groups)


def size_interval(found: Split, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the standardized effect D / spread, which is itself uncertain by both.

    The variance is V / spread^2 + size^2 / (2 (N - 1)), that of a paired d (Hedges & Olkin 1985).

    Example:
        >>> low, high = size_interval(split([[[0.1, 0.3, 0.2, 0.4] * 10]], [1]))
        >>> round(low, 2), round(high, 2)
        (1.61, 2.81)
    """
    size = effect_of(found, confidence).effect_size
    if not math.isfinite(size) or found.units < 2:
        return math.nan, math.nan
    variance = found.variance / found.spread**2 + size**2 / (2 * max(found.units - 1, 1))
    freedom = min(found.freedom, 1e9)
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(variance)
    return size - half, size + half


def difference(
    treatment: ArrayLike,
    control: ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    groups: Ints | None = None,
) -> Effect:
    """Treatment minus control, paired on images; without control the mean of one arm.

    Example:
        >>> difference([[1.0, 2.0, 4.0]], [[0.0, 1.0, 3.0]]).estimate
        1.0
    """
    if control is None:
        return contrast([treatment], [1.0], confidence=confidence, groups=groups)
    return contrast([treatment, control], [1.0, -1.0], confidence=confidence, groups=groups)
