import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare import compare
from campare.errors import RunError
from campare.stats.comparison import SENSITIVITY
from campare.stats.sensitivity import strata
from campare.types import NEEDED_COLUMNS
from manifests import manifest


def rows(recipe, seeds, values, prediction, *, target=None, layer="top", metric="energy"):
    """values(seed, image) -> float; prediction(seed, image) -> class; the label is 'a'."""
    return [
        (recipe, s, "test", f"{i}.png", "a", prediction(s, i),
         "a" if target is None else target(s, i), "grad-cam", layer, metric, values(s, i), "ok")
        for s in range(seeds) for i in range(40)
    ]  # fmt: skip


def frame(*parts):
    return pl.DataFrame([r for part in parts for r in part], schema=NEEDED_COLUMNS, orient="row")


def noise(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.03, (5, 40))
    return lambda s, i: values[s, i]


def of(found, analysis, metric="energy"):
    part = found.sensitivity.filter((pl.col("analysis") == analysis) & (pl.col("metric") == metric))
    return part.row(0, named=True)


def always(s, i):
    return "a"


def sometimes(s, i):  # right in two thirds
    return "a" if (s + i) % 3 else "b"


def test_a_difference_that_is_only_accuracy_goes_away():
    # A map is good where the prediction is right; B is right more often, else the same.
    one, two = noise(1), noise(2)
    A = rows("A", 5, lambda s, i: one(s, i) + 0.4 * (sometimes(s, i) == "a"), sometimes)
    often = lambda s, i: "a" if (s + i) % 6 else "b"  # noqa: E731
    B = rows("B", 5, lambda s, i: two(s, i) + 0.4 * (often(s, i) == "a"), often)
    found = compare(frame(A, B), resamples=100)
    assert dict(found.sensitivity.schema) == SENSITIVITY
    assert found.effects["low"].item() > 0
    for analysis in ("correct predictions only", "accuracy-matched"):
        row = of(found, analysis)
        assert row["low"] < 0 < row["high"]
        assert not row["agrees"]


def test_a_real_difference_stays():
    one, two = noise(1), noise(2)
    A, B = rows("A", 5, one, sometimes), rows("B", 5, lambda s, i: 0.2 + two(s, i), always)
    row = of(compare(frame(A, B), resamples=100), "accuracy-matched")
    assert row["estimate"] == pytest.approx(0.2, abs=0.02)
    assert row["agrees"]


def test_matched_resolution_stands_beside_the_native_one():
    one, two = noise(1), noise(2)
    parts = [rows("A", 5, one, always), rows("B", 5, lambda s, i: 0.2 + two(s, i), always),
             rows("A", 5, one, always, metric="energy@matched"),
             rows("B", 5, two, always, metric="energy@matched")]  # fmt: skip
    found = compare(frame(*parts), resamples=100)
    assert not of(found, "matched resolution")["agrees"]


def test_the_predicted_class_is_kept_apart_where_both_were_measured():
    one, two = noise(1), noise(2)
    parts = []
    for recipe, values, gain in (("A", one, 0.0), ("B", two, 0.2)):
        parts.append(rows(recipe, 5, lambda s, i, v=values, g=gain: g + v(s, i), sometimes))
        parts.append(rows(recipe, 5, lambda s, i, v=values: v(s, i), sometimes, target=sometimes))
    found = compare(frame(*parts), resamples=100)
    main = found.effects["estimate"].item()
    predicted = of(found, "predicted class")["estimate"]
    assert main > predicted + 0.05
    only = compare(frame(parts[1], parts[3]), resamples=100)  # the predicted class alone
    assert "predicted class" not in set(only.sensitivity["analysis"])
    assert only.effects["estimate"].item() == pytest.approx(0, abs=0.02)


class Run:
    def __init__(self, table, layers):
        self.table = table
        cells = {f"{r}-0": {"recipe": r, "seed": 0, "layer": n} for r, n in layers.items()}
        self.manifest = manifest(cells=cells)

    def scores(self):
        return self.table


def test_other_layers_are_analysed_beside_the_run_s_own():
    one, two = noise(1), noise(2)
    parts = []
    for layer, gain in (("top", 0.2), ("block", 0.0)):
        parts.append(rows("A", 5, one, always, layer=layer))
        parts.append(rows("B", 5, lambda s, i, g=gain: g + two(s, i), always, layer=layer))
    table = frame(*parts)
    found = compare(Run(table, {"A": "top", "B": "top"}), resamples=100)
    assert found.effects["estimate"].item() == pytest.approx(0.2, abs=0.02)
    assert not of(found, "layer block")["agrees"]
    with pytest.raises(RunError, match="one layer for grad-cam of recipe A, got block, top"):
        compare(table)
    with pytest.raises(RunError, match="one layer for grad-cam of recipe B, got block, top"):
        compare(Run(table, {"A": "top", "B": "deep"}))


@given(
    hits=st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_each_value_is_in_the_stratum_of_its_prediction_and_none_is_lost(hits, seed):
    right = np.array(hits, float)
    values = np.random.default_rng(seed).normal(size=right.shape)
    found = strata(values, right)
    assert found.shape == (len(right), 10)
    for s, n in np.ndindex(*right.shape):
        pair = found[s, n], found[s, n + 5]
        kept, other = pair if right[s, n] else pair[::-1]
        assert kept == values[s, n]
        assert np.isnan(other)


def test_without_any_right_prediction_known_only_other_tables_are_analysed():
    one, two = noise(1), noise(2)
    unknown = frame(rows("A", 3, one, always), rows("B", 3, two, always)).with_columns(
        pl.lit(None, pl.String).alias("prediction")
    )
    analyses = set(compare(unknown, resamples=100).sensitivity["analysis"])
    assert not analyses & {"correct predictions only", "accuracy-matched"}
