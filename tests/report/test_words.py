import math

import polars as pl
import pytest

from campare.report import words
from campare.report.facts import Arm, Effect

FINE = Arm("A", "Scratch", 0, (48, 48), (0.9,), ())
COARSE = Arm("B", "Transfer", 1, (12, 12), (0.9,), ())
OTHER = Arm("C", "C", 2, (12, 12), (0.9,), ())
ARMS = {arm.name: arm for arm in (FINE, COARSE, OTHER)}
SIZES = {
    "better": (0.1, 0.05, 0.15),
    "worse": (-0.1, -0.15, -0.05),
    "not detected": (0.01, -0.1, 0.1),
}


def effect(verdict, metric="energy", treatment="B", control="A", p=0.01):
    return Effect("x", treatment, control, metric, *SIZES[verdict], p, 0.5, 60, 3)


def finding(native, matched=None, treatment="B", control="A"):
    """The sentence on {metric: verdict} of native and of matched maps."""
    both = native | {f"{name}@matched": verdict for name, verdict in (matched or {}).items()}
    effects = {("x", m): effect(verdict, m, treatment, control) for m, verdict in both.items()}
    return words.sentence(effects, "x", tuple(native), ARMS)


PAIR = "Against A (Scratch), B (Transfer) gives maps that are"
NONE = "No difference is detected between the maps of B (Transfer) and A (Scratch)"
GRIDS = "12\u202f×\u202f12 against 48\u202f×\u202f48"
RAW = f"once resolution is equal; the raw maps ({GRIDS}) alone would say"
ENERGY = "energy in the object"
CLAIMS = {  # (native, matched): claim
    ("better", "better"): f"{PAIR} better by {ENERGY}, at native ({GRIDS}) and at equal "
    "resolution alike.",
    ("better", "not detected"): f"{NONE} in 1 measure, {RAW}: better by {ENERGY}.",
    ("better", "worse"): f"{PAIR} worse by {ENERGY}, {RAW}: better by {ENERGY}.",
    ("not detected", "worse"): f"{PAIR} worse by {ENERGY}, {RAW}: no difference.",
}


@pytest.mark.parametrize(("native", "matched"), CLAIMS)
def test_the_matched_result_decides_where_grids_differ(native, matched):
    found = finding({"energy": native}, {"energy": matched})
    assert found.claim == CLAIMS[native, matched]
    assert found.verdict == matched
    for name in (native, matched):
        assert words.signed(SIZES[name][0]) in found.evidence


def test_a_measure_without_a_matched_result_is_not_said_to_have_one():
    found = finding({"energy": "better", "insertion": "better"}, {"energy": "better"})
    assert found.claim == (
        f"{PAIR} better by {ENERGY} and insertion, at native ({GRIDS}) and at equal resolution "
        "alike; insertion at native resolution alone."
    )
    alone = finding({"insertion": "better"})
    assert alone.claim == f"{PAIR} better by insertion, at native resolution ({GRIDS}) alone."


def test_one_grid_says_nothing_of_resolution():
    found = finding({"energy": "better"}, {"energy": "worse"}, treatment="C", control="B")
    assert (
        found.claim == "Against B (Transfer), C gives maps that are better by energy in the object."
    )
    assert found.verdict == "better"
    assert "resolution" not in found.evidence


def test_every_main_metric_has_its_say():
    same = {"treatment": "C", "control": "B"}
    one = finding({"energy": "not detected", "focus": "better", "iou": "not detected"}, **same)
    assert one.verdict == "better"
    assert one.claim.endswith("better by focus on mosaics.")
    assert one.evidence.startswith("Energy in the object +0.010")  # the first metric always
    assert "IoU" not in one.evidence
    both = finding({"energy": "worse", "focus": "better", "iou": "better"}, **same)
    assert both.verdict == "mixed"
    iou = "IoU at 15 % of the maximum"
    assert both.claim.endswith(f"better by focus on mosaics and {iou} and worse by {ENERGY}.")
    none = finding({"energy": "not detected", "focus": "not detected"}, **same)
    assert (none.verdict, none.claim) == (
        "not detected",
        "No difference is detected between the maps of C and B (Transfer) in 2 measures.",
    )


def test_less_energy_on_the_cue_is_better():
    assert effect("worse", "cue-energy").verdict == "better"
    assert effect("better", "entropy").verdict == "higher"


def test_adjusted_p_can_undo_an_interval():
    assert effect("better", p=0.2).verdict == "not detected"
    assert effect("better", p=math.nan).verdict == "better"


def test_numbers_for_people():
    assert [words.signed(v) for v in (0.1234, -0.1234, 0.0, -0.0001)] == [
        "+0.123",
        "−0.123",
        "0.000",
        "0.000",
    ]
    assert words.number(math.nan) == "–"
    assert words.p_value(0.0004) == "< 0.001"


def test_nulls_in_a_sentence():
    lows = {"A": -0.1, "B": 0.1, "C": 0.2}
    nulls = pl.DataFrame(
        [(arm, "grad-cam", "energy", "centre", low, low, 1.0, 0.5) for arm, low in lows.items()],
        schema=["recipe", "method", "metric", "null", "estimate", "low", "high", "p"], orient="row",
    )  # fmt: skip
    said = words.against_nulls(nulls, "energy", "grad-cam", tuple(ARMS.values()))
    assert (
        said == "B and C beat a bump in the middle of the image (Energy in the object); A does not."
    )
    assert words.against_nulls(nulls, "iou", "grad-cam", tuple(ARMS.values())) is None


def test_the_headline_counts_the_measures_that_agree_with_it():
    same = {"treatment": "C", "control": "B"}
    some = finding({"energy": "better", "entropy": "worse", "iou": "not detected"}, **same)
    assert some.short == "C gives better maps than B by 1 of 3 measures"
    none = finding({"energy": "not detected"}, **same)
    assert none.short == "The maps of C and B do not differ detectably"
    both = finding({"energy": "better", "focus": "worse"}, **same)
    assert both.short == "C gives better maps than B by some measures and worse ones by others"


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        ("better", "Pre-training makes the maps better"),
        ("worse", "Pre-training makes the maps worse"),
        ("not detected", "Pre-training makes no detectable difference"),
    ],
)
def test_factors_in_words(verdict, says):
    (found,) = words.factor_findings({("pre-training", "energy"): effect(verdict)}, ["energy"])
    assert (found.short, found.verdict, found.factor) == (says, verdict, "pre-training")


def test_trends_beside_arms_that_did_not_learn():
    lost = Arm("A", "Scratch", 0, (48, 48), (0.5,), (1,))
    effects = {("train size: scratch, plain", "energy"): effect("better")}
    (found,) = words.factor_findings(effects, ["energy"], [lost, COARSE])
    assert found.short == "More training images make the maps better (scratch, plain)"
    assert found.claim.endswith("But A did not learn.")


def test_matched_effects_of_factors_decide():
    effects = {
        ("augmentation", "energy"): effect("better"),
        ("augmentation", "energy@matched"): effect("worse", "energy@matched"),
    }
    (found,) = words.factor_findings(effects, ["energy"])
    assert found.verdict == "worse"


def test_two_factors_in_one_sentence():
    one = words.Finding("better", "", "", "Pre-training makes the maps better", "pre-training")
    other = words.Finding(
        "not detected", "", "", "Augmentation makes no detectable difference", "augmentation"
    )
    assert words.both(one, other) == (
        "Pre-training makes the maps better; augmentation makes no detectable difference."
    )
    assert words.both(one, one._replace(factor="augmentation")) == (
        "Both pre-training and augmentation make the maps better."
    )
