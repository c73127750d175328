"""Arrays with a row for each image: in memory while they are small, in a file where they are large.

    zeros(shape, dtype)     an array to fill; a large one is a mapped file in the cache folder
    parts(n, size, ...)     slices of it, one after the other; what was read leaves the memory
    kept(key, shapes, fill) arrays that are filled once, and found again by later processes
    filled(batches, n)      the arrays that batches make up
    gathered(f, *arrays)    the arrays that f makes of all rows, a part at a time
    Computed(shape, rows)   an array whose rows are computed a part at a time, when they are read
    lazily(f, *arrays)      f of arrays: at once, or Computed where one of them is

The file has no name: it is gone with the process, however that ends; but those that are kept have
one (`named`). What does not fit on the disk is an error before anything is computed.
"""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from math import prod
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike

from campare.data.named import Fill, Shapes, cache_folder, read, write
from campare.errors import CampareError
from campare.types import Array

#: Bytes of an array that stays in memory.
LIMIT = 2**22

#: Rows that are computed at a time.
BLOCK = 256

_RELEASED = 256  # rows that are filled until those before them leave the memory


def zeros(shape: Sequence[int], dtype: DTypeLike) -> Array:
    """An array of zeros, in a file if it has more bytes than LIMIT.

    Raises:
        CampareError: the file does not fit into the cache folder.

    Example:
        >>> zeros((2, 3), np.uint8).nbytes
        6
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size <= LIMIT:
        return np.zeros(shape, dtype)
    with scratch(size) as file:
        return np.memmap(file, dtype, "w+", shape=tuple(shape))


def kept(key: str | None, shapes: Shapes, fill: Fill) -> dict[str, Array]:
    """Arrays under a key in the cache folder, filled where they are not there yet.

    Large ones that are there cannot be written to. Without a key, or room, they are `zeros` that
    are filled.

    Raises:
        CampareError: a file does not fit into the cache folder.

    Example:
        >>> kept(None, {"a": ((2,), np.int64)}, lambda arrays: arrays["a"].fill(7))["a"].tolist()
        [7, 7]
    """
    found = None if key is None else read(key, shapes) or write(key, shapes, fill)
    if found is None:
        found = {name: zeros(*each) for name, each in shapes.items()}
        fill(found)
        return found
    return {name: np.array(each) if each.nbytes <= LIMIT else each for name, each in found.items()}


def scratch(size: int = 0) -> IO[bytes]:
    """A file without a name in the cache folder, of `size` bytes that are there for sure.

    Raises:
        CampareError: it does not fit.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as failed:
            file = failed.enter_context(tempfile.TemporaryFile(dir=folder))
            if size and hasattr(os, "posix_fallocate"):  # else a full disk ends the process later
                os.posix_fallocate(file.fileno(), 0, size)
            failed.pop_all()
    except OSError as error:
        raise CampareError(
            f"Expected {size / 1e9:.1f} GB in {folder}, got: {error.strerror or error}. "
            "Try: XDG_CACHE_HOME=FOLDER, a folder on a larger disk"
        ) from error
    return file


def release(*arrays: Array) -> None:
    """Drop the pages of arrays in files from memory; they are read again when they are needed.

    Example:
        >>> release(np.zeros(3))
    """
    for array in arrays:
        mapped = _mapped(array)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def parts(total: int, size: int, *arrays: Array) -> Iterator[slice]:
    """Slices of at most `size` that cover `total`; after each one `arrays` are released.

    Example:
        >>> list(parts(3, 2))
        [slice(0, 2, None), slice(2, 3, None)]
    """
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
        release(*arrays)


def filled(batches: Iterable[Mapping[str, Array]], total: int) -> dict[str, Array]:
    """Arrays of `total` rows by name, of batches of their rows that come one after the other.

    Example:
        >>> filled([{"a": np.ones((2, 3))}, {"a": np.zeros((1, 3))}], 3)["a"].shape
        (3, 3)
    """
    whole: dict[str, Array] = {}
    done = released = 0
    for batch in batches:
        if not whole:
            whole = {n: zeros((total, *rows.shape[1:]), rows.dtype) for n, rows in batch.items()}
        rows = 0
        for name, part in batch.items():
            rows = len(part)
            whole[name][done : done + rows] = part
        done += rows
        if done - released >= _RELEASED:
            released = done
            release(*whole.values())
    assert done == total, f"{done} rows of {total}"
    return whole


def gathered(function: Callable[..., Mapping[str, Array]], *arrays: Any) -> dict[str, Array]:
    """What a function makes of the rows of arrays, BLOCK of them at a time: arrays by name.

    Example:
        >>> gathered(lambda rows: {"sum": rows.sum(axis=1)}, np.ones((3, 2)))["sum"].tolist()
        [2.0, 2.0, 2.0]
    """
    total = len(arrays[0])
    blocks = parts(total, BLOCK, *arrays) if total else [slice(0, 0)]
    return filled((function(*(each[rows] for each in arrays)) for rows in blocks), total)


class Computed:
    """An array (N, ...) whose rows are computed when they are read, BLOCK of them at a time.

    It is read by slices, by number or one row after the other, as an array is; `np.asarray` gives
    all of it. The last block that was read is kept, which others must not change.

    Example:
        >>> squares = Computed((5,), lambda rows: np.arange(5)[rows] ** 2)
        >>> squares[1:3].tolist(), list(squares)[-1], len(squares)
        ([1, 4], np.int64(16), 5)
    """

    def __init__(self, shape: Sequence[int], rows: Callable[[slice], Array]) -> None:
        self.shape = tuple(shape)
        self._rows = rows
        self._last: tuple[int, Array] | None = None

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: slice | int) -> Array:
        if not isinstance(where, slice):
            number = range(len(self))[where]
            return np.asarray(self._block(number // BLOCK)[number % BLOCK])
        start, stop, step = where.indices(len(self))
        assert step == 1
        found = [
            self._block(block)[max(start - block * BLOCK, 0) : stop - block * BLOCK]
            for block in range(start // BLOCK, -(-stop // BLOCK))
        ]
        return found[0] if len(found) == 1 else np.concatenate(found or [self._rows(slice(0, 0))])

    def __iter__(self) -> Iterator[Array]:
        for start in range(0, len(self), BLOCK):
            yield from self._block(start // BLOCK)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype)

    def _block(self, number: int) -> Array:
        if self._last is None or self._last[0] != number:
            start = number * BLOCK
            self._last = number, self._rows(slice(start, min(start + BLOCK, len(self))))
        return self._last[1]


def lazily(
    function: Callable[..., Array],
    *arrays: Any,
    shape: Sequence[int] | None = None,
    rng: np.random.Generator | None = None,
) -> Any:
    """A function of arrays, row by row: at once, or as it is read where one of them is `Computed`.

    The result has the shape of the first array, or `shape`. With `rng`, which is handed over last,
    rows are drawn when they are first read, in order; read again they are the same.

    Example:
        >>> twice = lazily(lambda rows: 2 * rows, Computed((3,), lambda rows: np.arange(3)[rows]))
        >>> type(twice).__name__, np.asarray(twice).tolist()
        ('Computed', [0, 2, 4])
    """
    if not any(isinstance(array, Computed) for array in arrays):
        return function(*arrays) if rng is None else function(*arrays, rng)
    states: dict[int, Any] = {}

    def rows(where: slice) -> Array:
        some = [array[where] for array in arrays]
        if rng is None:
            found = function(*some)
        elif where.start in states:
            again = deepcopy(rng)
            again.bit_generator.state = states[where.start]
            found = function(*some, again)
        else:
            states[where.start] = rng.bit_generator.state
            found = function(*some, rng)
        release(*arrays)
        return found

    return Computed(arrays[0].shape if shape is None else shape, rows)


def as_read(array: Any) -> Any:
    """An array as it is; one in a file `Computed`, so that what was read leaves the memory.

    Example:
        >>> as_read(np.zeros(3)).tolist()
        [0.0, 0.0, 0.0]
    """
    if _mapped(array) is None:
        return array

    def rows(where: slice) -> Array:
        found = np.array(array[where])
        release(array)
        return found

    return Computed(array.shape, rows)


def as_floats(images: "Array | Computed") -> Any:
    """Images (N, H, W, C) as float32: at once if they are in memory, else as they are read.

    Example:
        >>> as_floats(np.zeros((1, 2, 2, 3), np.uint8)).dtype
        dtype('float32')
    """
    if isinstance(images, Computed):
        return images
    return lazily(lambda rows: np.asarray(rows, np.float32), as_read(images))


def _mapped(array: object) -> mmap.mmap | None:
    """The mapped file that an array, or what it is a view of, lies in."""
    while array is not None:
        found = getattr(array, "_mmap", None)
        if isinstance(found, mmap.mmap):
            return found
        array = getattr(array, "base", None)
    return None
