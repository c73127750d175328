import polars as pl
import pytest

from campare.experiments import spool as module
from campare.experiments.spool import Spool


def frames():
    for start in range(0, 40, 5):
        numbers = range(start, start + 5)
        yield pl.DataFrame({"image": [f"{i}.png" for i in numbers], "value": [None, *numbers][:5]})


@pytest.mark.parametrize("limit", [0, 12, 1000])
def test_rows_come_back_in_their_order_from_memory_and_from_a_file(limit, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "LIMIT", limit)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    spool = Spool()
    for frame in frames():
        spool.add(frame)
    expected = pl.concat(frames())
    assert spool.frame().equals(expected)
    assert spool.frame().equals(expected)  # again
    spool.lazy().sink_parquet(tmp_path / "rows.parquet")
    assert pl.read_parquet(tmp_path / "rows.parquet").equals(expected)
    few = spool.lazy().filter(pl.col("image") == "7.png").select("value").collect()
    assert few.rows() == expected.filter(pl.col("image") == "7.png").select("value").rows()
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["rows.parquet"]
