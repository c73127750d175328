"""Files that are written whole or not at all: under another name first, then renamed.

JSON may carry a seal, the digest of everything else in it, by which damage is noticed.
"""

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np

#: The key under which sealed JSON carries the digest of its other entries.
SEAL = "sha256"
#: Bytes of a name that begins the names of files, which end in a number and a suffix: 200 in all.
LONGEST = 180
_PORTS = (f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))
_RESERVED = {"con", "prn", "aux", "nul", *_PORTS}
#: Bytes by which a full disk is known, where what wrote does not say it.
_PROBE = 2**16
_PARTIAL = re.compile(r"\..*\.part\..*|.*\.partial")


def is_file(path: Path) -> bool:
    """Whether there is such a file; there is none of a name that no file can have.

    Example:
        >>> is_file(Path("a" * 5000))
        False
    """
    try:
        return path.is_file()
    except OSError:
        return False


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path to write, a file or a folder; it becomes `path`, or nothing stays.

    Raises:
        OSError: as of a full disk, also where what wrote says it otherwise.

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
    part = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part.{path.name}")
    try:
        yield part
        if path.is_dir():
            path.rmdir()  # where it is empty; not every system renames onto a folder
        part.replace(path)
    except Exception as error:
        if getattr(error, "errno", None) is None and (cause := _unwritable(path)):
            raise cause from error
        raise
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)


def _unwritable(path: Path) -> OSError | None:
    """Why nothing can be written beside `path`, a full disk say; None: it can."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(_PROBE))
    except OSError as error:
        return OSError(error.errno, error.strerror, str(path))
    return None


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


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` as JSON with its seal, atomically.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.json"
        >>> write_sealed(target, {"value": 1})
        >>> read_sealed(target)
        {'value': 1}
    """
    content = plain(value)
    write_json(path, {**content, SEAL: _seal(content)})


def read_sealed(path: Path) -> dict[str, Any]:
    """The content of JSON that `write_sealed` wrote, without its seal.

    Raises:
        OSError: no such file.
        ValueError: no JSON, or its seal is missing or does not fit.
    """
    try:
        content = json.loads(path.read_bytes())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not is_sealed(content):
        raise ValueError("other contents than were written")
    return {key: value for key, value in content.items() if key != SEAL}


def is_sealed(content: Any) -> bool:
    """Whether JSON is an object whose seal is there and fits.

    Example:
        >>> is_sealed({"value": 1}), is_sealed({"value": 1, "sha256": "0"})
        (False, False)
    """
    if not isinstance(content, dict) or SEAL not in content:
        return False
    return bool(content[SEAL] == _seal({k: v for k, v in content.items() if k != SEAL}))


def _seal(content: Mapping[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def is_partial(name: str) -> bool:
    """Whether a file is one that was not written to its end.

    Example:
        >>> is_partial(".12-ab.part.a.json"), is_partial("a.npz.partial"), is_partial("a.json")
        (True, True, False)
    """
    return _PARTIAL.fullmatch(name) is not None


def is_visible(name: str) -> bool:
    """Whether a file counts: hidden ones (.DS_Store) and partial ones do not.

    Example:
        >>> is_visible("a.json"), is_visible(".DS_Store"), is_visible("a.npz.partial")
        (True, False, False)
    """
    return not name.startswith(".") and not is_partial(name)


def unportable(name: str) -> str | None:
    """Why a name cannot begin the name of a file on every system; None: it can.

    Example:
        >>> unportable("scratch+aug"), unportable("nul.v2"), unportable(".a")
        (None, 'a name that Windows keeps for itself', 'a hidden name')
    """
    size = len(name.encode(errors="surrogateescape"))
    if size > LONGEST:
        return f"{size} bytes, of {LONGEST} at most"
    if name.startswith("."):
        return "a hidden name"
    if name.partition(".")[0].casefold() in _RESERVED:
        return "a name that Windows keeps for itself"
    return None


def shortened(name: str, most: int = 200) -> str:
    """A name of at most so many bytes in UTF-8: its beginning.

    Example:
        >>> shortened("ähnlich", 3)
        'äh'
    """
    return name.encode(errors="replace")[:most].decode(errors="ignore")


def clashing(names: Iterable[str]) -> tuple[str, str] | None:
    """Two different names that are one file where case or accents do not count; None: there are no.

    Example:
        >>> clashing(["a", "B", "b"])
        ('B', 'b')
    """
    known: dict[str, str] = {}
    for name in names:
        first = known.setdefault(normalize("NFKC", name).casefold(), name)
        if first != name:
            return first, name
    return None


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
