"""Do intervals still cover where seeds share the augmented views that a frozen backbone sees?

    python benchmarks/shared_views.py [--sets 30] [--seeds 3]

Many small studies of the article's B and C on drawn images: in each, seeds of C share one set of
views, drawn anew for every study, and the same number of trainings draw their own. Printed are the
variance of a measure's mean between trainings, taken apart into sets and seeds, and how often the
interval of C - B holds the difference of all trainings that drew their own.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np
import polars as pl
from rich.console import Console

from campare import ImageSet, compare
from campare.attribution.method import METHODS
from campare.experiments.evaluate import Terms, evaluate
from campare.experiments.evaluated import evaluated
from campare.experiments.inputs import InputsBySize, regions_of_test
from campare.experiments.progress import Live
from campare.experiments.selection import select
from campare.runs.run import Cell
from campare.training import fit
from campare.training.cache import FeatureCache
from campare.training.recipes import article
from campare.training.views import Views

METRICS = ["energy", "pointing-game", "average-precision", "focus", "entropy"]
PLAIN, OWN, SHARED = "B", "C, own views", "C, shared views"


@contextmanager
def drawn_anew(number: int) -> Iterator[None]:
    """Rounds of views that no other number has."""
    first = Views.round

    def later(self: Views, epoch: int) -> np.ndarray:
        return first(self, 1000 * (number + 1) + epoch)

    with mock.patch.object(Views, "round", later):
        yield


def measurer(data: ImageSet, size: int) -> Callable[[object, str, int], pl.DataFrame]:
    """A function (model, arm, seed) -> rows."""
    metrics = select(METRICS, regions_of_test(data), {}, known=True).metrics
    inputs = InputsBySize(data, metrics, {}, Live(Console(quiet=True))).of((size, size))
    terms = Terms((METHODS["grad-cam"],), "label", "test", 0)

    def measured(model: object, arm: str, seed: int) -> pl.DataFrame:
        wrapped = evaluated(
            arm, model, data.class_names, layer=None, layer_grid=None, size=size, pixels=None,
            classes=None, target="label", batch_size=32, seed=0,
        )  # fmt: skip
        return evaluate(wrapped, inputs, terms, Cell(arm, seed), lambda _: None).table.frame()

    return measured


def study(
    number: int, data: ImageSet, given: argparse.Namespace, measured: Callable[..., pl.DataFrame]
) -> pl.DataFrame:
    """The rows of `seeds` trainings of each kind."""
    _, plain, augmented, _ = article(backbone="embedded")
    images, cache, rows = data.load("train", given.size), FeatureCache(), []
    with drawn_anew(number):
        for i in range(given.seeds):
            train = partial(fit.train, images=images, seed=number * given.seeds + i)
            for arm, recipe, kept in (
                (PLAIN, plain, cache),
                (OWN, replace(augmented, views="own"), None),
                (SHARED, augmented, cache),
            ):
                model = train(replace(recipe, epochs=given.epochs), cache=kept).model
                rows.append(measured(model, arm, i))
            fit.release()
            cache.heads.clear()
    return pl.concat(rows).with_columns(set=pl.lit(number))


def components(means: np.ndarray) -> tuple[float, float, float]:
    """Of means (sets, seeds): the variances between sets and between seeds, and the F of sets."""
    seeds = means.shape[1]
    within = means.var(1, ddof=1).mean()
    between = seeds * means.mean(1).var(ddof=1)
    return max(0.0, (between - within) / seeds), within, between / within


def show(rows: pl.DataFrame, seeds: int) -> None:
    """Print variances and coverage of each measure."""
    means = (
        rows.filter(pl.col("status") == "ok")
        .group_by("metric", "recipe", "set", "seed")
        .agg(pl.col("value").mean())
        .sort("set", "seed")
    )
    sets = rows["set"].n_unique()
    studies = [compare(rows.filter(pl.col("set") == k).drop("set"), contrasts=[(SHARED, PLAIN)])
               for k in range(sets)]  # fmt: skip
    for metric in means["metric"].unique(maintain_order=True):
        by = {
            arm: means.filter((pl.col("metric") == metric) & (pl.col("recipe") == arm))["value"]
            .to_numpy()
            .reshape(sets, seeds)
            for arm in (PLAIN, OWN, SHARED)
        }
        truth = by[OWN].mean() - by[PLAIN].mean()
        effects = [
            one.effects.filter(pl.col("metric") == metric).row(0, named=True) for one in studies
        ]
        held = sum(one["low"] <= truth <= one["high"] for one in effects)
        print(f"{metric}: C - B {truth:+.4f}, in {held} of {sets} intervals")
        for arm in (OWN, SHARED):
            between, within, ratio = components(by[arm])
            print(
                f"    {arm:16} sd of seeds {within**0.5:.4f}, of sets {between**0.5:.4f}, "
                f"F {ratio:.2f}, all {by[arm].std(ddof=1):.4f}"
            )


def main() -> None:
    """Run all studies and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (
        ("sets", 30), ("seeds", 3), ("train", 300), ("test", 60), ("size", 48), ("epochs", 10)
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    data = ImageSet.drawn(train=given.train, test=given.test, size=given.size)
    measured = measurer(data, given.size)
    rows = []
    for number in range(given.sets):
        rows.append(study(number, data, given, measured))
        print(f"study {number + 1} of {given.sets}", flush=True)
    show(pl.concat(rows), given.seeds)


if __name__ == "__main__":
    main()
