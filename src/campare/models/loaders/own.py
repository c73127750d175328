"""A user's own loader: a function path -> model, or the class whose weights a file holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from campare.errors import CampareError, MissingExtraError, ModelError, last_words
from campare.models.described import of_timm
from campare.models.loaders.loaded import WANTED, Loaded, is_model, loaded
from campare.models.loaders.spec import Spec, existing
from campare.models.preprocessing import Preprocessing
from campare.optional import importable_here, load_object

#: Libraries that loaders import, and the extra that installs each.
_EXTRAS = {
    "timm": "timm",
    "torchvision": "torchvision",
    "transformers": "hf",
    "open_clip": "clip",
    "lightning": "lightning",
    "pytorch_lightning": "lightning",
    "safetensors": "torch",
    "torch": "torch",
}


def by_loader(path: Path, loader: str | Callable[[str], Any], trust: bool = False) -> Loaded:
    """A file, read by a function path -> model, or by the class whose weights it holds.

    Raises:
        ModelError: there is no file, the loader fails, or it gives something else.
        MissingExtraError: it needs a library that is not installed.
    """
    called = loader if isinstance(loader, str) else getattr(loader, "__name__", "the loader")
    existing(path, "FILE of --loader")
    with _told(called, repr(str(path)), f" of {path}"):
        found = load_object(loader) if isinstance(loader, str) else loader
        if isinstance(found, type):
            result = _of_class(found, path, called, trust)
        elif callable(found):
            result = found(str(path))
        else:
            result = found
    return _described(
        loaded(result, name=path.stem, source=f"{path.name} by {called}", loader=called)
    )


def by_name(spec: Spec) -> Loaded:
    """`module:function`, called with the options after `?`, or `module:model` as it is.

    Raises:
        ModelError: the function fails, or gives something else.
        MissingExtraError: it needs a library that is not installed.
    """
    options = {name: value for name, value in spec.options.items() if name != "checkpoint"}
    given = (spec.options["checkpoint"],) if "checkpoint" in spec.options else ()
    arguments = (*map(repr, given), *(f"{name}={value!r}" for name, value in options.items()))
    with _told(spec.name, ", ".join(arguments)):
        found = load_object(spec.name)
        result = found if is_model(found) or not callable(found) else found(*given, **options)
    return _described(loaded(result, name=spec.own_name, source=spec.name, loader=spec.name))


def _of_class(kind: type, path: Path, called: str, trust: bool) -> Any:
    """A Lightning module from its checkpoint; another class built without arguments, and filled."""
    if hasattr(kind, "load_from_checkpoint"):
        return kind.load_from_checkpoint(path, map_location="cpu", weights_only=not trust).eval()
    if not any(base.__module__.startswith("torch.nn") for base in kind.__mro__):
        raise ModelError(
            f"Expected of {called} {WANTED}, got a class that is no torch module. "
            "Try: a function path -> model"
        )
    from campare.models.loaders.torch_files import fill

    return fill(kind(), path, what=called, trust=trust)


def _described(found: Loaded) -> Loaded:
    """With the preprocessing that a model of timm carries, where the loader gave none."""
    config = getattr(found.model, "pretrained_cfg", None)
    if found.preprocessing is not None or not config:
        return found
    from dataclasses import replace

    return replace(found, preprocessing=_of_timm(config))


def _of_timm(config: Any) -> Preprocessing | None:
    """timm's defaults for what a `pretrained_cfg` leaves open."""
    usual = {"input_size": (3, 224, 224), "interpolation": "bicubic", "crop_pct": 0.875}
    try:
        described = {**usual, **{k: v for k, v in dict(config).items() if v is not None}}
        return of_timm(described, "as the model's pretrained_cfg has it")
    except (KeyError, TypeError, ValueError):
        return None


@contextmanager
def _told(called: str, arguments: str, of: str = "") -> Iterator[None]:
    """Whatever a user's loader does: its failure in one line, with its cause and its call."""
    try:
        with importable_here():
            yield
    except Exception as error:
        missing = _missing(error)
        if missing is not None:
            raise MissingExtraError(
                f"Expected {missing!r} to be installed, which {called} imports, got no such "
                f"module. Try: pip install 'campare[{_EXTRAS[missing]}]'"
            ) from error
        if isinstance(error, CampareError):
            raise
        hint = "--trust (trust=True) if you know who wrote the file, or " * (
            "weights_only" in str(error)
        )
        raise ModelError(
            f"Expected {called} to give a model{of}, got {type(error).__name__}: "
            f"{last_words(error)}. Try: {hint}{called.partition(':')[2] or called}"
            f"({arguments}) in Python, for its traceback"
        ) from error


def _missing(error: BaseException | None) -> str | None:
    """The library with an extra that could not be imported, at the root of an error."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            top = error.name.partition(".")[0]
            return top if top in _EXTRAS else None
        error = error.__cause__
    return None
