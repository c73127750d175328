"""The tables of docs/answer.md, from run directories: verdicts, factors, stability, doses.

    python benchmarks/answer.py runs/pets-article runs/pets-sizes

Means, differences and nulls of every measure come from benchmarks/tables.py.
"""

import math
import sys
from collections.abc import Iterator

import polars as pl

from campare import Comparison, Run, compare
from campare.stats.curves import dose_curves
from campare.stats.design import design_of
from campare.stats.words import MATCHED
from tables import interval

#: Of the factors, beside what the claims are about.
FACTORS = ("correct", "energy", "pointing-game", "focus", "grid-pointing-game", "edge-alignment")
DOSES = ("correct", "energy", "focus")


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
                interval(row, "estimate", sign=True),
                f"{row['p_adjusted']:.3f}" if math.isfinite(row["p_adjusted"]) else "-",
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
            text = interval(row, "estimate", sign=True) if row else "-"
            detected = row is not None and row["p_adjusted"] < 0.05
            shown.append(f"**{text}**" if detected else text)
        rows.append([metric, *shown])
    yield from table(["measure", *contrasts], rows)


def doses(run: Run, comparison: Comparison) -> Iterator[str]:
    """A row for each measure and recipe: the means at every dose, and the trend."""
    found = dose_curves(comparison.summary, design_of(run.manifest.recipe_fields))
    found = found.filter(~pl.col("method").str.contains(":|uniform|centre|edge"))
    steps = sorted(set(found["dose"]))
    rows = []
    for metric in matched(found, DOSES):
        for recipe in dict.fromkeys(found["recipe"]):
            part = found.filter(metric=metric, recipe=recipe)
            points = {row["dose"]: row for row in part.iter_rows(named=True)}
            shown = [interval(points[x], "value") if x in points else "-" for x in steps]
            trend = comparison.factors.filter(
                (pl.col("metric") == metric)
                & pl.col("contrast").is_in([f"train size: {recipe}", f"strength: {recipe}"])
            )
            slopes = [interval(row, "estimate", sign=True) for row in trend.iter_rows(named=True)]
            rows.append([metric, recipe, *shown, " ".join(slopes) or "-"])
    yield from table(["measure", "recipe", *(f"{x:g}" for x in steps), "trend"], rows)


def overview(compared: dict[str, Comparison]) -> Iterator[str]:
    """A row for each claim, a column for each run: the verdict and the difference."""
    found = {
        name: {row["claim"]: row for row in comparison.claims.iter_rows(named=True)}
        for name, comparison in compared.items()
    }
    rows = []
    for claim in next(iter(found.values())):
        cells = []
        for verdicts_of in found.values():
            row = verdicts_of[claim]
            measured = math.isfinite(row["estimate"])
            cells.append(f"{row['verdict']}, {row['estimate']:+.2f}" if measured else "-")
        rows.append([claim, *cells])
    yield from table(["claim", *found], rows)


def section(run: Run, comparison: Comparison) -> Iterator[str]:
    """All tables of a run."""
    cells = run.manifest.cells.values()
    seconds = sum(cell.train_seconds + cell.measure_seconds for cell in cells)
    size, grids = run.manifest.config.size, run.manifest.config.grids
    first = {name: next(iter(of_methods.values())) for name, of_methods in grids.items()}
    shown = ", ".join(f"{name} {' x '.join(map(str, grid))}" for name, grid in first.items())
    yield from ("", f"### {run.path.name}", "")
    yield f"{len(cells)} cells, {seconds / 60:.0f} min on one core, {size} px; maps: {shown}."
    accuracies = [
        f"{row['recipe']} {interval(row, 'mean')}"
        for row in comparison.summary.filter(metric="correct", method="-").iter_rows(named=True)
    ]
    yield f"Accuracy: {', '.join(accuracies)}."
    yield from ("", *verdicts(comparison))
    named = dict.fromkeys(metric.removesuffix(MATCHED) for metric in comparison.factors["metric"])
    endings = ("variance", "sensitivity", "-drop")
    stable = tuple(name for name in named if "@" not in name and name.endswith(endings))
    yield from ("", *differences(comparison.factors, FACTORS + stable))
    yield from ("", *differences(comparison.effects, FACTORS))
    if any(recipe.get("train_size") for recipe in run.manifest.recipe_fields):
        yield from ("", *doses(run, comparison))


def main() -> None:
    """Print the tables of the run directories that are named."""
    runs = [Run.open(path) for path in sys.argv[1:]]
    compared = {run.path.name: compare(run) for run in runs}
    print(*overview(compared), sep="\n")
    for run in runs:
        print(*section(run, compared[run.path.name]), sep="\n")


if __name__ == "__main__":
    main()
