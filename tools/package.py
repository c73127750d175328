"""Build sdist and wheel, check them, install the wheel in an environment of its own, and run it.

    python tools/package.py                  into dist/, tried in build/package
    python tools/package.py --is 0.2.0       whether what is in dist/ is that version

The environment has the wheel and its extra `tensorflow`, at the pinned versions, and nothing of
this folder: what the package lacks fails here.
"""

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
#: Run where nothing but the package is, from an empty folder.
TRIALS = (
    ["campare", "--version"],
    ["campare", "doctor"],
    ["campare", "data", "draw", "set", "--train", "8", "--test", "4", "--size", "32"],
    ["campare", "study", "set", "--only", "A", "--seeds", "1", "--epochs", "1", "--backbone",
     "embedded", "--metrics", "default", "--size", "32", "--out", "run"],
    ["campare", "explain", "run/models/A-0.keras", "set/test/cat/cat_00000.png", "--out", "maps"],
    ["campare", "check", "run"],
)  # fmt: skip


def main() -> None:
    """Build, check, install, run."""
    if "--is" in sys.argv:
        wanted = sys.argv[sys.argv.index("--is") + 1]
        sys.exit(0 if version_of(wheel()) == wanted else f"Expected {wanted}, got {wheel().name}")
    for old in DIST.glob("campare-*"):
        old.unlink()
    venv.create(HOME, with_pip=True, clear=True)
    python = str(HOME / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "build"], check=True)
    subprocess.run([python, "-m", "build", "--outdir", str(DIST), str(ROOT)], check=True)
    faults = [line for file in sorted(DIST.glob("campare-*")) for line in wrong(file)]
    if faults:
        sys.exit("\n".join(faults))
    subprocess.run(
        [*install, f"{wheel()}[tensorflow]", "-c", str(ROOT / "constraints.txt")], check=True
    )
    with tempfile.TemporaryDirectory() as empty:
        for command in TRIALS:
            print("$", *command, flush=True)
            subprocess.run([str(HOME / "bin" / command[0]), *command[1:]], cwd=empty, check=True)


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
