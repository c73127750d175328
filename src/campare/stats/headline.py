"""Question and answer: what a comparison says, a sentence or two for each contrast and method."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import polars as pl

from campare.stats.words import (
    MATCHED,
    NO_DIFFERENCE,
    UNDEFINED,
    Verdict,
    count,
    higher_is_better,
    interval,
    signed,
    verdict_words,
)

#: The metric that a sentence is about: the first of these that is defined, else any.
FIRST = ("energy", "pointing-game", "average-precision", "grid-pointing-game", "focus", "correct")


class Compared(Protocol):
    """The tables of a comparison, which `campare.stats.comparison.Comparison` holds."""

    @property
    def effects(self) -> pl.DataFrame:
        """Treatment minus control."""

    @property
    def claims(self) -> pl.DataFrame:
        """Hypotheses and their verdicts."""

    @property
    def factors(self) -> pl.DataFrame:
        """Main effects, interactions and trends."""

    @property
    def sensitivity(self) -> pl.DataFrame:
        """The effects by other sound analyses."""

    @property
    def confidence(self) -> float:
        """Of the intervals."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know, a line each."""


def headline(comparison: Compared) -> list[str]:
    """Question and answer in plain words with numbers, for each contrast and method.

    A sentence is about one metric, the first of FIRST that is defined. Where it was measured at
    equal map resolution too, that decides, since a finer map alone can score higher.
    """
    groups = comparison.effects.group_by("contrast", "method", maintain_order=True)
    return [" ".join(_sentences(comparison, part)) for _, part in groups]


def _sentences(comparison: Compared, part: pl.DataFrame) -> Iterator[str]:
    rows = {row["metric"]: row for row in part.iter_rows(named=True)}
    verdicts = {name: _verdict(row, comparison.confidence) for name, row in rows.items()}
    name = _main(rows)
    equal = name + MATCHED if name + MATCHED in rows else name
    row = rows[equal]
    yield _question(row)
    yield f"{_answer(verdicts[equal])} {_numbers(row, verdicts[equal], comparison.confidence)}"
    if equal != name:
        yield f"At its own resolution: {verdicts[name]}, {interval(rows[name])}."
    others = [verdict for key, verdict in verdicts.items() if "@" not in key]
    if len(others) > 1:
        yield f"Of {len(others)} metrics: {_tally(others)}."
    if row["seeds"] == 1:
        yield "One training each: it speaks of these models, not of the ways they were trained."


def _verdict(row: Mapping[str, Any], confidence: float) -> Verdict:
    return verdict_words(
        row["metric"], row["low"], row["high"], row["p_adjusted"], alpha=1 - confidence
    )


def _main(rows: Mapping[str, Mapping[str, Any]]) -> str:
    defined = [name for name, row in rows.items() if math.isfinite(row["low"])] or list(rows)
    native = [name for name in defined if "@" not in name] or defined
    directed = [name for name in native if higher_is_better(name) is not None]
    return next((name for name in FIRST if name in native), (directed or native)[0])


def _question(row: Mapping[str, Any]) -> str:
    if row["method"] == "-":
        return f"Does {row['treatment']} classify better than {row['control']}?"
    return (
        f"Are the {row['method']} maps of {row['treatment']} better than those of {row['control']}?"
    )


def _answer(verdict: Verdict) -> str:
    if verdict.judgement:
        return {"better": "Yes:", "worse": "No, worse:"}[verdict.judgement]
    return {NO_DIFFERENCE: "Not detectably:", UNDEFINED: "It cannot be said:"}.get(
        verdict.change, "Different:"
    )


def _numbers(row: Mapping[str, Any], verdict: Verdict, confidence: float) -> str:
    seeds = f", {count(row['seeds'], 'seed')}" if row["seeds"] > 1 else ""
    counts = count(row["images"], "image") + seeds
    where = "at equal map resolution, " if row["metric"].endswith(MATCHED) else ""
    name = where + row["metric"].removesuffix(MATCHED)
    if verdict.change == UNDEFINED:
        return f"{name} has no interval ({counts})."
    change = "differs" if verdict.change == NO_DIFFERENCE else f"is {verdict.change}"
    return (
        f"{name} {change} by {signed(row['estimate'])} ({confidence:.0%} interval "
        f"{signed(row['low'])} to {signed(row['high'])}; {counts})."
    )


def _tally(verdicts: list[Verdict]) -> str:
    words = Counter(verdict.judgement or verdict.change for verdict in verdicts)
    order = ("better", "worse", "higher", "lower", NO_DIFFERENCE, UNDEFINED)
    return ", ".join(f"{words[word]} {word}" for word in order if words[word])
