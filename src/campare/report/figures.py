"""Figures for papers: effects with intervals, learning curves, the spread over images.

Each takes a width in inches, a page's or a column's, and lays itself out for it. The web page
draws its own (`forest`, `curves`, `spread`); `svg` has the style of these and writes them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from campare.report.facts import Arm, Effect
from campare.report.svg import INK, MUTED, NATIVE, PAPER, POOLED, RULE, color, styled
from campare.report.words import signed
from campare.runs.manifest import CellRecord
from campare.stats.words import MATCHED, higher_is_better, title

WIDE, NARROW = 10.4, 3.7  # inches


def effect_plot(
    effects: Mapping[tuple[str, str], Effect],
    metrics: Sequence[str],
    arms: Sequence[Arm],
    width: float = WIDE,
) -> Figure:
    """A forest: a panel a metric, a block a contrast, native and matched intervals around zero.

    A filled mark is a detected difference, a hollow one is not.
    """
    unlearned = {arm.name: arm.guess for arm in arms if arm.unlearned}
    contrasts = list(dict.fromkeys(contrast for contrast, _ in effects))
    shown = [m for m in metrics if any((c, m) in effects for c in contrasts)]
    pooled = any((c, m + MATCHED) in effects for c in contrasts for m in shown)
    columns = 1 if width < 6 else 2 if len(shown) in (2, 4) else 3
    lines = -(-len(shown) // columns) or 1
    step = 3.0 if pooled else 2.0
    high = len(contrasts) * step * 0.2 + 0.06  # of the axes, in inches
    tall, before, after = high + 0.98, 0.62 if pooled else 0.12, 0.56
    wide = (width - 0.28 * (columns - 1)) / columns
    with styled():
        figure = Figure(figsize=(width, lines * tall - 0.1))
        for place, metric in enumerate(shown):
            line, column = divmod(place, columns)
            box = (
                (column * (wide + 0.28) + before) / width,
                (figure.get_figheight() - 0.34 - line * tall - high) / figure.get_figheight(),
                (wide - before - after) / width,
                high / figure.get_figheight(),
            )
            _panel(figure.add_axes(box), effects, contrasts, metric, step, unlearned)
    return figure


def _panel(
    axis: Any,
    effects: Mapping[tuple[str, str], Effect],
    contrasts: Sequence[str],
    metric: str,
    step: float,
    unlearned: Mapping[str, str],
) -> None:
    axis.axvline(0, color=MUTED, linewidth=0.9, zorder=1)
    ticks: dict[float, str] = {}
    reach = 0.0
    for block, contrast in enumerate(contrasts):
        pair = [(effects.get((contrast, metric)), NATIVE, "o", "native")]
        if step > 2:
            pair.append((effects.get((contrast, metric + MATCHED)), POOLED, "D", "matched"))
        known = next((effect for effect, *_ in pair if effect is not None), None)
        y = block * step
        words = f"{known.treatment} vs {known.control}" if known else contrast
        if known and unlearned.keys() & {known.treatment, known.control}:
            guesses = sorted(unlearned.keys() & {known.treatment, known.control})
            words += f" ({' and '.join(guesses)} {unlearned[guesses[0]]})"
        axis.text(
            0.0, y, words, transform=axis.get_yaxis_transform(), va="center", fontsize=8.5,
            color=INK, bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1}, zorder=3,
        )  # fmt: skip
        for line, (effect, shade, mark, name) in enumerate(pair, start=1):
            at = y + line * 0.86
            if step > 2:
                ticks[at] = name
            if effect is None or not np.isfinite([effect.estimate, effect.low, effect.high]).all():
                axis.text(
                    1.02, at, "–" if effect is None else "undefined",
                    transform=axis.get_yaxis_transform(), va="center", color=MUTED, fontsize=7.5,
                )  # fmt: skip
                continue
            reach = max(reach, abs(effect.low), abs(effect.high), abs(effect.estimate))
            axis.plot([effect.low, effect.high], [at, at], color=shade, linewidth=1.9, zorder=2,
                      solid_capstyle="round")  # fmt: skip
            axis.plot(
                [effect.estimate], [at], marker=mark, markersize=6 if mark == "o" else 5.2,
                color=shade, markerfacecolor=shade if effect.detected else PAPER,
                markeredgewidth=1.5, linestyle="none", zorder=4,
            )  # fmt: skip
            axis.text(
                1.02, at, signed(effect.estimate), transform=axis.get_yaxis_transform(),
                va="center", fontsize=8.5, color=INK if effect.detected else MUTED,
            )  # fmt: skip
    good = higher_is_better(metric)
    ends = {
        True: ("← worse", "better →"),
        False: ("← better", "worse →"),
        None: ("← lower", "higher →"),
    }
    for x, words, side in zip((0.0, 1.0), ends[good], ("left", "right"), strict=True):
        axis.annotate(
            words, (x, 0), (0, -17), xycoords="axes fraction", textcoords="offset points",
            ha=side, va="top", fontsize=7.5, color=MUTED,
        )  # fmt: skip
    axis.set_title(title(metric), loc="left", fontsize=9.5, weight="bold", color=INK, pad=7)
    axis.set_xlim(-1.08 * reach or -1, 1.08 * reach or 1)
    axis.set_ylim(len(contrasts) * step - 0.7, -0.6)
    axis.locator_params(axis="x", nbins=5)
    axis.xaxis.set_major_formatter(lambda x, _: signed(x, 2 if reach > 0.03 else 3))
    axis.set_yticks(list(ticks), list(ticks.values()), fontsize=7.5)
    axis.spines["left"].set_visible(False)


def learning_curves(
    cells: Sequence[CellRecord], arms: Sequence[Arm], width: float = WIDE
) -> Figure:
    """Loss and accuracy over epochs, a column of panels an arm, one thin line a seed."""
    drawn = [arm for arm in arms if any(c.history and c.recipe == arm.name for c in cells)]
    wide = width > 6
    rows, columns = (2, max(1, len(drawn))) if wide else (max(1, len(drawn)), 2)
    with styled():
        figure = Figure(figsize=(width, (3.9 if wide else 1.55 * rows + 0.35)))
        axes = figure.subplots(
            rows, columns, squeeze=False, sharey="row" if wide else "col", sharex=False
        )
        tall = figure.get_figheight()
        figure.subplots_adjust(
            left=0.42 / width, right=1 - 0.1 / width, top=1 - 0.36 / tall, bottom=0.42 / tall,
            wspace=0.14 if wide else 0.26, hspace=0.34 if wide else 0.62,
        )  # fmt: skip
        for place, arm in enumerate(drawn):
            for line, what in enumerate(("accuracy", "loss")):
                axis = axes[line, place] if wide else axes[place, line]
                _curves(axis, [c for c in cells if c.recipe == arm.name], arm, what)
                last = line == 1 if wide else place == len(drawn) - 1
                axis.set_xlabel("epoch" if last else "")
                heading = f"{arm.name}: {what}" if not wide else (arm.name if not line else "")
                axis.set_title(heading, loc="left", fontsize=9.5 if wide else 8.5, weight="bold")
                if wide and not place:
                    axis.set_ylabel(what)
    return figure


def _curves(axis: Any, cells: Sequence[CellRecord], arm: Arm, what: str) -> None:
    for cell in cells:
        for key, shade in ((what, MUTED), (f"val_{what}", color(arm))):
            values = np.asarray(cell.history.get(key, ()), float)
            epochs = np.arange(1, len(values) + 1)
            held = key.startswith("val")
            axis.plot(
                epochs, values, color=shade, linewidth=1.5 if held else 0.9,
                linestyle="-" if held else (0, (3, 2)), alpha=0.85,
                marker="o" if len(values) == 1 else None, markersize=3,
            )  # fmt: skip
    if what == "accuracy":
        axis.set_ylim(0, 1.03)
        if arm.unlearned:
            axis.text(
                0.97, 0.08, "did not learn", transform=axis.transAxes, ha="right", weight="bold",
                fontsize=8,
            )  # fmt: skip
    axis.locator_params(axis="x", nbins=5, integer=True)
    axis.locator_params(axis="y", nbins=4)
    axis.grid(axis="y", color=RULE, linewidth=0.5)


def spread(
    values: Mapping[str, Mapping[str, NDArray[Any]]], arms: Sequence[Arm], width: float = WIDE
) -> Figure:
    """How a metric spreads over test images: per arm quartiles, mean and at most 120 dots.

    `values` is metric -> arm name -> one value an image. The dots are evenly spaced quantiles, as
    wide as they are dense, so few stand for many without a draw of chance.
    """
    wide = width > 6
    shape = (1, len(values)) if wide else (len(values), 1)
    with styled():
        tall = 0.62 * len(arms) + 0.95
        figure = Figure(figsize=(width, tall * shape[0]))
        axes = figure.subplots(*shape, squeeze=False)
        longest = max((len(arm.name) for arm in arms), default=1)
        left = min(0.12 + 0.085 * longest, 0.38 * width / shape[1])
        figure.subplots_adjust(
            left=left / width, right=1 - 0.15 / width,
            top=1 - 0.38 / (tall * shape[0]), bottom=0.45 / (tall * shape[0]),
            wspace=(left + 0.35) / (width / shape[1]), hspace=0.9 / (tall - 0.83),
        )  # fmt: skip
        for axis, (metric, by_arm) in zip(axes.flat, values.items(), strict=True):
            for row, arm in enumerate(arms):
                _dots(axis, np.asarray(by_arm.get(arm.name, ()), float), row, color(arm))
            axis.set_title(title(metric), loc="left", fontsize=9.5, weight="bold")
            axis.set_yticks(range(len(arms)), [arm.name for arm in arms], color=INK)
            axis.set_ylim(len(arms) - 0.45, -0.55)
            axis.grid(axis="x", color=RULE, linewidth=0.5)
            axis.set_axisbelow(True)
            axis.spines["left"].set_visible(False)
            axis.set_xlabel("one dot an image, bar: middle half, line: mean", fontsize=7.5)
    return figure


def _dots(axis: Any, values: NDArray[Any], row: int, shade: str) -> None:
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        axis.text(
            0.02, row, "no defined value", transform=axis.get_yaxis_transform(), va="center",
            color=MUTED, fontsize=7.5,
        )  # fmt: skip
        return
    few = values
    if len(values) > 120:
        few = np.quantile(values, (np.arange(120) + 0.5) / 120, method="nearest")
    width = max(float(np.ptp(few)) / 24, 1e-9)
    near = (np.abs(few[:, None] - few[None]) < width).sum(1)  # neighbors: the local density
    golden = (np.arange(len(few)) * 0.6180339887) % 1 - 0.5  # evenly spread, no chance
    rise = golden * 0.62 * near / near.max()
    axis.plot(
        few, row + rise, linestyle="none", marker="o", markersize=2.6, color=shade,
        alpha=0.55, markeredgewidth=0,
    )  # fmt: skip
    low, high = np.quantile(values, (0.25, 0.75))
    axis.plot([low, high], [row, row], color=INK, linewidth=3.2, alpha=0.28, solid_capstyle="butt")
    axis.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=1.8)
