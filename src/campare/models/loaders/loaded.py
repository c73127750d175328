"""Loaded: a model with what its source says of it, and what a user's own loader may return."""

from dataclasses import dataclass
from typing import Any

from campare.errors import ModelError
from campare.models.preprocessing import Preprocessing, preprocessing

#: What a loader gives, in words.
WANTED = "a torch module or a Keras model, or (model, preprocessing)"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model in memory with what its source says of it.

    Attributes:
        model: what `campare.wrap` takes, a Keras model or a torch module.
        name: what it is called where nobody names it.
        preprocessing: where the source says it; None: it does not.
        class_names: where the source says them.
        source: where it comes from, in words, for report and manifest.
        doubt: what could not be read of it, in a sentence.
    """

    model: Any
    name: str = ""
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] | None = None
    source: str = ""
    doubt: str = ""


def loaded(result: Any, *, name: str, source: str, loader: str) -> Loaded:
    """What a user's loader returned, as a Loaded.

    Args:
        result: a model, (model, preprocessing) with what `pixels` takes, or a Loaded.
        name: of the model.
        source: in words.
        loader: its name, for the message.

    Raises:
        ModelError: it is none of these.

    Example:
        >>> loaded({}, name="a", source="", loader="lab:load")
        Traceback (most recent call last):
        ...
        campare.errors.ModelError: Expected of lab:load a torch module or a Keras model, or \
(model, preprocessing), got dict. Try: return the module that holds the weights
    """
    given: Any = None
    if isinstance(result, Loaded):
        return result
    if isinstance(result, tuple) and len(result) == 2:
        result, given = result
    if not is_model(result):
        raise ModelError(
            f"Expected of {loader} {WANTED}, got {type(result).__name__}. "
            "Try: return the module that holds the weights"
        )
    found = None if given is None else preprocessing(given)
    return Loaded(result, name=name, preprocessing=found, source=source)


def is_model(thing: Any) -> bool:
    """Whether `campare.wrap` may take it: a Keras model, a torch module or a Classifier."""
    families = {base.__module__.partition(".")[0] for base in type(thing).__mro__}
    return not isinstance(thing, type) and (
        (bool(families & {"keras", "torch"}) and callable(thing))
        or (hasattr(thing, "tap") and hasattr(thing, "start"))
    )
