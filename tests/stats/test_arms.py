import math

import polars as pl

from campare.stats.arms import ARMS, arms_of


def judged(arm, seed, labels, predictions):
    pairs = zip(labels, predictions, strict=True)
    rows = [(arm, seed, label, said, label == said) for label, said in pairs]
    names = ("recipe", "seed", "label", "prediction", "right")
    return pl.DataFrame(rows, schema=list(names), orient="row")


HALF = "ab" * 20


def test_replicates_that_do_not_beat_the_commonest_class_are_counted():
    rows = [judged("A", 0, HALF, HALF), judged("A", 1, HALF, "a" * 40), judged("B", 0, HALF, HALF)]
    a, b, c = arms_of(pl.concat(rows), "ABC", [{"name": "A", "title": "Scratch"}])
    assert (a["title"], a["replicates"], a["unlearned"]) == ("Scratch", 2, 1)
    assert (a["accuracy"], a["chance"]) == (0.75, 0.5)
    assert (b["title"], b["unlearned"], b["accuracy"]) == ("B", 0, 1.0)
    assert (c["replicates"], c["unlearned"]) == (0, 0)
    assert math.isnan(c["accuracy"])
    assert pl.DataFrame([a, b, c], schema=ARMS).height == 3


def test_grids_are_those_of_the_cells():
    rows = arms_of(judged("A", 0, HALF, HALF), "AB", grids={"A": (7, 5)})
    assert [row["grid"] for row in rows] == ["7 × 5", None]


def test_undefined_predictions_are_no_learning_and_one_class_says_nothing():
    broken = judged("A", 0, HALF, HALF).with_columns(pl.lit(None, pl.Boolean).alias("right"))
    assert arms_of(broken, "A")[0]["unlearned"] == 1
    assert arms_of(judged("A", 0, "aaaa", "aaaa"), "A")[0]["unlearned"] == 0
