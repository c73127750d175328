"""How long a map takes, as a ratio to the fastest plain forward pass on the same machine.

    python benchmarks/cam_speed.py                      every backend that is installed
    python benchmarks/cam_speed.py --backend torch --model mobilenet --write

For each backend and model a process of its own builds the model with random weights and times, in
turn: plain forward passes, campare, and the peers that are installed (benchmarks/peers.txt). `make
bench` runs all of it; `make bench PEERS=1` installs the peers first, into build/peers.
"""

import argparse
import json
import os
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
            console.print(f"{backend}: not measured, it needs {BACKENDS[backend]}. Try: PEERS=1")
            continue
        for model in options.model:
            section = _measure(backend, model, options)
            console.print(*table.rich_tables(section))
            if options.write:
                _write(section, options)


#: What hides GPUs from all backends.
HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--python", type=os.path.abspath, default=sys.executable, help="whose libraries to measure"
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu"),
        default="auto",
        help="cpu: hide all GPUs; auto: use one",
    )
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
        env={**os.environ, **(HIDDEN if options.device == "cpu" else {})},
    )
    return table.read(backend, model, options.batch, json.loads(run.stdout))


def _write(section: table.Section, options: argparse.Namespace) -> None:
    versions = ", ".join(f"{name} {number}" for name, number in section.versions.items())
    heading = f"{date.today()}, {machine.describe()}; {versions}; {options.rounds} rounds."
    text = RESULTS.read_text("utf-8") if RESULTS.is_file() else INTRODUCTION
    RESULTS.write_text(table.replaced(text, section, table.markdown(section, heading)), "utf-8")


INTRODUCTION = """# How long a map takes

Written by `make bench WRITE=1`; figures are not edited by hand. ResNet50 and MobileNet (on torch,
torchvision's ResNet50 and MobileNetV2) with random weights, 224 x 224 pixels, 1000 classes.
Everybody had the same weights and images and explained the same class.

- *ratio*: to the fastest plain forward pass of the same backend. In a round everybody runs once, in
  an order drawn anew; the ratio is the median over rounds, with its quartiles and the least.
  Each table is a group of its own, beside the forward pass that was fastest in the first.
- *ms*, *images/s*: for an image; for Score-CAM and Ablation-CAM, for one of the forward passes that
  they need, one a channel of an early layer.
- *first run*: with all that is compiled. Compiled code that torch keeps on disk makes it shorter.
- *agrees*: the least correlation of a peer's map with campare's, pooled to the size of the layer,
  over the images whose map is not empty.
- *limits*: of the same thing with and without `compile=True`, the faster is held to its limit.

bfloat16 is measured only where the processor has units for it; no accelerator was measured.
"""


if __name__ == "__main__":
    main()
