"""A copy of what lies under a URL in the cache folder, from which all else reads as from a folder.

    $XDG_CACHE_HOME/campare/remote/<of the URL>/<of its listing>/NAME/...         the files
                                                                /.listing.json   what they are

The listing of a URL (names, sizes, versions) has a digest, and a folder of that name is whole: it
is filled under a hidden name and renamed at the end. So a kill leaves nothing that is taken for
whole, the next call fetches only what is missing, and of a listing that changed only what did:
other files are linked from the copy before. What a process reads is not removed under it.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from shlex import quote
from typing import Any

from campare.data.archive import unpack
from campare.data.inventory import counted
from campare.data.named import cache_folder
from campare.data.remote import THREADS, Entry, Store, open_store
from campare.data.threads import Progress, in_threads
from campare.data.urls import is_archive, is_url, name_of, public
from campare.errors import DataError
from campare.files import atomic, is_partial, read_sealed, write_sealed

#: The environment's name for the gigabytes that all copies may take, and how many without it.
LIMIT, USUAL = "CAMPARE_REMOTE_GB", 100.0

_LISTING, _LOCK, _USED, _ARCHIVE = ".listing.json", ".lock", ".used", ".archive.zip"

# Commands that change files, of which a copy is not the place.
_CHANGES = re.compile(r"\b(mv|rm|convmv|mkdir) ")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Mirror:
    """A copy of what lies under a URL; as a path, that of the copy.

    Attributes:
        url: without secrets.
        path: the folder of the copy, or the file.
    """

    url: str
    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def told(self, message: str) -> str:
        """What is said of the copy, of the URL: advice to change files is one for a copy elsewhere.

        Example:
            >>> mirror = Mirror("s3://bucket/pets", Path("/cache/pets"))
            >>> mirror.told("Expected classes in /cache/pets, got none. Try mv /cache/pets/a b")
            'Expected classes in s3://bucket/pets, got none. Try cp -r /cache/pets pets && mv \
pets/a b'
        """
        path, name = str(self.path), self.path.name
        head, attempt, advice = message.partition(" Try")
        if _CHANGES.search(advice):
            start, command, rest = _CHANGES.split(advice, maxsplit=1)
            copied = f"cp -r {quote(path)} {name} && {command} {rest.replace(path, name)}"
            advice = start + copied
        else:
            advice = advice.replace(path, self.url.rstrip("/"))
        return head.replace(path, self.url.rstrip("/")) + attempt + advice


def mirrored(url: str, *, progress: Progress | None = None, say: Say | None = None) -> Mirror:
    """The copy of what lies under a URL; what is not there, or has changed, is fetched first.

    Args:
        url: of a folder, a ZIP file (which is unpacked) or another file, as fsspec knows them.
        progress: called with (files fetched, files to fetch) after each.
        say: called with a line before something is fetched; None: it stands on stderr.

    Raises:
        MissingExtraError: the library of its scheme is not installed.
        DataError: it cannot be read, see `remote.py`; or is larger than the limit, or the disk.
    """
    say = say or _say
    shown = public(url)
    folder = copies_folder() / hashlib.sha256(shown.rstrip("/").encode()).hexdigest()[:16]
    try:
        store = open_store(url)
    except DataError as error:
        raise DataError(f"{error}{_or_copy(folder, shown)}") from error
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = folder / _digest(store)
    with _alone(folder, say):
        if not copy.is_dir():
            part = folder / f".{copy.name}.part"
            _fill(part, store, _copies(folder), progress, say)
            part.rename(copy)
        elif not _is_whole(copy, shown):
            _fill(copy, store, [], progress, say)
        _use(copy)
        _remove(other for other in folder.iterdir() if other.is_dir() and not _is_used(other))
        _make_room()
    return Mirror(shown, copy / name_of(shown))


@contextmanager
def local(
    data: str | os.PathLike[str], progress: Progress | None = None
) -> Iterator[Mirror | Path]:
    """Where data are on this machine: a path as it is, or the copy of what lies under a URL.

    What is said within the block of a copy is said of its URL.
    """
    if not is_url(data):
        yield Path(data)
        return
    copy = mirrored(data, progress=progress)
    try:
        yield copy
    except DataError as error:
        raise type(error)(copy.told(str(error))) from error


def copies_folder() -> Path:
    """Where the copies are."""
    return cache_folder() / "remote"


def origin(path: Path) -> str | None:
    """The URL of what lies at a path in a copy, without secrets; None: it is in none.

    Example:
        >>> origin(Path("runs/a.keras"))
    """
    folder = copies_folder().absolute()
    if not path.is_relative_to(folder):
        return None
    parts = path.relative_to(folder).parts
    try:
        url = str(read_sealed(folder.joinpath(*parts[:2], _LISTING))["url"])
    except (OSError, ValueError, KeyError):
        return None
    return "/".join([url, *parts[3:]])


def limit() -> float:
    """The bytes that all copies may take.

    Raises:
        DataError: the environment names no number.

    Example:
        >>> limit() > 0
        True
    """
    text = os.environ.get(LIMIT, str(USUAL))
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise DataError(f"Expected {LIMIT} as a number of gigabytes, got {text!r}. Try {LIMIT}=200")
    return number * 1e9


def _digest(store: Store) -> str:
    """A digest of a listing; another one each time where the store says no versions."""
    content = hashlib.sha256()
    for entry in store.entries:
        version = token_hex(8) if entry.version is None else entry.version
        content.update(f"{entry.path}\0{entry.size}\0{version}\n".encode())
    return content.hexdigest()[:16]


def _fill(
    copy: Path, store: Store, others: list[Path], progress: Progress | None, say: Say
) -> None:
    """Fill the folder of a copy: what it has already stays, what has not changed is linked."""
    root = copy / name_of(store.url)
    _remove_partial(copy)
    known = _listed(others[0]) if others else {}
    old = others[0] / root.name if others else root
    packed = store.is_file and is_archive(store.url)
    missing = [
        entry
        for entry in store.entries
        if packed or not (_is_there(_path(root, entry), entry) or _linked(root, entry, old, known))
    ]
    _require_room(store, missing, copy.parent)
    if missing:
        size = _bytes(sum(entry.size or 0 for entry in missing))
        what = counted(missing, "file", "files")
        say(f"Fetching {store.url}: {size} in {what}, to {copy.parent}")

    def fetch(entry: Entry) -> None:
        with atomic(copy / _ARCHIVE if packed else _path(root, entry)) as path:
            store.copy(entry, path)

    in_threads(fetch, missing, progress, threads=THREADS)
    versions = {entry.path: entry.version for entry in store.entries}
    if packed:
        versions = dict.fromkeys(unpack(copy / _ARCHIVE, root, store.url, limit()))
        (copy / _ARCHIVE).unlink()
    files = {
        path: [found.st_size, version, found.st_mtime_ns]
        for path, version in versions.items()
        for found in [_below(root, path).stat()]
    }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    # As one text: of a million files it takes a tenth of the memory.
    text = json.dumps(files, separators=(",", ":"))
    write_sealed(copy / _LISTING, {"url": store.url, "copied": now, "files": text})


def _path(root: Path, entry: Entry) -> Path:
    return _below(root, entry.path)


def _below(root: Path, path: str) -> Path:
    """Where a file lies; the root itself, where the URL is of one file."""
    return root / path if path else root


def _is_there(path: Path, entry: Entry) -> bool:
    """Whether a file was fetched before a kill; it has its name only when it is whole."""
    return path.is_file() and entry.version is not None and path.stat().st_size == entry.size


def _linked(root: Path, entry: Entry, old: Path, known: Mapping[str, Any]) -> bool:
    """Link a file from another copy, if it is of the same version there, and untouched."""
    before, source, path = known.get(entry.path), _path(old, entry), _path(root, entry)
    same = before is not None and before[:2] == [entry.size, entry.version]
    if not same or entry.version is None or not _is_untouched(source, before):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, path)
    except OSError:  # a file system without links
        with atomic(path) as part:
            shutil.copy2(source, part)
    return True


def _listed(copy: Path) -> dict[str, Any]:
    """Path -> [size, version, time of change] of the files of a copy; {}: nothing says it."""
    try:
        found: dict[str, Any] = json.loads(read_sealed(copy / _LISTING)["files"])
    except (OSError, ValueError, KeyError):
        return {}
    return found


def _is_whole(copy: Path, url: str) -> bool:
    """Whether a copy is as it was fetched; a file that is not is removed."""
    files = _listed(copy)
    touched = [
        path
        for name, known in files.items()
        if not _is_untouched(path := _below(copy / name_of(url), name), known)
    ]
    for path in touched:
        path.unlink(missing_ok=True)
    return bool(files) and not touched


def _is_untouched(path: Path, known: Any) -> bool:
    """Whether a file has the size and the time of change with which it was fetched."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (known[0], known[2])


def _require_room(store: Store, missing: list[Entry], folder: Path) -> None:
    """Check that the copy is allowed and fits."""
    total = sum(entry.size or 0 for entry in store.entries)
    if total > limit():
        raise DataError(
            f"Expected at most {_bytes(limit())} at {store.url}, got {_bytes(total)} in "
            f"{counted(store.entries, 'file', 'files')}. Try: {LIMIT}={total / 1e9 * 1.1:.2g} "
            "in the environment, or a folder in it"
        )
    size, free = sum(entry.size or 0 for entry in missing), shutil.disk_usage(folder).free
    if size > free:
        raise DataError(
            f"Expected {_bytes(size)} in {folder}, got {_bytes(free)} free. "
            "Try: XDG_CACHE_HOME=FOLDER, a folder on a larger disk"
        )


def _bytes(size: float) -> str:
    """A size for people.

    Example:
        >>> _bytes(12), _bytes(2_500_000), _bytes(1.2e13)
        ('12 B', '2.5 MB', '12.0 TB')
    """
    if size < 1000:
        return f"{size:.0f} B"
    power = 1
    while power < 4 and size >= 1000 ** (power + 1):
        power += 1
    return f"{size / 1000**power:.1f} {['kB', 'MB', 'GB', 'TB'][power - 1]}"


def _or_copy(folder: Path, url: str) -> str:
    """The advice to take the copy that is there, where one is."""
    for copy in _copies(folder):
        with suppress(OSError, ValueError, KeyError):
            when = read_sealed(copy / _LISTING)["copied"]
            return f", or the copy of {when}: {copy / name_of(url)}"
    return ""


def _copies(folder: Path) -> list[Path]:
    """The copies of a URL that were whole, the one that was used last first."""
    found = [path for path in folder.glob("[!.]*") if (path / _LISTING).is_file()]
    return sorted(found, key=_last_used, reverse=True)


def _last_used(copy: Path) -> float:
    used = copy / _USED
    return (used if used.exists() else copy).stat().st_mtime


def _make_room() -> None:
    """Remove the copies that were used longest ago, as far as there are too many."""
    every = [copy for folder in copies_folder().iterdir() for copy in _copies(folder)]
    room = limit()
    for copy in sorted(every, key=_last_used, reverse=True):
        room -= sum(size for size, *_ in _listed(copy).values())
        if room < 0 and not _is_used(copy):
            _remove([copy])


def _remove(copies: Iterable[Path]) -> None:
    """Remove copies, whole or not: under a hidden name first, so that none is half there."""
    for copy in list(copies):
        hidden = copy.with_name(f".{copy.name.strip('.').removesuffix('.part')}.part")
        with suppress(OSError):
            copy.replace(hidden)
            shutil.rmtree(hidden)


def _remove_partial(copy: Path) -> None:
    """Remove what a kill left of single files."""
    for folder, _, names in os.walk(copy):
        for name in filter(is_partial, names):
            Path(folder, name).unlink(missing_ok=True)


# Locks: one process fetches a URL at a time; what a process reads is locked until it ends.
_in_use: dict[Path, int] = {}  # descriptors, which the system closes


@contextmanager
def _alone(folder: Path, say: Say) -> Iterator[None]:
    """Be the only process that fetches into a folder."""
    with (folder / _LOCK).open("ab") as file:
        if not _locked(file.fileno(), "EX"):
            say(f"Waiting for another process, which fetches to {folder}")
            _locked(file.fileno(), "EX", wait=True)
        yield


def _use(copy: Path) -> None:
    """Say that this process reads a copy, until it ends."""
    if copy not in _in_use:
        _in_use[copy] = os.open(copy / _USED, os.O_RDWR | os.O_CREAT, 0o600)
        _locked(_in_use[copy], "SH")
    os.utime(copy / _USED)


def _is_used(copy: Path) -> bool:
    """Whether a process reads a copy."""
    try:
        with (copy / _USED).open("rb") as file:
            return not _locked(file.fileno(), "EX")
    except OSError:
        return False


def _locked(file: int, kind: str, *, wait: bool = False) -> bool:
    """Lock a file, shared or not; whether it is. Where the system knows no locks, it always is."""
    try:
        fcntl = import_module("fcntl")
    except ModuleNotFoundError:  # Windows
        return True
    try:
        fcntl.flock(file, getattr(fcntl, f"LOCK_{kind}") | (not wait and fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
