"""A worker process of the local engine: it reads the work, then does cell after cell.

It begins on its cores, before any library counts them, and ends at once where its parent is gone.
"""

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import IO, Any, NoReturn

from campare.experiments.engines.protocol import portable
from campare.experiments.heap import keep_freed

#: The kinds of messages to the parent.
EVENT, FACTS, RAISED, UNREADABLE = "event", "facts", "raised", "unreadable"
#: Seconds between two steps of a training that are reported.
PACE = 0.2

Send = Callable[[str, Any], None]


def main(cores: Sequence[int]) -> NoReturn:
    """Do what the parent sends, on these cores."""
    status = 1
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
        signal.signal(signal.SIGTERM, _stop)
        keep_freed()
        out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # what libraries print is no message
        serve(sys.stdin.buffer, out)
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)  # libraries have threads that would be waited for


def serve(source: IO[bytes], out: IO[bytes]) -> None:
    """Read the work and cells from `source`, and write events and facts to `out`."""

    def send(kind: str, content: Any) -> None:
        pickle.dump((kind, content), out)
        out.flush()

    try:
        work = pickle.loads(pickle.load(source))
    except Exception as error:  # whatever a user's modules do when they are imported
        send(UNREADABLE, f"{type(error).__name__}: {error}")
        return
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_read, args=(source, inbox), daemon=True).start()
    while True:
        cell = inbox.get()
        try:
            facts = work(cell, _paced(send))
        except Exception as error:  # what fails all cells
            send(RAISED, portable(error))
            return
        send(FACTS, facts)


def _read(source: IO[bytes], inbox: "SimpleQueue[Any]") -> None:
    """Hand on the cells, until the parent has no more, or is gone."""
    try:
        while True:
            inbox.put(pickle.load(source))
    except (EOFError, OSError, pickle.UnpicklingError):
        os._exit(0)


def _paced(send: Send) -> Callable[[Any], None]:
    """Reports events; of the steps of a training some, each the latest."""
    last = 0.0

    def report(event: Any) -> None:
        nonlocal last
        now = time.monotonic()
        if isinstance(event, str) or now - last >= PACE:
            last = now
            send(EVENT, event)

    return report


def _stop(*_: Any) -> NoReturn:
    """End as after a mistake, so that nothing half written stays."""
    raise SystemExit(128 + signal.SIGTERM)
