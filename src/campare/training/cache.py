"""Pooled features: what a frozen backbone says of the same images is computed once, and kept.

Keys are digests of the weights, the preprocessing and the pixels, so that nothing stale is found.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from campare.files import atomic
from campare.types import Array, Floats

BATCH = 32  # images the backbone sees at once


@dataclass(frozen=True)
class FeatureCache:
    """Pooled features by key, in memory and, where a folder is given, on disk for other processes.

    Example:
        >>> cache = FeatureCache()
        >>> cache.get("key", lambda: np.ones((2, 3), "float32")).shape
        (2, 3)
    """

    folder: Path | None = None
    memory: dict[str, Floats] = field(default_factory=dict, repr=False)

    def get(self, key: str, compute: Callable[[], Floats]) -> Floats:
        """The features (N, C) under `key`, computed only if they are new."""
        if key not in self.memory:
            self.memory[key] = self._stored(key, compute)
        return self.memory[key]

    def _stored(self, key: str, compute: Callable[[], Floats]) -> Floats:
        if self.folder is None:
            return compute()
        path = self.folder / f"{key}.npy"
        if path.exists():
            found: Floats = np.load(path)
            return found
        features = compute()
        with atomic(path) as part, part.open("wb") as file:  # another process reads no half file
            np.save(file, features)
        return features


def digest(model: Any, images: Array) -> str:
    """Hex digest of a Keras model's configuration and weights and of the images it is shown."""
    found = hashlib.blake2b(digest_size=16)
    found.update(type(model).__name__.encode())
    for layer in model.layers:
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
    stem = keras.Model(model.input, model.get_layer("pool").output)

    def compute() -> Floats:
        told(0, len(images))
        found = []
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            found.append(np.asarray(stem.predict_on_batch(batch)))
            told(start + len(batch), len(images))
        return np.concatenate(found)

    return cache.get(digest(stem, images), compute)


def head(model: Any) -> Any:
    """The layers after `pool` as a model of pooled features; it shares them with the classifier."""
    names = [layer.name for layer in model.layers]
    after = model.layers[names.index("pool") + 1 :]
    return keras.Sequential([keras.Input(model.get_layer("pool").output.shape[1:]), *after])
