"""Files that are written whole or not at all: under another name first, then renamed."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path to write, a file or a folder; it becomes `path`, or nothing stays.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with atomic(target) as part:
        ...     _ = part.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        yield part
        if path.is_dir():
            path.rmdir()  # where it is empty; not every system renames onto a folder
        part.replace(path)
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically; NaN and infinities become null.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.json"
        >>> write_json(target, {"value": np.float32("nan")})
        >>> json.loads(target.read_text())
        {'value': None}
    """
    text = json.dumps(plain(value), indent=1, allow_nan=False) + "\n"
    with atomic(path) as part:
        part.write_text(text, "utf-8")


def plain(value: Any) -> Any:
    """JSON's own types: NaN and infinities as null, tuples as lists, NumPy's as Python's.

    Example:
        >>> plain({1: (np.float32(0.5), float("nan"), Path("a"))})
        {'1': [0.5, None, 'a']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value
