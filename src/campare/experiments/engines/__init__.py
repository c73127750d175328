"""Engines: where the cells of a study run. Each takes cells and work, and yields what is done."""

from campare.errors import CampareError
from campare.experiments.engines import local, ray
from campare.experiments.engines.protocol import Engine
from campare.optional import require

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
        return local.run
    if name == "ray":
        require("ray", extra="ray")
        return ray.run
    raise CampareError(f"Expected an engine, got {name!r}. Try: {', '.join(ENGINES)}")
