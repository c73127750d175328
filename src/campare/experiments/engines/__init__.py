"""Engines: where the cells of a study run. Each takes cells and work, and yields what is done."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from campare.errors import CampareError
from campare.optional import require

#: (cell, report) -> facts of the cell
Work = Callable[[Any, Callable[[Any], None]], dict[str, Any]]
#: (cells, work, on_event) -> (cell, facts) as they finish; on_event(cell, event) reports progress
Engine = Callable[
    [Sequence[Any], Work, Callable[[Any, Any], None]], Iterator[tuple[Any, dict[str, Any]]]
]

ENGINES = ("local", "ray")


def engine(name: str) -> Engine:
    """The engine called `name`.

    Raises:
        CampareError: there is none of that name, or its extra is not installed.

    Example:
        >>> engine("local").__name__
        'run'
    """
    if name == "local":
        from campare.experiments.engines import local

        return local.run
    if name == "ray":
        from campare.experiments.engines import ray

        require("ray", extra="ray")
        return ray.run
    raise CampareError(f"Expected an engine, got {name!r}. Try: {', '.join(ENGINES)}")
