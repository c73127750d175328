"""YAML files: text -> values of a model, or one line that says which field of which entry is wrong.

    load_yaml("mine.yaml", list[Recipe], of="recipes", ...) -> [Recipe(...), ...]
    plain_yaml("{size: 224}") -> {"size": 224}

The model is a list or a dict of dataclasses, pydantic models or plain types. What an error tells to
try is written in the model, too: the `examples` of a field, else its default.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from campare.errors import CampareError
from campare.untrusted import read_bytes, require_characters

T = TypeVar("T")
Schema = dict[str, Any]  # of JSON

#: Values and characters in a file, with what its aliases repeat.
LARGEST = 1_000_000
_DIGITS = 20  # of a whole number; 64 bits have no more


class _Loader(yaml.SafeLoader):
    """Scalars as in YAML 1.2: `no`, `010` and `2026-11-27` are text, `1e-3` is a number."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 filled below


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|"
     r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):  # fmt: skip
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first
    )


def load_yaml(
    path: str | Path,
    model: type[T],
    *,
    of: str,
    like: str,
    advice: str,
    error: type[CampareError] = CampareError,
) -> T:
    """The content of a YAML file as `model` has it, with nothing converted on the way.

    Args:
        path: of the file.
        model: what it holds: a list or a dict.
        of: what that is called, in the plural.
        like: what an entry is like, for a file that holds something else.
        advice: what to try where there is no file.
        error: what is raised.

    Raises:
        CampareError: no such file, no YAML, a field that is unknown, missing, double or wrong.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "sizes.yaml"
        >>> _ = file.write_text("{cat: 3, dog: 5}")
        >>> load_yaml(file, dict[str, int], of="sizes", like="'cat: 3'", advice="cat=3")
        {'cat': 3, 'dog': 5}
    """
    name = Path(path).name
    try:
        text = read_bytes(Path(path)).decode("utf-8")
    except (OSError, ValueError) as wrong:
        raise error(
            f"Expected a YAML file of {of}, got no readable file {str(path)!r}. Try {advice}."
        ) from wrong
    try:
        content = plain_yaml(text)
    except ValueError as wrong:
        raise error(f"Expected YAML in {name}, got {wrong}. Try {like}.") from wrong
    return fitted(content, model, of=of, name=name, like=like, error=error)


def plain_yaml(text: str, *, words: bool = False) -> Any:
    """The lists, mappings, texts and numbers of a YAML text, and nothing else.

    Args:
        text: of YAML 1.2, or else as `words` says.
        words: whether yes, no, on and off are true and false, as in YAML 1.1.

    Raises:
        ValueError: it does not parse, says a field twice, is too large or nested too deeply, or
            holds other values; the text completes "got ...".

    Example:
        >>> plain_yaml("{names: [no, 010, 2026-11-27], size: 1e2}")
        {'names': ['no', '010', '2026-11-27'], 'size': 100.0}
    """
    if len(text) > LARGEST:
        raise ValueError(f"more than {LARGEST:,} characters")
    try:
        loader = yaml.SafeLoader(text) if words else _Loader(text)
        root = loader.get_single_node()
        _check(root, loader)
        return None if root is None else loader.construct_document(root)
    except RecursionError:
        raise ValueError("text that is nested too deeply") from None
    except _ContentError:
        raise
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ValueError(f"text that does not parse{where}") from wrong
    # As of "!!int x", and of "!!float" with minutes and hours beyond any number.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as wrong:
        raise ValueError(f"a value that is not of its tag ({wrong})") from wrong


def fitted(
    content: Any,
    model: type[T],
    *,
    of: str,
    name: str,
    like: str,
    error: type[CampareError] = CampareError,
) -> T:
    """Lists, dicts and plain values as `model` has them, with nothing converted on the way.

    Args:
        content: the values, as `load_yaml` reads them.
        name: where they stand.
        model, of, like, error: as of `load_yaml`.

    Raises:
        CampareError: a field that is unknown, missing or wrong.

    Example:
        >>> fitted({"cat": 3}, dict[str, int], of="sizes", name="sizes.yaml", like="'cat: 3'")
        {'cat': 3}
    """
    adapter = TypeAdapter(model)
    schema = adapter.json_schema()
    if content in (None, "", [], {}):
        raise error(f"Expected {_whole(schema, of)} in {name}, got {_kind(content)}. Try {like}.")
    try:
        return adapter.validate_json(json.dumps(content), strict=True)
    except ValidationError as wrong:
        raise error(_sentence(wrong, content, schema, of, name, like)) from wrong


class _ContentError(ValueError):
    """YAML that parses, whose content is refused."""


#: Tags of values that are none of JSON's.
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "binary", "set", "omap", "pairs")}


def _check(root: yaml.Node | None, loader: yaml.SafeLoader) -> None:
    """Refuse double fields, and aliases of aliases of aliases, before anything is built.

    Aliases of what they stand in have no end, so they are refused, too.
    """
    todo, left = [root], LARGEST
    checked: set[int] = set()  # nodes of which aliases may repeat the fields
    while todo:
        node = todo.pop()
        left -= 1 + len(node.value if node else ())
        if left < 0:
            raise _ContentError(f"more than {LARGEST:,} values and characters, with its aliases")
        if node is not None and node.tag in _TAGS:
            raise _ContentError(f"a {node.tag.rpartition(':')[2]} at line {_line(node)}")
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(node)
        if isinstance(node, yaml.MappingNode):
            if id(node) not in checked:
                _check_fields(node, loader)
                checked.add(id(node))
            todo += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value


def _check_fields(node: yaml.MappingNode, loader: yaml.SafeLoader) -> None:
    """Refuse fields that are the same however they are spelled, as 1, 1.0 and true are."""
    keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    for spelled, times in Counter(key.value for key in keys).items():
        if times > 1:
            raise _ContentError(
                f"{spelled[:40]!r} {times} times in the entry at line {_line(node)}"
            )
    known: dict[Any, str] = {}
    for key in keys:
        if key.tag.endswith((":str", ":merge")):
            value: Any = key.value
        else:
            _check_scalar(key)
            value = loader.construct_object(key)
        for same in {value, value if isinstance(value, str) else json.dumps(value)}:
            other = known.setdefault(same, key.value)
            if other != key.value:
                raise _ContentError(
                    f"{other[:40]!r} and {key.value[:40]!r}, which are the same, in the entry at "
                    f"line {_line(node)}"
                )


def _check_scalar(node: yaml.ScalarNode) -> None:
    if node.tag.endswith(":int") and len(node.value) > _DIGITS:
        raise _ContentError(f"a number of {len(node.value)} digits at line {_line(node)}")
    try:
        require_characters(node.value)
    except ValueError as wrong:
        raise _ContentError(f"{wrong} at line {_line(node)}") from wrong


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _sentence(
    wrong: ValidationError, content: Any, root: Schema, of: str, name: str, like: str
) -> str:
    """The first thing that is wrong, as Expected ..., got .... Try ...."""
    errors = sorted(wrong.errors(), key=lambda error: error["type"] not in _UNKNOWN)
    walked = [_walk(error["loc"], content, root) for error in errors]
    at = 0 if errors[0]["type"] in _UNKNOWN else _innermost([known for known, _ in walked])
    kind, loc, given = errors[at]["type"], errors[at]["loc"], errors[at]["input"]
    known, schema = walked[at]
    where, fields = _where(known, of, name), schema.get("properties", {})
    if kind == "json_invalid":
        return f"Expected YAML in {name}, got text that is nested too deeply. Try {like}."
    if kind in _UNKNOWN:
        close = get_close_matches(str(loc[-1]), fields, n=1) or [f"one of {', '.join(fields)}"]
        return f"Expected a known field in {where}, got {loc[-1]!r}. Try {close[0]}."
    if not known:
        return f"Expected {_whole(root, of)} in {name}, got {_kind(given)}. Try {like}."
    if len(known) == 1 and fields:
        field = next(iter(fields))
        hint = f"'{field}: {_value(fields[field])}'"
        return f"Expected fields in {where}, got {_kind(given)}. Try {hint}."
    field, where = known[-1], _where(known[:-1], of, name)
    if kind == "missing" or given in (None, "", [], {}):
        return f"Expected a {field} in {where}, got none. Try '{field}: {_value(schema)}'."
    same = [error for error, other in zip(errors, walked, strict=True) if other[0] == known]
    want = [_WANTED.get(e["type"], e["msg"].removeprefix("Input should be ")) for e in same]
    default = "default" in schema and "examples" not in schema
    hint = f"{'the default, ' if default else ''}{_value(schema, like)}"
    return f"Expected {field} in {where} to be {' or '.join(want)}, got {given!r:.60}. Try {hint}."


def _innermost(paths: Sequence[tuple[int | str, ...]]) -> int:
    """The index of the longest path that starts with the first: an option of a union got so far."""
    first = paths[0]
    inside = [i for i, path in enumerate(paths) if path[: len(first)] == first]
    return max(inside, key=lambda i: len(paths[i]))


#: Types of pydantic's errors for a field that there is not; often why another one is missing.
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
#: Types of pydantic's errors -> what is wanted.
_WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    **dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "a mapping of fields"),
}


def _walk(
    loc: Sequence[int | str], content: Any, root: Schema
) -> tuple[tuple[int | str, ...], Schema]:
    """Which steps to an error are steps in the file, and the schema of what stands there.

    The others are options of a union, which the content does not have, or a field that is unknown.
    """
    known: list[int | str] = []
    schema = _resolved(root, root)
    for key in loc:
        fields = schema.get("properties", {})
        if isinstance(key, int) and isinstance(content, list):
            inside, content = schema.get("items"), content[key]
        elif isinstance(content, dict) and (key in fields or key in {str(k) for k in content}):
            inside = fields.get(key, schema.get("additionalProperties"))
            content = next((value for k, value in content.items() if str(k) == key), None)
        else:
            continue
        if not isinstance(inside, dict):
            break
        known.append(key)
        schema = _resolved(inside, root)
    return tuple(known), schema


def _resolved(schema: Schema, root: Schema) -> Schema:
    """A schema with what it refers to, and all options of a union, in one."""
    found: Schema = {}
    for option in schema.get("anyOf", ()):
        found |= _resolved(option, root)
    if "$ref" in schema:
        found |= _resolved(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    return found | schema


def _where(loc: Sequence[int | str], of: str, name: str) -> str:
    """Where a field stands, from the inside out: augment of mine.yaml, recipe 1."""
    if loc and isinstance(loc[0], int):
        name, loc = f"{name}, {of.removesuffix('s')} {loc[0] + 1}", loc[1:]
    return " of ".join([*map(str, reversed(loc)), name])


def _whole(root: Schema, of: str) -> str:
    return f"a list of {of}" if root.get("type") == "array" else f"a mapping of {of}"


def _value(schema: Schema, other: str = "...") -> str:
    """An example of a value: the model's, else the default."""
    if "examples" in schema:
        return str(schema["examples"][0])
    if "default" not in schema:
        return other
    value = schema["default"]
    return value if isinstance(value, str) else json.dumps(value)


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return f"{'a' if value else 'an empty'} {'list' if isinstance(value, list) else 'mapping'}"
    return "text" if isinstance(value, str) else repr(value)
