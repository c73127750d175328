"""Pixels as a model takes them: images (N, H, W, 3) of 0..255 in its range and its channels.

Models that campare trained rescale by themselves. Of others their authors say what they take, and
often nothing in the model tells: a wrong convention leaves the predictions near chance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from campare.errors import DataError
from campare.types import Array, Floats

#: Ranges by name: (factor, offset) of pixels 0..255.
RANGES: Mapping[str, tuple[float, float]] = {
    "0..255": (1, 0),
    "0..1": (1 / 255, 0),
    "-1..1": (1 / 127.5, -1),
}


@dataclass(frozen=True)
class Normalization:
    """(x * scale - mean) / std of each channel, x in 0..255.

    Attributes:
        mean: one for each channel, or one for all.
        std: standard deviation, likewise.
        scale: comes first: 1/255, or 1 where means are of 0..255.
        order: of the channels, 'rgb' or 'bgr'.

    Raises:
        DataError: a standard deviation that is not above 0, or a mean of another scale.

    Example:
        >>> Normalization((0.5,), (0.5,))(np.full((1, 1, 1, 3), 255.0)).ravel().tolist()
        [1.0, 1.0, 1.0]
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1 / 255
    order: Literal["rgb", "bgr"] = "rgb"

    def __post_init__(self) -> None:
        if not self.std or min(self.std) <= 0:
            raise DataError(f"Expected std above 0, got {_list(self.std)}. Try: {_list(STD)}")
        if not self.mean or (self.scale < 1 and max(self.mean) > 1):
            raise DataError(
                f"Expected mean in 0..1, as pixels are divided by 255 first, got "
                f"{_list(self.mean)}. Try: scale: 1 beside it"
            )
        if self.order not in ("rgb", "bgr"):
            raise DataError(f"Expected order rgb or bgr, got {self.order!r}. Try: rgb")

    def __call__(self, images: Array) -> Floats:
        """Images (N, H, W, C) of 0..255 -> float32 (N, H, W, C)."""
        channels = images.shape[-1]
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels):
                raise DataError(
                    f"Expected {name} of {channels} channel{'s' * (channels > 1)}, as the model "
                    f"takes them, got {len(values)}. Try: {name}: [{values[0]:g}]"
                )
        images = np.array(images, np.float32)
        if self.order == "bgr":
            images = images[..., ::-1].copy()
        images *= np.float32(self.scale)
        images -= np.asarray(self.mean, np.float32)
        images /= np.asarray(self.std, np.float32)
        return images

    @property
    def words(self) -> str:
        """In words, for report and manifest: the name where it has one."""
        for name, known in CONVENTIONS.items():
            if self == known:
                return name
        scale = "" if self.scale == 1 / 255 else f", scale {self.scale:.4g}"
        order = ", BGR" if self.order == "bgr" else ""
        return f"mean {_list(self.mean)}, std {_list(self.std)}{scale}{order}"


#: Of ImageNet, as torchvision, timm and Keras' mode 'torch' have them.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

#: Conventions that are more than a range, by name.
CONVENTIONS: Mapping[str, Normalization] = {
    "imagenet": Normalization(MEAN, STD),
    "caffe": Normalization((103.939, 116.779, 123.68), scale=1, order="bgr"),
    "clip": Normalization(
        (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    ),
}

#: Other names of the same: the modes of `keras.applications.imagenet_utils.preprocess_input`.
ALIASES: Mapping[str, str] = {"torch": "imagenet", "tf": "-1..1"}

#: What is tried where a model answers as if by chance: the five that differ much.
KNOWN = (*RANGES, "imagenet", "caffe")

#: A name of RANGES, CONVENTIONS or ALIASES, a Normalization, or a function of images (N, H, W, 3)
#: float32 -> what the model takes.
Pixels = str | Callable[[Floats], Array]


def in_range(images: Array, pixels: Pixels) -> Floats:
    """Images of 0..255 in a range or convention, or as a function makes them; the input is copied.

    Raises DataError for what has no name.

    Example:
        >>> in_range(np.array([[[[0, 255, 51]]]]), "-1..1").round(2).tolist()
        [[[[-1.0, 1.0, -0.6000000238418579]]]]
        >>> in_range(np.array([[[[255, 0, 0]]]]), "caffe").round().tolist()
        [[[[-104.0, -117.0, 131.0]]]]
    """
    images = np.array(images, np.float32)
    if callable(pixels):
        return np.asarray(pixels(images), np.float32)
    name = named(pixels)
    if name in CONVENTIONS:
        return CONVENTIONS[name](images)
    factor, offset = RANGES[name]
    if (factor, offset) == (1, 0):
        return images
    images *= np.float32(factor)
    images += np.float32(offset)
    return images


def named(pixels: str) -> str:
    """The name of a range or convention, `imagenet` for `torch`.

    Raises DataError for what has no name.

    Example:
        >>> named("tf")
        '-1..1'
    """
    name = ALIASES.get(pixels, pixels)
    if name not in RANGES and name not in CONVENTIONS:
        raise DataError(
            f"Expected a range of pixels, got {pixels!r}. "
            f"Try: {', '.join((*RANGES, *CONVENTIONS, *ALIASES))}, mean and std, or a function of "
            "images (N, H, W, 3)"
        )
    return name


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


def _list(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.6g}' for value in values)}]"
