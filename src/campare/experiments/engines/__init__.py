"""Engines: where the cells of a study run. Each takes cells and work, and yields what is done."""

from functools import partial
from typing import Any

from campare.errors import CampareError
from campare.experiments.engines import local, ray
from campare.experiments.engines.protocol import Engine
from campare.optional import name_and_parameters, require

ENGINES = ("local", "ray")
MOST_JOBS = 1024


def engine(name: str) -> Engine:
    """The engine called `name`: `local`, or `ray`, each also with parameters.

    `local(jobs=4)` are so many processes that share the cores of this machine; `ray(cpus=2,
    gpus=0.25)` is what each cell takes.

    Raises:
        CampareError: there is none of that name or with such parameters, or its extra is not
            installed.

    Example:
        >>> engine("local").__name__
        'run'
    """
    kind, parameters = name_and_parameters(name)
    if kind == "local" and not parameters:
        return local.run
    if kind == "local" and set(parameters) == {"jobs"}:
        return partial(local.run, jobs=_jobs(name, parameters["jobs"]))
    if kind == "ray" and set(parameters) <= {"cpus", "gpus"}:
        require("ray", extra="ray")
        needs: Any = {unit: _share(name, number) for unit, number in parameters.items()}
        return partial(ray.run, **needs)
    raise CampareError(
        f"Expected an engine, got {name!r}. "
        f"Try: {', '.join(ENGINES)}, 'local(jobs=2)', or 'ray(gpus=0.25)'"
    )


def with_jobs(name: str, jobs: int | None) -> str:
    """The engine's name where so many processes of this machine do its cells.

    Raises:
        CampareError: another engine than the local one.

    Example:
        >>> with_jobs("local", 4), with_jobs("local", None)
        ('local(jobs=4)', 'local')
    """
    if jobs is None:
        return name
    if name != "local":
        raise CampareError(
            f"Expected the local engine with --jobs, got {name!r}. Try: --jobs {jobs} alone"
        )
    return f"local(jobs={jobs})"


def _jobs(name: str, number: object) -> int:
    """How many processes: from 1 to as many as a machine can have."""
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MOST_JOBS:
        return number
    raise CampareError(
        f"Expected a number of processes from 1 to {MOST_JOBS}, got {name!r}. Try: 'local(jobs=2)'"
    )


def _share(name: str, number: object) -> float:
    """How much of a kind of processor a cell takes, as Ray has it: part of one, or whole ones."""
    if (
        not isinstance(number, bool)
        and isinstance(number, int | float)
        and (0 < number <= 1 or (number > 1 and number == int(number)))
    ):
        return number
    raise CampareError(
        f"Expected processors of a cell as part of one or a whole number, got {name!r}. "
        "Try: 'ray(gpus=0.25)'"
    )
