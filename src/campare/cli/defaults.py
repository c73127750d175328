"""Defaults of one's own: a `campare.toml`, with a table for each verb.

    [study]                 # campare study
    seeds = 3
    metrics = ["default", "claims"]

The one in the current folder may set every option of every verb. One in the folder of the data
comes with the data, from whoever made it, and may say how that is read and nothing else: no code,
no address, no place to write. An option on the command line wins, then the current folder's file.
"""

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typer import Context

from campare.cli.terminal import QUIET
from campare.errors import CampareError

FILE = "campare.toml"
#: What a file in the folder of the data may set: how its files are read.
OF_DATA = ("annotations_as", "group", "labels", "mask_values", "size")
#: Larger files are none of this kind.
MOST_BYTES = 100_000


def take_own(context: Context) -> None:
    """Let the `campare.toml` of the current folder set defaults of all verbs.

    Raises:
        CampareError: it is no TOML, or names what is no verb or option.
    """
    path = Path(FILE)
    if not path.is_file():
        return
    verbs = _options(context)
    found: dict[str, dict[str, Any]] = {}
    for verb, table in _read(path).items():
        if verb not in verbs or not isinstance(table, Mapping):
            raise _unexpected(path, "a table of a verb", repr(verb), f"[{'], ['.join(verbs)}]")
        found[verb] = _of_verb(path, table, verbs[verb])
    context.default_map = found


def take_of_data(context: Context, data: Any) -> Any:
    """Let the `campare.toml` in the folder of the data say how it is read; returns `data`.

    Raises:
        CampareError: it is no TOML, or sets something else.
    """
    own = dict(context.default_map or {})
    _say(FILE, own)
    path = Path(str(data)) / FILE
    if path.parent.is_dir() and path.is_file() and path.parent.resolve() != Path.cwd():
        known = _names(context.command)
        found = _of_verb(path, _read(path), [name for name in OF_DATA if name in known])
        _say(str(path), found)
        context.default_map = found | own
    return data


def _options(context: Context) -> dict[str, list[str]]:
    """The verbs and the names of their options."""
    commands: Mapping[str, Any] = getattr(context.command, "commands", {})
    return {name: _names(verb) for name, verb in commands.items() if not hasattr(verb, "commands")}


def _names(command: Any) -> list[str]:
    return [each.name for each in command.params if each.param_type_name == "option"]


def _of_verb(path: Path, table: Mapping[str, Any], known: list[str]) -> dict[str, Any]:
    """What a table sets, by names of parameters, as words of the command line."""
    found = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            offered = ", ".join(each.replace("_", "-") for each in known)
            raise _unexpected(path, "an option", repr(key), offered)
        found[name] = _word(path, key, value)
    return found


def _word(path: Path, key: str, value: Any) -> Any:
    """A value as the command line would have it.

    Example:
        >>> _word(Path(FILE), "metrics", ["default", "claims"]), _word(Path(FILE), "seeds", 3)
        ('default,claims', '3')
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value):
        return ",".join(map(str, value))
    if isinstance(value, (str, int, float)):
        return str(value)
    raise _unexpected(path, f"{key} as a text, a number or a list", repr(value), "a text")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.loads(file.read(MOST_BYTES).decode())
    except (ValueError, RecursionError) as error:
        raise _unexpected(path, "TOML", str(error), "seeds = 3, in a table [study]") from error


def _unexpected(path: Path, what: str, came: str, offered: str) -> CampareError:
    return CampareError(f"Expected {what} in {path}, got {came}. Try: {offered}")


def _say(path: str, found: Mapping[str, Any]) -> None:
    if found and not QUIET.get():
        words = ", ".join(f"{name.replace('_', '-')}={value}" for name, value in found.items())
        print(f"Defaults of {path}: {words}", file=sys.stderr)
