import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from test_compare import table

from campare.errors import RunError
from campare.stats.crossed import Split, interval, split
from campare.stats.power import (
    POWER,
    detectable,
    images_needed,
    power,
    power_of,
    resized,
    seeds_needed,
    too_small,
)

FACTS = json.loads(
    (Path(__file__).parent.parent / "fixtures" / "statsmodels.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", FACTS["power"], ids=lambda c: f"{c['n']}-{c['d']}-{c['alpha']}")
def test_with_one_seed_power_is_that_of_the_t_test_of_statsmodels(case):
    found = Split(0.0, 1.0, case["n"], ())
    assert power_of(found, case["d"], case["alpha"]) == pytest.approx(case["power"], abs=1e-6)


@pytest.mark.parametrize("case", FACTS["needed"], ids=lambda c: str(c["d"]))
def test_images_needed_are_those_of_statsmodels(case):
    start = Split(0.0, 1.0, 20, ())
    found = images_needed(start, lambda other: power_of(other, case["d"]) >= 0.8)
    assert found == case["n"]
    near = images_needed(start, lambda other: detectable(other) <= case["d"])
    assert near == pytest.approx(case["n"], abs=1)


def test_power_is_how_often_an_effect_is_found():
    def study(rng, gain, seeds=5):
        return split(
            [g + rng.normal(0, 0.1, 80) + rng.normal(0, 0.05, (seeds, 1))
             + rng.normal(0, 0.1, (seeds, 80)) for g in (gain, 0.0)], [1, -1],
        )  # fmt: skip

    rng = np.random.default_rng(0)
    guessed = np.mean([power_of(study(rng, 0.0), 0.1) for _ in range(200)])
    found = np.mean([interval(study(rng, 0.1))[2] < 0.05 for _ in range(1000)])
    assert guessed == pytest.approx(found, abs=0.06)


def test_some_metrics_alone_have_the_rows_that_they_have_among_all():
    whole = power(table(seeds=4))
    metric = whole["metric"][0]
    some = power(table(seeds=4), metrics=[metric])
    assert some.equals(whole.filter(pl.col("metric") == metric))
    assert 0 < some.height < whole.height


def test_more_seeds_do_not_help_where_images_are_few():
    few = Split(
        0.0, 1.0, 10, split(np.random.default_rng(0).normal(size=(2, 3, 10)), [1, -1]).parts
    )
    assert seeds_needed(few, lambda other: detectable(other) <= 0.01) is None


def test_resizing_takes_each_part_with_it():
    rng = np.random.default_rng(1)
    found = split([rng.normal(0, 1, (4, 50)) + rng.normal(0, 1, 50) for _ in range(2)], [1, -1])
    assert resized(found).variance == pytest.approx(found.variance, rel=0.2)
    four = resized(found, images=200)
    assert four.image_variance == pytest.approx(found.image_variance / 4)
    assert sum(p.residual for p in four.parts) == pytest.approx(
        sum(p.residual for p in found.parts) / 4
    )


def test_the_table_says_what_it_would_take():
    found = power(table(seeds=4))
    assert dict(found.schema) == POWER
    row = found.filter(
        (pl.col("contrast") == "B - A") & (pl.col("metric") == "energy")
        & (pl.col("method") == "grad-cam")
    ).row(0, named=True)  # fmt: skip
    assert row["smallest"] == 0.05
    assert row["sd_residual"] == pytest.approx(0.05, rel=0.2)
    assert (row["seeds"], row["images"]) == (4, 30)
    lift = found.filter(pl.col("metric") == "lift")
    assert lift["smallest"].null_count() == lift.height  # no range, no claim: no default
    given = power(table(seeds=4), smallest={"lift": 0.1})
    assert given.filter(pl.col("metric") == "lift@matched")["smallest"].unique().item() == 0.1
    assert given.filter(pl.col("metric") == "energy")["power"].null_count() > 0


def test_a_study_that_is_too_small_says_so():
    weak = power(table(seeds=3), smallest=0.01)
    (line,) = too_small(weak, ("energy",))
    assert line.startswith("Too small to find a difference of 0.01 in energy (")
    assert line.endswith(("these images.", "3 seeds.", "it takes both."))
    assert too_small(power(table(seeds=3), smallest=1.0)) == []


def test_a_difference_beyond_the_range_is_not_said_to_be_found():
    row = {"contrast": "B - A", "method": "grad-cam", "metric": "energy@matched", "smallest": 0.05,
           "power": 0.3, "seeds": 3, "seeds_needed": None, "images_needed": 400}  # fmt: skip
    schema = {"seeds_needed": pl.Int64}
    for most, said in ((1.0, "it finds 1 with 80%"), (1.1, "it finds none within its range with")):
        (line,) = too_small(pl.DataFrame([row | {"detectable": most}], schema_overrides=schema))
        assert said in line


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smallest": 0.0}, r"a smallest effect above 0, got 0.0. Try 0.05."),
        ({"goal": 1.0}, r"alpha and the power between 0 and 1, got 0.05 and 1.0. Try"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(RunError, match=message):
        power(table("AB", seeds=2, images=5), **settings)


def test_one_seed_needs_more_and_cannot_say_how_many():
    found = power(table("AB", seeds=1))
    assert found["seeds_needed"].null_count() == found.height
    assert math.isfinite(found["detectable"].max())


def test_more_images_are_more_groups():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 5)
    Y = rng.normal(0, 0.1, 100) + rng.normal(0, 0.2, 20)[groups] + rng.normal(0, 0.05, (3, 100))
    found = split([Y], [1.0], groups)
    larger = resized(found, images=400)
    assert larger.groups.number == 80
    assert larger.groups.freedom == pytest.approx(79)
    assert larger.image_variance == pytest.approx(found.image_variance / 4)
    same = resized(found, images=100)
    assert same.variance == pytest.approx(found.variance)
    assert same.freedom == pytest.approx(found.freedom)
    assert detectable(found) > 1.5 * detectable(split([Y], [1.0]))


def test_one_seed_is_told_in_the_singular():
    row = {"contrast": "B - A", "method": "grad-cam", "metric": "energy", "smallest": 0.05,
           "power": 0.3, "detectable": 0.11, "seeds": 1, "images": 55, "seeds_needed": None,
           "images_needed": 400}  # fmt: skip
    (line,) = too_small(pl.DataFrame([row], schema_overrides={"seeds_needed": pl.Int64}))
    assert line.endswith("It takes 400 images at 1 seed.")
