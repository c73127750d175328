"""The variance of a mean over mosaics: two that show an image in common are not independent.

Four images are on a mosaic, and each image on several. With e the deviations from the mean of M
mosaics and K[m, n] = 1 where m and n share an image (0 on the diagonal), their covariance is
taken as t0 I + t1 K: what is a mosaic's own, and what two have in common if they share. The two are
estimated without bias from q0 = e'e and q1 = e'Ke, as

    T t = q,  T = [[tr P, tr R], [tr R, tr R R]],  P = I - 1/M,  R = P K P

and the variance of the mean is v = t0 / M + t1 sum K / M^2. t1 < 0 is taken as 0. Degrees of
freedom are Satterthwaite's for the quadratic form v. Source: moment estimators of variance
components, Searle, Casella & McCulloch 1992, chapter 5; dyadic data, Aronow et al. 2015.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campare.types import Ints

Doubles = NDArray[np.float64]


class Shared(NamedTuple):
    """Mosaics of which some share images.

    Attributes:
        sharing: (M, M) of 0 and 1, K of the module's docstring.
        traces: (5,) tr P, tr R, tr R^2, tr R^3 and tr R^4.
    """

    sharing: Doubles
    traces: Doubles

    @classmethod
    def of(cls, shown: Ints) -> "Shared | None":
        """Of the images (M, 4) that each mosaic shows, -1: itself; None where no two share one.

        Example:
            >>> Shared.of(np.array([[0, 1, 2, 3], [4, 5, 6, 7]])) is None
            True
            >>> Shared.of(np.array([[0, 1, 2, 3], [3, 4, 5, 6], [7, 8, 9, 10]])).sharing.sum()
            np.float64(2.0)
        """
        return _shared(np.ascontiguousarray(shown, np.int64).tobytes(), len(shown))

    @property
    def are_all(self) -> bool:
        """Whether every two mosaics share an image: nothing tells what is common to them."""
        return bool(np.linalg.det(self._expected) <= 1e-9 * self.traces[0] * self.traces[2])

    @property
    def _expected(self) -> Doubles:
        """T of the module's docstring."""
        return self.traces[[[0, 1], [1, 2]]]

    def variance(self, off: Doubles) -> tuple[float, float]:
        """Of the mean, and its degrees of freedom; `off` (..., M) are deviations from the mean.

        Several rows are of one covariance, and their variances are summed.
        """
        M = len(self.sharing)
        rows = off.reshape(-1, M)
        q = np.array([np.vdot(rows, rows), np.vdot(rows, rows @ self.sharing)])
        whole = np.array([1 / M, self.sharing.sum() / M**2])
        (t, a) = np.linalg.solve(self._expected, np.stack([q, whole], axis=1)).T
        if t[1] <= 0:
            return float(q[0] / (M - 1) / M), float(M - 1)
        v = float(t @ whole)
        double = np.convolve(np.convolve(a, t), np.convolve(a, t)) @ self.traces  # tr (A C)^2
        return v, v**2 / float(double)


@lru_cache(maxsize=64)
def _shared(content: bytes, number: int) -> Shared | None:
    """The same mosaics are behind many metrics and arms."""
    shown = np.frombuffer(content, np.int64).reshape(number, -1)
    single = shown.max(initial=-1) + 1 + np.arange(number)[:, None]  # none other shows it
    images, place = np.unique(np.where(shown < 0, single, shown), return_inverse=True)
    shows = np.zeros((number, len(images)))
    shows[np.arange(number)[:, None], place.reshape(shown.shape)] = 1
    sharing = (shows @ shows.T > 0).astype(np.float64)
    np.fill_diagonal(sharing, 0)
    if not sharing.any():
        return None
    R = sharing - sharing.mean(axis=0)
    R -= R.mean(axis=1, keepdims=True)
    square = R @ R
    traces = [
        number - 1,
        np.trace(R),
        np.trace(square),
        np.vdot(square, R),
        np.vdot(square, square),
    ]
    return Shared(sharing, np.array(traces))
