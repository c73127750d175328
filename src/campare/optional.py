"""Imports by name: optional dependencies, with the extra that installs them, and a user's own."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from campare.errors import CampareError, MissingExtraError


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


def load_object(spec: str) -> Any:
    """What `module:name` says, imported; modules are found in the current folder, too.

    Raises:
        CampareError: no such module, a module that fails, or nothing of that name in it.

    Example:
        >>> load_object("math:pi")
        3.141592653589793
    """
    module, _, name = spec.partition(":")
    try:
        with importable_here():
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
    except Exception as error:  # whatever the user's module does when it is imported
        raise CampareError(
            f"Expected an object at {spec!r} (module:name), got {type(error).__name__}: {error}. "
            "Try: the name of a file in this folder without .py, and of what it defines"
        ) from error
    return found


@contextmanager
def importable_here() -> Iterator[None]:
    """Within the block modules in the current folder are found, after all others."""
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.append(here)
    try:
        yield
    finally:
        if added:
            sys.path.remove(here)


_CALL = re.compile(r"(?P<name>[^()]+)\((?P<parameters>.*)\)")


def name_and_parameters(text: str) -> tuple[str, dict[str, Any]]:
    """`score-cam(channels=64)` as a name and its parameters; a plain name has none.

    Raises:
        CampareError: parameters that are not NAME=VALUE with plain values.

    Example:
        >>> name_and_parameters("iou(threshold=0.3)"), name_and_parameters("iou")
        (('iou', {'threshold': 0.3}), ('iou', {}))
    """
    call = _CALL.fullmatch(text)
    if call is None:
        return text, {}
    try:
        parsed = ast.parse(f"f({call['parameters'].replace(';', ',')})", mode="eval").body
        if (
            isinstance(parsed, ast.Call)
            and isinstance(parsed.func, ast.Name)
            and not parsed.args
            and all(k.arg for k in parsed.keywords)
        ):
            return call["name"], {str(k.arg): ast.literal_eval(k.value) for k in parsed.keywords}
    except (SyntaxError, ValueError):
        pass
    raise CampareError(
        f"Expected parameters as NAME=VALUE in {text!r}, got {call['parameters']!r}. "
        "Try: 'score-cam(channels=64)'"
    )
