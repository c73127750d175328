import numpy as np
import polars as pl
import pytest

from campare.errors import DataError, TargetError
from campare.metrics.rows import check_count, frames
from campare.metrics.values import Found, Values
from campare.types import SCORE_COLUMNS

ZEROS = np.zeros(3, np.int64)
CONSTANT = {
    "recipe": "A", "seed": 0, "split": "test", "method": "grad-cam", "layer": "top"
}  # fmt: skip


def rows(results, names, *args, **given):
    found = Found(len(names))
    for name, values in results.items():
        found.put(name, slice(0, len(names)), values)
    return pl.concat(frames(found, names, *args, **given))


def table(values, status, classes=("cat",), target=ZEROS):
    one = Values(np.array(values), np.array(status))
    names = ("1", "2", "3")
    return rows(
        {"gini": one}, names, classes, label=ZEROS, prediction=ZEROS, target=target, **CONSTANT
    )


def test_what_is_undefined_is_null_so_that_a_mean_is_a_number():
    frame = table([0.25, np.nan, 0.75], ["ok", "flat", "ok"])
    assert frame.columns == list(SCORE_COLUMNS)
    assert frame["value"].to_list() == [0.25, None, 0.75]
    assert frame["status"].to_list() == ["ok", "flat", "ok"]
    assert frame["value"].mean() == 0.5


def test_no_results_are_an_empty_table_of_the_same_columns():
    frame = rows({}, (), ("cat",), label=ZEROS[:0], prediction=ZEROS[:0], target=ZEROS[:0])
    assert frame.schema == table([0.0] * 3, ["ok"] * 3).schema


def test_a_class_without_a_name_is_refused():
    with pytest.raises(TargetError, match="from 0 to 0, got 4"):
        table([0.0] * 3, ["ok"] * 3, target=np.array([0, 4, 0]))


def test_counts_must_agree():
    check_count(2, 2)
    with pytest.raises(DataError, match="each of 3 images, got 2"):
        check_count(2, 3)
