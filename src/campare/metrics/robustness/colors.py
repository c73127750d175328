"""Changes of color that a good map should ignore: brightness, contrast, hue, noise, JPEG; and blur.

Each makes a `Transform` that moves nothing. Images are (N, H, W, C) with values 0..255, and are
clipped to that range.
"""

import io
from math import prod

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from campare.errors import DataError
from campare.metrics.robustness.transforms import Transform
from campare.models.arrays import grid_axes
from campare.types import Array, Floats

#: Largest pixel value.
WHITE = 255.0

_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
)  # Rec. 601


def brightness(share: float) -> Transform:
    """Add `share` of the value range.

    Example:
        >>> brightness(0.5).images(np.zeros((1, 1, 1, 3)), np.random.default_rng(0))[0, 0, 0, 0]
        np.float32(127.5)
    """

    def change(images: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG001
        return _clipped(images + share * WHITE)

    return Transform("brightness", share, change=change)


def contrast(share: float) -> Transform:
    """Take `share` of the contrast away: pixels move towards the mean of their channel.

    Example:
        >>> row = np.array([0.0, 100.0]).reshape(1, 1, 2, 1)
        >>> contrast(0.5).images(row, np.random.default_rng(0)).ravel().tolist()
        [25.0, 75.0]
    """

    def change(images: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG001
        mean = images.mean(axis=grid_axes(images), keepdims=True)
        return _clipped(mean + (1 - share) * (images - mean))

    return Transform("contrast", share, change=change)


def hue(degrees: float) -> Transform:
    """Turn the colors by an angle in the plane of chrominance (YIQ); luma stays, up to clipping.

    Raises DataError for images that are not RGB.

    Example:
        >>> gray = np.full((1, 1, 1, 3), 100.0)
        >>> hue(90).images(gray, np.random.default_rng(0)).round(3).ravel().tolist()
        [100.0, 100.0, 100.0]
    """
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    matrix = (np.linalg.inv(_YIQ) @ turn @ _YIQ).astype(np.float32)

    def change(images: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG001
        return _clipped(_rgb(images) @ matrix.T)

    return Transform("hue", degrees, change=change)


def noise(share: float) -> Transform:
    """Add Gaussian noise with a standard deviation of `share` of the value range.

    Example:
        >>> noise(0.1).images(np.zeros((1, 2, 2, 3)), np.random.default_rng(0)).min() >= 0
        np.True_
    """

    def change(images: Floats, rng: np.random.Generator) -> Floats:
        drawn = rng.standard_normal(images.shape, np.float32)
        return _clipped(images + np.float32(share * WHITE) * drawn)

    return Transform("noise", share, change=change)


def jpeg(loss: float) -> Transform:
    """Store as JPEG of quality 100 - loss, and read it again.

    Raises DataError for images that are not RGB.

    Example:
        >>> jpeg(50).images(np.full((1, 8, 8, 3), 60.0), np.random.default_rng(0)).max()
        np.float32(60.0)
    """

    def change(images: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG001
        stored = np.rint(_clipped(_rgb(images))).astype(np.uint8)
        return np.stack([_stored(image, 100 - int(loss)) for image in stored])

    return Transform("jpeg", loss, change=change)


def blur(images: Array, sigma: float | tuple[float, ...]) -> Floats:
    """Gaussian blur of images (N, H, W, C), `sigma` in pixels: one matrix along each axis.

    Several numbers are those of each axis of the grid, which may be of any rank. At the border the
    weights that remain are divided by their sum.

    Example:
        >>> blur(np.ones((1, 4, 4, 1)), 2.0).round(6).min()
        np.float32(1.0)
    """
    images = np.asarray(images, np.float32)
    shape = images.shape
    sigmas = sigma if isinstance(sigma, tuple) else (sigma,) * (images.ndim - 2)
    for axis, width in zip(grid_axes(images), sigmas, strict=True):
        along = images.reshape(*shape[: axis + 1], prod(shape[axis + 1 :]))
        images = (_gaussian(shape[axis], width) @ along).reshape(shape)
    return np.asarray(images, np.float32)


def _gaussian(n: int, sigma: float) -> Floats:
    """(n, n): the weights of n pixels in each of n blurred ones."""
    pixel = np.arange(n)
    weights = np.exp(-0.5 * ((pixel[:, None] - pixel) / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _clipped(images: Array) -> Floats:
    return np.clip(images, 0, WHITE).astype(np.float32, copy=False)


def _rgb(images: Floats) -> Floats:
    if images.shape[-1] != 3:
        raise DataError(
            f"Expected RGB images (N, H, W, 3), got shape {images.shape}. "
            "Try another transformation than hue or JPEG."
        )
    return images


def _stored(image: NDArray[np.uint8], quality: int) -> Floats:
    """One image (H, W, 3) after a JPEG of a quality from 1 to 95."""
    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "JPEG", quality=quality)
    with Image.open(memory) as read:
        return np.asarray(read, np.float32)
