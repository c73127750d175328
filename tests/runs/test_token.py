"""A token says whether two processes see one folder: a copy of it does not have it."""

import json
import shutil
import threading

import pytest

from campare.errors import RunError
from campare.runs import lock, token
from campare.runs.lock import InUseError, cell_lock, require_free, worker_of, writing


def test_a_copy_of_a_run_does_not_have_the_token(tmp_path, monkeypatch):
    monkeypatch.setattr(token, "PATIENCE", 0.0)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").touch()
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    with token.token(tmp_path / "run") as name:
        token.require_token(tmp_path / "run", name)
        for other in ("copy", "none"):
            with pytest.raises(RunError, match=r"on .*, where .*, got none or another one\. Try"):
                token.require_token(tmp_path / other, name)
    with pytest.raises(RunError):
        token.require_token(tmp_path / "run", name)
    with token.token(tmp_path / "run") as next_name:
        assert next_name != name
    assert not list((tmp_path / "run" / "cells").iterdir())


def test_storage_may_take_a_while_to_show_it(tmp_path):
    path = cell_lock(tmp_path, "token-1")
    path.parent.mkdir()
    shown = threading.Timer(0.3, path.touch)
    shown.start()
    token.require_token(tmp_path, "token-1")
    shown.join()


def test_a_process_that_gave_a_token_is_at_work(tmp_path):
    with token.token(tmp_path):
        assert worker_of(tmp_path)
        with pytest.raises(InUseError):
            require_free(tmp_path)


@pytest.mark.parametrize("joined", [False, True])
def test_the_token_of_a_process_that_was_killed_does_not_stay(tmp_path, joined):
    gone = json.dumps(lock._myself()._asdict() | {"began": "1"})
    path = cell_lock(tmp_path, "token-1")
    path.parent.mkdir()
    path.write_text(gone)
    with writing(tmp_path, joined=joined):
        assert not path.exists()
