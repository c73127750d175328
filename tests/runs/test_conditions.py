"""What changed since cells were computed is said, kept, shown, and refused where it must not be."""

import pytest
from unmodeled import go_on

from campare.errors import RunError
from campare.runs import conditions, resume
from campare.runs.resume import require_unchanged
from campare.runs.run import Run


def test_other_conditions_are_said_kept_and_shown(tmp_path, monkeypatch):
    path = tmp_path / "r"
    go_on(path)
    here = conditions.conditions()
    assert Run.open(path).manifest.cells["a-0"].conditions == here
    (path / "scores" / "b-1.parquet").unlink()
    monkeypatch.setattr(
        "campare.runs.run.conditions", lambda: here | {"keras": "99.0", "cores": 1000}
    )
    monkeypatch.setattr(resume, "conditions", lambda: here | {"keras": "99.0", "cores": 1000})
    done, said = go_on(path, report="page")
    assert done == ["b-1"]
    line = f"Changed since cells were finished: cores, {here['cores']} then, 1000 now"
    assert line in said
    run = Run.open(path)
    assert run.manifest.cells["b-1"].conditions["keras"] == "99.0"
    page = (path / "report.html").read_text("utf-8")
    assert f"cores: {here['cores']} (a-0, b-0, a-1), 1000 (b-1)" in page
    with pytest.raises(RunError, match=r"^Expected keras .* as of the finished cells in .* got 99"):
        require_unchanged(run)


def test_the_same_conditions_are_not_said(tmp_path):
    go_on(tmp_path / "r")
    assert "Changed" not in go_on(tmp_path / "r")[1]
    require_unchanged(Run.open(tmp_path / "r"))
    require_unchanged(None)


def test_conditions_of_an_older_run_are_those_of_its_manifest(tmp_path):
    go_on(tmp_path / "r")
    run = Run.open(tmp_path / "r")
    for record in run.manifest.cells.values():
        record.conditions = {}
    assert resume.changes(run) == []
    run.manifest.versions["keras"] = "3.0.0"
    assert [(what, then) for what, then, _ in resume.changes(run)] == [("keras", "3.0.0")]
