"""Distributions over images as quantile dots: each dot stands for the same share of the images.

A mean hides which images it is made of. Dots are stacked in bins, so that their heights can be
counted, and a hollow distribution or a cluster at zero is seen at once.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from campare.report import words
from campare.report.axis import holding
from campare.report.facts import Arm
from campare.stats.words import higher_is_better, title

DOTS, BINS = 50, 36
HEIGHT, RADIUS = 46.0, 2.7  # of a row and of a dot, in pixels


class Dots(NamedTuple):
    """One arm: dots at (percent, pixels from the top), the middle half and the mean in percent."""

    arm: Arm
    dots: tuple[tuple[float, float], ...]
    half: tuple[float, float] | None
    mean: float | None
    number: str
    images: int


class Spread(NamedTuple):
    """One metric: a row an arm on a common axis."""

    title: str
    ends: str
    ticks: tuple[tuple[float, str], ...]
    rows: tuple[Dots, ...]

    @property
    def wide(self) -> bool:
        """Whether names need room."""
        return any(len(row.arm.name) > 8 for row in self.rows)


def spread(values: Mapping[str, NDArray[Any]], metric: str, arms: Sequence[Arm]) -> Spread:
    """The distributions of one metric; `values` is arm -> one value an image."""
    finite = {arm.name: _finite(values.get(arm.name, np.array([]))) for arm in arms}
    axis = holding(x for own in finite.values() if own.size for x in (own.min(), own.max()))
    digits = 2 if axis.high - axis.low <= 4 else 1
    better = {True: "higher is better", False: "lower is better", None: "neither is better"}
    return Spread(
        title(metric),
        better[higher_is_better(metric)],
        tuple((axis.at(x), words.number(x, digits)) for x in axis.ticks()),
        tuple(_dots(arm, finite[arm.name], axis.at) for arm in arms),
    )


def _finite(values: NDArray[Any]) -> NDArray[np.float64]:
    finite: NDArray[np.float64] = np.asarray(values, float)
    return finite[np.isfinite(finite)]


def _dots(arm: Arm, values: NDArray[np.float64], at: Any) -> Dots:
    if not values.size:
        return Dots(arm, (), None, None, words.number(math.nan), 0)
    few = np.sort(values)
    if few.size > DOTS:
        few = np.quantile(values, (np.arange(DOTS) + 0.5) / DOTS, method="nearest")
    percent = np.array([at(value) for value in few])
    bins = np.clip(percent * BINS / 100, 0, BINS - 1).astype(int)
    highest = int(np.bincount(bins).max())
    step = min(2 * RADIUS + 0.6, (HEIGHT - 2 * RADIUS) / max(1, highest - 1))
    level: dict[int, int] = {}
    dots = []
    for one in bins.tolist():
        rise = level.setdefault(one, 0)
        level[one] += 1
        dots.append((round((one + 0.5) * 100 / BINS, 2), round(HEIGHT - RADIUS - rise * step, 1)))
    low, high = np.quantile(values, (0.25, 0.75))
    return Dots(
        arm,
        tuple(dots),
        (at(float(low)), at(float(high))),
        at(float(values.mean())),
        words.number(float(values.mean()), 3),
        int(values.size),
    )
