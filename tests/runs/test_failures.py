"""A bad cell costs one cell: others finish, the cause is kept, the next call tries it again."""

import errno

import pytest
from unmodeled import CELLS, DONE, FAILING, go_on

from campare.errors import RecipeError
from campare.runs.check import check
from campare.runs.failures import CellsError, cause_of, failure_path, note_failure, read_failures
from campare.runs.run import Run
from campare.stats.compare import compare


@pytest.fixture(autouse=True)
def nothing_fails():
    yield
    FAILING.clear()


def test_others_finish_and_the_next_call_tries_it_again(tmp_path):
    FAILING["a-1"] = ValueError("no such thing\nhere")
    done, said = go_on(tmp_path, report="page")
    assert done == ["a-0", "b-0", "b-1"]
    cause = "ValueError: no such thing here (unmodeled.py, line "
    assert f"a-1: FAILED, {cause}" in said
    run = Run.open(tmp_path)
    assert run.manifest.failures["a-1"].startswith(cause)
    assert f"Failed: a-1: {cause}" in compare(run).notes[0]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "1 of 4 cells are not finished" in page
    assert "no such thing here" in page
    assert [str(fault) for fault in check(tmp_path)] == [f"a-1: {run.manifest.failures['a-1']}"]
    assert "raise FAILING[cell.name]" in failure_path(tmp_path, "a-1").read_text("utf-8")

    done, said = go_on(tmp_path, skip_failed=True)
    assert done == []
    assert "Skipped, since it failed: a-1" in said
    FAILING.clear()
    assert go_on(tmp_path, report="page")[0] == ["a-1"]
    assert Run.open(tmp_path).manifest.failures == {}
    assert not failure_path(tmp_path, "a-1").exists()
    assert check(tmp_path) == []


def test_where_all_fail_nothing_is_compared(tmp_path):
    for cell in CELLS:
        FAILING[cell.name] = ValueError("bad")
    said = r"^Expected cells that finish, got 4 that failed; a-0: ValueError: bad .*\. Try: the tr"
    with pytest.raises(CellsError, match=said) as error:
        go_on(tmp_path)
    assert error.value.exit_status == 3
    FAILING["a-0"] = RecipeError("Expected a, got b. Try: c")  # a mistake is said as it is
    with pytest.raises(RecipeError, match=r"^Expected a, got b\. Try: c$"):
        go_on(tmp_path)


def test_a_full_disk_stops_all(tmp_path):
    FAILING["b-0"] = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        go_on(tmp_path)
    assert DONE[-1] == "a-0"
    FAILING.clear()
    assert go_on(tmp_path)[0] == ["b-0", "a-1", "b-1"]


def test_a_cause_that_is_damaged_is_still_a_failure(tmp_path):
    note_failure(tmp_path, "a-0", KeyError("x"))
    assert read_failures(tmp_path)["a-0"] == "KeyError: 'x'"
    failure_path(tmp_path, "a-0").write_bytes(b"")
    assert read_failures(tmp_path) == {"a-0": "for a cause that cannot be read any more"}
    assert cause_of(KeyError()) == "KeyError"
