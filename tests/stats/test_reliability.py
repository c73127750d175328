"""Agreement and reliability against SciPy, Cronbach's alpha, and values of known reliability."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from campare.stats.reliability import agreement, reliability, split_half
from campare.stats.table import Scores
from campare.types import NEEDED_COLUMNS


def table(measured, method="grad-cam"):
    """metric -> values (recipes, seeds, images) as rows; NaN is undefined."""
    rows = [
        (f"r{r}", s, "test", f"{i:04d}.png", "x", "x", "x", method, "top", metric, float(value),
         "flat" if np.isnan(value) else "ok")
        for metric, values in measured.items()
        for (r, s, i), value in np.ndenumerate(np.asarray(values))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row")


def of(frame, **where):
    return frame.filter(*(pl.col(key) == value for key, value in where.items())).row(0, named=True)


def alpha(items):
    """Cronbach's alpha of items (I, S)."""
    n = len(items)
    return n / (n - 1) * (1 - items.var(axis=1, ddof=1).sum() / items.sum(axis=0).var(ddof=1))


def test_agreement_is_spearmans_correlation_of_each_model_and_of_their_means():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 2, 40)).round(1)  # with ties
    b = a + rng.normal(size=a.shape)
    row = of(agreement(table({"energy": a, "iou": b})), metric="energy", other="iou")
    each = [
        spearmanr(x, y).statistic for x, y in zip(a.reshape(6, -1), b.reshape(6, -1), strict=True)
    ]
    means = spearmanr(a.mean(axis=2).ravel(), b.mean(axis=2).ravel()).statistic
    assert row["over_images"] == pytest.approx(np.mean(each))
    assert row["over_models"] == pytest.approx(means)
    assert (row["images"], row["models"]) == (40, 6)


def test_a_measure_where_low_is_better_agrees_with_one_where_high_is():
    values = np.random.default_rng(0).random((1, 1, 10))
    found = agreement(table({"insertion": values, "deletion": -values}))
    assert found["over_images"].item() == pytest.approx(1)


def test_undefined_images_count_for_neither():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 1, 1, 10))
    holes = a.copy()
    holes[0, 0, 7:] = np.nan
    row = agreement(table({"energy": holes, "iou": b})).row(0, named=True)
    expected = spearmanr(a[0, 0, :7], b[0, 0, :7]).statistic
    assert (row["over_images"], row["images"]) == (pytest.approx(expected), 7)
    assert math.isnan(row["over_models"])  # of one model


def test_measures_of_different_images_are_compared_over_nothing():
    mosaics = table({"focus": np.random.default_rng(0).random((4, 1, 8))})
    mosaics = mosaics.with_columns((pl.lit("mosaic-") + pl.col("image")).alias("image"))
    both = pl.concat([table({"energy": np.random.default_rng(1).random((4, 1, 8))}), mosaics])
    row = agreement(both).row(0, named=True)
    assert math.isnan(row["over_images"])
    assert row["images"] == row["models"] == 0


def test_a_constant_measure_agrees_with_nothing():
    values = np.random.default_rng(0).random((3, 1, 5))
    found = agreement(table({"energy": np.ones((3, 1, 5)), "iou": values}))
    assert math.isnan(found["over_images"].item())
    assert math.isnan(found["over_models"].item())


def test_nulls_conditions_and_the_classifier_do_not_count():
    values = {"energy": np.random.default_rng(0).random((1, 1, 5))}
    others = [table(values, m) for m in ("uniform", "grad-cam:untrained", "-")]
    others.append(table({"energy@matched": values["energy"]}))
    found = reliability(pl.concat([table(values), *others]))
    assert found.select("method", "metric").rows() == [("grad-cam", "energy")]


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_split_half_is_cronbachs_alpha_of_parallel_items(seed, count):
    """The mean of all split halves is alpha for items of equal variance (Cronbach 1951)."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=400) + rng.normal(size=(2 * count, 400))
    found = split_half(items, splits=30, seed=0)
    assert found == pytest.approx(alpha(items), abs=0.02)
    assert found <= 1


def test_reliability_over_images_is_the_share_of_the_models_variance():
    rng = np.random.default_rng(0)
    models, images = 400, 20
    values = rng.normal(0, 0.1, (models, 1, 1)) + rng.normal(0, 0.4, (models, 1, images))
    row = reliability(table({"energy": values})).row(0, named=True)
    assert row["over_images"] == pytest.approx(0.01 / (0.01 + 0.16 / images), abs=0.08)
    assert (row["images"], row["models"]) == (images, models)
    assert math.isnan(row["over_seeds"])
    assert row["seeds"] == 0


def test_reliability_over_seeds_is_the_share_of_the_images_variance():
    rng = np.random.default_rng(0)
    seeds, images = 6, 1000
    values = rng.normal(0, 0.2, (2, 1, images)) + rng.normal(0, 0.4, (2, seeds, images))
    row = reliability(table({"energy": values})).row(0, named=True)
    assert row["over_seeds"] == pytest.approx(0.04 / (0.04 + 0.16 / seeds), abs=0.03)
    assert row["seeds"] == seeds


def test_too_little_to_halve_is_nan():
    assert math.isnan(split_half(np.ones((1, 5))))
    assert math.isnan(split_half(np.random.default_rng(0).random((9, 2))))
    assert math.isnan(split_half(np.ones((4, 4))))
    assert split_half(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])) == -math.inf


def test_scores_offer_both():
    rows = table({"energy": np.random.default_rng(0).random((3, 1, 6))})
    scores = Scores(rows)
    assert scores.agreement().equals(agreement(rows))
    assert scores.reliability(splits=10).equals(reliability(rows, splits=10))


def test_groups_stay_in_one_half():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(6), 5)
    items = rng.normal(size=(6, 4))[groups]  # all images of a group say the same
    assert split_half(items, splits=50, groups=groups) == pytest.approx(
        split_half(items[::5], splits=50)
    )
    assert split_half(items, splits=50) > split_half(items, splits=50, groups=groups)
