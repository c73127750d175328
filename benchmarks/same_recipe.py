"""A/A: one recipe under two names, trained for real. How often do the verdicts find a difference?

In each repetition the drawn set is drawn anew and a recipe trained 2 x SEEDS times, with different
seeds; half of the trainings go by the name `again`. There is nothing to find: every claim that is
supported or contradicted is a false verdict, and every metric with p < 0.05 a false alarm.

    python benchmarks/same_recipe.py --out runs/same-recipe

A stopped run goes on where it was. Prints the table of docs/statistics.md.
"""

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from campare import Comparison, ImageSet, compare, study
from campare.stats.article import ARTICLE
from campare.stats.judging import CONTRADICTED, SUPPORTED
from campare.training.recipes import article

SEEDS = 3  # trainings under each name
FALSE = (SUPPORTED, CONTRADICTED)
ONCE, AGAIN = "once", "again"

#: The article's claims about one pair; the ninth needs several sizes of the training set.
CLAIMS = [replace(claim, contrast=f"{AGAIN} - {ONCE}") for claim in ARTICLE[:8]]


def repetition(number: int, given: argparse.Namespace) -> tuple[Comparison, float]:
    """Train, measure, give half of the trainings another name, compare; and the mean accuracy."""
    data = ImageSet.drawn(train=given.train, test=given.test, size=given.size, seed=number)
    (arm,) = (arm for arm in article(backbone="embedded") if arm.name == given.recipe)
    arm = replace(arm, name=ONCE, epochs=given.epochs, hidden=32)
    seeds = [1000 * number + i for i in range(2 * SEEDS)]
    run = study(data, recipes=[arm], seeds=seeds, out=given.out / f"{number}")
    later = pl.col("seed") >= seeds[SEEDS]
    table = run.scores().with_columns(
        recipe=pl.when(later).then(pl.lit(AGAIN)).otherwise("recipe"),
        seed=pl.col("seed") - pl.when(later).then(seeds[SEEDS]).otherwise(seeds[0]),
    )
    accuracy = np.mean([cell.accuracy for cell in run.manifest.cells.values()])
    return compare(table, contrasts=[(AGAIN, ONCE)], claims=CLAIMS), float(accuracy)


def main() -> None:
    """Run all repetitions and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--recipe", choices="ABCD", default="B")
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--test", type=int, default=60)
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("runs/same-recipe"))
    given = parser.parse_args()
    claims, effects, accuracies = [], [], []
    for number in range(given.repetitions):
        found, accuracy = repetition(number, given)
        mark = pl.lit(number).alias("repetition")
        claims.append(found.claims.with_columns(mark))
        effects.append(found.effects.with_columns(mark))
        accuracies.append(accuracy)
        said = Counter(found.claims["verdict"].to_list())
        print(f"{number}: accuracy {accuracy:.2f}, {dict(said)}", flush=True)

    judged = pl.concat(claims).filter(pl.col("metric") != "")
    table = pl.concat(effects).filter(pl.col("p").is_finite())
    false = judged.filter(pl.col("verdict").is_in(FALSE))
    print(f"\naccuracy {np.mean(accuracies):.2f} ({min(accuracies):.2f} to {max(accuracies):.2f})")
    print(f"false verdicts: {false.height} of {judged.height} judged claims, in "
          f"{false['repetition'].n_unique()} of {given.repetitions} repetitions")  # fmt: skip
    with pl.Config(tbl_rows=-1, tbl_cols=-1, fmt_str_lengths=60, tbl_hide_dataframe_shape=True):
        print(judged.group_by("claim", maintain_order=True).agg(
            *((pl.col("verdict") == word).sum().alias(word)
              for word in (*FALSE, "equivalent", "not settled")),
            (pl.col("p") < 0.05).sum().alias("p < 0.05 alone"),
        ))  # fmt: skip
        print(
            false.select("repetition", "claim", "metric", "estimate", "low", "high", "p_adjusted")
        )
        print(table.group_by("method", "metric", maintain_order=True).agg(
            pl.len().alias("tests"),
            (pl.col("p") < 0.05).sum().alias("p < 0.05"),
            (pl.col("p_adjusted") < 0.05).sum().alias("Holm"),
        ))  # fmt: skip
    small = (table["p"] < 0.05).sum()
    print(f"all metrics: p < 0.05 in {small} of {table.height} ({small / table.height:.1%}), "
          f"after Holm in {(table['p_adjusted'] < 0.05).sum()}")  # fmt: skip


if __name__ == "__main__":
    main()
