"""Curves: what training did over epochs, and how a measure follows a dose, with its band.

A dose is the size of the training set or the strength of augmentation; `stats.design` says which
recipes are one ladder. Points and bands are the means and intervals of the run's summary.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from campare.report import words
from campare.report.plots.axis import Axis, holding
from campare.report.plots.chart import Curve, Plot, Point
from campare.report.view import Arm, Mean
from campare.runs.manifest import CellRecord
from campare.stats.design import SIZE, STRENGTH, design_of, ladders
from campare.stats.words import MATCHED, title

#: Ordered factors: the name on an axis, and whether doses double.
DOSES = {SIZE: ("training images", True), STRENGTH: ("strength of augmentation", False)}


def learning(cells: Iterable[CellRecord], arms: Sequence[Arm]) -> list[list[Plot]]:
    """A list of plots for accuracy and one for loss, a plot an arm, all on the same axes."""
    known = [cell for cell in cells if cell.history]
    found = []
    for what in ("accuracy", "loss"):
        series = {
            arm.name: [
                (kind, _numbers(cell.history.get(key)))
                for cell in known
                if cell.recipe == arm.name
                for key, kind in ((what, "quiet"), (f"val_{what}", "main"))
            ]
            for arm in arms
        }
        values = [v for lines in series.values() for _, line in lines for v in line]
        epochs = max((len(line) for lines in series.values() for _, line in lines), default=0)
        if not epochs:
            continue
        y = Axis(0.0, 1.0) if what == "accuracy" else _loss(values)
        x = Axis(1.0, float(max(epochs, 2)))
        found.append([_learned(arm, what, series[arm.name], x, y) for arm in arms
                      if series[arm.name]])  # fmt: skip
    return found


def _loss(values: Sequence[float]) -> Axis:
    """From zero to the highest loss, without the few that would squeeze all others."""
    finite = sorted(value for value in values if math.isfinite(value))
    most = finite[int(0.98 * (len(finite) - 1))] if finite else 1.0
    return Axis(0.0, 1.05 * most or 1.0)


def _learned(
    arm: Arm, what: str, lines: Sequence[tuple[str, list[float]]], x: Axis, y: Axis
) -> Plot:
    curves = [
        _epochs(arm, kind, line, x, y)
        for kind, line in sorted(lines, key=lambda one: one[0], reverse=True)
        if len(line) > 0
    ]
    ends = [line[-1] for kind, line in lines if kind == "main" and line]
    return _plot(arm, what, curves, ends, x, y, arm.guess if arm.unlearned else "")


def _plot(
    arm: Arm,
    name: str,
    curves: Sequence[Curve],
    ends: Sequence[float],
    x: Axis,
    y: Axis,
    note: str = "",
) -> Plot:
    """Curves of an arm over epochs, and in words where they end."""
    spoken = f"{words.number(min(ends))} to {words.number(max(ends))}" if ends else "unknown"
    return Plot(
        arm.name,
        tuple((x.at(i), f"{i:g}") for i in x.ticks(4) if i == int(i)),
        tuple((100 - y.at(v), f"{v:g}") for v in y.ticks(4)),
        "epoch",
        tuple(curves),
        f"{arm.name}: {name} over epochs; at the end {spoken}",
        y_name=name,
        note=note,
    )


def _epochs(arm: Arm, kind: str, line: Sequence[float], x: Axis, y: Axis) -> Curve:
    """A line over epochs; one epoch alone is a point."""
    pieces = _pieces([(i + 1, value) for i, value in enumerate(line)], x, y)
    return Curve(arm.index, kind, pieces, points=pieces[0] if len(line) == 1 and pieces else ())


def quality(found: pl.DataFrame, arms: Sequence[Arm]) -> list[list[Plot]]:
    """A list of plots for accuracy and one for each measure, a plot an arm, over the epochs.

    `found` is `Comparison.curves`: recipe, seed, epoch, measure, value.
    """
    plots = []
    for measure in dict.fromkeys(found["measure"]):
        own = found.filter((pl.col("measure") == measure) & pl.col("value").is_finite())
        if not own.height:
            continue
        known = [arm for arm in arms if arm.name in set(own["recipe"])]
        epochs = sorted(set(own["epoch"]))
        x = Axis(float(min(epochs)), float(max(*epochs, min(epochs) + 1)))
        y = Axis(0.0, 1.0) if measure == "accuracy" else holding(own["value"].to_list())
        plots.append([_over_epochs(arm, measure, own, x, y) for arm in known])
    return plots


def _over_epochs(arm: Arm, measure: str, found: pl.DataFrame, x: Axis, y: Axis) -> Plot:
    own = found.filter(pl.col("recipe") == arm.name).sort("epoch")
    lines = [
        [(float(epoch), value) for epoch, value in part.select("epoch", "value").rows()]
        for part in own.partition_by("seed", maintain_order=True)
    ]
    curves = [
        Curve(arm.index, "main", pieces, points=pieces[0])
        for line in lines
        if (pieces := _pieces(line, x, y))
    ]
    name = "accuracy" if measure == "accuracy" else title(measure)
    return _plot(arm, name, curves, [line[-1][1] for line in lines], x, y)


def _numbers(values: Sequence[float | None] | None) -> list[float]:
    return [math.nan if value is None else float(value) for value in values or ()]


def _pieces(points: Sequence[Point], x: Axis, y: Axis) -> tuple[tuple[Point, ...], ...]:
    """The finite points in percent of a plot, in pieces where one is missing."""
    pieces: list[list[Point]] = [[]]
    for right, up in points:
        if math.isfinite(up):
            clipped = min(max(up, y.low), y.high)
            pieces[-1].append((x.at(right), 100 - y.at(clipped)))
        elif pieces[-1]:
            pieces.append([])
    return tuple(tuple(piece) for piece in pieces if piece)


def doses(
    recipes: Sequence[Mapping[str, Any]],
    found: Mapping[tuple[str, str, str], Mean],
    method: str,
    metrics: Sequence[str],
) -> list[Plot]:
    """A plot for each dose that the recipes vary and each metric; matched where there is that."""
    plots, known = [], ladders(design_of(recipes))
    for factor, (name, doubles) in DOSES.items():
        series = {
            one.recipe: [(float(dose), arm) for arm, dose in one.doses]
            for one in known
            if one.factor == factor
        }
        for metric in metrics if series else ():
            drawn = _dosed(series, found, method, metric, name, doubles)
            if drawn is not None:
                plots.append(drawn)
    return plots


def _dosed(
    series: Mapping[str, list[tuple[float, str]]],
    found: Mapping[tuple[str, str, str], Mean],
    method: str,
    metric: str,
    name: str,
    doubles: bool,
) -> Plot | None:
    def mean(recipe: str) -> Mean | None:
        one = found.get((recipe, method, metric + MATCHED)) or found.get((recipe, method, metric))
        return one if one is not None and math.isfinite(one.mean) else None

    known = {
        label: [(x, one) for x, recipe in group if (one := mean(recipe)) is not None]
        for label, group in series.items()
    }
    given = sorted({x for group in known.values() for x, _ in group})
    if len(given) < 2:
        return None
    log = doubles and given[0] > 0
    x = Axis(given[0], given[-1], log)
    ends = [
        v for group in known.values() for _, one in group for v in (one.low, one.high, one.mean)
    ]
    y = holding(ends)
    matched = any((recipe, method, metric + MATCHED) in found
                  for group in series.values() for _, recipe in group)  # fmt: skip
    curves = tuple(_band(i, label, group, x, y) for i, (label, group) in enumerate(known.items()))
    return Plot(
        title(metric) + (", at equal resolution" if matched else ""),
        tuple((x.at(dose), f"{dose:g}") for dose in given),
        tuple((100 - y.at(v), f"{v:g}") for v in y.ticks(5)),
        name,
        curves,
        "; ".join(
            f"{label}: " + ", ".join(f"{x:g}: {words.number(one.mean, 3)}" for x, one in group)
            for label, group in known.items()
        ),
    )


def _band(index: int, label: str, group: Sequence[tuple[float, Mean]], x: Axis, y: Axis) -> Curve:
    upper = [(dose, one.high) for dose, one in group if math.isfinite(one.high)]
    lower = [(dose, one.low) for dose, one in group if math.isfinite(one.low)]
    around = [*upper, *reversed(lower)] if len(upper) > 1 else []
    line = [(dose, one.mean) for dose, one in group]
    return Curve(
        index,
        "main",
        _pieces(line, x, y),
        band=next(iter(_pieces(around, x, y)), ()),
        points=tuple((x.at(dose), 100 - y.at(value)) for dose, value in line),
        label=label,
    )
