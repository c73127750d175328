import pytest

from campare.errors import RunError
from campare.stats.article import ARTICLE
from campare.stats.design import Levels, design_of
from campare.stats.settings import (
    check_settings,
    hypotheses_of,
    levels_of,
    methods_of,
    pairs_of,
)

ARMS = ["A", "B", "C"]


@pytest.mark.parametrize(
    ("baseline", "contrasts", "declared", "pairs"),
    [
        (None, None, (), [("B", "A"), ("C", "A")]),
        ("B", None, (), [("A", "B"), ("C", "B")]),
        (None, None, (("C", "B"), ("D", "A")), [("C", "B")]),  # D has no rows
        (None, None, (("D", "A"),), [("B", "A"), ("C", "A")]),
        ("A", None, (("C", "B"),), [("B", "A"), ("C", "A")]),  # what is said goes first
        (None, [("A", "C")], (("C", "B"),), [("A", "C")]),
        (None, [], (("C", "B"),), []),
    ],
)
def test_pairs(baseline, contrasts, declared, pairs):
    assert list(pairs_of(ARMS, baseline, contrasts, declared)) == pairs


@pytest.mark.parametrize("settings", [("Z", None), (None, [("A", "Z")])])
def test_a_pair_of_no_arm_is_refused_and_the_advice_names_some(settings):
    with pytest.raises(RunError, match=r"got Z\. Try A, B, C\.$"):
        pairs_of(ARMS, *settings, ())


def test_controls_are_methods_only_where_they_are_chosen():
    present = ["grad-cam", "centre", "layer-cam"]
    assert methods_of(present, None) == ["grad-cam", "layer-cam"]
    assert methods_of(present, "centre") == ["centre"]
    assert methods_of(present, ["layer-cam", "grad-cam"]) == ["layer-cam", "grad-cam"]
    with pytest.raises(RunError, match=r"got cam\. Try grad-cam, centre, layer-cam\."):
        methods_of(present, "cam")


@pytest.mark.parametrize(
    ("confidence", "fewest"), [(0.9, 100), (0.95, 100), (0.98, 100), (0.99, 200), (0.999, 2000)]
)
def test_the_fewest_resamples_leave_one_in_each_tail(confidence, fewest):
    check_settings(None, None, confidence, fewest)
    with pytest.raises(RunError, match=rf"Expected {fewest} resamples or more"):
        check_settings(None, None, confidence, fewest - 1)


@pytest.mark.parametrize("pairs", [["BA"], [("B", "B")], [("A", "B", "C")], [("A",)]])
def test_a_contrast_is_of_two_arms(pairs):
    with pytest.raises(RunError, match=r"pairs of two recipes, .* Try \[\('B', 'A'\)\]\.$"):
        check_settings(None, pairs, 0.95, 2000)
    check_settings(None, [("B", "A")], 0.95, 2000)


def test_claims_may_be_left_to_the_table_named_or_none():
    assert hypotheses_of(None) is None
    assert hypotheses_of(()) == ()
    assert hypotheses_of(ARTICLE[:2]) == ARTICLE[:2]


def test_levels_are_those_of_the_arms_that_the_table_has():
    manifest = [{"name": name, "weights": "imagenet", "augment": None} for name in "xyz"]
    found = levels_of(None, manifest, ["x", "z"])
    assert found == {name: level for name, level in design_of(manifest).items() if name != "y"}
    given = {"x": Levels(True, False), "z": {"pretrained": False, "augmented": False}}
    assert levels_of(given, manifest, ["x", "z"])["x"] == Levels(True, False)
    with pytest.raises(RunError, match=r"design, got y\. Try x, z\.$"):
        levels_of({"y": Levels(True, False)}, manifest, ["x", "z"])
