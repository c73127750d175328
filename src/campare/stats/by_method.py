"""Do verdicts depend on the method of the maps? Each claim by each, and how arms rank.

    claims, methods   -> a row for each pair: the verdict that the claim would get by that method
    summary, methods  -> a row for each metric and pair of methods: Spearman's correlation of the
                         means of the arms

A verdict by one method is Holm's over the claims, as if that method were the only one: what a
reader would have been told who had chosen it. Claims whose measures look at the classifier alone
are the same by all, and are left out of what is said.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from campare.stats.answer import Answer
from campare.stats.claims import Claim
from campare.stats.design import Design
from campare.stats.gathered import Key, Measured
from campare.stats.judging import CONTRADICTED, EQUIVALENT, NOT_MEASURED, SUPPORTED, judge
from campare.stats.ranking import CLASSIFIER, main_metrics
from campare.stats.words import MATCHED, conditional, count, listed, title

#: Columns of `Comparison.methods`.
METHODS: dict[str, Any] = {
    **dict.fromkeys(("claim", "method", "verdict", "contrast", "metric"), pl.String),
    **dict.fromkeys(("estimate", "low", "high", "p_adjusted", "smallest"), pl.Float64),
}
#: Columns of `Comparison.ranks`.
RANKS: dict[str, Any] = {
    **dict.fromkeys(("metric", "method", "other"), pl.String),
    "correlation": pl.Float64, "arms": pl.Int64,
}  # fmt: skip

#: Fewer arms than these have no order worth a correlation.
FEWEST_ARMS = 3
_SETTLED = (SUPPORTED, CONTRADICTED, EQUIVALENT)


def verdicts_by_method(
    claims: Sequence[Claim],
    measured: Mapping[Key, Measured],
    design: Design,
    methods: Sequence[str],
    confidence: float = 0.95,
    kind: str = "",
) -> list[dict[str, Any]]:
    """Rows of METHODS: every claim by every method; none of fewer than two methods."""
    makers = [name for name in methods if name != CLASSIFIER]
    if len(makers) < 2:
        return []
    return [
        {**{column: row[column] for column in METHODS}, "method": method}
        for method in makers
        for row in judge(claims, measured, design, method, confidence, kind)
    ]


def ranks(summary: pl.DataFrame, methods: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of RANKS: how alike two methods rank the arms by a metric, from -1 to 1.

    Means at equal resolution count where a method has them. NaN where all arms are alike.

    Example:
        >>> rows = [("A", "x", 1.0), ("B", "x", 2.0), ("C", "x", 4.0),
        ...         ("A", "y", 2.0), ("B", "y", 5.0), ("C", "y", 3.0)]
        >>> summary = pl.DataFrame(rows, ["recipe", "method", "mean"], orient="row")
        >>> summary = summary.with_columns(pl.lit("energy").alias("metric"))
        >>> ranks(summary, ["x", "y"])[0]["correlation"], ranks(summary, ["x"])
        (0.5, [])
    """
    makers = [name for name in methods if name != CLASSIFIER]
    means: dict[tuple[str, str], dict[str, float]] = {}
    for row in summary.filter(pl.col("method").is_in(makers)).iter_rows(named=True):
        name = row["metric"].removesuffix(MATCHED)
        if conditional(row["metric"]) or row["mean"] is None or not math.isfinite(row["mean"]):
            continue
        of = means.setdefault((row["method"], name), {})
        if row["metric"].endswith(MATCHED) or row["recipe"] not in of:
            of[row["recipe"]] = row["mean"]
    metrics = dict.fromkeys(name for _, name in means)
    found = []
    for metric in metrics:
        for one, other in combinations(makers, 2):
            first, second = means.get((one, metric), {}), means.get((other, metric), {})
            arms = [arm for arm in first if arm in second]
            if len(arms) < FEWEST_ARMS:
                continue
            values = [[of[arm] for arm in arms] for of in (first, second)]
            found.append(
                {
                    "metric": metric, "method": one, "other": other,
                    "correlation": _spearman(*values), "arms": len(arms),
                }
            )  # fmt: skip
    return found


def _spearman(one: Sequence[float], other: Sequence[float]) -> float:
    if len(set(one)) < 2 or len(set(other)) < 2:
        return math.nan
    return float(spearmanr(one, other).statistic)


class Table(NamedTuple):
    """A table as text."""

    title: str
    heads: list[str]
    rows: list[list[str]]


def claims_shown(methods: pl.DataFrame) -> Table:
    """A row for each claim that some method measures, with its verdict and number by each method.

    Example:
        >>> table = pl.DataFrame([("2 object", "rise", "supported", 0.1)],
        ...     ["claim", "method", "verdict", "estimate"], orient="row")
        >>> claims_shown(table).rows
        [['2 object', 'supported +0.100']]
    """
    known = methods.filter(pl.col("verdict") != NOT_MEASURED)
    makers = known["method"].unique(maintain_order=True).to_list()
    rows = []
    for (claim,), part in known.group_by("claim", maintain_order=True):
        given = {row["method"]: _judged(row) for row in part.iter_rows(named=True)}
        rows.append([str(claim), *(given.get(name, "\N{EN DASH}") for name in makers)])
    return Table("Claims by each method", ["claim", *makers], rows)


def _judged(row: Mapping[str, Any]) -> str:
    """A verdict with its difference."""
    known = row["estimate"] is not None and math.isfinite(row["estimate"])
    return f"{row['verdict']} {row['estimate']:+.3f}" if known else str(row["verdict"])


def ranks_shown(ranks: pl.DataFrame) -> Table:
    """A row for each pair of methods, with the correlation of the arms by the main metrics.

    Example:
        >>> table = pl.DataFrame([("energy", "grad-cam", "rise", 0.8, 4)], RANKS, orient="row")
        >>> ranks_shown(table).heads, ranks_shown(table).rows
        (['methods', 'energy'], [['grad-cam, rise', '0.80']])
    """
    known = ranks.filter(pl.col("correlation").is_finite())
    main = main_metrics(known["metric"].unique(maintain_order=True), "") if known.height else []
    rows = []
    for (one, other), part in known.group_by("method", "other", maintain_order=True):
        of = dict(part.select("metric", "correlation").iter_rows())
        cells = (f"{of[name]:.2f}" if name in of else "\N{EN DASH}" for name in main)
        rows.append([f"{one}, {other}", *cells])
    arms = max(known["arms"].to_list(), default=0)
    heading = f"Spearman's correlation of the means of {arms} arms between two methods"
    return Table(heading, ["methods", *main], rows)


def by_method(
    methods: pl.DataFrame, ranks: pl.DataFrame, metrics: Sequence[str]
) -> Iterator[Answer]:
    """What the tables of a comparison say: where methods agree, and where they do not.

    `metrics` are those that speak of the order of arms.

    Example:
        >>> rows = [("2 object", "grad-cam", "supported", 0.1),
        ...     ("2 object", "rise", "equivalent", 0.0)]
        >>> table = pl.DataFrame(rows, ["claim", "method", "verdict", "estimate"], orient="row")
        >>> [one.text for one in by_method(table, pl.DataFrame(schema=RANKS), [])]
        ['By grad-cam and rise one claim gets different verdicts: 2 object (supported by grad-cam, \
equivalent by rise).']
    """
    if methods.height:
        yield from _of_claims(methods)
    known = ranks.filter(pl.col("metric").is_in(list(metrics)), pl.col("correlation").is_finite())
    if known.height:
        yield _of_ranks(known, metrics)


def _of_claims(methods: pl.DataFrame) -> Iterator[Answer]:
    makers = methods["method"].unique(maintain_order=True).to_list()
    parts: dict[str, list[str]] = {"agree": [], "opposed": [], "apart": [], "open": []}
    for (name,), rows in methods.group_by("claim", maintain_order=True):
        claim = str(name)
        given = {row["method"]: row["verdict"] for row in rows.to_dicts()}
        given = {name: verdict for name, verdict in given.items() if verdict != NOT_MEASURED}
        if len(given) < 2 or _of_classifier(rows):
            continue
        words = list(dict.fromkeys(given.values()))
        if len(words) == 1:
            if words[0] in _SETTLED:
                parts["agree"].append(f"{claim} {words[0]}")
            else:  # that none settles it is no agreement
                parts["open"].append(claim)
            continue
        settled = [word for word in words if word in _SETTLED]
        said = ", ".join(
            f"{word} by {listed([maker for maker, verdict in given.items() if verdict == word])}"
            for word in words
        )
        parts["opposed" if len(settled) > 1 else "apart"].append(f"{claim} ({said})")
    total = sum(map(len, parts.values()))
    if not total:
        return
    kinds = [
        (parts["opposed"], "gets different verdicts", "get different verdicts"),
        (parts["apart"], "is settled by some alone", "are settled by some alone"),
        (parts["agree"], "gets one verdict by all", "get one verdict by all"),
        (parts["open"], "is settled by none", "are settled by none"),
    ]
    sentences = [
        f"{_claims(len(names))} {one if len(names) == 1 else many}: {'; '.join(names)}"
        for names, one, many in kinds
        if names
    ]
    apart = "differ in part" if parts["apart"] else "agree" if parts["agree"] else "open"
    verdict = "differ" if parts["opposed"] else apart
    alike = len(parts["agree"])
    short = f"{listed(makers)} agree on {alike} of {count(total, 'claim')}"
    text = ". ".join([sentences[0], *(each[0].upper() + each[1:] for each in sentences[1:])])
    yield Answer("methods", verdict, f"By {listed(makers)} {text}.", short)


def _claims(number: int) -> str:
    return "one claim" if number == 1 else f"{number} claims"


def _of_classifier(rows: pl.DataFrame) -> bool:
    """Whether all methods have the same number, which none of their maps can have made."""
    estimates = rows["estimate"].to_list()
    known = [value for value in estimates if value is not None and math.isfinite(value)]
    return rows.height > 1 and len(known) == len(estimates) and len(set(known)) == 1


def _of_ranks(known: pl.DataFrame, metrics: Sequence[str]) -> Answer:
    arms = int(np.max(known["arms"].to_numpy()))
    said, lowest = [], math.inf
    for metric in metrics:
        rows = known.filter(metric=metric).sort("correlation").to_dicts()
        if not rows:
            continue
        low, high = rows[0], rows[-1]
        lowest = min(lowest, low["correlation"])
        if len(rows) == 1 or low["correlation"] == high["correlation"]:
            said.append(f"{title(metric)} {low['correlation']:.2f}")
            continue
        said.append(
            f"{title(metric)} {low['correlation']:.2f} ({low['method']} and {low['other']}) to "
            f"{high['correlation']:.2f}"
        )
    text = (
        f"Spearman's correlation of the means of {arms} arms between two methods: {'; '.join(said)}"
    )
    chance = math.factorial(arms)
    evidence = f"Of {arms} arms a correlation of 1 comes by chance once in {chance:,}."
    short = f"Methods rank {arms} arms with correlations down to {lowest:.2f}"
    return Answer("methods", "ranks", f"{text}.", short, evidence)
