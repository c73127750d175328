"""Files and folders are there whole or not at all, and JSON holds no NaN."""

import errno
import json

import numpy as np
import pytest

from campare.files import atomic, write_json


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic(path) as part:
        part.write_text("old")

    def fail():
        with atomic(path) as part:
            part.write_text("new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_full_disk_is_told_whatever_the_library_says_that_wrote(tmp_path, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    def fail(error):
        with atomic(tmp_path / "a.pt"):
            raise error

    with pytest.raises(RuntimeError, match="iostream error"):
        fail(RuntimeError("iostream error"))
    monkeypatch.setattr("campare.files.tempfile.TemporaryFile", lambda dir: Full())  # noqa: ARG005
    for error in (RuntimeError("iostream error"), OSError("Unable to write")):
        with pytest.raises(OSError, match=r"No space left on device: .*a\.pt") as told:
            fail(error)
        assert told.value.errno == errno.ENOSPC
    with pytest.raises(PermissionError):
        fail(PermissionError(errno.EACCES, "no"))
    assert not list(tmp_path.iterdir())


def test_json_has_no_nan(tmp_path):
    write_json(tmp_path / "x.json", {"a": [np.float32(0.5), float("nan")], 1: np.arange(2)})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [0.5, None], "1": [0, 1]}


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    out = tmp_path / "out"

    def write(*, fail):
        with atomic(out) as part:
            part.mkdir()
            (part / "a.txt").write_text("a")
            if fail:
                raise KeyError

    with pytest.raises(KeyError):
        write(fail=True)
    assert list(tmp_path.iterdir()) == []
    out.mkdir()
    write(fail=False)
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "a.txt"]
    with pytest.raises(OSError, match="not empty"):
        write(fail=False)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_text_that_is_no_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"path": path, "text": "ü"})
    with pytest.raises(TypeError):
        write_json(path, {"no": object()})
    assert json.loads(path.read_text()) == {"path": str(path), "text": "ü"}
