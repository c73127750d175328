"""Files of torch weights: read as numbers alone, and fitted into a module key by key.

A state dict says no architecture; a pickled module does, and runs code when it is loaded.
"""

import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from campare.errors import ModelError, last_words
from campare.models.loaders.loaded import Loaded, is_model
from campare.models.loaders.spec import existing
from campare.optional import require
from campare.untrusted import require_archive

#: Under which names training scripts keep a state dict, the first that is there is taken.
_KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")


def whole(path: Path, trust: bool) -> Loaded:
    """A file without a loader: a pickled module, if it is trusted.

    Raises:
        ModelError: it is missing, holds weights alone, or code and is not trusted.
    """
    content = read(path, trust)
    if is_model(content):
        return Loaded(content.eval(), name=path.stem, source=path.name)
    tensors = list(_tensors(content, None, path).items())
    key, first = tensors[0]
    raise ModelError(
        f"Expected a model in {path}, got {len(tensors)} weights ({key} {_shape(first)}, ...), "
        "which say no architecture. Try: --loader timm:NAME, --loader my_module:my_function "
        "(path -> model), or --loader my_module:MyClass"
    )


def read(path: Path, trust: bool = False) -> Any:
    """What a file of torch holds, on the CPU; numbers and plain containers unless it is trusted.

    Raises:
        ModelError: it is missing, damaged, an exported graph, or holds code and is not trusted.
    """
    existing(path, "FILE.pt")
    if path.suffix == ".safetensors":
        try:
            return require("safetensors.torch", extra="torch").load_file(path)
        except (ValueError, OSError, _safetensors_error()) as error:
            raise _damaged(path, error) from error
    _refuse_exported(path)
    try:
        require_archive(path)
        return torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        held = re.search(r"GLOBAL ([\w.]+)", str(error))
        if held is None and "Unsupported class" not in str(error):
            raise _damaged(path, error) from error
        raise ModelError(
            f"Expected weights alone in {path}, got a pickle of {held[1] if held else 'objects'}, "
            "whose loading runs whatever code is in the file. Try: torch.save(model.state_dict(), "
            "FILE), or --trust (trust=True) if you know who wrote it"
        ) from error
    except Exception as error:
        raise _damaged(path, error) from error


def fill(
    model: torch.nn.Module,
    path: Path,
    *,
    what: str,
    trust: bool = False,
    key: str | None = None,
    content: Any = None,
) -> torch.nn.Module:
    """Put the weights of a file into a module, every one of its own shape.

    Keys may all begin with a prefix, as of DataParallel, torch.compile or a Lightning module.

    Args:
        model: the module, changed in place.
        path: of the file.
        what: the module, for messages.
        trust: as of `read`.
        key: under which the file keeps the state dict, where it holds several.
        content: what `read` gave of the file; None: it is read.

    Raises:
        ModelError: a weight that is missing, or of another shape, or that the module has not.
    """
    own = model.state_dict()
    state = _tensors(read(path, trust) if content is None else content, key, path)
    prefix = _prefix(own, state)
    given = {name.removeprefix(prefix): w for name, w in state.items() if name.startswith(prefix)}
    for name, weight in own.items():
        if name not in given:
            if name.endswith("num_batches_tracked"):
                given[name] = weight
                continue
            raise _unfit(what, path, f"{name} {_shape(weight)}", f"no such key of {len(state)}")
        if given[name].shape != weight.shape:
            raise _unfit(what, path, f"{name} {_shape(weight)}", _shape(given[name]))
    extra = next((name for name in given if name not in own), None)
    if extra is not None:
        raise _unfit(what, path, f"{len(own)} weights", f"{extra} {_shape(given[extra])} besides")
    versions = getattr(own, "_metadata", None)  # some modules want to know which they are
    fitted: Any = OrderedDict(given)
    fitted._metadata = versions
    model.load_state_dict(fitted)
    return model.eval()


def last_rows(path: Path, name: str, *, trust: bool = False, key: str | None = None) -> int | None:
    """How many classes a file's last layer has: the length of the weight of that name."""
    state = _tensors(read(path, trust), key, path)
    found = [weight for each, weight in state.items() if each == name or each.endswith(f".{name}")]
    return int(found[0].shape[0]) if len(found) == 1 and found[0].ndim else None


def _tensors(content: Any, key: str | None, path: Path) -> dict[str, torch.Tensor]:
    """The state dict in a file, wherever training scripts put it."""
    if key is not None:
        if not isinstance(content, Mapping) or key not in content:
            names = ", ".join(map(str, list(content)[:6])) if isinstance(content, Mapping) else ""
            raise ModelError(
                f"Expected {key!r} in {path}, got {names or type(content).__name__}. "
                "Try: ?key=NAME, one of them"
            )
        content = content[key]
    for found in _nested(content):
        tensors = {str(k): v for k, v in found.items() if isinstance(v, torch.Tensor)}
        if tensors:
            return tensors
    raise ModelError(
        f"Expected weights in {path}, got {type(content).__name__} without any. "
        "Try: torch.save(model.state_dict(), FILE)"
    )


def _nested(content: Any) -> Iterator[Mapping[Any, Any]]:
    """A mapping of weights, or those that it holds under the usual names."""
    if is_model(content) and hasattr(content, "state_dict"):
        content = content.state_dict()
    if isinstance(content, Mapping):
        for key in _KEYS:
            if key in content and (is_model(content[key]) or isinstance(content[key], Mapping)):
                yield from _nested(content[key])
        yield content


def _prefix(own: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """What stands before the module's keys in a file: the one under which most of them are."""
    if not own or next(iter(own)) in state:
        return ""
    first = next(iter(own))
    found = {name.removesuffix(first) for name in state if name.endswith(f".{first}")}
    count = {prefix: sum(prefix + name in state for name in own) for prefix in found}
    return max(count, key=count.__getitem__, default="")


def _refuse_exported(path: Path) -> None:
    """TorchScript and torch.export write archives of a graph."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return  # no archive, or a damaged one
    script = any(name.endswith("/constants.pkl") for name in names)
    export = any("exported_program" in name or "/models/" in name for name in names)
    if script or export:
        raise ModelError(
            f"Expected weights or a module in {path}, got an exported graph of "
            f"{'TorchScript' if script else 'torch.export'}, whose layers cannot be tapped. Try: "
            "the module that it was exported from, or docs/wrappers.md"
        )


def _unfit(what: str, path: Path, expected: str, got: str) -> ModelError:
    return ModelError(
        f"Expected the weights of {what} in {path}, {expected}, got {got}. "
        "Try: the architecture and the options of its training, such as ?num_classes=2"
    )


def _damaged(path: Path, error: Exception) -> ModelError:
    return ModelError(
        f"Expected a file of torch weights, got {path}, which cannot be read: {last_words(error)}. "
        "Try: torch.save(model.state_dict(), FILE)"
    )


def _safetensors_error() -> type[Exception]:
    found: type[Exception] = require("safetensors", extra="torch").SafetensorError
    return found


def _shape(weight: Any) -> str:
    return str(tuple(weight.shape))
