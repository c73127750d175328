"""How long a map takes, as a ratio to the fastest plain forward pass on the same machine.

    python benchmarks/cam_speed.py                      every backend that is installed
    python benchmarks/cam_speed.py --backend torch --model mobilenet --write

For each backend and model a process of its own builds the model with random weights and times, in
turn: plain forward passes, campare, and the peers that are installed (benchmarks/peers.txt). `make
bench` runs all of it; `make bench PEERS=1` installs the peers first, into build/peers.
"""

import argparse
import json
import subprocess
import sys
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from speed import machine, table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torchvision"}
MODELS = ("resnet50", "mobilenet")


def main() -> None:
    """Measure, print, and with --write put the tables into RESULTS.md."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(machine.describe())
    for backend in options.backend:
        if not _installed(options.python, BACKENDS[backend]):
            console.print(f"{backend}: {BACKENDS[backend]} is not installed, not measured")
            continue
        for model in options.model:
            section = _measure(backend, model, options)
            console.print(*table.rich_tables(section))
            console.print("\n".join(table.verdicts(section)))
            if options.write:
                _write(section, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--python", default=sys.executable, help="of the environment to measure in")
    parser.add_argument("--write", action="store_true", help=f"write into {RESULTS.name}")
    return parser.parse_args()


def _installed(python: str, module: str) -> bool:
    if python == sys.executable:
        return find_spec(module) is not None
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def _measure(backend: str, model: str, options: argparse.Namespace) -> table.Section:
    numbers = ["--batch", str(options.batch), "--rounds", str(options.rounds)]
    run = subprocess.run(
        [options.python, "-m", "speed.worker", backend, model, *numbers],
        cwd=HERE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return table.read(backend, model, options.batch, json.loads(run.stdout))


def _write(section: table.Section, options: argparse.Namespace) -> None:
    versions = ", ".join(f"{name} {number}" for name, number in section.versions.items())
    heading = [
        f"{date.today()}, {machine.describe()}; {versions}.",
        f"Random weights, 224 x 224 pixels, {options.rounds} rounds. No accelerator was measured.",
    ]
    text = RESULTS.read_text("utf-8") if RESULTS.is_file() else INTRODUCTION
    RESULTS.write_text(table.replaced(text, section, table.markdown(section, heading)), "utf-8")


INTRODUCTION = """# How long a map takes

Written by `make bench WRITE=1`; figures are not edited by hand. A ratio is to the fastest plain
forward pass of the same backend in the same run: the median over rounds in which everybody ran
once, in an order drawn anew, with the quartiles and the minimum. Everybody had the same weights and
images and explained the same class. *Agrees* is the lowest correlation of a peer's map with
campare's, pooled to the size of the layer. *First run* includes what is compiled.
"""


if __name__ == "__main__":
    main()
