"""The result of a comparison: tables, as JSON, in a terminal and in a notebook.

`effects` answers whether recipes differ, `factors` what pre-training and augmentation do by
themselves, `claims` what becomes of each hypothesis, `sensitivity` whether another analysis would
say otherwise, `summary` where each recipe stands, `nulls` whether its maps beat maps that know
nothing.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from campare.errors import RunError
from campare.files import write_json
from campare.stats.answer import Answer
from campare.stats.answers import answers, arms_in, headline
from campare.stats.arms import ARMS
from campare.stats.by_method import METHODS, RANKS
from campare.stats.factors import DESIGN
from campare.stats.parting import CURVES
from campare.stats.printed import notebook, terminal

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

_NUMBERS = dict.fromkeys(("estimate", "low", "high", "p"), pl.Float64)

#: Columns of `Comparison.effects`.
EFFECTS: dict[str, Any] = {
    **dict.fromkeys(("contrast", "treatment", "control", "method", "metric"), pl.String),
    **_NUMBERS, "p_adjusted": pl.Float64, "effect_size": pl.Float64,
    "images": pl.Int64, "seeds": pl.Int64, "groups": pl.Int64,
    **dict.fromkeys(("size_low", "size_high", "p_permutation"), pl.Float64),
}  # fmt: skip
#: Columns of `Comparison.claims`.
CLAIMS: dict[str, Any] = {
    **dict.fromkeys(("claim", "verdict", "text", "contrast", "direction"), pl.String),
    **dict.fromkeys(("method", "metric"), pl.String), **_NUMBERS, "p_adjusted": pl.Float64,
    "smallest": pl.Float64,
    **dict.fromkeys(("images", "seeds", "groups", "more_seeds", "more_images"), pl.Int64),
    "reason": pl.String,
}  # fmt: skip
#: Columns of `Comparison.sensitivity`.
SENSITIVITY: dict[str, Any] = {
    **dict.fromkeys(("contrast", "method", "metric", "analysis"), pl.String),
    **_NUMBERS, **dict.fromkeys(("images", "seeds", "groups"), pl.Int64), "agrees": pl.Boolean,
}  # fmt: skip
#: Columns of `Comparison.summary`.
SUMMARY: dict[str, Any] = {
    **dict.fromkeys(("recipe", "method", "metric"), pl.String),
    **dict.fromkeys(("mean", "low", "high"), pl.Float64),
    **dict.fromkeys(("images", "seeds", "groups", "undefined", "rows"), pl.Int64),
}
#: Columns of `Comparison.nulls`.
NULLS: dict[str, Any] = {
    **dict.fromkeys(("recipe", "method", "metric", "null"), pl.String), **_NUMBERS
}  # fmt: skip
_TABLES = {
    "effects": EFFECTS, "summary": SUMMARY, "nulls": NULLS,
    "claims": CLAIMS, "factors": EFFECTS, "sensitivity": SENSITIVITY, "design": DESIGN,
    "arms": ARMS, "curves": CURVES, "methods": METHODS, "ranks": RANKS,
}  # fmt: skip


#: Tables that a file of an earlier version lacks.
_LATER = (
    "claims", "factors", "sensitivity", "design", "arms", "curves", "methods", "ranks",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences between recipes with intervals; made by `campare.stats.compare.compare`.

    Undefined numbers are NaN.

    Attributes:
        effects: contrast ('B - A'), treatment, control, method, metric, estimate (treatment minus
            control), low, high, p, p_adjusted (Holm), effect_size, images, seeds (the smaller
            number of both arms; 1: the interval covers images only), groups (that are the units of
            the interval; 0: images are), size_low, size_high (of effect_size), p_permutation (a
            check without a normal distribution).
        summary: recipe, method, metric, mean, low, high, images, seeds, groups, undefined (rows
            without a value), rows. Nulls are among the methods.
        nulls: recipe, method, metric, null (a method), estimate (method minus null), low, high, p.
        claims: claim, verdict (supported | contradicted | equivalent | not settled | not
            measured), text, contrast, direction, method, metric, estimate, low, high, p, p_adjusted
            (Holm over the claims), smallest (effect of interest), images, seeds, groups,
            more_seeds, more_images (that would settle it, each alone; null: none would), reason.
        factors: main effects, interaction and trends, with the columns of effects.
        sensitivity: contrast, method, metric, analysis, estimate, low, high, p, images, seeds,
            groups, agrees (finds what the main analysis finds).
        confidence, resamples, seed: how the intervals were made.
        design: contrast, kind ('factor', 'interaction', 'trend', 'contrast'), factor, high, low
            (its levels in words), together (what changes with it: the effect may be theirs).
        arms: arm, title, grid, replicates, unlearned (replicates that do not beat the commonest
            class), accuracy, chance (the share of the commonest class), maps (of the main method),
            flat (of which nothing can be seen).
        curves: recipe, seed, epoch, measure ('accuracy' or a metric), value: a sample of images
            while recipes were trained.
        kind: 'study', 'audit', or '' where the table does not say.
        notes: what a reader has to know, a line each.
        methods: claim, method, verdict (the one that the claim gets by the maps of that method),
            contrast, metric, estimate, low, high, p_adjusted, smallest; empty of one method.
        ranks: metric, method, other, correlation (Spearman's, of the means of the arms by the two
            methods), arms.
    """

    effects: pl.DataFrame
    summary: pl.DataFrame
    nulls: pl.DataFrame
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0
    claims: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CLAIMS))
    factors: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EFFECTS))
    sensitivity: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SENSITIVITY))
    design: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DESIGN))
    arms: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ARMS))
    curves: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CURVES))
    kind: str = ""
    notes: tuple[str, ...] = ()
    methods: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=METHODS))
    ranks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RANKS))

    @cached_property
    def answers(self) -> list[Answer]:
        """All that the comparison says, in the order in which a reader must know it."""
        return answers(self)

    @property
    def headline(self) -> str:
        """The first of it, in a sentence or two."""
        return headline(self.answers, len(arms_in(self)))

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values: its settings, its answers, and its tables as rows."""
        facts: dict[str, Any] = {
            "confidence": self.confidence, "resamples": self.resamples, "seed": self.seed,
            "kind": self.kind, "notes": list(self.notes),
        }  # fmt: skip
        tables = {name: list(_rows(getattr(self, name))) for name in _TABLES}
        said = [vars(answer) for answer in self.answers]
        return {**facts, "answers": said, **tables}

    def to_json(self, path: str | Path) -> None:
        """Write the comparison to `path`, whole or not at all; NaN is written as null."""
        write_json(Path(path), self.to_dict())

    @classmethod
    def from_json(cls, path: str | Path) -> "Comparison":
        """Read a comparison that `to_json` wrote.

        Raises:
            RunError: there is no such file, or it holds something else.
        """
        try:
            facts = json.loads(Path(path).read_text("utf-8"))
            tables: dict[str, Any] = {
                name: pl.DataFrame(facts.pop(name, None) or [], schema=schema).with_columns(
                    pl.col(pl.Float64).fill_null(math.nan)
                )
                for name, schema in _TABLES.items()
                if name in facts or name in _LATER
            }
            notes = tuple(facts.pop("notes", ()))
            facts.pop("answers", None)  # they follow from the tables
            return cls(**tables, **facts, notes=notes)
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            pl.exceptions.PolarsError,
        ) as error:
            raise RunError(
                f"Expected a comparison written by campare in {path}, got {type(error).__name__}. "
                "Try deleting the file and comparing again."
            ) from error

    def __repr__(self) -> str:
        return f"Comparison({', '.join(arms_in(self))}): {self.headline}"

    def __str__(self) -> str:
        """All answers, a line each."""
        return "\n".join(map(str, self.answers))

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        """The claims, a table for each contrast, then the answers in words."""
        yield from terminal(self)

    def _repr_html_(self) -> str:
        return notebook(self)


def _rows(table: pl.DataFrame) -> Iterator[dict[str, Any]]:
    return table.iter_rows(named=True)
