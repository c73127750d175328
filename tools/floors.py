"""The oldest versions that pyproject.toml allows: install them, run tests on them, write them down.

    python tools/floors.py          into build/floors, then tests/floors.txt
    python tools/floors.py --list   what would be installed

tests/test_floors.py compares pyproject.toml with tests/floors.txt: a floor that changes has to be
tried.
"""

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRIED = ROOT / "tests" / "floors.txt"
HOME = ROOT / "build" / "floors"

#: Tests that need neither a browser nor other backends, and touch every dependency.
TESTS = (
    "tests/data/test_folder.py", "tests/data/test_masks.py", "tests/data/test_decode.py",
    "tests/test_yamlfile.py", "tests/test_untrusted.py", "tests/models/loaders/test_keras_files.py",
    "tests/stats/test_compare.py", "tests/report/writers/test_html.py",
)  # fmt: skip


def floors() -> list[str]:
    """`name==version` of what campare needs, of TensorFlow and of what its tests need.

    Example:
        >>> floors()[0].partition("==")[0]
        'hypothesis'
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["tensorflow"][:1]]
    wanted += [line for line in extras["dev"] if line.startswith(("hypothesis", "pytest"))]
    wanted = [line for line in wanted if not line.startswith("pytest-cov")]  # tests nothing
    found = [re.match(r"([\w-]+)>=([\w.]+)", line) for line in wanted]
    return sorted(f"{match[1]}=={match[2]}" for match in found if match)


def main() -> None:
    """Install, test, write."""
    if "--list" in sys.argv:
        print("\n".join(floors()))
        return
    venv.create(HOME, with_pip=True, clear=True)
    python = HOME / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *floors()], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "-e", ROOT], check=True)
    # Old versions say that newer Python deprecates what they use: no errors here.
    subprocess.run(
        [python, "-m", "pytest", "-o", "filterwarnings=default", *TESTS],
        cwd=ROOT, check=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    TRIED.write_text("\n".join(floors()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
