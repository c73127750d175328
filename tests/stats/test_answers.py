"""What is said of a comparison, from tables by hand."""

import math
import re

import polars as pl
import pytest

from campare.stats.answer import Answer
from campare.stats.answers import answers, both, headline
from campare.stats.arms import ARMS
from campare.stats.comparison import EFFECTS, NULLS, SUMMARY, Comparison

NAN = math.nan
SIZES = {
    "better": (0.1, 0.05, 0.15),
    "worse": (-0.1, -0.15, -0.05),
    "not detected": (0.01, -0.1, 0.1),
    "undefined": (NAN, NAN, NAN),
}
FINE = ("A", "Scratch", "48 × 48", 3, 0, 0.9, 0.5, 180, 0, None, NAN, None, None)
COARSE = ("B", "Transfer", "12 × 12", 3, 0, 0.9, 0.5, 180, 0, None, NAN, None, None)
OTHER = ("C", "C", "12 × 12", 3, 0, 0.9, 0.5, 180, 0, None, NAN, None, None)
GUESSING = ("A", "Scratch", "48 × 48", 3, 1, 0.55, 0.5, 180, 0, None, NAN, None, None)


def effect(metric, sizes, *, contrast="B - A", method="grad-cam", p=0.01, seeds=5, sides=None):
    """A row of effects; `sizes` is a word of SIZES or (estimate, low, high)."""
    treatment, control = sides or contrast.split(" - ")
    numbers = SIZES[sizes] if isinstance(sizes, str) else sizes
    words = (contrast, treatment, control, method, metric)
    return (*words, *numbers, p, p, 0.5, 60, seeds, 0, 0.2, 0.8, p)


def frame(rows, schema):
    return pl.DataFrame(rows, schema=schema, orient="row")


def compared(*effects, factors=(), nulls=(), summary=(), arms=(), **facts):
    return Comparison(
        effects=frame(effects, EFFECTS),
        factors=frame(factors, EFFECTS),
        nulls=frame(nulls, NULLS),
        summary=frame(summary, SUMMARY),
        arms=frame(arms, ARMS),
        **facts,
    )


def of(native, matched=None, *, contrast="B - A", arms=(FINE, COARSE, OTHER)):
    """The answer on {metric: word} of native and of matched maps."""
    rows = native | {f"{name}@matched": word for name, word in (matched or {}).items()}
    effects = [effect(name, word, contrast=contrast) for name, word in rows.items()]
    (answer,) = (one for one in answers(compared(*effects, arms=arms)) if one.kind == "contrast")
    return answer


PAIR = "Against A (Scratch), B (Transfer) gives maps that are"
NONE = "No difference is detected between the maps of B (Transfer) and A (Scratch)"
GRIDS = "12 × 12 against 48 × 48"
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
    found = of({"energy": native}, {"energy": matched})
    assert found.text == CLAIMS[native, matched]
    assert found.verdict == matched
    assert (found.estimate, found.low, found.high) == SIZES[matched]
    for name in (native, matched):
        assert f"{SIZES[name][0]:+.3f}" in found.evidence


def test_where_grids_are_not_known_the_numbers_tell_whether_resolution_matters():
    found = of({"energy": "better"}, {"energy": "worse"}, arms=())
    assert found.verdict == "worse"
    assert found.text == (
        f"Against A, B gives maps that are worse by {ENERGY}, once resolution is equal; the raw "
        f"maps alone would say: better by {ENERGY}."
    )
    same = of({"energy": "better"}, {"energy": "better"}, arms=())
    assert same.text == f"Against A, B gives maps that are better by {ENERGY}."


def test_a_measure_without_a_matched_result_is_not_said_to_have_one():
    found = of({"energy": "better", "insertion": "better"}, {"energy": "better"})
    assert found.text == (
        f"{PAIR} better by {ENERGY} and insertion, at native ({GRIDS}) and at equal resolution "
        "alike; insertion at native resolution alone."
    )
    alone = of({"insertion": "better"})
    assert alone.text == f"{PAIR} better by insertion, at native resolution ({GRIDS}) alone."


def test_one_grid_says_nothing_of_resolution():
    found = of({"energy": "better"}, {"energy": "worse"}, contrast="C - B")
    assert found.text == f"Against B (Transfer), C gives maps that are better by {ENERGY}."
    assert found.verdict == "better"
    assert "resolution" not in found.evidence


def test_every_main_metric_has_its_say():
    words = {"energy": "not detected", "focus": "better", "iou": "not detected"}
    one = of(words, contrast="C - B")
    assert one.verdict == "better"
    assert one.text.endswith("better by focus on mosaics.")
    assert one.evidence.startswith("Energy in the object +0.010")  # the first metric always
    assert "IoU" not in one.evidence
    mixed = of({"energy": "worse", "focus": "better", "iou": "better"}, contrast="C - B")
    assert mixed.verdict == "mixed"
    iou = "IoU at 15 % of the maximum"
    assert mixed.text.endswith(f"better by focus on mosaics and {iou} and worse by {ENERGY}.")
    none = of({"energy": "not detected", "focus": "not detected"}, contrast="C - B")
    assert (none.verdict, none.text) == (
        "not detected",
        "No difference is detected between the maps of C and B (Transfer) in 2 measures.",
    )


def test_a_measure_whose_difference_is_undefined_is_not_counted():
    """One image alone has a mean, and so is a main metric, but no interval."""

    def answer(**words):
        effects = [effect(name, word, contrast="C - B") for name, word in words.items()]
        means = [("B", "grad-cam", name, 0.5, 0.4, 0.6, 1, 3, 0, 0, 1) for name in words]
        found = answers(compared(*effects, summary=means, arms=(COARSE, OTHER)))
        return next(one for one in found if one.kind == "contrast")

    none = answer(energy="not detected", focus="undefined")
    assert none.text.endswith(" in 1 measure.")
    some = answer(energy="better", focus="undefined", iou="not detected")
    assert some.short == "C gives better maps than B by 1 of 2 measures"
    assert answer(energy="undefined", focus="undefined").text == (
        "The maps of C and B (Transfer) cannot be compared."
    )


def test_the_headline_counts_the_measures_that_agree_with_it():
    some = of({"energy": "better", "entropy": "worse", "iou": "not detected"}, contrast="C - B")
    assert some.short == "C gives better maps than B by 1 of 3 measures"
    none = of({"energy": "not detected"}, contrast="C - B")
    assert none.short == "The maps of C and B do not differ detectably"
    mixed = of({"energy": "better", "focus": "worse"}, contrast="C - B")
    assert mixed.short == "C gives better maps than B by some measures and worse ones by others"


def test_the_numbers_travel_with_their_interval_and_counts():
    (found,) = answers(compared(effect("energy", (0.1234, 0.05, 0.2))))
    assert found.evidence == (
        "Energy in the object +0.123 (95% interval +0.050 to +0.200) (60 images, 5 seeds)."
    )
    assert (found.method, found.metric, found.subject) == ("grad-cam", "energy", "B - A")
    assert (found.estimate, found.images, found.seeds, found.p) == (0.1234, 60, 5, 0.01)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (effect("energy", "worse"), f"Against A, B gives maps that are worse by {ENERGY}."),
        (
            effect("energy", "not detected", p=0.5),
            "No difference is detected between the maps of B and A in 1 measure.",
        ),
        (
            effect("entropy", "better"),
            "Against A, B gives maps that are higher by entropy.",
        ),
        (effect("mine", "worse"), "Against A, B gives maps that are lower by mine."),
        (effect("lift", "undefined", p=NAN), "The maps of B and A cannot be compared."),
        (
            effect("cue-energy", "worse"),
            "B gives maps that are better by energy on the planted cue.",
        ),
    ],
)
def test_every_verdict(one, text):
    (found,) = answers(compared(one))
    assert found.text.endswith(text)


def test_adjusted_p_can_undo_an_interval():
    verdicts = [answers(compared(effect("energy", "better", p=p)))[0].verdict for p in (0.2, NAN)]
    assert verdicts == ["not detected", "better"]
    (one,) = answers(compared(effect("energy", "better", p=0.2)))
    assert "+0.050 to +0.150, p after Holm 0.200)" in one.evidence


def test_the_classifier_has_its_own_answer_after_the_maps():
    accuracy, confident = (effect(m, "better", method="-") for m in ("correct", "confidence"))
    found = answers(compared(confident, accuracy, effect("energy", "better")))
    assert [one.kind for one in found] == ["contrast", "classifier"]
    assert found[1].text == "B classifies better than A."
    assert found[1].evidence.startswith("Accuracy +0.100")
    assert headline(found) == "B gives better maps than A."


def test_other_methods_come_after_and_are_named():
    rows = [effect("energy", "better", method=name) for name in ("layer-cam", "grad-cam")]
    found = answers(compared(*rows))
    assert [one.method for one in found] == ["grad-cam", "layer-cam"]
    assert found[1].short == "B gives better layer-cam maps than A"


def test_one_training_each_is_said_once():
    rows = [effect("energy", "better", seeds=1, contrast=c) for c in ("B - A", "C - A")]
    found = answers(compared(*rows))
    assert [one.kind for one in found] == ["ahead", "contrast", "contrast", "next", "limit"]
    assert "not of the ways in which they were trained" in found[-1].text
    assert "(60 images)" in found[1].evidence
    few = answers(compared(effect("energy", "better", seeds=3)))
    assert few[-1].text.startswith("Only 3 seeds: the intervals know little")
    few = answers(compared(effect("energy", "better", seeds=3), kind="audit"))
    assert few[-1].text.startswith("Only 3 replicates: the intervals know little")
    assert "(60 images, 3 replicates)" in few[0].evidence


def test_an_arm_that_did_not_learn_comes_first_and_is_said_of_its_contrasts():
    found = answers(compared(effect("energy", "better"), arms=[GUESSING, COARSE]))
    assert found[0].kind == "arm"
    assert found[0].text.startswith(
        "A (Scratch) did not learn in 1 of 3 seeds: mean accuracy 0.55, the commonest class alone "
        "gives 0.50."
    )
    assert found[1].text.endswith("But A did not learn.")
    assert headline(found) == "A did not learn. B gives better maps than A."
    audit = compared(effect("energy", "better"), arms=[GUESSING, COARSE], kind="audit")
    assert "may be guessing on these images" in answers(audit)[0].text


def factor(name, word, metric="energy"):
    return effect(metric, word, contrast=name, sides=("B", "A"))


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("better", "Augmentation makes the maps better"),
        ("worse", "Augmentation makes the maps worse"),
        ("not detected", "Augmentation makes no detectable difference to the maps"),
        ("undefined", "The effect of augmentation cannot be said"),
    ],
)
def test_factors_in_words(word, says):
    (found,) = answers(compared(factors=[factor("augmentation", word)]))
    assert (found.short, found.verdict, found.subject) == (says, word, "augmentation")


def test_trends_beside_arms_that_did_not_learn():
    name = "train size: scratch, plain"
    found = answers(compared(factors=[factor(name, "better")], arms=[GUESSING, COARSE]))
    assert found[1].kind == "trend"
    assert found[1].short == "More training images make the maps better (scratch, plain)"
    assert found[1].text.endswith("But A did not learn.")


def test_matched_effects_of_factors_decide():
    rows = [factor("augmentation", "better"), factor("augmentation", "worse", "energy@matched")]
    (found,) = answers(compared(factors=rows))
    assert found.verdict == "worse"


def test_two_factors_in_one_sentence():
    one = Answer("factor", "better", "", "Sun makes the maps better", subject="sun")
    other = Answer(
        "factor",
        "not detected",
        "",
        "Rain makes no detectable difference to the maps",
        subject="rain",
    )
    assert (
        both(one, other)
        == "Sun makes the maps better; rain makes no detectable difference to the maps."
    )
    again = Answer("factor", "better", "", "Rain makes the maps better", subject="rain")
    assert both(one, again) == "Both sun and rain make the maps better."
    assert headline([one, again]) == "Both sun and rain make the maps better."


def test_controls_in_a_sentence():
    lows = {"A": -0.1, "B": 0.1, "C": 0.2}
    nulls = [(arm, "grad-cam", "energy", "centre", low, low, 1.0, 0.5) for arm, low in lows.items()]
    means = [(arm, "grad-cam", "energy", 0.5, 0.4, 0.6, 60, 3, 0, 0, 180) for arm in lows]
    *_, found = answers(compared(nulls=nulls, summary=means))
    bump = "a bump in the middle of the image (Energy in the object)"
    assert found.text == f"B and C beat {bump}; A does not."
    *_, alone = answers(compared(nulls=nulls[:1], summary=means[:1]))
    assert alone.text == f"A does not beat {bump}."
    other = [("A", "grad-cam", "iou", *means[0][3:])]
    assert not [
        one for one in answers(compared(nulls=nulls, summary=other)) if one.kind == "controls"
    ]


def test_terminal_and_notebook_carry_the_answers():
    from rich.console import Console

    rows = [effect("energy", "better"), effect("energy@matched", "not detected")]
    found = compared(*rows, effect("focus", "worse"), effect("iou", "better"), arms=[FINE, COARSE])
    console = Console(width=1000, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        console.print(found)
        terminal = console.export_text()
    said = [headline(found.answers), *map(str, found.answers)]
    assert len(said) == 3
    for text in said:
        assert text in terminal
        assert text in re.sub("</?[a-z]+>", "", found._repr_html_())


def test_contrasts_of_single_trainings_among_others_are_named():
    rows = [
        effect("energy", "better", seeds=n, contrast=c) for n, c in ((5, "B - A"), (1, "C - A"))
    ]
    (said,) = [one for one in answers(compared(*rows)) if one.kind == "limit"]
    assert said.text == "C - A: an arm is one training, and its interval covers images alone."
