"""Import of optional dependencies, with an error that names the extra to install."""

import importlib
from types import ModuleType

from campare.errors import MissingExtraError


def require(module: str, *, extra: str) -> ModuleType:
    """Import `module`, or raise MissingExtraError naming the extra that installs it.

    Example:
        >>> require("json", extra="dev").__name__
        'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != top:
            raise
        raise MissingExtraError(
            f"Expected {top!r} to be installed, got no such module. "
            f"Try: pip install 'campare[{extra}]'"
        ) from error
