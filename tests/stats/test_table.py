"""Scores: the table as an object."""

import sys
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from campare import Scores, compare
from campare.errors import MissingExtraError, RunError
from campare.stats.source import checked_columns
from campare.types import NEEDED_COLUMNS, SCORE_COLUMNS


def rows(recipe, shift):
    for i in range(6):
        value = i / 10 + shift
        yield (recipe, 0, "test", f"{i}.png", "cat", "cat", "cat", "-", "-", "correct", 1.0, "ok")
        for method in ("grad-cam", "edge"):
            one = (recipe, 0, "test", f"{i}.png", "cat", "cat", "cat", method, "conv")
            yield (*one, "energy", value, "ok")
            yield (*one, "focus", float("nan"), "flat")


FRAME = checked_columns(
    pl.DataFrame([*rows("a", 0.0), *rows("<b>", 0.25)], schema=NEEDED_COLUMNS, orient="row")
).select(SCORE_COLUMNS)


def test_a_table_without_groups_has_the_images_as_groups():
    assert Scores(FRAME.drop("group")).frame.equals(FRAME)
    assert FRAME["group"].null_count() == len(FRAME)


def test_it_says_what_it_holds():
    scores = Scores(FRAME)
    assert len(scores) == 60
    assert repr(scores) == "Scores(60 rows: 2 models, 6 images, grad-cam, 3 metrics)"
    assert repr(Scores(FRAME.clear())) == "Scores(0 rows: 0 models, 0 images, 0 metrics)"


def test_the_notebook_shows_rows_and_escapes_names():
    html = Scores(FRAME.reverse())._repr_html_()
    assert "60 rows: 2 models" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert html.count("<tr>") <= 12


def test_columns_come_in_order_and_others_go():
    mixed = FRAME.select(reversed(SCORE_COLUMNS)).with_columns(extra=1)
    assert tuple(Scores(mixed).frame.columns) == SCORE_COLUMNS
    with pytest.raises(RunError, match="got none named value"):
        Scores(FRAME.drop("value"))


def test_compare_is_that_of_the_frame():
    one, other = Scores(FRAME).compare(resamples=100), compare(Scores(FRAME), resamples=100)
    assert one.effects.equals(other.effects)
    energy = one.effects.filter(pl.col("metric") == "energy")
    assert energy.select("contrast", "estimate").row(0) == ("<b> - a", pytest.approx(0.25))
    back = Scores(FRAME).compare(baseline="<b>", resamples=100).effects
    assert set(back["contrast"]) == {"a - <b>"}


def test_csv_reads_back_the_same(tmp_path):
    Scores(FRAME).to_csv(tmp_path / "rows.csv")
    again = pl.read_csv(tmp_path / "rows.csv", schema_overrides={"group": pl.String})
    assert again.equals(FRAME)


def test_polars_is_the_frame_itself():
    assert Scores(FRAME).to_polars().equals(FRAME)


def test_pandas_gets_plain_columns(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))
    made = Scores(FRAME).to_pandas()
    assert list(made) == list(SCORE_COLUMNS)
    np.testing.assert_array_equal(made["value"], FRAME["value"].to_numpy())


def test_pandas_as_it_is():
    pandas = pytest.importorskip("pandas")
    made = Scores(FRAME).to_pandas()
    assert isinstance(made, pandas.DataFrame)
    assert compare(made, resamples=100).effects.equals(compare(FRAME, resamples=100).effects)


def test_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"Expected 'pandas' to be installed.*to_polars"):
        Scores(FRAME).to_pandas()


def test_replicates_are_models():
    several = pl.concat(FRAME.filter(recipe="a").with_columns(seed=pl.lit(n)) for n in range(3))
    assert "3 models" in repr(Scores(several))
