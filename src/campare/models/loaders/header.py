"""Files of models as their headers tell them: is it there, whole, and what its name says?

    a.keras         a zip archive with config.json        a.h5           HDF5
    a.safetensors   a JSON header, as many bytes as it says
    a.pt, a.ckpt    a zip archive, a pickle or a tar archive of torch

No weight is read and no framework imported, so that thirty files take a moment. What a file holds
is found when it is loaded.
"""

import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campare.errors import ModelError
from campare.models.loaders.spec import KINDS, TORCH_FILES, existing, parse
from campare.untrusted import read_json

_KERAS = "Try: model.save('model.keras') with Keras 3"
_TORCH = "Try: torch.save(model.state_dict(), FILE)"
_PICKLE = b"\x80"  # of protocol 2 or later
_LONGEST = 100_000_000  # bytes of a header of safetensors, by its own rule
_CUT = "a file that is cut off"
#: What else a file may be, by how it starts.
_OTHERS = {
    b"\x89HDF": "an HDF5 file",
    b"PK": "a zip archive",
    _PICKLE: "a pickle",
    b"version ": "a pointer of git LFS to the file",
}


def require_readable(model: str | Path, loader: str | Callable[..., Any] | None = None) -> None:
    """Check that `load` will find the file of a model, if it is one, and its loader.

    Of a file that a loader of the user's own reads, nothing is known but that it must be there.

    Raises:
        ModelError: it is missing, cut off or something else; the text has its name.
        CampareError: the loader cannot be imported.

    Example:
        >>> require_readable("timm:resnet50")
        >>> require_readable("missing.keras")
        Traceback (most recent call last):
        ...
        campare.errors.ModelError: Expected a saved Keras model, got no file missing.keras. \
Try: model.keras
    """
    if loader is not None:
        _of_loader(Path(model), loader)
        return
    spec = parse(str(model))
    checkpoint = spec.file("checkpoint")
    if spec.kind == "own":
        _require_loader(spec.name)
    elif checkpoint is not None:
        require_torch(checkpoint)
    elif not spec.kind:
        _of_file(Path(spec.name))


def require_keras(path: Path) -> None:
    """Check the header of a saved Keras model.

    Raises:
        ModelError: there is none, or a file of another kind.
    """
    if not path.is_file():
        raise ModelError(f"Expected a saved Keras model, got no file {path}. Try: model.keras")
    start = _start(path)
    if path.suffix == ".keras":
        wrong = _wrong_archive(path, start, "config.json")
    elif path.suffix in (".h5", ".hdf5"):
        wrong = _wrong_hdf5(path)
    else:
        wrong = f"a file that ends in {path.suffix or 'nothing'}"
    if wrong:
        raise ModelError(f"Expected a Keras 3 model in {path}, got {wrong}. {_KERAS}")


def require_torch(path: Path) -> None:
    """Check the header of a file of torch.

    Raises:
        ModelError: there is none, or a file of another kind.
    """
    existing(path, "FILE.pt")
    wrong = _wrong_weights(path) if path.is_file() else "which is no file"
    if wrong:
        raise ModelError(f"Expected a file of torch weights, got {path}, {wrong}. {_TORCH}")


def _of_loader(path: Path, loader: str | Callable[..., Any]) -> None:
    """A file that a loader reads, which is a library's or the user's own."""
    if isinstance(loader, str) and parse(loader).kind in KINDS:
        require_torch(path)
        return
    existing(path, "FILE of --loader")
    if path.is_file():
        _start(path)
    if isinstance(loader, str):
        _require_loader(loader)


def _of_file(path: Path) -> None:
    """A file by its name; folders and what was converted are refused as they are loaded."""
    if path.suffix.lower() in TORCH_FILES:
        require_torch(path)
    elif not path.is_dir() and path.suffix not in (".tflite", ".onnx"):
        require_keras(path)


def _require_loader(name: str) -> None:
    from campare.optional import load_object

    load_object(name)


def _start(path: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(8)
    except OSError as error:
        raise ModelError(
            f"Expected a file of a model, got {path}, which cannot be read: {error.strerror}. "
            f"Try: chmod u+r {path}"
        ) from error


def _wrong_weights(path: Path) -> str:
    """What is wrong with a file of torch."""
    start = _start(path)
    if path.suffix == ".safetensors":
        return _wrong_safetensors(path, start)
    as_ever = start.startswith(_PICKLE) or tarfile.is_tarfile(path)  # torch before 1.6
    return "" if as_ever else _wrong_archive(path, start)


def _wrong_archive(path: Path, start: bytes, wanted: str = "") -> str:
    """What is wrong with a zip archive, which ends with the list of what is in it."""
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                missing = wanted and wanted not in archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
            return "a damaged archive"
        return f"an archive without {wanted}" if missing else ""
    return _CUT if start.startswith(b"PK") else _kind(start)


def _wrong_hdf5(path: Path) -> str:
    """What is wrong with an HDF5 file, whose first block has its length."""
    import h5py

    if not h5py.is_hdf5(path):
        return _kind(_start(path))
    try:
        h5py.File(path).close()
    except OSError:
        return _CUT
    return ""


def _wrong_safetensors(path: Path, start: bytes) -> str:
    """What is wrong with a file of safetensors: 8 bytes of length, JSON, then the numbers."""
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= _LONGEST:
        return _kind(start)
    try:
        with path.open("rb") as file:
            file.seek(8)
            entries = read_json(file.read(length))
        ends = [each["data_offsets"][1] for key, each in entries.items() if key != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return _CUT if path.stat().st_size < 8 + length else "a file with a damaged header"
    return _CUT if path.stat().st_size < 8 + length + max(ends, default=0) else ""


def _kind(start: bytes) -> str:
    """What a file is whose header is none of a model."""
    if not start:
        return "an empty file"
    found = (name for first, name in _OTHERS.items() if start.startswith(first))
    return next(found, "something else")
