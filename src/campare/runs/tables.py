"""The rows of a cell, read from its file only if they are those that were recorded.

They are checked a part at a time and not held: a table need not fit into memory.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from campare.files import is_file
from campare.runs.manifest import CellRecord
from campare.types import SCORE_COLUMNS

#: Rows that are read together, and written as a row group.
BATCH = 2**14
#: What reading a file that holds no such rows raises.
NO_ROWS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


class TableError(Exception):
    """Rows that are not those of their cell; its text is what is wrong with the file."""


def batches(table: pl.LazyFrame, rows: int | None = None) -> Iterator[pl.DataFrame]:
    """The rows of a table in their order, BATCH or `rows` at a time.

    Example:
        >>> [batch.height for batch in batches(pl.LazyFrame({"seed": [0, 1, 2]}), 2)]
        [2, 1]
    """
    start, rows = 0, rows or BATCH
    while True:
        batch = table.slice(start, rows).collect()
        if batch.height:
            yield batch
        if batch.height < rows:
            return
        start += rows


def scan_file(path: Path) -> pl.LazyFrame:
    """The rows of a Parquet file, to be read, as they are.

    A path is a path: [1] in it is no pattern, a=b no column. Statistics in the file's footer, which
    may be wrong, hide no row.
    """
    return pl.scan_parquet(path, glob=False, hive_partitioning=False, use_statistics=False)


def scan_table(path: Path, record: CellRecord) -> pl.LazyFrame:
    """The rows of the cell of `record` in the columns of `SCORE_COLUMNS`, to be read.

    Raises:
        TableError: no file, not as it was written, other columns, or rows of another cell.
    """
    seal = record.files.get(f"scores/{path.name}")
    if wrong := (seal.broken(path) if seal else None):
        raise TableError(wrong)
    if not is_file(path):
        raise TableError("missing")
    try:
        table = scan_file(path)
        schema = table.collect_schema()
        if "group" not in schema:  # runs of 0.1.0 had no such column
            table = table.with_columns(pl.lit(None, pl.String).alias("group"))
        lacking = [name for name in SCORE_COLUMNS if name not in {*schema, "group"}]
        if lacking:
            raise TableError(f"no column {lacking[0]}")
        if not schema["value"].is_numeric():
            raise TableError(f"values of type {schema['value']}")
        if not schema["seed"].is_integer():
            raise TableError(f"seeds of type {schema['seed']}")
        rows, names = 0, set[str]()
        for batch in batches(table.select("recipe", "seed")):
            rows += batch.height
            names |= {f"{recipe}-{seed}" for recipe, seed in batch.unique().rows()}
    except NO_ROWS as error:
        raise TableError("no table of rows") from error
    others = names - {record.name}
    if others:
        raise TableError(f"rows of {min(others)}")
    if record.rows not in (None, rows):
        raise TableError(f"{rows:,} rows where {record.rows:,} were written")
    return table.select(SCORE_COLUMNS)
