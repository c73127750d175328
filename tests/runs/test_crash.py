"""A run that is killed between two writes goes on as if nothing had been."""

import errno
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import unmodeled
from crash import OPERATIONS, records

from campare.files import is_partial
from campare.runs import lock
from campare.runs.check import check


class Killed(BaseException):
    """Stands for SIGKILL in this process: after it nothing is written any more."""


@pytest.fixture
def killed(monkeypatch):
    """Runs something that is killed before its nth operation; None: counts them."""

    def run(work, stop):
        count = itertools.count(1)
        with monkeypatch.context() as patched:
            for name in OPERATIONS:
                original = getattr(Path, name)

                def operation(*args, _original=original, **settings):
                    if next(count) == stop or dead:
                        dead.append(True)
                        raise Killed
                    return _original(*args, **settings)

                patched.setattr(Path, name, operation)
            dead = []
            try:
                work()
            except Killed:
                assert dead
        lives.append(len(lives))  # the process that begins next is another one
        return next(count) - 1

    lives = [0]
    monkeypatch.setattr(lock, "_began", lambda _: str(len(lives)))
    return run


def end(path):
    rows = {file.name: file.read_bytes() for file in sorted((path / "scores").iterdir())}
    return rows, (path / "comparison.json").read_bytes()


def go_on(path):
    return unmodeled.go_on(path, report=True)[0]


def test_a_kill_before_any_write_is_made_good_by_going_on(tmp_path, killed):
    path = tmp_path / "whole"
    total = killed(lambda: go_on(path), None)
    expected = end(path)
    assert total > 60
    for stop in (1, 2, 3, 5, 8, 13, 21, 34, 55, total - 1, total):
        path = tmp_path / f"stopped {stop}"
        killed(lambda: go_on(path), stop)  # noqa: B023
        finished = records(path) if path.is_dir() else {}
        done = go_on(path)
        assert len(done) == 4 - len(finished), stop
        assert records(path).items() >= finished.items(), stop
        assert end(path) == expected, stop
        assert check(path) == [], stop
        assert not [file for file in path.rglob("*") if is_partial(file.name)], stop
        assert not (path / ".lock").exists(), stop


def test_a_disk_that_is_full_from_any_write_on_is_got_over(tmp_path, monkeypatch):
    def from_write(number, path):
        count = itertools.count(1)
        with monkeypatch.context() as patched:
            for name in ("mkdir", "hardlink_to", "write_text", "write_bytes", "touch"):
                original = getattr(Path, name)

                def write(*args, _original=original, **settings):
                    if next(count) >= number:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    return _original(*args, **settings)

                patched.setattr(Path, name, write)
            with pytest.raises(OSError, match="No space"):
                go_on(path)

    go_on(tmp_path / "whole")
    expected = end(tmp_path / "whole")
    for number in (1, 2, 3, 5, 8, 13, 21, 34):
        path = tmp_path / f"full {number}"
        from_write(number, path)
        assert not [file for file in path.rglob("*") if is_partial(file.name)], number
        finished = records(path) if path.is_dir() else {}
        assert len(go_on(path)) == 4 - len(finished), number
        assert end(path) == expected, number
        assert check(path) == [], number


def run(*words):
    """A program of its own, which forks before anything is computed in it."""
    path = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    known = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *words], cwd=Path(__file__).parent, env=known, check=True)


@pytest.mark.slow
def test_kills_of_a_process():
    run("crash.py", "3", "40")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs mount namespaces (Linux)")
def test_full_disks():
    run("full_disk.py", "6")


@pytest.mark.slow
def test_kills_on_ray():
    pytest.importorskip("ray")
    run("crash_ray.py", "8", "1", "1")
