import math

import numpy as np
import polars as pl
import pytest

from campare import compare
from campare.data import Images
from campare.errors import RunError
from campare.metrics.mosaic import shown_on
from campare.stats.comparison import CLAIMS, EFFECTS, NULLS, SUMMARY, Comparison
from campare.stats.design import Levels
from campare.stats.holm import holm
from campare.stats.judging import VERDICTS
from campare.stats.table import Scores
from campare.types import NEEDED_COLUMNS
from manifests import manifest

GAIN = {"A": 0.0, "B": 0.2, "C": -0.1}
METRICS = {
    "grad-cam": ("energy", "lift", "energy@matched", "lift@matched"),
    "grad-cam:untrained": ("energy", "lift"),
    "layer-cam:untrained": ("energy", "lift"),
    "layer-cam": ("energy", "lift"),
    "uniform": ("energy", "lift"),
    "-": ("correct",),
}


def table(recipes="ABC", seeds=3, images=30, methods=METRICS):
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 0.1, images)
    rows = []
    for recipe in recipes:
        for seed in range(seeds):
            shift = rng.normal(0, 0.01)
            for method in methods:
                for metric in methods[method]:
                    gain = 0.0 if method == "uniform" else 0.4 + GAIN[recipe] + shift
                    noise = 0.0 if method == "uniform" else rng.normal(0, 0.05, images)
                    value = hard + gain + noise
                    rows += [
                        (recipe, seed, "test", f"{i}.png", "a", "a", "a", method, "top", metric, v)
                        for i, v in enumerate(value)
                    ]
    frame = pl.DataFrame(rows, schema=NEEDED_COLUMNS[:-1], orient="row")
    return frame.with_columns(pl.lit("ok").alias("status"))


class Run:
    def __init__(self, frame, contrasts=()):
        self.frame = frame
        self.manifest = manifest(contrasts=[list(pair) for pair in contrasts])

    def scores(self):
        return self.frame


TABLE = table()


def effect(comparison, contrast, method="grad-cam", metric="energy"):
    rows = comparison.effects.filter(
        (pl.col("contrast") == contrast) & (pl.col("method") == method)
        & (pl.col("metric") == metric)
    )  # fmt: skip
    return rows.row(0, named=True)


def test_every_recipe_is_compared_with_the_first():
    found = compare(TABLE, resamples=500)
    assert dict(found.effects.schema) == EFFECTS
    assert found.effects["contrast"].unique(maintain_order=True).to_list() == ["B - A", "C - A"]
    assert set(found.effects["method"]) == {"grad-cam", "layer-cam", "-"}
    means = (
        TABLE.filter(pl.col("metric") == "energy")
        .group_by("recipe", "method")
        .agg(pl.col("value").mean())
    )
    mean = {(recipe, method): value for recipe, method, value in means.rows()}
    row = effect(found, "B - A")
    assert row["estimate"] == pytest.approx(mean["B", "grad-cam"] - mean["A", "grad-cam"])
    assert row["low"] < row["estimate"] < row["high"]
    assert row["low"] > 0.1
    assert effect(found, "C - A")["high"] < 0
    assert (row["treatment"], row["control"], row["images"], row["seeds"]) == ("B", "A", 30, 3)


def test_the_run_names_the_contrasts():
    run = Run(TABLE, [("C", "B"), ("D", "A")])  # D has no finished cell yet
    assert set(compare(run, resamples=100).effects["contrast"]) == {"C - B"}


def test_a_baseline_and_contrasts_go_before_those_of_the_run():
    run = Run(TABLE, [("C", "B")])
    by_baseline = compare(run, baseline="B", resamples=100).effects
    assert set(by_baseline["contrast"]) == {"A - B", "C - B"}
    asked = compare(run, contrasts=[("A", "C")], resamples=100).effects
    assert set(asked["contrast"]) == {"A - C"}


def test_methods_can_be_chosen():
    one = compare(TABLE, method="layer-cam", resamples=100)
    assert set(one.effects["method"]) == {"layer-cam"}
    assert set(one.nulls["method"]) == {"layer-cam"}
    both = compare(TABLE, method=["-", "grad-cam"], resamples=100)
    assert set(both.effects["method"]) == {"grad-cam", "-"}


def test_holm_is_over_the_metrics_of_one_contrast_method_and_resolution():
    effects = compare(TABLE, resamples=500).effects
    matched = pl.col("metric").str.ends_with("@matched")
    for _, part in effects.group_by("contrast", "method", matched):
        np.testing.assert_allclose(part["p_adjusted"], holm(part["p"].to_numpy()))
    sizes = effects.group_by("contrast", "method", matched).len()["len"]
    assert sorted(sizes) == [1, 1, 2, 2, 2, 2, 2, 2]


def test_values_under_conditions_do_not_weigh_on_the_metrics():
    doses = [
        TABLE.with_columns(pl.col("metric").str.replace("^energy$", f"energy@{dose}"))
        for dose in (5, 10)
    ]
    named = pl.concat(doses).filter(pl.col("metric").str.starts_with("energy@"))
    named = named.filter(~pl.col("metric").str.ends_with("matched"))
    plain = compare(TABLE, resamples=100, method="grad-cam").effects
    more = compare(pl.concat([TABLE, named]), resamples=100, method="grad-cam").effects
    keys = ["contrast", "metric"]
    both = plain.join(more, on=keys, suffix="_more")
    assert both["p_adjusted"].to_list() == both["p_adjusted_more"].to_list()
    doses = more.filter(pl.col("metric").is_in(["energy@5", "energy@10"]))
    for _, part in doses.group_by("contrast"):
        np.testing.assert_allclose(part["p_adjusted"], holm(part["p"].to_numpy()))


def test_the_summary_counts_what_is_undefined():
    broken = TABLE.with_columns(
        pl.when((pl.col("image") == "3.png") & (pl.col("seed") == 1) & (pl.col("recipe") == "A"))
        .then(pl.lit("flat"))
        .otherwise("status")
        .alias("status")
    )
    summary = compare(broken, resamples=100).summary
    assert dict(summary.schema) == SUMMARY
    rows = {row[:3]: row[3:] for row in summary.rows()}
    mean, low, high, images, seeds, groups, undefined, count = rows["A", "grad-cam", "energy"]
    assert low < mean < high
    assert (images, seeds, groups, undefined, count) == (30, 3, 0, 1, 90)
    assert rows["B", "grad-cam", "energy"][-2:] == (0, 90)
    assert ("A", "uniform", "energy") in rows


def test_nulls_are_paired_with_the_method_on_the_same_models():
    nulls = compare(TABLE, resamples=500).nulls
    assert dict(nulls.schema) == NULLS
    rows = {row[:4]: row[4:] for row in nulls.rows()}
    estimate, low, _, p = rows["B", "grad-cam", "energy", "uniform"]
    wide = TABLE.filter((pl.col("recipe") == "B") & (pl.col("metric") == "energy"))
    mean = dict(wide.group_by("method").agg(pl.col("value").mean()).rows())
    assert estimate == pytest.approx(mean["grad-cam"] - mean["uniform"])
    assert low > 0
    assert p < 0.05
    assert ("B", "grad-cam", "energy", "grad-cam:untrained") in rows
    assert ("B", "grad-cam", "energy", "layer-cam:untrained") not in rows
    assert not {method for _, method, *_ in rows} & {"-", "uniform", "grad-cam:untrained"}


def test_a_null_shares_the_luck_of_the_images():
    # Images differ a lot, method minus null hardly: pairing must make the interval narrow.
    rows = []
    for i, hard in enumerate(np.linspace(0, 10, 20)):
        for method, value in (("grad-cam", hard + 0.1 + 0.01 * (i % 3)), ("edge", hard)):
            words = ("test", str(i), "a", "a", "a", method, "top", "lift", value, "ok")
            rows += [(recipe, 0, *words) for recipe in "AB"]
    nulls = compare(pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row"), resamples=500).nulls
    assert (nulls["high"] - nulls["low"]).max() < 0.02
    assert nulls["estimate"].to_list() == pytest.approx([0.1095, 0.1095])


def test_a_null_measured_once_stands_against_every_seed():
    once = TABLE.filter((pl.col("method") != "uniform") | (pl.col("seed") == 1))
    full, found = (
        compare(t, resamples=200, method="grad-cam").nulls.filter(pl.col("null") == "uniform")
        for t in (TABLE, once)
    )
    assert found.equals(full)


def test_one_seed_is_an_interval_over_images_alone():
    row = effect(compare(table(seeds=1), resamples=500), "B - A")
    assert row["seeds"] == 1
    assert math.isfinite(row["low"])


def test_the_numbers_belong_to_the_seed_not_to_the_order_of_rows():
    first = compare(TABLE, resamples=300, seed=4)
    order = TABLE.sample(fraction=1, shuffle=True, seed=1).sort("recipe", maintain_order=True)
    keys = ["contrast", "method", "metric"]
    again = compare(order, resamples=300, seed=4)
    assert first.effects.sort(keys).equals(again.effects.sort(keys))
    other = compare(TABLE, resamples=300, seed=5)
    assert not first.effects.equals(other.effects)
    assert first.effects["estimate"].equals(other.effects["estimate"])


def test_a_contrast_does_not_depend_on_other_recipes():
    alone = compare(table("AB"), resamples=300).effects
    assert alone.equals(compare(TABLE, resamples=300).effects.filter(pl.col("contrast") == "B - A"))


def test_images_without_overlap_leave_the_effect_undefined():
    apart = TABLE.with_columns(
        pl.when(pl.col("recipe") == "B").then(pl.lit("b/") + pl.col("image")).otherwise("image")
        .alias("image")
    )  # fmt: skip
    row = effect(compare(apart, resamples=100), "B - A")
    assert math.isnan(row["estimate"])
    assert math.isnan(row["p_adjusted"])
    assert row["images"] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baseline": "Z"}, "Expected recipes of the table, got Z. Try A, B, C."),
        ({"contrasts": [("B", "Y")]}, "Expected recipes of the table, got Y. Try A, B, C."),
        ({"contrasts": [("B", "B")]}, r"as pairs of two recipes, got \[\('B', 'B'\)\]. Try"),
        ({"contrasts": ["BA"]}, r"as pairs of two recipes, got \['BA'\]. Try"),
        ({"baseline": "A", "contrasts": []}, "a baseline or contrasts, got both. Try leaving"),
        ({"method": "cam"}, "Expected methods of the table, got cam. Try grad-cam"),
        ({"confidence": 1.0}, "a confidence between 0 and 1, got 1.0. Try 0.95."),
        ({"resamples": 50}, "100 resamples or more at confidence 0.95, got 50. Try 2000."),
        ({"resamples": 1500, "confidence": 0.999}, "2000 resamples or more at confidence 0.999"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(RunError, match=message):
        compare(TABLE, **settings)


def test_one_recipe_alone_has_a_summary_and_no_effects():
    found = compare(table("A", seeds=1, images=3))
    assert len(found.effects) == 0
    assert set(found.summary["recipe"]) == {"A"}


def square(seeds=4, images=40):
    rng = np.random.default_rng(3)
    hard, rows = rng.normal(0, 0.1, images), []
    for recipe, gain in {"A": 0.0, "B": 0.2, "C": 0.25, "D": 0.01}.items():
        for seed in range(seeds):
            values = 0.4 + gain + hard + rng.normal(0, 0.01) + rng.normal(0, 0.05, images)
            rows += [
                (recipe, seed, "test", f"{i}", "a", "a", "a", "grad-cam", "top", "energy", v, "ok")
                for i, v in enumerate(values)
            ]
    return pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row")


def test_the_factors_are_contrasts_of_all_arms():
    table = square()
    found = compare(table, resamples=100)
    mean = dict(table.group_by("recipe").agg(pl.col("value").mean()).iter_rows())
    rows = {row["contrast"]: row for row in found.factors.iter_rows(named=True)}
    assert dict(found.factors.schema) == EFFECTS
    expected = {
        "pre-training": (mean["B"] - mean["A"] + mean["C"] - mean["D"]) / 2,
        "augmentation": (mean["C"] - mean["B"] + mean["D"] - mean["A"]) / 2,
        "pre-training x augmentation": mean["C"] - mean["B"] - mean["D"] + mean["A"],
    }
    assert {name: row["estimate"] for name, row in rows.items()} == pytest.approx(expected)
    assert rows["pre-training"]["treatment"] == "B + C"
    assert rows["pre-training"]["low"] > 0


def test_claims_have_the_columns_and_words_of_the_design(tmp_path):
    found = compare(square(), resamples=100)
    assert dict(found.claims.schema) == CLAIMS
    assert found.claims.height == 9
    assert set(found.claims["verdict"]) <= set(VERDICTS)
    row = found.claims.filter(pl.col("claim") == "2 object").row(0, named=True)
    assert (row["verdict"], row["metric"]) == ("supported", "energy")
    found.to_json(tmp_path / "c.json")
    again = Comparison.from_json(tmp_path / "c.json")
    assert again.claims.equals(found.claims)
    assert again.sensitivity.equals(found.sensitivity)


def test_claims_of_a_file_and_of_recipes_without_a_design(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "- {name: mine, contrast: y - x, direction: lower, measure: energy, smallest: 0.05, "
        "reason: r}",
        "utf-8",
    )
    renamed = square().with_columns(pl.col("recipe").replace({"A": "x", "B": "y"}))
    renamed = renamed.filter(pl.col("recipe").is_in(["x", "y"]))
    assert compare(renamed, resamples=100).claims.height == 0
    found = compare(renamed, claims=path, resamples=100).claims
    assert found.select("claim", "verdict").rows() == [("mine", "contradicted")]
    assert compare(renamed, claims=(), resamples=100).claims.height == 0


def test_a_design_can_be_given():
    renamed = square().with_columns(pl.col("recipe") + "'")
    design = {"A'": Levels(False, False), "B'": Levels(True, False), "C'": Levels(True, True)}
    found = compare(renamed, design=design, resamples=100)
    assert set(found.factors["contrast"]) == {"pre-training", "augmentation"}
    with pytest.raises(RunError, match=r"recipes of the table in the design, got Z. Try A', B'"):
        compare(renamed, design={"Z": Levels(False, False)})


def test_arms_that_are_known_by_their_names_alone_are_told():
    (said,) = compare(TABLE, resamples=100).notes
    assert said.startswith("By name alone A, B and C are taken for recipes of campare's own.")
    assert compare(TABLE, design={}, resamples=100).notes == ()
    assert compare(TABLE.with_columns(pl.col("recipe") + "'"), resamples=100).notes == ()


def test_one_arm_without_controls_has_been_measured():
    one = TABLE.filter(recipe="A", method="grad-cam")
    found = compare(one, resamples=100)
    assert found.nulls.height == found.effects.height == 0
    assert found.headline.startswith("A has 0.")


def test_arms_without_a_measure_in_common_were_measured_all_the_same():
    other = pl.when(recipe="A").then(pl.lit("fem")).otherwise("method")
    apart = TABLE.filter(pl.col("recipe").is_in(["A", "B"]), method="grad-cam")
    found = compare(apart.with_columns(method=other), resamples=100)
    assert found.headline == "No map of this run could be compared."


def test_a_metric_may_have_any_name():
    for name in ("-", "", " "):
        odd = TABLE.filter(metric="energy").with_columns(metric=pl.lit(name))
        assert compare(odd, resamples=100).headline


def test_the_permutation_test_and_the_size_stand_beside_the_interval():
    row = effect(compare(TABLE, resamples=1000), "B - A")
    assert row["size_low"] < row["effect_size"] < row["size_high"]
    assert 0.04 < row["p_permutation"] < 0.3  # three seeds
    none = effect(compare(table("AB"), contrasts=[("A", "B")], resamples=1000), "A - B")
    assert none["effect_size"] == pytest.approx(-row["effect_size"])


def grouped(frame=TABLE, size=5):
    """The table with groups of so many images each."""
    number = pl.col("image").str.extract(r"(\d+)").cast(pl.Int64) // size
    return frame.with_columns(group="patient " + number.cast(pl.String))


def test_groups_are_the_units_of_every_table():
    alone, found = compare(TABLE, resamples=200), compare(grouped(), resamples=200)
    assert found.notes == ("Units of independence: 6 groups of 5 images.", *alone.notes)
    for name in ("effects", "summary", "factors", "sensitivity"):
        before, after = getattr(alone, name), getattr(found, name)
        assert set(before["groups"]) <= {0}
        assert set(after.filter(pl.col("low").is_finite())["groups"]) <= {6}
        first = "mean" if name == "summary" else "estimate"
        assert after[first].to_list() == before[first].to_list()
    assert found.effects["p_permutation"].min() > alone.effects["p_permutation"].min()
    assert found.nulls["low"].to_list() != alone.nulls["low"].to_list()
    said = [str(answer) for answer in found.answers]
    assert any("30 images in 6 groups, 3 seeds" in one for one in said)
    assert any("; 30 images in 6 groups)" in one for one in said)
    mixed = grouped().sample(fraction=1.0, shuffle=True, seed=0)
    shuffled = compare(mixed, baseline="A", resamples=200)
    sort = ["contrast", "method", "metric"]
    assert shuffled.effects.sort(sort)["low"].to_list() == pytest.approx(
        found.effects.sort(sort)["low"].to_list(), nan_ok=True
    )


def test_a_group_of_each_image_by_itself_changes_no_interval():
    each = TABLE.with_columns(group=pl.col("image"))
    alone, found = compare(TABLE, resamples=200), compare(each, resamples=200)
    numbers = ["estimate", "low", "high", "p", "p_adjusted"]
    assert found.effects.select(numbers).equals(alone.effects.select(numbers))
    null = TABLE.with_columns(group=pl.lit(None, pl.String))
    assert compare(null, resamples=200).effects.equals(alone.effects)


def test_an_image_is_of_one_group():
    odd = grouped().with_columns(
        group=pl.when((pl.col("image") == "3.png") & (pl.col("seed") == 1))
        .then(pl.lit("patient 9"))
        .otherwise("group")
    )
    with pytest.raises(RunError) as caught:
        compare(odd)
    assert str(caught.value) == (
        "Expected one group for each image, got patient 0, patient 9 for 3.png. "
        "Try one name in the column group in all rows of an image."
    )
    some = grouped().with_columns(
        group=pl.when(pl.col("seed") == 1).then("group")  # null elsewhere: it is known from there
    )
    assert set(compare(some, resamples=200).summary["groups"]) == {6}


def test_one_group_settles_nothing_and_says_why():
    found = compare(
        grouped(size=30), resamples=200,
        design={"A": {"pre-training": False}, "B": {"pre-training": True},
                "C": {"augmentation": True}},
    )  # fmt: skip
    assert set(found.effects["low"].is_nan()) == {True}
    measured = found.claims.filter(pl.col("images") > 0)
    assert set(measured["verdict"]) == {"not settled"}
    assert all("all images belong to one group" in reason for reason in measured["reason"])


def test_mosaics_that_share_images_have_wider_intervals_where_that_is_known():
    """Rows alone do not say it, which is said; Scores of an audit do, and so does a run."""
    rng = np.random.default_rng(0)
    labels, names = np.arange(40) % 2, tuple(map(str, range(40)))
    images = Images(np.zeros((40, 2, 2, 3), np.uint8), labels, names, {}, ("a", "b"))
    shown = shown_on(images, np.zeros(40, bool))
    each = rng.normal(0, 0.1, 40)
    rows = [
        ("A", 0, "test", name, "a", "a", "a", "grad-cam", "top", "focus",
         0.5 + float(each[list(four)].mean()), "ok")
        for name, four in shown.items() if name.startswith("focus")
    ]  # fmt: skip
    table = pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row")
    plain, honest = compare(table), Scores(table, mosaics=shown).compare()
    assert "Mosaics count as independent here" in plain.notes[0]
    assert honest.notes == plain.notes[1:]
    (narrow,), (wide,) = (found.summary.to_dicts() for found in (plain, honest))
    assert narrow["mean"] == wide["mean"]
    assert narrow["groups"] == wide["groups"] == 0
    assert wide["high"] - wide["low"] > 1.3 * (narrow["high"] - narrow["low"])
