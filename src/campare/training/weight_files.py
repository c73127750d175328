"""Weights in files: what fits a network is copied into it, what does not is told in one line.

Nothing here imports a framework: a model is anything with `weights` and `load_weights`.
"""

import warnings
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from campare.errors import ModelError

#: Options alpha that weights of a MobileNet come with.
_WIDTHS = (0.25, 0.5, 0.75, 1.0)


def existing(path: Path) -> Path:
    """The path, if it is a file of a kind that holds weights.

    Raises:
        ModelError: it is not.
    """
    if not path.is_file():
        raise ModelError(
            f"Expected a weights file, got no file {str(path)!r}. "
            "Try a .weights.h5, .h5 or .keras file, or the words imagenet, embedded or random."
        )
    if path.suffix not in (".h5", ".keras"):
        raise ModelError(
            f"Expected a weights file ending in .weights.h5, .h5 or .keras, got {path.name!r}. "
            "Try model.save_weights('NAME.weights.h5')."
        )
    return path


def load(model: Any, path: Path) -> bool:
    """Whether the file's weights fit the model, which then has them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns of what it skips
            model.load_weights(path)
    except (ValueError, KeyError, OSError, IndexError, UserWarning, BadZipFile):
        return False
    return True


def transfer(source: Any, target: Any) -> bool:
    """Copy the weights of a network with a top to one without; False if the shapes differ."""
    pairs = list(zip(source.weights, target.weights, strict=False))
    if len(pairs) < len(target.weights) or any(s.shape != t.shape for s, t in pairs):
        return False
    for s, t in pairs:
        t.assign(s)
    return True


def misfit(plain: str, path: Path, model: Any) -> ModelError:
    """What the file holds against what the network needs: the widths of the first convolution."""
    need = next((w.shape[-1] for w in model.weights if len(w.shape) == 4), None)
    have = _first_filters(path)
    got = f"{path.name!r}, which does not fit"
    hint = "the backbone that these weights were saved from"
    if have and need and have != need:
        got = f"{path.name!r}, which starts with {have}"
        if plain.startswith("mobilenet") and have / 32 in _WIDTHS:
            hint = f"backbone option alpha={have / 32:g}"
    return ModelError(
        f"Expected weights of {plain!r}"
        + (f", which starts with {need} filters" if need else "")
        + f", got {got}. Try {hint}."
    )


def _first_filters(path: Path) -> int | None:
    """Filters of the 3 or more pixels wide RGB convolution in an HDF5 file, if there is one."""
    import h5py

    widths: list[int] = []

    def visit(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and len(item.shape) == 4 and item.shape[2] == 3:
            widths.append(int(item.shape[3]))

    try:
        with h5py.File(path) as file:
            file.visititems(visit)
    except OSError:
        return None
    return widths[0] if len(widths) == 1 else None


def first_line(error: Exception) -> str:
    """The first line of an error's text, at most 120 characters."""
    text = str(error).strip() or type(error).__name__
    line = text.splitlines()[0]
    return line if len(line) <= 120 else line[:117] + "..."
