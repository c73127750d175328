"""The Ray engine: cells run as Ray tasks, on the cores of this machine or of a cluster.

The run directory has to be on storage that all workers see.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from campare.errors import CampareError, last_words
from campare.experiments.engines.protocol import FAILED, Work
from campare.optional import require


def run(
    cells: Sequence[Any],
    work: Work,
    on_event: Callable[[Any, Any], None],
    *,
    cpus: float = 1,
    gpus: float = 0,
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Run `work` on each cell as a Ray task and yield (cell, facts) as they finish.

    Progress within a cell stays in its worker. Ray is started on this machine unless the program
    has connected to a cluster with `ray.init(address=...)` before. A cell takes so many `cpus` and
    `gpus`; with a quarter of a GPU four share one. Ray shows a worker only the GPUs of its cell.

    Raises:
        MissingExtraError: Ray is not installed.
        CampareError: a cell takes more processors than there are.
    """
    ray = require("ray", extra="ray")
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False)
    shared = ray.put(work)
    _require_processors(ray.cluster_resources(), CPU=cpus, GPU=gpus)
    needs = {"num_cpus": cpus} | ({"num_gpus": gpus} if gpus else {})
    task = ray.remote(**needs)(_one)
    waiting = {task.remote(shared, cell): cell for cell in cells}
    for cell in waiting.values():
        on_event(cell, "queued")
    while waiting:
        (done,), _ = ray.wait(list(waiting), num_returns=1)
        yield waiting.pop(done), _facts(ray, done)


def _facts(ray: Any, done: Any) -> dict[str, Any]:
    """The facts of a task that ended, or that its worker was lost, by which others go on."""
    try:
        facts: dict[str, Any] = ray.get(done)
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as error:
        return {FAILED: f"its worker was lost: {last_words(error)}"}
    return facts


def _require_processors(present: Mapping[str, float], **needed: float) -> None:
    """Check that a cell can run at all: Ray would wait for processors that never come."""
    for kind, number in needed.items():
        if number > present.get(kind, 0):
            raise CampareError(
                f"Expected {number:g} {kind}s for each cell, got {present.get(kind, 0):g} on Ray. "
                f"Try: another number, or --engine ray"
            )


def _one(work: Work, cell: Any) -> dict[str, Any]:
    return work(cell, _silent)


def _silent(_: Any) -> None:
    """Progress of a worker is shown nowhere."""
