"""Engines: where the cells of a study run. Each takes cells and work, and yields what is done."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from campare.errors import CampareError
from campare.experiments.engines import local, ray
from campare.experiments.engines.protocol import Engine
from campare.optional import name_and_parameters

ENGINES = ("local", "ray")
MOST_JOBS = 1024
#: What a cell takes of Ray's processors, and all that the Ray engine is told.
RAY_UNITS = {"cpus", "gpus"}
RAY = {*RAY_UNITS, "memory", "retries", "address", "env"}


def engine(name: str) -> Engine:
    """The engine called `name`: `local`, or `ray`, each also with parameters.

    `local(jobs=4)` are so many processes that share the cores of this machine, `local(jobs=2,
    overlap=True)` processes of which each has all of them; `ray(cpus=2,
    gpus=0.25, memory=4)` is what each cell takes, memory in GB, `retries=3` how often it is tried
    again where a worker is lost, `address='HOST:PORT'` a cluster, `env='env.yaml'` Ray's runtime
    environment.

    Raises:
        CampareError: there is none of that name or with such parameters, or its extra is not
            installed.

    Example:
        >>> engine("local").__name__
        'run'
    """
    kind, parameters = name_and_parameters(name) if isinstance(name, str) else ("", {})
    if kind == "local" and not parameters:
        return local.run
    if kind == "local" and {"jobs"} <= set(parameters) <= {"jobs", "overlap"}:
        overlap = _switch(name, parameters.get("overlap", False))
        return partial(local.run, jobs=_jobs(name, parameters["jobs"]), overlap=overlap)
    if kind == "ray" and set(parameters) <= RAY:
        needs: Any = {unit: _share(name, parameters[unit]) for unit in RAY_UNITS & set(parameters)}
        needs |= {key: value for key, value in parameters.items() if key not in RAY_UNITS}
        _check_ray(name, parameters)
        ray.library(parameters.get("address"))
        return partial(ray.run, **needs)
    raise CampareError(
        f"Expected an engine, got {name!r}. "
        f"Try: {', '.join(ENGINES)}, 'local(jobs=2)', or 'ray(gpus=0.25)'"
    )


def with_options(name: str, jobs: int | None = None, address: str | None = None) -> str:
    """The engine's name with what the command line says beside it.

    Raises:
        CampareError: it is an option of another engine.

    Example:
        >>> with_options("local", jobs=4), with_options("ray(cpus=2)", address="head:6379")
        ('local(jobs=4)', "ray(cpus=2, address='head:6379')")
    """
    if jobs is not None and name != "local":
        raise CampareError(
            f"Expected the local engine with --jobs, got {name!r}. Try: --jobs {jobs} alone"
        )
    if address is not None and not name.startswith("ray"):
        raise CampareError(
            f"Expected the engine ray with --address, got {name!r}. Try: --engine ray"
        )
    if jobs is not None:
        return f"local(jobs={jobs})"
    if address is not None:
        kind, parameters = name_and_parameters(name)
        told = {**parameters, "address": address}
        return f"{kind}({', '.join(f'{key}={value!r}' for key, value in told.items())})"
    return name


def _check_ray(name: str, parameters: Mapping[str, Any]) -> None:
    """Check what the Ray engine is told beside processors."""
    memory, retries = parameters.get("memory", 1), parameters.get("retries", 0)
    if isinstance(memory, bool) or not isinstance(memory, int | float) or not 0 < memory < 1e6:
        raise CampareError(
            f"Expected the memory of a cell in GB, got {name!r}. Try: 'ray(memory=4)'"
        )
    if isinstance(retries, bool) or not isinstance(retries, int) or not 0 <= retries <= MOST_JOBS:
        raise CampareError(f"Expected a number of retries, got {name!r}. Try: 'ray(retries=3)'")
    for key in ("address", "env"):
        if not isinstance(parameters.get(key, ""), str):
            raise CampareError(
                f"Expected {key} in quotation marks, got {name!r}. Try: \"ray({key}='...')\""
            )


def _jobs(name: str, number: object) -> int:
    """How many processes: from 1 to as many as a machine can have."""
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MOST_JOBS:
        return number
    raise CampareError(
        f"Expected a number of processes from 1 to {MOST_JOBS}, got {name!r}. Try: 'local(jobs=2)'"
    )


def _switch(name: str, value: object) -> bool:
    """Whether processes overlap."""
    if isinstance(value, bool):
        return value
    raise CampareError(
        f"Expected overlap=True or False, got {name!r}. Try: 'local(jobs=2, overlap=True)'"
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
