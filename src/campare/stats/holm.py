"""Several tests at once: p values adjusted so that one error in the family is as rare as in one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]


def holm(p: ArrayLike) -> Doubles:
    """p values adjusted for being one family (Holm 1979); NaN stays and does not count.

    Shapes: (m,) -> (m,), in [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03, float("nan")])
        array([0.03, 0.06, 0.06,  nan])
    """
    adjusted = np.asarray(p, np.float64).copy()
    known = np.flatnonzero(~np.isnan(adjusted))
    order = known[np.argsort(adjusted[known], kind="stable")]
    scaled = adjusted[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted
