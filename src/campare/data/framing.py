"""How a picture of any shape becomes one of the size that a model takes, and back.

    picture (H, W) -> resized -> a window of it, which the model sees: (height, width)

An image, its masks and its boxes are framed alike. `rectangle` says which part of the picture the
window is, so that a map comes back to where it belongs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from PIL import Image

from campare.data.decode import Bytes, Picture, alone, resize_mask, resized
from campare.data.stored import release
from campare.errors import DataError
from campare.types import Array, Bools

Fit = Literal["stretch", "center-crop", "pad"]

#: Ways to compute a pixel between others, all antialiased but 'nearest', as Pillow has them.
INTERPOLATIONS: Mapping[str, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}

#: Sides are divided by shares such as 224/232: what rounding leaves does not count.
_ROUNDING = 1e-6


class Placed(NamedTuple):
    """A picture resized, and the window on it; an offset below 0 is outside the picture."""

    height: int
    width: int
    top: int
    left: int


class Rectangle(NamedTuple):
    """The part of a picture that a model sees, in shares of its height and width.

    It reaches beyond 0..1 where the model sees more than the picture.
    """

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True)
class Framing:
    """How pictures are resized and cropped.

    Attributes:
        fit: 'stretch' changes the shape of the picture; 'center-crop' keeps it and cuts off what
            is too long; 'pad' keeps it and adds a border.
        crop_pct: the share of each side of the resized picture that the model sees; 0.875 is a
            crop of 224 from 256.
        interpolation: a name of INTERPOLATIONS.
        fill: the color of a border.
        half_down: whether a crop half a pixel off the middle lies above it, as transformers has
            it; torchvision rounds it to the even number.

    Raises:
        DataError: a value that is none of these.

    Example:
        >>> Framing("center-crop", 0.875).placed((300, 400), (224, 224))
        Placed(height=256, width=341, top=16, left=58)
    """

    fit: Fit = "stretch"
    crop_pct: float = 1.0
    interpolation: str = "bilinear"
    fill: tuple[int, int, int] = (0, 0, 0)
    half_down: bool = False

    def __post_init__(self) -> None:
        if self.fit not in get_args(Fit):
            raise DataError(
                f"Expected fit {', '.join(get_args(Fit))}, got {self.fit!r}. Try: center-crop"
            )
        if self.interpolation not in INTERPOLATIONS:
            raise DataError(
                f"Expected interpolation {', '.join(INTERPOLATIONS)}, got {self.interpolation!r}. "
                "Try: bicubic"
            )
        if not 0 < self.crop_pct <= 1:
            raise DataError(
                f"Expected crop_pct above 0 and at most 1, got {self.crop_pct}. Try: 0.875"
            )

    def placed(self, shape: tuple[int, int], size: tuple[int, int]) -> Placed:
        """Where the window of (height, width) lies on a picture of (H, W), once it is resized."""
        full = tuple(math.floor(side / self.crop_pct + _ROUNDING) for side in size)
        height, width = self._resized(shape, (full[0], full[1]))
        return Placed(height, width, self._offset(height, size[0]), self._offset(width, size[1]))

    def rectangle(self, shape: tuple[int, int], size: tuple[int, int]) -> Rectangle:
        """The part of a picture of (H, W) that a model of (height, width) sees.

        Example:
            >>> Framing("center-crop").rectangle((200, 400), (100, 100))
            Rectangle(top=0.0, left=0.25, bottom=1.0, right=0.75)
        """
        height, width, top, left = self.placed(shape, size)
        return Rectangle(
            top / height, left / width, (top + size[0]) / height, (left + size[1]) / width
        )

    def image(self, image: Bytes, size: tuple[int, int]) -> Bytes:
        """The window on an image (H, W, 3) uint8 -> (height, width, 3) uint8."""
        height, width, top, left = self.placed(_sides(image), size)
        if (height, width) == _sides(image):
            whole = image
        else:
            how = INTERPOLATIONS[self.interpolation]
            with alone(*_sides(image)):
                whole = resized(image, (height, width), how)
            release(image)
        return _window(whole, top, left, size, self.fill)

    def mask(self, mask: Bools, size: tuple[int, int]) -> Bools:
        """The window on a mask (H, W) -> (height, width): empty where the object lies outside."""
        height, width, top, left = self.placed(_sides(mask), size)
        return _window(resize_mask(mask, (height, width)), top, left, size, False)

    def picture(self, picture: Picture, size: tuple[int, int]) -> Picture:
        """The window on a picture and its masks.

        Example:
            >>> picture = Picture(np.zeros((4, 8, 3), np.uint8), {"object": np.eye(4, 8) > 0})
            >>> Framing("center-crop").picture(picture, (4, 4)).regions["object"].sum()
            np.int64(2)
        """
        regions = {name: self.mask(mask, size) for name, mask in picture.regions.items()}
        return Picture(self.image(picture.image, size), regions)

    @property
    def whole(self) -> bool:
        """Whether the model sees the whole picture and nothing else, whatever its shape."""
        return self.fit == "stretch" and self.crop_pct == 1

    @property
    def words(self) -> str:
        """In words, for report and manifest: 'center crop of 0.875, bicubic'."""
        kind = {"stretch": "stretched", "center-crop": "center crop", "pad": "padded"}[self.fit]
        if self.crop_pct < 1:
            kind += f" of {self.crop_pct:.4g}" if self.fit == "center-crop" else ""
            kind += f", center {self.crop_pct:.4g}" if self.fit != "center-crop" else ""
        return f"{kind}, {self.interpolation}"

    def _resized(self, shape: tuple[int, int], full: tuple[int, int]) -> tuple[int, int]:
        """The sides of a picture of (H, W) whose window before the crop is `full`."""
        if self.fit == "stretch":
            return full
        ratios = shape[0] / full[0], shape[1] / full[1]
        if self.fit == "pad":
            return _divided(shape, max(ratios))
        if full[0] != full[1]:
            return _divided(shape, min(ratios))
        short, long = min(shape), max(shape)
        longer = int(full[0] * long / short)  # cut, as torchvision and transformers do
        return (full[0], longer) if shape[0] <= shape[1] else (longer, full[0])

    def _offset(self, side: int, window: int) -> int:
        if window > side:
            return -((window - side) // 2)
        return (side - window) // 2 if self.half_down else round((side - window) / 2)


#: Pictures as they always were: stretched to the model's size.
STRETCH = Framing()


def _sides(array: Array) -> tuple[int, int]:
    return array.shape[0], array.shape[1]


def _divided(shape: tuple[int, int], ratio: float) -> tuple[int, int]:
    return round(shape[0] / ratio), round(shape[1] / ratio)


def _window(array: Array, top: int, left: int, size: tuple[int, int], fill: object) -> Array:
    """A window of an array, filled where it is outside; the array itself where it is all of it."""
    if (top, left) == (0, 0) and _sides(array) == size:
        return array
    window = np.empty((*size, *array.shape[2:]), array.dtype)
    window[:] = fill
    inside = array[max(top, 0) : top + size[0], max(left, 0) : left + size[1]]
    y, x = max(-top, 0), max(-left, 0)
    window[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return window
