"""Pin what the extras tensorflow, formats, medical and dev install, the same for pip and for uv.

    python tools/pins.py            read `pip freeze --all` of this environment and write both lists
    python tools/pins.py --check    say whether the two lists agree; exit 1 where they don't

pip reads constraints.txt; uv reads `constraint-dependencies` in pyproject.toml. Run it by
`make pins`, which makes a clean environment first.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP_LIST = ROOT / "constraints.txt"
UV_LIST = ROOT / "pyproject.toml"
HEAD = (
    "# What the extras tensorflow, formats, medical and dev install, by `make pins`; "
    "uv's copy: pyproject.toml.\n"
)
UV_BLOCK = re.compile(r"(?<=^constraint-dependencies = \[\n).*?(?=^\]$)", re.MULTILINE | re.DOTALL)


def frozen() -> list[str]:
    """The packages of this environment as `name==version`; campare and pip left out."""
    freeze = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "freeze",
            "--all",
            "--exclude",
            "campare",
            "--exclude",
            "pip",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    pins = dict(line.split("==") for line in freeze.stdout.split() if "==" in line)
    names = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    # The CPU wheel exists on Linux x86-64 only; elsewhere its twin is installed.
    names["tensorflow"] = names.setdefault("tensorflow-cpu", names.get("tensorflow", ""))
    return [f"{name}=={version}" for name, version in sorted(names.items())]


def pip_pins() -> list[str]:
    """The pins in constraints.txt."""
    return [line for line in PIP_LIST.read_text().splitlines() if line and line[0] != "#"]


def uv_pins() -> list[str]:
    """The pins in pyproject.toml."""
    pins: list[str] = tomllib.loads(UV_LIST.read_text())["tool"]["uv"]["constraint-dependencies"]
    return pins


def write(pins: list[str]) -> None:
    """Put `pins` into both files."""
    block = "".join(f'    "{pin}",\n' for pin in pins)
    PIP_LIST.write_text(HEAD + "".join(f"{pin}\n" for pin in pins))
    UV_LIST.write_text(UV_BLOCK.sub(lambda _: block, UV_LIST.read_text(), count=1))


def differences() -> list[str]:
    """Pins that only one of the two lists has."""
    return sorted(set(pip_pins()) ^ set(uv_pins()))


if __name__ == "__main__":
    if "--check" not in sys.argv:
        write(frozen())
    if differences():
        sys.exit(f"Expected equal pins for pip and uv, got {differences()}. Try: make pins")
