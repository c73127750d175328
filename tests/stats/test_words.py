import math

import pytest

from campare.metrics.registry import METRICS
from campare.stats import words
from campare.stats.words import verdict_words

NAN = math.nan


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("energy", 0.1, 0.2), ("higher", "better")),
        (("energy@matched", -0.2, -0.1), ("lower", "worse")),
        (("energy", -0.1, 0.1), ("no detectable difference", "")),
        (("energy", 0.0, 0.1), ("no detectable difference", "")),
        (("energy", 0.1, 0.2, 0.2), ("no detectable difference", "")),
        (("energy", NAN, NAN), ("undefined", "")),
        (("confidence", 0.1, 0.2), ("higher", "")),
        (("nobody-knows-it", -0.2, -0.1), ("lower", "")),
    ],
)
def test_verdicts(arguments, words):
    assert verdict_words(*arguments) == words


def test_a_verdict_needs_the_adjusted_p_at_the_same_confidence():
    assert verdict_words("energy", 0.1, 0.2, 0.03).judgement == "better"
    assert verdict_words("energy", 0.1, 0.2, 0.03, alpha=0.01).judgement == ""


@pytest.mark.parametrize("metric", METRICS)
def test_the_good_side_is_the_declared_one(metric):
    good = METRICS[metric].higher_is_better
    up, down = (verdict_words(metric, *ends) for ends in ((0.1, 0.2), (-0.2, -0.1)))
    assert (up.change, down.change) == ("higher", "lower")
    if good is None:
        assert (up.judgement, down.judgement) == ("", "")
    else:
        assert (up.judgement, down.judgement)[not good] == "better"
        assert (up.judgement, down.judgement)[good] == "worse"


def test_a_row_in_a_word():
    def row(low, high, p=0.01, metric="energy"):
        return words.decided({"metric": metric, "low": low, "high": high, "p_adjusted": p})

    assert row(0.1, 0.2) == "better"
    assert row(-0.2, -0.1) == "worse"
    assert row(-0.1, 0.1) == row(0.1, 0.2, p=0.06) == "not detected"
    assert row(NAN, NAN) == "undefined"
    assert row(0.1, 0.2, metric="nobody-knows-it") == "higher"


def test_families_are_one_resolution_or_all_conditions_of_a_metric():
    families = ["", "@matched", "mprt", "mprt", "rotation-equivariance"]
    names = ["iou", "iou@matched", "mprt@fc", "mprt@fc@matched", "rotation-equivariance@30"]
    assert list(map(words.family_of, names)) == families
    assert [words.conditional(name) for name in names] == [False, False, True, True, True]
    assert {words.base(name) for name in names} == {"iou", "mprt", "rotation-equivariance"}


def test_numbers_for_people():
    assert [words.signed(v) for v in (-0.0621, 2, None, math.inf)] == ["-0.062", "+2.000", "–", "–"]
    assert words.signed(123456.0) == "+1.23e+05"
    texts = ["<0.001", "0.001", "1.000", "–"]
    assert [words.p_text(p) for p in (0.00099, 0.001, 1.0, NAN)] == texts
    assert words.interval({"estimate": 0.2, "low": NAN, "high": NAN}) == "+0.200"
    assert [words.listed(list("AB"[:n]), "or") for n in range(3)] == ["", "A", "A or B"]
    assert words.count(0, "image") == "0 images"


def test_a_title_begins_small_within_a_sentence_unless_it_is_an_acronym():
    for metric, declared in METRICS.items():
        found = words.measure(metric)
        assert found.lower() == declared.title.lower()
        first = declared.title.split()[0]
        assert (found == declared.title) == (first != first.capitalize() or first.islower())
