"""Statements about one arm, from tables by hand."""

import math

import numpy as np
import polars as pl
import pytest

from campare import audit
from campare.data import ImageSet
from campare.data.cue import plant
from campare.stats.alone import FOLLOWS
from campare.stats.arms import ARMS
from campare.stats.compare import compare
from campare.stats.comparison import EFFECTS, NULLS, SUMMARY, Comparison
from small_network import trained

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


def arm(
    name, *, unlearned=0, maps=300, flat=0, accuracy=0.9, fits=(None, NAN, None), prepared=None
):
    return (name, name, "7 × 7", 5, unlearned, accuracy, 0.5, maps, flat, *fits, prepared)


def table(*, means=(), nulls=(), effects=(), arms=(), **facts):
    def frame(rows, schema):
        return pl.DataFrame(list(rows), schema=schema, orient="row")

    return Comparison(
        frame(effects, EFFECTS), frame(means, SUMMARY), frame(nulls, NULLS),
        arms=frame(arms, ARMS), **facts,
    )  # fmt: skip


def cue(name, share, *, untrained=0.10, area=0.03, drop=0.2, drop_low=0.1, change=None):
    """Means and controls of an arm that puts a share of its map on the cue."""
    means = [
        mean(name, "cue-energy", share),
        mean(name, "cue-energy", area, "uniform"),
        mean(name, "cue-energy", untrained, UNTRAINED),
    ]
    if drop is not None:
        means.append(mean(name, "cue-drop", drop, "-", drop_low, drop + 0.1))
    if change is not None:
        means.append(mean(name, "cue-drop@change", change, "-"))
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
        {"share": 0.03, "change": 0.2},
        {"drop": 0.0, "drop_low": -0.02, "change": 0.04},  # blurring it hardly moves the score
        {"drop": 0.0, "drop_low": -0.02, "change": 0.01},  # no more than elsewhere
        # conspicuous: a blur of it moves the score, and its map is not on it
        {"share": 0.05, "drop": 0.0, "drop_low": -0.02, "change": 0.12},
    ],
)
def test_a_map_that_chance_explains_follows_nothing(facts):
    assert not [one for one in found_with(**facts).answers if one.verdict == "follows a cue"]


def said_of_cues(found):
    return [(one.kind, one.verdict, one.text) for one in found.answers if one.kind == "cue"]


def test_where_a_cue_is_known_it_is_always_spoken_of():
    assert said_of_cues(found_with()) == []  # it follows the cue, and that is said
    assert said_of_cues(found_with(share=0.03, drop=0.0, drop_low=-0.1)) == [
        ("cue", "not detected", "No arm detectably follows the cue: A puts 3% there.")
    ]
    assert said_of_cues(table(means=[mean("A", "energy", 0.5)], arms=[arm("A")])) == []


def test_an_arm_of_too_few_seeds_may_follow_a_cue():
    """Its means are those of one that does, and the intervals hold everything."""
    means, _ = cue("A", 0.28, drop=0.2, drop_low=-0.9)
    wide = [beside("A", "uniform", "cue-energy", 0.25, 0.9),
            beside("A", UNTRAINED, "cue-energy", 0.18, 0.9)]  # fmt: skip
    found = table(means=means, nulls=wide, arms=[arm("A")])
    ((kind, verdict, text),) = said_of_cues(found)
    assert (kind, verdict) == ("cue", "may follow a cue")
    assert text == (
        "Whether A follows the cue is not told by the intervals of 5 seeds: A puts 28% there. "
        "Train more."
    )


def test_a_model_that_needs_the_cue_follows_it_also_with_a_coarse_map():
    assert found_with(share=0.05, untrained=0.05).headline == "A follows the cue."


def test_a_cue_at_random_costs_nothing_on_the_mean_and_its_size_decides():
    """It speaks for the class on half of the images, and against it on the others."""
    found = found_with(drop=0.0, drop_low=-0.02, change=0.12)
    assert found.headline == "A follows the cue."
    assert found.answers[0].text == (
        "A puts 28% of its map on the cue, a region of 3% of the image (an untrained network puts "
        "10% there); blurring it moves the probability of the class by 0.12 more than blurring as "
        "much elsewhere (+0.100 to +0.140). How well its maps find anything else says little."
    )
    assert "costs 0.20" in found_with(change=0.3).answers[0].text
    for change in (0.16, 0.3):  # a coarse map spills off a small cue, which the model needs
        coarse = found_with(share=0.05, untrained=0.05, drop=0.0, drop_low=-0.02, change=change)
        assert coarse.headline == "A follows the cue."


def simulated(follows, rng, images=60, seeds=3):
    """Rows of an arm on tags at random, half of which agree with the label: a logit moves by
    `follows` for or against the class; blurring anything moves it a little."""
    rows = []
    for seed in range(seeds):
        label, agrees = rng.normal(0, 1.5, images), rng.choice([-1, 1], images)

        def lost(moved, label=label):
            return 1 / (1 + np.exp(-label)) - 1 / (1 + np.exp(-label - moved))

        here = lost(-follows * agrees + rng.normal(0, 0.1, images))
        elsewhere = np.stack([lost(rng.normal(0, 0.1, images)) for _ in range(5)])
        values = {
            ("-", "cue-drop"): here - elsewhere.mean(0),
            ("-", "cue-drop@change"): np.abs(here) - np.abs(elsewhere).mean(0),
            ("grad-cam", "cue-energy"): rng.uniform(0.05, 0.15, images),
            ("uniform", "cue-energy"): np.full(images, 0.03),
            (UNTRAINED, "cue-energy"): rng.uniform(0.0, 0.06, images),
        }
        rows += [
            {"recipe": "A", "seed": seed, "split": "test", "image": f"{at}", "label": "cat",
             "prediction": "cat", "target": "cat", "method": method, "layer": "last",
             "metric": metric, "value": float(value), "status": "ok"}
            for (method, metric), of in values.items() for at, value in enumerate(of)
        ]  # fmt: skip
    return pl.DataFrame(rows)


@pytest.mark.parametrize(("follows", "expected"), [(1.5, True), (0.0, False)])
def test_rows_of_a_cue_at_random_say_whether_it_is_followed(follows, expected):
    for seed in range(3):
        found = compare(simulated(follows, np.random.default_rng(seed)))
        of = {m: v for m, v in found.summary.select("metric", "mean").rows() if m != "cue-energy"}
        assert abs(of["cue-drop"]) < 0.05  # its mean is 0 by design
        said = [one for one in found.answers if one.verdict == "follows a cue"]
        assert bool(said) == expected
        assert not said or "moves the probability of the class by" in said[0].text


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
        "replicates); a uniform map 0.200; a bump in the middle of the image 0.330; an untrained "
        "network 0.250. Accuracy 0.90, the commonest class alone gives 0.50."
    )


def test_a_metric_whose_good_side_is_low_is_turned_round():
    means = [mean("A", "cue-energy", 0.01), mean("A", "cue-energy", 0.03, "uniform")]
    found = table(means=means, nulls=[beside("A", "uniform", "cue-energy", -0.02, 0.01)],
                  arms=[arm("A")])  # fmt: skip
    assert not [one for one in found.answers if one.kind == "arm"]


@pytest.mark.slow
def test_networks_that_learned_a_tag_follow_it_where_tags_are_random_and_others_do_not():
    def network(p):
        train = plant(ImageSet.drawn(train=240, test=2, size=48), p=p, size_fraction=0.2)
        return trained(train.load("train", 48))

    test = plant(ImageSet.drawn(train=2, test=120, size=48), p=0.5, size_fraction=0.2)
    scores = audit(
        {"tagged": network(0.97), "plain": network(0.5)}, test, metrics=["default", "cue-drop"]
    )
    said = {one.subject: one.text for one in compare(scores).answers if one.verdict == FOLLOWS}
    assert set(said) == {"tagged"}
    assert "moves the probability of the class by" in said["tagged"]


def test_pixels_that_would_fit_better_are_named():
    guessing = arm("A", unlearned=5, accuracy=0.5, fits=("caffe", 0.71, 64))
    text = table(arms=[guessing], kind="audit").answers[0].text
    assert "With pixels='caffe' accuracy would be 0.71 on 64 images. Try: --pixels caffe." in text
    assert "Do the pixels" not in text
    found = table(arms=[arm("A", accuracy=0.6, fits=("-1..1", 0.9, 64))], kind="audit").answers[0]
    assert found.text == (
        "A may get other pixels than it takes: accuracy 0.60. With pixels='tf' accuracy would be "
        "0.90 on 64 images. Try: --pixels tf."
    )
    two = arm("A", unlearned=5, fits=("-1..1, imagenet", 0.9, 64))
    text = table(arms=[two], kind="audit").answers[0].text
    assert (
        "With pixels='tf' or 'imagenet' accuracy would be 0.90 on 64 images, which do not tell "
        "them apart. Try: --pixels tf."
    ) in text
    own = arm("A", unlearned=5, prepared="scaled")
    text = table(arms=[own], kind="audit").answers[0].text
    assert "Your own scaled prepares its pixels: no known convention in its stead does" in text
    assert not [one for one in table(arms=[arm("A")], kind="audit").answers if one.kind == "arm"]


def test_a_model_whose_outputs_are_no_numbers_has_no_accuracy():
    broken = arm("A", unlearned=3, accuracy=math.nan)
    (said, *_) = table(arms=[broken], means=[mean("A", "energy", 0.3)], kind="study").answers
    assert "nan" not in str(said)
    assert "its outputs are no numbers" in str(said)


def test_controls_of_maps_of_pixels_tell_of_a_cue_too():
    """Those carry the name of their method."""
    method = "guided-grad-cam"
    means, _ = cue("A", 0.28, drop=0.2, drop_low=-0.9)
    names = {"grad-cam": method, "uniform": f"{method}:uniform", UNTRAINED: f"{method}:untrained"}
    renamed = [(row[0], names.get(row[1], row[1]), *row[2:]) for row in means]
    wide = [("A", method, "cue-energy", f"{method}:uniform", 0.25, -0.65, 1.15, 0.5)]
    ((_, verdict, _),) = said_of_cues(table(means=renamed, nulls=wide, arms=[arm("A")]))
    assert verdict == "may follow a cue"


def test_a_control_is_told_on_the_images_that_the_arm_has():
    """It is defined on more images than maps of which half are flat."""
    means = [mean("A", "energy", 0.5), mean("A", "energy", 0.7, "centre")]
    found = table(means=means, nulls=[beside("A", "centre", "energy", -0.01)], arms=[arm("A")])
    (said,) = [one for one in found.answers if one.kind == "arm"]
    assert "0.500 and 0.510, difference -0.010" in said.text
