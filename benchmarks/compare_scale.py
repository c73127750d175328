"""Time and memory of `campare compare` and `campare report` by the number of rows.

    python benchmarks/compare_scale.py                      10 million rows of 100,000 images
    python benchmarks/compare_scale.py --images 10000 --arms 4 --seeds 5 --keep runs/large

A run is generated with valid seals: random values of the default metrics of drawn images, with
controls. Each command is then run in a process of its own. `anonymous` is what the process itself
holds at most, without pages of files.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from campare.data import Images
from campare.runs.kept import KEPT, kept
from campare.runs.manifest import Manifest, provenance
from campare.runs.run import Cell, Run
from campare.types import SCORE_COLUMNS

CLASSES = tuple(f"class {i}" for i in range(10))
METHODS = ("grad-cam", "uniform", "centre", "edge")
METRICS = ("energy", "pointing-game", "iou", "entropy", "gini", "area-50")
SIZE, GRID = 64, (7, 7)


def write(path: Path, arms: int, seeds: int, images: int) -> int:
    """Generate a run in `path`; returns how many rows it has."""
    names = [f"{CLASSES[i % len(CLASSES)]}/{i:07}.png" for i in range(images)]
    label = pl.Series([CLASSES[i % len(CLASSES)] for i in range(images)])
    recipes = [{"name": chr(ord("A") + arm)} for arm in range(arms)]
    data = {
        "name": "generated",
        "fingerprint": "0",
        "classes": list(CLASSES),
        "counts": {"test": dict(Counter(label))},
    }
    config = {"size": SIZE, "methods": ["grad-cam"], "kept": KEPT}
    run = Run.create(
        path,
        Manifest(
            **{**provenance(), "command": []}, data=data, recipes=recipes, seeds=range(seeds),
            config=config,
        ),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    which = kept(images, KEPT)
    pictures = rng.integers(256, size=(len(which), 8, 8, 3), dtype=np.uint8)
    pictures = pictures.repeat(SIZE // 8, axis=1).repeat(SIZE // 8, axis=2)
    some = tuple(names[i] for i in which)
    run.write_images(Images(pictures, which % len(CLASSES), some, {}, CLASSES))
    rows = 0
    for arm, recipe in enumerate(recipes):
        for seed in range(seeds):
            cell = Cell(recipe["name"], seed)
            maps = rng.random((len(which), *GRID), np.float32)
            run.write_maps(cell, {"grad-cam": maps})
            hits = rng.random(images) < 0.8
            guess = pl.Series(rng.permutation(label.to_numpy()))
            said = np.where(hits, label.to_numpy(), guess.to_numpy())
            own = pl.DataFrame({"image": names, "label": label, "prediction": said}).with_columns(
                target=pl.col("label"), group=pl.lit(None, pl.String), recipe=pl.lit(cell.recipe),
                seed=pl.lit(seed, pl.Int64), split=pl.lit("test"), status=pl.lit("ok"),
            )  # fmt: skip
            told = [("-", "-", "correct"), ("-", "-", "confidence")]
            told += [(method, "top", f"{name}{pooled}") for method in METHODS for name in METRICS
                     for pooled in ("", "@matched")]  # fmt: skip
            frames = [
                own.with_columns(
                    method=pl.lit(method), layer=pl.lit(layer), metric=pl.lit(metric),
                    value=hits if metric == "correct" else rng.random(images) + 0.01 * arm,
                ).with_columns(pl.col("value").cast(pl.Float64)).select(SCORE_COLUMNS)
                for method, layer, metric in told
            ]  # fmt: skip
            table = pl.concat(frames)
            rows += table.height
            run.write_scores(cell, table)
            facts = {"accuracy": float(hits.mean()), "layer": "top", "grids": {"grad-cam": GRID}}
            run.record(cell, **facts)
    run.write_manifest()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--arms", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="a new folder for the run, which stays")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "run"
        if not path.exists():
            rows = write(path, options.arms, options.seeds, options.images)
            print(f"{rows:,} rows, {size(path):,.1f} MB")
        (path / "outputs.json").unlink(missing_ok=True)  # so that it is compared anew
        for verb in ("compare", "report"):
            print(verb, measured(["-m", "campare", verb, str(path)]))
        print(f"report {(path / 'report.html').stat().st_size / 1e6:.1f} MB")


def size(path: Path) -> float:
    """MB of the files in a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


def measured(command: list[str]) -> str:
    """Seconds, those of the processors, and memory of a command of Python's."""
    start, before = time.perf_counter(), os.times()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL) as process:
        most = 0.0
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    now = os.times()
    busy = now.children_user + now.children_system - before.children_user - before.children_system
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return (
        f"{time.perf_counter() - start:.1f} s, {busy:.1f} s of processors, "
        f"peak {peak:.0f} MiB, anonymous {most:.0f} MiB"
    )


def anonymous(process: int) -> float:
    """MiB of memory of a process that is no file's; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(found[0]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
