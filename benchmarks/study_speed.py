"""Training the frozen arms of a study with what cells share, against plain `model.fit` for each.

    python benchmarks/study_speed.py DATA [--seeds 5] [--size 128] [--epochs 0] [--backbone NAME]
    python benchmarks/study_speed.py drawn --whole [--seeds 3] [--size 96]

DATA is a folder of images, or `drawn`. Model B is frozen and sees images as they are, so that its
backbone runs once an image for all seeds; C sees other pixels in every epoch, and has nothing to
share. Both ways in turn in one process, after one training that warms up; times as ratios.

`--whole` times the study `article`: each cell by a command of its own, then one after the other
in one process, then in two that overlap, and says whether their rows are equal.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from campare import ImageSet
from campare.training import fit
from campare.training.cache import FeatureCache
from campare.training.recipes import article


def seconds(
    recipe, images, seeds: int, cache: FeatureCache | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Seconds, on the clock and of processors, and what each model says of some images."""
    spent, said = np.zeros(2), []
    for seed in range(seeds):
        start = np.array([time.perf_counter(), time.process_time()])
        model = fit.train(recipe, images, seed=seed, cache=cache).model
        spent += [time.perf_counter(), time.process_time()] - start
        said.append(np.asarray(model(images.images[:8])))
        fit.release()
    return spent, said


def whole(options: argparse.Namespace) -> None:
    """Print how long the study takes in three ways."""
    common = [options.data, "--backbone", options.backbone, "--seeds", str(options.seeds)]
    common += [
        "--size",
        str(options.size),
        *(["--epochs", str(options.epochs)] * (options.epochs > 0)),
    ]
    cells = [["--cells", str(number)] for number in range(4 * options.seeds)]
    ways = {
        "a command for each cell": cells,
        "one process": [[]],
        "two that overlap": [["--engine", "local(jobs=2, overlap=True)"]],
    }
    with tempfile.TemporaryDirectory() as folder:
        taken, rows = {}, {}
        for name, calls in ways.items():
            out = Path(folder) / str(len(taken))
            wall, cpu = time.perf_counter(), _cpu()
            for more in calls:
                command = [sys.executable, "-m", "campare", "study", *common, "--out", out, *more]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            taken[name] = time.perf_counter() - wall
            rows[name] = pl.read_parquet(out / "scores" / "*.parquet")
            first = next(iter(taken))
            equal = "equal" if rows[name].equals(rows[first]) else "NOT EQUAL"
            print(
                f"{name}: {taken[name]:.0f} s, {_cpu() - cpu:.0f} s of processors, "
                f"{taken[first] / taken[name]:.2f} x, rows {equal}",
                flush=True,
            )


def _cpu() -> float:
    """Seconds that commands took of all processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print a line for each arm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=0, help="0: as the recipes have them")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    parser.add_argument("--whole", action="store_true", help="the whole study `article`")
    options = parser.parse_args()
    if options.whole:
        whole(options)
        return
    data = ImageSet.drawn() if options.data == "drawn" else ImageSet.from_folder(options.data)
    images = data.load("train", options.size)
    arms = article(backbone=options.backbone, weights=options.weights)
    arms = [replace(arm, epochs=options.epochs or arm.epochs) for arm in arms]
    seconds(replace(arms[0], epochs=1), images, 1, None)
    for arm in (arm for arm in arms if arm.trainable == "head"):
        plain, without = seconds(arm, images, options.seeds, None)
        shared, with_cache = seconds(arm, images, options.seeds, FeatureCache())
        apart = max(float(np.abs(a - b).max()) for a, b in zip(without, with_cache, strict=True))
        print(
            f"{arm.name}: {options.seeds} seeds, {arm.epochs} epochs, {len(images.labels)} images: "
            f"{plain[0]:.1f} s with model.fit for each, {shared[0]:.1f} s sharing, "
            f"{plain[0] / shared[0]:.1f} x; of processors {plain[1]:.1f} s, {shared[1]:.1f} s, "
            f"{plain[1] / shared[1]:.1f} x; probabilities differ by {apart:.1e} at most",
            flush=True,
        )


if __name__ == "__main__":
    main()
