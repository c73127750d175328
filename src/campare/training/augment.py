"""An `Augment` as Keras layers: random in training, inert outside it.

What changes one image lives in the model (`layers`); what mixes two and their labels is done to the
batches before the model (`mixer`).
"""

from typing import Any

import keras

from campare.training.recipe import Augment

#: The names of `layers`, whichever there are.
NAMES = (
    *("flip", "rotation", "zoom", "translation", "contrast", "brightness", "randaugment"),
    *("erasing", "blur", "noise"),
)


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
    if augment.randaugment:
        found.append(
            K.RandAugment(pixels, factor=augment.randaugment, seed=seed + 6, name="randaugment")
        )
    if augment.erasing:
        always = (augment.erasing, augment.erasing)  # one number: a probability drawn up to it
        found.append(K.RandomErasing(always, value_range=pixels, seed=seed + 7, name="erasing"))
    if augment.blur:
        always = (augment.blur, augment.blur)
        found.append(
            K.RandomGaussianBlur(
                always, kernel_size=5, sigma=1.0, value_range=pixels, seed=seed + 8, name="blur"
            )
        )
    if augment.noise:
        found.append(_noise(augment.noise, seed + 9))
    return found


def mixer(augment: Augment, *, seed: int) -> Any | None:
    """A Keras layer that mixes {"images": (N, S, S, 3), "labels": (N, K)}; None: none is wanted.

    Example:
        >>> mixer(Augment(mixup=0.2), seed=0).alpha, mixer(Augment(zoom=0.1), seed=0)
        (0.2, None)
    """
    if augment.mixup:
        return keras.layers.MixUp(augment.mixup, seed=seed + 10)
    if augment.cutmix:
        return keras.layers.CutMix(augment.cutmix, seed=seed + 11)
    return None


def _noise(share: float, seed: int) -> Any:
    """Gaussian noise of a share of 0..255; Keras' layer takes a standard deviation up to 1."""
    pixels = keras.Input((None, None, 3))
    noise = keras.layers.GaussianNoise(share, seed=seed)(keras.ops.zeros_like(pixels))
    noisy = keras.ops.clip(pixels + 255 * noise, 0, 255)
    return keras.Model(pixels, noisy, name="noise")
