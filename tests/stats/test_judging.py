import math

import numpy as np
import pytest

from campare.stats.article import ARTICLE
from campare.stats.claims import Claim, Outcome
from campare.stats.comparison import CLAIMS
from campare.stats.design import design_of
from campare.stats.gathered import Measured
from campare.stats.holm import holm
from campare.stats.judging import judge
from campare.stats.power import resized

SQUARE = design_of([], "ABCD")
FOCUS = Claim("focus", "t", "B - A", "higher", (Outcome(("focus",), 0.05, "why"),))


def table(gains, *, seeds=5, images=200, seed_sd=0.01, rng=None, noise=0.05):
    """measure -> {arm: gain} as matrices; 'correct' is of the classifier."""
    rng = rng or np.random.default_rng(0)
    found = {}
    for measure, arms in gains.items():
        hard = rng.normal(0, 0.2, images)
        for arm, gain in arms.items():
            Y = gain + hard + rng.normal(0, seed_sd, (seeds, 1))
            Y = Y + rng.normal(0, noise, (seeds, images))
            method = "-" if measure == "correct" else "grad-cam"
            found[arm, method, measure] = Measured(Y, Y.size, 0)
    return found


def one(claim, measured, **settings):
    (row,) = judge([claim], measured, SQUARE, "grad-cam", **settings)
    assert set(row) == set(CLAIMS)
    return row


@pytest.mark.parametrize(
    ("gain", "seeds", "seed_sd", "verdict"),
    [
        (0.2, 5, 0.01, "supported"),
        (-0.2, 5, 0.01, "contradicted"),
        (0.0, 5, 0.01, "equivalent"),
        (0.02, 5, 0.01, "equivalent"),  # detected, and too small to matter
        (0.0, 3, 0.2, "not settled"),
        (0.2, 2, 0.01, "not settled"),
        (0.2, 1, 0.01, "not settled"),
    ],
)
def test_the_four_verdicts(gain, seeds, seed_sd, verdict):
    measured = table({"focus": {"A": 0.0, "B": gain}}, seeds=seeds, seed_sd=seed_sd)
    row = one(FOCUS, measured)
    assert row["verdict"] == verdict
    assert (row["images"], row["seeds"], row["smallest"]) == (200, seeds, 0.05)
    if seeds < 3:
        assert row["reason"].startswith("fewer than 3 seeds")
        # Of one training nobody knows how another would differ: no number of them is promised.
        assert row["more_seeds"] is None if seeds == 1 else row["more_seeds"] >= 1


def test_the_direction_turns_the_verdict():
    measured = table({"focus": {"A": 0.0, "B": 0.2}})
    lower = Claim("focus", "t", "B - A", "lower", FOCUS.outcomes)
    assert one(lower, measured)["verdict"] == "contradicted"


def test_p_is_adjusted_over_all_claims():
    gains = {"energy": {"A": 0, "B": 0.02}, "focus": {"A": 0, "B": 0.03}}
    measured = table(gains, seed_sd=0.012)
    claims = [Claim(name, "", "B - A", "higher", (Outcome((name,), 0.001),)) for name in gains]
    rows = judge([*claims, ARTICLE[8]], measured, SQUARE, "grad-cam")
    p = [row["p"] for row in rows]
    assert math.isnan(p[2])
    np.testing.assert_allclose([row["p_adjusted"] for row in rows], holm(p))


def test_what_is_lost_to_the_adjustment_is_said():
    gains = {name: {"A": 0.0, "B": 0.02 if name == "a" else 0.0} for name in "abcdefgh"}
    for seed in range(200):
        measured = table(gains, seed_sd=0.012, rng=np.random.default_rng(seed))
        claims = [Claim(n, "", "B - A", "higher", (Outcome((n,), 1e-4),)) for n in gains]
        row = judge(claims, measured, SQUARE, "grad-cam")[0]
        if row["p"] < 0.05 <= row["p_adjusted"]:
            assert row["verdict"] == "not settled"
            assert "not after Holm's correction" in row["reason"]
            return
    pytest.fail("no case")


def test_what_is_missing_is_said():
    measured = table({"focus": {"A": 0.0, "B": 0.2}})
    rows = {row["claim"]: row for row in judge(ARTICLE, measured, SQUARE, "grad-cam")}
    assert {row["verdict"] for row in rows.values()} == {"not measured"}  # C and D have no rows
    assert rows["2 object"]["reason"] == "not part of this run: energy"
    assert rows["4 consistency"]["reason"] == "not part of this run: flip-equivariance or 7 like it"
    assert rows["9 small sets"]["reason"] == "no recipes for 'pre-training x train size'"


@pytest.mark.parametrize(
    ("number", "measure", "gains", "verdict"),
    [
        (3, "flip-equivariance@matched", {"C": 0.2, "D": 0.2, "A": 0, "B": 0}, "supported"),
        (3, "hue-invariance", {"C": 0, "D": 0, "A": 0.2, "B": 0.2}, "contradicted"),
        (5, "max-sensitivity", {"B": 0.5, "C": 0.2}, "supported"),
        (5, "average-sensitivity", {"B": 0.2, "C": 0.5}, "contradicted"),
        (7, "rotation-equivariance@matched", {"C": 0.5, "A": 0.3}, "supported"),
        (7, "zoom-out-equivariance", {"C": 0.4, "A": 0.4}, "equivalent"),
    ],
)
def test_claims_on_stability_take_the_rows_of_the_probes(number, measure, gains, verdict):
    row = one(ARTICLE[number], table({measure: gains}))
    assert row["verdict"] == verdict
    assert row["metric"] == measure
    rest = len(ARTICLE[number].outcomes[0].measures) - 1
    lacking = row["reason"].partition("undefined on every image: ")[2]
    assert len([name for name in lacking.split(", ") if name]) == rest


def test_the_first_outcome_that_is_measured_counts():
    outcomes = (Outcome(("focus@matched",), 0.05), Outcome(("energy",), 0.01))
    claim = Claim("x", "", "B - A", "higher", outcomes)
    gains = {"energy": {"A": 0.0, "B": 0.2}}
    assert one(claim, table(gains))["metric"] == "energy"
    gains["focus"] = {"A": 0.2, "B": 0.0}  # at its own resolution where there is no other
    row = one(claim, table(gains))
    assert (row["verdict"], row["metric"]) == ("contradicted", "focus")


def test_several_measures_count_by_their_mean():
    gains = {"a": {"A": 0.0, "B": 0.3}, "b": {"A": 0.0, "B": -0.1}}
    claim = Claim("x", "", "B - A", "higher", (Outcome(("a", "b", "c"), 0.05),))
    row = one(claim, table(gains))
    assert row["estimate"] == pytest.approx(0.1, abs=0.03)
    assert row["metric"] == "mean of a, b"
    assert row["reason"].endswith("; not measured, or undefined on every image: c")


def test_an_image_counts_by_the_measures_that_all_arms_have_there():
    rng = np.random.default_rng(1)
    high, low = ({arm: level + 0.1 * (arm == "B") for arm in "AB"} for level in (0.9, 0.1))
    measured = table({"high": high, "low": low})
    for arm in "AB":  # B lacks the low one more often, which must not lift it
        values = measured[arm, "grad-cam", "low"].values
        values[rng.random(values.shape) < (0.8 if arm == "B" else 0.2)] = math.nan
    measured["A", "grad-cam", "high"].values[:, :50] = math.nan
    row = one(Claim("x", "", "B - A", "higher", (Outcome(("high", "low"), 0.05),)), measured)
    assert row["estimate"] == pytest.approx(0.1, abs=0.02)
    assert 150 < row["images"] < 200
    assert row["verdict"] == "supported"


def test_a_measure_that_is_defined_nowhere_in_an_arm_does_not_spoil_the_mean():
    gains = {name: {"A": 0.0, "B": 0.3} for name in ("a", "b")}
    measured = table(gains)
    measured["B", "grad-cam", "b"] = Measured(np.full((5, 200), math.nan), 0, 1000)
    row = one(Claim("x", "", "B - A", "higher", (Outcome(("a", "b"), 0.05),)), measured)
    assert (row["verdict"], row["metric"]) == ("supported", "a")
    assert row["reason"].endswith("undefined on every image: b")


BEST = next(claim for claim in ARTICLE if claim.all_of)


@pytest.mark.parametrize(
    ("correct", "focus", "verdict"),
    [
        ({"C": 0.3, "B": 0.1, "D": 0.1, "A": 0.0}, {"C": 0.3, "B": 0, "D": 0, "A": 0}, "supported"),
        ({"C": 0.3, "B": 0.1, "D": 0.1, "A": 0.0}, {"C": 0, "B": 0.3, "D": 0, "A": 0},
         "contradicted"),
        ({"C": 0.3, "B": 0.29, "D": 0, "A": 0}, {"C": 0.3, "B": 0, "D": 0, "A": 0}, "not settled"),
    ],
)  # fmt: skip
def test_the_best_must_be_best_in_everything(correct, focus, verdict):
    measured = table({"correct": correct, "focus@matched": focus}, seed_sd=0.02)
    row = one(BEST, measured)
    assert row["verdict"] == verdict
    assert row["contrast"] in ("C - A", "C - B", "C - D")


def test_more_seeds_settle_it_as_promised():
    from campare.stats.crossed import interval, split

    rngs = (np.random.default_rng(seed) for seed in range(20))
    tables = (table({"focus": {"A": 0.0, "B": 0.03}}, seeds=3, seed_sd=0.05, rng=r) for r in rngs)
    measured = next(t for t in tables if one(FOCUS, t)["verdict"] == "not settled")
    row = one(FOCUS, measured)
    arms = [measured[arm, "grad-cam", "focus"].values for arm in "BA"]
    found = split(arms, [1, -1])
    for seeds, settled in ((3 + row["more_seeds"], True), (2 + row["more_seeds"], False)):
        low, high, _ = interval(resized(found, seeds=seeds))
        assert (low > 0 or high < 0 or (low > -0.05 and high < 0.05)) == settled
    assert row["more_images"] is None  # seeds alone make it uncertain


def test_the_slope_over_training_sizes():
    from campare.stats.design import Levels

    design = {f"{p:d}-{n}": Levels(p, False, n) for p in (True, False) for n in (50, 100, 200)}
    gains = {
        arm: 0.5 - 0.06 * np.log2(place.train_size / 50) * place.pretrained
        for arm, place in design.items()
    }
    measured = table({"focus@matched": gains})
    (row,) = judge(ARTICLE[8:], measured, design, "grad-cam")
    assert row["verdict"] == "supported"
    assert row["estimate"] == pytest.approx(-0.06, abs=0.02)


def test_arms_that_need_a_cue_at_random_differ_in_its_size_not_in_its_mean():
    """Blurring it costs 0 on the mean for both; A, from scratch, moves by it, D does not."""
    claim = ARTICLE[4]
    arms = {"A": 0.2, "B": 0.2, "C": 0.0, "D": 0.0}
    gains = {"cue-drop": dict.fromkeys(arms, 0.0), "cue-drop@change": arms}
    measured = {(arm, "-", of): v for (arm, _, of), v in table(gains).items()}
    row = one(claim, measured)
    assert (row["metric"], row["verdict"]) == ("cue-drop@change", "supported")
    without = {key: v for key, v in measured.items() if "@" not in key[2]}
    assert one(claim, without)["metric"] == "cue-drop"
    assert one(claim, {})["reason"] == (
        "not part of this run: cue-drop; or cue-energy; or border-drop; or background-drop"
    )


def test_one_image_is_not_none():
    measured = table({"focus": {"A": 0.0, "B": 0.2}}, images=1)
    assert one(FOCUS, measured)["reason"] == (
        "one image that all arms have in common: nothing says what another one would give"
    )


@pytest.mark.parametrize("few", [{"seeds": 1}, {"images": 1}])
def test_a_claim_of_several_does_not_hold_by_one_that_tells_nothing(few):
    """C beats A, B and D, but of D there is one training, or one image."""
    claim = Claim("best", "", "both - each other", "higher", (Outcome(("energy",), 0.05),))
    gains = {"A": 0.0, "B": 0.0, "C": 0.3, "D": -3.0}
    measured = table({"energy": gains}, seed_sd=0.05)
    assert one(claim, measured)["verdict"] == "supported"
    key = "D", "grad-cam", "energy"
    values = measured[key].values.copy()
    values[few.get("seeds", 5) :, :] = math.nan
    values[:, few.get("images", 200) :] = math.nan
    measured[key] = Measured(values, values.size, 0)
    row = one(claim, measured)
    assert (row["contrast"], row["verdict"]) == ("C - D", "not settled")


def test_the_order_of_measures_of_mosaics_and_of_images_does_not_matter():
    """Mosaics 0 and 1 share images, 2 and 3 do; the photographs are by themselves."""
    rng = np.random.default_rng(0)
    shown = np.array([[0, 1, 2, 3], [3, 4, 5, 6], [7, 8, 9, 10], [10, 11, 12, 13]] + [[-1] * 4] * 8)
    measured = {}
    for arm, gain in {"A": 0.0, "B": 0.1}.items():
        values = gain + rng.normal(0, 0.1, (5, 12))
        of_mosaics, of_images = values.copy(), values.copy()
        of_mosaics[:, 4:], of_images[:, :4] = math.nan, math.nan
        measured[arm, "grad-cam", "focus"] = Measured(of_mosaics, 20, 0, shown)
        measured[arm, "grad-cam", "energy"] = Measured(of_images, 40, 0)
    found = [
        one(Claim("x", "", "B - A", "higher", (Outcome(names, 0.05),)), measured)
        for names in (("focus", "energy"), ("energy", "focus"))
    ]
    assert found[0]["low"] == found[1]["low"]
    assert found[0]["high"] - found[0]["low"] < 0.4  # photographs share nothing with each other
