"""Cells that failed: what was raised, kept beside the records of those that finished.

    failures/<recipe>-<seed>.json   the cause in one line, the traceback, when

A failure costs its cell alone. It is tried again by the next call, and forgotten when it succeeds.
"""

import errno
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from campare.errors import CampareError, RunError, last_words
from campare.files import is_visible, read_sealed, write_sealed

FAILURES = "failures"
#: Of a disk: what fails one cell fails them all.
_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class CellsError(RunError):
    """Cells of a run that all failed."""

    exit_status = 3


def failure_path(run: Path, name: str) -> Path:
    """Where the failure of the cell called `name` is kept."""
    return run / FAILURES / f"{name}.json"


def note_failure(run: Path, name: str, error: Exception) -> str:
    """Keep why a cell failed; returns the cause in one line."""
    cause = cause_of(error)
    facts = {
        "cause": cause,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "traceback": [line.rstrip() for line in traceback.format_exception(error)],
    }
    write_sealed(failure_path(run, name), facts)
    return cause


def read_failures(run: Path) -> dict[str, str]:
    """Name -> cause of each cell that failed when it was last tried."""
    folder = run / FAILURES
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return {file.stem: _cause(file) for file in files if is_visible(file.name)}


def failed(failures: Mapping[str, str]) -> list[str]:
    """A line for each cell that failed, and what to do.

    Example:
        >>> failed({"A-0": "ValueError: no"})[0]
        'Failed: A-0: ValueError: no'
    """
    lines = [f"Failed: {name}: {cause}" for name, cause in failures.items()]
    again = "The same command tries again what failed; --skip-failed goes on without."
    return [*lines, again] if lines else []


def _cause(file: Path) -> str:
    try:
        return str(read_sealed(file)["cause"])
    except (OSError, ValueError, KeyError):
        return "for a cause that cannot be read any more"


def is_fatal(error: Exception) -> bool:
    """Whether an error fails every cell: a disk that is full or cannot be written.

    Example:
        >>> is_fatal(OSError(errno.ENOSPC, "full")), is_fatal(OSError(errno.ENOENT, "none"))
        (True, False)
    """
    return isinstance(error, OSError) and error.errno in _FATAL


def cause_of(error: Exception) -> str:
    """An error in one line, with where it was raised unless it is one for people.

    Example:
        >>> cause_of(CampareError("Expected a, got b. Try: c"))
        'Expected a, got b. Try: c'
    """
    if isinstance(error, CampareError):
        return " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    kind, words = type(error).__name__, last_words(error)
    return f"{kind if words == kind else f'{kind}: {words}'}{where}"
