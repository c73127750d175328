"""Workers of the local engine that are forked ahead, from a process that has imported everything.

A worker that is started as a new process imports torch for seconds; one that waits, forked, for the
first driver that wants it begins at once. Drivers, forked later, take them in turn.
"""

import os
import select
import signal
import tempfile
from contextlib import suppress
from types import SimpleNamespace

from campare.experiments.engines import processes, worker


class Ahead:
    """A worker that waits; `subprocess.Popen` as the engine uses it, once a driver takes it."""

    def __init__(self, before=lambda: None):
        (read, self._to), (self._from, write) = os.pipe(), os.pipe()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 closed with the worker
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            os.dup2(read, 0)
            os.dup2(write, 1)
            os.dup2(self._log.fileno(), 2)
            os.closerange(3, 1024)  # else the ends of other workers never close
            before()
            worker.main(sorted(os.sched_getaffinity(0)))
        os.close(read)
        os.close(write)

    def let_go(self):
        """Close this process's ends: the driver has its own."""
        os.close(self._to)
        os.close(self._from)
        self._log.close()

    def taken(self):
        """As the driver has it."""
        self.stdin = os.fdopen(self._to, "wb")
        self.stdout = os.fdopen(self._from, "rb")
        self._end = os.pidfd_open(self.pid)
        return self

    def wait(self, timeout=None):
        """Wait for its end; its status is its parent's to know."""
        if not select.select([self._end], [], [], timeout)[0]:
            raise processes.subprocess.TimeoutExpired("worker", timeout)
        return -signal.SIGKILL

    def _signal(self, number):
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._end, number)

    def terminate(self):
        self._signal(signal.SIGTERM)

    def kill(self):
        self._signal(signal.SIGKILL)


def use(workers):
    """Let the local engine of this process take these workers instead of starting its own."""
    waiting, real = list(workers), processes.subprocess
    processes.subprocess = SimpleNamespace(
        Popen=lambda *_, **__: waiting.pop(0).taken(),
        PIPE=real.PIPE,
        TimeoutExpired=real.TimeoutExpired,
    )


def reap(workers):
    """End those that nobody took, and collect all: their statuses, negative for a signal."""
    for one in workers:
        one.let_go()
    return [os.waitstatus_to_exitcode(os.waitpid(one.pid, 0)[1]) for one in workers]
