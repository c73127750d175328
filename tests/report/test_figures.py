import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.lines import Line2D

from campare.report import figures, svg
from campare.report.facts import Arm, Effect
from campare.runs.manifest import CellRecord

ARMS = tuple(
    Arm(name, name, index, (12, 12), (0.9,), ()) for index, name in enumerate(("A", "B", "$C_1$"))
)


def effect(metric="energy", estimate=0.1, low=0.05, high=0.15, p=0.01):
    return Effect("B - A", "B", "A", metric, estimate, low, high, p, 0.5, 60, 3)


@pytest.mark.parametrize("width", [figures.WIDE, figures.NARROW])
def test_effect_plot_draws_each_interval_where_it_is(width):
    found = {
        ("B - A", "energy"): effect(),
        ("B - A", "energy@matched"): effect("energy@matched", 0.01, -0.04, 0.06, 0.7),
    }
    (axis,) = figures.effect_plot(found, ["energy"], ARMS, width).axes
    spans = [tuple(line.get_xdata()) for line in axis.lines if len(line.get_xdata()) == 2]
    assert (0.05, 0.15) in spans
    assert (-0.04, 0.06) in spans
    marks = {line.get_xdata()[0]: line for line in axis.lines if len(line.get_xdata()) == 1}
    assert marks[0.1].get_markerfacecolor() == svg.NATIVE  # detected: filled
    assert marks[0.01].get_markerfacecolor() == svg.PAPER  # not: hollow


def test_effect_with_nan_is_called_undefined():
    nan = float("nan")
    figure = figures.effect_plot(
        {("B - A", "iou"): effect("iou", nan, nan, nan, nan)}, ["iou"], ARMS, 5
    )
    assert "undefined" in [text.get_text() for text in figure.axes[0].texts]


def test_learning_curves_take_gaps_and_missing_histories():
    cells = [
        CellRecord(recipe="A", seed=0, history={"loss": [1.0, None, 0.5], "val_loss": [1.0]}),
        CellRecord(recipe="B", seed=0),
    ]
    figure = figures.learning_curves(cells, ARMS, figures.WIDE)
    lines = [line for axis in figure.axes for line in axis.lines]
    assert all(isinstance(line, Line2D) for line in lines)
    assert max(len(line.get_xdata()) for line in lines) == 3


def test_spread_thins_by_quantiles_and_keeps_the_mean():
    values = np.random.default_rng(0).beta(2, 5, 5000)
    (axis,) = figures.spread({"energy": {"A": values}}, ARMS[:1], 5).axes
    dots, _, mean = axis.lines
    assert len(dots.get_xdata()) == 120
    assert mean.get_xdata()[0] == pytest.approx(values.mean())
    assert np.quantile(dots.get_xdata(), 0.9) == pytest.approx(np.quantile(values, 0.9), abs=0.01)


def test_constant_and_missing_values_are_drawn():
    figure = figures.spread({"energy": {"A": np.ones(9), "B": np.array([np.nan])}}, ARMS, 5)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["no defined value"] * 2


def test_svg_is_repeatable_and_a_name_is_no_formula():
    figure = figures.spread({"energy": {"$C_1$": np.ones(3)}}, ARMS, 5)
    document = svg.svg(figure)
    assert document == svg.svg(figure)
    assert "$C_1$" in document
    ElementTree.fromstring(document)
