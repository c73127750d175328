"""A run that is killed between two writes goes on as if nothing had been."""

import itertools
from pathlib import Path

import pytest
import unmodeled
from crash import OPERATIONS, main, records

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


@pytest.mark.slow
def test_kills_of_a_process(capsys):
    with capsys.disabled():
        assert main(drawn=3, every=40)
