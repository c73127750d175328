"""Time and memory of compare() on a large table: 5 arms x 10 seeds x 5000 images x 20 metrics.

python benchmarks/comparison_speed.py
"""

import resource
import time

import numpy as np
import polars as pl

from campare.stats.compare import compare
from campare.types import NEEDED_COLUMNS

ARMS, SEEDS, IMAGES = "ABCDE", 10, 5000
METRICS = ["energy", "energy@matched", "focus@matched", "edge-alignment@matched"]
METRICS += [f"metric-{i}" for i in range(16)]


def cell(recipe: str, seed: int, rng: np.random.Generator) -> pl.DataFrame:
    image = np.char.add("test/class/image_", np.arange(IMAGES).astype(str))
    value = rng.normal(size=(len(METRICS), IMAGES))
    undefined = rng.random(value.shape) < 0.01 * (np.arange(len(METRICS)) % 3)[:, None]
    told = np.where(rng.random(IMAGES) < 0.8, "a", "b")
    words = {
        "recipe": recipe, "seed": seed, "split": "test", "label": "a",
        "target": "a", "method": "grad-cam", "layer": "top",
    }  # fmt: skip
    frame = pl.DataFrame(
        {
            "image": np.tile(image, len(METRICS)),
            "metric": np.repeat(METRICS, IMAGES),
            "prediction": np.tile(told, len(METRICS)),
            "value": value.ravel(),
            "status": np.where(undefined, "flat", "ok").ravel(),
        }
    )
    return frame.with_columns(pl.lit(v).alias(k) for k, v in words.items()).select(NEEDED_COLUMNS)


def main() -> None:
    rng = np.random.default_rng(0)
    table = pl.concat(cell(a, s, rng) for a in ARMS for s in range(SEEDS))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start, busy = time.perf_counter(), time.process_time()
    found = compare(table)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{table.height} rows, {table.estimated_size('gb'):.2f} GB; "
        f"{found.effects.height} effects, {found.factors.height} factors, "
        f"{found.sensitivity.height} sensitivity analyses"
    )
    print(f"{seconds:.1f} s ({busy:.1f} s of CPU), peak {peak:.2f} GiB, {before:.2f} before")


if __name__ == "__main__":
    main()
