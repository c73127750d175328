"""Kill a study and an audit between any two writes, and at random; go on; compare the end.

python crash.py [RANDOM [EVERY]]     so many kills at random moments of each (20), and one at every
                                     (1), every second (2) ... boundary between two writes

A process that has imported everything forks for each kill, so that a kill costs a second. What a
process writes, it writes by one of OPERATIONS; it is killed by SIGKILL before the nth.
"""

import contextlib
import functools
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from campare.files import is_partial, read_sealed

#: All ways in which campare changes a folder.
OPERATIONS = ("replace", "unlink", "mkdir", "hardlink_to", "write_text", "write_bytes", "touch")
#: What differs between two undisturbed runs.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T[\d:+]+)?|\d+(\.\d+)? (s|seconds|min)\b")


def counted(stop=None):
    """Count the operations of this process; before number `stop` it is killed."""
    count = [0]

    def watched(original):
        @functools.wraps(original)
        def operation(*args, **settings):
            count[0] += 1
            if count[0] == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **settings)

        return operation

    for name in OPERATIONS:
        setattr(Path, name, watched(getattr(Path, name)))
    return count


def in_child(work, *, kill_after=None):
    """Run `work` in a fork; its status, negative for a signal: a kill after so many seconds."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(status)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def disturbed(again, path, stop):
    """The study or audit in this process, killed before operation `stop`."""
    counted(stop)
    again(path)


def undisturbed(again, path, total):
    """The same to its end; writes how many operations there were, and what was imported."""
    count = counted()
    again(path)
    found = json.dumps({"operations": count[0], "modules": sorted(sys.modules)})
    Path(total).write_text(found)


def preload(modules):
    """Import what a child did, so that no other has to; nothing is computed here."""
    for name in modules:
        with contextlib.suppress(Exception):
            import_module(name)


def state(path):
    """Rows, comparison and report of a run: what must be equal."""
    report = (path / "report.html").read_text("utf-8")
    rows = {file.name: file.read_bytes() for file in sorted((path / "scores").iterdir())}
    return rows, (path / "comparison.json").read_bytes(), MOMENT.sub("", report)


def records(path):
    """Name -> record of each finished cell."""
    found = {}
    for file in (path / "cells").glob("[!.]*.json"):
        found[file.name] = read_sealed(file)
    return found


def faults(path, expected, finished):
    """What is wrong after going on: nothing, if all is well."""
    now = records(path)
    yield from (f"{name} was done again" for name, one in finished.items() if now.get(name) != one)
    for what, one, other in zip(
        ("rows", "comparison", "report"), state(path), expected, strict=True
    ):
        if one != other:
            yield f"other {what}"
    left = [file.name for file in path.rglob("*") if is_partial(file.name) or file.name == ".lock"]
    yield from (f"left: {name}" for name in left)


def kill(again, root, stop=None, after=None):
    """One kill and what is wrong after going on."""
    path = root / "run"
    shutil.rmtree(path, ignore_errors=True)
    if stop is not None:
        status = in_child(lambda: disturbed(again, path, stop))
    else:
        status = in_child(lambda: again(path), kill_after=after)
    finished = records(path) if path.is_dir() else {}
    if status != -signal.SIGKILL:
        yield f"the process ended with {status}"
    status = in_child(lambda: again(path))
    if status:
        yield f"going on ended with {status}"
    else:
        yield from faults(path, EXPECTED[again], finished)


#: Study or audit -> the state of its undisturbed run.
EXPECTED = {}


def run(again, root, drawn, every):
    """(kills, those after which all was well) of a study or an audit."""
    total, path = root / "total", root / "run"
    begin = time.perf_counter()
    assert in_child(lambda: undisturbed(again, path, total)) == 0
    seconds = time.perf_counter() - begin
    EXPECTED[again] = state(path)
    found, rng = json.loads(total.read_text()), random.Random(0)
    preload(found["modules"])
    chosen = [{"stop": stop} for stop in range(1, found["operations"] + 1, every)]
    chosen += [{"after": rng.uniform(0, seconds / 2)} for _ in range(drawn)]
    kills = good = 0
    for one in chosen:
        found = list(kill(again, root, **one))
        if "after" in one and found == ["the process ended with 0"]:
            continue  # it was done before
        kills, good = kills + 1, good + (not found)
        if found:
            print(f"{again.__name__} {one}: {'; '.join(found)}", flush=True)
    return kills, good


def main(drawn=20, every=1, both=None):
    """Both; whether all was well."""
    for module in ("experiments.audit", "experiments.study", "report.render"):
        import_module(f"campare.{module}")  # before forking
    tiny_run = import_module("tiny_run")
    result = {}
    for again in both or (tiny_run.tiny_study, tiny_run.tiny_audit):
        with tempfile.TemporaryDirectory() as folder:
            kills, good = run(again, Path(folder), drawn, every)
        result[again.__name__] = [kills, good]
        print(
            f"{again.__name__}: {good} of {kills} kills went on as if nothing had been", flush=True
        )
    return all(kills == good for kills, good in result.values())


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:3])) else 1)
