"""Several processes that share the cells of a run leave the run of one."""

import io
import os
import subprocess
import sys
from contextlib import ExitStack

import polars as pl
import pytest
from rich.console import Console
from small_study import scores_bytes
from tiny_run import tiny_audit, tiny_study

from campare.errors import RunError
from campare.experiments.progress import Live
from campare.experiments.sharing import last_of, numbered
from campare.runs import lock
from campare.runs.check import check
from campare.runs.failures import note_failure
from campare.runs.lock import doing, writing
from campare.runs.manifest import Data, Manifest, RecipeRecord
from campare.runs.run import Cell, Run
from campare.types import SCORE_COLUMNS

CELLS = [Cell("A", 0), Cell("B", 0), Cell("A", 1)]


def manifest():
    data = Data(name="drawn", fingerprint="0", classes=["cat", "dog"])
    recipes = [RecipeRecord(name="A"), RecipeRecord(name="B")]
    return Manifest(campare="0.1.0", data=data, recipes=recipes, seeds=[0, 1])


@pytest.mark.parametrize("done", [pytest.param(tiny_study, marks=pytest.mark.slow), tiny_audit])
def test_calls_that_share_the_cells_of_a_run_leave_the_run_of_one(done, tmp_path):
    whole = done(tmp_path / "one")
    first = done(tmp_path / "r", cells="0,3")
    assert set(Run.open(first.path).manifest.cells) == {"a-0", "b-1"}
    assert not (first.path / "comparison.json").exists()
    last = done(tmp_path / "r", cells=[1, 2])
    assert scores_bytes(last) == scores_bytes(whole)
    assert (last.path / "report.html").is_file()
    assert check(last.path) == []
    assert done(tmp_path / "r", cells="0").manifest.cells.keys() == whole.manifest.cells.keys()


def test_a_call_does_its_own_cells_again_where_a_bit_of_them_flipped(tmp_path):
    run = tiny_study(tmp_path, cells="0")
    path = run.path / "maps" / "a-0.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    out = io.StringIO()
    tiny_study(tmp_path, cells="0", console=Console(file=out, width=200))
    assert Run.open(tmp_path, deep=True).faults == []
    assert "a-0: cell 1 of 1" in out.getvalue()


def test_a_cell_that_another_process_does_is_left_to_it(tmp_path, monkeypatch):
    tiny_study(tmp_path, cells="0-1")
    out = io.StringIO()
    with doing(tmp_path, "b-1"):
        run = tiny_study(tmp_path, cells="2-3", console=Console(file=out, width=200))
    assert "a-1" in Run.open(run.path).manifest.cells
    assert f"b-1: left to process {os.getpid()} on" in out.getvalue()
    assert "3 of 4 cells are done. The process that does the last one, or" in out.getvalue()
    assert not (run.path / "comparison.json").exists()
    tiny_study(tmp_path)
    assert check(tmp_path) == []


def test_a_cell_that_failed_is_not_done_while_it_is_tried_again(tmp_path):
    run = Run.create(tmp_path, manifest())
    for cell in CELLS[:2]:
        write_rows(run, cell)
    note_failure(tmp_path, "A-1", ValueError("no"))
    out = io.StringIO()
    with Live(Console(file=out, width=200)) as live, ExitStack() as lock:
        with doing(tmp_path, "A-1"):
            assert last_of(run, CELLS, lock, live) is None
        assert last_of(run, [*CELLS, Cell("B", 1)], lock, live) is None
        assert set(last_of(run, CELLS, lock, live).manifest.cells) == {"A-0", "B-0"}
    assert "2 of 3 cells are done. The process" in out.getvalue()
    assert "2 of 4 cells are done, 1 failed. The process" in out.getvalue()


def write_rows(run, cell):
    row = dict.fromkeys(SCORE_COLUMNS, "x") | {"recipe": cell.recipe, "seed": cell.seed}
    run.write_scores(cell, pl.DataFrame([row | {"value": 1.0}]))
    run.record(cell)


def test_one_that_joins_leaves_what_others_are_about_to_write(tmp_path):
    tiny_study(tmp_path, cells="0")
    half = tmp_path / "maps" / ".1-ab.part.b-1.npz"
    half.touch()
    with doing(tmp_path, "b-1"):
        tiny_study(tmp_path, cells="1")
        assert half.exists()
    tiny_study(tmp_path, cells="1")
    assert not half.exists()


def test_a_whole_run_is_not_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "WAIT", 0.0)
    with writing(tmp_path), pytest.raises(RunError, match="only one that writes"):
        tiny_study(tmp_path, cells="0")


@pytest.mark.parametrize("share", ["3", "0-", "-1", "1-0", "", "all", [0, 9], "0.5", "9" * 99])
def test_numbers_of_no_cell(share):
    with pytest.raises(RunError, match=r"from 0 to 2, as 0-2 or 0,2, got .* Try: --cells list"):
        numbered(CELLS, share)


@pytest.mark.slow
def test_processes_that_share_a_run_leave_the_run_of_one(tmp_path):
    def command(out, *more):
        words = "study drawn --only A,B --train 16 --test 12 --size 24 --epochs 1 --seeds 2"
        return [sys.executable, "-m", "campare", *words.split(), "--out", tmp_path / out, *more]

    subprocess.run(command("one"), check=True)
    several = [subprocess.Popen(command("r", "--cells", part)) for part in ("0-1", "2-3")]
    assert [process.wait() for process in several] == [0, 0]
    assert check(tmp_path / "r") == []
    before = (tmp_path / "r" / "comparison.json").read_bytes()
    subprocess.run(command("r"), check=True)
    one, shared = (Run.open(tmp_path / name) for name in ("one", "r"))
    assert scores_bytes(one) == scores_bytes(shared)
    assert (shared.path / "comparison.json").read_bytes() == before
    assert (one.path / "comparison.json").read_bytes() == before
    listed = subprocess.run(command("r", "--cells", "list"), check=True, capture_output=True)
    assert listed.stdout.decode().split() == ["0", "A-0", "1", "B-0", "2", "A-1", "3", "B-1"]
