"""An `Augment` as Keras layers that live in the model: random in training, inert outside it."""

from typing import Any

import keras

from campare.training.recipe import Augment


def layers(augment: Augment, *, seed: int) -> list[Any]:
    """Built-in, seeded Keras layers for pixels 0..255, (N, S, S, 3) -> (N, S, S, 3).

    Example:
        >>> [layer.name for layer in layers(Augment(flip="horizontal", zoom=0.1), seed=0)]
        ['flip', 'zoom']
    """
    K = keras.layers
    pixels = (0, 255)
    found = []
    if augment.flip != "none":
        found.append(K.RandomFlip(augment.flip, seed=seed, name="flip"))
    if augment.rotation:
        found.append(K.RandomRotation(augment.rotation, seed=seed + 1, name="rotation"))
    if augment.zoom:
        found.append(K.RandomZoom(augment.zoom, seed=seed + 2, name="zoom"))
    if augment.translation:
        shift = augment.translation
        found.append(K.RandomTranslation(shift, shift, seed=seed + 3, name="translation"))
    if augment.contrast:
        found.append(
            K.RandomContrast(augment.contrast, value_range=pixels, seed=seed + 4, name="contrast")
        )
    if augment.brightness:
        found.append(
            K.RandomBrightness(
                augment.brightness, value_range=pixels, seed=seed + 5, name="brightness"
            )
        )
    return found
