"""What the page rests on, as plain values: the arms, the metrics that matter, one effect at a time.

Everything here is read from the manifest and the tables of a run; nothing is measured again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from campare.runs.manifest import Manifest, RecipeRecord
from campare.stats.words import NO_DIFFERENCE, UNDEFINED, verdict_words

NULLS = {
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
    grid: tuple[int, int] | None
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


def arms(manifest: Manifest, known: pl.DataFrame) -> tuple[Arm, ...]:
    """The recipes of a run in the order of its manifest; `known` is `Comparison.arms`."""
    unlearned = dict(known.select("arm", "unlearned").rows())
    called = ("model", "may be guessing") if manifest.is_audit else ("arm", "did not learn")

    def arm(index: int, recipe: RecipeRecord) -> Arm:
        own = sorted(
            (cell for cell in manifest.cells.values() if cell.recipe == recipe.name),
            key=lambda cell: cell.seed,
        )
        grids = [(cell.grid[0], cell.grid[1]) for cell in own if cell.grid]
        return Arm(
            name=recipe.name,
            title=recipe.title or recipe.name,
            index=index,
            grid=grids[0] if grids else None,
            accuracy=tuple(cell.accuracy for cell in own if cell.accuracy is not None),
            unlearned=unlearned.get(recipe.name, 0),
            noun=called[0],
            guess=called[1],
        )

    return tuple(arm(index, recipe) for index, recipe in enumerate(manifest.recipes))


def coarsest(of: Sequence[Arm]) -> tuple[int, int] | None:
    """The smallest grid among arms whose grids differ; None where all are the same."""
    grids = {arm.grid for arm in of if arm.grid is not None}
    return min(grids, key=lambda grid: grid[0] * grid[1]) if len(grids) > 1 else None


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
