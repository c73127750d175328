"""Which numbers of a contrast decide, metric by metric, and which arms are ahead by them.

Where arms have maps of different resolution the values at equal resolution decide, since a finer
map alone can score higher.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from campare.stats.answer import Arm
from campare.stats.words import MATCHED, UNDEFINED, decided, measure

NOT_DETECTED = "not detected"


class Deciding(NamedTuple):
    """One metric of one contrast: the row of native maps, and the row that decides."""

    native: Mapping[str, Any]
    row: Mapping[str, Any]
    verdict: str
    native_verdict: str

    @property
    def name(self) -> str:
        """The metric within a sentence."""
        return measure(self.native["metric"])

    @property
    def detected(self) -> bool:
        """Whether there is a difference, in either direction."""
        return self.verdict not in (NOT_DETECTED, UNDEFINED)


def deciding(
    rows: Mapping[str, Mapping[str, Any]],
    metrics: Iterable[str],
    arms: Mapping[str, Arm],
    confidence: float,
) -> list[Deciding]:
    """The rows of one contrast that decide: at equal resolution where that makes a difference."""

    def verdict(row: Mapping[str, Any]) -> str:
        return decided(row, confidence)

    found = []
    for name in metrics:
        if name in rows:
            native, equal = rows[name], rows.get(name + MATCHED)
            row = native if equal is None or not _resolution_differs(native, equal, arms) else equal
            found.append(Deciding(native, row, verdict(row), verdict(native)))
    return found


def _resolution_differs(
    native: Mapping[str, Any], equal: Mapping[str, Any], arms: Mapping[str, Arm]
) -> bool:
    """Whether the arms' grids differ; where they are not known, whether the numbers do."""
    grids = _grids(native, arms)
    if None not in grids:
        return len(set(grids)) > 1
    ends = ((native[name], equal[name]) for name in ("estimate", "low", "high"))
    return not all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in ends)


def _grids(row: Mapping[str, Any], arms: Mapping[str, Arm]) -> list[str | None]:
    names = [*row["treatment"].split(" + "), *row["control"].split(" + ")]
    return [arms[name].grid if name in arms else None for name in names]


def contrasts(table: pl.DataFrame, method: str) -> Iterator[dict[str, dict[str, Any]]]:
    """Metric -> row, of each contrast of a method."""
    rows = table.filter(pl.col("method") == method)
    for _, part in rows.group_by("contrast", maintain_order=True):
        yield {row["metric"]: row for row in part.iter_rows(named=True)}


def ahead(
    effects: pl.DataFrame,
    method: str,
    metrics: Iterable[str],
    arms: Mapping[str, Arm],
    confidence: float = 0.95,
) -> dict[str, list[str]]:
    """Metric -> the arms that are detectably better than another, and that none is better than.

    Of the contrasts that were tested: an arm in none of them is not spoken of.
    """
    better: dict[str, set[str]] = {}
    worse: dict[str, set[str]] = {}
    for rows in contrasts(effects, method):
        for one in deciding(rows, metrics, arms, confidence):
            pair = one.row["treatment"], one.row["control"]
            if one.verdict in ("better", "worse"):
                first, last = pair if one.verdict == "better" else pair[::-1]
                better.setdefault(one.native["metric"], set()).add(first)
                worse.setdefault(one.native["metric"], set()).add(last)
    found = {
        metric: [name for name in arms if name in better.get(metric, set()) - worse[metric]]
        for metric in metrics
        if metric in worse
    }
    return {metric: names for metric, names in found.items() if names}
