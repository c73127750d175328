"""Changed views of training images, as a frozen backbone sees them: drawn once for all seeds.

    round r -> each image, changed at random -> pooled features (N, C), kept in a file

In epoch e a head learns from round e, where `Recipe.shares_views` says so. Trainings with other
seeds, and recipes with the same backbone and augmentation, take the same rounds. They share what
chance did to the images, and nothing else: weights, batches and what is held out are each one's
own.
"""

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from typing import Any

import keras
import numpy as np

from campare.training import augment
from campare.training.cache import BATCH, FeatureCache, digest, stem_of
from campare.training.recipe import Augment
from campare.types import Array, Floats, Ints


class Views:
    """The rounds of a classifier's training images, each computed when it is asked for.

    `model` is a classifier of `fit.build`, `images` are (N, S, S, 3) of pixels 0..255;
    `told(images, N)` is called while a round is computed.
    """

    def __init__(
        self,
        model: Any,
        changes: Augment,
        images: Array,
        cache: FeatureCache,
        told: Callable[[int, int], None],
    ) -> None:
        self.model, self.changes, self.images = model, changes, images
        self.cache, self.told = cache, told

    def round(self, number: int) -> Floats:
        """Features (N, C) of the images as this round changes them: each time the same."""
        return self.cache.get(f"{self._key}-{number}", lambda: self._computed(number))

    @cached_property
    def _key(self) -> str:
        network = stem_of(self.model)
        return f"{digest(network, self.images)}-{sha256(repr(self.changes).encode()).hexdigest()}"

    @cached_property
    def _stem(self) -> "_Stem":
        return _Stem(self.model, self.changes)

    def _computed(self, number: int) -> Floats:
        rng = np.random.default_rng(number)
        self._stem.draw_from(rng)
        order = rng.permutation(len(self.images))  # some changes are the same for a batch
        return self._stem.features(self.images, order, self.told)


class _Stem:
    """A classifier up to its layer `pool`, which changes its images although nothing is trained."""

    def __init__(self, model: Any, changes: Augment) -> None:
        pixels = keras.Input(model.input_shape[1:])
        changed = _Changed(augment.layers(changes, seed=0))
        self.model = keras.Model(pixels, stem_of(model)(changed(pixels)))
        self._states = [v for v in changed.variables if v.path.endswith("seed_generator_state")]

    def draw_from(self, rng: np.random.Generator) -> None:
        """Begin anew with what is drawn at random."""
        for state in self._states:
            state.assign(rng.integers(2**32, size=state.shape, dtype=np.uint32))

    def features(self, images: Array, order: Ints, told: Callable[[int, int], None]) -> Floats:
        """Pooled features (N, C) of images, which are changed in batches of this order."""
        told(0, len(images))
        found = np.empty((len(images), self.model.output_shape[-1]), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found[rows] = self.model.predict_on_batch(images[rows])
            told(start + len(rows), len(images))
        return found


class _Changed(keras.layers.Layer):  # type: ignore[misc]
    """Layers that augment, at work in inference, too."""

    def __init__(self, layers: list[Any]) -> None:
        super().__init__(name="changed")
        self.layers = layers

    def call(self, images: Any) -> Any:
        """Images (N, S, S, 3), each changed."""
        for layer in self.layers:
            images = layer(images, training=True)
        return images
