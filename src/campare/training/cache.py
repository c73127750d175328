"""A store of pooled features: what a frozen backbone says of the same images is computed once.

Keys are digests of the weights, the preprocessing and the pixels, so that nothing stale is found.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from campare.types import Array, Floats


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
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, features)
        part.replace(path)  # so that another process never reads half a file
        return features


def digest(model: Any, images: Array) -> str:
    """Hex digest of a Keras model's configuration and weights and of the images it is shown."""
    found = hashlib.blake2b(digest_size=16)
    found.update(type(model).__name__.encode())
    for layer in model.layers:
        found.update(f"{type(layer).__name__} {layer.name}".encode())
    for array in (*model.get_weights(), images):
        found.update(f"{array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array))
    return found.hexdigest()
