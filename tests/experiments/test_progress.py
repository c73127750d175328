"""Live progress: what a log shows, and how the time left is estimated."""

import io
import time

from rich.console import Console

from campare.experiments.progress import Live
from campare.training.fit import Step


def test_a_log_has_a_line_at_the_start_and_end_of_a_cell():
    out = io.StringIO()
    with Live(Console(file=out, width=100)) as live:
        live.count("images", 1, 2)
        live.plan({"A-0": "A", "B-0": "B"})
        live.event("A-0", "untrained")
        live.event("A-0", Step(1, 2, 32, 64, 100.0, 0.7))
        live.finish("A-0", {"accuracy": 0.9, "learned": True})
        live.event("B-0", "maps")
        live.finish("B-0", {"accuracy": 0.5, "learned": False})
    lines = out.getvalue().splitlines()
    assert lines[0] == "A-0: cell 1 of 2"
    assert lines[1].startswith("A-0: accuracy 0.900")
    assert lines[2] == "B-0: cell 2 of 2"
    assert lines[3].endswith("DID NOT LEARN")


def test_cells_that_are_done_before_count():
    out = io.StringIO()
    with Live(Console(file=out, width=100)) as live:
        live.plan({"A-1": "A", "B-1": "B"}, before=3)
        live.event("A-1", "maps")
        live.finish("A-1", {})
        live.event("B-1", "maps")
    lines = out.getvalue().splitlines()
    assert [lines[0], lines[2]] == ["A-1: cell 4 of 5", "B-1: cell 5 of 5"]


def test_a_terminal_shows_epoch_speed_and_time_left():
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True)
    with Live(console) as live:
        live.plan({"A-0": "A", "A-1": "A"})
        live.event("A-0", Step(3, 10, 32, 64, 123.4, 0.71))
        live._progress.refresh()
        time.sleep(0.01)
        live.finish("A-0", {"accuracy": 0.9})
        live.event("A-1", Step(1, 10, 0, 64, 0.0, 0.71))
        live._progress.refresh()
    text = out.getvalue()
    assert "epoch 3/10, 123 images/s, loss 0.710" in text
    assert "cell 2 of 2" in text


def test_cells_at_once_have_a_line_each_and_share_the_time_left():
    out = io.StringIO()
    with Live(Console(file=out, width=100)) as live:
        live.plan({"A-0": "A", "B-0": "B", "A-1": "A"})
        live.event("A-0", "queued")
        for stage in ("untrained", "maps"):
            live.event("A-0", stage)
            live.event("B-0", stage)
        live.finish("B-0", {})
        live.event("A-0", "metrics")
        live._seconds = {"A": [30.0], "B": [10.0]}
        assert live.remaining() == 15
        live.fail("A-0", "why")
        live.leave("A-1", "process 1 on a host")
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["A-0: cell 1 of 3", "B-0: cell 2 of 3"]
    assert lines[2].startswith("B-0: ")
    assert lines[3:] == ["A-0: FAILED, why", "A-1: left to process 1 on a host"]


def test_a_terminal_has_a_row_for_each_cell_at_work():
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with Live(console) as live:
        live.count("images", 1, 2)
        live.plan({"A-0": "A", "B-0": "B"})
        live.event("A-0", "maps")
        live.event("B-0", "maps")
        assert [task.description for task in live._progress.tasks] == ["study", "A-0", "B-0"]
        live.finish("A-0", {})
        assert [task.description for task in live._progress.tasks] == ["study", "B-0"]


def test_the_time_left_uses_the_mean_of_each_recipe():
    with Live(Console(quiet=True)) as live:
        live.plan({"A-0": "A", "B-0": "B", "A-1": "A", "B-1": "B", "C-0": "C"})
        assert live.remaining() is None
        live._seconds = {"A": [10.0], "B": [20.0]}
        assert live.remaining() == 10 + 20 + 15  # C is new: the mean of what is known


def test_an_audit_has_models_and_accuracy_where_it_is_known():
    out = io.StringIO()
    with Live(Console(file=out, width=100), "audit", "model") as live:
        live.plan({"a": "a", "b": "b"})
        live.event("a", "maps of the test images, 64 passes")
        live.finish("a", {"accuracy": 0.5, "learned": False})
        live.event("b", "maps")
        live.finish("b", {})
    lines = out.getvalue().splitlines()
    assert lines[0] == "a: model 1 of 2"
    assert lines[1].endswith("NO BETTER THAN GUESSING")
    assert lines[3] == "b: 0 s, 0 s left"
