"""What a frozen backbone says of images, computed once for all cells that share it.

    images -> activations at the layer, kept -> the rest of the network from there

Cells of other seeds, of other augmentation, and networks before training have the same backbone:
their maps differ by the head alone. Activations lie in a file without a name, up to a limit.
"""

import hashlib
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from campare.data.stored import scratch
from campare.models.targets import is_logits
from campare.types import Array, Floats, Read, Score, Tap, Target

#: Bytes that are kept at most; what comes later is computed each time.
LIMIT = 2**31


class Kept:
    """Arrays of float32 by key, in a file that is gone with the process; elsewhere it is empty.

    Example:
        >>> kept = Kept()
        >>> kept.get("key", lambda: np.ones((2, 3), np.float32)).sum()
        np.float32(6.0)
        >>> kept.get("key", lambda: np.zeros((2, 3), np.float32)).sum()
        np.float32(6.0)
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._file: IO[bytes] | None = None
        self._where: dict[Any, tuple[int, tuple[int, ...]]] = {}
        self._end = 0

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process has a file of its own."""
        return type(self), (self.limit,)

    def get(self, key: Any, compute: Callable[[], Floats]) -> Floats:
        """What was kept under the key, or what `compute` gives."""
        if key in self._where:
            return self._read(*self._where[key])
        found = np.ascontiguousarray(compute(), np.float32)
        if self._end + found.nbytes <= self.limit:
            self._where[key] = self._write(found), found.shape
        return found

    def _read(self, start: int, shape: tuple[int, ...]) -> Floats:
        assert self._file is not None
        found = np.empty(shape, np.float32)
        self._file.seek(start)
        self._file.readinto(found.data.cast("B"))  # type: ignore[attr-defined]
        return found

    def _write(self, array: Floats) -> int:
        if self._file is None:
            self._file = scratch()
            weakref.finalize(self, self._file.close)
        start = self._end
        self._file.seek(start)
        self._file.write(array.data.cast("B"))
        self._end += array.nbytes
        return start


class Frozen:
    """A classifier with frozen layers: what they say of images that others were told is kept.

    It is a classifier itself, and all that does not go through `layer` is the classifier's.

    Attributes:
        classifier: of `campare.wrap`.
        layer: the path up to which its weights are those of others.
        stem: tells the layers up to there from others with other weights.
        kept: activations by stem and images.
    """

    def __init__(self, classifier: Any, layer: str, stem: str, kept: Kept) -> None:
        self.classifier, self.path, self.stem, self.kept = classifier, layer, stem, kept
        self._redrawn = False

    def __getattr__(self, name: str) -> Any:
        if name == "classifier":  # not yet there, as in a copy
            raise AttributeError(name)
        return getattr(self.classifier, name)

    def predict(self, images: Any) -> Floats:
        """Logits (N, K) of images (N, H, W, C)."""
        if self._redrawn or not len(images):
            return np.asarray(self.classifier.predict(images))
        logits = self.start(images, 0, read=_logits, layer=self.path, gradients=False)()[0]
        return np.asarray(logits, np.float32)

    def start(
        self,
        images: Any,
        target: Target = None,
        *,
        read: Read,
        layer: Any = None,
        curvature: bool = False,
        gradients: bool = True,
        score: Score | None = None,
        **changes: Any,
    ) -> Callable[[], tuple[Array, ...]]:
        """Tap and `read`, from the activations that are kept."""
        known = not (changes or self._redrawn or callable(target)) and len(images)
        more: dict[str, Any] = {"curvature": curvature, "gradients": gradients, "score": score}
        if not known or self.classifier.layer(layer, images.shape[1:]).path != self.path:
            return self._started(images, target, read=read, layer=layer, **more, **changes)
        images = np.asarray(images, np.float32)
        given = self.kept.get((self.stem, _digest(images)), lambda: self._activations(images))
        blank = np.zeros((1, *images.shape[1:]), np.float32)
        rest: dict[str, Any] = {"scale": _ZERO, "eps": given, "repeat": len(images)}
        return self._started(blank, target, read=read, layer=self.path, **more, **rest)

    @contextmanager
    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> Iterator[None]:
        """Within the block the weights of `layers` are drawn anew, and nothing is kept."""
        self._redrawn = True
        try:
            with self.classifier.randomized(layers, rng):
                yield
        finally:
            self._redrawn = False

    def _activations(self, images: Floats) -> Floats:
        fetch = self._started(images, 0, read=_features, layer=self.path, gradients=False)
        return np.asarray(fetch()[0], np.float32)

    def _started(self, images: Any, target: Target, **how: Any) -> Callable[[], tuple[Array, ...]]:
        started: Callable[[], tuple[Array, ...]] = self.classifier.start(images, target, **how)
        return started


_ZERO = np.zeros((1, 1, 1, 1), np.float32)


def stem_of(network: Any, *names: object) -> str:
    """What tells a Keras classifier's layers up to `pool`, of these names, from others: a digest.

    Layers that augment are none in evaluation; `names` say the architecture and preprocessing.
    """
    found = hashlib.blake2b(repr(names).encode(), digest_size=16)
    for layer in network.layers:
        if layer.name == "pool":
            break
        for array in layer.get_weights():
            found.update(f"{array.dtype} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _digest(images: Floats) -> str:
    found = hashlib.blake2b(repr(images.shape).encode(), digest_size=16)
    found.update(np.ascontiguousarray(images).data)
    return found.hexdigest()


def _features(tap: Tap) -> tuple[Any, ...]:
    return (tap.activations,)


def _logits(tap: Tap) -> tuple[Any, ...]:
    assert is_logits(tap.logits)
    return (tap.logits,)
