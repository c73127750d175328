"""Under which conditions cells were computed: versions, backend, cores, machine; and what differs.

Rows of one table should be computed alike. Where a run goes on elsewhere, what changed is said,
kept with each cell, and shown in the report.
"""

import platform
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from os import cpu_count
from pathlib import Path
from typing import Any

#: Libraries whose versions are kept.
LIBRARIES = ("campare", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy", "polars")
#: Parts of a cell's name that a sentence lists before it counts.
_LISTED = 3

#: What -> its value: {"keras": "3.15.1", "cores": 2, ...}.
Conditions = Mapping[str, Any]


def conditions() -> dict[str, Any]:
    """The conditions here and now.

    Example:
        >>> conditions()["cores"] >= 1
        True
    """
    return {**versions(), **_backend(), **machine()}


@cache
def _known() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that are installed."""
    return dict(_known())


@cache
def _machine() -> tuple[tuple[str, Any], ...]:
    return ("system", platform.platform()), ("processor", _processor()), ("cores", _cores())


def machine() -> dict[str, Any]:
    """The system, its processor in words, and how many cores this process may use."""
    return dict(_machine())


def _backend() -> dict[str, str]:
    """What Keras computes with, where it is loaded."""
    keras = sys.modules.get("keras")
    return {} if keras is None else {"backend": str(keras.backend.backend())}


def _cores() -> int:
    try:
        from os import sched_getaffinity
    except ImportError:  # macOS, Windows
        return cpu_count() or 1
    return len(sched_getaffinity(0))


def _processor() -> str:
    """The processor's name in words, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def differing(cells: Mapping[str, Conditions]) -> list[str]:
    """In what the conditions of cells differ, a line each; those of unknown conditions aside.

    Example:
        >>> differing({"A-0": {"cores": 2}, "A-1": {"cores": 2}, "B-0": {"cores": 8}})
        ['cores: 2 (A-0, A-1), 8 (B-0)']
    """
    lines = []
    for key in dict.fromkeys(key for one in cells.values() for key in one):
        by_value: dict[Any, list[str]] = {}
        for name, one in cells.items():
            if one.get(key) is not None:
                by_value.setdefault(one[key], []).append(name)
        if len(by_value) > 1:
            found = ", ".join(f"{value} ({_some(names)})" for value, names in by_value.items())
            lines.append(f"{key}: {found}")
    return lines


def changed(cells: Mapping[str, Conditions], now: Conditions) -> list[tuple[str, Any, Any]]:
    """(what, then, now) of each condition that is another one now than when a cell was computed.

    Example:
        >>> changed({"A-0": {"keras": "3.10.0", "cores": 2}}, {"keras": "3.15.1", "cores": 2})
        [('keras', '3.10.0', '3.15.1')]
    """
    found = {
        (key, value, now[key])
        for one in cells.values()
        for key, value in one.items()
        if key in now and None not in (value, now[key]) and value != now[key]
    }
    return sorted(found, key=lambda change: (list(now).index(change[0]), str(change[1])))


def _some(names: Iterable[str]) -> str:
    names = list(names)
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
