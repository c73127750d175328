"""Rows are read only if they are those of their cell, from a path that is no pattern."""

import polars as pl
import pytest
from unmodeled import CELLS, rows

from campare.runs.manifest import CellRecord
from campare.runs.seals import Seal
from campare.runs.tables import TableError, scan_table

CELL = CELLS[0]


def written(folder, table=None, **record):
    folder.mkdir(exist_ok=True)
    path = folder / f"{CELL.name}.parquet"
    (rows(CELL) if table is None else table).write_parquet(path)
    return path, CellRecord(recipe=CELL.recipe, seed=CELL.seed, **record)


def test_a_path_is_no_pattern_and_no_partition(tmp_path):
    written(tmp_path / "g1", rows(CELL).head(1))
    for name in ("g[1]", "seed=5", "*"):
        assert scan_table(*written(tmp_path / name)).collect().equals(rows(CELL))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (rows(CELLS[1]), "rows of b-0"),
        (pl.concat([rows(CELL), rows(CELLS[2])]), "rows of a-1"),
        (rows(CELL).drop("status"), "no column status"),
        (rows(CELL).with_columns(value=pl.lit("x")), "values of type String"),
        (rows(CELL).with_columns(seed=pl.lit("0")), "seeds of type String"),
        (rows(CELL).head(2), "2 rows where 6 were written"),
    ],
)
def test_rows_of_another_cell_number_or_schema(tmp_path, table, said):
    with pytest.raises(TableError, match=said):
        scan_table(*written(tmp_path, table, rows=6))


def test_a_file_that_is_not_as_it_was_written(tmp_path):
    path, record = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TableError, match="no table of rows"):
        scan_table(path, record)
    seal = Seal(size=1, sha256="")
    with pytest.raises(TableError, match="bytes where 1 were written"):
        scan_table(path, record.model_copy(update={"files": {f"scores/{path.name}": seal}}))
    path.unlink()
    with pytest.raises(TableError, match="missing"):
        scan_table(path, record)


def test_statistics_in_a_file_that_are_wrong_hide_no_row(tmp_path):
    path, record = written(tmp_path)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    metric = rows(CELL)["metric"][0].encode()
    other = content[:footer] + content[footer:].replace(metric, b"z" * len(metric))
    assert other != content
    path.write_bytes(other)
    wanted = pl.col("metric") == rows(CELL)["metric"][0]
    assert scan_table(path, record).filter(wanted).collect().equals(rows(CELL).filter(wanted))
