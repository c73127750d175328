"""Build sdist and wheel, check them, and type the first page of the docs where nothing else is.

    python tools/package.py                  into dist/, tried in build/package
    python tools/package.py --extra torch    with another framework than TensorFlow
    python tools/package.py --is 0.2.0       whether what is in dist/ is that version

The page (docs/index.md) is typed line by line in an empty folder, in an environment of its own. Its
`pip install` finds the wheel in dist/, and takes the pinned versions: what the package lacks, or
what does not work as the page says, fails here.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST, HOME = ROOT / "dist", ROOT / "build" / "package"
#: Bytes that each file may have at most.
MOST = 6_000_000
#: What a wheel must hold, and what must not be in it.
NEEDED = ("campare/py.typed", "campare/training/embedded.weights.h5", "campare/report/templates/")
FOREIGN = ("tests/", "benchmarks/", "fuzz/")
PAGE = ROOT / "docs" / "index.md"
#: Versions, pinned, where the page names none.
PINS = (ROOT / "constraints.txt", ROOT / "tests" / "backends.txt")


def main() -> None:
    """Build, check, type."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--extra", default="tensorflow", choices=("tensorflow", "torch", "jax"))
    parser.add_argument("--is", dest="version", metavar="VERSION")
    options = parser.parse_args()
    if options.version:
        same = version_of(wheel()) == options.version
        sys.exit(0 if same else f"Expected {options.version}, got {wheel().name}")
    for old in DIST.glob("campare-*"):
        old.unlink()
    venv.create(HOME, with_pip=True, clear=True)
    python = str(HOME / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "build"], check=True)
    subprocess.run([python, "-m", "build", "--outdir", str(DIST), str(ROOT)], check=True)
    faults = [line for file in sorted(DIST.glob("campare-*")) for line in wrong(file)]
    if faults:
        sys.exit("\n".join(faults))
    page = PAGE.read_text("utf-8").replace("campare[tensorflow]", f"campare[{options.extra}]")
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "page.md").write_text(page, "utf-8")
        subprocess.run(
            [python, str(ROOT / "tools" / "typed.py"), "page.md"],
            cwd=empty, check=True, env=environment(options.extra),
        )  # fmt: skip


def environment(extra: str) -> dict[str, str]:
    """The variables of a person who has the new environment active, and Keras on the framework."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return {
        **kept,
        "PATH": f"{HOME / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": f"{DIST} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
        "PIP_CONSTRAINT": " ".join(map(str, PINS)),
        "KERAS_BACKEND": extra,
    }


def wheel() -> Path:
    """The wheel in dist/."""
    return next(DIST.glob("campare-*.whl"))


def version_of(file: Path) -> str:
    """The version in the name of a wheel.

    Example:
        >>> version_of(Path("campare-0.2.0-py3-none-any.whl"))
        '0.2.0'
    """
    return file.name.split("-")[1]


def wrong(file: Path) -> list[str]:
    """What is wrong with a distribution: its size, what it lacks, what does not belong to it."""
    found = [f"{file.name}: {file.stat().st_size:,} bytes, of {MOST:,} at most"]
    found = found if file.stat().st_size > MOST else []
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
        found += [f"{file.name}: {name} in it" for name in names if name.startswith(FOREIGN)]
    else:
        with tarfile.open(file) as archive:
            names = [name.partition("/src/")[2] for name in archive.getnames()]
    lacking = (each for each in NEEDED if not any(name.startswith(each) for name in names))
    return found + [f"{file.name}: no {each} in it" for each in lacking]


if __name__ == "__main__":
    main()
