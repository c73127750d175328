"""Execute the tutorials as notebooks, with their outputs, into build/notebooks: `make notebooks`.

    python -m tools.notebooks [--out build/notebooks] [--only 1_first_maps ...]

The tutorials are scripts with cells (docs/tutorials, jupytext's percent format), so that they are
read, linted and tested as code. An error in a cell ends the command.
"""

import argparse
import re
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Execute each tutorial and say how long it took."""
    tutorials = sorted((ROOT / "docs" / "tutorials").glob("*.py"))
    names = [path.stem for path in tutorials]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "notebooks")
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for path in tutorials:
        if path.stem in options.only:
            print(f"{path.stem}: {executed(path, options.out):.0f} s", flush=True)


def executed(path: Path, out: Path) -> float:
    """Write the notebook of a tutorial with what its cells give; seconds that they took."""
    start = time.perf_counter()
    notebook = jupytext.read(path)
    notebook = NotebookClient(notebook, timeout=3600, kernel_name="python3").execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if not chatter(one)]
    nbformat.write(notebook, out / f"{path.stem}.ipynb")
    return time.perf_counter() - start


def chatter(output: Any) -> bool:
    """Whether an output is nothing but what TensorFlow says of itself when it starts."""
    lines = output.text.splitlines() if output.get("name") == "stderr" else [""]
    return all(re.match(r"[IW]0000 |WARNING: All log messages", line) for line in lines)


if __name__ == "__main__":
    main()
