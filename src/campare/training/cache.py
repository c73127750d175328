"""Pooled features: what a frozen backbone says of the same images is computed once, and kept.

Keys are digests of the weights, the preprocessing and the pixels, so that nothing stale is found.
The layers that are trained on features are compiled once for all seeds: that takes longer than
their training.
"""

import hashlib
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from campare.data.named import cache_folder
from campare.files import atomic
from campare.training import augment
from campare.training.randomness import left_as_it_was
from campare.types import Array, Floats

BATCH = 32  # images the backbone sees at once
#: How folders for other processes begin, and the seconds after which others remove what is left.
_FOLDER, _LEFT = "features-", 7 * 24 * 3600.0


@dataclass(frozen=True)
class FeatureCache:
    """Pooled features by key, in memory or, where a folder is given, on disk for other processes.

    A folder that cannot be written to, as on a full disk, leaves them in memory.

    Example:
        >>> cache = FeatureCache()
        >>> cache.get("key", lambda: np.ones((2, 3), "float32")).shape
        (2, 3)
    """

    folder: Path | None = None
    memory: dict[str, Floats] = field(default_factory=dict, repr=False)
    heads: dict[Hashable, "Head"] = field(default_factory=dict, repr=False)  # see `head`

    @classmethod
    def of_processes(cls) -> "FeatureCache":
        """One in a folder that other processes of this machine find; it goes with this object."""
        place = cache_folder()
        for old in place.glob(f"{_FOLDER}*"):  # of processes that were killed
            with suppress(OSError):  # another process removes it
                if time.time() - old.stat().st_mtime > _LEFT:
                    shutil.rmtree(old)
        try:
            place.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=place))
        except OSError:  # nothing can be written there: each process for itself
            return cls()
        cache = cls(folder)
        weakref.finalize(cache, shutil.rmtree, folder, ignore_errors=True)
        return cache

    def get(self, key: str, compute: Callable[[], Floats]) -> Floats:
        """The features (N, C) under `key`, computed only if they are new."""
        if key not in self.memory:
            self.memory[key] = self._stored(key, compute)
        return self.memory[key]

    def _stored(self, key: str, compute: Callable[[], Floats]) -> Floats:
        if self.folder is None or not self.folder.is_dir():  # as on another machine
            return compute()
        path = self.folder / f"{key}.npy"
        if not path.exists():
            features = compute()
            try:
                with atomic(path) as part, part.open("wb") as file:  # nobody reads half a file
                    np.save(file, features)
            except OSError:
                return features
        found: Floats = np.load(path, mmap_mode="r")
        return found


def digest(model: Any, images: Array) -> str:
    """Hex digest of a Keras model's configuration and weights and of the images it is shown.

    Layers that augment change nothing in inference, and are left out.
    """
    found = hashlib.blake2b(digest_size=16)
    found.update(type(model).__name__.encode())
    for layer in (each for each in model.layers if each.name not in augment.NAMES):
        found.update(f"{type(layer).__name__} {layer.name}".encode())
    for array in (*model.get_weights(), images):
        found.update(f"{array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def features(
    model: Any, images: Array, cache: FeatureCache, told: Callable[[int, int], None]
) -> Floats:
    """What a classifier says of images up to its layer `pool`, (N, S, S, 3) -> (N, C).

    `told(images, total)` is called before the first batch and after each.
    """
    stem = stem_of(model)

    def compute() -> Floats:
        told(0, len(images))
        found = []
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            found.append(np.asarray(stem.predict_on_batch(batch)))
            told(start + len(batch), len(images))
        return np.concatenate(found)

    return cache.get(digest(stem, images), compute)


def stem_of(model: Any) -> Any:
    """A classifier of `fit.build` up to its layer `pool`, (N, S, S, 3) -> (N, C)."""
    return keras.Model(model.input, model.get_layer("pool").output)


class Head:
    """The layers after `pool`, compiled as a model of features, with weights of one classifier.

    Attributes:
        model: takes features (N, C); its layers are copies of the first classifier's.
    """

    def __init__(self, classifier: Any, compiled: Callable[[Any], None]) -> None:
        with left_as_it_was():  # the copies draw weights, which are not used
            copies = [type(one).from_config(one.get_config()) for one in _after_pool(classifier)]
        shape = classifier.get_layer("pool").output.shape[1:]
        self.model = keras.Sequential([keras.Input(shape), *copies])
        compiled(self.model)
        self._optimizer = [_copied(each) for each in self.model.optimizer.variables]

    def take(self, classifier: Any) -> None:
        """Begin with the weights of a classifier, as if newly compiled."""
        for own, one in zip(self.model.layers, _after_pool(classifier), strict=True):
            own.set_weights(one.get_weights())
        for variable, value in zip(self.model.optimizer.variables, self._optimizer, strict=True):
            variable.assign(value)

    def give(self, classifier: Any) -> None:
        """Let a classifier have the weights."""
        for own, one in zip(self.model.layers, _after_pool(classifier), strict=True):
            one.set_weights(own.get_weights())


def head(
    classifier: Any, key: Hashable, cache: FeatureCache, compiled: Callable[[Any], None]
) -> Head:
    """The `Head` of classifiers of one `key`, with the weights of this one.

    `compiled` compiles the model of the first one; the key says all that this depends on.
    """
    if key not in cache.heads:
        cache.heads[key] = Head(classifier, compiled)
    found = cache.heads[key]
    found.take(classifier)
    return found


def _after_pool(classifier: Any) -> list[Any]:
    """The layers of a classifier after `pool`."""
    names = [layer.name for layer in classifier.layers]
    return list(classifier.layers[names.index("pool") + 1 :])


def _copied(variable: Any) -> Array:
    return np.array(keras.ops.convert_to_numpy(variable))
