"""`campare check`: what it prints, its exit status, and which command it gives again."""

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from campare.data import Images
from campare.runs.outputs import note_comparison, note_outputs
from campare.runs.run import Cell, Run
from campare.types import SCORE_COLUMNS
from command_line import call
from manifests import manifest


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run without cells that wants one."""
    return Run.create(tmp_path / "r", manifest(recipes=[{"name": "A"}]))


def finish(run: Run) -> None:
    """Do all that is missing in it."""
    row = dict.fromkeys(SCORE_COLUMNS, "x") | {"recipe": "A", "seed": 0, "value": 1.0}
    run.write_scores(Cell("A", 0), pl.DataFrame([row]))
    run.record(Cell("A", 0))
    blank = np.zeros((1, 4, 4, 3), np.uint8)
    run.write_images(Images(blank, np.array([0]), ("a",), {}, ("a", "b")))
    (run.path / "comparison.json").write_text("{}")
    note_comparison(run)


def test_a_whole_run_and_one_that_is_not(run: Run, capsys: pytest.CaptureFixture[str]):
    finish(run)
    assert call(f"check {run.path}") == 0
    assert capsys.readouterr().out == "Whole: 1 cell, all files as they were written\n"
    run.scores_path(Cell("A", 0)).write_bytes(b"")
    assert call(f"check {run.path}") == 1
    first, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"scores/A-0.parquet: 0 bytes where [\d,]+ were written", first)
    assert last == f"1 wrong. Try: campare check {run.path} --repair"


def test_repair_gives_the_command_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    command = [
        "campare",
        "study",
        "drawn",
        "--out",
        "old",
        "--skip-failed",
        "--seeds",
        "1",
        "--out=older",
    ]
    run.manifest.command = command
    run.write_manifest()
    calls: list[Any] = []

    def again(words: list[str], **settings: Any) -> Any:
        calls.append(words[3:])
        finish(run)
        return subprocess.CompletedProcess(words, 0)

    assert call(f"check {run.path}") == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "images.npz: without a seal"
    assert out[-1] == f"1 wrong, 1 not finished. Try: campare check {run.path} --repair"
    monkeypatch.setattr(subprocess, "run", again)
    assert call(f"check {run.path} --repair") == 0
    assert calls == [["study", "drawn", "--seeds", "1", "--out", str(run.path)]]


def test_advice_for_what_the_command_of_a_run_does_not_mend(
    run: Run, capsys: pytest.CaptureFixture[str], failing: Any
):
    finish(run)
    (run.path / "report.md").write_text("x")
    note_outputs(run.path, [run.path / "report.md"])
    (run.path / "report.md").unlink()
    assert call(f"check {run.path}") == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"1 wrong. Try: campare report {run.path} --format md"
    (run.path / "run.json").unlink()
    assert call(f"check {run.path}") == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"1 wrong. Try: the command of this run again, with --out {run.path}"
    assert failing("check", str(run.path), "--repair").endswith(
        f"Try: that command again, with --out {run.path}"
    )


def test_a_run_of_a_program_is_repaired_by_it(run: Run, failing: Any):
    assert failing("check", str(run.path), "--repair").endswith(
        "got a program of your own. Try: that program again"
    )
