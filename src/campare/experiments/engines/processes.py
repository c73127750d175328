"""Worker processes of this machine, which share its cores: each does one cell after the other.

    parent -> worker    the work, then a cell at a time, through its stdin
    worker -> parent    events of the cell, then its facts, through its stdout

Workers are in sessions of their own: what stops the parent (Ctrl-C, SIGTERM) reaches them through
it, and it waits until they have put away what they were writing. Where the parent dies, stdin ends,
and so do they. A worker that dies costs its cell, and another takes its turn.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import IO, Any

from campare.errors import CampareError, last_words
from campare.experiments.engines.protocol import FAILED, Work
from campare.experiments.engines.worker import EVENT, FACTS, RAISED, UNREADABLE

#: Seconds that a worker has to put away what it was writing.
GRACE = 10.0
#: The message of a worker that ended.
_GONE = "gone"
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from campare.experiments.engines.worker import main; main(json.loads(sys.argv[2]))"
)

Said = SimpleQueue[tuple["Worker", str, Any]]


@dataclass(eq=False)
class Worker:
    """A process that does cells on some cores; `log` is what it and its libraries print."""

    process: subprocess.Popen[bytes]
    cores: Sequence[int]
    log: IO[bytes]
    listener: threading.Thread = field(default_factory=threading.Thread, init=False)

    def send(self, message: Any) -> None:
        """Send it what it waits for; one that is gone says so by itself."""
        assert self.process.stdin
        with suppress(OSError):
            pickle.dump(message, self.process.stdin)
            self.process.stdin.flush()

    @property
    def cause(self) -> str:
        """Why it ended, in words."""
        status = self.process.wait()
        try:
            ended = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        except ValueError:
            ended = f"signal {-status}"
        with suppress(OSError):
            self.log.seek(0)
            lines = self.log.read().decode(errors="replace").split("\n")
            words = [line.strip() for line in lines if line.strip()]
            return f"{ended}, after {last_words(RuntimeError(words[-1]))!r}" if words else ended
        return ended


def run(
    cells: Sequence[Any],
    work: Work,
    on_event: Callable[[Any, Any], None],
    jobs: int,
    *,
    overlap: bool = False,
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Run `work` on each cell in `jobs` processes, and yield (cell, facts) as they finish.

    They share the cores of this one; where they `overlap`, each has all of them.

    Raises:
        CampareError: the work cannot be sent to another process.
    """
    todo, said = deque(cells), Said()
    sent = _pickled(work)
    running: dict[Worker, Any] = {}
    workers: list[Worker] = []

    def begin(cores: Sequence[int]) -> Worker:
        workers.append(_started(cores, said))
        workers[-1].send(sent)
        return workers[-1]

    def give(worker: Worker) -> None:
        if todo:
            running[worker] = todo.popleft()
            worker.send(running[worker])

    try:
        for cores in shares(min(jobs, len(cells)), 1 if overlap else jobs):
            give(begin(cores))
        while running:
            worker, kind, content = said.get()
            if kind == EVENT:
                on_event(running[worker], content)
            elif kind == FACTS:
                cell = running.pop(worker)
                give(worker)
                yield cell, content
            elif kind == RAISED:
                raise content
            elif kind == UNREADABLE:
                raise _unsendable(content)
            elif worker in running:
                cell = running.pop(worker)
                if todo:
                    give(begin(worker.cores))
                yield cell, {FAILED: f"its process was lost: {worker.cause}"}
    finally:
        _end(workers, running)


def shares(workers: int, jobs: int) -> list[list[int]]:
    """The cores of each of so many workers, where `jobs` share those of this process.

    Example:
        >>> len(shares(2, 3)), len(shares(2, 3)[0]) >= 1
        (2, True)
        >>> shares(2, 1)[0] == shares(2, 1)[1]  # each has all
        True
    """
    try:
        cores = sorted(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cores = list(range(os.cpu_count() or 1))
    each = max(1, len(cores) // jobs)
    turns = [cores[(job * each) % len(cores) :][:each] for job in range(workers)]
    return [own or cores[:1] for own in turns]


def _started(cores: Sequence[int], said: Said) -> Worker:
    """A new worker, whose messages come to `said`."""
    log = tempfile.TemporaryFile()  # noqa: SIM115 closed with the worker
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, json.dumps(sys.path), json.dumps(list(cores))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=_environment(len(cores)),
        start_new_session=True,
    )
    worker = Worker(process, cores, log)
    worker.listener = threading.Thread(target=_listen, args=(worker, said), daemon=True)
    worker.listener.start()
    return worker


def _environment(cores: int) -> dict[str, str]:
    """What a worker's libraries read: how many threads, and that a GPU is shared."""
    limits = dict.fromkeys(
        ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(cores)
    )
    pinned = hasattr(os, "sched_setaffinity")  # then libraries count the cores themselves
    return {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        **({} if pinned else limits),
        **os.environ,
    }


def _listen(worker: Worker, said: Said) -> None:
    """Hand on what a worker says, until it ends."""
    assert worker.process.stdout
    with suppress(Exception):  # cut off in the middle of a message
        while True:
            kind, content = pickle.load(worker.process.stdout)
            said.put((worker, kind, content))
    said.put((worker, _GONE, None))


def _pickled(work: Work) -> bytes:
    try:
        return pickle.dumps(work)
    except Exception as error:  # whatever a user's objects do when they are pickled
        raise _unsendable(last_words(error)) from error


def _unsendable(why: str) -> CampareError:
    return CampareError(
        f"Expected models, functions and metrics that other processes can be sent, got: {why}. "
        "Try: functions and classes in a file of their own, models as files; or jobs=1"
    )


def _end(workers: Sequence[Worker], running: dict[Worker, Any]) -> None:
    """End all workers: those at work put away what they were writing first."""
    last = time.monotonic() + GRACE
    try:
        for worker in workers:
            assert worker.process.stdin
            if worker in running:
                worker.process.terminate()
            else:
                with suppress(OSError):
                    worker.process.stdin.close()
        for worker in workers:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, last - time.monotonic()))
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.wait()
            worker.listener.join()
            for pipe in (worker.process.stdin, worker.process.stdout, worker.log):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
