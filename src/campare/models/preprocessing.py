"""What is done to a picture before a model sees it: framed to its size, then in its range.

    picture (H, W, 3) uint8 -> framed (height, width, 3) uint8 -> float32 in the model's convention

A model's source may say it (`described`), a user may say it, or part of it; else pictures are
stretched, and their pixels stay 0..255.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from campare.data.framing import STRETCH, Framing
from campare.data.pixels import Normalization, Pixels, in_channels, in_range, named
from campare.errors import DataError
from campare.types import Array, Floats

_FRAMING = ("fit", "crop_pct", "interpolation", "fill")
_NUMBERS = ("mean", "std", "scale", "order")

#: What a mapping may say of preprocessing.
KEYS = ("range", *_NUMBERS, "size", *_FRAMING)


@dataclass(frozen=True)
class Preprocessing:
    """How pictures become what a model takes.

    Attributes:
        pixels: a range or convention by name, a Normalization, or a function.
        framing: how a picture is resized and cropped.
        size: (height, width) that the model was trained on; None: not known.
        source: who says so, in words; nothing where it is the default.

    Example:
        >>> tiny = Preprocessing("-1..1", size=(2, 2))
        >>> tiny([np.full((4, 6, 3), 255, np.uint8)]).shape
        (1, 2, 2, 3)
    """

    pixels: Pixels = "0..255"
    framing: Framing = STRETCH
    size: tuple[int, int] | None = None
    source: str = ""

    def __call__(
        self, pictures: Sequence[Array], size: int | tuple[int, int] | None = None
    ) -> Floats:
        """Pictures of any size, (H, W, 3) uint8, as the model takes them.

        Shapes: N of (H, W, 3) -> (N, height, width, 3) float32.

        Raises:
            DataError: the size is not known and not given.
        """
        return self.numbers(self.framed(pictures, size))

    def framed(self, pictures: Sequence[Array], size: int | tuple[int, int] | None = None) -> Array:
        """Pictures (H, W, 3) uint8 as the model sees them, before their pixels change.

        Shapes: N of (H, W, 3) -> (N, height, width, 3) uint8.

        Raises:
            DataError: the size is not known and not given.
        """
        wanted = (size, size) if isinstance(size, int) else size or self.size
        if wanted is None:
            raise DataError("Expected a size for the pictures, got none. Try: size=224")
        return np.stack([self.framing.image(np.asarray(each), wanted) for each in pictures])

    def numbers(self, images: Array, channels: int | None = 3) -> Floats:
        """Framed images of 0..255 in the model's convention; one channel is their luminance.

        Shapes: (N, H, W, 3) -> (N, H, W, C) float32.
        """
        if callable(self.pixels) and not isinstance(self.pixels, Normalization):
            return in_range(images, self.pixels)
        return in_range(in_channels(images, channels), self.pixels)

    def but(self, given: Any) -> "Preprocessing":
        """This preprocessing, but for what is given: see `preprocessing`."""
        if isinstance(given, Preprocessing):
            return given
        if isinstance(given, Mapping):
            return self._but(given)
        if isinstance(given, Framing):
            return replace(self, framing=given, source="given")
        if isinstance(given, str):
            return replace(self, pixels=named(given), source="given")
        if callable(given):
            return replace(self, pixels=given, source="given")
        raise DataError(
            f"Expected pixels as a name, mean and std, or a function, got {given!r}. "
            "Try: pixels='imagenet'"
        )

    def _but(self, given: Mapping[str, Any]) -> "Preprocessing":
        unknown = [str(key) for key in given if key not in KEYS]
        if unknown or not given:
            got = unknown[0] if unknown else "nothing"
            raise DataError(
                f"Expected {', '.join(KEYS)} of pixels, got {got!r}. "
                "Try: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], crop_pct: 0.875}"
            )
        try:
            return self._read(given)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"Expected numbers in pixels, got {dict(given)!r}. "
                "Try: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], size: 224}"
            ) from error

    def _read(self, given: Mapping[str, Any]) -> "Preprocessing":
        pixels: Pixels = named(given["range"]) if "range" in given else self.pixels
        numbers = {key: given[key] for key in _NUMBERS if key in given}
        for key in ("mean", "std"):
            if key in numbers:
                numbers[key] = _numbers(numbers[key])
        if "scale" in numbers:
            numbers["scale"] = float(numbers["scale"])
        if numbers:
            if "range" in given:
                raise DataError(
                    f"Expected a range of pixels or {', '.join(_NUMBERS)}, got range and "
                    f"{', '.join(numbers)}. Try: range: {given['range']} alone"
                )
            pixels = Normalization(**numbers)
        frame = {key: given[key] for key in _FRAMING if key in given}
        if "crop_pct" in frame:
            frame["crop_pct"] = float(frame["crop_pct"])
            frame.setdefault("fit", "center-crop")
        if "fill" in frame:
            red, green, blue = map(int, frame["fill"])
            frame["fill"] = (red, green, blue)
        return Preprocessing(
            pixels,
            replace(self.framing, **frame),
            _size(given["size"]) if "size" in given else self.size,
            "given",
        )

    @property
    def words(self) -> str:
        """The pixels in words: a name, mean and standard deviation, or the function's name."""
        if isinstance(self.pixels, str):
            return self.pixels
        if isinstance(self.pixels, Normalization):
            return self.pixels.words
        return str(getattr(self.pixels, "__name__", self.pixels))

    @property
    def known(self) -> bool:
        """Whether another process can tell it by its words: not of a function."""
        return isinstance(self.pixels, str | Normalization)

    @property
    def facts(self) -> dict[str, str]:
        """What the manifest says beyond the pixels; nothing of pictures that are stretched."""
        facts = {} if self.framing == STRETCH else {"framing": self.framing.words}
        return facts | ({"preprocessing": self.source} if self.source not in ("", "given") else {})


def preprocessing(given: Any, found: Preprocessing | None = None) -> Preprocessing:
    """What is given, over what a model's source says, over the default.

    Args:
        given: None, a name (`imagenet`), a function, a Normalization, a Framing, a Preprocessing,
            or a mapping of some of range, mean, std, scale, order, size, fit, crop_pct,
            interpolation and fill. Numbers replace numbers, and a framing the framing alone.
        found: by a loader.

    Raises:
        DataError: it is none of these, or holds a value that does not fit.

    Example:
        >>> found = Preprocessing("imagenet", Framing("center-crop", 0.875), (224, 224), "timm")
        >>> preprocessing({"crop_pct": 1.0}, found).framing.crop_pct
        1.0
        >>> preprocessing("caffe", found).framing.crop_pct
        0.875
    """
    base = found or Preprocessing()
    return base if given is None else base.but(given)


def _numbers(values: Any) -> tuple[float, ...]:
    if isinstance(values, int | float):
        return (float(values),)
    return tuple(map(float, values))


def _size(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    height, width = map(int, value)
    return height, width
