"""The tables of docs/results.md, from run directories: means, differences, nulls, as Markdown.

python benchmarks/tables.py runs/pets-article runs/pets-factorial
"""

import math
import sys
from typing import Any

import polars as pl

from campare import Comparison, Run
from campare.stats.compare import verdict_words
from campare.stats.stored import comparison_of

METRICS = (
    "energy",
    "pointing-game",
    "average-precision",
    "focus",
    "grid-pointing-game",
    "entropy",
    "edge-alignment",
)


def interval(row: dict[str, Any], name: str, *, sign: bool = False) -> str:
    """`0.51 (0.44 to 0.58)`, or a dash."""
    numbers = [row[name], row["low"], row["high"]]
    if any(n is None or not math.isfinite(n) for n in numbers):
        return "-"
    middle, low, high = (f"{n:+.3f}" if sign else f"{n:.3f}" for n in numbers)
    return f"{middle} ({low} to {high})"


def present(run: Run, frame: pl.DataFrame) -> list[str]:
    """The metrics of METRICS that occur, each followed by its matched form if grids differ."""
    found = set(frame["metric"])
    if len({tuple(grid) for grid in run.manifest.config.grids.values()}) == 1:
        found = {name for name in found if not name.endswith("@matched")}
    return [m for name in METRICS for m in (name, f"{name}@matched") if m in found]


def means(run: Run, comparison: Comparison, method: str) -> str:
    """Rows: metrics; columns: recipes, and the nulls of the first."""
    summary = comparison.summary
    rows = {(r["recipe"], r["method"], r["metric"]): r for r in summary.iter_rows(named=True)}
    lines = [
        "| measure | " + " | ".join(run.recipes) + " |",
        "| --- |" + " --- |" * len(run.recipes),
    ]
    wanted = [("-", "correct"), *((method, m) for m in present(run, summary))]
    for kind, metric in wanted:
        cells = [rows.get((recipe, kind, metric)) for recipe in run.recipes]
        shown = [interval(cell, "mean") if cell else "-" for cell in cells]
        name = "accuracy" if metric == "correct" else metric
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def nulls(run: Run, comparison: Comparison, method: str) -> str:
    """Energy and focus of every null beside the method's own."""
    rows = {
        (r["recipe"], r["method"], r["metric"]): r["mean"]
        for r in comparison.summary.iter_rows(named=True)
    }
    metrics = [m for m in ("energy", "focus") if any(key[2] == m for key in rows)]
    kinds = (method, f"{method}:untrained", "uniform", "centre", "edge")
    lines = [
        "| recipe, measure | trained | untrained | uniform | centre | edge |",
        "| --- " * 6 + "|",
    ]
    for recipe in run.recipes:
        for metric in metrics:
            found = [rows.get((recipe, kind, metric)) for kind in kinds]
            shown = ["-" if v is None or not math.isfinite(v) else f"{v:.3f}" for v in found]
            lines.append(f"| {recipe}, {metric} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def effects(run: Run, comparison: Comparison, method: str) -> str:
    """Rows: contrasts; columns: metrics; bold where a difference is detected."""
    table = comparison.effects.filter(pl.col("method").is_in([method, "-"]))
    metrics = ["correct", *present(run, table)]
    names = ["accuracy" if m == "correct" else m for m in metrics]
    lines = [
        "| measure | " + " | ".join(contrasts := list(dict.fromkeys(table["contrast"]))) + " |"
    ]
    lines.append("| --- |" + " --- |" * len(contrasts))
    rows = {(r["contrast"], r["metric"]): r for r in table.iter_rows(named=True)}
    for metric, name in zip(metrics, names, strict=True):
        cells = []
        for contrast in contrasts:
            row = rows.get((contrast, metric))
            text = interval(row, "estimate", sign=True) if row else "-"
            if row and text != "-":
                verdict = verdict_words(metric, row["low"], row["high"], row["p_adjusted"])
                detected = verdict.change in ("higher", "lower")
                text = f"**{text}**" if detected else text
            cells.append(text)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables of each run directory that is named."""
    for path in sys.argv[1:]:
        run = Run.open(path)
        comparison = comparison_of(run)
        method = run.manifest.config.methods[0]
        cells = run.manifest.cells.values()
        seconds = sum(c.train_seconds + c.measure_seconds for c in cells)
        print(f"\n### {run.path.name}: {len(cells)} cells, {seconds / 60:.0f} min\n")
        unlearned = [name for name, c in run.manifest.cells.items() if not c.learned]
        print(
            f"Did not learn: {', '.join(unlearned) or 'none'}. Grids: {run.manifest.config.grids}\n"
        )
        print(means(run, comparison, method), nulls(run, comparison, method), sep="\n\n")
        print(f"\n{effects(run, comparison, method)}")


if __name__ == "__main__":
    main()
