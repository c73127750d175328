"""The run directory: what is written comes back."""

import zipfile
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from campare.data import Images, ImageSet
from campare.errors import RunError
from campare.experiments.inputs import mosaics_of
from campare.experiments.progress import Live
from campare.runs.run import Cell, Run
from campare.runs.seals import Fault, Seal
from campare.types import SCORE_COLUMNS
from manifests import manifest


def images():
    rng = np.random.default_rng(0)
    return Images(
        images=rng.integers(0, 256, (3, 5, 5, 3), dtype=np.uint8),
        labels=np.array([0, 1, 1]),
        names=("test/a/1.png", "test/b/<2>.png", "test/b/ü.png"),
        regions={"object": rng.random((3, 5, 5)) > 0.5, "cue": np.zeros((3, 5, 5), bool)},
        class_names=("a", "b"),
    )


def test_images_come_back(tmp_path):
    run = Run.create(tmp_path, manifest())
    run.write_images(images())
    back, was = run.images(), images()
    np.testing.assert_array_equal(back.images, was.images)
    np.testing.assert_array_equal(back.labels, was.labels)
    assert back.names == was.names
    assert back.class_names == was.class_names
    assert back.regions.keys() == was.regions.keys()
    for name in was.regions:
        np.testing.assert_array_equal(back.regions[name], was.regions[name])


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": None}, {"names": None}, {"labels": np.array([0.5, 1, 1])},
        {"labels": np.array([0, 1, 2])}, {"labels": np.array([0, 1])}, {"images": np.zeros((3, 5))},
        {"images": np.zeros((3, 5, 5, 3))}, {"names": np.array("a")}, {"classes": np.array(["a"])},
        {"region:object": np.zeros(3)}, {"region:other": np.zeros((), np.uint8)},
    ],
    ids=lambda arrays: next(iter(arrays)),
)  # fmt: skip
def test_sealed_arrays_that_are_no_images_are_refused(tmp_path, arrays):
    """As in a run that somebody made to look like one."""
    run = Run.create(tmp_path, manifest())
    run.write_images(images())
    with np.load(tmp_path / "images.npz") as held:
        kept = {**held, **arrays}
    kept = {name: array for name, array in kept.items() if array is not None}
    np.savez(tmp_path / "images.npz", **kept)
    run.manifest.files["images.npz"] = Seal.of(tmp_path / "images.npz")
    with pytest.raises(RunError, match="Expected arrays as they were written in"):
        run.images()
    if "region:object" not in arrays:
        with pytest.raises(RunError, match="Expected arrays as they were written in"):
            run.mosaics()


def rows_of(cell):
    row = dict.fromkeys(SCORE_COLUMNS, "x") | {"recipe": cell.recipe, "seed": cell.seed}
    return pl.DataFrame([row | {"value": 1.0}])


def test_sealed_rows_of_other_kinds_are_refused(tmp_path):
    """As in a run that somebody made to look like one."""
    run = Run.create(tmp_path, manifest(recipes=[{"name": "A"}, {"name": "B"}]))
    for cell, kind in ((Cell("A", 0), pl.Float64), (Cell("B", 0), pl.Int8)):
        run.write_scores(cell, rows_of(cell).with_columns(pl.col("value").cast(kind)))
        run.record(cell)
    with pytest.raises(RunError, match=r"Expected rows of cells in .*, got: .*Try: the command"):
        run.scores()


def test_a_header_of_arrays_that_does_not_parse_is_refused(tmp_path):
    run = Run.create(tmp_path, manifest())
    with zipfile.ZipFile(tmp_path / "images.npz", "w") as archive:
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00\x04\x00{1L\n")
    run.manifest.files["images.npz"] = Seal.of(tmp_path / "images.npz")
    with pytest.raises(RunError, match="Expected arrays as they were written in"):
        run.images()


def test_a_table_of_an_earlier_version_has_no_groups(tmp_path):
    run, cell = Run.create(tmp_path, manifest()), Cell("A", 0)
    run.write_scores(cell, rows_of(cell).drop("group"))
    run.record(cell)
    assert run.scores().columns == list(SCORE_COLUMNS)
    assert run.scores()["group"].to_list() == [None]


def test_a_cell_is_finished_when_its_rows_and_its_record_are_there(tmp_path):
    run = Run.create(tmp_path, manifest(recipes=[{"name": "B"}, {"name": "A"}]))
    a, b = Cell("A", 0), Cell("B", 0)
    for cell in (a, b):
        assert not run.finished(cell)
        run.write_scores(cell, rows_of(cell))
        assert not run.finished(cell)
        run.record(cell, accuracy=0.5)
        assert run.finished(cell)
    again = Run.open(tmp_path)
    assert again.manifest.cells["A-0"].accuracy == 0.5
    assert again.scores()["recipe"].to_list() == ["B", "A"]  # the order of the recipes


def test_a_new_cell_makes_the_old_comparison_go(tmp_path):
    run = Run.create(tmp_path, manifest())
    (tmp_path / "comparison.json").write_text("{}")
    run.record(Cell("A", 0))
    assert not (tmp_path / "comparison.json").exists()


def test_maps_come_back(tmp_path):
    run = Run.create(tmp_path, manifest())
    maps = {"grad-cam": np.ones((2, 3, 3), np.float32)}
    run.write_maps(Cell("A+x", 1), maps)
    np.testing.assert_array_equal(run.maps("A+x", 1)["grad-cam"], maps["grad-cam"])


def test_what_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"with run\.json, got .*Try: campare study"):
        Run.open(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="Expected JSON"):
        Run.open(tmp_path)
    with pytest.raises(RunError, match="Expected finished cells"):
        Run.create(tmp_path, manifest()).scores()


@pytest.mark.parametrize("several", [(), (1, 4, 5)])
def test_mosaics_are_those_that_were_drawn(tmp_path, several):
    """Of photos that show one class; in blocks of groups they are no images' business."""
    test = ImageSet.drawn(train=2, test=12, size=16).load("test", 16)
    other = np.zeros(test.images.shape[:3], bool)
    other[list(several), 0, 0] = True
    test = replace(test, regions=dict(test.regions) | ({"other": other} if several else {}))
    run = Run.create(tmp_path, manifest())
    assert run.mosaics() == {}
    run.write_images(test)
    made = mosaics_of(test, Live(Console(quiet=True)))
    expected = {name: tuple(four) for each in made
                for name, four in zip(each.names, each.picked.tolist(), strict=True)}  # fmt: skip
    assert run.mosaics() == expected
    assert len(expected) == 2 * (12 - len(several))
    run.write_images(replace(test, groups=("a",) * 12))
    assert run.mosaics() == {}


def test_a_run_shows_its_arms_in_a_notebook_with_names_escaped(tmp_path):
    (tmp_path / "<b>").mkdir()
    arm = {"name": "A", "title": "a & b"}
    run = Run.create(tmp_path / "<b>", manifest(recipes=[arm]))
    run.record(Cell("A", 0), accuracy=0.5)
    run.record(Cell("A", 1), accuracy=0.75)
    run.faults.append(Fault("scores/A-0.parquet", "is <empty>", "A-0"))
    shown = run._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "<td>A</td><td>a &amp; b</td><td>2</td><td>0.500, 0.750</td>" in shown
    assert "scores/A-0.parquet: is &lt;empty&gt;" in shown
