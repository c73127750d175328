"""The Ray engine: cells run as Ray tasks, on the cores of this machine or of a cluster.

    address none     Ray is started on this machine alone, and listens to this machine alone
    HOST:PORT        the cluster there; it is never joined for another reason

The run directory has to be on storage that all workers see.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from campare.data.named import whole
from campare.errors import CampareError, last_words
from campare.experiments.engines.protocol import FAILED, Work
from campare.experiments.heap import keep_freed
from campare.optional import require

#: Seconds for a cluster to listen, to answer, and for cells to put away what they were writing.
LISTEN, ANSWER, GRACE = 5.0, 60.0, 10.0
#: Read by Ray when it is imported; 0: addresses are those of loopback.
_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_JOIN = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level='error')"


def library(address: str | None = None) -> Any:
    """Ray, which listens on loopback alone unless there is an address of a cluster.

    Where a program has imported it before, it does as the program has it.

    Raises:
        MissingExtraError: it is not installed.
    """
    if address is None:
        os.environ.setdefault(_CLUSTERS, "0")
    return require("ray", extra="ray")


def run(
    cells: Sequence[Any],
    work: Work,
    on_event: Callable[[Any, Any], None],
    *,
    address: str | None = None,
    cpus: float = 1,
    gpus: float = 0,
    memory: float | None = None,
    retries: int | None = None,
    env: str | None = None,
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Run `work` on each cell as a Ray task and yield (cell, facts) as they finish.

    Progress within a cell stays in its worker. Ray is started on this machine unless there is an
    `address`, or the program has connected to a cluster with `ray.init(address=...)` before;
    RAY_ADDRESS and clusters of this machine are not joined. A cell takes so many `cpus` and `gpus`,
    and `memory` in GB; with a quarter of a GPU four share one. Ray shows a worker only the GPUs of
    its cell. A cell whose worker or node is lost is tried again, 3 times or `retries`. `env` is a
    YAML file with Ray's runtime environment.

    Raises:
        MissingExtraError: Ray is not installed.
        CampareError: no cluster answers, or a cell takes more than there is.
    """
    ray = library(address)
    alone = address is None and not ray.is_initialized()
    if not ray.is_initialized():
        _connect(ray, address, env)
    with nullcontext() if alone else whole():  # other machines do not see this cache folder
        shared, folder = ray.put(work), _folder(ray)
    gigabytes = {} if memory is None else {"memory": memory}
    _require_present(ray.cluster_resources(), CPU=cpus, GPU=gpus, **gigabytes)
    needs: dict[str, Any] = {"num_cpus": cpus} | ({"num_gpus": gpus} if gpus else {})
    needs |= {} if memory is None else {"memory": int(memory * 1e9)}
    needs |= {} if retries is None else {"max_retries": retries}
    task = ray.remote(**needs)(_one)
    waiting = {task.remote(shared, cell, folder): cell for cell in cells}
    for cell in waiting.values():
        on_event(cell, "queued")
    try:
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            yield waiting.pop(done), _facts(ray, done)
    finally:
        if waiting:
            _cancel(ray, list(waiting))


def _connect(ray: Any, address: str | None, env: str | None) -> None:
    """Start Ray here, or join the cluster that was named; signals stay the program's."""
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False}
    options |= {"address": address or "local", "logging_level": "error"}
    if env is not None:
        options["runtime_env"] = _environment(env)
    if address is not None:
        _require_answer(address)
    with _own_signals():
        try:
            ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            if address is None:
                raise
            raise _no_cluster(address, last_words(error)) from error


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself; give it back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _require_answer(address: str) -> None:
    """Check that something listens, and that it is Ray, which would wait for others for ever."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise CampareError(
            f"Expected the address of a Ray cluster as HOST:PORT, got {address!r}. "
            "Try: 10.0.0.1:6379, as ray start says it, or no --address for this machine alone"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), LISTEN).close()
        subprocess.run(
            [sys.executable, "-c", _JOIN, address],
            capture_output=True,
            check=True,
            timeout=ANSWER,
        )
    except subprocess.TimeoutExpired as error:
        raise _no_cluster(address, f"no answer of Ray in {ANSWER:.0f} s") from error
    except subprocess.CalledProcessError as error:
        said: list[str] = error.stderr.decode(errors="replace").strip().splitlines()
        why = last_words(RuntimeError(said[-1] if said else f"status {error.returncode}"))
        raise _no_cluster(address, why) from error
    except OSError as error:
        raise _no_cluster(address, last_words(error)) from error


def _no_cluster(address: str, why: str) -> CampareError:
    return CampareError(
        f"Expected a Ray cluster at {address}, got: {why}. "
        "Try: ray status there, RAY_AUTH_MODE=token and RAY_AUTH_TOKEN where it wants a token, or "
        "no --address for this machine alone"
    )


def _environment(file: str) -> dict[str, Any]:
    """Ray's runtime environment in a YAML file.

    Raises:
        CampareError: no such file, or no mapping in it.
    """
    from campare.yamlfile import load_yaml

    return load_yaml(
        file,
        dict[str, Any],
        of="a runtime environment",
        like="'working_dir: code'",
        advice="ray without env",
    )


def _cancel(ray: Any, tasks: Sequence[Any]) -> None:
    """Stop cells that others wait for no more: in kindness first, so that nothing stays half."""
    with suppress(Exception):  # a cluster that is gone
        for task in tasks:
            ray.cancel(task, force=False)
        _, late = ray.wait(list(tasks), num_returns=len(tasks), timeout=GRACE)
        for task in late:
            ray.cancel(task, force=True)


def _facts(ray: Any, done: Any) -> dict[str, Any]:
    """The facts of a task that ended, or that its worker was lost, by which others go on."""
    try:
        facts: dict[str, Any] = ray.get(done)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, CampareError | OSError):  # for people, without a worker's traceback
            raise cause from error
        raise
    except ray.exceptions.RayError as error:
        return {FAILED: f"its worker was lost: {last_words(error)}"}
    return facts


def _require_present(present: Mapping[str, float], **needed: float) -> None:
    """Check that a cell can run at all: Ray would wait for processors that never come."""
    for kind, number in needed.items():
        there = present.get(kind, 0) / (1e9 if kind == "memory" else 1)
        if number > there:
            unit = "GB of memory" if kind == "memory" else f"{kind}s"
            raise CampareError(
                f"Expected {number:g} {unit} for each cell, got {there:g} on Ray. "
                f"Try: another number, or --engine ray"
            )


def _folder(ray: Any) -> str | None:
    """Where cells begin: in the folder of the command, or that of Ray's runtime environment."""
    there = ray.get_runtime_context().runtime_env.get("working_dir")
    return None if there else str(Path.cwd())


def _one(work: Work, cell: Any, folder: str | None) -> dict[str, Any]:
    if folder is not None:
        with suppress(OSError):  # a folder of this machine alone
            os.chdir(folder)
    keep_freed()
    return work(cell, _silent)


def _silent(_: Any) -> None:
    """Progress of a worker is shown nowhere."""
