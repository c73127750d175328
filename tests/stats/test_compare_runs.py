from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from test_compare import GAIN, table

from campare.errors import RunError
from campare.runs.manifest import Manifest
from campare.stats.compare_runs import compare_runs
from manifests import manifest


@dataclass
class Fake:
    path: Path
    frame: pl.DataFrame
    manifest: Manifest

    def scores(self):
        return self.frame


def run(name, recipes="ABC", *, shift=0.0, told=(), **parts):
    frame = table(recipes, seeds=3).with_columns(pl.col("value") + shift)
    return Fake(Path("runs") / name, frame, manifest(recipes=list(told), **parts))


def test_the_same_recipes_of_two_runs():
    found = compare_runs(run("x"), run("y", "BCA", shift=0.3), resamples=100)
    energy = found.effects.filter((pl.col("metric") == "energy") & (pl.col("method") == "grad-cam"))
    assert energy["contrast"].to_list() == [f"{r} [y] - {r} [x]" for r in "ABC"]
    assert energy["estimate"].to_list() == pytest.approx([0.3] * 3, abs=0.05)
    assert found.claims.height == found.factors.height == 0
    assert found.notes[0].startswith("Recipes A, B, C: y minus x, on 30 test images")


def test_what_is_not_compared_is_said():
    one = run("x", "AB", told=[{"name": "A", "epochs": 10}], data={"fingerprint": "1"},
              config={"size": 64})  # fmt: skip
    two = run("y", "AC", told=[{"name": "A", "epochs": 20, "title": "t"}],
              data={"fingerprint": "2"}, config={"size": 96})  # fmt: skip
    notes = compare_runs(one, two, resamples=100).notes
    assert notes[1:] == (
        "Only in x, not compared: B.",
        "Only in y, not compared: C.",
        "The runs were made with different data: images of one name may differ.",
        "Models see 64 pixels a side in x, 96 in y.",
        "Recipe A differs in epochs.",
    )


def test_nothing_in_common():
    assert set(GAIN) == set("ABC")
    with pytest.raises(RunError, match=r"recipes that both runs have, got A in x and B, C in y."):
        compare_runs(run("x", "A"), run("y", "BC"))
    other = run("y")
    other.frame = other.frame.with_columns(("z/" + pl.col("image")).alias("image"))
    with pytest.raises(RunError, match=r"the same test images, got none in common between x and y"):
        compare_runs(run("x"), other)
    other = run("y")
    other.frame = other.frame.with_columns(("new-" + pl.col("metric")).alias("metric"))
    with pytest.raises(RunError, match=r"a method and a metric that both x and y measured"):
        compare_runs(run("x"), other)
    with pytest.raises(RunError, match=r"Expected two different runs, got runs.x twice."):
        compare_runs(run("x"), run("x"))


def test_folders_of_one_name_are_told_apart_by_their_paths():
    two = run("x")
    two.path = Path("other/x")
    assert "A [other/x] - A [runs/x]" in set(
        compare_runs(run("x"), two, resamples=100).effects["contrast"]
    )


def test_what_either_run_lacks_is_said():
    one, other = run("x", failures={"A-2": "ValueError: no"}), run("y")
    other.faults = ["scores/B-1.parquet: missing"]
    notes = compare_runs(one, other, resamples=100).notes
    assert "x: Failed: A-2: ValueError: no" in notes
    assert "y: Not as it was written: scores/B-1.parquet: missing." in notes
    assert sum("Failed" in note for note in notes) == 1
