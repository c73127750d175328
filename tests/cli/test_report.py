"""`campare report`: what it passes on, what it prints."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from campare.runs.lock import doing, writing
from command_line import Failing, call


@pytest.fixture
def concluded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of conclude(), which does nothing here."""
    calls: list[Any] = []

    def record(run: Any, **settings: Any) -> Path:
        calls.append((run.path, settings))
        return Path("x/report.here")

    monkeypatch.setattr("campare.experiments.session.conclude", record)
    return calls


@pytest.mark.usefixtures("runs")
def test_options_arrive(concluded: list[Any], capsys: pytest.CaptureFixture[str]):
    assert call("report x") == call("report x --format md --out there.md") == 0
    assert concluded == [
        (Path("x"), {"format": "html", "out": None}),
        (Path("x"), {"format": "md", "out": Path("there.md")}),
    ]
    assert capsys.readouterr().out == "Report: x/report.here\n" * 2


@pytest.mark.usefixtures("runs")
def test_a_run_that_another_process_writes_is_reported_elsewhere_alone(
    monkeypatch: pytest.MonkeyPatch, failing: Failing
):
    module = importlib.import_module("campare.report.render")
    monkeypatch.setattr(module, "render", lambda run, *, out, **_: out or run.path / "report.html")
    before = sorted(Path("x").iterdir())
    with writing(Path("x")):
        assert failing("report", "x").endswith("or another --out")
        assert call("report x --out there/report.html") == 0
    with doing(Path("x"), "A-0"):
        assert "another --out, or" in failing("report", "x", "--out", "x/report.html")
        assert call("report x --out there/report.html") == 0
    Path("x/cells").rmdir()
    assert sorted(Path("x").iterdir()) == before
    assert call("report x") == 0
    assert Path("x/comparison.json").is_file()


@pytest.mark.usefixtures("runs")
def test_an_unknown_format(failing: Failing):
    assert failing("report", "x", "--format", "doc").startswith("Invalid value for '--format'")
