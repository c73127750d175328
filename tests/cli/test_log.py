"""`campare log`: a run by its folder, a tracker by its name."""

from pathlib import Path

import pytest

from command_line import Failing, call


@pytest.mark.usefixtures("runs")
def test_it_says_where_the_run_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    calls = []
    monkeypatch.setattr(
        "campare.trackers.log.log", lambda run, to: calls.append((run.path, to)) or "there"
    )
    assert call("log x --to mlflow:http://127.0.0.1:1") == 0
    assert calls == [(Path("x"), "mlflow:http://127.0.0.1:1")]
    assert capsys.readouterr().out == "Logged: there\n"


@pytest.mark.usefixtures("runs")
def test_no_tracker_of_that_name_is_a_line(failing: Failing):
    said = failing("log", "x", "--to", "nowhere")
    assert "mlflow, tensorboard, wandb, fiftyone, got 'nowhere'" in said
    assert "Missing option '--to'" in failing("log", "x")
