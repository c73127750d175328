"""What the page rests on, as plain values: arms, effects, means, and the rows of its tables.

Everything here is read from the manifest and the tables of a run; nothing is measured again.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campare.runs.manifest import Manifest, RecipeRecord
from campare.stats.design import changes_of
from campare.stats.nulls import control_kind
from campare.stats.nulls import controls_of as nulls_of
from campare.stats.words import MATCHED, NO_DIFFERENCE, UNDEFINED, verdict_words

CONTROLS = {
    "uniform": "uniform map",
    "centre": "bump in the middle",
    "edge": "image edges",
    "untrained": "untrained network",
}


@dataclass(frozen=True)
class Arm:
    """A recipe as the page shows it; `index` picks its color."""

    name: str
    title: str
    index: int
    grid: tuple[int, ...] | None
    accuracy: tuple[float, ...]  # one a seed
    unlearned: int  # of its replicates, how many did not learn
    noun: str = "arm"  # what an arm is called
    guess: str = "did not learn"  # what is said of an unlearned one

    @property
    def mean_accuracy(self) -> float:
        """Mean test accuracy over seeds; NaN without any."""
        return sum(self.accuracy) / len(self.accuracy) if self.accuracy else math.nan


@dataclass(frozen=True)
class Effect:
    """One row of `Comparison.effects`: treatment minus control in one metric."""

    contrast: str
    treatment: str
    control: str
    metric: str
    estimate: float
    low: float
    high: float
    p_adjusted: float
    effect_size: float
    images: int
    seeds: int

    confidence: float = 0.95

    @property
    def verdict(self) -> str:
        """`better` or `worse` (`higher` or `lower` where neither is good), or `not detected`."""
        alpha = 1 - self.confidence
        said = verdict_words(self.metric, self.low, self.high, self.p_adjusted, alpha=alpha)
        return said.judgement or {NO_DIFFERENCE: "not detected"}.get(said.change, said.change)

    @property
    def detected(self) -> bool:
        """Whether a difference is detected, in either direction."""
        return self.verdict not in ("not detected", UNDEFINED)

    def under(self, row: Mapping[str, Any]) -> "Effect":
        """The same contrast as another analysis found it; its p is not adjusted."""
        return replace(
            self,
            estimate=_number(row["estimate"]),
            low=_number(row["low"]),
            high=_number(row["high"]),
            p_adjusted=_number(row["p"]),
            images=int(row["images"] or 0),
            seeds=int(row["seeds"] or 0),
        )


def arms_of(side: str) -> tuple[str, ...]:
    """The arms that one side of a contrast is made of.

    Example:
        >>> arms_of("frozen+aug + tuned+aug")
        ('frozen+aug', 'tuned+aug')
    """
    return tuple(side.split(" + "))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def arms(manifest: Manifest, known: pl.DataFrame, method: str) -> tuple[Arm, ...]:
    """The recipes of a run in the order of its manifest; `known` is `Comparison.arms`.

    Their grids are those of the maps of `method`.
    """
    unlearned = dict(known.select("arm", "unlearned").rows())
    called = (
        "model" if manifest.of_models else "arm",
        "may be guessing" if manifest.is_audit else "did not learn",
    )

    def arm(index: int, recipe: RecipeRecord) -> Arm:
        own = sorted(
            (cell for cell in manifest.cells.values() if cell.recipe == recipe.name),
            key=lambda cell: cell.seed,
        )
        grids = [cell.grids[method] for cell in own if method in cell.grids]
        return Arm(
            name=recipe.name,
            title=recipe.title or recipe.name,
            index=index,
            grid=tuple(grids[0]) if grids else None,
            accuracy=tuple(cell.accuracy for cell in own if cell.accuracy is not None),
            unlearned=unlearned.get(recipe.name, 0),
            noun=called[0],
            guess=called[1],
        )

    return tuple(arm(index, recipe) for index, recipe in enumerate(manifest.recipes))


def coarsest(of: Sequence[Arm]) -> tuple[int, ...] | None:
    """The smallest grid among arms whose grids differ; None where all are the same."""
    grids = {arm.grid for arm in of if arm.grid is not None}
    return min(grids, key=math.prod) if len(grids) > 1 else None


def effects(
    table: pl.DataFrame, method: str, confidence: float = 0.95
) -> dict[tuple[str, str], Effect]:
    """(contrast, metric) -> Effect of one method, in the order of the table."""

    return {
        (row["contrast"], row["metric"]): Effect(
            contrast=row["contrast"],
            treatment=row["treatment"],
            control=row["control"],
            metric=row["metric"],
            estimate=_number(row["estimate"]),
            low=_number(row["low"]),
            high=_number(row["high"]),
            p_adjusted=_number(row["p_adjusted"]),
            effect_size=_number(row["effect_size"]),
            images=int(row["images"] or 0),
            seeds=int(row["seeds"] or 0),
            confidence=confidence,
        )
        for row in table.filter(pl.col("method") == method).iter_rows(named=True)
    }


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
    return {
        (row["recipe"], row["method"], row["metric"]): Mean(
            mean=_number(row["mean"]),
            low=_number(row["low"]),
            high=_number(row["high"]),
            images=int(row["images"] or 0),
            seeds=int(row["seeds"] or 0),
            undefined=int(row["undefined"] or 0),
            rows=int(row["rows"] or 0),
        )
        for row in summary.iter_rows(named=True)
    }


def control_table(
    found: Mapping[tuple[str, str, str], Mean],
    arms: Sequence[Arm],
    method: str,
    metric: str,
    controls: Sequence[str],
) -> list[tuple[Arm, list[Mean]]]:
    """A row an arm: its own map, then the same metric of each control; none without any value."""
    present = {name for _, name, _ in found}
    methods = [method, *(control_of(method, name, present) or "" for name in controls)]
    rows = [
        (arm, [found.get((arm.name, name, metric), Mean()) for name in methods]) for arm in arms
    ]
    known = any(math.isfinite(mean.mean) for _, row in rows for mean in row[1:])
    return [row for row in rows if known and any(math.isfinite(mean.mean) for mean in row[1])]


def controls_of(found: Mapping[tuple[str, str, str], Mean], method: str) -> list[str]:
    """The controls of `CONTROLS` that the run has, in the order in which the page shows them."""
    present = {name for _, name, _ in found}
    shown = ("untrained", "centre", "edge", "uniform")
    return [name for name in shown if control_of(method, name, present)]


def control_heads(controls: Sequence[str], noun: str) -> list[str]:
    """Column heads of `control_table`, after the arm."""
    return [f"this {noun}", *(CONTROLS[name] for name in controls)]


def control_of(method: str, control: str, present: Iterable[str]) -> str | None:
    """The method in the table that is this control of a method; None without one."""
    own = (name for name in nulls_of(method, present) if control_kind(name) == control)
    return next(own, None)


def by_image(
    scores: pl.LazyFrame, method: str, metric: str, arms: Sequence[Arm]
) -> dict[str, NDArray[Any]]:
    """Arm -> one value an image: the mean over seeds, where it is defined."""

    def of(arm: Arm) -> NDArray[Any]:
        rows = _defined(scores, arm.name, method, metric)
        each = rows.group_by("image", maintain_order=True).agg(pl.col("value").mean())
        return each["value"].to_numpy()

    return {arm.name: of(arm) for arm in arms}


def paired(
    scores: pl.LazyFrame, method: str, metric: str, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], NDArray[Any]]:
    """(treatment, control) -> treatment minus control of each image that both have a value of.

    A value is the mean over seeds; images are in order of their names.
    """
    names = dict.fromkeys(name for pair in pairs for name in pair)
    of = {
        name: _defined(scores, name, method, metric).group_by("image").agg(pl.col("value").mean())
        for name in names
    }
    return {
        (one, other): of[one].join(of[other], on="image").sort("image")
        .select(pl.col("value") - pl.col("value_right"))["value"].to_numpy()
        for one, other in pairs
    }  # fmt: skip


def per_class(
    scores: pl.LazyFrame,
    arms: Sequence[Arm],
    classes: Sequence[str],
    method: str,
    metric: str | None,
) -> list[dict[str, Any]]:
    """A row a class: images, and for each arm the accuracy and the mean of `metric` with its n."""
    correct = _by_class(scores, arms, "-", "correct")
    scored = _by_class(scores, arms, method, metric) if metric else {}
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


def _defined(
    scores: pl.LazyFrame, arm: str, method: str, metric: str, *columns: str
) -> pl.DataFrame:
    """The values of one metric of an arm: columns image, value and others."""
    key = {"recipe": arm, "method": method, "metric": metric}
    rows = scores.filter(**key).filter(pl.col("value").is_finite())
    return rows.select("image", "value", *columns).collect()


def _by_class(
    scores: pl.LazyFrame, arms: Sequence[Arm], method: str, metric: str
) -> dict[tuple[str, str], tuple[float, int]]:
    """(arm, class) -> the mean of a metric, and of how many images."""
    found = {}
    for arm in arms:
        grouped = (
            _defined(scores, arm.name, method, metric, "label")
            .group_by("label")
            .agg(pl.col("value").mean(), pl.col("image").n_unique().alias("n"))
        )
        for label, value, n in grouped.iter_rows():
            found[arm.name, label] = float(value), int(n)
    return found


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
    said = [{**r, "augment": changes_of(r)} for r in recipes]
    rows = [(key.replace("_", " "), tuple(plain(r.get(key)) for r in said)) for key in keys]
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
