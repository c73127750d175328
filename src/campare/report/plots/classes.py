"""Classes as rows of dots, a dot an arm."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from campare.report import words
from campare.report.plots.axis import Axis, holding
from campare.report.plots.chart import Dot, Panel, Row
from campare.report.view import Arm

#: Rows of a panel; the table has all.
MOST = 24


def by_class(
    classes: Sequence[Mapping[str, Any]], arms: Sequence[Arm], key: str, title: str
) -> Panel:
    """A row a class of `view.per_class`; `key` is its 'score' or 'accuracy'."""
    axis = holding(cell[key][0] for row in classes for cell in row["cells"])
    return Panel(
        title=title,
        ticks=tuple((axis.at(x), f"{x:g}") for x in axis.ticks()),
        rows=tuple(_row(row, arms, key, axis) for row in classes[:MOST]),
        kind="class",
        numbers="images",
    )


def _row(row: Mapping[str, Any], arms: Sequence[Arm], key: str, axis: Axis) -> Row:
    values = [(arm, float(cell[key][0])) for arm, cell in zip(arms, row["cells"], strict=True)]
    known = [(arm, value) for arm, value in values if math.isfinite(value)]
    step = min(4.0, 20 / len(known)) if known else 0.0
    return Row(
        label=str(row["name"]),
        number=str(row["images"]),
        spoken=", ".join(f"{arm.name} {words.number(value, 2)}" for arm, value in known),
        height=28.0,
        dots=tuple(
            Dot(axis.at(value), 14 + (i - (len(known) - 1) / 2) * step, 4.6, arm.index,
                f"{arm.name} {words.number(value, 3)}")
            for i, (arm, value) in enumerate(known)
        ),
    )  # fmt: skip
