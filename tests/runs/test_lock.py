"""One writer: a second process is told who it is; the lock of one that is gone is taken over."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from campare.files import is_partial
from campare.runs import lock
from campare.runs.lock import (
    LOCK,
    InUseError,
    doing,
    holder_of,
    require_free,
    worker_of,
    writing,
)
from campare.runs.records import FOLDER


def test_a_second_writer_is_told_who_holds_it(tmp_path):
    with writing(tmp_path / "r"):
        assert holder_of(tmp_path / "r").pid == os.getpid()
        said = (
            rf"only one that writes to .*r, got process {os.getpid()} on .*, since 20.* Try: wait"
        )
        for refused in (require_free, lambda run: writing(run).__enter__()):
            with pytest.raises(InUseError, match=said) as error:
                refused(tmp_path / "r")
            assert "\n" not in str(error.value)
        (tmp_path / "r" / "run.json").touch()
    assert [file.name for file in (tmp_path / "r").iterdir()] == ["run.json"]
    with writing(tmp_path / "r"):
        pass


def test_nothing_stays_of_a_run_that_was_not_begun(tmp_path):
    with pytest.raises(KeyError), writing(tmp_path / "new"):
        raise KeyError
    assert not (tmp_path / "new").exists()


def test_the_lock_of_a_process_that_was_killed_is_taken_over(tmp_path):
    code = (
        "import sys, os, signal, pathlib; from campare.runs.lock import writing\n"
        "with writing(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert (tmp_path / LOCK).is_file()
    assert holder_of(tmp_path) is None
    with writing(tmp_path):
        assert holder_of(tmp_path).pid == os.getpid()
    assert not any(tmp_path.rglob(".*"))


def held(path, **changes):
    mine = lock._myself()._asdict() | changes
    path.mkdir(exist_ok=True)
    (path / LOCK).write_text(json.dumps(mine))


def test_another_process_of_the_same_number_is_another_process(tmp_path):
    held(tmp_path)
    with pytest.raises(InUseError):
        require_free(tmp_path)
    held(tmp_path, began="1")
    require_free(tmp_path)


def test_a_process_on_another_host_is_known_by_its_heartbeat(tmp_path):
    held(tmp_path, host="elsewhere", pid=1)
    with pytest.raises(InUseError, match="process 1 on elsewhere"):
        require_free(tmp_path)
    old = time.time() - lock.SILENT - 60
    os.utime(tmp_path / LOCK, (old, old))
    require_free(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [LOCK]


@pytest.mark.parametrize("began", ["", "7"])
def test_a_process_that_the_system_does_not_tell_from_others_is_known_by_its_heartbeat(
    tmp_path, monkeypatch, began
):
    held(tmp_path, began=began)
    monkeypatch.setattr(lock, "_began", lambda _: "")
    with pytest.raises(InUseError):
        require_free(tmp_path)
    old = time.time() - lock.SILENT - 60
    os.utime(tmp_path / LOCK, (old, old))
    require_free(tmp_path)
    monkeypatch.setattr(lock, "_began", lambda _: None)
    held(tmp_path, began=began)
    require_free(tmp_path)


def test_processes_that_are_hidden_or_without_proc(monkeypatch):
    def hidden(*_):
        raise FileNotFoundError

    def of_another(*_):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.read_text", hidden)
    assert lock._began(os.getpid()) == ""
    assert lock._began(10**30) is None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert lock._began(gone.pid) is None
    monkeypatch.setattr(os, "kill", of_another)
    assert lock._began(1) == ""


def test_a_lock_that_cannot_be_read_is_somebodys_for_a_while(tmp_path):
    (tmp_path / LOCK).write_bytes(b"")
    with pytest.raises(InUseError, match="an unknown host"):
        require_free(tmp_path)
    old = time.time() - lock.SILENT - 60
    os.utime(tmp_path / LOCK, (old, old))
    with writing(tmp_path):
        pass


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with writing(tmp_path):
        old = time.time() - 1000
        os.utime(tmp_path / LOCK, (old, old))
        for _ in range(200):
            if lock._age(tmp_path / LOCK) < 100:
                break
            time.sleep(0.01)
        assert lock._age(tmp_path / LOCK) < 100


def test_one_of_many_that_come_at_once_gets_it(tmp_path):
    held(tmp_path, began="1")  # stale, so that all want to take it over
    inside, most, refused = [], [], []

    def come():
        try:
            with writing(tmp_path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.05)
                inside.pop()
        except InUseError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) + len(refused) == 8
    assert all(re.search("only one that writes", text) for text in refused)


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def none(self, target):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.hardlink_to", none)
    since = iter(range(100))  # each look at the clock is another second
    mine = lock._myself()
    monkeypatch.setattr(lock, "_myself", lambda: mine._replace(since=str(next(since))))
    with writing(tmp_path), pytest.raises(InUseError, match=f"process {os.getpid()}"):
        require_free(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cell_is_done_by_one_process(tmp_path):
    with doing(tmp_path, "A-0") as nobody, doing(tmp_path, "A-0") as me:
        assert nobody is None
        assert me.pid == os.getpid()
        with doing(tmp_path, "A-1") as other:
            assert other is None
        assert worker_of(tmp_path).pid == os.getpid()
        for refused in (require_free, lambda run: writing(run).__enter__()):
            with pytest.raises(InUseError, match=r"does a cell of it\. Try: .* or --cells"):
                refused(tmp_path)
        with writing(tmp_path, joined=True):
            pass
    assert worker_of(tmp_path) is None
    assert not any(path for path in tmp_path.rglob("*") if path.is_file())


def test_the_locks_of_cells_whose_processes_were_killed_are_taken_over_or_removed(tmp_path):
    gone = json.dumps(lock._myself()._asdict() | {"began": "1"})
    (tmp_path / FOLDER).mkdir()
    for name in ("A-0", "A-1"):
        (tmp_path / FOLDER / f".{name}.lock").write_text(gone)
    with doing(tmp_path, "A-0") as other:
        assert other is None
    with writing(tmp_path):
        assert not list((tmp_path / FOLDER).iterdir())


def test_one_that_joins_waits_for_its_turn(tmp_path, monkeypatch):
    held(tmp_path)
    monkeypatch.setattr(lock, "WAIT", 0.5)
    with pytest.raises(InUseError), writing(tmp_path, joined=True):
        pass
    later = threading.Timer(0.1, (tmp_path / LOCK).unlink)
    later.start()
    with writing(tmp_path, joined=True):
        assert holder_of(tmp_path).pid == os.getpid()


def test_one_that_joins_waits_for_each_of_those_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "WAIT", 1.0)
    gone = []

    def come_and_go():
        for since in range(6):  # longer than it waits for any of them
            held(tmp_path, since=str(since))
            time.sleep(0.3)
            gone.append(since)
        (tmp_path / LOCK).unlink()

    held(tmp_path, since="0")
    others = threading.Thread(target=come_and_go)
    others.start()
    with writing(tmp_path, joined=True):
        assert gone == list(range(6))
    others.join()


WRITES = ("write_text", "hardlink_to", "unlink", "replace")


@pytest.mark.parametrize("stop", range(1, 9))
def test_a_process_that_is_killed_while_it_takes_over_hinders_nobody(tmp_path, stop, monkeypatch):
    class Killed(BaseException):
        pass

    held(tmp_path, began="1")
    calls = []

    def killed_at(name):
        write = getattr(lock.Path, name)

        def wrapped(self, *arguments, **keywords):
            calls.append(name)
            if len(calls) >= stop:
                raise Killed
            return write(self, *arguments, **keywords)

        return wrapped

    with monkeypatch.context() as patched:
        for name in WRITES:
            patched.setattr(lock.Path, name, killed_at(name))
        with suppress(Killed):
            lock._take(tmp_path / LOCK)
    assert set(calls) == set(WRITES) or len(calls) >= stop
    mine = lock._myself()
    monkeypatch.setattr(lock, "_myself", lambda: mine._replace(began="another process"))
    monkeypatch.setattr(lock, "_began", lambda _: "another process")
    began = time.monotonic()
    with writing(tmp_path):
        assert time.monotonic() - began < 5
    assert all(is_partial(file.name) for file in tmp_path.iterdir() if file.is_file())


@pytest.mark.parametrize("after", ["is stale", "has an heir"])
def test_a_lock_that_another_took_over_meanwhile_is_left_alone(tmp_path, after, monkeypatch):
    path = tmp_path / LOCK
    held(tmp_path, began="1")
    take, of_another = lock._take, json.dumps(lock._myself()._asdict())

    def late(heir):
        if after == "has an heir":
            mine = take(heir)
        path.write_text(of_another)
        return mine if after == "has an heir" else take(heir)

    monkeypatch.setattr(lock, "_take", late)
    assert lock._replaced(path) is None
    assert path.read_text() == of_another
    assert [file.name for file in tmp_path.iterdir()] == [LOCK]


def test_the_lock_that_nests_too_deeply_is_somebodys_for_a_while(tmp_path):
    (tmp_path / LOCK).write_text("[" * 100_000)
    with pytest.raises(InUseError, match="an unknown host"):
        require_free(tmp_path)
