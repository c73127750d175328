"""The rows of a cell, read from its file only if they are those that were recorded."""

from pathlib import Path
from typing import TYPE_CHECKING

from campare.runs.manifest import CellRecord
from campare.types import SCORE_COLUMNS

if TYPE_CHECKING:
    import polars as pl


class TableError(Exception):
    """Rows that are not those of their cell; its text is what is wrong with the file."""


def read_table(path: Path, record: CellRecord) -> "pl.DataFrame":
    """The rows of the cell of `record` in the columns of `SCORE_COLUMNS`.

    Raises:
        TableError: no file, not as it was written, other columns, or rows of another cell.
    """
    import polars as pl

    seal = record.files.get(f"scores/{path.name}")
    if wrong := (seal.broken(path) if seal else None):
        raise TableError(wrong)
    if not path.is_file():
        raise TableError("missing")
    try:  # a path is a path: [1] in it is no pattern, a=b no column
        table = pl.read_parquet(path, glob=False, hive_partitioning=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise TableError("no table of rows") from error
    if "group" not in table.columns:  # runs of 0.1.0 had no such column
        table = table.with_columns(pl.lit(None, pl.String).alias("group"))
    lacking = [name for name in SCORE_COLUMNS if name not in table.columns]
    if lacking:
        raise TableError(f"no column {lacking[0]}")
    if not table.schema["value"].is_numeric():
        raise TableError(f"values of type {table.schema['value']}")
    cells = table.select("recipe", "seed").unique().rows()
    others = [f"{recipe}-{seed}" for recipe, seed in cells if f"{recipe}-{seed}" != record.name]
    if others:
        raise TableError(f"rows of {others[0]}")
    if record.rows not in (None, table.height):
        raise TableError(f"{table.height:,} rows where {record.rows:,} were written")
    return table.select(SCORE_COLUMNS)
