"""Saved Keras models: `.keras`, and the older `.h5`."""

import re
import zipfile
from pathlib import Path

import keras

from campare.errors import ModelError, last_words
from campare.models.described import of_keras
from campare.models.loaders.header import require_keras
from campare.models.loaders.heap import EndlessError, require_ends
from campare.models.loaders.loaded import Loaded
from campare.models.preprocessing import Preprocessing
from campare.untrusted import read_bytes, read_json, require_archive

#: Bytes of an archive's notes that are read.
_NOTES = 10_000

#: Files of what a model was converted to.
_CONVERTED = {".tflite": "TFLite", ".onnx": "ONNX"}


def load(path: Path, trust: bool = False) -> Loaded:
    """Load a `.keras` (or legacy `.h5`) file; Lambda layers only with `trust`.

    A model that campare trained has its class names in the `.json` file beside it.

    Raises:
        ModelError: the file is missing or is not a Keras model that can be loaded safely.
    """
    if (path / "saved_model.pb").is_file():
        raise ModelError(
            f"Expected a saved Keras model, got the exported graph {path}, whose layers cannot be "
            "tapped. Try: the .keras file that it was exported from, or docs/wrappers.md"
        )
    if path.suffix in _CONVERTED and path.is_file():
        raise ModelError(
            f"Expected a saved model, got {path} of {_CONVERTED[path.suffix]}, which has no "
            "gradients. Try: the model that it was converted from, or docs/wrappers.md"
        )
    require_keras(path)
    try:
        require_archive(path)
        require_ends(path)  # before HDF5 reads anything of it
        model = keras.models.load_model(path, compile=False, safe_mode=not trust)
    except EndlessError as error:
        raise ModelError(
            f"Expected a Keras 3 model in {path}, got {error}. "
            "Try: model.save('model.keras') with Keras 3"
        ) from error
    except Exception as error:
        raise ModelError(_not_loaded(path, error)) from error
    return Loaded(
        model,
        name=path.stem,
        preprocessing=_of_applications(model),
        class_names=_recorded_classes(path.with_suffix(".json")),
        source=path.name,
    )


def _of_applications(model: keras.Model) -> Preprocessing | None:
    """What keras.applications has for a model of its own, unless it rescales by itself."""
    first = model.layers[1:2] if len(model.layers) > 1 else []
    rescales = (keras.layers.Rescaling, keras.layers.Normalization)
    return None if first and isinstance(first[0], rescales) else of_keras(model.name)


def _not_loaded(path: Path, error: Exception) -> str:
    """Why a file was not loaded, and how it can be."""
    text, load = str(error), f"keras.models.load_model({str(path)!r}, "
    missing = re.search(r"(?:locate class|Unknown layer:?) ['\"]?(\w+)", text)
    if "safe_mode" in text:
        return (
            f"Expected layers without code in {path}, got a Lambda, which a file may run only if "
            f"you trust it (--trust). Try: campare.wrap({str(path)!r}, trust=True)"
        )
    version = _keras_version(path)
    if version.startswith(("1", "2")):
        says = f"could not locate class {missing[1]!r}" if missing else last_words(error)
        return (
            f"Expected a Keras 3 model in {path}, got one that Keras {version} wrote, of which "
            f"Keras 3 says: {says}. Try: build the network with Keras 3, then "
            f"network.load_weights({str(path)!r}), as in docs/wrappers.md"
        )
    if missing:
        return (
            f"Expected layers of Keras in {path}, got {missing[1]!r}, a class of somebody's own. "
            f"Try: campare.wrap({load}custom_objects={{{missing[1]!r}: {missing[1]}}}))"
        )
    return (
        f"Expected a Keras 3 model in {path}, got: {last_words(error)}. "
        "Try: model.save('model.keras') with Keras 3"
    )


def _keras_version(path: Path) -> str:
    """The version of Keras that wrote a file, HDF5 or an archive; nothing where none is told."""
    import h5py

    if zipfile.is_zipfile(path):
        return _archived_version(path)
    if not h5py.is_hdf5(path):
        return ""
    try:
        with h5py.File(path) as file:
            return str(file.attrs.get("keras_version", ""))
    except Exception:  # cut off or damaged, of which HDF5 has many kinds
        return ""


def _archived_version(path: Path) -> str:
    """The version of Keras that an archive says: tf_keras writes them, too, for Keras 2."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("metadata.json") as file:
            found = read_json(file.read(_NOTES))
    except (OSError, ValueError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return ""  # without it, or damaged
    return str(found.get("keras_version", "")) if isinstance(found, dict) else ""


def _recorded_classes(notes: Path) -> tuple[str, ...] | None:
    """The classes of a model that campare trained, from the notes beside it."""
    if not notes.is_file():
        return None
    try:
        found = read_json(read_bytes(notes))
    except (OSError, ValueError):
        return None
    classes = found.get("classes") if isinstance(found, dict) else None
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        return None
    return tuple(classes) or None
