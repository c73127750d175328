"""Functions of a user's own, called with what their parameters name of what there is to give.

    def fit(images, seed): ...    of images, seed, recipe, progress, validation and size: two

`taken` says what a function gets, before anything is computed; `call` gives it. Parameters may have
any order; the only one without a default may have any name, and gets the first value.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from campare.errors import RecipeError
from campare.training.recipe import spelled


def call(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """What a function gives, called with those of the values that its parameters name.

    Raises:
        RecipeError: see `taken`.

    Example:
        >>> call(lambda seed: seed + 1, {"images": [], "seed": 3})
        4
    """
    chosen = taken(function, given)
    first = [one for one in _parameters(function) if one.kind is one.POSITIONAL_ONLY]
    args = [given[chosen.pop(one.name)] if one.name in chosen else one.default for one in first]
    return function(*args, **{parameter: given[name] for parameter, name in chosen.items()})


def taken(
    function: Callable[..., Any], names: Iterable[str], needs: Sequence[str] = ()
) -> dict[str, str]:
    """Parameter -> the value of `names` that it gets; one with `**` takes all that is left.

    Raises:
        RecipeError: a parameter without a default is none of them, or none takes what it `needs`.

    Example:
        >>> taken(lambda file: file, ["path", "recipe"])
        {'file': 'path'}
    """
    names, parameters = list(names), _parameters(function)
    chosen = {one.name: one.name for one in parameters if one.name in names}
    others = [one.name for one in parameters if one.name not in names and _needed(one)]
    if len(others) == 1 and not chosen:
        chosen[others.pop()] = names[0]
    if others:
        raise RecipeError(
            f"Expected parameters among {', '.join(names)} of {spelled(function)}, got "
            f"{others[0]!r}. Try: a default for it, or one of these names"
        )
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        chosen |= {name: name for name in names if name not in chosen.values()}
    lacking = [name for name in needs if name not in chosen.values()]
    if lacking:
        raise RecipeError(
            f"Expected a parameter {lacking[0]!r} of {spelled(function)}, got "
            f"{', '.join(one.name for one in parameters) or 'none'}. "
            f"Try: def {getattr(function, '__name__', 'function')}({', '.join(needs)})"
        )
    return chosen


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function, or of what a class is built from."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:  # some that are written in C
        raise RecipeError(
            f"Expected a function of Python, got {spelled(function)}, of which no parameters are "
            "known. Try: a function of your own that calls it"
        ) from error


def _needed(parameter: inspect.Parameter) -> bool:
    kinds = (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in kinds
