"""Arrays with a name in the cache folder: decoded once, read by every process that needs them.

    CACHE/images/<key>/<name>.npy

    read(key, shapes)         the arrays of a key, mapped into memory; None: they are not there
    write(key, shapes, fill)  fill arrays, and keep them under a key
    sent(array), received     for another process: where a large array is, and the array there

The key says all that the arrays come from, so what is there is never old. A folder is filled beside
its name and renamed when it is whole: processes that write at once, or die, leave nothing half.
Where all take more than CAMPARE_CACHE_GB, those go that were used least recently; a folder that a
process reads is locked and stays. Where the system has no locks, none are kept.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike

from campare.errors import CampareError
from campare.types import Array

if sys.platform != "win32":
    import fcntl

#: GB of decoded images in the cache folder; 0: none are kept.
VARIABLE, USUAL = "CAMPARE_CACHE_GB", 10.0

#: Bytes of an array that another process is sent as it is.
SMALL = 2**22

_LOCK, _PART, _GONE = "lock", ".part-", ".gone-"
_ROWS = 256  # that are copied together

#: Name -> shape and type of an array.
Shapes = Mapping[str, tuple[Sequence[int], DTypeLike]]
#: Fills arrays by name.
Fill = Callable[[Mapping[str, Array]], None]

_sent_whole: ContextVar[bool] = ContextVar("sent_whole", default=False)


class There(NamedTuple):
    """An array that another process finds in a file."""

    path: str


class Repeated(NamedTuple):
    """An array whose rows are all the same."""

    row: Array
    times: int


@contextmanager
def whole() -> Iterator[None]:
    """Within the block arrays are sent whole, to processes of other machines."""
    before = _sent_whole.set(True)
    try:
        yield
    finally:
        _sent_whole.reset(before)


def cache_folder() -> Path:
    """Where campare keeps files outside of run directories: $XDG_CACHE_HOME/campare.

    Example:
        >>> cache_folder().name
        'campare'
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "campare"


def limit() -> int:
    """Bytes that decoded images may take.

    Raises:
        CampareError: CAMPARE_CACHE_GB is no number of GB.
    """
    if sys.platform == "win32":
        return 0
    words = os.environ.get(VARIABLE, "").strip() or str(USUAL)
    try:
        number = float(words)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise CampareError(
            f"Expected a number of GB in {VARIABLE}, got {words[:40]!r}. Try: {VARIABLE}=10, or 0"
        )
    return int(number * 1e9)


def key_of(*parts: object) -> str:
    """A name that stands for these words, the code that reads images, and its libraries.

    Example:
        >>> len(key_of("some", "words"))
        40
    """
    listing = "\0".join(map(str, (_code(), *parts)))
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()[:40]


@cache
def _code() -> str:
    """What changes where a picture may be read or drawn otherwise."""
    content = hashlib.sha256(f"{version('pillow')} {version('numpy')}".encode())
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        content.update(file.read_bytes())
    return content.hexdigest()


def read(key: str, shapes: Shapes) -> dict[str, Array] | None:
    """The arrays of a key, which cannot be written to; None where they are not there, or not so."""
    folder = _images() / key
    lock = _held(folder / _LOCK)
    if lock is None:
        return None
    try:
        found = {name: _mapped(folder / f"{name}.npy") for name in shapes}
        if any(
            (found[name].shape, found[name].dtype) != (tuple(shape), np.dtype(dtype))
            for name, (shape, dtype) in shapes.items()
        ):
            return None
        os.utime(folder)
        for array in found.values():
            _keep(array, lock)
    except (OSError, ValueError):
        return None
    finally:
        os.close(lock)
    return {**found}


def write(key: str, shapes: Shapes, fill: Fill) -> dict[str, Array] | None:
    """Fill arrays and keep them under a key; None where there is no room for them.

    What `fill` raises is raised, and nothing stays.
    """
    size = sum(prod(shape) * np.dtype(dtype).itemsize for shape, dtype in shapes.values())
    if size > limit() or not size:
        return None
    try:
        images = _images()
        images.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(images):
            _sweep(images)
            if not _make_room(images, size):
                return None
            part = Path(tempfile.mkdtemp(dir=images, prefix=_PART))
            (part / _LOCK).touch()
            lock = _held(part / _LOCK, alone=True)
    except OSError:  # a cache folder that cannot be written is none
        return None
    if lock is None:
        shutil.rmtree(part, ignore_errors=True)
        return None
    try:
        try:
            arrays = {name: _made(part / f"{name}.npy", *shapes[name]) for name in shapes}
        except OSError:
            return None
        fill(arrays)
        for array in arrays.values():
            array.flush()  # before the name is there: else a crash of the machine could leave zeros
        _share(lock)
        with suppress(OSError):  # another process was faster
            part.rename(images / key)
        found = read(key, shapes)
        if found is None and _remove(images / key):  # one that is damaged
            part.rename(images / key)
            found = read(key, shapes)
        return found
    finally:
        os.close(lock)
        shutil.rmtree(part, ignore_errors=True)


def sent(array: Array) -> "Array | There | Repeated":
    """What another process is sent of an array: of a large one where it is.

    One in a file without a name is copied into one with a name first. `received` gives the array.

    Example:
        >>> sent(np.zeros(3)).tolist()
        [0.0, 0.0, 0.0]
    """
    if array.ndim and len(array) > 1 and array.strides[0] == 0:
        return Repeated(np.array(array[0]), len(array))
    path = None
    if array.nbytes > SMALL and not _sent_whole.get():
        path = _own_file(array) or _published(array)
    return array if path is None else There(str(path))


def received(what: "Array | There | Repeated") -> Array:
    """The array that was `sent`.

    Raises:
        CampareError: its file is not there, as on another machine.

    Example:
        >>> received(sent(np.broadcast_to(np.arange(2), (3, 2)))).tolist()
        [[0, 1], [0, 1], [0, 1]]
    """
    if isinstance(what, Repeated):
        return np.broadcast_to(what.row, (what.times, *what.row.shape))
    if not isinstance(what, There):
        return what
    file = Path(what.path)
    lock = _held(file.parent / _LOCK)
    try:
        array = _mapped(file)
        if lock is not None:
            _keep(array, lock)
    except (OSError, ValueError) as error:
        raise CampareError(
            f"Expected decoded images in {file}, got: {error}. Try: {VARIABLE}=0"
        ) from error
    finally:
        if lock is not None:
            os.close(lock)
    return array


def _images() -> Path:
    return cache_folder() / "images"


def _mapped(file: Path) -> np.memmap[Any, Any]:
    """The array in a file, of which all has to be there."""
    array = npy.open_memmap(file, mode="r")
    if file.stat().st_size != array.offset + array.nbytes:
        raise ValueError(f"{file.name} is cut off")
    return array


def _made(file: Path, shape: Sequence[int], dtype: DTypeLike) -> np.memmap[Any, Any]:
    """A new array of zeros in a file, for which there is room."""
    array = npy.open_memmap(file, mode="w+", dtype=np.dtype(dtype), shape=tuple(shape))
    if hasattr(os, "posix_fallocate"):  # else a full disk ends the process later
        with file.open("r+b") as opened_file:
            os.posix_fallocate(opened_file.fileno(), 0, array.offset + array.nbytes)
    return array


def _own_file(array: Array) -> Path | None:
    """The named file that holds just this array; None where there is none."""
    name = getattr(array, "filename", None)
    if not isinstance(name, (str, os.PathLike)) or Path(name).parents[1] != _images():
        return None
    try:
        there = _mapped(Path(name))
    except (OSError, ValueError):
        return None
    same = there.dtype == array.dtype and there.shape == array.shape
    return Path(name) if same and array.flags.c_contiguous else None


def _published(array: Array) -> Path | None:
    """A named file with the rows of an array, which stays while this process is there."""
    if array.nbytes > limit():
        return None
    content = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    for start in range(0, len(array), _ROWS):
        content.update(np.ascontiguousarray(array[start : start + _ROWS]).data)
    key = key_of("array", content.hexdigest())
    shapes: Shapes = {"array": (array.shape, array.dtype)}

    def copy(arrays: Mapping[str, Array]) -> None:
        for start in range(0, len(array), _ROWS):
            arrays["array"][start : start + _ROWS] = array[start : start + _ROWS]

    found = read(key, shapes) or write(key, shapes, copy)
    if found is None:
        return None
    _held_here[key] = found["array"]
    return _images() / key / "array.npy"


_held_here: dict[str, Array] = {}


def _keep(array: np.memmap[Any, Any], lock: int) -> None:
    """Hold a folder's lock for as long as the array is mapped."""
    weakref.finalize(array._mmap, os.close, os.dup(lock))  # type: ignore[attr-defined]


def _held(file: Path, *, alone: bool = False) -> int | None:
    """A lock on a file, to be closed; None: there is none, or another process has it."""
    if sys.platform == "win32":
        return None
    try:
        lock = os.open(file, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(lock, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _share(lock: int) -> None:
    """Let others read what was filled."""
    if sys.platform != "win32":
        fcntl.flock(lock, fcntl.LOCK_SH)


@contextmanager
def _alone(images: Path) -> Iterator[None]:
    """Within the block no other process makes room or begins a folder."""
    with (images / f".{_LOCK}").open("a") as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep(images: Path) -> None:
    """Remove what processes that died left."""
    for left in (*images.glob(f"{_PART}*"), *images.glob(f"{_GONE}*")):
        _remove(left)


def _make_room(images: Path, size: int) -> bool:
    """Remove the folders that were used least recently until there is room for `size` bytes."""
    there = [each for each in images.iterdir() if each.is_dir()]
    sizes = {each: sum(file.stat().st_size for file in each.glob("*.npy")) for each in there}
    total = sum(sizes.values())
    for oldest in sorted(there, key=lambda each: each.stat().st_mtime):
        if total + size <= limit():
            break
        if _remove(oldest):
            total -= sizes[oldest]
    return total + size <= limit()


def _remove(folder: Path) -> bool:
    """Remove a folder that no process reads or fills."""
    lock = _held(folder / _LOCK, alone=True)
    if lock is None and (folder / _LOCK).exists():
        return False
    gone = folder.with_name(f"{_GONE}{folder.name.lstrip('.')}")
    try:
        if folder != gone:
            folder.rename(gone)
        shutil.rmtree(gone)
    except OSError:
        return False
    finally:
        if lock is not None:
            os.close(lock)
    return True
