"""What arms differ in besides, as answers: fields that change together, and maps of other sizes.

A difference between two arms may be that of anything in which they differ; and a finer map can
score higher without finding more.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from campare.stats.answer import Answer, Arm
from campare.stats.factors import MAIN, PAIR
from campare.stats.words import listed


def besides(design: pl.DataFrame, arms: Iterable[Arm], noun: str) -> Iterator[Answer]:
    """In what arms differ, where that is more than one thing, and in what their maps do.

    Of factors what always comes with each; where there are none, of each two arms.

    Example:
        >>> rows = {"contrast": ["B - A", "C - B"], "kind": ["contrast"] * 2,
        ...     "factor": ["pre-training", "augmentation"], "together": [["backbone"], []]}
        >>> [str(answer) for answer in besides(pl.DataFrame(rows), (), "arm")]
        ['B - A: pre-training and backbone differ.']
    """
    rows = [row for row in design.iter_rows(named=True) if row["together"]]
    factors = [row for row in rows if row["kind"] == MAIN]
    for row in factors:
        text = f"{row['factor']} always comes with another {listed(row['together'])}"
        yield Answer("besides", "several differ", f"{text[:1].upper()}{text[1:]}.", text,
                     subject=row["contrast"])  # fmt: skip
    if not factors:
        yield from _pairs([row for row in rows if row["kind"] == PAIR])
    yield from _grids([arm for arm in arms if arm.grid], noun)


def _pairs(rows: list[dict[str, Any]]) -> Iterator[Answer]:
    """Contrasts that differ in the same are named together."""
    fields: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        fields.setdefault((row["factor"], *row["together"]), []).append(row["contrast"])
    for names, contrasts in fields.items():
        text = f"{', '.join(contrasts)}: {listed(names)} differ"
        yield Answer("besides", "several differ", f"{text}.", text, subject=contrasts[0])


def _grids(arms: list[Arm], noun: str) -> Iterator[Answer]:
    grids: dict[str, list[str]] = {}
    for arm in arms:
        grids.setdefault(str(arm.grid), []).append(arm.name)
    if len(grids) < 2:
        return
    sizes = listed([f"{listed(names)} {grid}" for grid, names in grids.items()])
    coarsest = min(grids, key=_cells)
    yield Answer(
        "besides", "resolution differs",
        f"The maps of these {noun}s differ in resolution ({sizes}), and resolution alone moves "
        f"most metrics. “Matched” results pool every map to {coarsest} first.",
        f"Maps differ in resolution: {sizes}",
    )  # fmt: skip


def _cells(grid: str) -> int:
    """How many cells a grid has.

    Example:
        >>> _cells("12 × 10")
        120
    """
    cells = 1
    for side in grid.split(" × "):
        cells *= int(side)
    return cells
