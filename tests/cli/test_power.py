"""`campare power`: how many seeds and images it takes."""

import json

import pytest

from command_line import Failing, call

pytestmark = pytest.mark.usefixtures("runs")


def test_power(capsys: pytest.CaptureFixture[str]):
    assert call("power x --smallest 0.01 --power 0.9") == 0
    out = capsys.readouterr().out
    assert "B - A   grad-cam   images: 30, seeds: 3" in out
    assert "found with 90%" in out
    assert "images needed" in out


def test_as_json(capsys: pytest.CaptureFixture[str]):
    assert call("power x --json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["contrast"] == "B - A"
    assert rows[0]["seeds"] == 3


def test_mistakes(failing: Failing):
    assert failing("power", "nowhere").startswith("Expected a run directory with run.json")
    assert "above 0, got -1.0" in failing("power", "x", "--smallest", "-1")
