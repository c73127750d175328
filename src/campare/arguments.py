"""What is given to a public function is of the kind that the function declares.

`@checked` reads the annotations, so that an argument of another kind is an error that names it,
not an exception from deep below and not something else than was meant: `trust="no"` is true.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from numbers import Real
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, SupportsIndex, TypeVar, Union, get_args, get_origin

import numpy as np

from campare.errors import CampareError

P = ParamSpec("P")
R = TypeVar("R")

#: Kinds that have a word of their own, in the order in which they are looked for.
_WORDS = {
    NoneType: "None",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    Sequence: "a list",
    tuple: "a tuple",
    Mapping: "a dict",
    Callable: "a function",
}


def checked(*own: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A function that raises CampareError for an argument that is not as it is annotated.

    But for `own` arguments, on which the function has better advice. Annotations in quotes and of
    what has no class say nothing. NumPy's numbers and arrays count as numbers and lists.

    Example:
        >>> @checked()
        ... def halve(number: int) -> float:
        ...     return number / 2
        >>> halve(np.int64(3))
        np.float64(1.5)
        >>> halve("3")
        Traceback (most recent call last):
        campare.errors.CampareError: Expected number= as a whole number, got '3'. Try help(halve).
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError:  # Python says it with the function's name
                return function(*args, **kwargs)
            for name, value in given.items():
                wanted = signature.parameters[name].annotation
                if name not in own and not fits(value, wanted):
                    raise CampareError(
                        f"Expected {name}= as {words(wanted)}, got {_short(value)}. "
                        f"Try help({function.__name__})."
                    )
            return function(*args, **kwargs)

        return call

    return decorated


def fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of the kind of an annotation.

    Example:
        >>> fits([1, 2], Sequence[int]), fits("12", Sequence[int]), fits(True, int)
        (True, False, False)
    """
    kind, inner = get_origin(wanted) or wanted, get_args(wanted)
    if kind is Any:
        return True
    if kind in (Union, UnionType):
        return any(fits(value, one) for one in inner)
    if kind is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if wanted is None or kind is NoneType:
        return value is None
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind in (int, float):
        number = SupportsIndex if kind is int else Real
        single = isinstance(value, number) and not isinstance(value, bool | np.bool_)
        return single and getattr(value, "ndim", 0) == 0
    if kind in (Sequence, tuple):
        each = (inner or (Any,))[0] if kind is Sequence or inner[1:] == (...,) else Any
        return _is_list(value) and (_is_tensor(value) or all(fits(one, each) for one in value))
    if kind is Mapping:
        of_key, of_value = inner or (Any, Any)
        return isinstance(value, Mapping) and all(
            fits(key, of_key) and fits(one, of_value) for key, one in value.items()
        )
    if not isinstance(kind, type) and kind is not Callable:  # nothing to go by
        return True
    if getattr(kind, "_is_protocol", False):  # what it has to do is seen when it is used
        return value is not None and not isinstance(value, bool | int | float | bytes)
    if kind is Path:
        return isinstance(value, PathLike)
    return isinstance(value, kind) if isinstance(kind, type) else callable(value)


def words(wanted: Any) -> str:
    """An annotation in words.

    Example:
        >>> words(int | Sequence[int] | None)
        'a whole number, a list (each a whole number) or None'
    """
    kind, inner = get_origin(wanted) or wanted, get_args(wanted)
    if kind in (Union, UnionType):
        found = list(dict.fromkeys(words(one) for one in inner))
        return " or ".join(filter(None, (", ".join(found[:-1]), found[-1])))
    if kind is Literal:
        return " or ".join(map(repr, inner))
    if kind is Sequence and inner and inner[0] is not Any:
        return f"{_WORDS[Sequence]} (each {words(inner[0])})"
    if wanted is None:
        return _WORDS[NoneType]
    return _WORDS.get(kind) or f"a {getattr(kind, '__name__', kind)}"


def _is_list(value: Any) -> bool:
    """Whether a value holds several, one after the other; text and a dict are one."""
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def _is_tensor(value: Any) -> bool:
    """Whether a value is a framework's array or a column of a table, whose entries are none."""
    return hasattr(value, "__array__") and not isinstance(value, np.ndarray)


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"a {type(value).__name__}"
