from dataclasses import asdict, replace

import numpy as np
import pytest

from campare.errors import RunError
from campare.stats.design import (
    Levels,
    design_of,
    factorial,
    gain_over_size,
    levels_from,
    main_effect,
    of_recipe,
    trends,
    value_of,
    written,
)
from campare.training.recipe import Recipe
from campare.training.recipes import factorial as factorial_set
from campare.training.sweep import dosed

SQUARE = design_of([], "ABCD")


def test_places_come_from_the_manifest_or_the_built_in_sets():
    recipes = [
        {"name": "x", "weights": "imagenet", "augment": None, "train_size": 50},
        {"name": "y", "weights": "random", "augment": {"flip": "none", "zoom": 0.0}},
    ]
    assert design_of(recipes, ["A"]) == {
        "x": Levels(True, False, 50, recipe="x", series="x"),
        "y": Levels(False, False, recipe="y", series="y"),
    }
    assert design_of([{"name": "A"}, {"name": "B"}], "AB") == {}  # trained elsewhere
    six = design_of([], ["scratch", "tuned+aug", "mine"])
    assert six == {
        "scratch": Levels(False, False, recipe="scratch", series="scratch"),
        "tuned+aug": Levels(True, True, recipe="tuned+aug", series="tuned"),
    }


def test_an_option_of_0_is_a_level_and_a_change_of_strength_0_is_none():
    def others(**fields):
        return dict(of_recipe({"name": "x", "weights": "random", **fields}).others)

    assert others(backbone_options={"dropout": 0}) != others(backbone_options={})
    changed = {"zoom": 0.1, "noise": 0.0, "flip": "none"}
    assert others(augment=changed) == others(augment={"zoom": 0.1})


def test_the_square():
    found = factorial(SQUARE)
    assert found["pre-training"] == {"B": 0.5, "A": -0.5, "C": 0.5, "D": -0.5}
    assert found["augmentation"] == {"C": 0.5, "B": -0.5, "D": 0.5, "A": -0.5}
    assert found["pre-training x augmentation"] == {"C": 1, "B": -1, "D": -1, "A": 1}


def test_a_stratum_without_a_partner_is_left_out():
    found = factorial(design_of([], "ABC"))
    assert found == {"pre-training": {"B": 1, "A": -1}, "augmentation": {"C": 1, "B": -1}}
    assert factorial(design_of([], "A")) == {}


def test_frozen_and_tuned_share_the_weight_of_pre_training():
    six = design_of([], [f"{a}{b}" for a in ("scratch", "frozen", "tuned") for b in ("", "+aug")])
    found = main_effect(six, "pretrained")
    assert found["frozen"] == found["tuned+aug"] == 0.25
    assert found["scratch"] == -0.5
    for weights in factorial(six).values():
        assert sum(weights.values()) == pytest.approx(0)


def test_a_trend_is_the_least_squares_slope():
    sizes = {f"s{n}": Levels(False, False, train_size=n) for n in (50, 100, 400)}
    ((name, weights),) = trends(sizes).items()
    assert name == "train size: scratch, plain"
    y = np.array([0.2, 0.5, 0.6])
    slope = np.polyfit(np.log2([50, 100, 400]), y, 1)[0]
    assert y @ list(weights.values()) == pytest.approx(slope)


def test_strength_starts_with_the_plain_arm():
    arms = {"A": Levels(False, False), "D": Levels(False, True, strength=1.0),
            "E": Levels(False, True, strength=0.5)}  # fmt: skip
    assert trends(arms) == {"strength: scratch": {"A": -1.0, "D": 1.0, "E": 0.0}}
    assert main_effect(arms, "augmented") == {"D": 0.5, "E": 0.5, "A": -1.0}


def test_arms_of_unknown_strength_have_no_trend():
    assert trends(SQUARE) == {}


def test_the_gain_over_size_is_a_difference_of_slopes():
    arms = {f"{p:d}-{n}": Levels(p, False, n) for p in (True, False) for n in (50, 100, 200)}
    weights = gain_over_size(arms)
    mean = {name: 0.3 - 0.05 * np.log2(place.train_size) * place.pretrained
            for name, place in arms.items()}  # fmt: skip
    assert sum(w * mean[name] for name, w in weights.items()) == pytest.approx(-0.05)
    assert gain_over_size(SQUARE) == {}


def dosed_design(**doses):
    return design_of([asdict(arm) for arm in dosed(factorial_set(), **doses)])


def test_each_recipe_has_its_own_trend():
    found = trends(dosed_design(sizes=[50, 100]))
    names = ["scratch", "scratch+aug", "frozen", "frozen+aug", "tuned", "tuned+aug"]
    assert list(found) == [f"train size: {name}" for name in names]
    assert found["train size: tuned"] == {"tuned-n50": -1.0, "tuned-n100": 1.0}


def test_strength_zero_is_the_plain_twin():
    found = trends(dosed_design(strengths=[0, 1, 2]))
    assert found["strength: frozen+aug"] == pytest.approx(
        {"frozen": -0.5, "frozen+aug-x1": 0.0, "frozen+aug-x2": 0.5}
    )
    assert list(found) == [f"strength: {name}+aug" for name in ("scratch", "frozen", "tuned")]


def test_sizes_by_strengths_give_trends_of_both():
    found = trends(dosed_design(sizes=[50, 100], strengths=[0, 1]))
    assert found["train size: tuned+aug, strength 1"] == {
        "tuned+aug-n50-x1": -1.0, "tuned+aug-n100-x1": 1.0,
    }  # fmt: skip
    assert found["strength: tuned+aug, 50 images"] == {"tuned-n50": -1.0, "tuned+aug-n50-x1": 1.0}
    assert len(found) == 6 + 3 * 2


def test_doses_leave_the_factorial_effects_balanced():
    design = dosed_design(sizes=[50, 100], strengths=[1])
    for name, weights in factorial(design).items():
        assert sum(weights.values()) == pytest.approx(0), name
        size = sum(w for arm, w in weights.items() if "n50" in arm and w > 0)
        assert size == pytest.approx(sum(w for w in weights.values() if w > 0) / 2), name


def test_the_gain_over_size_is_the_mean_over_recipes():
    weights = gain_over_size(dosed_design(sizes=[50, 100]))
    assert weights["frozen-n100"] == weights["tuned-n100"] == 0.25
    assert weights["scratch-n100"] == weights["scratch+aug-n100"] == -0.5
    assert sum(weights.values()) == pytest.approx(0)


def test_recipes_of_a_file_with_sizes_of_their_own_have_a_trend():
    few = Recipe("few", backbone="article-cnn", weights="random", train_size=10)
    design = design_of([asdict(few), asdict(replace(few, name="more", train_size=20))])
    (weights,) = (found := trends(design)).values()
    assert list(found) == ["train size: few, more"]
    assert weights == pytest.approx({"few": -1.0, "more": 1.0})


def test_contrasts_in_words():
    assert written({"C": 0.5, "B": -0.5, "D": 0.5, "A": -0.5, "E": 0.0}) == ("C + D", "B + A")


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ({"pre-training": "scratch"}, "'pre-training' of an arm as true or false, got 'scratch'"),
        ({"augmentation": "no"}, "'augmentation' of an arm as true or false, got 'no'"),
        ({"train size": "small"}, "'train size' of an arm as a number of images, got 'small'"),
        ({"train size": 0}, "'train size' of an arm as a number of images, got 0"),
        ({"strength": "weak"}, "'strength' of an arm as a number from 0, got 'weak'"),
    ],
)
def test_levels_that_a_known_factor_cannot_have_are_refused(level, said):
    with pytest.raises(RunError) as caught:
        levels_from(level)
    assert str(caught.value).startswith(f"Expected {said}. Try ")
    assert levels_from({"pre-training": True, "train size": 50, "strength": 0, "x": "no"})


def test_an_option_of_own_code_that_is_called_as_a_factor_is_one_of_its_own():
    arms = [
        {"name": name, "train": "mine:train", "options": {"augmentation": kind, "strength": "x"}}
        for name, kind in (("A", "none"), ("B", "cutmix"))
    ]
    a, b = design_of(arms).values()
    assert (a.augmented, b.augmented) == (False, False)
    assert (value_of(a, "option augmentation"), value_of(b, "option augmentation")) == (
        "none", "cutmix"
    )  # fmt: skip
