"""check(): nothing wrong with a finished run, and what is not finished or of an older version."""

import json

import pytest
from unmodeled import ARMS, go_on

from campare.errors import RunError
from campare.runs.check import check


def test_a_run_is_whole_when_it_is_finished(tmp_path):
    path = tmp_path / "r"
    go_on(path, arms=ARMS[:1])
    assert [str(fault) for fault in check(path)] == ["outputs.json: missing"]
    go_on(path, report=True)
    assert check(path) == []
    (path / "cells" / "b-1.json").unlink()
    (path / "scores" / "b-1.parquet").unlink()
    assert {str(fault) for fault in check(path)} == {
        "cells/b-1.json: missing", "scores/b-1.parquet: missing",
    }  # fmt: skip


def test_cells_that_are_not_done_are_named(tmp_path):
    path = tmp_path / "r"
    go_on(path)
    manifest = json.loads((path / "run.json").read_text())
    for name in ("a-0", "b-1"):
        (path / "cells" / f"{name}.json").unlink()
        del manifest["cells"][name]
    del manifest["sha256"]
    manifest["schema_version"] = 2  # as those had no seal
    (path / "run.json").write_text(json.dumps(manifest))
    faults = check(path)
    assert {str(fault) for fault in faults} == {"a-0: not finished", "b-1: not finished"}
    assert all(fault.unfinished for fault in faults)
    (path / "comparison.json").write_text("{}")  # as of a run that was finished
    last = check(path)[-1]
    assert str(last) == "outputs.json: missing"
    assert not last.unfinished


def test_a_run_of_an_older_version_goes_on_as_it_is(tmp_path):
    path = tmp_path / "r"
    go_on(path)
    manifest = json.loads((path / "run.json").read_text())
    del manifest["sha256"], manifest["files"]
    manifest["schema_version"] = 2
    for record in manifest["cells"].values():
        del record["files"], record["rows"], record["terms"]
    (path / "run.json").write_text(json.dumps(manifest))
    for file in (path / "cells").iterdir():
        file.unlink()
    assert "cells/a-0.json: missing, as in runs of older versions" in map(str, check(path))
    before = (path / "scores" / "b-0.parquet").read_bytes()
    (path / "scores" / "b-1.parquet").write_bytes(before)
    assert go_on(path, report=True)[0] == ["b-1"]
    assert check(path) == []


def test_no_run(tmp_path):
    with pytest.raises(RunError, match=r"Expected a run directory with run\.json"):
        check(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"Expected JSON in .* Try: another run directory"):
        check(tmp_path)
