"""Memory and time of an audit by the number of images: each size in a process of its own.

    python benchmarks/memory.py                      1,000 and 4,000 images, two sets of metrics
    python benchmarks/memory.py --sizes 1000 10000 --metrics default

One small model, one method, drawn images of 64 pixels, rows, maps and report on the disk.
`anonymous` is what the process itself holds at most, without pages of files; `evaluating` all that
it holds until the model is evaluated, before comparison and report. `beyond` is the processor time
of an image beyond those of the first size, without what a process takes to start.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SIZE = 64
METRICS = ("default", "road,insertion,rotation-equivariance")


class Watch(threading.Thread):
    """The most memory that the process held, in MiB, looked up 20 times a second."""

    def __init__(self, run: Path) -> None:
        super().__init__(daemon=True)
        self.records = run / "cells"  # there is one as soon as the model is evaluated
        self.most = self.evaluating = 0.0

    def run(self) -> None:
        while True:
            held = held_of("RssAnon", "VmRSS")
            self.most = max(self.most, held["RssAnon"])
            if not any(self.records.glob("*.json")):
                self.evaluating = max(self.evaluating, held["VmRSS"])
            time.sleep(0.05)


def held_of(*kinds: str) -> dict[str, float]:
    """MiB of kinds of memory of this process; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        lines = []
    words = dict(line.split(":", 1) for line in lines)
    return {kind: int(words.get(kind, "0 kB").split()[0]) / 1024 for kind in kinds}


def one(images: int, metrics: str) -> dict[str, float]:
    """Audit a small model on drawn images."""
    import keras

    from campare import ImageSet, audit

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    drawn = ImageSet.drawn(train=2, test=images, size=SIZE)
    start, busy = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(Path(folder) / "run")
        watch.start()
        audit({"small": network}, drawn, metrics=metrics.split(","), out=Path(folder) / "run")
        run = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - busy,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "anonymous": watch.most,
        "evaluating": watch.evaluating,
        "run": run / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--metrics", nargs="+", default=METRICS)
    parser.add_argument("--one", action="store_true", help="in this process, as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.sizes[0], options.metrics[0])))
        return
    for metrics in options.metrics:
        print(
            f"{metrics}\n   images  peak MiB  anonymous  evaluating  CPU ms an image  beyond"
            "  run MiB"
        )
        first: dict[int, float] = {}
        for size in options.sizes:
            command = [sys.executable, __file__, "--one", "--sizes", str(size)]
            said = subprocess.run(
                [*command, "--metrics", metrics], check=True, capture_output=True, text=True
            )
            found = json.loads(said.stdout.splitlines()[-1])
            beyond = [(found["cpu"] - cpu) / (size - less) for less, cpu in first.items()]
            first = first or {size: found["cpu"]}
            print(
                f"{size:9,} {found['peak']:9.0f} {found['anonymous']:10.0f} "
                f"{found['evaluating']:11.0f} {1000 * found['cpu'] / size:16.2f} "
                f"{f'{1000 * beyond[0]:.2f}' if beyond else '-':>7} "
                f"{found['run']:8.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
