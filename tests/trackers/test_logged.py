"""What is logged of a run is what its table, its manifest and its comparison have."""

import math
from dataclasses import replace

import polars as pl
import pytest

from campare.errors import RunError
from campare.stats.stored import comparison_of
from campare.trackers.logged import logged


@pytest.fixture(scope="module")
def found(run):
    return logged(run)


def test_scores_are_the_means_of_the_table(run, found):
    assert [cell.name for cell in found.cells] == list(run.manifest.cells)
    rows = run.scores().filter(pl.col("status") == "ok")
    for cell in found.cells:
        own = rows.filter(recipe=cell.params["recipe"], seed=cell.params["seed"])
        mean = own.filter(method="grad-cam", metric="energy")["value"].mean()
        assert cell.scores["grad-cam/energy"] == pytest.approx(mean)
        assert cell.scores["correct"] == pytest.approx(own.filter(metric="correct")["value"].mean())
        assert cell.scores["accuracy"] == run.manifest.cells[cell.name].accuracy


def test_curves_and_parameters_are_those_of_the_manifest(run, found):
    cell = found.cells[0]
    record = run.manifest.cells[cell.name]
    assert cell.curves == {name: tuple(values) for name, values in record.history.items()}
    assert cell.curves["loss"]
    assert cell.params["epochs"] == record.epochs
    assert cell.params["layer"] == record.layer
    assert found.params["fingerprint"] == run.manifest.data.fingerprint
    assert found.params["metrics"] == ", ".join(run.manifest.config.metrics)
    assert all(isinstance(value, str | int | float) for value in found.params.values())


def test_effects_answers_figures_and_files_are_those_of_the_comparison(run, found):
    comparison = comparison_of(run)
    row = comparison.effects.filter(method="grad-cam", metric="energy").row(0, named=True)
    assert found.effects[f"{row['contrast']}/grad-cam/energy"] == row["estimate"]
    assert all(math.isfinite(value) for value in found.effects.values())
    assert found.answers.startswith(f"# {comparison.headline}")
    assert found.answers.count("\n- **") == len(comparison.answers)
    names = {path.relative_to(run.path).as_posix() for path in found.files}
    assert {"report.html", "comparison.json", "run.json", "tables/effects.csv"} <= names
    assert "effects" in found.figures


def test_a_run_without_a_finished_cell_is_refused(run):
    empty = replace(run, manifest=run.manifest.model_copy(update={"cells": {}}))
    with pytest.raises(RunError, match="a finished cell"):
        logged(empty)
