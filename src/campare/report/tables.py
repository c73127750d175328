"""The tables of the page: rows of plain values from the run's summary, nulls and scores."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campare.report.facts import NULLS, Arm
from campare.stats.words import MATCHED


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval, over `images` and `seeds`; `undefined` of `rows` have none."""

    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    images: int = 0
    seeds: int = 0
    undefined: int = 0
    rows: int = 0


def means(summary: pl.DataFrame) -> dict[tuple[str, str, str], Mean]:
    """(recipe, method, metric) -> Mean."""

    def number(value: Any) -> float:
        return math.nan if value is None else float(value)

    return {
        (row["recipe"], row["method"], row["metric"]): Mean(
            mean=number(row["mean"]),
            low=number(row["low"]),
            high=number(row["high"]),
            images=int(row["images"] or 0),
            seeds=int(row["seeds"] or 0),
            undefined=int(row["undefined"] or 0),
            rows=int(row["rows"] or 0),
        )
        for row in summary.iter_rows(named=True)
    }


def null_table(
    found: Mapping[tuple[str, str, str], Mean],
    arms: Sequence[Arm],
    method: str,
    metric: str,
    nulls: Sequence[str],
) -> list[tuple[Arm, list[Mean]]]:
    """A row an arm: its own map, then the same metric of each null; none without a null's value."""
    methods = [method, *(_null_of(method, name) for name in nulls)]
    rows = [
        (arm, [found.get((arm.name, name, metric), Mean()) for name in methods]) for arm in arms
    ]
    known = any(math.isfinite(mean.mean) for _, row in rows for mean in row[1:])
    return [row for row in rows if known and any(math.isfinite(mean.mean) for mean in row[1])]


def nulls_of(found: Mapping[tuple[str, str, str], Mean], method: str) -> list[str]:
    """The nulls of `NULLS` that the run has, in the order in which the page shows them."""
    present = {name for _, name, _ in found}
    shown = ("untrained", "centre", "edge", "uniform")
    return [name for name in shown if _null_of(method, name) in present]


def null_heads(nulls: Sequence[str], noun: str) -> list[str]:
    """Column heads of `null_table`, after the arm."""
    return [f"this {noun}", *(NULLS[name] for name in nulls)]


def _null_of(method: str, null: str) -> str:
    """The method in the table that is this null of a method."""
    return f"{method}:{null}" if null == "untrained" else null


def by_image(
    scores: pl.DataFrame, method: str, metric: str, arms: Sequence[Arm]
) -> dict[str, NDArray[Any]]:
    """Arm -> one value an image: the mean over seeds, where it is defined."""
    rows = (
        _defined(scores, method, metric)
        .group_by("recipe", "image", maintain_order=True)
        .agg(pl.col("value").mean())
    )
    return {arm.name: rows.filter(pl.col("recipe") == arm.name)["value"].to_numpy() for arm in arms}


def per_class(
    scores: pl.DataFrame,
    arms: Sequence[Arm],
    classes: Sequence[str],
    method: str,
    metric: str | None,
) -> list[dict[str, Any]]:
    """A row a class: images, and for each arm the accuracy and the mean of `metric` with its n."""
    correct = _by_class(_defined(scores, "-", "correct"))
    scored = _by_class(_defined(scores, method, metric)) if metric else {}
    table = []
    for name in classes:
        cells = [
            {
                "accuracy": correct.get((arm.name, name), (math.nan, 0)),
                "score": scored.get((arm.name, name), (math.nan, 0)),
            }
            for arm in arms
        ]
        images = max((n for cell in cells for _, n in cell.values()), default=0)
        table.append({"name": name, "images": images, "cells": cells})
    return table


def _defined(scores: pl.DataFrame, method: str, metric: str) -> pl.DataFrame:
    return scores.filter(
        (pl.col("method") == method) & (pl.col("metric") == metric) & pl.col("value").is_finite()
    )


def _by_class(rows: pl.DataFrame) -> dict[tuple[str, str], tuple[float, int]]:
    grouped = rows.group_by("recipe", "label").agg(
        pl.col("value").mean(), pl.col("image").n_unique().alias("n")
    )
    return {
        (recipe, label): (float(value), int(n))
        for recipe, label, value, n in grouped.select("recipe", "label", "value", "n").iter_rows()
    }


class Settings(NamedTuple):
    """What recipes or models are: what differs as rows with a value each, what all share."""

    differ: tuple[tuple[str, tuple[str, ...]], ...]
    same: tuple[tuple[str, str], ...]


def settings(recipes: Sequence[Mapping[str, Any]]) -> Settings:
    """The settings of recipes, those that differ first told apart.

    Example:
        >>> settings([{"name": "A", "epochs": 3, "batch_size": 8}, {"name": "B", "epochs": 9,
        ...     "batch_size": 8}])
        Settings(differ=(('epochs', ('3', '9')),), same=(('batch size', '8'),))
    """
    keys = [k for k in dict.fromkeys(k for r in recipes for k in r) if k not in ("name", "title")]
    rows = [(key.replace("_", " "), tuple(plain(r.get(key)) for r in recipes)) for key in keys]
    alone = len(recipes) == 1
    return Settings(
        tuple(row for row in rows if alone or len(set(row[1])) > 1),
        tuple((key, values[0]) for key, values in rows if not alone and len(set(values)) == 1),
    )


def plain(value: Any) -> str:
    """A setting as text.

    Example:
        >>> plain({"flip": True, "zoom": 0.1}), plain([])
        ('flip yes, zoom 0.1', 'none')
    """
    if value is None or (isinstance(value, (list, tuple, dict)) and not value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def seed_range(values: Sequence[float]) -> tuple[float, float]:
    """The lowest and highest of one value a seed; NaN without any."""
    finite = np.array([value for value in values if math.isfinite(value)])
    return (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)


def matched(metric: str) -> str:
    """The name of a metric at equal resolution."""
    return metric + MATCHED
