"""Pixels as a model takes them: images (N, H, W, 3) of 0..255 in its range and its channels.

Models that campare trained rescale by themselves. Of others their authors say what they take, and
nothing in the model tells: a wrong range leaves the predictions near chance.
"""

from collections.abc import Callable, Mapping

import numpy as np

from campare.errors import DataError
from campare.types import Array, Floats

#: Ranges by name: (factor, offset) of pixels 0..255.
RANGES: Mapping[str, tuple[float, float]] = {
    "0..255": (1, 0),
    "0..1": (1 / 255, 0),
    "-1..1": (1 / 127.5, -1),
}

#: The name of a range, or a function of images (N, H, W, 3) float32 -> what the model takes.
Pixels = str | Callable[[Floats], Array]


def in_range(images: Array, pixels: Pixels) -> Floats:
    """Images of 0..255 in a range of `RANGES`, or as a function makes them; the input is copied.

    Raises DataError for a range that has no name.

    Example:
        >>> in_range(np.array([[[[0, 255, 51]]]]), "-1..1").round(2).tolist()
        [[[[-1.0, 1.0, -0.6000000238418579]]]]
    """
    images = np.array(images, np.float32)
    if callable(pixels):
        return np.asarray(pixels(images), np.float32)
    if pixels not in RANGES:
        raise DataError(
            f"Expected a range of pixels, got {pixels!r}. "
            f"Try: {', '.join(RANGES)}, or a function of images (N, H, W, 3)"
        )
    factor, offset = RANGES[pixels]
    if (factor, offset) == (1, 0):
        return images
    images *= np.float32(factor)
    images += np.float32(offset)
    return images


def in_channels(images: Array, channels: int | None) -> Array:
    """RGB as it is, or its luminance (Rec. 601) for a model of one channel.

    Shapes: (N, H, W, 3) -> (N, H, W, C).

    Example:
        >>> in_channels(np.ones((1, 2, 2, 3)), 1).shape
        (1, 2, 2, 1)
    """
    if channels != 1:
        return images
    return np.asarray(images @ np.array([0.299, 0.587, 0.114]))[..., None]
