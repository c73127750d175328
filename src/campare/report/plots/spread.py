"""Distributions over images as quantile dots: each dot stands for the same share of the images.

A mean hides which images it is made of. Dots are stacked in bins, so that their heights can be
counted, and a hollow distribution or a cluster at zero is plain.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campare.report import words
from campare.report.plots.axis import Axis, digits, holding
from campare.report.plots.chart import Dot, Line, Panel, Row
from campare.report.view import Arm
from campare.stats.words import higher_is_better, title

DOTS, BINS = 50, 36
HEIGHT, RADIUS = 46.0, 2.7  # of a row and of a dot, in pixels


def spread(values: Mapping[str, NDArray[Any]], metric: str, arms: Sequence[Arm]) -> Panel:
    """The distributions of one metric, a row an arm; `values` is arm -> one value an image."""
    finite = {arm.name: _finite(values.get(arm.name, np.array([]))) for arm in arms}
    axis = holding(x for own in finite.values() if own.size for x in (own.min(), own.max()))
    ticks, least = axis.ticks(), 2 if axis.high - axis.low <= 4 else 1
    better = {True: "higher is better", False: "lower is better", None: "neither is better"}
    return Panel(
        title=title(metric),
        note=better[higher_is_better(metric)],
        ticks=tuple((axis.at(x), words.number(x, digits(ticks, least))) for x in ticks),
        rows=tuple(_row(arm, finite[arm.name], axis) for arm in arms),
        kind="dots",
        numbers="mean",
        room=8,
    )


def _finite(values: NDArray[Any]) -> NDArray[np.float64]:
    finite: NDArray[np.float64] = np.asarray(values, float)
    return finite[np.isfinite(finite)]


def _row(arm: Arm, values: NDArray[np.float64], axis: Axis) -> Row:
    mean = float(values.mean()) if values.size else math.nan
    number = words.number(mean, 3)
    return Row(
        label=arm.name,
        number=number,
        spoken=f"{arm.name}: mean {number} of {values.size} images",
        height=HEIGHT + 10,
        color=arm.index,
        lines=(_half(values, mean, axis),) if values.size else (),
        dots=tuple(Dot(x, y, RADIUS, arm.index) for x, y in stacked(quantiles(values), axis)),
        missing="" if values.size else "no defined value",
    )


def _half(values: NDArray[np.float64], mean: float, axis: Axis) -> Line:
    low, high = np.quantile(values, (0.25, 0.75))
    ends = axis.at(float(low)), axis.at(float(high))
    return Line("half", axis.at(mean), *ends, filled=True, y=HEIGHT + 4, radius=4.0)


def quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values in order, at most `DOTS` of them: each stands for the same share."""
    few = np.sort(values)
    if few.size > DOTS:
        few = np.quantile(values, (np.arange(DOTS) + 0.5) / DOTS, method="nearest")
    return few


def stacked(few: NDArray[np.float64], axis: Axis) -> list[tuple[float, float]]:
    """A few values as (percent, pixels from the top), stacked where they meet."""
    percent = np.array([axis.at(value) for value in few])
    bins = np.clip(percent * BINS / 100, 0, BINS - 1).astype(int)
    highest = int(np.bincount(bins, minlength=1).max())
    step = min(2 * RADIUS + 0.6, (HEIGHT - 2 * RADIUS) / max(1, highest - 1))
    level: dict[int, int] = {}
    dots = []
    for one in bins.tolist():
        rise = level.setdefault(one, 0)
        level[one] += 1
        dots.append((round((one + 0.5) * 100 / BINS, 2), round(HEIGHT - RADIUS - rise * step, 1)))
    return dots
