"""`campare report`: what it passes on, what it prints."""

from pathlib import Path
from typing import Any

import pytest

from command_line import Failing, call


@pytest.fixture
def concluded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of conclude(), which does nothing here."""
    calls: list[Any] = []

    def record(run: Any, **settings: Any) -> Path:
        calls.append((run.path, settings))
        return Path("x/report.here")

    monkeypatch.setattr("campare.experiments.cells.conclude", record)
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
def test_an_unknown_format(failing: Failing):
    assert failing("report", "x", "--format", "doc").startswith("Invalid value for '--format'")
