"""Positive control: does the cue's energy rise where the cue tells the label?

Two sets of the same pictures, the same tags at the same places at test; in training the tag agrees
with the label with probability p. A recipe is trained on each, seed by seed, and for every seed the
paired difference of `cue-energy` over the test images (informative minus uninformative) is given
with its interval.

    python benchmarks/positive_control.py drawn --recipes factorial
    python benchmarks/positive_control.py FOLDER --recipes factorial --backbone mobilenet ...
"""

import argparse
from pathlib import Path

import polars as pl
from rich.console import Console

from campare import ImageSet, Run, compare, study
from campare.data.cue import plant

METRICS = ("cue-energy", "cue-lift", "cue-energy@matched")


def run(data: ImageSet, p: float, out: Path, given: argparse.Namespace) -> Run:
    """The study on `data` with a cue of probability p."""
    return study(
        plant(data, p=p),
        recipes=given.recipes,
        only=given.only.split(",") if given.only else None,
        seeds=given.seeds,
        backbone=given.backbone,
        weights=given.weights,
        backbone_options={"alpha": given.alpha} if given.alpha else None,
        size=given.size,
        epochs=given.epochs,
        out=out / f"p{p:g}",
        console=Console(width=120),
    )


def by_seed(informative: pl.DataFrame, uninformative: pl.DataFrame) -> pl.DataFrame:
    """Recipe, seed, metric, and the difference over images with its interval."""
    rows = []
    keys = informative.select("recipe", "seed").unique(maintain_order=True)
    for recipe, seed in keys.iter_rows():
        chosen = (pl.col("recipe") == recipe) & (pl.col("seed") == seed)
        wanted = pl.col("metric").is_in(METRICS) & (pl.col("method") == "grad-cam")
        table = pl.concat(
            [
                informative.filter(chosen & wanted).with_columns(recipe=pl.lit("informative")),
                uninformative.filter(chosen & wanted).with_columns(recipe=pl.lit("uninformative")),
            ]
        )
        effects = compare(table, contrasts=[("informative", "uninformative")]).effects
        rows.append(
            effects.select(
                pl.lit(recipe).alias("recipe"),
                pl.lit(seed).alias("seed"),
                "metric",
                "estimate",
                "low",
                "high",
                "p",
                "images",
            )
        )
    return pl.concat(rows)


def main() -> None:
    """Run both studies and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="a folder of images, or: drawn")
    parser.add_argument("--recipes", default="factorial")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--backbone")
    parser.add_argument("--weights")
    parser.add_argument("--alpha", type=float)
    parser.add_argument("--size", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--p", type=float, default=0.95)
    parser.add_argument("--out", type=Path, default=Path("runs/positive-control"))
    given = parser.parse_args()
    data = ImageSet.drawn() if given.data == "drawn" else ImageSet.from_folder(given.data)
    chance = 1 / len(data.class_names)
    informative = run(data, given.p, given.out, given).scores()
    uninformative = run(data, chance, given.out, given).scores()
    found = by_seed(informative, uninformative)
    found.write_csv(given.out / "by_seed.csv")
    with pl.Config(tbl_rows=-1, tbl_cols=-1, float_precision=4):
        print(found.filter(pl.col("metric") == "cue-energy"))
    flagged = found.group_by("recipe", "metric", maintain_order=True).agg(
        (pl.col("low") > 0).sum().alias("seeds higher"),
        (pl.col("high") < 0).sum().alias("seeds lower"),
        pl.len().alias("seeds"),
        pl.col("estimate").mean(),
    )
    with pl.Config(tbl_rows=-1, float_precision=4):
        print(flagged)


if __name__ == "__main__":
    main()
