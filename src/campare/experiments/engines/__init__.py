"""Engines: where the cells of a study run. Each takes cells and work, and yields what is done."""

from functools import partial
from typing import Any

from campare.errors import CampareError
from campare.experiments.engines import local, ray
from campare.experiments.engines.protocol import Engine
from campare.optional import name_and_parameters, require

ENGINES = ("local", "ray")


def engine(name: str) -> Engine:
    """The engine called `name`: `local`, or `ray`, also as `ray(cpus=2, gpus=0.25)` for each cell.

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
    if kind == "ray" and set(parameters) <= {"cpus", "gpus"}:
        require("ray", extra="ray")
        needs: Any = {unit: _share(name, number) for unit, number in parameters.items()}
        return partial(ray.run, **needs)
    raise CampareError(
        f"Expected an engine, got {name!r}. Try: {', '.join(ENGINES)}, or 'ray(gpus=0.25)'"
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
