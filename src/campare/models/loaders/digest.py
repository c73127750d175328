"""What tells a model of one line from another of the same name: a digest of where it comes from.

    a file, a folder                        its contents
    timm:NAME, torchvision:NAME, ...        name, options, version of the library, and the contents
                                            of its checkpoint; of a hub of Hugging Face the commit
    module:function                         nothing: it may read whatever it likes

The model is not loaded for it.
"""

from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from campare.files import digest_of
from campare.models.loaders.spec import KINDS, Spec, parse
from campare.optional import require

#: Kinds of lines -> the package whose version says which weights a name has.
_PACKAGES = {
    "timm": "timm",
    "torchvision": "torchvision",
    "hf": "transformers",
    "open_clip": "open_clip_torch",
}


def digest(model: Any, prompts: Any = None) -> str | None:
    """A digest of a line's model; None where it cannot be told from another.

    Args:
        model: as `campare.load` takes it; in memory: None.
        prompts: of a CLIP model.

    Example:
        >>> digest("lab.models:load") is None
        True
    """
    if not isinstance(model, (str, Path)):
        return None
    spec = parse(str(model))
    if spec.kind in KINDS:
        return _of_library(spec, prompts)
    return None if spec.kind else _contents(Path(spec.name))


def _of_library(spec: Spec, prompts: Any) -> str | None:
    """Of a library's model."""
    options = {name: value for name, value in spec.options.items() if name != "checkpoint"}
    parts = [spec.text, repr(sorted(options.items())), repr(prompts)]
    try:
        parts.append(version(_PACKAGES[spec.kind]))
    except PackageNotFoundError:
        return None
    checkpoint = spec.options.get("checkpoint")
    source: str | None = ""
    if checkpoint is not None:
        source = _contents(Path(str(checkpoint)))
    elif spec.kind == "hf":
        folder = Path(spec.name)
        source = _contents(folder) if folder.is_dir() else _commit(spec.name, options)
    return None if source is None else sha256("\n".join([*parts, source]).encode()).hexdigest()


def _contents(path: Path) -> str | None:
    """Of a file, or of the files of a folder with their names; None where nothing is."""
    if path.is_file():
        return digest_of(path)
    if not path.is_dir():
        return None
    files = sorted(each for each in path.iterdir() if each.is_file())
    lines = (f"{each.name} {digest_of(each)}" for each in files)
    return sha256("\n".join(lines).encode()).hexdigest()


def _commit(name: str, options: dict[str, Any]) -> str | None:
    """The commit of a repository of the hub, as the configuration that is read has it."""
    library = require("transformers", extra="hf")
    try:
        found = library.AutoConfig.from_pretrained(name, revision=options.get("revision", "main"))
    except Exception:  # not there, or it runs code: then it is loaded to be told why
        return None
    return getattr(found, "_commit_hash", None)
