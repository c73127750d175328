"""Kill what does the cells of a study and an audit on Ray: worker, node, command; compare the end.

python crash_ray.py [EVERY [DRIVERS [NODES]]]    a worker before every (1), every second (2) ...
                                                 write of a cell; the command at so many boundaries
                                                 (8), a node so many times (2)

Two nodes of a core each run on this machine. Where a worker or a node is lost, Ray does its cell
again and the command comes to its end; a command that was killed is given again.
"""

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from crash import counted, faults, in_child, preload, records, state

from campare.experiments.engines import ray as engine


class Nodes:
    """Two nodes of Ray on this machine."""

    def __init__(self):
        # Of these nodes and their commands alone.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.head = self._start("--head", f"--port={self.port}", "--include-dashboard=false")
        self.second = self.head
        try:
            self.wait(1)
            self.add()
        except BaseException:
            self.end()
            raise

    def _start(self, *words):
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([*command, *words], **quiet)

    def add(self):
        """Start the second node."""
        self.second = self._start(f"--address={self.address}")
        self.wait(2)

    def remove(self):
        """Take the second node away, as a machine that loses its power."""
        for pid in [*descendants(self.second.pid), self.second.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.second.wait()

    def wait(self, number):
        """Wait until there are so many nodes."""
        code = (
            "import ray, sys; ray.init(sys.argv[1], logging_level='error');"
            "alive = sum(n['Alive'] for n in ray.nodes());"
            "sys.exit(0 if alive == int(sys.argv[2]) else f'{alive} nodes')"
        )
        words = [sys.executable, "-c", code, self.address, str(number)]
        for _ in range(30):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                done = subprocess.run(words, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    return
            time.sleep(1)
        raise RuntimeError(f"not {number} nodes at {self.address}: {done.stderr[-500:]}")

    def end(self):
        for node in (self.second, self.head):
            for pid in [*descendants(node.pid), node.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            node.wait()


def descendants(pid):
    """The processes below one, the deepest first."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield from descendants(child)
                yield child


def driven(again, path, address, *, stop=None, stops=None, total=None):
    """Do a study or an audit on Ray in a fork, killed before operation `stop`; its status.

    `stops` are operations before which the workers of cells are killed, by the names of these.
    """
    marks = Path(tempfile.mkdtemp())

    def work():
        engine._JOIN = ""  # there is a cluster
        if stops:
            engine._one = struck(engine._one, stops, str(marks))
        count = counted(stop)
        again(path, engine=f"ray(address={address!r})")
        if total is not None:
            found = {"operations": count[0], "modules": sorted(sys.modules)}
            total.write_text(json.dumps(found))

    status = in_child(work)
    struck_down = {mark.name for mark in marks.iterdir()}
    shutil.rmtree(marks)
    return status, struck_down


def struck(one, stops, marks):
    """Cells whose workers are killed when they are tried first; each leaves its mark."""

    def struck(work, cell, *rest):
        stop = stops.get(cell.name)
        mark = os.path.join(marks, cell.name)  # noqa: PTH118 Path is counted
        if stop is not None and not os.path.exists(mark):  # noqa: PTH110
            os.close(os.open(mark, os.O_CREAT))
            counted(stop)
        return one(work, cell, *rest)

    return struck


def checked(again, path, address, expected, finished):
    """What is wrong after the same command again."""
    status, _ = driven(again, path, address)
    if status:
        yield f"going on ended with {status}"
    else:
        yield from faults(path, expected, finished)


def run(again, nodes, root, every, drivers, removals):
    """(kills, those after which all was well) of a study or an audit."""
    total, path, rng = root / "total", root / "run", random.Random(0)
    assert driven(again, path, nodes.address, total=total)[0] == 0
    expected, cells = state(path), [name.removesuffix(".json") for name in sorted(records(path))]
    found = json.loads(total.read_text())
    preload(found["modules"])
    kills = good = 0

    def told(number, wrong, what):
        nonlocal kills, good
        kills, good = kills + number, good + number * (not wrong)
        if wrong:
            print(f"{again.__name__} {what}: {'; '.join(wrong)}", flush=True)

    last = of_a_cell(again, path, nodes.address)
    numbers = list(range(1, last + 1, every))
    for first in range(0, len(numbers), len(cells)):  # each cell's worker once
        stops = dict(zip(cells, numbers[first:], strict=False))
        shutil.rmtree(path)
        status, struck_down = driven(again, path, nodes.address, stops=stops)
        wrong = [f"ended with {status}"] if status else list(faults(path, expected, {}))
        told(len(struck_down), wrong, f"workers before {stops}")
    wrong = list(checked(again, path, nodes.address, expected, records(path)))
    told(0, wrong, "again")
    for stop in sorted(rng.sample(range(1, found["operations"] + 1), drivers)):
        status = struck_before(stop, again, path, nodes.address)
        if status == 0:
            continue  # nothing was killed
        finished = records(path) if path.is_dir() else {}
        wrong = [] if status == -signal.SIGKILL else [f"ended with {status}"]
        wrong += checked(again, path, nodes.address, expected, finished)
        told(1, wrong, f"command before {stop}")
    for _ in range(removals):
        shutil.rmtree(path)
        pid = os.fork()
        if pid == 0:
            os._exit(driven(again, path, nodes.address)[0] & 255)
        while not list(path.glob("cells/*.json")):  # so that both nodes are at work
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.3))
        nodes.remove()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        wrong = [f"ended with {status}"] if status else list(faults(path, expected, {}))
        nodes.add()
        told(1, wrong, "without a node")
    return kills, good


def struck_before(stop, again, path, address):
    """The status of a command that is killed before operation `stop`; 0: it was done before.

    How many operations it does depends on how long it waits for its cells: where it was done before
    the kill struck, earlier ones are tried.
    """
    for earlier in (stop, stop * 3 // 4, stop // 2):
        shutil.rmtree(path)
        status, _ = driven(again, path, address, stop=max(1, earlier))
        if status:
            return status
    return 0


def of_a_cell(again, path, address):
    """How many operations the worker of a cell does."""
    shutil.rmtree(path)
    file = str(path.parent / "number")

    def counting(one):
        def counting(work, cell, *rest):
            count = counted()
            facts = one(work, cell, *rest)
            with open(file, "w") as out:  # noqa: PTH123 Path is counted
                out.write(str(count[0]))
            return facts

        return counting

    def work():
        engine._JOIN, engine._one = "", counting(engine._one)
        again(path, engine=f"ray(address={address!r})")

    assert in_child(work) == 0
    return int(Path(file).read_text())


def main(every=1, drivers=8, removals=2, both=None):
    """Both; whether all was well."""
    for module in ("experiments.audit", "experiments.study", "report.render"):
        import_module(f"campare.{module}")
    tiny_run, nodes, well = import_module("tiny_run"), Nodes(), True
    try:
        for again in both or (tiny_run.tiny_study, tiny_run.tiny_audit):
            begin = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                kills, good = run(again, nodes, Path(folder), every, drivers, removals)
            well &= kills == good > 0
            print(
                f"{again.__name__}, ray: {good} of {kills} kills went on as if nothing had been "
                f"({time.perf_counter() - begin:.0f} s)",
                flush=True,
            )
    finally:
        nodes.end()
    return well


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:4])) else 1)
