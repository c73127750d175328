"""Processes that share the cores of a machine: each cell once, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import small_work
from small_study import TINY, scores_bytes, tiny_set
from tiny_run import tiny_audit, tiny_study

from campare.errors import CampareError
from campare.experiments.engines import engine
from campare.experiments.engines.processes import shares
from campare.experiments.engines.protocol import FAILED
from campare.experiments.study import study
from campare.runs.run import Run

TWO = "local(jobs=2)"


def test_two_processes_share_cells_and_cores():
    events = []
    found = engine(TWO)([1, 2, 3, 4], small_work.square, lambda *event: events.append(event))
    facts = dict(found)
    assert {cell: one["square"] for cell, one in facts.items()} == {1: 1, 2: 4, 3: 9, 4: 16}
    assert sorted(events) == [(cell, "working") for cell in (1, 2, 3, 4)]
    cores = {one["process"]: one["cores"] for one in facts.values()}
    assert len(cores) == 2
    assert os.getpid() not in cores
    assert sorted(cores.values()) == sorted(shares(2, 2))
    assert all(gone(process) for process in cores)


def test_processes_that_overlap_have_all_cores_each():
    found = engine("local(jobs=2, overlap=True)")([1, 2], small_work.square, lambda *_: None)
    every = sorted(os.sched_getaffinity(0))
    assert [facts["cores"] for _, facts in found] == [every, every]


def gone(process, seconds=10.0):
    """Whether a process ends by itself in a while."""
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_cores_are_shared_out():
    cores = len(os.sched_getaffinity(0))
    assert [len(each) for each in shares(2, 2)] == [max(1, cores // 2)] * 2
    assert [len(each) for each in shares(3, 100)] == [1] * 3
    if cores > 1:
        first, second = map(set, shares(2, 2))
        assert not first & second


def test_a_process_that_is_lost_costs_its_cell():
    found = dict(engine(TWO)([1, 2, 3], small_work.lost, lambda *_: None))
    assert found[2] == {FAILED: "its process was lost: SIGKILL"}
    assert (found[1]["square"], found[3]["square"]) == (1, 9)


def test_what_fails_every_cell_stops_at_once():
    began = time.monotonic()
    with pytest.raises(OSError, match="full"):
        list(engine(TWO)([1, 2], small_work.full, lambda *_: None))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("of", ["here", "main"])
def test_what_cannot_be_sent_is_told(of, monkeypatch):
    def local(cell, _):
        return {"cell": cell}

    if of == "main":  # as a function of a script is
        monkeypatch.setattr(sys.modules["__main__"], "local", local, raising=False)
        monkeypatch.setattr(local, "__module__", "__main__")
        monkeypatch.setattr(local, "__qualname__", "local")
    with pytest.raises(
        CampareError, match=r"Expected .* other processes can be sent, got: .*local"
    ):
        list(engine(TWO)([1], local, lambda *_: None))
    assert list(engine("local(jobs=1)")([1], local, lambda *_: None)) == [(1, {"cell": 1})]


STOPPED = """
import sys
from campare.experiments.engines import engine
from small_work import slow
for _ in engine("local(jobs=2)")(sys.argv[1:], slow, lambda *event: print(*event, flush=True)):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_of_what_was_stopped(number, tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    path = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED, *folders],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    ) as parent:
        for _ in folders:
            parent.stdout.readline()
        workers = [int(part.read_text()) for part in tmp_path.rglob(".*.part.whole")]
        assert len(workers) == 2
        parent.send_signal(number)
        parent.wait(30)
    assert all(gone(worker) for worker in workers)
    if number == signal.SIGINT:
        assert not [*tmp_path.rglob("*.whole"), *tmp_path.rglob("whole")]


@pytest.mark.slow
@pytest.mark.parametrize("done", [tiny_study, tiny_audit])
def test_processes_leave_the_run_of_one(done, tmp_path):
    one, two = done(tmp_path / "one"), done(tmp_path / "two", engine=TWO)
    assert scores_bytes(two) == scores_bytes(one)


ALONE = """
import os, sys
os.sched_setaffinity(0, map(int, sys.argv[2].split(",")))
from campare.experiments.study import study
from small_study import TINY, tiny_set
study(tiny_set(), recipes=TINY, seeds=2, out=sys.argv[1])
"""


@pytest.mark.slow
def test_rows_are_those_of_one_process_with_as_many_cores(run, tmp_path):
    two = study(tiny_set(), recipes=TINY, seeds=2, out=tmp_path / "two", engine=TWO)
    cores = ",".join(map(str, shares(1, 2)[0]))
    path = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path / "one", cores],
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert scores_bytes(two) == scores_bytes(Run.open(tmp_path / "one"))
    on_all = run.scores()  # where TensorFlow may add up in another order
    assert on_all.drop("value").equals(two.scores().drop("value"))
    np.testing.assert_allclose(
        on_all["value"].to_numpy(), two.scores()["value"].to_numpy(), rtol=1e-3, atol=1e-4
    )
    cores = {one.conditions["cores"] for one in Run.open(two.path).manifest.cells.values()}
    assert cores == {len(shares(1, 2)[0])}
