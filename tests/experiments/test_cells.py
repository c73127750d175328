"""Cells: what is finished is not done again, on any engine; each is recorded as it is done."""

import io
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from campare.data import ImageSet
from campare.data.folder import write_folder
from campare.errors import RunError
from campare.experiments.cells import out_of, run_cells
from campare.experiments.progress import Live
from campare.runs.lock import writing
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
    assert said.index("a1: accuracy 0.500") < said.index("a0: accuracy 0.500")


def manifest():
    data = Data(name="drawn", fingerprint="0", classes=["cat", "dog"])
    recipes = [RecipeRecord(name="A"), RecipeRecord(name="B")]
    return Manifest(campare="0.1.0", data=data, recipes=recipes, seeds=[0, 1])


def test_a_run_is_not_written_among_its_images(tmp_path):
    data = write_folder(ImageSet.drawn(train=4, test=4, size=16), tmp_path / "data")
    images = ImageSet.from_folder(data)
    for out in (data, data / "cat" / "run"):
        with pytest.raises(RunError, match=r"outside of the images in .*data, got .*\. Try: --out"):
            out_of(out, images)
    assert out_of(tmp_path / "data-run", images) == tmp_path / "data-run"
    assert out_of("runs/x", ImageSet.drawn(train=4, test=4, size=16)) == Path("runs/x").absolute()


def test_a_run_that_is_written_to_is_refused_at_once(tmp_path):
    images = ImageSet.drawn(train=4, test=4, size=16)
    with writing(tmp_path / "r"), pytest.raises(RunError, match=r"process .* Try: waiting"):
        out_of(tmp_path / "r", images)
