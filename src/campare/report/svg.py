"""Figures as SVG and PNG: one style, and the same bytes for the same numbers.

Matplotlib's object API on Agg, with a fixed hash salt and no date. The colors are those of the
page in light.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from campare.report.facts import Arm

INK, MUTED, RULE, PAPER = "#1b1f27", "#59616d", "#dde0e4", "#fdfdfc"
NATIVE, POOLED = "#0064a4", "#b84e00"
#: One color an arm, of the Okabe-Ito family, darkened to 3:1 on white.
ARMS = ("#0072b2", "#c85200", "#00875f", "#b0568e", "#9a6a00", "#3f8fc0", "#6b6f76", "#7a52c7")

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "campare",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
}


def color(arm: Arm) -> str:
    """The color of an arm, as hex."""
    return ARMS[arm.index % len(ARMS)]


@contextmanager
def styled() -> Iterator[None]:
    """Within the block, figures are made and written in the style of the report."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes: no reason to stop a report.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def svg(figure: Figure) -> str:
    """The figure as an SVG document without a date."""
    with styled():
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def png(figure: Figure) -> bytes:
    """The figure as PNG at 160 dots an inch."""
    with styled():
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=160, metadata={"Software": None})
    return out.getvalue()
