"""The tables of docs/answer.md, from run directories: verdicts, factors, stability, doses.

    python benchmarks/answer.py runs/pets-article runs/pets-sizes

Means, differences and nulls of every measure come from benchmarks/tables.py.
"""

import math
import sys
from collections.abc import Iterator
from typing import Any

import polars as pl

from campare import Comparison, Run, compare
from campare.metrics import find
from campare.stats.curves import dose_curves
from campare.stats.design import design_of
from campare.stats.words import MATCHED

#: Of the factors, beside what the claims are about.
FACTORS = ("correct", "energy", "pointing-game", "focus", "grid-pointing-game", "edge-alignment")
DOSES = ("correct", "energy", "focus")
DIGITS = 3


def number(value: float | None, sign: str = "") -> str:
    return "-" if value is None or not math.isfinite(value) else f"{value:{sign}.{DIGITS}f}"


def interval(row: dict[str, Any], name: str = "estimate", sign: str = "+") -> str:
    """`+0.51 (+0.44 to +0.58)`, or a dash."""
    middle, low, high = (number(row[key], sign) for key in (name, "low", "high"))
    return middle if "-" in (middle, low, high) else f"{middle} ({low} to {high})"


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def called(measures: str) -> str:
    """The measures of a claim; of several how many."""
    several = measures.removeprefix("mean of ").split(", ")
    return f"mean of {len(several)} stabilities" if len(several) > 1 else measures or "-"


def verdicts(comparison: Comparison) -> Iterator[str]:
    """A row for each claim, and for a claim of several parts the one that decided."""
    rows = []
    for row in comparison.claims.iter_rows(named=True):
        more = [
            f"{row[key]} more {what}"
            for key, what in (("more_seeds", "seeds"), ("more_images", "images"))
            if row[key]
        ]
        rows.append(
            [
                row["claim"],
                f"**{row['verdict']}**",
                row["contrast"],
                called(row["metric"]),
                interval(row),
                number(row["p_adjusted"]),
                str(row["smallest"]),
                f"{row['seeds']} x {row['images']}",
                " or ".join(more) or row["reason"] or "-",
            ]
        )
    heads = ["claim", "verdict", "contrast", "measure", "difference", "p, Holm", "smallest",
             "seeds x images", "what would settle it"]  # fmt: skip
    yield from table(heads, rows)


def matched(frame: pl.DataFrame, names: tuple[str, ...]) -> list[str]:
    """The names at equal resolution where they were measured so, else at their own."""
    present = set(frame["metric"])
    return [m for name in names if (m := name + MATCHED) in present or (m := name) in present]


def differences(frame: pl.DataFrame, names: tuple[str, ...]) -> Iterator[str]:
    """Rows: measures; columns: contrasts; bold where Holm's p is below 0.05."""
    frame = frame.filter(~pl.col("method").str.contains(":|uniform|centre|edge"))
    contrasts = list(dict.fromkeys(frame["contrast"]))
    cells = {(row["metric"], row["contrast"]): row for row in frame.iter_rows(named=True)}
    rows = []
    for metric in matched(frame, names):
        shown = []
        for contrast in contrasts:
            row = cells.get((metric, contrast))
            text = interval(row) if row else "-"
            detected = row is not None and row["p_adjusted"] < 0.05
            shown.append(f"**{text}**" if detected else text)
        rows.append([metric, *shown])
    yield from table(["measure", *contrasts], rows)


def doses(run: Run, comparison: Comparison) -> Iterator[str]:
    """A row for each measure and recipe: the means at every dose, and the trend."""
    found = dose_curves(comparison.summary, design_of(run.manifest["recipes"]))
    found = found.filter(~pl.col("method").str.contains(":|uniform|centre|edge"))
    steps = sorted(set(found["dose"]))
    rows = []
    for metric in matched(found, DOSES):
        for recipe in dict.fromkeys(found["recipe"]):
            part = found.filter(metric=metric, recipe=recipe)
            points = {row["dose"]: row for row in part.iter_rows(named=True)}
            shown = [interval(points[x], "value", "") if x in points else "-" for x in steps]
            trend = comparison.factors.filter(
                (pl.col("metric") == metric)
                & pl.col("contrast").is_in([f"train size: {recipe}", f"strength: {recipe}"])
            )
            slopes = [interval(row) for row in trend.iter_rows(named=True)]
            rows.append([metric, recipe, *shown, " ".join(slopes) or "-"])
    yield from table(["measure", "recipe", *(f"{x:g}" for x in steps), "trend"], rows)


def main() -> None:
    """Print the tables of each run directory that is named."""
    for path in sys.argv[1:]:
        run = Run.open(path)
        comparison = compare(run)
        cells = run.manifest["cells"].values()
        seconds = sum(cell["train_seconds"] + cell["measure_seconds"] for cell in cells)
        print(f"\n### {run.path.name}: {len(cells)} cells, {seconds / 60:.0f} min\n")
        accuracy = comparison.summary.filter(metric="correct", method="-")
        for row in accuracy.iter_rows(named=True):
            print(f"- {row['recipe']}: accuracy {interval(row, 'mean', '')}")
        print("", *verdicts(comparison), sep="\n")
        stable = tuple(
            name
            for name in dict.fromkeys(m.removesuffix(MATCHED) for m in comparison.factors["metric"])
            if "@" not in name
            and find(name)
            and name.endswith(("variance", "sensitivity", "-drop"))
        )
        print("", *differences(comparison.factors, FACTORS + stable), sep="\n")
        print("", *differences(comparison.effects, FACTORS + stable), sep="\n")
        if any(recipe.get("train_size") for recipe in run.manifest["recipes"]):
            print("", *doses(run, comparison), sep="\n")


if __name__ == "__main__":
    main()
