"""The tables of a report as text for people, cell by cell: Markdown and LaTeX write them."""

from collections.abc import Sequence
from typing import NamedTuple

from campare.report import words
from campare.report.page import Page
from campare.report.view import Effect, Mean, matched
from campare.stats.words import title


class Table(NamedTuple):
    """Heads, and rows of as many cells."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


def claims(page: Page) -> Table:
    """The claims with their verdicts."""
    heads = ["verdict", "claim", "measured by", "difference", "smallest effect", "p (Holm)",
             "to settle it"]  # fmt: skip
    rows = [
        [
            one.row["verdict"],
            one.row["text"] or one.row["claim"],
            ", ".join(part for part in (one.row["contrast"], one.measured) if part),
            one.number or "undefined",
            f"{one.row['smallest']:g}",
            words.p_value(one.row["p_adjusted"]),
            one.needed,
        ]
        for one in page.claims
    ]
    return Table(heads, rows)


def effects(page: Page) -> Table:
    """Every contrast by every metric, as it is and matched."""
    heads = ["contrast", "metric", f"difference, {page.confidence} interval", "p (Holm)", "says"]
    if page.size:
        heads += ["matched", "p (Holm)", "says"]
    rows = []
    for (contrast, metric), effect in page.every_effect.items():
        if "@" not in metric:
            pooled = page.effects.get((contrast, matched(metric)))
            row = [f"{effect.treatment} vs {effect.control}", metric, *_numbers(effect)]
            rows.append(row + (_numbers(pooled) if page.size else []))
    return Table(heads, rows)


def means(page: Page) -> Table:
    """Each arm by itself: its accuracy, and the mean of every metric with its interval."""
    columns = [(page.method, name) for name in page.metrics]
    if page.size:
        columns = [(method, m) for method, name in columns for m in (name, matched(name))]
    heads = [page.noun, "title", "accuracy", *(head(metric) for _, metric in columns)]
    rows = [
        [
            arm.name + (f" ({arm.guess})" if arm.unlearned else ""),
            arm.title,
            words.number(arm.mean_accuracy, 3),
            *(_mean(page.found.get((arm.name, *column))) for column in columns),
        ]
        for arm in page.arms
    ]
    return Table(heads, rows)


def controls(page: Page) -> list[tuple[str, Table]]:
    """By metric, each arm beside maps that look at no trained model."""
    heads = [page.noun, *page.control_heads]
    return [
        (head(metric), Table(heads, [[arm.name, *map(_mean, found)] for arm, found in rows]))
        for metric, rows in page.control_tables
    ]


def head(metric: str) -> str:
    """A metric as the head of a column."""
    name = title(metric)
    return f"{name}, matched" if "@" in metric else name


def _numbers(effect: Effect | None) -> list[str]:
    if effect is None:
        return [""] * 3
    ends = f"{words.signed(effect.low)} to {words.signed(effect.high)}"
    return [f"{words.signed(effect.estimate)} ({ends})", words.p_value(effect.p_adjusted),
            effect.verdict]  # fmt: skip


def _mean(mean: Mean | None) -> str:
    if mean is None or not mean.images:
        return words.number(None)
    ends = f"{words.number(mean.low, 3)} to {words.number(mean.high, 3)}"
    return f"{words.number(mean.mean, 3)} ({ends})"
