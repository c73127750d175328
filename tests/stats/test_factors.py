"""Designs from what recipes differ in, and the effects that they allow."""

from dataclasses import asdict, replace

import numpy as np
import polars as pl
import pytest

from campare import compare
from campare.stats.design import design_of, factorial, levels_from, trends
from campare.stats.factors import DESIGN, contrasts, differences, named
from campare.training.recipe import Recipe
from campare.training.recipes import article, augmentation, depth, guided, loss
from campare.training.recipes import factorial as factorial_set
from campare.training.sweep import dosed
from campare.types import SCORE_COLUMNS

ONE = Recipe("one", backbone="embedded", weights="embedded")


def of(*recipes):
    return design_of([asdict(recipe) for recipe in recipes])


def by_name(design):
    return {one.name: one for one in contrasts(design)}


def varied(**fields):
    """Every combination of values of fields, as recipes."""
    arms = [ONE]
    for name, values in fields.items():
        arms = [replace(arm, name=f"{arm.name}-{v}", **{name: v}) for arm in arms for v in values]
    return arms


@pytest.mark.parametrize(
    "recipes",
    [
        article(backbone="embedded"),
        article(backbone="embedded")[:3],
        factorial_set(backbone="embedded"),
        dosed(article(backbone="embedded"), sizes=[50, 100, 200]),
        dosed(factorial_set(backbone="embedded"), strengths=[0, 1, 2]),
    ],
)
def test_the_built_in_sets_have_the_contrasts_that_they_had(recipes):
    design = of(*recipes)
    found = {one.name: one.weights for one in contrasts(design)}
    assert found == {**factorial(design), **trends(design)}


def test_what_comes_with_pre_training_is_named():
    square = by_name(of(*article(backbone="embedded")))
    assert square["pre-training"].together == ("backbone", "trainable part")
    assert square["augmentation"].together == ()
    six = by_name(of(*factorial_set(backbone="embedded")))
    assert six["pre-training"].together == ("training schedule",)
    assert six["augmentation"].together == ()


def test_a_field_that_differs_is_a_factor():
    found = by_name(of(*varied(hidden=(32, 64), label_smoothing=(0.0, 0.1))))
    assert list(found) == ["hidden units", "label smoothing", "hidden units x label smoothing"]
    hidden = found["hidden units"]
    assert (hidden.kind, hidden.high, hidden.low) == ("factor", "64", "32")
    assert hidden.weights == {
        "one-64-0.0": 0.5, "one-32-0.0": -0.5, "one-64-0.1": 0.5, "one-32-0.1": -0.5,
    }  # fmt: skip
    assert found["hidden units x label smoothing"].weights == {
        "one-64-0.1": 1, "one-64-0.0": -1, "one-32-0.1": -1, "one-32-0.0": 1,
    }  # fmt: skip


def test_several_numbers_make_a_trend_by_doubling_within_what_agrees():
    found = by_name(of(*varied(learning_rate=(0.001, 0.002, 0.004), hidden=(32, 64))))
    rate = found["learning rate"]
    assert rate.kind == "trend"
    mean = {
        name: 0.1 * np.log2(float(name.split("-")[1])) + (name.endswith("64")) * 5
        for name in rate.weights
    }
    assert sum(weight * mean[name] for name, weight in rate.weights.items()) == pytest.approx(0.1)


def test_several_names_are_compared_with_the_first():
    arms = [replace(ONE, name=name, backbone=name, weights="imagenet") for name in ("x", "y", "z")]
    found = by_name(of(*arms))
    assert {name: one.weights for name, one in found.items()} == {
        "backbone y": {"y": 1, "x": -1},
        "backbone z": {"z": 1, "x": -1},
    }


def test_fields_that_always_change_together_are_one_factor():
    arms = [
        replace(ONE, name=f"{n}{u}", hidden=n, learning_rate=n / 1000, label_smoothing=u)
        for n in (32, 64)
        for u in (0.0, 0.1)
    ]
    found = by_name(of(*arms))
    assert found["hidden units"].together == ("learning rate",)
    assert "learning rate" not in found


def test_a_factor_of_ones_own_beside_augmentation():
    given = {
        f"{a:d}{s}": levels_from({"augmentation": a, "sampler": s})
        for a in (False, True)
        for s in ("plain", "hard")
    }
    found = by_name(given)
    assert list(found) == ["augmentation", "sampler", "augmentation x sampler"]
    assert found["sampler"].weights == {"0hard": 0.5, "0plain": -0.5, "1hard": 0.5, "1plain": -0.5}


def test_two_kinds_of_augmentation_are_told_apart():
    plain, first, second = (
        replace(arm, name=name)
        for arm, name in zip(article(backbone="embedded")[1:3] * 2, "pqr", strict=False)
    )
    strong = replace(first, name="strong", augment=replace(first.augment, zoom=0.5))
    found = by_name(of(plain, first, strong))
    assert found["augmentation"].weights == {"q": 0.5, "strong": 0.5, "p": -1}
    assert found["kind of augmentation"].weights == {"strong": 1, "q": -1}
    assert second.augment is None


def test_no_factor_for_two_arms_or_where_nothing_can_be_told_apart():
    assert contrasts(of(*article(backbone="embedded")[:2])) == []
    odd = [replace(ONE, name=n, hidden=h, epochs=e) for n, h, e in (("a", 8, 1), ("b", 9, 2))]
    three = [*odd, replace(ONE, name="c", hidden=8, epochs=2)]
    assert set(by_name(of(*three))) == {"hidden units", "epochs"}
    apart = [*odd, replace(ONE, name="c", hidden=10, epochs=1, patience=5)]
    assert contrasts(of(*apart)) == []


SETS = {
    loss: ["label smoothing", "loss bce", "loss focal"],
    depth: [f"trainable part {part}" for part in ("last-block", "last-3", "gradual", "all")],
    guided: [
        "trainable part", "guidance energy", "guidance rrr",
        "trainable part x guidance energy", "trainable part x guidance rrr",
    ],
}  # fmt: skip


@pytest.mark.parametrize("make", SETS)
def test_the_sets_have_the_factors_that_they_are_about(make):
    found = by_name(of(*make(backbone="embedded")))
    assert list(found) == SETS[make]
    assert all(sum(one.weights.values()) == pytest.approx(0) for one in found.values())


def test_kinds_of_augmentation_are_named_by_what_they_do():
    found = by_name(of(*augmentation(backbone="embedded")))
    assert found["augmentation"].weights["tuned"] == -1
    assert found["kind of augmentation mixup 0.2"].weights == {"mixup": 1, "tuned+aug": -1}
    assert found["kind of augmentation mixup 0.2"].low == "flip horizontal, rotation 0.1, zoom 0.1"


def test_arms_of_a_run_that_went_on_with_a_newer_version_differ_in_no_more():
    one, other = (asdict(arm) for arm in article(backbone="embedded")[1:3])
    for name in ("loss", "guidance", "lora_rank"):
        del other[name]
    del other["augment"]["mixup"]
    assert differences(design_of([one, other]), ("C", "B")) == ("augmentation",)


def test_what_two_arms_differ_in():
    square = of(*article(backbone="embedded"))
    assert differences(square, ("B", "A")) == ("pre-training", "backbone", "trainable part")
    assert differences(square, ("C", "B")) == ("augmentation",)
    assert differences(square, ("C", "elsewhere")) == ()
    assert named(["epochs"]) == ("epochs",)
    assert named(["epochs", "mine", "warmup"]) == ("training schedule", "mine")


def table(arms, gain):
    rng = np.random.default_rng(0)
    rows = [
        (arm, s, "test", f"{i}", "a", "a", "a", "grad-cam", "top", "energy", v, "ok")
        for arm in arms
        for s in range(5)
        for i, v in enumerate(rng.normal(0.5 + gain(arm), 0.02, 30))
    ]
    named_columns = [name for name in SCORE_COLUMNS if name != "group"]
    frame = pl.DataFrame(rows, schema=named_columns, orient="row")
    return frame.with_columns(
        pl.lit(None, pl.String).alias(name) for name in SCORE_COLUMNS if name not in frame.columns
    ).select(SCORE_COLUMNS)


def test_a_design_of_ones_own_is_compared_and_answered():
    arms = {f"{h}-{s}": {"hidden": h, "sampler": s} for h in (32, 64) for s in ("plain", "hard")}
    found = compare(table(arms, lambda arm: 0.1 * arm.startswith("64")), design=arms, claims=())
    assert found.design.schema == pl.Schema(DESIGN)
    row = found.factors.filter(pl.col("contrast") == "hidden units").row(0, named=True)
    assert row["estimate"] == pytest.approx(0.1, abs=0.01)
    assert row["treatment"] == "64-plain + 64-hard"
    assert found.headline == (
        "Hidden units 64 instead of 32 makes the maps better; sampler hard instead of plain makes "
        "no detectable difference to the maps."
    )


def test_a_factor_that_an_arm_lacks_is_named_by_itself():
    kinds = {"none": None, "energy": "energy"}
    arms = {f"{h}-{k}": {"hidden": h, "guidance": kinds[k]} for h in (32, 64) for k in kinds}
    found = compare(table(arms, lambda arm: 0.1 * arm.endswith("energy")), design=arms, claims=())
    assert found.headline == (
        "Guidance makes the maps better; hidden units 64 instead of 32 makes no detectable "
        "difference to the maps."
    )
    arms |= {f"{h}-rrr": {"hidden": h, "guidance": "rrr"} for h in (32, 64)}
    found = compare(table(arms, lambda arm: 0.1 * arm.endswith("energy")), design=arms, claims=())
    said = [one.short for one in found.answers if one.kind == "factor"]
    assert [one for one in said if "Hidden" not in one] == [
        "Guidance energy makes the maps better",
        "Guidance rrr makes no detectable difference to the maps",
    ]


def test_more_with_a_factor_than_without():
    kinds = {"none": None, "energy": "energy"}
    arms = {f"{h}-{k}": {"guidance": kinds[k], "hidden": h} for k in kinds for h in (32, 64)}
    found = compare(table(arms, lambda arm: 0.1 * (arm == "64-energy")), design=arms, claims=())
    said = [one.short for one in found.answers if one.kind == "interaction"]
    assert said == ["Hidden units gains more at guidance energy than without"]


def test_the_headline_names_what_the_arms_of_the_article_differ_in():
    found = compare(table("ABCD", lambda arm: 0.1 * (arm in "BC")), resamples=100)
    assert found.headline == (
        "Pre-training, backbone and trainable part together make the maps better; augmentation "
        "makes no detectable difference to the maps."
    )
    first = next(one for one in found.answers if one.kind == "factor")
    assert "Pre-training always comes with another backbone and trainable part here." in first.text
    pair = next(one for one in found.answers if one.subject == "B - A")
    assert pair.text.endswith("They differ in pre-training, backbone and trainable part.")
    alone = compare(table("AB", lambda arm: 0.1 * (arm == "B")), resamples=100)
    assert alone.headline == (
        "B gives better maps than A (they differ in pre-training, backbone and trainable part)."
    )
