"""Curves of known truth: which part is said, and how often it is said of those that do not."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from campare.stats.parting import CURVES, partings

EPOCHS = (5, 10, 15, 20)


def curves(accuracy, quality, seeds=5, noise=0.01, recipe="A", metric="energy", seed=0):
    """Values at each epoch, with noise for each training."""
    rng = np.random.default_rng(seed)
    rows = [
        (recipe, s, epoch, measure, value + noise * rng.normal())
        for s in range(seeds)
        for measure, values in (("accuracy", accuracy), (metric, quality))
        for epoch, value in zip(EPOCHS, values, strict=True)
    ]
    return pl.DataFrame(rows, schema=CURVES, orient="row")


RISING, FALLING, HUMP = (0.6, 0.7, 0.8, 0.9), (0.6, 0.5, 0.4, 0.3), (0.4, 0.6, 0.5, 0.3)


def test_where_quality_is_best_the_two_part():
    (found,) = partings(curves(RISING, HUMP), 0.95)
    assert (found.subject, found.verdict, found.metric) == ("A", "parts", "energy")
    assert found.text.startswith("While A trained, its maps got worse from epoch 10 to 20 and its ")
    assert found.estimate == pytest.approx(-0.3, abs=0.02)
    assert found.evidence == (
        "95% intervals over 5 seeds, for 3 epochs at once, on the same images."
    )


def test_the_interval_is_student_s_over_seeds_for_all_epochs_at_once():
    own = curves(RISING, FALLING, noise=0.02)
    (found,) = partings(own, 0.95)
    energy = own.filter(pl.col("measure") == "energy").sort("seed", "epoch")["value"]
    table = energy.to_numpy().reshape(5, 4)
    low, high = stats.t.interval(
        1 - 0.05 / 3, 4, *(f(table[:, 3] - table[:, 0]) for f in (np.mean, stats.sem))
    )
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("accuracy", "quality", "metric"),
    [
        (RISING, RISING, "energy"),  # both get better
        (FALLING, FALLING, "energy"),  # both get worse: overfitting, not parting
        (HUMP, FALLING, "energy"),
        (RISING, RISING, "gini"),
        (RISING[::-1], RISING, "energy"),
    ],
)
def test_what_does_not_part_is_one_sentence(accuracy, quality, metric):
    own = curves(accuracy, quality, metric=metric)
    other = curves(accuracy, quality, metric=metric, recipe="B", seed=1)
    found = list(partings(pl.concat([own, other]), 0.95))
    assert [one.verdict for one in found] == (["not detected"] if metric == "energy" else [])
    assert all("While A and B trained, no fall of" in one.text for one in found)


def test_a_measure_of_which_less_is_better_parts_when_it_rises():
    (found,) = partings(curves(RISING, RISING, metric="cue-energy"), 0.95)
    assert found.verdict == "parts"
    assert found.estimate > 0


def test_of_trainings_that_do_not_part_few_are_said_to():
    flat = (0.7, 0.7, 0.7, 0.7)
    said = [
        one.verdict == "parts"
        for seed in range(200)
        for one in partings(curves(RISING, flat, noise=0.05, seed=seed), 0.95)
    ]
    assert len(said) == 200
    assert sum(said) <= 10  # 2.5 % of one direction are expected, at most


def test_one_seed_or_epochs_that_others_lack_are_said():
    (one,) = partings(curves(RISING, FALLING, seeds=1), 0.95)
    assert one.verdict == "not tested"
    own = curves(RISING, FALLING)
    stopped = own.filter((pl.col("seed") > 0) | (pl.col("epoch") < 20))  # seed 0 ended early
    (found,) = partings(stopped, 0.95)
    assert "from epoch 5 to 15" in found.text
    blank = (pl.col("seed") == 0) & (pl.col("epoch") == 5) & (pl.col("measure") == "energy")
    values = pl.when(blank).then(float("nan")).otherwise(pl.col("value"))
    (found,) = partings(own.with_columns(values.alias("value")), 0.95)  # no map at one epoch
    assert "from epoch 10 to 20" in found.text
    assert list(partings(pl.DataFrame(schema=CURVES), 0.95)) == []
