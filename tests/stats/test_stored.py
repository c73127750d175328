"""Which cells count is one decision: by path, by Run, and after a stop between two writes."""

import numpy as np
import polars as pl
import pytest

from campare import compare
from campare.errors import RunError
from campare.files import write_json, write_sealed
from campare.runs.outputs import note_comparison
from campare.runs.run import Cell, Run
from campare.stats.stored import comparison_of
from campare.types import NEEDED_COLUMNS
from manifests import manifest

RECIPES = ("A", "B")
SEEDS = (0, 1)
CELLS = [Cell(recipe, seed) for seed in SEEDS for recipe in RECIPES]


def rows(cell):
    rng = np.random.default_rng([RECIPES.index(cell.recipe), cell.seed])
    values = {
        "image": [f"{i}" for i in range(6)],
        "value": 0.3 + 0.2 * (cell.recipe == "B") + 0.05 * rng.standard_normal(6),
    }
    known = {
        "recipe": cell.recipe, "seed": cell.seed, "split": "test", "label": "cat",
        "prediction": "cat", "target": "cat", "method": "grad-cam", "layer": "top",
        "metric": "energy", "status": "ok",
    }  # fmt: skip
    frame = pl.DataFrame(values).with_columns(pl.lit(v).alias(n) for n, v in known.items())
    return frame.select(NEEDED_COLUMNS).with_columns(pl.col("seed").cast(pl.Int64))


def writes(run, cell):
    """Every write of a cell, in the order of a study."""
    yield lambda: (run.path / "models").mkdir(exist_ok=True)
    yield lambda: run.model_path(cell).write_bytes(b"weights")
    yield lambda: write_json(run.model_path(cell).with_suffix(".json"), {"classes": ["cat"]})
    yield lambda: run.write_maps(cell, {"grad-cam": np.ones((6, 2, 2), np.float32)})
    yield lambda: run.write_scores(cell, rows(cell))
    yield lambda: run.record(cell, layer="top")


def stopped(path, after):
    """A run that was stopped after so many writes; the comparison is written at the end alone."""
    run = Run.create(path, manifest(recipes=[{"name": name} for name in RECIPES]))
    every = [write for cell in CELLS for write in writes(run, cell)]
    for write in every[:after]:
        write()
    if after > len(every):
        compare(run).to_json(path / "comparison.json")
    return path


WRITES = 6 * len(CELLS)


def effects(comparison):
    return comparison.effects.fill_null(np.nan)


@pytest.mark.parametrize("after", range(6 * 2, WRITES + 2))
def test_a_path_its_run_and_what_is_stored_agree_after_a_stop_at_every_write(tmp_path, after):
    path = stopped(tmp_path / "run", after)
    run = Run.open(path)
    done = [cell for cell in CELLS if run.finished(cell)]
    assert len(done) == min(after // 6, len(CELLS))
    counted = run.scores().select("recipe", "seed").unique()
    assert counted.height == len(done)
    for other in (compare(path), compare(str(path)), comparison_of(run)):
        assert effects(other).equals(effects(compare(run)), null_equal=True)


@pytest.mark.parametrize("after", range(WRITES))
def test_going_on_after_a_stop_ends_as_the_undisturbed_run(tmp_path, after):
    path = stopped(tmp_path / "run", after)
    run = Run.open(path)
    for cell in CELLS:
        if not run.finished(cell):
            for write in writes(run, cell):
                write()
    undisturbed = stopped(tmp_path / "other", WRITES)
    assert effects(compare(path)).equals(effects(compare(undisturbed)), null_equal=True)


def test_no_stale_comparison_stays_when_more_seeds_stop_in_the_middle_of_a_record(
    tmp_path, monkeypatch
):
    path = stopped(tmp_path / "run", 6 * 2)
    run = Run.open(path)
    compare(run).to_json(path / "comparison.json")

    def stop_after(file, content):
        write_sealed(file, content)
        raise KeyboardInterrupt

    run.write_scores(CELLS[2], rows(CELLS[2]))
    monkeypatch.setattr("campare.runs.run.write_sealed", stop_after)
    with pytest.raises(KeyboardInterrupt):
        run.record(CELLS[2], layer="top")
    run = Run.open(path)
    assert run.finished(CELLS[2])
    for other in (compare(path), comparison_of(run)):
        assert effects(other).equals(effects(compare(run)), null_equal=True)


def test_a_comparison_is_read_where_it_is_of_these_rows_as_it_was_written(tmp_path, monkeypatch):
    run = Run.open(stopped(tmp_path / "run", WRITES))
    expected = compare(run)
    expected.to_json(run.path / "comparison.json")
    note_comparison(run)
    monkeypatch.setattr("campare.stats.stored.compare", lambda _: "computed")
    assert effects(comparison_of(run)).equals(effects(expected), null_equal=True)
    file = run.path / "comparison.json"
    text = file.read_text("utf-8")
    file.write_text(text.replace('"resamples": 2000', '"resamples": 9000'))
    assert comparison_of(run) == "computed"
    file.write_text(text)
    assert comparison_of(run) != "computed"
    run.manifest.cells["A-0"].layer = "another"
    assert comparison_of(run) == "computed"


def test_a_recorded_cell_without_its_rows_does_not_count(tmp_path):
    path = stopped(tmp_path / "run", WRITES)
    run = Run.open(path)
    run.scores_path(CELLS[3]).unlink()
    assert not run.finished(CELLS[3])
    counted = run.scores().select("recipe", "seed").unique().rows()
    assert sorted(counted) == sorted((cell.recipe, cell.seed) for cell in CELLS[:3])
    assert effects(compare(path)).equals(effects(compare(run)), null_equal=True)


def test_nothing_finished_is_refused_by_path_and_by_run(tmp_path):
    path = stopped(tmp_path / "run", 5)  # rows without their record do not count
    for table in (path, Run.open(path)):
        with pytest.raises(RunError, match="Expected finished cells"):
            compare(table)
