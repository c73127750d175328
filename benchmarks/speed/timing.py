"""Contenders timed in turn, so that a noisy machine slows all of them alike.

In every round each contender runs once, in an order drawn anew. What is reported is the median of
the ratios within the rounds, never a ratio of medians of different minutes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Kind = Literal["plain", "campare", "peer"]

#: How the name of what was compiled ends.
COMPILED = ", compile=True"
#: How the name of one ends whose images and weights lie in memory as convolutions like it.
CHANNELS_LAST = ", channels last"


@dataclass(frozen=True)
class Contender:
    """Something that runs; `units` is the number of images, or of forward passes, of one run."""

    name: str
    kind: Kind
    run: Callable[[], Any]  # returns NumPy on the host: nothing may still be under way
    units: int
    limit: str = ""  # the key in LIMITS of what its ratio may be


@dataclass(frozen=True)
class Timing:
    """Seconds a unit in each round, and how long the first run took, with what it compiled."""

    name: str
    kind: Kind
    limit: str
    first: float
    seconds: tuple[float, ...]


class Stopwatch:
    """Times groups of contenders; one that is in several groups has its first run in the first."""

    def __init__(
        self, rng: np.random.Generator, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._rng = rng
        self._clock = clock
        self._first: dict[Contender, float] = {}

    def measure(
        self, contenders: Sequence[Contender], *, rounds: int, repeats: int = 1
    ) -> list[Timing]:
        """Run every contender twice to warm up, then `repeats` times in each of the rounds."""
        for contender in contenders:
            once = self._timed(contender, 1) * contender.units
            self._first.setdefault(contender, once)
            contender.run()
        seconds = np.zeros((len(contenders), rounds))
        for i in range(rounds):
            for k in self._rng.permutation(len(contenders)):
                seconds[k, i] = self._timed(contenders[k], repeats)
        return [
            Timing(c.name, c.kind, c.limit, self._first[c], tuple(each.tolist()))
            for c, each in zip(contenders, seconds, strict=True)
        ]

    def _timed(self, contender: Contender, repeats: int) -> float:
        start = self._clock()
        for _ in range(repeats):
            contender.run()
        return (self._clock() - start) / repeats / contender.units


def fastest(timings: Sequence[Timing], kind: Kind) -> Timing | None:
    """The timing of that kind with the smallest median."""
    return min((t for t in timings if t.kind == kind), key=median, default=None)


def median(timing: Timing) -> float:
    """The median of the seconds a unit."""
    return float(np.median(timing.seconds))


def ratios(timing: Timing, to: Timing) -> dict[str, float]:
    """The ratio within each round: its median, the least of them, and quartiles."""
    each = np.asarray(timing.seconds) / np.asarray(to.seconds)
    low, high = np.quantile(each, [0.25, 0.75])
    names = {"median": np.median(each), "least": each.min(), "low": low, "high": high}
    return {name: float(value) for name, value in names.items()}
