"""Work of cells for engines, which other processes can import."""

import errno
import os
import signal
import time
from pathlib import Path

from campare.files import atomic


def square(cell, report):
    report("working")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    time.sleep(0.05)  # so that another process takes the next
    print("printed")
    return {"square": cell**2, "process": os.getpid(), "cores": sorted(cores)}


def lost(cell, report):
    if cell == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(cell, report)


def full(cell, _):
    if cell == 2:
        raise OSError(errno.ENOSPC, "full")
    time.sleep(60)


def slow(cell, report):
    """Writes for a minute, into the folder that is its cell."""
    with atomic(Path(cell) / "whole") as part:
        part.write_text(str(os.getpid()))
        report("writing")
        time.sleep(60)
