"""Charts as figures for papers, SVG and PNG: the marks of the page, drawn by Matplotlib.

A figure takes a width in inches, a page's or a column's, and lays itself out for it. One style,
the colors of the page in light, and the same bytes for the same chart: a fixed hash salt, no date.
"""

import io
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from campare.report.plots.chart import Curve, Line, Panel, Plot, Row

INK, MUTED, RULE, PAPER = "#1b1f27", "#59616d", "#dde0e4", "#fdfdfc"
ACCENT = "#005b9e"
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


WIDE, NARROW = 10.4, 3.7  # inches
#: Inches and points of a pixel of the page.
INCH, POINT = 1 / 96, 0.75
#: Pixels of a line of a label, before a row, and above and below the rows of a panel.
LABEL, BEFORE, ABOVE, BELOW = 15.0, 8.0, 36.0, 50.0
#: Kind of a line -> color of its mark and of its interval, width of the interval in pixels.
LINES = {"decides": (ACCENT, ACCENT, 2.4), "native": (MUTED, MUTED, 1.2), "half": (INK, RULE, 5.0)}


@contextmanager
def styled() -> Iterator[None]:
    """Within the block, figures are drawn and written in the style of the report."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes: no reason to stop a report.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def figure(chart: Sequence[Panel] | Sequence[Sequence[Plot]], width: float = WIDE) -> Figure:
    """The figure of a chart of the page, `width` inches wide."""
    rows = [one for one in chart if isinstance(one, Panel)]
    groups = [one for one in chart if not isinstance(one, Panel)]
    return curves(groups, width) if groups else panels(rows, width)


def panels(of: Sequence[Panel], width: float = WIDE) -> Figure:
    """Panels of rows beside each other: a row's label above its marks, its number after them.

    A filled mark is a detected difference, a hollow one is not.
    """
    named = any(line.name for panel in of for row in panel.rows for line in row.lines)
    before, after, gap = 0.66 if named else 0.16, 0.56, 0.24
    longest = max((len(_label(row)) for panel in of for row in panel.rows), default=0)
    most = 1 if width < 6 else 2 if len(of) in (2, 4) or longest > 42 else 3
    columns = min(most, max(len(of), 1))
    wide = (width - gap * (columns - 1)) / columns
    letters = int((wide - before) / 0.075)
    high = max((_height(panel, letters) for panel in of), default=0.0) * INCH
    tall = high + (ABOVE + BELOW) * INCH
    with styled():
        figure = Figure(figsize=(width, max(-(-len(of) // columns), 1) * tall))
        full = figure.get_figheight()
        for at, panel in enumerate(of):
            line, column = divmod(at, columns)
            own = _height(panel, letters) * INCH
            box = (
                (column * (wide + gap) + before) / width,
                (full - line * tall - ABOVE * INCH - own) / full,
                (wide - before - after) / width,
                own / full,
            )
            _panel(figure.add_axes(box), panel, letters, (before - 0.05) / (wide - before - after))
    return figure


def _label(row: Row) -> str:
    return f"{row.label} ({row.note})" if row.note else row.label


def _height(panel: Panel, letters: int) -> float:
    """Pixels of the rows with their labels."""
    lines = sum(len(textwrap.wrap(_label(row), letters)) for row in panel.rows)
    return LABEL * lines + sum(BEFORE + row.height for row in panel.rows)


def _panel(axis: Any, panel: Panel, letters: int, before: float) -> None:
    for at, _ in panel.ticks:
        axis.axvline(at, color=RULE, linewidth=0.5, zorder=0)
    if panel.zero is not None:
        axis.axvline(panel.zero, color=MUTED, linewidth=0.8, dashes=(2, 2), zorder=1)
    top = 0.0
    names: dict[float, str] = {}
    for row in panel.rows:
        label = textwrap.wrap(_label(row), letters)
        axis.text(
            -before, top + BEFORE + 3 + LABEL * len(label) / 2, "\n".join(label), va="center",
            color=INK, transform=axis.get_yaxis_transform(), zorder=5,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},
        )  # fmt: skip
        top += BEFORE + LABEL * len(label)
        names |= _row(axis, row, top, 2.0 if panel.zero is None else panel.zero)
        top += row.height
    axis.set_xlim(0, 100)
    axis.set_ylim(max(top, 1.0), 0)
    axis.set_xticks([at for at, _ in panel.ticks], [text for _, text in panel.ticks])
    axis.set_yticks(list(names), list(names.values()), fontsize=7)
    axis.spines["left"].set_visible(False)
    for x, text, side in zip((0.0, 1.0), panel.ends or (), ("left", "right"), strict=False):
        _beside(axis, x, -17, f"\N{LEFTWARDS ARROW} {text}" if side == "left" else
                f"{text} \N{RIGHTWARDS ARROW}", side)  # fmt: skip
    axis.annotate(panel.numbers, (1.02, 1), (0, 6), xycoords="axes fraction",
                  textcoords="offset points", fontsize=7.5, color=MUTED)  # fmt: skip
    axis.set_title(panel.title, loc="left", x=-before, fontsize=9.5, weight="bold", color=INK)
    axis.set_title(panel.note, loc="right", fontsize=7.5, color=MUTED)


def _beside(axis: Any, x: float, down: float, text: str, side: str) -> None:
    axis.annotate(
        text, (x, 0), (0, down), xycoords="axes fraction", textcoords="offset points",
        ha=side, va="top", fontsize=7.5, color=MUTED,
    )  # fmt: skip


def _row(axis: Any, row: Row, top: float, zero: float) -> dict[float, str]:
    """Draw a row from `top` down; returns the names of its lines by their height."""
    for color in dict.fromkeys(dot.color for dot in row.dots):
        own = [dot for dot in row.dots if dot.color == color]
        axis.plot(
            [dot.x for dot in own], [top + dot.y for dot in own], linestyle="none", marker="o",
            markersize=2 * own[0].radius * POINT, color=ARMS[color % len(ARMS)],
            markeredgewidth=0, zorder=2,
        )  # fmt: skip
    for line in reversed(row.lines):
        _interval(axis, line, top + line.y)
    if row.missing:
        axis.text(zero, top + row.height / 2, row.missing, va="center", fontsize=7.5, color=MUTED,
                  ha="left" if zero < 50 else "center")  # fmt: skip
    quiet = row.says in ("not detected", "undefined")
    axis.text(1.02, top + row.height / 2, row.number, transform=axis.get_yaxis_transform(),
              va="center", color=MUTED if quiet else INK)  # fmt: skip
    return {top + line.y: line.name for line in row.lines if line.name}


def _interval(axis: Any, line: Line, y: float) -> None:
    mark, bar, width = LINES[line.kind]
    axis.plot([line.low, line.high], [y, y], color=bar, linewidth=width * POINT, zorder=3,
              solid_capstyle="round")  # fmt: skip
    axis.plot(
        [line.at], [y], marker="o", markersize=2 * line.radius * POINT, linestyle="none",
        color=mark, markerfacecolor=mark if line.filled else PAPER,
        markeredgewidth=width * POINT if line.kind != "half" else 0, zorder=4,
    )  # fmt: skip


def curves(of: Sequence[Sequence[Plot]], width: float = WIDE) -> Figure:
    """Groups of plots, a row of panels a group; a column of them where the figure is narrow."""
    wide, most = width > 6, max((len(group) for group in of), default=1)
    shape = (max(len(of), 1), most) if wide else (most, max(len(of), 1))
    with styled():
        figure = Figure(figsize=(width, (1.95 if wide else 1.55) * shape[0] + 0.1))
        axes = figure.subplots(*shape, squeeze=False)
        tall = figure.get_figheight()
        figure.subplots_adjust(
            left=0.5 / width, right=1 - 0.1 / width, top=1 - 0.36 / tall, bottom=0.45 / tall,
            wspace=0.2 if wide else 0.26, hspace=0.5 if wide else 0.7,
        )  # fmt: skip
        for axis in axes.flat:
            axis.set_axis_off()
        for line, group in enumerate(of):
            for at, plot in enumerate(group):
                axis = axes[line, at] if wide else axes[at, line]
                _plot(axis, plot)
                axis.set_ylabel(plot.y_name if at == 0 and wide else "")
                name = plot.title if wide or not plot.y_name else f"{plot.title}: {plot.y_name}"
                axis.set_title(name, loc="left", fontsize=8.5, weight="bold", color=INK)
    return figure


def _plot(axis: Any, plot: Plot) -> None:
    axis.set_axis_on()
    for at, _ in plot.y_ticks:
        axis.axhline(at, color=RULE, linewidth=0.5, zorder=0)
    for curve in plot.curves:
        _curve(axis, curve)
    axis.set_xlim(0, 100)
    axis.set_ylim(100, 0)
    axis.set_xticks([at for at, _ in plot.x_ticks], [text for _, text in plot.x_ticks])
    axis.set_yticks([at for at, _ in plot.y_ticks], [text for _, text in plot.y_ticks])
    axis.set_xlabel(plot.x_name, fontsize=7.5, labelpad=1)
    axis.text(0.97, 0.08, plot.note, transform=axis.transAxes, ha="right", weight="bold")


def _curve(axis: Any, curve: Curve) -> None:
    color = ARMS[curve.color % len(ARMS)]
    if curve.band:
        axis.fill(*zip(*curve.band, strict=True), color=color, alpha=0.16, linewidth=0)
    main = curve.kind == "main"
    for piece in curve.pieces:
        axis.plot(
            *zip(*piece, strict=True), color=color, linewidth=1.5 if main else 0.8,
            linestyle="-" if main else (0, (4, 3)), alpha=1.0 if main else 0.55,
        )  # fmt: skip
    if curve.points:
        axis.plot(*zip(*curve.points, strict=True), linestyle="none", marker="o", markersize=4,
                  color=color)  # fmt: skip


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
