"""Training over epochs, and measures over doses."""

from dataclasses import asdict

import polars as pl
import pytest

from campare.report import view
from campare.report.plots import curves
from campare.report.view import Arm
from campare.runs.manifest import CellRecord
from campare.stats.parting import CURVES
from campare.training.recipes import article
from campare.training.sweep import dosed

ARMS = tuple(Arm(name, name, index, (12, 12), (0.9,), ()) for index, name in enumerate("AB"))


def test_curves_break_at_gaps_and_arms_without_history_have_none():
    cells = [
        CellRecord(recipe="A", seed=0, history={"loss": [1.0, None, 0.5], "val_loss": [1.0, 0.5]}),
        CellRecord(recipe="B", seed=0),
    ]
    (loss,) = curves.learning(cells, ARMS)
    (plot,) = [one for one in loss if one.curves]
    quiet = next(one for one in plot.curves if one.kind == "quiet")
    assert [len(piece) for piece in quiet.pieces] == [1, 1]
    assert quiet.path.count("M") == 2
    assert curves.learning([CellRecord(recipe="A", seed=0)], ARMS) == []


def test_doses_are_series_of_recipes_that_differ_in_nothing_else():
    arms = dosed(article(backbone="embedded")[:2], (50, 100, 400), None)
    recipes = [asdict(arm) for arm in arms]
    found = {
        (recipe["name"], "grad-cam", "energy"): view.Mean(0.5, 0.4, 0.6, 60, 3)
        for recipe in recipes
    }
    (plot,) = curves.doses(recipes, found, "grad-cam", ["energy", "iou"])
    assert [one.label for one in plot.curves] == ["A", "B"]
    assert plot.x_ticks == ((0.0, "50"), (pytest.approx(100 / 3, abs=0.01), "100"), (100.0, "400"))
    assert all(len(one.points) == 3 and one.around.endswith("Z") for one in plot.curves)
    assert plot.x_name == "training images"


def test_no_dose_no_curve():
    recipes = [asdict(arm) for arm in article(backbone="embedded")]
    assert curves.doses(recipes, {}, "grad-cam", ["energy"]) == []


def test_one_epoch_is_a_point_and_an_arm_that_did_not_learn_is_named():
    lost = Arm("A", "A", 0, (12, 12), (0.5,), 1)
    cell = CellRecord(recipe="A", seed=0, history={"loss": [0.7], "val_loss": [0.7]})
    ((plot,),) = curves.learning([cell], [lost])
    assert [len(curve.points) for curve in plot.curves] == [1, 1]
    assert (plot.y_name, plot.note) == ("loss", "did not learn")


def test_quality_over_the_epochs_is_a_line_for_each_seed():
    rows = [
        ("A", seed, epoch, measure, value + seed / 10)
        for seed in (0, 1)
        for epoch, measure, value in [(5, "accuracy", 0.5), (10, "accuracy", 0.75),
                                      (5, "energy", 0.4), (10, "energy", 0.2)]
    ]  # fmt: skip
    rows.append(("A", 0, 15, "energy", float("nan")))
    accuracy, energy = curves.quality(pl.DataFrame(rows, schema=CURVES, orient="row"), ARMS)
    assert [plot.title for plot in (*accuracy, *energy)] == ["A", "A"]  # B has no curve
    assert accuracy[0].y_name == "accuracy"
    assert [one.pieces for one in accuracy[0].curves] == [
        (((0.0, 50.0), (100.0, 25.0)),),
        (((0.0, 40.0), (100.0, 15.0)),),
    ]
    assert accuracy[0].spoken == "A: accuracy over epochs; at the end 0.75 to 0.85"
    assert curves.quality(pl.DataFrame(schema=CURVES), ARMS) == []
