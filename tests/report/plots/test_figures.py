"""Figure files have the marks of the page, where they are there."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.lines import Line2D

from campare.report.plots import curves, figures, forest, spread
from campare.report.plots.axis import around_zero
from campare.report.view import Arm, Effect
from campare.runs.manifest import CellRecord

ARMS = tuple(
    Arm(name, name, index, (12, 12), (0.9,), ()) for index, name in enumerate(("A", "B", "$C_1$"))
)


def effect(metric="energy", estimate=0.1, low=0.05, high=0.15, p=0.01):
    return Effect("B - A", "B", "A", metric, estimate, low, high, p, 0.5, 60, 3)


def drawn(axis, marker):
    """Lines of an axis but for its grid: marks, or intervals."""
    lines = [line for line in axis.lines if line.get_transform() == axis.transData]
    return [line for line in lines if (line.get_marker() == "o") == marker]


@pytest.mark.parametrize("width", [figures.WIDE, figures.NARROW])
def test_a_forest_draws_each_interval_where_it_is(width):
    found = {
        ("B - A", "energy"): effect(),
        ("B - A", "energy@matched"): effect("energy@matched", 0.01, -0.04, 0.06, 0.7),
    }
    panels = forest.panels(found, ["B - A"], ["energy"], ARMS)
    (axis,) = figures.figure(panels, width).axes
    at = around_zero([0.15]).at
    spans = [tuple(line.get_xdata()) for line in drawn(axis, marker=False)]
    assert sorted(spans) == sorted([(at(0.05), at(0.15)), (at(-0.04), at(0.06))])
    marks = {line.get_xdata()[0]: line for line in drawn(axis, marker=True)}
    assert marks[at(0.1)].get_markerfacecolor() == figures.MUTED  # detected: filled
    assert marks[at(0.01)].get_markerfacecolor() == figures.PAPER  # not: hollow
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["matched", "native"]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == [t for _, t in panels[0].ticks]


def test_effect_with_nan_is_called_undefined():
    nan = float("nan")
    found = {("B - A", "iou"): effect("iou", nan, nan, nan, nan)}
    figure = figures.figure(forest.panels(found, ["B - A"], ["iou"], ARMS), 5)
    assert "undefined" in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("width", [figures.WIDE, figures.NARROW])
def test_learning_curves_take_gaps_and_missing_histories(width):
    cells = [
        CellRecord(recipe="A", seed=0, history={"loss": [1.0, None, 0.5], "val_loss": [1.0]}),
        CellRecord(recipe="B", seed=0),
    ]
    figure = figures.figure(curves.learning(cells, ARMS), width)
    lines = [line for axis in figure.axes for line in drawn(axis, False) + drawn(axis, True)]
    assert all(isinstance(line, Line2D) for line in lines)
    assert sorted(len(line.get_xdata()) for line in lines) == [1, 1, 1, 1]
    assert max(x for line in lines for x in line.get_xdata()) == 100  # the third epoch


def test_the_spread_has_the_dots_and_the_mean_of_the_page():
    values = np.random.default_rng(0).beta(2, 5, 5000)
    panel = spread.spread({"A": values}, "energy", ARMS[:1])
    (axis,) = figures.figure([panel], 5).axes
    dots, mean = drawn(axis, marker=True)
    (row,) = panel.rows
    assert list(dots.get_xdata()) == [dot.x for dot in row.dots]
    assert len(dots.get_xdata()) == spread.DOTS
    assert row.lines[0].at == mean.get_xdata()[0]
    shares = (np.arange(spread.DOTS) + 0.5) / spread.DOTS
    assert np.sort(dots.get_xdata()) == pytest.approx(
        100 * np.quantile(values, shares), abs=50 / spread.BINS + 0.1
    )
    assert mean.get_xdata()[0] == pytest.approx(100 * values.mean(), abs=0.01)


def test_constant_and_missing_values_are_drawn():
    values = {"A": np.ones(9), "B": np.array([np.nan])}
    figure = figures.figure([spread.spread(values, "energy", ARMS)], 5)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("no defined value") == 2


def test_svg_is_repeatable_and_a_name_is_no_formula():
    figure = figures.figure([spread.spread({"$C_1$": np.ones(3)}, "energy", ARMS)], 5)
    document = figures.svg(figure)
    assert document == figures.svg(figure)
    assert "$C_1$" in document
    ElementTree.fromstring(document)


def test_what_did_not_learn_is_named_in_the_figure():
    lost = (Arm("A", "A", 0, (12, 12), (0.5,), 1), ARMS[1])
    cells = [CellRecord(recipe="A", seed=0, history={"loss": [1.0, 0.9], "val_loss": [1.0, 0.9]})]
    figure = figures.figure(curves.learning(cells, lost))
    assert "did not learn" in [text.get_text() for axis in figure.axes for text in axis.texts]
    found = {("B - A", "energy"): effect()}
    forested = figures.figure(forest.panels(found, ["B - A"], ["energy"], lost))
    assert "B vs A (A did not learn)" in [text.get_text() for text in forested.axes[0].texts]
