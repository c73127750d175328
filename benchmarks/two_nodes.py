"""How much faster two nodes of Ray with a core each finish a study than one of them.

    python benchmarks/two_nodes.py [--epochs 40] [--seeds 3]
    python benchmarks/two_nodes.py --troubles    and: a node is lost, the command is killed, the
                                                 disk of a node is full; the rows are the same

Needs the extra `ray`, Linux, and two cores that nothing else uses: nodes are processes of this
machine, each bound to a core of its own. The study is the drawn set's with recipes A and B, on a
cluster of one node, then on one of two; rows of both are compared.
"""

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

#: Set where mounts are of this process alone.
APART = "CAMPARE_MOUNTS_APART"
#: Bytes of the disk that is full.
DISK = 2**20


def main() -> None:
    """Time both, say how they compare, and make trouble."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=40, help="of each cell: how long it takes")
    parser.add_argument("--seeds", type=int, default=3, help="two cells each")
    parser.add_argument("--troubles", action="store_true", help="a lost node, a full disk, ...")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit(f"Expected two cores, got {len(cores)}. Try: another machine")
    if options.troubles and APART not in os.environ:
        sys.exit(apart())
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryDirectory() as folder:
        paths, seconds = [Path(folder) / name for name in ("one", "two")], []
        for number, path in enumerate(paths, 1):
            with nodes(cores[:number]) as cluster:
                seconds.append(study(path, cluster, options))
            print(f"nodes of one core: {number}  study: {seconds[-1]:.0f} s", flush=True)
        expected = rows(paths[0])
        well = [rows(paths[1]) == expected]
        print(f"{seconds[0] / seconds[1]:.2f} x faster with two, {compared(well[0])}; "
              f"load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
        for trouble in (lost_node, killed_command, full_disk) if options.troubles else ():
            path = Path(folder) / trouble.__name__
            said = trouble(path, cores, options)
            well.append(rows(path) == expected)
            what = trouble.__name__.replace("_", " ")
            print(f"{what}: {said}; {compared(well[-1])}", flush=True)
    sys.exit(not all(well))


def compared(same: bool) -> str:
    """In words."""
    return "the same rows" if same else "OTHER ROWS"


def apart() -> int:
    """Begin again where mounts are nobody else's; the status."""
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", "--mount", *root, sys.executable, *sys.argv]
    return subprocess.run(words, env=os.environ | {APART: "1"}, check=False).returncode


def lost_node(out: Path, cores: list[int], options: argparse.Namespace) -> str:
    """The second node dies once a cell is finished; the command goes on."""
    with nodes(cores[:2]) as cluster:
        command = begun(out, cluster, options)
        wait_for_a_cell(out)
        cluster.kill(1)
        status = command.wait()
    return f"the command ends with {status}"


def killed_command(out: Path, cores: list[int], options: argparse.Namespace) -> str:
    """The command is killed once a cell is finished, and given again."""
    with nodes(cores[:2]) as cluster:
        command = begun(out, cluster, options)
        wait_for_a_cell(out)
        command.kill()
        command.wait()
        before = {file.name: file.read_bytes() for file in (out / "cells").glob("[!.]*.json")}
        status = begun(out, cluster, options).wait()
    kept = [
        name for name, content in before.items() if (out / "cells" / name).read_bytes() == content
    ]
    return f"given again it ends with {status}, {len(kept)} of {len(before)} finished cells kept"


def full_disk(out: Path, cores: list[int], options: argparse.Namespace) -> str:
    """The cache and temporary folders of the second node are full, until there is room."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", disk], check=True)
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free))
        there = {"XDG_CACHE_HOME": folder, "TMPDIR": folder}
        try:
            with nodes(cores[:2], {}, there) as cluster:
                command = begun(out, cluster, options, stderr=subprocess.PIPE, text=True)
                said = command.communicate()[1].strip().splitlines()[-1:]
                first = command.returncode
                filler.unlink()
                subprocess.run(["mount", "-o", "remount,size=1g", disk], check=True)
                second = begun(out, cluster, options).wait()
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)
    return f"the command ends with {first} ({''.join(said)!r}), with room with {second}"


def wait_for_a_cell(out: Path) -> None:
    """Wait until a cell is recorded."""
    while not list((out / "cells").glob("[!.]*.json")):
        time.sleep(0.1)


class Cluster:
    """Nodes of Ray on this machine."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.nodes: list[subprocess.Popen[bytes]] = []

    def add(self, core: int, environment: dict[str, str]) -> None:
        """Start a node on a core, and wait for it."""
        head = ["--head", f"--port={self.port}", "--include-dashboard=false"]
        words = ["taskset", "-c", str(core), sys.executable, "-m", "ray.scripts.scripts", "start"]
        words += ["--block", "--num-cpus=1"]
        words += [f"--address={self.address}"] if self.nodes else head
        self.nodes.append(
            subprocess.Popen(
                words,
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        self.wait()

    def wait(self) -> None:
        """Wait until all nodes are there."""
        code = (
            "import ray, sys; ray.init(sys.argv[1], logging_level='error');"
            "sys.exit(sum(node['Alive'] for node in ray.nodes()) != int(sys.argv[2]))"
        )
        words = [sys.executable, "-c", code, self.address, str(len(self.nodes))]
        for _ in range(30):
            if subprocess.run(words, capture_output=True, check=False).returncode == 0:
                return
            time.sleep(1)
        sys.exit(f"Expected {len(self.nodes)} nodes, got fewer in a while. Try: ray status")

    def kill(self, number: int) -> None:
        """End a node and all its processes, as where a machine loses its power."""
        node = self.nodes[number]
        for pid in [*descendants(node.pid), node.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        node.wait()


@contextmanager
def nodes(cores: list[int], *environments: dict[str, str]) -> Iterator[Cluster]:
    """A cluster with a node on each of these cores."""
    cluster = Cluster()
    try:
        for number, core in enumerate(cores):
            cluster.add(core, environments[number] if number < len(environments) else {})
        yield cluster
    finally:
        for number in reversed(range(len(cluster.nodes))):
            cluster.kill(number)


def descendants(pid: int) -> Iterator[int]:
    """The processes below one, the deepest first."""
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield from descendants(child)
                yield child


def begun(out: Path, cluster: Cluster, options: argparse.Namespace, **how: Any) -> Any:
    """The command of the study, as it begins."""
    words = [sys.executable, "-m", "campare", "study", "drawn", "--only", "A,B"]
    words += ["--seeds", str(options.seeds), "--epochs", str(options.epochs)]
    words += ["--out", str(out), "--engine", "ray", "--address", cluster.address]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, **how)


def study(out: Path, cluster: Cluster, options: argparse.Namespace) -> float:
    """The seconds of a study, from its command to its report."""
    begin = time.perf_counter()
    if status := begun(out, cluster, options).wait():
        sys.exit(f"Expected a study, got exit status {status}. Try: campare study ... --address")
    return time.perf_counter() - begin


def rows(run: Path) -> dict[str, bytes]:
    """The rows of each cell, as they lie on the disk."""
    return {file.name: file.read_bytes() for file in sorted((run / "scores").iterdir())}


if __name__ == "__main__":
    main()
