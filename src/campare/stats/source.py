"""Where the rows of a table are: a run, files or a frame; they are read a batch at a time.

    Run, path, Scores, LazyFrame, polars or pandas frame  ->  Source: parts with the columns that
    statistics need, names as text  ->  batches of rows

Nothing of it is in memory until its batch is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from campare.errors import RunError, last_words
from campare.files import is_visible
from campare.runs.manifest import CellRecord, Manifest
from campare.runs.resume import FOLDERS
from campare.runs.run import MANIFEST, Run
from campare.runs.tables import NO_ROWS, batches, scan_file
from campare.types import NEEDED_COLUMNS, SCORE_COLUMNS

_NAMES = tuple(name for name in SCORE_COLUMNS if name not in ("seed", "value"))
#: Files of tables, by how their names end.
FILES = (".parquet", ".csv")


@dataclass(frozen=True, eq=False)
class Source:
    """The rows of a table as they are, and what its run says of its models.

    parts: of the rows, in their order; of a run one for each cell.
    cells: what is known of each model. recipes: of each arm. contrasts, kind: of the run.
    shown: mosaic -> the images that it shows, as numbers; {}: not known.
    notes: what of a run is missing, in sentences.
    """

    parts: tuple[pl.LazyFrame, ...]
    cells: tuple[CellRecord, ...] = ()
    recipes: tuple[Mapping[str, Any], ...] = ()
    contrasts: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    shown: Mapping[str, Sequence[int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def source_of(table: Any) -> Source:
    """The rows of a run, a run directory, a file or folder of Parquet, Scores or a frame.

    Raises:
        RunError: no such directory or file, no finished cell, or missing columns.
    """
    if isinstance(table, Source):
        return table
    if isinstance(table, str | Path):
        if files := files_of(Path(table)):
            return Source(_alike(_file(file) for file in files))
        table = Run.open(table)
    if callable(getattr(table, "scores", None)):
        manifest: Manifest = table.manifest
        parts = table.tables() if hasattr(table, "tables") else [table.scores()]
        return Source(
            _alike(_checked(part) for part in parts),
            tuple(manifest.cells.values()),
            recipes=tuple(manifest.recipe_fields),
            contrasts=tuple(manifest.contrasts),
            kind=manifest.kind,
            shown=getattr(table, "mosaics", dict)(),
            notes=missing(table),
        )
    cells = tuple(getattr(table, "cells", ()))
    return Source(
        _alike(map(_checked, getattr(table, "parts", [getattr(table, "frame", table)]))),
        cells,
        recipes=tuple(getattr(table, "arms", ())),
        kind="audit" if cells else "",  # which alone measures without a run
        shown=getattr(table, "mosaics", {}),
    )


def missing(run: Any) -> tuple[str, ...]:
    """What a run lacks: cells that are not as they were written, or failed; a sentence each."""
    failures: Mapping[str, str] = run.manifest.failures
    return (
        *(f"Not as it was written: {fault}." for fault in getattr(run, "faults", ())),
        *(f"Failed: {name}: {cause}" for name, cause in failures.items()),
    )


def checked_columns(frame: Any) -> pl.DataFrame:
    """A polars or pandas frame of SCORE_COLUMNS as a polars frame, `group` null where it lacks.

    Raises RunError where another one is missing.

    Example:
        >>> checked_columns(pl.DataFrame(schema=NEEDED_COLUMNS)).width
        13
    """
    columns = getattr(frame, "columns", ())
    _require_columns(columns)
    if not isinstance(frame, pl.DataFrame):
        known = [column for column in SCORE_COLUMNS if column in columns]
        frame = pl.DataFrame({name: _as_given(frame[name]) for name in known})  # no pyarrow
    table: pl.DataFrame = frame
    return table if "group" in columns else table.with_columns(group=pl.lit(None, pl.String))


def _as_given(column: Any) -> list[Any]:
    """A column of a pandas frame, which has NaN, or NA, for what is lacking: it is null."""
    lacking = column.isna() if hasattr(column, "isna") else [one != one for one in column]
    return [None if lacks else one for one, lacks in zip(column, lacking, strict=True)]


def rows_of(part: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows of a part in their order, a batch at a time.

    Raises:
        RunError: what it is read from holds no such rows.

    Example:
        >>> [batch.height for batch in rows_of(pl.LazyFrame({"seed": [0, 1, 2]}))]
        [3]
    """
    try:
        yield from batches(part)
    except NO_ROWS as error:
        raise _no_table(error) from error


def _checked(frame: Any) -> pl.LazyFrame:
    """The columns of a table that statistics need, as they need them."""
    if isinstance(frame, pl.LazyFrame):
        columns = frame.collect_schema().names()
        _require_columns(columns)
        lacks = "group" not in columns
        table = frame.with_columns(group=pl.lit(None, pl.String)) if lacks else frame
    else:
        table = checked_columns(frame).lazy()
    return table.select(
        pl.col("seed"), *(pl.col(name).cast(pl.String) for name in _NAMES),
        pl.col("value").cast(pl.Float64),
    )  # fmt: skip


def _alike(parts: Iterable[pl.LazyFrame]) -> tuple[pl.LazyFrame, ...]:
    """Parts whose seeds are of one type: as they are, or else whole numbers, or text."""
    parts = tuple(parts)
    kinds = {part.collect_schema()["seed"] for part in parts}
    if len(kinds) < 2:
        return parts
    kind = pl.Int64 if all(each.is_integer() for each in kinds) else pl.String
    return tuple(part.with_columns(pl.col("seed").cast(kind)) for part in parts)


def _require_columns(columns: Any) -> None:
    missing = [column for column in NEEDED_COLUMNS if column not in columns]
    if missing:
        raise RunError(
            f"Expected a table with the columns {', '.join(NEEDED_COLUMNS)}, "
            f"got none named {', '.join(missing)}. Try a Run or the path of a run directory."
        )


def files_of(path: Path) -> list[Path]:
    """The files of a table that is no run: one of .parquet or .csv, or those in a folder; else [].

    Hidden ones are half written, and folders as a run has them are those of a damaged one.

    Example:
        >>> files_of(Path("no/such/file.csv"))
        []
    """
    if path.suffix in FILES and path.is_file():
        return [path]
    if not path.is_dir() or any((path / name).exists() for name in (MANIFEST, *FOLDERS)):
        return []
    found = sorted(path.rglob("*.parquet"))
    return [file for file in found if all(map(is_visible, file.relative_to(path).parts))]


def _file(path: Path) -> pl.LazyFrame:
    """The rows of a file."""
    try:
        if path.suffix == ".csv":
            return _checked(pl.scan_csv(path, glob=False, infer_schema_length=None))
        return _checked(scan_file(path))
    except NO_ROWS as error:
        raise _no_table(error, f" in {path}") from error


def _no_table(error: BaseException, where: str = "") -> RunError:
    return RunError(
        f"Expected a table of measurements{where}, got: {last_words(error)}. "
        "Try: the path of a run directory"
    )
