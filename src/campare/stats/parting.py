"""Where quality and accuracy part: a network is still getting better while its maps get worse.

    from epoch e to the last one, over the seeds of a recipe:
        accuracy(last) - accuracy(e)                         detectably above 0
        quality(last) - quality(e), towards better           detectably below 0

Student's t over seeds for each earlier epoch, all of them at once (Bonferroni); the two tests of an
epoch must both hold, which needs no further correction. Of several epochs the one of the best maps
is named. The images are the same at every epoch: intervals are over trainings.
"""

import math
from collections.abc import Iterator
from typing import Any

import polars as pl
from scipy.special import stdtrit

from campare.stats.answer import Answer
from campare.stats.words import count, higher_is_better, listed, measure, signed
from campare.types import Floats

ACCURACY = "accuracy"
PARTS, TOGETHER, UNTESTED = "parts", "not detected", "not tested"

#: Columns of `Comparison.curves`.
CURVES: dict[str, Any] = {
    "recipe": pl.String, "seed": pl.Int64, "epoch": pl.Int64, "measure": pl.String,
    "value": pl.Float64,
}  # fmt: skip


def partings(curves: pl.DataFrame, confidence: float) -> Iterator[Answer]:
    """For each recipe where the two part, an answer; one for all others.

    Example:
        >>> rows = [("A", s, e, m, v) for s in range(3) for e, m, v in [
        ...     (5, "accuracy", 0.7), (9, "accuracy", 0.9), (5, "energy", 0.6), (9, "energy", 0.4)]]
        >>> found = partings(pl.DataFrame(rows, schema=CURVES, orient="row"), 0.95)
        >>> [(answer.subject, answer.verdict) for answer in found]
        [('A', 'parts')]
    """
    metric = _metric(curves)
    tested, untested = [], []
    for recipe in dict.fromkeys(curves["recipe"]) if metric else ():
        own = curves.filter(pl.col("recipe") == recipe)
        epochs, accuracy = _matrix(own, ACCURACY)
        same, quality = _matrix(own, metric)
        accuracy = accuracy[:, [epoch in same for epoch in epochs]]
        quality = quality[:, [epoch in epochs for epoch in same]]
        epochs = [epoch for epoch in epochs if epoch in same]
        if accuracy.shape != quality.shape or min(accuracy.shape) < 2:
            untested.append(recipe)
            continue
        found = _parting(recipe, metric, epochs, accuracy, quality, confidence)
        if found is None:
            tested.append((recipe, epochs, len(accuracy)))
        else:
            yield found
    if tested:
        seeds = min(seeds for _, _, seeds in tested)
        first = min(epochs[0] for _, epochs, _ in tested)
        last = max(epochs[-1] for _, epochs, _ in tested)
        text = (
            f"While {listed([name for name, _, _ in tested])} trained, no fall of "
            f"{measure(metric)} with accuracy still rising was detected (epochs {first} to {last}, "
            f"{count(seeds, 'seed')})."
        )
        yield Answer("curve", TOGETHER, text, metric=metric, seeds=seeds)
    if untested:
        text = (
            f"Whether accuracy and {measure(metric)} part while {listed(untested)} trained was not "
            "tested: it takes two seeds or more, and two epochs that all of them have."
        )
        yield Answer("curve", UNTESTED, text, metric=metric)


def _metric(curves: pl.DataFrame) -> str:
    """The first measure of the maps that has a better direction."""
    names = [name for name in dict.fromkeys(curves["measure"]) if name != ACCURACY]
    return next((name for name in names if higher_is_better(name) is not None), "")


def _matrix(curves: pl.DataFrame, measure: str) -> tuple[list[int], Floats]:
    """The epochs that all seeds have, and the values, (seeds, epochs)."""
    own = curves.filter((pl.col("measure") == measure) & pl.col("value").is_finite())
    seeds = own["seed"].n_unique()
    whole = own.group_by("epoch").len().filter(pl.col("len") == seeds)["epoch"].sort().to_list()
    kept = own.filter(pl.col("epoch").is_in(whole)).sort("seed", "epoch")
    return whole, kept["value"].to_numpy().reshape(seeds, len(whole))


def _parting(
    recipe: str,
    metric: str,
    epochs: list[int],
    accuracy: Floats,
    quality: Floats,
    confidence: float,
) -> Answer | None:
    """The epoch from which accuracy rises and quality falls, if there is one."""
    sign = 1 if higher_is_better(metric) else -1
    earlier = len(epochs) - 1
    level = 1 - (1 - confidence) / earlier
    found = []
    for i in range(earlier):
        rise = _interval(accuracy[:, -1] - accuracy[:, i], level)
        fall = _interval(quality[:, -1] - quality[:, i], level)
        if rise[1] > 0 and max(sign * fall[1], sign * fall[2]) < 0:
            found.append((sign * quality[:, i].mean(), epochs[i], rise, fall))
    if not found:
        return None
    _, epoch, rise, fall = max(found)
    seeds = len(accuracy)
    text = (
        f"While {recipe} trained, its maps got worse from epoch {epoch} to {epochs[-1]} and its "
        f"accuracy still rose: {measure(metric)} {_words(fall)}, accuracy {_words(rise)}."
    )
    evidence = (
        f"{100 * confidence:.4g}% intervals over {count(seeds, 'seed')}, for "
        f"{count(earlier, 'epoch')} at once, on the same images."
    )
    return Answer(
        "curve", PARTS, text, f"the maps of {recipe} get worse from epoch {epoch} on", evidence,
        subject=recipe, metric=metric, estimate=fall[0], low=fall[1], high=fall[2], seeds=seeds,
    )  # fmt: skip


def _interval(differences: Floats, confidence: float) -> tuple[float, float, float]:
    """Mean, low and high of differences by seed."""
    n, mean = len(differences), float(differences.mean())
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * differences.std(ddof=1) / math.sqrt(n))
    return mean, mean - half, mean + half


def _words(interval: tuple[float, float, float]) -> str:
    mean, low, high = interval
    return f"{signed(mean)} ({signed(low)} to {signed(high)})"
