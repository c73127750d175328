"""Kill a study and an audit between any two writes, and at random; go on; compare the end.

python crash.py [RANDOM [EVERY]]     so many kills at random moments of each (20), and one at every
                                     (1), every second (2) ... boundary between two writes

In one process, and with `--jobs 2`, of which the command or a worker is killed. A process that has
imported everything forks for each kill, so that a kill costs a second or two. What a process
writes, it writes by one of OPERATIONS; it is killed by SIGKILL before the nth.
"""

import contextlib
import functools
import gc
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
from importlib.resources import files
from pathlib import Path

from campare.files import is_partial, read_sealed

#: All ways in which campare changes a folder.
OPERATIONS = (
    "replace", "unlink", "mkdir", "rmdir", "hardlink_to", "write_text", "write_bytes", "touch",
)  # fmt: skip
#: What differs between two undisturbed runs.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T[\d:+]+)?|\d+(\.\d+)? (s|seconds|min)\b")
#: Workers that wait for a driver with two jobs: these, and one more for each that is killed.
WORKERS = 3
TWO = "local(jobs=2)"


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


def driven(again, path, engine, *, stop=None, stop_worker=None, after=None, total=None):
    """Do a study or an audit in a fork, killed before operation `stop`, or after some seconds.

    `stop_worker` is an operation of its first worker, whose status counts then. Where it comes to
    its end, `total` says how many operations there were, and what was imported.
    """
    workers = []
    if engine == TWO:
        forked = import_module("forked")
        ends = [functools.partial(counted, stop_worker), *[counted] * (WORKERS - 1)]
        if total is not None:
            ends[0] = functools.partial(noted, total.with_suffix(".worker"))
        workers = [forked.Ahead(end) for end in ends]

    def work():
        if workers:
            forked.use(workers)
        count = counted(stop)
        again(path, engine=engine)
        if total is not None:
            found = {"operations": count[0], "modules": sorted(sys.modules)}
            total.write_text(json.dumps(found))

    status = in_child(work, kill_after=after)
    statuses = forked.reap(workers) if workers else []
    if stop_worker is not None and status == 0:
        return -signal.SIGKILL if statuses[0] == -signal.SIGKILL else 0
    return status


def noted(file):
    """Count the operations of this process, and write down how many there were."""
    count, write = counted(), os.open(file, os.O_CREAT | os.O_WRONLY)

    def watched(original):
        @functools.wraps(original)
        def operation(*args, **settings):
            result = original(*args, **settings)
            os.pwrite(write, f"{count[0]:9}".encode(), 0)
            return result

        return operation

    for name in OPERATIONS:
        setattr(Path, name, watched(getattr(Path, name)))


def preload(modules):
    """Import and compile what a child did, so that no other has to; nothing is computed here."""
    for name in modules:
        with contextlib.suppress(Exception):
            import_module(name)
    html = import_module("campare.report.writers.html")
    for file in Path(str(files("campare.report") / "templates")).glob("*.html"):
        html._environment().get_template(file.name)
    import_module("torch").set_num_threads(1)
    gc.collect()
    gc.freeze()  # so that forks share what they do not change


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
    left = [
        file.name for file in path.rglob("*") if is_partial(file.name) or file.suffix == ".lock"
    ]
    left += [file.name for file in path.glob(".*")]
    yield from (f"left: {name}" for name in left)


def kill(again, path, engine, expected, **when):
    """One kill and what is wrong after going on."""
    shutil.rmtree(path, ignore_errors=True)
    status = driven(again, path, engine, **when)
    finished = records(path) if path.is_dir() else {}
    if status != -signal.SIGKILL:
        yield NOT_KILLED if status == 0 else f"the process ended with {status}"
    status = driven(again, path, engine)
    if status:
        yield f"going on ended with {status}"
    else:
        yield from faults(path, expected, finished)


#: Said where all was done before the kill, or by another worker.
NOT_KILLED = "done before the kill"


def run(again, engine, root, drawn, every):
    """(kills, those after which all was well) of a study or an audit."""
    total, path = root / "total", root / "run"
    assert driven(again, path, engine, total=total) == 0
    found, rng = json.loads(total.read_text()), random.Random(0)
    expected = state(path)
    preload(found["modules"])
    shutil.rmtree(path)
    begin = time.perf_counter()
    assert driven(again, path, engine) == 0
    seconds = time.perf_counter() - begin
    assert state(path) == expected
    chosen = [{"stop": stop} for stop in range(1, found["operations"] + 1, every)]
    if engine == TWO:
        last = int(total.with_suffix(".worker").read_text())
        chosen += [{"stop_worker": stop} for stop in range(1, last + 1, every)]
    chosen += [{"after": rng.uniform(0, seconds)} for _ in range(drawn)]
    kills = good = 0
    for one in chosen:
        found = list(kill(again, path, engine, expected, **one))
        if found == [NOT_KILLED]:
            continue
        kills, good = kills + 1, good + (not found)
        if found:
            print(f"{again.__name__} {engine} {one}: {'; '.join(found)}", flush=True)
    return kills, good


def main(drawn=20, every=1, both=None, engines=("local", TWO)):
    """Both; whether all was well."""
    for module in ("experiments.audit", "experiments.study", "report.render"):
        import_module(f"campare.{module}")  # before forking
    tiny_run = import_module("tiny_run")
    result = []
    for engine in engines:
        for again in both or (tiny_run.tiny_study, tiny_run.tiny_audit):
            begin = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                kills, good = run(again, engine, Path(folder), drawn, every)
            result.append(kills == good > 0)
            print(
                f"{again.__name__}, {engine}: {good} of {kills} kills went on as if nothing had "
                f"been ({time.perf_counter() - begin:.0f} s)",
                flush=True,
            )
    return all(result)


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:3])) else 1)
