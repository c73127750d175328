"""Curves hold the means of the summary, and their trend is that of factors."""

from dataclasses import asdict

import numpy as np
import polars as pl
import pytest

from campare.stats.compare import compare
from campare.stats.curves import CURVES, dose_curves
from campare.stats.design import design_of
from campare.training.recipes import article
from campare.training.sweep import dosed
from campare.types import NEEDED_COLUMNS
from manifests import manifest

SIZES = (50, 100, 200, 400)
SAME = {
    "split": "test", "label": "a", "prediction": "a", "target": "a", "method": "grad-cam",
    "layer": "top", "metric": "focus", "status": "ok",
}  # fmt: skip


class Study:
    """What `compare` needs of a run: focus grows by `slope` with each doubling of the set."""

    def __init__(self, arms, slopes, seeds=4, images=60):
        rng = np.random.default_rng(0)
        self.manifest = manifest(recipes=[asdict(arm) for arm in arms])
        hard = rng.normal(0, 0.1, images)
        rows = []
        for arm in arms:
            gain = slopes[arm.dose_of] * np.log2(arm.train_size / 50)
            for seed in range(seeds):
                values = 0.5 + gain + hard + rng.normal(0, 0.01) + rng.normal(0, 0.02, images)
                rows += [(arm.name, seed, f"{i}", v) for i, v in enumerate(values)]
        own = pl.DataFrame(rows, schema=["recipe", "seed", "image", "value"], orient="row")
        self.frame = own.with_columns(**{n: pl.lit(v) for n, v in SAME.items()}).select(
            NEEDED_COLUMNS
        )

    def scores(self):
        return self.frame


@pytest.fixture(scope="module")
def study():
    return Study(dosed(article()[:2], sizes=SIZES), {"A": 0.04, "B": 0.0})


def test_points_are_the_means_of_the_table(study):
    found = compare(study)
    curves = dose_curves(found.summary, design_of(study.manifest.recipe_fields))
    assert dict(curves.schema) == CURVES
    for recipe in "AB":
        points = curves.filter((pl.col("recipe") == recipe) & (pl.col("metric") == "focus"))
        assert points["dose"].to_list() == list(SIZES)
        assert points["arm"].to_list() == [f"{recipe}-n{n}" for n in SIZES]
        for arm, value, low, high in points.select("arm", "value", "low", "high").iter_rows():
            own = study.frame.filter(pl.col("recipe") == arm)["value"]
            assert value == pytest.approx(own.mean())
            assert low < value < high


def test_the_trend_is_found_with_its_interval(study):
    factors = compare(study).factors
    trends = {row["contrast"]: row for row in factors.iter_rows(named=True)}
    rising, flat = trends["train size: A"], trends["train size: B"]
    assert rising["low"] < 0.04 < rising["high"]
    assert rising["p"] < 0.001
    assert flat["low"] < 0 < flat["high"]
    curves = dose_curves(compare(study).summary, design_of(study.manifest.recipe_fields))
    points = curves.filter(pl.col("recipe") == "A")
    slope = np.polyfit(np.log2(points["dose"]), points["value"], 1)[0]
    assert rising["estimate"] == pytest.approx(slope)


def test_the_claim_on_small_sets_can_be_judged(study):
    claim = compare(study).claims.filter(pl.col("claim") == "9 small sets").row(0, named=True)
    assert claim["estimate"] == pytest.approx(-0.04, abs=0.01)
    assert claim["verdict"] == "supported"


def test_without_doses_there_are_no_curves():
    study = Study(dosed(article()[:2], sizes=[50]), {"A": 0.0, "B": 0.0})
    empty = dose_curves(compare(study).summary, design_of(study.manifest.recipe_fields))
    assert empty.height == 0
    assert dict(empty.schema) == CURVES
