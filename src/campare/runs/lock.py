"""One writer at a time: a file in the run directory says which process it is.

    .lock                          of what all cells share: manifest, images, comparison, report
    cells/.<recipe>-<seed>.lock    of one cell, where several processes share the cells of a run

Each has host, pid, start time of the process, and when it was taken. It is made by a hard link,
which is atomic on network file systems, too; its time of change is the heartbeat of a process on
another host, or of one that the system does not tell from others. A lock whose process is gone is
stale, and is replaced. Only who holds its heir, a lock whose name is the digest of the stale one,
may replace it: so none replaces the lock of another, and an heir whose process is gone has one.
"""

import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from campare.errors import RunError
from campare.files import is_partial
from campare.runs.records import FOLDER

LOCK = ".lock"
#: Seconds from one heartbeat to the next, and after which a silent process counts as gone.
BEAT, SILENT = 20.0, 300.0
#: Seconds for which one that joins waits until another, each of them, has written what they share.
WAIT = 120.0


class Holder(NamedTuple):
    """The process that writes to a run directory."""

    host: str
    pid: int
    began: str  # tells processes of one number apart
    since: str
    token: str = ""  # tells locks of one process apart

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class InUseError(RunError):
    """A run directory that another process writes to."""


@contextmanager
def writing(run: Path, *, joined: bool = False) -> Iterator[None]:
    """Be the only process that writes to a run directory, which is made if need be.

    One that has `joined` others, which do cells, writes only what these share, and waits for its
    turn to do so.

    Raises:
        InUseError: another process writes, which the text names.

    Example:
        >>> import tempfile
        >>> with writing(Path(tempfile.mkdtemp())):
        ...     pass
    """
    new = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    lock = _take_in_turn(run / LOCK, WAIT if joined else 0.0)
    try:
        with _held(run / LOCK, lock):
            if not joined:
                _require_idle(run)
            for path in _of_cells(run):
                if _replaced(path):
                    path.unlink()  # of a process that was killed
            yield
    finally:
        if new:
            with suppress(OSError):
                run.rmdir()  # where nothing was written


@contextmanager
def doing(run: Path, name: str) -> Iterator[Holder | None]:
    """Be the only process that does the cell called `name`; gives the one that does it already.

    Example:
        >>> import tempfile
        >>> with doing(Path(tempfile.mkdtemp()), "A-0") as other:
        ...     print(other)
        None
    """
    path = cell_lock(run, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = _take(path)
    except InUseError:
        yield _holder(path) or Holder("an unknown host", 0, "", "a moment ago")
        return
    with _held(path, lock):
        yield None


@contextmanager
def _held(path: Path, mine: Holder) -> Iterator[None]:
    """Keep a lock that was taken alive within the block, and give it back."""
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(path, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        if _read(path) == mine:
            path.unlink(missing_ok=True)


def require_free(run: Path) -> None:
    """Check, before any work, that no other process writes to a run directory.

    Raises:
        InUseError: one does.
    """
    holder = holder_of(run)
    if holder is not None:
        raise _in_use(run, holder)
    _require_idle(run)


def _require_idle(run: Path) -> None:
    """Check that no process does a cell of a run."""
    worker = worker_of(run)
    if worker is not None:
        raise InUseError(
            f"Expected to be the only one that writes to {run}, got {worker}, which does a cell of "
            "it. Try: waiting until it is done, another --out, or --cells with others than its"
        )


def _in_use(run: Path, holder: Holder) -> InUseError:
    return InUseError(
        f"Expected to be the only one that writes to {run}, got {holder}. "
        "Try: waiting until it is done, or another --out"
    )


def holder_of(run: Path) -> Holder | None:
    """The process that writes to a run directory; None: there is none, or it is gone."""
    return _holder(run / LOCK)


def doer_of(run: Path, name: str) -> Holder | None:
    """The process that does the cell called `name`; None: there is none, or it is gone."""
    return _holder(cell_lock(run, name))


def cell_lock(run: Path, name: str) -> Path:
    """The lock of a cell."""
    return run / FOLDER / f".{name}{LOCK}"


def worker_of(run: Path) -> Holder | None:
    """A process that does a cell of a run; None: there is none, or all are gone."""
    return next((holder for path in _of_cells(run) if (holder := _holder(path))), None)


def _of_cells(run: Path) -> list[Path]:
    """The locks of cells, also those whose processes are gone."""
    found = (run / FOLDER).glob(f".*{LOCK}") if (run / FOLDER).is_dir() else ()
    return sorted(path for path in found if not is_partial(path.name))


def _holder(path: Path) -> Holder | None:
    holder = _read(path)
    return None if holder is None or _is_stale(path, holder) else holder


def _take_in_turn(path: Path, patience: float) -> Holder:
    """Make the lock; wait so many seconds for each process that holds it before."""
    before, since = None, time.monotonic()
    while True:
        try:
            return _take(path)
        except InUseError:
            holder, now = _read(path), time.monotonic()
            if holder not in (None, before):
                before, since = holder, now
            if now - since >= patience:
                raise
            time.sleep(0.2)


def _take(path: Path) -> Holder:
    """Make the lock, in place of one whose process is gone."""
    for _ in range(3):  # between two looks another may have come or gone
        if mine := _made(path) or _replaced(path):
            return mine
        if holder := _holder(path):
            raise _in_use(path.parent, holder)
        time.sleep(0.1)
    raise InUseError(
        f"Expected to be the only one that writes to {path.parent}, got others that begin at the "
        "same time. Try: again"
    )


def _made(path: Path) -> Holder | None:
    """Make a lock of this process, whole from the beginning; None: there is one already."""
    mine = _myself()
    own = path.with_name(f".{mine.pid}-{secrets.token_hex(4)}.part.lock")
    try:
        own.write_text(json.dumps(mine._asdict()), "utf-8")
        return mine if _link(own, path) else None
    finally:
        own.unlink(missing_ok=True)


def _link(own: Path, path: Path) -> bool:
    """Give a file another name, if no file has it; whether that was so."""
    try:
        path.hardlink_to(own)
    except (FileExistsError, FileNotFoundError):  # it is held, or its holder swept
        return False
    except OSError:  # a file system without links
        try:
            with path.open("xb") as file:
                file.write(own.read_bytes())
        except FileExistsError:
            return False
    return True


def _replaced(path: Path) -> Holder | None:
    """Put a lock of this process in place of a stale one; None: it is not stale, or has an heir."""
    stale = _content(path)
    if stale is None or not _is_stale(path, _parsed(stale)):
        return None
    heir = path.with_name(f".{sha256(path.name.encode() + stale).hexdigest()[:16]}.part.lock")
    try:
        mine = _take(heir)
    except InUseError:
        return None
    if _content(path) != stale:  # it was replaced, or given back, before its heir was taken
        heir.unlink(missing_ok=True)
        return None
    with suppress(FileNotFoundError):
        heir.replace(path)
    return mine if _read(path) == mine else None


def _beat(path: Path, stop: threading.Event) -> None:
    """Touch the lock from time to time, so that processes on other hosts see that it is held."""
    while not stop.wait(BEAT):
        with suppress(OSError):
            os.utime(path)


def _is_stale(path: Path, holder: Holder) -> bool:
    """Whether the process that made a lock is gone; its heartbeat says so where no system does."""
    if holder.host == _host():
        began = _began(holder.pid)
        if began is None or (began and holder.began):
            return holder.began != began
    return _age(path) > SILENT


def _age(path: Path) -> float:
    """Seconds since a file was changed, by the clock of its file system."""
    probe = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part.clock")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:  # gone meanwhile
        return 0.0
    finally:
        probe.unlink(missing_ok=True)


def _read(path: Path) -> Holder | None:
    """Who made a lock; None: there is none."""
    content = _content(path)
    return None if content is None else _parsed(content)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def _parsed(content: bytes) -> Holder:
    """Who made a lock, from its content. One that cannot be read is somebody's for a while."""
    try:
        known: Any = json.loads(content)
        return Holder(
            str(known["host"]),
            int(known["pid"]),
            str(known["began"]),
            str(known["since"]),
            str(known.get("token", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Holder("an unknown host", 0, "", "an unknown time")


def _myself() -> Holder:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(_host(), os.getpid(), _began(os.getpid()) or "", now, secrets.token_hex(8))


def _host() -> str:
    """This machine as processes see each other: containers have a name of their own."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        space = ""
    return f"{platform.node()}{f' ({space})' if space else ''}"


def _began(pid: int) -> str | None:
    """When a process of this machine began, in a word of the system; None: there is none.

    "" where the system does not tell (macOS, Windows, processes of others on a cluster).
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except (OSError, ValueError):
        return "" if _may_live(pid) else None
    return None if after_name[0] == "Z" else after_name[19]


def _may_live(pid: int) -> bool:
    """Whether there is such a process, or the system does not tell."""
    if os.name == "nt":
        return True  # os.kill would end it
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # somebody else's
    return True
