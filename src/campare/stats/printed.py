"""A comparison in a terminal (Rich) and in a notebook (HTML): the same answers and tables.

First the answers in words, each under its question; then claims with their verdicts, factors,
effects by contrast, and what sensitivity analyses find otherwise.
"""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import polars as pl

from campare.stats.answer import Answer, Compared
from campare.stats.by_method import claims_shown, ranks_shown
from campare.stats.judging import NOT_MEASURED
from campare.stats.order import parts
from campare.stats.unmeasured import unmeasured
from campare.stats.verdicts import still_needed
from campare.stats.words import (
    MATCHED,
    conditional,
    interval,
    p_text,
    replicate,
    verdict_words,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {
    "supported": "green", "contradicted": "red", "equivalent": "blue", "better": "green",
    "worse": "red",
}  # fmt: skip
_LEFT = ("methods", "claim", "says", "metric", "verdict", "to settle it", "analysis", "measured by")
_SHOWN = 8  # sensitivity analyses that find otherwise, at most


class Shown(NamedTuple):
    """A table as text; the style of a row follows the word in its `says` or `verdict`."""

    title: str
    heads: list[str]
    rows: list[list[str]]


class Printable(Compared, Protocol):
    """A comparison with its answers."""

    @property
    def answers(self) -> list[Answer]:
        """All that it says."""

    @property
    def headline(self) -> str:
        """The first of it."""


def terminal(comparison: Printable) -> "Iterator[RenderableType]":
    """What Rich prints."""
    from rich.table import Table
    from rich.text import Text

    yield from conclusion(comparison)
    for note in comparison.notes:
        yield Text(note)
    yield ""
    for shown in _tables(comparison):
        yield Text(shown.title, style="bold")
        table = Table(box=None, pad_edge=False)
        for head in shown.heads:
            table.add_column(head, justify="left" if head in _LEFT else "right")
        for row in shown.rows:
            table.add_row(*map(Text, row), style=_style(row))
        yield table
        yield ""


def conclusion(comparison: Printable) -> "Iterator[RenderableType]":
    """The headline, and the answers under their questions, as Rich prints them."""
    from rich.text import Text

    yield Text(comparison.headline, style="bold")
    for part in parts(comparison.answers):
        yield Text(part.question, style="italic")
        for answer in part.answers:
            yield Text(str(answer))


def notebook(comparison: Printable) -> str:
    """What a notebook shows."""
    shares = [f"<p><strong>{escape(comparison.headline)}</strong></p>"]
    for part in parts(comparison.answers):
        said = "".join(f"<li>{escape(str(answer))}</li>" for answer in part.answers)
        shares.append(f"<p>{escape(part.question)}</p><ul>{said}</ul>")
    shares += [f"<p>{escape(note)}</p>" for note in comparison.notes]
    for shown in _tables(comparison):
        heads = "".join(f"<th>{escape(head)}</th>" for head in shown.heads)
        cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in shown.rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        caption = f"<caption>{escape(shown.title)}</caption>"
        shares.append(f"<table>{caption}<tr>{heads}</tr>{body}</table>")
    return "".join(shares)


def power_tables(found: pl.DataFrame, goal: float, kind: str = "") -> "RenderableType":
    """What `campare.stats.power.power` found of a run of a kind: the conclusion, then tables."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from campare.stats.power import beyond_range, enough

    one = replicate(kind)
    heads = ["metric", f"sd {one}", "sd image", "sd residual", "smallest", "power",
             f"found with {100 * goal:.4g}%", f"{one}s needed", "images needed"]  # fmt: skip
    tables: list[RenderableType] = [Text(line, "bold") for line in enough(found, goal, kind)]
    tables += [""] if tables else []
    for (contrast, method), part in found.group_by("contrast", "method", maintain_order=True):
        what = "classifier" if method == "-" else method
        seeds, images = (_range(part[name].to_list()) for name in ("seeds", "images"))
        images += _in_groups(part)
        tables.append(Text(f"{contrast}   {what}   images: {images}, {one}s: {seeds}"))
        table = Table(box=None, pad_edge=False)
        for head in heads:
            table.add_column(head, justify="left" if head == "metric" else "right")
        for row in part.iter_rows(named=True):
            numbers = [f"{row[name]:.3f}" for name in ("sd_seed", "sd_image", "sd_residual")]
            known = row["smallest"] is not None
            table.add_row(
                Text(_metric(row["metric"])),
                *numbers,
                f"{row['smallest']:g}" if known else "–",
                f"{row['power']:.0%}" if known else "–",
                "> range" if beyond_range(row) else f"{row['detectable']:.3f}",
                *(_needed(row[f"{word}_needed"], known) for word in ("seeds", "images")),
            )
        tables += [table, ""]
    words = (
        f"sd {one}: of one training's mean; sd image: of an image's true difference; sd residual: "
        f"of what is left. {one.capitalize()}s needed at these images, images needed at these "
        f"{one}s. > range: more than two values of the metric can differ."
    )
    return Group(*tables, Text(words))


def _needed(number: int | None, known: bool) -> str:
    return "–" if not known else "no number" if number is None else str(number)


def _style(row: list[str]) -> str:
    words = {cell.partition(" ")[0] for cell in row}
    return next((style for word, style in _STYLES.items() if word in words), "")


def _tables(comparison: Compared) -> Iterator[Shown]:
    if comparison.claims.height:
        yield _claims(comparison)
    yield from _by_method(comparison)
    for table in (comparison.factors, comparison.effects):
        yield from _effects(comparison, table)
    otherwise = comparison.sensitivity.filter(~pl.col("agrees"))
    if otherwise.height:
        yield _otherwise(comparison, otherwise)


def _claims(comparison: Compared) -> Shown:
    heads = ["claim", "verdict", _head(comparison), "p (Holm)", "measured by", "to settle it"]
    rows = [
        [
            row["claim"],
            row["verdict"],
            interval(row),
            p_text(row["p_adjusted"]),
            f"{_metric(row['metric'])}, {row['contrast']}" if row["metric"] else row["contrast"],
            still_needed(row, comparison.kind),
        ]
        for row in comparison.claims.iter_rows(named=True)
        if row["verdict"] != NOT_MEASURED
    ]
    missing = unmeasured(comparison.claims, comparison.kind)
    title = f"Claims{', but for those not measured: ' if rows else ' not measured: '}{missing}"
    return Shown(title if missing else "Claims", heads if rows else [], rows)


def _by_method(comparison: Compared) -> Iterator[Shown]:
    """The verdict of each claim by each method, and how alike pairs of methods rank the arms."""
    for shown in (claims_shown(comparison.methods), ranks_shown(comparison.ranks)):
        if shown.rows:
            yield Shown(shown.title, shown.heads, shown.rows)


def _effects(comparison: Compared, table: pl.DataFrame) -> Iterator[Shown]:
    """A table for each contrast and method.

    Undefined rows are left out, and those under conditions (doses, layers, nulls) are counted.
    """
    known = table.filter(pl.col("estimate").is_finite())
    heads = ["metric", _head(comparison), "p (Holm)", "says"]
    for (contrast, method), part in known.group_by("contrast", "method", maintain_order=True):
        what = "classifier" if method == "-" else method
        images, seeds = (_range(part[name].to_list()) for name in ("images", "seeds"))
        trainings = (
            "one training each" if seeds == "1" else f"{replicate(comparison.kind)}s: {seeds}"
        )
        shown = [row for row in part.iter_rows(named=True) if not conditional(row["metric"])]
        more = part.height - len(shown)
        rest = f"   and {more} under conditions, in .effects" if more else ""
        images += _in_groups(part)
        title = f"{contrast}   {what}   images: {images}, {trainings}{rest}"
        yield Shown(title, heads, [_cells(row, comparison) for row in shown])


def _in_groups(part: pl.DataFrame) -> str:
    """The groups that are the units, behind the number of images."""
    groups = [number for number in part["groups"].to_list() if number]
    return f" in {_range(groups)} groups" if groups else ""


def _cells(row: dict[str, Any], comparison: Compared) -> list[str]:
    alpha = 1 - comparison.confidence
    says = verdict_words(row["metric"], row["low"], row["high"], row["p_adjusted"], alpha=alpha)
    return [_metric(row["metric"]), interval(row), p_text(row["p_adjusted"]), str(says)]


def _otherwise(comparison: Compared, rows: pl.DataFrame) -> Shown:
    all_of = comparison.sensitivity.height
    title = f"Of {all_of} sensitivity analyses {rows.height} find otherwise"
    if rows.height > _SHOWN:
        title += f"; the first {_SHOWN}"
    heads = ["analysis", "claim", "metric", _head(comparison), "p"]
    lines = [
        [
            row["analysis"],
            f"{row['contrast']}, {row['method']}",
            _metric(row["metric"]),
            interval(row),
            p_text(row["p"]),
        ]
        for row in rows.head(_SHOWN).iter_rows(named=True)
    ]
    heads[1] = "contrast"
    return Shown(title, heads, lines)


def _head(comparison: Compared) -> str:
    return f"difference [{100 * comparison.confidence:.4g}% interval]"


def _metric(name: str) -> str:
    return name.replace(MATCHED, " (matched)")


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low}–{high}"
