"""Where arms stand in one measure, beside maps that look at no trained model: a row each."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from campare.report import words
from campare.report.plots.axis import Axis, digits, holding
from campare.report.plots.chart import Line, Panel, Row
from campare.report.view import Mean
from campare.stats.words import higher_is_better, title


class Level(NamedTuple):
    """A mean with its name; `color` is that of an arm, none of a control."""

    name: str
    mean: Mean
    color: int | None = None


def standing(metric: str, levels: Sequence[Level]) -> Panel:
    """Means with their intervals on one axis; a filled mark is an arm's, a hollow one a control's.

    Example:
        >>> standing("energy", [Level("A", Mean(0.5, 0.4, 0.6, 60, 3))]).rows[0].number
        '0.50'
    """
    known = [one for one in levels if math.isfinite(one.mean.mean)]
    axis = holding(x for one in known for x in (one.mean.low, one.mean.mean, one.mean.high))
    ticks = axis.ticks(4)
    better = {True: "higher is better", False: "lower is better", None: "neither is better"}
    return Panel(
        title=title(metric),
        note=better[higher_is_better(metric)],
        ticks=tuple((axis.at(x), words.number(x, digits(ticks))) for x in ticks),
        rows=tuple(_row(one, axis) for one in known),
        kind="levels",
        numbers="mean",
    )


def _row(one: Level, axis: Axis) -> Row:
    low, high = (x if math.isfinite(x) else one.mean.mean for x in (one.mean.low, one.mean.high))
    number = words.number(one.mean.mean, 2)
    ends = f"{words.number(low, 2)} to {words.number(high, 2)}"
    kind = "native" if one.color is None else "decides"
    at, start, end = (axis.at(x) for x in (one.mean.mean, low, high))
    return Row(
        label=one.name,
        number=number,
        spoken=f"{one.name}: {number} ({ends})",
        color=one.color,
        lines=(Line(kind, at, start, end, filled=one.color is not None),),
    )
