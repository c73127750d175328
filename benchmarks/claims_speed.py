"""What measuring the article's claims on one arm costs, in bare forward passes of its network.

    python benchmarks/claims_speed.py [--images 200] [--size 96] [--pairs 3] [--metrics claims]

Drawn images and the article's model B on the embedded backbone. Everything that the claims are
about is measured on one model; then the network answers as many images as that took passes, in
batches of the same size, and nothing else is done. In turn, after one of each that warms up: ratios
of the seconds of processors, which other work on the machine hardly changes, and of those on the
clock. Half of the passes are tapped: they compute a map besides. `--profile` says where time goes.
"""

import argparse
import cProfile
import pstats
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from rich.console import Console

from campare import ImageSet
from campare.attribution.method import METHODS
from campare.experiments.evaluate import Terms, evaluate
from campare.experiments.evaluated import Evaluated, evaluated
from campare.experiments.heap import keep_freed
from campare.experiments.inputs import InputsBySize, regions_of_test
from campare.experiments.progress import Live
from campare.experiments.selection import select
from campare.runs.run import Cell
from campare.training import fit
from campare.training.cache import FeatureCache
from campare.training.recipes import article

BATCH = 32


def spent(do: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processors and on the clock."""
    busy, clock = time.process_time(), time.perf_counter()
    do()
    return time.process_time() - busy, time.perf_counter() - clock


def bare(model: Evaluated, images: np.ndarray, passes: int) -> None:
    """Nothing but forward passes."""
    for start in range(0, passes, BATCH):
        model.classifier.predict(images[: min(BATCH, passes - start)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--metrics", nargs="+", default=["claims"])
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    keep_freed()  # as a study does, for the passes alone, too
    data = ImageSet.drawn(train=100, test=options.images, size=options.size)
    recipe = article(backbone="embedded")[1]
    network = fit.train(
        replace(recipe, epochs=5), data.load("train", options.size), seed=0, cache=FeatureCache()
    ).model
    model = evaluated(
        "B", network, data.class_names, layer=None, layer_grid=None, size=options.size,
        pixels=None, classes=None, target="label", batch_size=BATCH, seed=0,
    )  # fmt: skip
    metrics = select(options.metrics, regions_of_test(data), {}, known=True).metrics
    inputs = InputsBySize(data, metrics, {}, Live(Console(quiet=True))).of(
        (options.size, options.size)
    )
    terms = Terms((METHODS["grad-cam"],), "label", "test", 0)
    passes: dict[str, int] = {}

    def count(said: str) -> None:
        stage, _, number = said.removesuffix(" passes").rpartition(", ")
        passes[stage] = int(number.replace(",", ""))

    measured = partial(evaluate, model, inputs, terms, Cell("B", 0), count)
    measured()
    total = max(passes.values())
    print(f"{len(metrics)} metrics, {options.images} images of {options.size}: {total:,} passes")
    ready = model.prepare(inputs.images.images[:BATCH])
    bare(model, ready, 4 * BATCH)
    ratios = []
    for _ in range(options.pairs):
        (busy, clock), (own, own_clock) = spent(measured), spent(lambda: bare(model, ready, total))
        ratios.append(busy / own)
        print(
            f"claims {busy:.2f} s of processors ({clock:.2f} s), passes alone {own:.2f} s "
            f"({own_clock:.2f} s): {busy / own:.2f} x ({clock / own_clock:.2f} x)",
            flush=True,
        )
    print(f"median: {statistics.median(ratios):.2f} x its bare forward passes")
    if options.profile:
        with cProfile.Profile() as profile:
            measured()
        found = pstats.Stats(profile)
        found.sort_stats("tottime").print_stats(40)
        found.sort_stats("cumulative").print_stats("campare", 60)
        found.print_callers("collect")


if __name__ == "__main__":
    main()
