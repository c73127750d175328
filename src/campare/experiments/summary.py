"""What a finished run says, on one screen: what differs, and how each recipe or model did."""

import math
from typing import Any

import polars as pl
from rich.console import Group
from rich.table import Table
from rich.text import Text

from campare.metrics.evaluate import MATCHED
from campare.runs.run import Run
from campare.runs.tables import batches
from campare.stats.answers import method_of, metrics_of
from campare.stats.power import power, too_small
from campare.stats.printed import conclusion
from campare.stats.ranking import CLASSIFIER
from campare.stats.stored import comparison_of

#: Why no measure of a map can have a value.
_FAULTS = ("flat", "all-negative", "non-finite", "unconnected")


def summary(run: Run) -> Group:
    """The answers in words, then means by recipe or model with intervals.

    Raises:
        RunError: no cell is finished.
    """
    comparison = comparison_of(run)
    values = {
        (row["recipe"], row["method"], row["metric"]): row
        for row in comparison.summary.iter_rows(named=True)
    }
    method = method_of(comparison) or run.manifest.config.methods[0]
    metrics = metrics_of(comparison, method)
    columns = [(CLASSIFIER, "correct"), *((method, name) for name in metrics)]
    columns += [(method, name + MATCHED) for name in metrics[:1]]
    columns = [c for c in columns if any((recipe, *c) in values for recipe in run.recipes)]
    first = "recipe" if not run.manifest.is_audit else "model" if run.manifest.of_models else "arm"
    heads = [first, *(_head(name) for _, name in columns)]
    table = Table(*heads, box=None, pad_edge=False)
    for recipe in run.recipes:
        cells = [_mean(values.get((recipe, *column))) for column in columns]
        table.add_row(Text(recipe), *cells)
    found = power(run)
    small = [name for name in (f"{m}{MATCHED}" for m in metrics) if name in set(found["metric"])]
    lines = too_small(found, tuple(small[:2]), run.manifest.kind) if small else []
    return Group(
        *conclusion(comparison),
        *(Text(line) for line in lines),
        "",
        Text(f"Means with 95% intervals, {method} maps of the {_target(run)} class"),
        table,
        *(Text(line) for line in _undefined(run, method)),
    )


def _target(run: Run) -> str:
    return "true" if run.manifest.config.target == "label" else "predicted"


def _head(metric: str) -> str:
    name = "accuracy" if metric == "correct" else metric.removesuffix(MATCHED)
    return f"{name}, matched" if metric.endswith(MATCHED) else name


def _mean(row: dict[str, Any] | None) -> str:
    """A mean with its interval, which one image alone does not have."""
    if row is None or row["mean"] is None or not math.isfinite(row["mean"]):
        return "-"
    if row["low"] is None or not math.isfinite(row["low"]):
        images = f"{row['images']} image{'s' if row['images'] != 1 else ''}"
        return f"{row['mean']:.3f} (no interval from {images})"
    return f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def _undefined(run: Run, method: str) -> list[str]:
    """On how many images measures have no value and why, where not for want of a map, in one line.

    Those under conditions, doses say, are in the table. Maps that are flat are told of by the
    answers, unless they leave a measure without any value.
    """
    table = pl.concat(run.tables())
    order: dict[tuple[str, str], None] = {}  # (metric, status) as the table names them first
    for rows in batches(table.select("method", "metric", "status")):
        own = rows.filter(
            pl.col("method") == method,
            pl.col("status") != "ok",
            ~pl.col("metric").str.contains("@"),  # doses and nulls are as many again
        )
        order |= dict.fromkeys(own.select("metric", "status").unique(maintain_order=True).rows())
    counts = {metric: _counts(table, method, metric) for metric, _ in order}
    words: dict[str, list[str]] = {}
    for metric, status in order:
        if status not in _FAULTS or "ok" not in counts[metric]:
            words.setdefault(status, []).append(metric)
    told = []
    for status, metrics in words.items():
        on = sorted((counts[metric][status], counts[metric][""]) for metric in metrics)
        least, most = f"{on[0][0]} of {on[0][1]}", f"{on[-1][0]} of {on[-1][1]}"
        images = least if least == most else f"{least} to {most}"
        told.append(f"{status} on {images} images: {', '.join(metrics)}")
    return [f"No value: {'; '.join(told)}"] if told else []


def _counts(table: pl.LazyFrame, method: str, metric: str) -> dict[str, int]:
    """Status -> how many images have it; '': all that there are."""
    rows = table.filter(method=method, metric=metric).select("image", "status").unique().collect()
    counts = rows.group_by("status").len().rows()
    return {"": rows["image"].n_unique(), **dict(counts)}
