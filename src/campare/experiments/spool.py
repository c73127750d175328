"""The rows of one model while they come: in memory while they are few, else in a file.

The file has no name and lies in the cache folder; it is gone with the process.
"""

import weakref
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from campare.data.stored import scratch

if TYPE_CHECKING:
    import polars as pl

#: Rows that stay in memory.
LIMIT = 2**13


class Spool:
    """Frames of rows in the order in which they are added.

    Example:
        >>> import polars as pl
        >>> spool = Spool()
        >>> spool.add(pl.DataFrame({"metric": ["gini"]}))
        >>> spool.frame().height
        1
    """

    def __init__(self) -> None:
        self._waiting: list[pl.DataFrame] = []
        self._rows = 0
        self._file: IO[bytes] | None = None
        self._ends = [0]

    def add(self, frame: "pl.DataFrame") -> None:
        """Take the rows of a frame."""
        self._waiting.append(frame)
        self._rows += frame.height
        if self._rows > LIMIT:
            self._write()

    def frames(self) -> "Iterator[pl.DataFrame]":
        """All rows, a frame at a time."""
        import polars as pl

        for start, end in zip(self._ends, self._ends[1:], strict=False):
            assert self._file is not None
            self._file.seek(start)
            yield pl.read_ipc_stream(self._file.read(end - start))
        yield from self._waiting

    def frame(self) -> "pl.DataFrame":
        """All rows in memory."""
        import polars as pl

        return pl.concat(self.frames())

    def lazy(self) -> "pl.LazyFrame":
        """All rows, to be written without ever being in memory at once."""
        if self._file is None:
            return self.frame().lazy()
        from polars.io.plugins import register_io_source

        def source(
            columns: list[str] | None, predicate: "pl.Expr | None", *_: int | None
        ) -> "Iterator[pl.DataFrame]":
            for frame in self.frames():
                kept = frame if predicate is None else frame.filter(predicate)
                yield kept if columns is None else kept.select(columns)

        return register_io_source(source, schema=next(self.frames()).schema)

    def _write(self) -> None:
        """Move what is in memory to the end of the file."""
        import polars as pl

        if self._file is None:
            self._file = scratch()
            weakref.finalize(self, self._file.close)
        self._file.seek(self._ends[-1])
        pl.concat(self._waiting).write_ipc_stream(self._file)
        self._ends.append(self._file.tell())
        self._waiting, self._rows = [], 0
