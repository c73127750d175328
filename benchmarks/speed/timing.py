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


@dataclass(frozen=True)
class Contender:
    """Something that runs; `units` is the number of images, or of forward passes, of one run."""

    name: str
    kind: Kind
    run: Callable[[], Any]  # returns NumPy on the host: nothing may still be under way
    units: int
    limit: str = ""  # the key in table.LIMITS of what its ratio may be


@dataclass(frozen=True)
class Timing:
    """Seconds a unit in each round, and how long the first run took, with what it compiled."""

    name: str
    kind: Kind
    limit: str
    first: float
    seconds: tuple[float, ...]


def measure(
    contenders: Sequence[Contender], *, rounds: int, repeats: int, rng: np.random.Generator
) -> list[Timing]:
    """Run every contender twice to warm up, then `repeats` times in each of the rounds."""
    first = []
    for contender in contenders:
        first.append(_timed(contender, 1) * contender.units)
        contender.run()
    seconds = np.zeros((len(contenders), rounds))
    for i in range(rounds):
        for k in rng.permutation(len(contenders)):
            seconds[k, i] = _timed(contenders[k], repeats)
    return [
        Timing(c.name, c.kind, c.limit, first[k], tuple(seconds[k].tolist()))
        for k, c in enumerate(contenders)
    ]


def fastest(timings: Sequence[Timing], kind: Kind) -> Timing | None:
    """The timing of that kind with the smallest median."""
    found = [timing for timing in timings if timing.kind == kind]
    return min(found, key=lambda timing: float(np.median(timing.seconds)), default=None)


def ratios(timing: Timing, to: Timing) -> dict[str, float]:
    """The ratio within each round: its median, minimum and quartiles."""
    each = np.asarray(timing.seconds) / np.asarray(to.seconds)
    low, high = np.quantile(each, [0.25, 0.75])
    names = {"median": np.median(each), "min": each.min(), "low": low, "high": high}
    return {name: float(value) for name, value in names.items()}


def _timed(contender: Contender, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        contender.run()
    return (time.perf_counter() - start) / repeats / contender.units
