"""The result of a comparison: three tables, as JSON, in a terminal and in a notebook.

`effects` answers whether recipes differ, `summary` says where each stands, `nulls` whether its
maps beat maps that know nothing.
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from campare.errors import RunError
from campare.stats.words import MATCHED, conditional, interval, p_text, verdict_words

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

_NUMBERS = dict.fromkeys(("estimate", "low", "high", "p"), pl.Float64)

#: Columns of `Comparison.effects`.
EFFECTS: dict[str, Any] = {
    **dict.fromkeys(("contrast", "treatment", "control", "method", "metric"), pl.String),
    **_NUMBERS, "p_adjusted": pl.Float64, "effect_size": pl.Float64,
    "images": pl.Int64, "seeds": pl.Int64,
}  # fmt: skip
#: Columns of `Comparison.summary`.
SUMMARY: dict[str, Any] = {
    **dict.fromkeys(("recipe", "method", "metric"), pl.String),
    **dict.fromkeys(("mean", "low", "high"), pl.Float64),
    **dict.fromkeys(("images", "seeds", "undefined", "rows"), pl.Int64),
}
#: Columns of `Comparison.nulls`.
NULLS: dict[str, Any] = {
    **dict.fromkeys(("recipe", "method", "metric", "null"), pl.String), **_NUMBERS
}  # fmt: skip
_TABLES = {"effects": EFFECTS, "summary": SUMMARY, "nulls": NULLS}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Differences between recipes with intervals; made by `campare.stats.compare.compare`.

    Undefined numbers are NaN.

    Attributes:
        effects: contrast ('B - A'), treatment, control, method, metric, estimate (treatment minus
            control), low, high, p, p_adjusted (Holm), effect_size, images, seeds (the smaller
            number of both arms; 1: the interval covers images only).
        summary: recipe, method, metric, mean, low, high, images, seeds, undefined (rows without a
            value), rows. Nulls are among the methods.
        nulls: recipe, method, metric, null (a method), estimate (method minus null), low, high, p.
        confidence, resamples, seed: how the intervals were made.
    """

    effects: pl.DataFrame
    summary: pl.DataFrame
    nulls: pl.DataFrame
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def to_json(self, path: str | Path) -> None:
        """Write the comparison to `path`, whole or not at all; NaN is written as null."""
        path = Path(path)
        facts = {"confidence": self.confidence, "resamples": self.resamples, "seed": self.seed}
        tables = {name: [_plain(row) for row in _rows(getattr(self, name))] for name in _TABLES}
        text = json.dumps({**facts, **tables}, indent=1, allow_nan=False)
        part = path.with_name(f".{os.getpid()}.part.{path.name}")
        try:
            part.write_text(text + "\n", "utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def from_json(cls, path: str | Path) -> "Comparison":
        """Read a comparison that `to_json` wrote.

        Raises:
            RunError: there is no such file, or it holds something else.
        """
        try:
            facts = json.loads(Path(path).read_text("utf-8"))
            tables: dict[str, Any] = {
                name: pl.DataFrame(facts.pop(name), schema=schema).with_columns(
                    pl.col(pl.Float64).fill_null(math.nan)
                )
                for name, schema in _TABLES.items()
            }
            return cls(**tables, **facts)
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

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        """A table for each contrast, then the answers in words."""
        from rich.table import Table

        from campare.stats.headline import headline

        for title, rows in self._shown():
            table = Table(title=title, title_justify="left", box=None, pad_edge=False)
            for head in self._heads():
                table.add_column(head, justify="left" if head in ("metric", "says") else "right")
            for row in rows:
                says = row[-1]
                style = "green" if "better" in says else "red" if "worse" in says else ""
                table.add_row(*row, style=style)
            yield table
            yield ""
        yield from headline(self)

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{escape(head)}</th>" for head in self._heads())
        parts = []
        for title, rows in self._shown():
            cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
            body = "".join(f"<tr>{row}</tr>" for row in cells)
            caption = f"<caption>{escape(title)}</caption>"
            parts.append(f"<table>{caption}<tr>{heads}</tr>{body}</table>")
        return "".join(parts)

    def _heads(self) -> list[str]:
        return ["metric", f"difference [{self.confidence:.0%} interval]", "p (Holm)", "says"]

    def _shown(self) -> Iterator[tuple[str, list[list[str]]]]:
        """(title, rows of text) of each contrast and method.

        Undefined rows are left out, and those under conditions (doses, layers, nulls) are counted.
        """
        known = self.effects.filter(pl.col("estimate").is_finite())
        for (contrast, method), part in known.group_by("contrast", "method", maintain_order=True):
            what = "classifier" if method == "-" else method
            images, seeds = (_range(part[name].to_list()) for name in ("images", "seeds"))
            trainings = "one training each" if seeds == "1" else f"seeds: {seeds}"
            shown = [row for row in _rows(part) if not conditional(row["metric"])]
            more = part.height - len(shown)
            rest = f"   and {more} under conditions, in .effects" if more else ""
            title = f"{contrast}   {what}   images: {images}, {trainings}{rest}"
            yield title, [self._cells(row) for row in shown]

    def _cells(self, row: dict[str, Any]) -> list[str]:
        alpha = 1 - self.confidence
        says = verdict_words(row["metric"], row["low"], row["high"], row["p_adjusted"], alpha=alpha)
        return [
            row["metric"].replace(MATCHED, " (matched)"),
            interval(row),
            p_text(row["p_adjusted"]),
            str(says),
        ]


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low}–{high}"


def _rows(table: pl.DataFrame) -> Iterator[dict[str, Any]]:
    return table.iter_rows(named=True)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
