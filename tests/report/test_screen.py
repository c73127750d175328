"""The first screen: what it is made of."""

import dataclasses

import polars as pl
import pytest
from written_page import changed, rendered

from campare.report.faults import Fault
from campare.report.page import read
from campare.report.screen import _cautions, _lines
from campare.stats.alone import DECIDE, Flawed
from campare.stats.answer import Answer
from campare.stats.compare import compare


@pytest.fixture(scope="module")
def first(fake_run):
    return read(fake_run, fake_run.compared).screen


def test_charts_are_of_the_first_measure_and_of_those_in_which_something_differs(first, fake_run):
    assert [panel.title for panel in first.charts][:1] == ["Energy in the object"]
    assert first.measures[0] == "energy"
    assert len(first.charts) == len(first.measures) == 3
    labels = [row.label for row in first.charts[0].rows]
    assert labels == ["pre-training, backbone, trainable part", "augmentation", "C vs A", "B vs A",
                      "C vs B", "pre-training x augmentation"]  # fmt: skip
    assert first.shown == ""


def test_arms_stand_with_what_is_comparable_and_who_is_ahead_is_marked(first, fake_run):
    means = {row[:3]: row[3] for row in fake_run.compared.summary.iter_rows()}
    for one in first.standings:
        assert one.accuracy.mean == means[one.arm.name, "-", "correct"]
        assert one.means[0].mean == means[one.arm.name, "grad-cam", "energy@matched"]
    ahead = {one.arm.name: one.ahead for one in first.standings}
    assert [name for name, marks in ahead.items() if marks[1]] == ["C"]
    assert not any(marks[0] for name, marks in ahead.items() if name in "AD")


def test_what_differs_besides_and_what_to_do_next_are_lines(first):
    lines = dict(first.lines)
    assert lines["Besides"].startswith("pre-training always comes with another backbone and")
    assert "Maps differ in resolution: A and D 48" in lines["Besides"]
    assert lines["Next"].startswith("train each arm with 5 seeds or more")


def test_where_nothing_else_is_next_it_is_what_the_study_is_too_small_for():
    small = [Fault(False, "Too small.", "9 seeds, to find 0.05"), Fault(False, "Too small.", "b")]
    assert _lines([], small, []) == [("Next", "9 seeds, to find 0.05.")]
    first = Answer("next", "not settled", "", "Next: train A")
    assert _lines([first], small, []) == [("Next", "train A.")]


def test_faults_that_are_alike_are_one_line_and_those_that_change_the_answer_come_first(fake_run):
    arms = fake_run.compared.arms.with_columns(
        pl.when(pl.col("arm").is_in(["A", "D"])).then(1).otherwise(0).alias("unlearned"),
        pl.lit(60).alias("maps"), pl.lit(30).alias("flat"),
    )  # fmt: skip
    compared = dataclasses.replace(fake_run.compared, arms=arms)
    run = changed(fake_run, seeds=[0, 1, 2, 3])
    found = read(run, compared).screen.cautions
    assert [(one.changes, one.line, len(one.texts)) for one in found] == [
        (True, "A, D: did not learn", 2),
        (True, "4 of 16 cells are not finished", 1),
        (False, "A: no better than a control", 1),
        (False, "All 4: flat maps", 4),
    ]
    _, html = rendered(dataclasses.replace(run, compared=compared))
    assert html.index("A, D: did not learn") < html.index("<h1>") < html.index("All 4: flat maps")


def test_a_fault_that_decides_the_headline_changes_the_answer_here_too():
    told = [Answer("arm", verdict, "A is", "A is", subject="A") for verdict in DECIDE]
    assert all(one.changes for one in _cautions(told, [], 2))
    assert all(Flawed([one]).decides(1) for one in told)


def test_where_an_arm_follows_a_cue_the_first_chart_is_of_the_cue(fake_run):
    said = Answer("arm", "follows a cue", "A follows", "A follows the cue", subject="A",
                  metric="entropy")  # fmt: skip
    content = read(fake_run, fake_run.compared)
    from campare.report.screen import screen

    found = screen(fake_run.compared, [said], [], content.arms, "grad-cam", content.metrics,
                   content.size, content.effects, {}, content.found)  # fmt: skip
    assert found.charts[0].kind == "levels"
    assert [row.label for row in found.charts[0].rows][:4] == ["A", "B", "C", "D"]
    assert "untrained network" in [row.label for row in found.charts[0].rows]
    assert found.charts[1].kind == ""


def test_where_one_pair_is_compared_there_is_room_for_its_images(build_run, tmp_path):
    run = build_run(tmp_path, n=8, arms=("A", "B"), seeds=(0,))
    charts = read(run, compare(run, resamples=100)).screen.charts
    assert [panel.kind for panel in charts] == [""] * 3 + ["paired"] * 3


def test_one_arm_alone_stands_beside_controls(build_run, tmp_path):
    run = build_run(tmp_path, n=8, arms=("B",), seeds=(0,))
    first = read(run, compare(run, resamples=100)).screen
    assert [panel.kind for panel in first.charts] == ["levels"] * 3
    assert [row.label for row in first.charts[0].rows] == [
        "B", "uniform map", "bump in the middle", "image edges", "untrained network"
    ]  # fmt: skip
    assert dict(first.lines).keys() <= {"Next"}
