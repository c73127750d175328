"""What stands where in forests of effects, of analyses and of claims."""

import polars as pl
import pytest

from campare.report.plots import forest
from campare.report.view import Arm, Effect
from campare.stats.comparison import CLAIMS, SENSITIVITY

ARMS = tuple(Arm(name, name, index, (12, 12), (0.9,), ()) for index, name in enumerate("AB"))
NAN = float("nan")


def effect(metric="energy", estimate=0.1, low=0.05, high=0.15, p=0.01):
    return Effect("B - A", "B", "A", metric, estimate, low, high, p, 0.5, 60, 3)


def test_the_matched_effect_decides_and_both_are_drawn():
    effects = {
        ("B - A", "energy"): effect(),
        ("B - A", "energy@matched"): effect("energy@matched", 0.01, -0.04, 0.06, 0.7),
    }
    (panel,) = forest.panels(effects, ["B - A"], ["energy", "iou"], ARMS)
    assert panel.ends == ("worse", "better")
    (row,) = panel.rows
    assert (row.label, row.number, row.says) == ("B vs A", "+0.010", "not detected")
    decides, native = row.lines
    assert (decides.kind, decides.filled, native.kind, native.filled) == (
        "decides", False, "native", True,
    )  # fmt: skip
    reach = 1.08 * 0.15
    assert native.at == pytest.approx(50 + 50 * 0.1 / reach, abs=0.01)
    assert (decides.low, decides.high) == pytest.approx(
        (50 - 50 * 0.04 / reach, 50 + 50 * 0.06 / reach), abs=0.01
    )


def test_an_undefined_effect_has_no_line():
    (panel,) = forest.panels(
        {("B - A", "iou"): effect("iou", NAN, NAN, NAN, NAN)}, ["B - A"], ["iou"], ARMS
    )
    assert panel.rows[0].lines == ()
    assert panel.rows[0].number == "–"
    assert panel.rows[0].missing == "undefined"


def test_less_is_better_where_it_is():
    (panel,) = forest.panels(
        {("B - A", "cue-energy"): effect("cue-energy")}, ["B - A"], ["cue-energy"], ARMS
    )
    assert panel.ends == ("better", "worse")
    assert panel.rows[0].says == "worse"


def test_an_arm_that_did_not_learn_is_noted_also_in_a_sum_of_arms():
    lost = (Arm("A", "A", 0, (12, 12), (0.5,), (0,)), ARMS[1])
    summed = Effect("f", "B", "C + A", "energy", 0.1, 0.0, 0.2, 0.5, 0.1, 9, 3)
    (panel,) = forest.panels({("f", "energy"): summed}, ["f"], ["energy"], lost)
    assert panel.rows[0].note == "A did not learn"


def test_sensitivity_rows_follow_the_main_one():
    rows = [
        {"contrast": "B - A", "method": "grad-cam", "metric": "energy", "analysis": name,
         "estimate": 0.02, "low": -0.1, "high": 0.14, "p": 0.6, "images": 50, "seeds": 3,
         "agrees": agrees}
        for name, agrees in (("correct predictions only", False), ("accuracy-matched", True))
    ]  # fmt: skip
    panel = forest.analyses(pl.DataFrame(rows, schema=SENSITIVITY), effect(), "grad-cam")
    assert [row.label for row in panel.rows] == [
        "main analysis", "correct predictions only", "accuracy-matched",
    ]  # fmt: skip
    assert [row.note for row in panel.rows] == ["", "finds otherwise", ""]
    assert forest.analyses(pl.DataFrame(schema=SENSITIVITY), effect(), "grad-cam") is None


def claim(**changed):
    row = {
        "claim": "1 focus", "verdict": "supported", "text": "Transfer", "contrast": "pre-training",
        "direction": "higher", "method": "grad-cam", "metric": "focus@matched", "estimate": 0.1,
        "low": 0.05, "high": 0.15, "p": 0.001, "p_adjusted": 0.002, "smallest": 0.05, "images": 60,
        "seeds": 3, "more_seeds": None, "more_images": None, "reason": "a tenth",
    }  # fmt: skip
    return forest.judged(pl.DataFrame([row | changed], schema=CLAIMS))[0]


def test_a_claim_is_drawn_in_units_of_its_smallest_effect():
    found = claim()
    axis = forest.CLAIMS_AXIS
    assert (found.line.at, found.line.low, found.line.high) == (axis.at(2), axis.at(1), axis.at(3))
    assert forest.BAND == (37.5, 62.5)
    assert found.line.filled
    assert found.measured == "focus (matched)"


def test_right_is_as_claimed_whatever_the_direction():
    line = claim(direction="lower", estimate=-0.1, low=-0.15, high=-0.05).line
    assert (line.at, line.low, line.high) == (75.0, 62.5, 87.5)


def test_a_wide_claim_goes_on_beyond_the_axis_and_an_open_one_says_what_it_lacks():
    found = claim(verdict="not settled", low=-0.4, high=0.6, more_seeds=4)
    assert (found.line.low, found.line.high) == (0.0, 100.0)
    assert (found.line.open_low, found.line.open_high, found.line.filled) == (True, True, False)
    assert found.needed == "4 more seeds"
    assert claim(estimate=NAN, low=NAN, high=NAN).line is None
