"""Statements about one arm, from tables by hand."""

import math

import polars as pl
import pytest

from campare.stats.arms import ARMS
from campare.stats.comparison import EFFECTS, NULLS, SUMMARY, Comparison

NAN = math.nan
UNTRAINED = "grad-cam:untrained"


def mean(arm, metric, value, method="grad-cam", low=None, high=None):
    ends = (value - 0.02 if low is None else low, value + 0.02 if high is None else high)
    return (arm, method, metric, value, *ends, 60, 5, 0, 0, 300)


def beside(arm, null, metric, estimate, half=0.02):
    return (arm, "grad-cam", metric, null, estimate, estimate - half, estimate + half, 0.01)


def effect(contrast, metric="energy", estimate=0.1):
    sides = contrast.split(" - ")
    return (contrast, *sides, "grad-cam", metric, estimate, estimate - 0.05, estimate + 0.05,
            0.01, 0.01, 0.5, 60, 5, 0, 0.2, 0.8, 0.01)  # fmt: skip


def arm(name, *, unlearned=0, maps=300, flat=0, accuracy=0.9):
    return (name, name, "7 × 7", 5, unlearned, accuracy, 0.5, maps, flat)


def table(*, means=(), nulls=(), effects=(), arms=(), **facts):
    def frame(rows, schema):
        return pl.DataFrame(list(rows), schema=schema, orient="row")

    return Comparison(
        frame(effects, EFFECTS), frame(means, SUMMARY), frame(nulls, NULLS),
        arms=frame(arms, ARMS), **facts,
    )  # fmt: skip


def cue(name, share, *, untrained=0.10, area=0.03, drop=0.2, drop_low=0.1):
    """Means and controls of an arm that puts a share of its map on the cue."""
    means = [
        mean(name, "cue-energy", share),
        mean(name, "cue-energy", area, "uniform"),
        mean(name, "cue-energy", untrained, UNTRAINED),
    ]
    if drop is not None:
        means.append(mean(name, "cue-drop", drop, "-", drop_low, drop + 0.1))
    nulls = [
        beside(name, "uniform", "cue-energy", share - area, 0.01),
        beside(name, UNTRAINED, "cue-energy", share - untrained, 0.01),
    ]
    return means, nulls


def found_with(name="A", share=0.28, **facts):
    means, nulls = cue(name, share, **facts)
    return table(means=means, nulls=nulls, arms=[arm(name)])


def test_an_arm_that_follows_a_cue_is_the_headline():
    found = found_with()
    first = found.answers[0]
    assert (first.kind, first.verdict, first.subject) == ("arm", "follows a cue", "A")
    assert first.text == (
        "A puts 28% of its map on the cue, a region of 3% of the image (an untrained network puts "
        "10% there); blurring it costs 0.20 of the probability of the class (+0.100 to +0.300). "
        "How well its maps find anything else says little."
    )
    assert first.estimate == 0.28
    assert found.headline == "A follows the cue."


@pytest.mark.parametrize(
    "facts",
    [
        {"share": 0.05, "untrained": 0.01, "drop": None},  # less than twice the area
        {"share": 0.11, "drop": None},  # hardly more than an untrained network
        {"untrained": 0.30, "drop": None},  # a conspicuous region
        {"drop": 0.06, "drop_low": -0.05},  # it does not need the cue
        {"drop": 0.02, "drop_low": 0.01},  # hardly
        {"share": 0.03},  # its map does not lie there
    ],
)
def test_a_map_that_chance_explains_follows_nothing(facts):
    assert not [one for one in found_with(**facts).answers if one.verdict == "follows a cue"]


def test_a_model_that_needs_the_cue_follows_it_also_with_a_coarse_map():
    assert found_with(share=0.05, untrained=0.05).headline == "A follows the cue."


def test_without_an_untrained_network_or_a_blur_the_area_decides():
    means, nulls = cue("A", 0.28, drop=None)
    found = table(means=means[:2], nulls=nulls[:1], arms=[arm("A")])
    assert found.answers[0].text.startswith(
        "A puts 28% of its map on the cue, a region of 3% of the image. How well"
    )
    assert not table(means=means[:1], arms=[arm("A")]).headline.startswith("A follows")


def test_a_region_of_the_users_own_is_a_cue_and_the_object_is_none():
    means, nulls = cue("A", 0.28, drop=None)
    for name, follows in (("watermark", True), ("parts", False), ("border", False)):
        renamed = [(*m[:2], f"{name}-energy", *m[3:]) for m in means]
        other = [(*n[:2], f"{name}-energy", *n[3:]) for n in nulls]
        found = table(means=renamed, nulls=other, arms=[arm("A")])
        assert (found.headline == f"A follows the {name}.") == follows


def test_arms_that_follow_a_cue_are_named_together_and_nothing_is_said_of_better_maps():
    (a, null_a), (b, null_b), (c, null_c) = cue("A", 0.28), cue("B", 0.05, drop=None), cue("D", 0.4)
    found = table(
        means=[*a, *b, *c], nulls=[*null_a, *null_b, *null_c],
        effects=[effect("B - A"), effect("D - A")], arms=[arm(n) for n in "ABD"],
    )  # fmt: skip
    assert found.headline == "A and D follow the cue."
    pairs = {one.subject: one for one in found.answers if one.kind == "contrast"}
    assert "But A follows the cue." in pairs["B - A"].text
    assert "But A and D follow the cue." in pairs["D - A"].text


def energy(name, own, **controls):
    """Means and controls of an arm's energy: centre=0.3, untrained=0.2, ..."""
    named = {UNTRAINED if key == "untrained" else key: value for key, value in controls.items()}
    means = [mean(name, "energy", own)]
    means += [mean(name, "energy", value, method) for method, value in named.items()]
    return means, [beside(name, null, "energy", own - value) for null, value in named.items()]


def test_an_arm_no_better_than_its_controls_comes_before_any_difference():
    (a, null_a), (b, null_b) = energy("A", 0.30, centre=0.31), energy("B", 0.5, centre=0.31)
    found = table(means=[*a, *b], nulls=[*null_a, *null_b], effects=[effect("B - A")],
                  arms=[arm("A"), arm("B")])  # fmt: skip
    first = found.answers[0]
    assert (first.kind, first.verdict) == ("arm", "no better than a control")
    assert first.text == (
        "A is not detectably better than a bump in the middle of the image, by energy in the "
        "object: 0.300 and 0.310, difference -0.010 (-0.030 to +0.010; 60 images)."
    )
    assert found.headline == (
        "A is not detectably better than a bump in the middle of the image. B gives better maps "
        "than A."
    )


def test_where_no_arm_beats_its_controls_the_headline_says_so_first():
    (a, null_a), (b, null_b) = energy("A", 0.30, centre=0.31), energy("B", 0.31, centre=0.31)
    arms = [arm("A"), arm("B")]
    facts = {"effects": [effect("B - A")], "arms": arms}
    found = table(means=[*a, *b], nulls=[*null_a, *null_b], **facts)
    assert found.headline == (
        "A and B are not detectably better than a bump in the middle of the image. B gives better "
        "maps than A."
    )
    (a, null_a), (b, null_b) = energy("A", 0.20, centre=0.31), energy("B", 0.25, centre=0.31)
    below = table(means=[*a, *b], nulls=[*null_a, *null_b], **facts)
    assert {one.verdict for one in below.answers[:2]} == {"worse than a control"}
    assert below.headline == "A and B are worse than a bump in the middle of the image."


def test_the_name_of_an_arm_stays_as_it_was_given():
    assert found_with("my-resnet").headline == "my-resnet follows the cue."


def test_worse_than_an_untrained_network():
    means, nulls = energy("A", 0.2, untrained=0.4, uniform=0.19)
    found = table(means=means, nulls=nulls, arms=[arm("A")])
    assert found.answers[0].verdict == "worse than untrained"
    assert found.answers[0].text.endswith("(-0.220 to -0.180; 60 images). Nor is it better than a "
                                          "uniform map.")  # fmt: skip
    assert found.headline == "A is worse than an untrained network."


def test_accuracy_at_chance_is_in_the_headline_once_for_each_arm():
    means, nulls = energy("A", 0.30, centre=0.31)
    arms = [arm("A", unlearned=5, accuracy=0.5), arm("B")]
    found = table(means=means, nulls=nulls, arms=arms, effects=[effect("B - A")])
    assert [one.verdict for one in found.answers[:2]] == [
        "did not learn", "no better than a control",
    ]  # fmt: skip
    assert found.headline == "A did not learn. B gives better maps than A."


@pytest.mark.parametrize(("flat", "said"), [(29, False), (30, True), (300, True)])
def test_flat_maps_are_said_from_a_tenth_on(flat, said):
    found = table(means=[mean("A", "energy", 0.4)], arms=[arm("A", flat=flat)])
    texts = [one.text for one in found.answers if one.verdict == "flat maps"]
    assert bool(texts) == said
    if said:
        assert f"nothing on them, flat or nowhere positive, {flat} of 300." in texts[0]


def test_an_audit_of_one_model_says_where_its_maps_are():
    means, nulls = energy("m", 0.45, uniform=0.2, centre=0.33, untrained=0.25)
    found = table(means=means, nulls=nulls, arms=[arm("m")], kind="audit")
    assert found.headline == (
        "m has 0.45 in energy in the object, a bump in the middle of the image 0.33."
    )
    (alone,) = [one for one in found.answers if one.kind == "alone"]
    assert alone.verdict == "above controls"
    assert alone.text == (
        "The maps of m: energy in the object 0.450 (95% interval 0.430 to 0.470; 60 images, 5 "
        "seeds); a uniform map 0.200; a bump in the middle of the image 0.330; an untrained "
        "network 0.250. Accuracy 0.90, the commonest class alone gives 0.50."
    )


def test_a_metric_whose_good_side_is_low_is_turned_round():
    means = [mean("A", "cue-energy", 0.01), mean("A", "cue-energy", 0.03, "uniform")]
    found = table(means=means, nulls=[beside("A", "uniform", "cue-energy", -0.02, 0.01)],
                  arms=[arm("A")])  # fmt: skip
    assert not [one for one in found.answers if one.kind == "arm"]
