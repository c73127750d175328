import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.lines import Line2D

from campare.report import figures, svg
from campare.report.facts import Arm, Effect

ARMS = tuple(
    Arm(name, name, index, (12, 12), (0.9,), ()) for index, name in enumerate(("A", "B", "$C_1$"))
)


def effect(metric="energy", estimate=0.1, low=0.05, high=0.15, p=0.01):
    return Effect("B - A", "B", "A", metric, estimate, low, high, p, 0.5, 60, 3)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def variables() -> list[dict[str, str]]:
    """The colors of the style sheet, light and dark."""
    from importlib.resources import files

    css = (files("campare.report") / "style.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_contrast_aa_and_marks_three_to_one(theme):
    colors = variables()[theme]
    for name in ("ink", "muted", "link", "native", "matched", "good", "bad"):
        assert contrast(colors[name], colors["paper"]) >= 4.5, name
    for name in ("ink", "muted"):
        assert contrast(colors[name], colors["raised"]) >= 4.5, name
    assert contrast(colors["alarm-ink"], colors["alarm"]) >= 4.5
    for index in range(len(svg.ARMS)):
        assert contrast(colors[f"arm-{index}"], colors["paper"]) >= 3, index


def test_light_page_and_saved_figures_share_their_colors():
    light = variables()[0]
    assert tuple(light[f"arm-{i}"] for i in range(len(svg.ARMS))) == svg.ARMS
    assert (light["ink"], light["muted"], light["rule"]) == (svg.INK, svg.MUTED, svg.RULE)


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
        {"recipe": "A", "seed": 0, "history": {"loss": [1.0, None, 0.5], "val_loss": [1.0]}},
        {"recipe": "B", "seed": 0},
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


def test_inline_svg_is_well_formed_and_has_its_own_ids():
    figure = figures.spread({"energy": {"$C_1$": np.ones(3)}}, ARMS, 5)
    document = svg.svg(figure)
    assert document == svg.svg(figure)
    assert "$C_1$" in document  # a name is no formula
    element = svg.inline(document, "one", "a &amp; b")
    root = ElementTree.fromstring(element)
    assert root.get("aria-label") == "a & b"
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert "var(--arm-2)" in element
    assert svg.ARMS[2] not in element
