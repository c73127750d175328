"""Contrast by WCAG 2 of every pair of colors that meet, and colors apart for the color-blind."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

from campare.report.plots import figures

THEMES = ("light", "dark")


def rgb(color: str) -> np.ndarray:
    """Linear red, green and blue of a hex color."""
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colors as WCAG 2 defines it, 1 to 21."""
    high, low = sorted(float(rgb(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))[::-1]
    return (high + 0.05) / (low + 0.05)


def variables(theme: str) -> dict[str, str]:
    """The colors of the style sheet in one theme."""
    css = (files("campare.report") / "templates" / "style.css").read_text("utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", css)
    return {name: both[THEMES.index(theme)] for name, *both in pairs}


def test_the_formula_gives_the_known_extremes():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_text_has_contrast_aa(theme):
    colors = variables(theme)
    for name in ("ink", "muted", "accent", "good", "bad"):
        assert contrast(colors[name], colors["paper"]) >= 4.5, name
    for name in ("ink", "muted"):
        assert contrast(colors[name], colors["raised"]) >= 4.5, name
        assert contrast(colors[name], colors["band"]) >= 4.5, name
    assert contrast(colors["alarm-ink"], colors["alarm"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_marks_have_three_to_one(theme):
    colors = variables(theme)
    for index in range(len(figures.ARMS)):
        assert contrast(colors[f"arm-{index}"], colors["paper"]) >= 3, index
    for ground in ("paper", "band", "raised"):
        assert contrast(colors["accent"], colors[ground]) >= 3, ground


#: Brettel et al. 1997 as simplified by Vienot et al. 1999: linear RGB as a protanope and a
#: deuteranope sees it.
BLIND = {
    "protanopia": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranopia": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.clip(matrix @ linear, 0, None) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", BLIND)
def test_right_and_wrong_and_the_first_four_arms_stay_apart_for_the_color_blind(theme, sight):
    colors = variables(theme)
    names = [("good", "bad"), *combinations([f"arm-{i}" for i in range(4)], 2)]
    for one, other in names:
        seen = [lab(np.array(BLIND[sight]) @ rgb(colors[name])) for name in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > 12, (one, other)  # 2.3 is just noticeable


def test_light_page_and_saved_figures_share_their_colors():
    light = variables("light")
    assert tuple(light[f"arm-{i}"] for i in range(len(figures.ARMS))) == figures.ARMS
    assert (light["ink"], light["muted"], light["rule"]) == (
        figures.INK,
        figures.MUTED,
        figures.RULE,
    )
