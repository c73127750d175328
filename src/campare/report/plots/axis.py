"""An axis of the page's plots: values become percent of its width, and ticks are round numbers.

Plots are laid out by the browser: lines and marks stand at percentages, text is the page's own.
So a plot is as readable on a phone as on a desk.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple


class Axis(NamedTuple):
    """A range of values; `log`: equal ratios are equal distances."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """Percent of the way from low to high.

        Example:
            >>> Axis(-1, 1).at(0.5), Axis(10, 1000, log=True).at(100)
            (75.0, 50.0)
        """
        low, high, value = (
            (math.log(x) for x in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        return round(100 * (value - low) / (high - low), 2)

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Round values within the axis, at most `most`.

        Example:
            >>> Axis(-0.32, 0.32).ticks(), Axis(0, 1).ticks()
            ((-0.2, 0.0, 0.2), (0.0, 0.25, 0.5, 0.75, 1.0))
        """
        size = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(size))
        for step in (s * power * scale for scale in (1, 10) for s in (1, 2, 2.5, 5)):
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            if last - first < most:
                return tuple(round(i * step, 12) for i in range(first, last + 1))
        raise AssertionError("ten times the size of a step leaves one tick")


def digits(ticks: Sequence[float], least: int = 2) -> int:
    """How many digits after the point say all ticks as they are, at least `least`.

    Example:
        >>> digits((-0.2, 0.0, 0.2)), digits((-0.025, 0.0, 0.025))
        (2, 3)
    """
    alone = max(map(abs, ticks), default=0.0) or 1.0
    step = min((b - a for a, b in pairwise(ticks)), default=alone)
    exact = (n for n in range(least, 12) if all(abs(round(x, n) - x) < 0.01 * step for x in ticks))
    return next(exact, 12)


def around_zero(values: Iterable[float]) -> Axis:
    """An axis with zero in its middle that holds all finite values.

    Example:
        >>> around_zero([-0.2, 0.5])
        Axis(low=-0.54, high=0.54, log=False)
    """
    reach = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return Axis(-1.08 * reach, 1.08 * reach) if reach else Axis(-1.0, 1.0)


def holding(values: Iterable[float]) -> Axis:
    """An axis that holds all finite values; from 0 to 1 where that wastes little.

    Example:
        >>> holding([0.1, 0.9]), holding([3.0, 5.0])
        (Axis(low=0.0, high=1.0, log=False), Axis(low=2.9, high=5.1, log=False))
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Axis(0.0, 1.0)
    low, high = min(finite), max(finite)
    if low >= 0 and high <= 1 and high - low > 0.4:
        return Axis(0.0, 1.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return Axis(max(low - room, 0.0) if low >= 0 else low - room, high + room)
