import numpy as np
import pytest

from campare.stats.design import (
    Place,
    design_of,
    factorial,
    gain_over_size,
    main_effect,
    trends,
    written,
)

SQUARE = design_of([], "ABCD")


def test_places_come_from_the_manifest_or_the_built_in_sets():
    recipes = [
        {"name": "x", "weights": "imagenet", "augment": None, "train_size": 50},
        {"name": "y", "weights": "random", "augment": {"flip": "none", "zoom": 0.0}},
    ]
    assert design_of(recipes, ["A"]) == {"x": Place(True, False, 50), "y": Place(False, False)}
    assert design_of([{"name": "A"}, {"name": "B"}], "AB") == {}  # trained elsewhere
    six = design_of([], ["scratch", "tuned+aug", "mine"])
    assert six == {"scratch": Place(False, False), "tuned+aug": Place(True, True)}


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
    sizes = {f"s{n}": Place(False, False, train_size=n) for n in (50, 100, 400)}
    ((name, weights),) = trends(sizes).items()
    assert name == "train size: scratch, plain"
    y = np.array([0.2, 0.5, 0.6])
    slope = np.polyfit(np.log2([50, 100, 400]), y, 1)[0]
    assert y @ list(weights.values()) == pytest.approx(slope)


def test_strength_starts_with_the_plain_arm():
    arms = {"A": Place(False, False), "D": Place(False, True, strength=1.0),
            "E": Place(False, True, strength=0.5)}  # fmt: skip
    assert trends(arms) == {"strength: scratch": {"A": -1.0, "D": 1.0, "E": 0.0}}
    assert main_effect(arms, "augmented") == {"D": 0.5, "E": 0.5, "A": -1.0}


def test_arms_of_unknown_strength_have_no_trend():
    assert trends(SQUARE) == {}


def test_the_gain_over_size_is_a_difference_of_slopes():
    arms = {f"{p:d}-{n}": Place(p, False, n) for p in (True, False) for n in (50, 100, 200)}
    weights = gain_over_size(arms)
    mean = {name: 0.3 - 0.05 * np.log2(place.train_size) * place.pretrained
            for name, place in arms.items()}  # fmt: skip
    assert sum(w * mean[name] for name, w in weights.items()) == pytest.approx(-0.05)
    assert gain_over_size(SQUARE) == {}


def test_contrasts_in_words():
    assert written({"C": 0.5, "B": -0.5, "D": 0.5, "A": -0.5, "E": 0.0}) == ("C + D", "B + A")
