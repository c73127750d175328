"""`campare compare`: verdicts and effects of one run or two."""

import json
from pathlib import Path

import pytest

from campare.__main__ import main
from campare.runs.run import Run
from command_line import Failing, call

pytestmark = pytest.mark.usefixtures("runs")


def test_one_run(capsys: pytest.CaptureFixture[str]):
    assert main(["compare", "x"]) == 0
    out = capsys.readouterr().out
    assert "2 object" in out
    assert "supported" in out
    assert "B - A   grad-cam   images: 30, seeds: 3" in out


def test_two_runs(capsys: pytest.CaptureFixture[str]):
    assert main(["compare", "x", "y"]) == 0
    out = capsys.readouterr().out
    assert "Recipes A, B: y minus x, on 30 test images" in out
    assert "A [y] - A [x]   grad-cam" in out


@pytest.mark.parametrize("words", ["x", "x y"])
def test_as_json(words: str, capsys: pytest.CaptureFixture[str]):
    assert call(f"compare {words} --json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["answers"]
    assert {"contrast", "metric", "estimate", "low", "high"} <= said["effects"][0].keys()


def test_a_table(capsys: pytest.CaptureFixture[str]):
    assert call("compare x/scores") == 0
    assert "B - A   grad-cam   images: 30, seeds: 3" in capsys.readouterr().out
    Run.open("x").scores().write_csv("rows.csv")
    assert call("compare rows.csv") == 0
    assert "B - A   grad-cam   images: 30, seeds: 3" in capsys.readouterr().out


def test_own_claims(capsys: pytest.CaptureFixture[str]):
    Path("mine.yaml").write_text(
        "- {name: mine, contrast: A - B, direction: higher, measure: energy, smallest: 0.01, "
        "reason: r}"
    )
    assert call("compare x --claims mine.yaml") == 0
    assert "contradicted" in capsys.readouterr().out


def test_mistakes(failing: Failing):
    assert failing("compare", "x", "x").startswith("Expected two different runs, got x twice.")
    assert failing("compare", "x", "y", "--claims", "c.yaml").startswith(
        "Expected --claims with one run, got two runs."
    )
    assert "no readable file 'c.yaml'" in failing("compare", "x", "--claims", "c.yaml")
