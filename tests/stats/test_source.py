import polars as pl
import pytest
from test_scores import ROWS, frame

from campare.errors import RunError
from campare.stats.compare import compare
from campare.stats.scores import read
from campare.stats.source import checked_columns


@pytest.fixture
def table():
    return frame(*ROWS).with_columns(pl.col("value").fill_nan(None))


def values(table):
    return {key: one.values.tolist() for key, one in read(table).matrices().items()}


def test_files_and_folders_of_them_are_what_their_frame_is(table, tmp_path):
    expected = repr(values(table))
    table.write_parquet(tmp_path / "[1] rows.parquet")
    table.write_csv(tmp_path / "rows.csv")
    parts = tmp_path / "parts" / "more"
    parts.mkdir(parents=True)
    table[:3].write_parquet(parts / "1.parquet")
    table[3:].write_parquet(parts.parent / "n.parquet")
    (parts / ".2.part.parquet").write_text("half written")
    paths = [tmp_path / "[1] rows.parquet", tmp_path / "rows.csv", parts.parent]
    for source in (table.lazy(), *paths, *map(str, paths)):
        assert repr(values(source)) == expected


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt64, pl.String])
def test_parts_may_have_seeds_of_several_types(table, tmp_path, kind):
    table[:3].write_parquet(tmp_path / "1.parquet")
    table[3:].with_columns(pl.col("seed").cast(kind)).write_parquet(tmp_path / "2.parquet")
    expected = table if kind.is_integer() else table.with_columns(pl.col("seed").cast(kind))
    assert repr(values(tmp_path)) == repr(values(expected))


@pytest.mark.parametrize("column", ["image", "seed"])
def test_rows_without_an_image_or_a_seed_are_refused(table, column):
    lacking = pl.when(pl.int_range(pl.len()) > 1).then(pl.col(column)).alias(column)
    with pytest.raises(RunError, match=f"Expected the {column} of every row, got 2 rows without"):
        read(table.with_columns(lacking))
    read(table.with_columns(lacking).drop_nulls(column))  # as it advises


def test_names_may_be_categories_and_values_numbers_of_any_kind(table):
    names = [name for name in table.columns if name not in ("seed", "value")]
    found = table.with_columns(pl.col(names).cast(pl.Categorical), pl.col("value").cast(pl.Float32))
    assert repr(values(found)) == repr(values(table))


def test_what_is_no_table_is_refused(table, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match=r"Expected a table of measurements in .*a\.parquet, got"):
        read(tmp_path / "a.parquet")
    table.drop("metric").write_csv(tmp_path / "b.csv")
    with pytest.raises(RunError, match="got none named metric"):
        read(tmp_path / "b.csv")
    with pytest.raises(RunError, match="Expected a table of measurements, got"):
        read(table.with_columns(value=pl.lit("high")))


def test_a_run_that_lost_its_manifest_is_no_folder_of_rows(table, tmp_path):
    (tmp_path / "scores").mkdir()
    table.write_parquet(tmp_path / "scores" / "A-0.parquet")
    with pytest.raises(RunError, match=r"Expected a run directory with run\.json"):
        read(tmp_path)


def test_rows_of_a_model_may_be_in_several_files(tmp_path):
    """As engines write them that cut a table by rows."""
    names = [f"{i}.png" for i in range(6)]
    whole = frame(*((arm, 0, name, "-", "correct", 1.0) for arm in "AB" for name in names))
    half = 3
    whole[:half].write_parquet(tmp_path / "0.parquet")
    whole[half:].write_parquet(tmp_path / "1.parquet")
    parts, one = (compare(each, resamples=100).arms for each in (tmp_path, whole))
    assert parts.equals(one)


@pytest.mark.parametrize("groups", [None, "x"])
def test_what_pandas_lacks_is_null(table, tmp_path, groups):
    """Read from CSV an empty field is NaN, in a column of names too."""
    pandas = pytest.importorskip("pandas")
    first = pl.int_range(pl.len()) == 0
    group = pl.when(first).then(pl.lit(groups)).otherwise(None)
    table.with_columns(group=group.cast(pl.String)).write_csv(tmp_path / "rows.csv")
    read_back = pandas.read_csv(tmp_path / "rows.csv")
    for again in (read_back, read_back.convert_dtypes()):
        known = checked_columns(again)["group"]
        assert known.null_count() == table.height - (groups is not None)
