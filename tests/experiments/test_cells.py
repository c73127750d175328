"""Cells: what is finished is not done again, on any engine; each is recorded as it is done."""

import io
import shutil
from functools import partial

import pytest
from rich.console import Console

from campare.errors import RunError
from campare.experiments.cells import run_cells
from campare.experiments.engines.protocol import FAILED
from campare.experiments.progress import Live
from campare.runs import token
from campare.runs.failures import note_failure
from campare.runs.manifest import Data, Manifest, RecipeRecord
from campare.runs.run import Cell, Run

CELLS = [Cell("A", 0), Cell("B", 0), Cell("A", 1)]


def backwards(cells, work, on_event):
    """An engine that finishes cells in another order than theirs."""
    for cell in reversed(cells):
        yield cell, work(cell, partial(on_event, cell))


def test_only_unfinished_cells_are_done_and_recorded(tmp_path, monkeypatch):
    run = Run.open(Run.create(tmp_path, manifest()).path)
    monkeypatch.setattr(Run, "finished", lambda _, cell: cell == CELLS[1])
    done, out = [], io.StringIO()

    def work(cell, report):
        report("maps")
        done.append(cell)
        return {"accuracy": 0.5}

    with Live(Console(file=out, width=100)) as live:
        run_cells(run, CELLS, ["a0", "b0", "a1"], work, backwards, live)
    assert done == [CELLS[2], CELLS[0]]
    assert set(Run.open(tmp_path).manifest.cells) == {"A-1", "A-0"}
    said = out.getvalue()
    assert "1 of 3 cells are finished already" in said
    assert "a1: cell 2 of 3" in said
    assert "a0: cell 3 of 3" in said
    assert said.index("a1: accuracy 0.500") < said.index("a0: accuracy 0.500")


def manifest():
    data = Data(name="drawn", fingerprint="0", classes=["cat", "dog"])
    recipes = [RecipeRecord(name="A"), RecipeRecord(name="B")]
    return Manifest(campare="0.1.0", data=data, recipes=recipes, seeds=[0, 1])


def test_a_process_that_is_lost_when_it_has_recorded_its_cell_costs_nothing(tmp_path):
    run = Run.create(tmp_path, manifest())

    def loses(cells, work, on_event):
        for cell in cells:
            facts = work(cell, partial(on_event, cell))
            yield cell, {FAILED: "its process was lost"} if cell == CELLS[0] else facts

    def go_on(engine):
        done = []
        with Live(Console(quiet=True)) as live:
            run_cells(
                run, CELLS, ["a0", "b0", "a1"], lambda c, _: done.append(c) or {}, engine, live
            )
        return done

    assert go_on(loses) == CELLS
    assert run.manifest.failures == {}
    assert {"A-0", "B-0", "A-1"} == set(run.manifest.cells)
    note_failure(tmp_path, "A-0", ValueError("before it was recorded"))  # and killed before this
    run = Run.open(tmp_path)
    for cell in CELLS:
        run.scores_path(cell).parent.mkdir(exist_ok=True)
        run.scores_path(cell).touch()
    assert set(run.manifest.failures) == {"A-0"}
    assert go_on(backwards) == []
    assert Run.open(tmp_path).manifest.failures == {}


@pytest.mark.parametrize("there", ["a copy from before", "nothing"])
def test_no_cell_begins_where_another_folder_has_the_name_of_the_run(tmp_path, there, monkeypatch):
    monkeypatch.setattr(token, "PATIENCE", 0.2)
    path = tmp_path / "r"
    run = Run.create(path, manifest())
    shutil.copytree(path, tmp_path / "copy")
    done = []

    def work(cell, _):
        done.append(cell)
        return {}

    def elsewhere(cells, work, on_event):
        path.rename(tmp_path / "shared")
        if there != "nothing":
            (tmp_path / "copy").rename(path)
        try:
            yield from backwards(cells, work, on_event)
        finally:
            shutil.rmtree(path, ignore_errors=True)
            (tmp_path / "shared").rename(path)

    said = f"Expected the run in {path} on .*, where a cell is to be done, got none or another one"
    for joined in (False, True):
        with (
            Live(Console(quiet=True)) as live,
            pytest.raises(RunError, match=rf"{said}\. Try: --out on storage") as error,
        ):
            run_cells(run, CELLS, ["a0", "b0", "a1"], work, elsewhere, live, joined=joined)
        assert "\n" not in str(error.value)
        if there != "nothing":
            shutil.copytree(path, tmp_path / "copy")
    assert done == []
    assert not list(path.rglob("*.lock"))
    assert Run.open(path).manifest.cells == {}
