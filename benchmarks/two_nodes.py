"""How much faster two nodes of Ray with a core each finish a study than one of them.

python benchmarks/two_nodes.py [--epochs 40] [--seeds 3]

Needs the extra `ray`, Linux, and two cores that nothing else uses: nodes are processes of this
machine, each bound to a core of its own. The study is the drawn set's with recipes A and B, on the
same cluster first with one node, then with two; rows of both are compared.
"""

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path


def main() -> None:
    """Time both, and say how they compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=40, help="of each cell: how long it takes")
    parser.add_argument("--seeds", type=int, default=3, help="two cells each")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit(f"Expected two cores, got {len(cores)}. Try: another machine")
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryDirectory() as folder:
        seconds = {}
        for number in (1, 2):
            with nodes(cores[:number]) as address:
                seconds[number] = study(Path(folder) / str(number), address, options)
            print(f"nodes of one core: {number}  study: {seconds[number]:.0f} s", flush=True)
        one, two = (rows(Path(folder) / str(number)) for number in (1, 2))
        same = "the same rows" if one == two else "OTHER ROWS"
        print(f"{seconds[1] / seconds[2]:.2f} x faster with two, {same}; load {os.getloadavg()[0]}")
        sys.exit(one != two)


@contextmanager
def nodes(cores: list[int]):
    """A cluster with a node on each of these cores; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, started = f"127.0.0.1:{port}", []
    head = ["--head", f"--port={port}", "--include-dashboard=false"]
    try:
        for number, core in enumerate(cores):
            words = head if number == 0 else [f"--address={address}"]
            started.append(start(core, words))
            wait(address, number + 1)
        yield address
    finally:
        for node in reversed(started):
            node.terminate()  # it ends what it started
            with suppress(subprocess.TimeoutExpired):
                node.wait(30)
            node.kill()
            node.wait()


def start(core: int, words: list[str]) -> "subprocess.Popen[bytes]":
    """A node of Ray on one core."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", "ray.scripts.scripts", "start"]
    return subprocess.Popen(
        [*command, "--block", "--num-cpus=1", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait(address: str, number: int) -> None:
    """Wait until so many nodes are there."""
    code = (
        "import ray, sys; ray.init(sys.argv[1], logging_level='error');"
        "sys.exit(sum(node['Alive'] for node in ray.nodes()) != int(sys.argv[2]))"
    )
    for _ in range(30):
        words = [sys.executable, "-c", code, address, str(number)]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(1)
    sys.exit(f"Expected {number} nodes at {address}, got fewer in a while. Try: ray status")


def study(out: Path, address: str, options: argparse.Namespace) -> float:
    """The seconds of a study, from its command to its report."""
    words = [sys.executable, "-m", "campare", "study", "drawn", "--only", "A,B"]
    words += ["--seeds", str(options.seeds), "--epochs", str(options.epochs)]
    words += ["--out", str(out), "--engine", "ray", "--address", address]
    begin = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def rows(run: Path) -> dict[str, bytes]:
    """The rows of each cell, as they lie on the disk."""
    return {file.name: file.read_bytes() for file in sorted((run / "scores").iterdir())}


if __name__ == "__main__":
    main()
