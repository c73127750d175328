"""Where the time of `make demo` goes, phase by phase, beside the demo as it was before claims.

    python benchmarks/demo_time.py [--seeds 3] [--only after]

Each is a command of its own, as `make demo` gives it, into a new folder and with an empty cache of
pictures. Cells overlap, so that their phases add up to more than the wall time between.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from campare import compare
from campare.runs.run import Run

#: The options of the demo that differ.
WAYS = {
    "before": ["--metrics", "default"],  # 600 images of 96 pixels
    "after": ["--train", "2200", "--size", "64"],
}
COMMAND = ["study", "drawn", "--recipes", "article", "--backbone", "embedded"]
ENGINE = ["--jobs", "2"]


def timed(options: list[str], folder: Path) -> tuple[Run, list[tuple[str, float]], float]:
    """The run, (line, seconds since the start) of what it said, and seconds of processors."""
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    words = [sys.executable, "-m", "campare", *COMMAND, *options, "--out", folder / "run", *ENGINE]
    before, start, said = _cpu(), time.perf_counter(), []
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        said = [(line.strip(), time.perf_counter() - start) for line in process.stdout]
    said.append(("end", time.perf_counter() - start))
    return Run.open(folder / "run"), said, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def show(name: str, run: Run, said: list[tuple[str, float]], cpu: float) -> None:
    """Print the phases of a run, its accuracies, and the verdicts on its claims."""
    first = next(at for line, at in said if ": cell 1 of" in line)
    last = next(at for line, at in said if line.startswith("Comparing"))
    end = said[-1][1]
    print(f"{name}: {end:.0f} s, {cpu:.0f} s of processors")
    print(f"  begin, read options, build and try networks, draw pictures  {first:6.1f} s")
    print(f"  cells                                                       {last - first:6.1f} s")
    for arm in run.recipes:
        cells = [one for one in run.manifest.cells.values() if one.recipe == arm]
        train, measure = (
            " ".join(f"{getattr(one, what):5.1f}" for one in cells)
            for what in ("train_seconds", "measure_seconds")
        )
        accuracy = " ".join(f"{one.accuracy:.3f}" for one in cells)
        print(f"    {arm}: train {train}; measure {measure}; accuracy {accuracy}")
    print(f"  compare, report                                             {end - last:6.1f} s")
    for line, _ in said:
        if line.startswith(("About", "Cost")) or "passes of images" in line:
            print(f"  said before: {line}")
    claims = compare(run).claims.select("claim", "verdict", "estimate", "low", "high")
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
        print(claims)


def main() -> None:
    """Time both, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="3")
    parser.add_argument("--only", choices=WAYS)
    options = parser.parse_args()
    for name, more in WAYS.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                show(name, *timed([*more, "--seeds", options.seeds], Path(folder)))


if __name__ == "__main__":
    main()
