"""What is derived from rows: sealed, computed again where it is damaged or of other rows."""

from pathlib import Path

from campare.runs.outputs import (
    faults_of_outputs,
    note_comparison,
    note_outputs,
    read_outputs,
    stored_comparison,
)
from campare.runs.run import Run
from manifests import manifest


def test_a_comparison_is_of_exactly_these_rows(tmp_path):
    run = Run.create(tmp_path, manifest())
    (tmp_path / "comparison.json").write_text("{}")
    assert stored_comparison(run) is None
    assert [fault.text for fault in faults_of_outputs(run)] == ["missing"]
    note_comparison(run)
    assert stored_comparison(run) == tmp_path / "comparison.json"
    assert faults_of_outputs(run) == []
    run.manifest.seeds.append(5)
    assert stored_comparison(run) is None
    (fault,) = faults_of_outputs(run)
    assert str(fault) == "comparison.json: a comparison of other rows"
    assert faults_of_outputs(run, other_rows=False) == []


def test_files_elsewhere_are_not_the_runs(tmp_path):
    run = Run.create(tmp_path / "run", manifest())
    for file in (tmp_path / "report.md", run.path / "report.html"):
        file.write_text("x")
    note_outputs(run.path, [tmp_path / "report.md"])
    assert read_outputs(run.path) is None
    note_outputs(run.path, [tmp_path / "report.md", run.path / "report.html"])
    assert list(read_outputs(run.path).files) == ["report.html"]
    (run.path / "report.html").write_text("y")
    assert [str(fault) for fault in faults_of_outputs(run)] == [
        "report.html: other contents than were written"
    ]


def test_files_are_the_runs_however_it_is_named(tmp_path, monkeypatch):
    Run.create(tmp_path / "run", manifest())
    (tmp_path / "run" / "report.html").write_text("x")
    monkeypatch.chdir(tmp_path)
    note_outputs(Path("run"), [tmp_path / "run" / "report.html"])
    assert list(read_outputs(Path("run")).files) == ["report.html"]


def test_a_report_of_other_rows_is_outdated_until_it_is_written_again(tmp_path):
    run = Run.create(tmp_path, manifest())
    files = [run.path / name for name in ("report.html", "report.md", "figures/a.svg")]
    (run.path / "figures").mkdir()
    for file in [run.path / "comparison.json", *files]:
        file.write_text("{}")
    note_comparison(run)
    note_outputs(run.path, files)
    note_comparison(run)  # of the same rows
    assert len(read_outputs(run.path).files) == 4
    assert faults_of_outputs(run) == []
    run.manifest.seeds.append(5)
    note_comparison(run)
    assert [str(fault) for fault in faults_of_outputs(run)] == [
        "report.html: a report of other rows",
        "report.md: a report of other rows",
    ]
    note_outputs(run.path, files[:1])
    assert [fault.file for fault in faults_of_outputs(run)] == ["report.md"]
    files[1].unlink()
    assert faults_of_outputs(run) == []
