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


PAIR = "maps than A (Scratch)"
NONE = "No difference is detected between the maps of B (Transfer) and A (Scratch)"
GRIDS = "12\u202f×\u202f12 against 48\u202f×\u202f48"
EQUAL = "once resolution is equal"
CLAIMS = {  # (native, matched): claim
    (
        "better",
        "better",
    ): f"B (Transfer) gives better {PAIR}, at native and at equal resolution alike.",
    ("better", "not detected"): f"{NONE} {EQUAL}; the raw maps alone ({GRIDS}) would say “better”.",
    ("better", "worse"): f"B (Transfer) gives worse {PAIR} {EQUAL}, though the raw maps ({GRIDS}) "
    "say “better”.",
    ("not detected", "worse"): f"B (Transfer) gives worse {PAIR} {EQUAL}; as they come, no "
    "difference is detected.",
}


@pytest.mark.parametrize(("native", "matched"), CLAIMS)
def test_the_matched_result_decides_where_grids_differ(native, matched):
    found = words.sentence(effect(native), effect(matched, "energy@matched"), ARMS)
    assert found.claim == CLAIMS[native, matched]
    assert found.verdict == matched
    for name in (native, matched):
        assert words.signed(SIZES[name][0]) in found.evidence


def test_one_grid_says_nothing_of_resolution():
    same = effect("better", treatment="C", control="B")
    found = words.sentence(same, effect("worse", "energy@matched", "C", "B"), ARMS)
    assert found.claim == "C gives better maps than B (Transfer)."
    assert found.verdict == "better"
    assert "pooled" not in found.evidence


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
