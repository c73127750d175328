"""`campare doctor`: what of campare works on this machine, what is missing, and how to get it.

Each framework is tried in a process of its own: one that is broken says so, and harms nothing.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal

from typer import Exit

from campare.cli.options import Json
from campare.cli.terminal import show, table, terminal

State = Literal["works", "fails", "missing", "note"]

#: What each framework says of its devices, as a program of its own.
DEVICES = {
    "tensorflow": "import tensorflow as tf\n"
    "print(*(device.name.split(':', 1)[1] for device in tf.config.list_physical_devices()))",
    "jax": "import jax\nprint(*jax.devices())",
    "torch": "import torch\n"
    "gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]\n"
    "print('cpu', *gpus, *['mps'] * torch.backends.mps.is_available())",
}
KERAS = "import keras\nprint(keras.__version__, 'on', keras.backend.backend())"
SECONDS = 120.0
#: A requirement of an extra: its name, what it asks for, the extra.
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(\[.*?\])?(?P<versions>[^;]*).*extra == .(?P<extra>\w+)"
)
_STYLES = {"works": "green", "fails": "red", "missing": "yellow"}


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: what it is, whether it works, what was found, what would help."""

    what: str
    state: State
    found: str
    advice: str = ""


def doctor(as_json: Json = False) -> None:
    """Say what works on this machine, what is missing, and how to get it.

    Exit status 0: models can be trained and explained; 1: no framework works.
    """
    from rich.text import Text

    found = list(findings())
    if as_json:
        show([asdict(each) for each in found], as_json=True)
    else:
        rows = table("what", "state", "found", "try")
        for each in found:
            rows.add_row(*map(Text, asdict(each).values()), style=_STYLES.get(each.state, ""))
        terminal().print(rows, highlight=False)
    if not any(each.state == "works" and each.what in DEVICES for each in found):
        raise Exit(1)


def findings() -> Iterator[Finding]:
    """All that is found, in order: the machine, frameworks, Keras, extras, a browser, folders."""
    from campare import __version__

    yield Finding("campare", "note", f"{__version__}, Python {sys.version.split()[0]}")
    yield _machine()
    for name in DEVICES:
        yield _framework(name)
    yield _keras()
    yield from _extras()
    yield _browser()
    yield _cache()


def _machine() -> Finding:
    from campare.runs.conditions import machine

    words = ", ".join(f"{key} {value}" for key, value in machine().items())
    return Finding("machine", "note", words)


def _framework(name: str) -> Finding:
    """A framework, and the devices that it sees."""
    there = _version(name) or _version(f"{name}-cpu")
    advice = f"pip install 'campare[{name}]'"
    if there is None:
        return Finding(name, "missing", "not installed", advice)
    said, fails = _run(DEVICES[name])
    if fails:
        return Finding(name, "fails", f"{there}: {fails}", advice)
    return Finding(name, "works", f"{there} on {said}")


def _run(program: str) -> tuple[str, str]:
    """What a program prints in a process of its own, and why it fails; "": it does not."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer in {SECONDS:g} s"
    if done.returncode == 0:
        return done.stdout.strip(), ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return "", lines[-1] if lines else f"exit status {done.returncode}"


def _keras() -> Finding:
    """Keras, and the framework that it computes with."""
    said, fails = _run(KERAS)
    if not fails:
        return Finding("keras", "works", said)
    installed = [name for name in DEVICES if _version(name) or _version(f"{name}-cpu")]
    advice = f"KERAS_BACKEND={installed[0]}" if installed else "pip install 'campare[tensorflow]'"
    return Finding("keras", "fails", f"{_version('keras')}: {fails}", advice)


def _extras() -> Iterator[Finding]:
    """Each extra but those of the frameworks, and of it what is not installed."""
    needed: dict[str, list[str]] = {}
    for line in requires("campare") or ():
        if parts := _REQUIREMENT.match(line):
            needed.setdefault(parts["extra"], []).append(parts["name"])
    for extra, names in needed.items():
        if extra in (*DEVICES, "cuda", "dev"):
            continue
        others = [name for name in names if name != "campare"]
        absent = [name for name in others if _version(name) is None]
        if absent:
            words = f"not installed: {', '.join(absent)}"
            yield Finding(f"extra {extra}", "missing", words, f"pip install 'campare[{extra}]'")
        else:
            words = ", ".join(f"{name} {_version(name)}" for name in others)
            yield Finding(f"extra {extra}", "works", words)


def _browser() -> Finding:
    """What prints reports as PDF."""
    from campare.errors import MissingExtraError
    from campare.report.writers.pdf import find_browser

    try:
        return Finding("PDF reports", "works", find_browser())
    except MissingExtraError:
        return Finding("PDF reports", "missing", "no Chromium or Chrome", "apt install chromium")


def _cache() -> Finding:
    """The folder outside of runs that campare writes to, and the room there."""
    from campare.data.named import cache_folder

    folder = cache_folder()
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    free = shutil.disk_usage(there).free / 1e9
    words = f"{folder}, {free:.0f} GB free"
    if not os.access(there, os.W_OK):
        return Finding("cache", "fails", words, "XDG_CACHE_HOME=FOLDER, one that can be written")
    return Finding("cache", "works", words)


def _version(name: str) -> str | None:
    """The version of a distribution; None: it is not installed.

    Example:
        >>> _version("no-such-library") is None
        True
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return None
