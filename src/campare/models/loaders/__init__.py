"""Models from files and libraries by one line: `timm:resnet50?checkpoint=a.pt`, `mine.keras`.

Files come before hubs: a hub is only asked where it is named. Weights are read as numbers
(safetensors, or torch's `weights_only`); what runs code of a file needs `trust`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from campare.arguments import checked
from campare.data.mirror import mirrored
from campare.data.urls import is_url
from campare.errors import ModelError
from campare.models.loaders.loaded import Loaded
from campare.models.loaders.spec import KINDS, TORCH_FILES, Spec, own_name, parse

__all__ = ["Loaded", "load", "own_name"]

Prompts = Sequence[str] | Mapping[str, str | Sequence[str]]


@checked()
def load(
    model: str | Path,
    *,
    loader: str | Callable[[str], Any] | None = None,
    trust: bool = False,
    prompts: Any = None,
) -> Loaded:
    """Load a model that a line of text specifies.

    Args:
        model: FILE.keras or .h5; `timm:NAME`, `torchvision:NAME`, `hf:NAME_OR_FOLDER` or
            `open_clip:NAME`, with `?checkpoint=FILE` for weights of your own, and other options of
            the library after `?` and `&`; `my_module:my_function`, which gives the model; or a
            file of torch weights with a `loader`. A URL (s3://bucket/a.keras) is copied first.
        loader: of a file: `my_module:my_function` or the function, path -> model, or (model,
            preprocessing), or Loaded; a Lightning or torch class; or such as `timm:resnet50`.
        trust: run code that a file holds: pickled modules, Lambda layers, a hub's remote code.
        prompts: of a CLIP model, a text for each class, or {class: text, or several}.

    Raises:
        ModelError: it cannot be loaded; the text says why, and what would help.
        MissingExtraError: its library is not installed.

    Example:
        >>> load("unknown.keras")
        Traceback (most recent call last):
        ...
        campare.errors.ModelError: Expected a saved Keras model, got no file unknown.keras. \
Try: model.keras
    """
    if is_url(model):
        model = mirrored(model).path
    if loader is not None:
        return _with_loader(Path(model), loader, trust)
    spec = parse(str(model))
    if prompts is not None and spec.kind != "open_clip":
        raise ModelError(
            f"Expected prompts with an open_clip model, got {spec.text}. Try: open_clip:ViT-B-32"
        )
    if spec.kind in KINDS:
        return _library(spec, trust, prompts)
    if spec.kind == "own":
        from campare.models.loaders.own import by_name

        return by_name(spec)
    return _file(Path(spec.name), trust)


def _library(spec: Spec, trust: bool, prompts: Prompts | None = None) -> Loaded:
    """A model of a library."""
    module = import_module(f"campare.models.loaders.{KINDS[spec.kind]}")
    extra = {"prompts": prompts} if spec.kind == "open_clip" else {}
    found: Loaded = module.load(spec, trust=trust, **extra)
    return found


def _with_loader(path: Path, loader: str | Callable[[str], Any], trust: bool) -> Loaded:
    """A file, read by a user's loader or as weights of a library's model."""
    if isinstance(loader, str):
        spec = parse(loader)
        if spec.kind in KINDS:
            return _library(spec._replace(options={**spec.options, "checkpoint": str(path)}), trust)
    from campare.models.loaders.own import by_loader

    return by_loader(path, loader, trust)


def _file(path: Path, trust: bool) -> Loaded:
    """A file by its kind."""
    if (path / "config.json").is_file():
        found = _library(Spec("hf", str(path), {}), trust)
        return replace(found, name=path.resolve().name)
    if path.suffix.lower() in TORCH_FILES:
        from campare.models.loaders.torch_files import whole

        return whole(path, trust)
    from campare.models.loaders.keras_files import load as load_keras

    return load_keras(path, trust)
