"""Specifications of models in one line: `timm:resnet50?checkpoint=a.pt&num_classes=2`.

KIND:NAME?OPTION=VALUE&...    of a library, or module:function of the user's own
FILE                          .keras, .h5, or of torch with a loader
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from campare.errors import ModelError
from campare.yamlfile import plain_yaml

#: Kinds that have a name before the colon -> the module of `campare.models.loaders` that reads it.
KINDS = {
    "timm": "timm",
    "torchvision": "torchvision",
    "hf": "transformers",
    "open_clip": "open_clip",
}

#: Files that torch reads; all others are taken for ones of Keras.
TORCH_FILES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".pt2", ".tar")


class Spec(NamedTuple):
    """A specification in its parts; `kind` is '' for a file, 'own' for module:function."""

    kind: str
    name: str
    options: dict[str, Any]

    @property
    def text(self) -> str:
        """The kind with the name, as messages call it."""
        return f"{self.kind}:{self.name}" if self.kind in KINDS else self.name

    @property
    def own_name(self) -> str:
        """What the model is called where nobody names it: after its checkpoint, or its name."""
        checkpoint = self.options.get("checkpoint")
        if checkpoint is not None:
            return Path(str(checkpoint)).stem
        if not self.kind:
            return Path(self.name).stem
        last = self.name.rstrip("/").rpartition("/")[2]
        return re.sub(r"[^\w+.-]+", "-", last).strip("-") or self.kind

    def file(self, option: str) -> Path | None:
        """The file that an option names; None where it is not given.

        Raises:
            ModelError: there is no such file.
        """
        if option not in self.options:
            return None
        return existing(Path(str(self.options[option])), f"{self.text}?{option}=FILE")


def parse(text: str) -> Spec:
    """A specification in its parts; what exists as a file is one, whatever its name.

    Raises:
        ModelError: options that are not NAME=VALUE.

    Example:
        >>> parse("timm:resnet50?num_classes=2&checkpoint=runs/a.pt").options
        {'num_classes': 2, 'checkpoint': 'runs/a.pt'}
        >>> parse("timm:resnet50").kind, parse("lab.models:load").kind, parse("a.keras").kind
        ('timm', 'own', '')
    """
    if _is_there(text):
        return Spec("", text, {})
    kind, colon, rest = text.partition(":")
    if colon and kind in KINDS:
        name, _, options = rest.partition("?")
        return Spec(kind, name, _options(options, text))
    name, _, options = text.partition("?")
    if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", name) and len(kind) > 1:
        return Spec("own", name, _options(options, text))
    return Spec("", text, {})


def own_name(text: str) -> str:
    """What the model of a specification is called where nobody names it.

    Example:
        >>> own_name("runs/a.keras"), own_name("timm:resnet50"), own_name("hf:google/vit-base")
        ('a', 'resnet50', 'vit-base')
    """
    return parse(text).own_name


def from_root(text: str) -> str:
    """The same for a process that begins elsewhere: files that are there by their whole paths.

    Example:
        >>> from_root("timm:resnet50?checkpoint=no/such/file.pt")
        'timm:resnet50?checkpoint=no/such/file.pt'
    """
    if _is_there(text):
        return str(Path(text).absolute())
    spec = parse(text)
    name, mark, options = text.partition("?")
    if spec.kind == "hf" and Path(spec.name).is_dir():
        name = f"hf:{Path(spec.name).absolute()}"
    pairs = [_pair_from_root(pair) for pair in options.split("&")]
    return f"{name}{mark}{'&'.join(pairs)}" if spec.kind else text


def _pair_from_root(pair: str) -> str:
    key, equals, value = pair.partition("=")
    known = key == "checkpoint" and _is_there(value)
    return f"{key}{equals}{Path(value).absolute()}" if known else pair


def existing(path: Path, like: str) -> Path:
    """The path, if a file or a folder is there.

    Raises:
        ModelError: nothing is, or a pipe or a device.
    """
    if not (path.is_file() or path.is_dir()):
        raise ModelError(f"Expected a file of weights ({like}), got no file {path}. Try: its path")
    return path


def _is_there(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # longer than a name may be, or of characters that none has
        return False


def _options(text: str, whole: str) -> dict[str, Any]:
    """NAME=VALUE&..., values read as YAML."""
    found: dict[str, Any] = {}
    for pair in filter(None, text.split("&")):
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise ModelError(
                f"Expected options as NAME=VALUE with & between in {whole!r}, got {pair!r}. "
                "Try: timm:resnet50?num_classes=2&checkpoint=FILE"
            )
        try:
            found[name] = plain_yaml(value, words=True)
        except ValueError:
            found[name] = value
        if name == "checkpoint":
            found[name] = value
    return found
