"""Records of cells: what one process wrote, another reads, and either of two copies suffices."""

import shutil

from unmodeled import go_on

from campare.runs.records import has_records, read_records, record_path
from campare.runs.run import Cell, Run
from manifests import manifest


def test_each_process_records_its_cells_by_itself(tmp_path):
    first = Run.create(tmp_path, manifest())
    other = Run.open(tmp_path)
    first.record(Cell("A", 0), accuracy=0.5)
    other.record(Cell("B", 0), accuracy=0.25)
    assert Run.open(tmp_path).manifest.cells.keys() == {"A-0", "B-0"}
    first.read_record(Cell("B", 0))
    assert first.manifest.cells["B-0"].accuracy == 0.25
    assert has_records(tmp_path)


def test_a_record_under_another_name_is_named(tmp_path):
    run = Run.create(tmp_path, manifest())
    run.record(Cell("A", 0))
    shutil.copy(record_path(tmp_path, "A-0"), record_path(tmp_path, "A-1"))
    found, faults = read_records(tmp_path, run.manifest)
    assert list(found) == ["A-0"]
    assert [str(fault) for fault in faults] == ["cells/A-1.json: the record of A-0"]


def test_cells_that_the_run_does_not_have_are_foreign(tmp_path):
    go_on(tmp_path / "r")
    run = Run.open(tmp_path / "r")
    run.manifest.seeds = [0, 1, 2]
    run.record(Cell("a", 2), accuracy=1.0)
    run.manifest.seeds = [0, 1]
    del run.manifest.cells["a-2"]
    run.write_manifest()
    opened = Run.open(run.path)
    assert "a-2" not in opened.manifest.cells
    assert [str(fault) for fault in opened.faults] == ["cells/a-2.json: of no cell of this run"]


def test_a_record_that_only_the_manifest_has_still_counts(tmp_path):
    go_on(tmp_path / "r")
    record_path(tmp_path / "r", "a-0").unlink()
    run = Run.open(tmp_path / "r")
    assert run.finished(Cell("a", 0))
    assert [str(fault) for fault in run.faults] == ["cells/a-0.json: missing"]
    assert go_on(run.path)[0] == []
    assert Run.open(run.path).faults == []
