import math

from campare.report import words
from campare.report.view import Effect
from campare.stats.answer import Answer

SIZES = {"better": (0.1, 0.05, 0.15), "worse": (-0.1, -0.15, -0.05)}


def effect(verdict, metric="energy", p=0.01):
    return Effect("x", "B", "A", metric, *SIZES[verdict], p, 0.5, 60, 3)


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


def test_answers_are_set_with_real_signs_and_nothing_else_changes():
    text = "A-1 and B (95% interval -0.150 to +0.050), 12 × 12 against grad-cam"
    found = words.typeset(Answer("contrast", "worse", text, text, evidence=text, subject="B - A"))
    expected = "A-1 and B (95\u202f% interval −0.150 to +0.050), 12\u202f×\u202f12 against grad-cam"
    assert (found.text, found.short, found.evidence) == (expected, expected, expected)
    assert (found.subject, found.verdict) == ("B - A", "worse")
