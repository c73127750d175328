"""One image of what a program holds: its parts by name or place, as pixels, a class and a mask.

    an item: (image, label), {"image": ..., "label": ...} -> Entry -> pixels, mask, class

An image may be the bytes of a file, a path, a Pillow image, or an array or tensor. Files and Pillow
images are decoded as those of a folder are, so that the pixels are the same.
"""

import math
import numbers
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from campare.data.decode import Decoded, decode_image, decode_pillow, to_8_bit, upright
from campare.data.masks import UnclearMaskError, Value, mask_of, read_mask
from campare.errors import DataError
from campare.types import Array, Bools
from campare.untrusted import read_bytes

#: Where the parts of an item are: a key of a dict, or a place in a tuple.
Columns = Mapping[str, str | int]

#: The keys that mean a part by themselves, the first that is there.
KEYS: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "img", "jpg", "jpeg", "png"),
    "label": ("label", "labels", "cls", "class"),
    "mask": ("mask",),
    "group": ("group",),
    "name": ("name", "file_name", "__key__"),
}

_CHANNELS = (1, 3, 4)


class Entry(NamedTuple):
    """The parts of one item, as they came; None: it has none of the kind."""

    image: Any
    label: Any
    mask: Any = None
    group: str | None = None
    name: str | None = None


def columns_of(item: Any, given: Columns | None = None) -> dict[str, str | int]:
    """Where the parts of items are, by the first of them.

    Args:
        item: (image, label), or a dict.
        given: what is known; a part that is not in it has one of the names of `KEYS`.

    Raises:
        DataError: an item without an image or a label, a key that it has not, or a tuple whose
            third value nobody names.

    Example:
        >>> columns_of({"image": 0, "label": 1, "patient": 2}, {"group": "patient"})
        {'image': 'image', 'label': 'label', 'group': 'patient'}
        >>> columns_of((0, 1))
        {'image': 0, 'label': 1}
    """
    given = dict(given or {})
    unknown = [part for part in given if part not in KEYS]
    if unknown:
        raise DataError(
            f"Expected columns of {', '.join(KEYS)}, got {unknown[0]!r}. "
            "Try: columns={'label': 'class_id'}"
        )
    keys: list[str | int]
    found: dict[str, str | int | None]
    if isinstance(item, Mapping):
        keys = list(item)
        found = {part: next((n for n in names if n in item), None) for part, names in KEYS.items()}
    elif isinstance(item, tuple | list):
        keys = list(range(len(item)))
        found = {"image": 0, "label": 1} if len(item) > 1 else {}
    else:
        raise DataError(
            f"Expected items of an image and a label, got {type(item).__name__}. "
            "Try: a data set that gives (image, label), or {'image': ..., 'label': ...}"
        )
    columns = {part: key for part, key in {**found, **given}.items() if key is not None}
    for part, key in columns.items():
        if key not in keys:
            raise DataError(
                f"Expected a column {key!r} for the {part}, got {_listed(keys)}. "
                f"Try: columns={{{part!r}: {keys[-1]!r}}}"
            )
    for part in ("image", "label"):
        if part not in columns:
            raise DataError(
                f"Expected items of an image and a label, got {_listed(keys)}. "
                f"Try: columns={{{part!r}: NAME}} with one of them"
            )
    extra = [key for key in keys if key not in columns.values()]
    if extra and not isinstance(item, Mapping):
        raise DataError(
            f"Expected pairs of an image and a label, got {len(keys)} values. "
            f"Try: columns={{'mask': {extra[0]}}}, if that is a mask"
        )
    return columns


def entry_of(item: Any, columns: Columns) -> Entry:
    """The parts of an item.

    Raises:
        DataError: it lacks one.

    Example:
        >>> entry_of(("a.png", 2, 7), {"image": 0, "label": 1, "group": 2})
        Entry(image='a.png', label=2, mask=None, group='7', name=None)
    """
    try:
        parts = {part: item[key] for part, key in columns.items()}
    except (LookupError, TypeError) as error:
        raise DataError(
            f"Expected each item to have {', '.join(map(repr, columns.values()))}, got one "
            f"without: {error!r:.80}. Try the data set without it."
        ) from error
    named = parts.pop("name", None)
    if named is None and isinstance(parts["image"], Mapping):
        named = parts["image"].get("path")
    texts = {"group": _text(parts.pop("group", None)), "name": _text(named)}
    return Entry(**parts, **texts)


def class_of(label: Any) -> int | str | None:
    """The class that a label means: its number or name; None where there is none.

    Of several numbers, one is 1 and the others 0: the place of that one. -1 and NaN are none.

    Raises:
        DataError: several labels, or a number that is not whole.

    Example:
        >>> [class_of(label) for label in (2, "cat", b"dog", np.array([0.0, 1.0]), -1, None)]
        [2, 'cat', 'dog', 1, None, None]
    """
    if isinstance(label, str | bytes):
        return _text(label) or None
    if label is None:
        return None
    values = array_of(label)
    if values.size == 1:
        value = values.reshape(-1)[0]
        if isinstance(value, str | bytes):
            return class_of(value)
        number = float(value) if isinstance(value, numbers.Real | np.bool_) else -2.0
        if math.isnan(number) or number == -1:
            return None
        if number >= 0 and number.is_integer():
            return int(number)
    elif values.ndim == 1 and values.dtype.kind in "biuf" and _is_one_hot(values):
        return int(values.argmax())
    raise DataError(
        f"Expected one class for each image, a number, a name or one-hot, got {label!r:.60}. "
        "Try: columns={'label': NAME} with a column that says one"
    )


def _is_one_hot(values: Array) -> bool:
    return bool(values.sum() == 1 and ((values == 0) | (values == 1)).all())


def array_of(value: Any) -> Array:
    """An array of NumPy, torch or TensorFlow as NumPy's.

    Example:
        >>> array_of([[1, 2]]).shape
        (1, 2)
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def is_file(image: Any) -> bool:
    """Whether an image is a file's bytes or path, or Pillow's, and no array.

    Example:
        >>> is_file(b"..."), is_file(np.zeros((2, 2)))
        (True, False)
    """
    return isinstance(image, bytes | bytearray | str | Path | Mapping | Image.Image)


def white_of(images: Iterable[Any]) -> int:
    """What is white in arrays like these, the smallest of 1 (floats only), 255 and 65535.

    Raises:
        DataError: values below 0, above the largest, or not finite: pictures that were normalized.

    Example:
        >>> white_of([np.zeros((2, 2, 3)), np.ones((2, 2, 3))]), white_of([np.full((2, 2), 9)])
        (1, 255)
    """
    arrays = [array_of(image) for image in images if not is_file(image)]
    arrays = [each for each in arrays if each.size]
    if not arrays:
        return 255
    low, high = min(float(each.min()) for each in arrays), max(float(each.max()) for each in arrays)
    floats = any(each.dtype.kind == "f" for each in arrays)
    whites = (1, 255) if floats else (255, 65535)
    white = next((white for white in whites if high <= white), None)
    if white is None or not low >= 0:
        raise _out_of_range(low, high, "0..1 or 0..255" if floats else "0..255 or 0..65535")
    return white


def _out_of_range(low: float, high: float, expected: str) -> DataError:
    return DataError(
        f"Expected pixels of {expected}, got {low:.3g} to {high:.3g}. Try the data set without "
        "its normalization: each model's own is done to its images, see pixels="
    )


def pixels_of(image: Any, white: int) -> Decoded:
    """The pixels of an image of any kind as upright 8-bit RGB.

    Args:
        image: bytes or path of a file, {"bytes": ..., "path": ...}, a Pillow image, or an array
            (H, W), (H, W, C) or (C, H, W) of one, three or four channels; the last is alpha.
        white: what is white in an array, by :func:`white_of`.

    Returns:
        As :func:`campare.data.decode.decode_image`.

    Raises:
        DataError: an array of another shape, or beyond `white`.
        OSError, ValueError: a file that is no image; corrupt ones make Pillow raise nearly any.

    Example:
        >>> pixels_of(np.array([[0.0, 1.0]]), white=1).image.tolist()
        [[[0, 0, 0], [255, 255, 255]]]
    """
    if isinstance(image, Image.Image):
        return decode_pillow(image)
    if is_file(image):
        return decode_image(_content(image))
    values = _channels_last(array_of(image))
    eight = _to_8_bit(values, white)
    if eight.shape[-1] == 4:
        return decode_pillow(Image.fromarray(eight))
    return Decoded(np.ascontiguousarray(np.broadcast_to(eight, (*eight.shape[:2], 3))), 1)


def _content(image: Any) -> bytes:
    if isinstance(image, Mapping):
        image = image["path"] if image.get("bytes") is None else image["bytes"]
    if isinstance(image, bytes | bytearray):
        return bytes(image)
    return read_bytes(Path(image))


def _channels_last(values: Array) -> Array:
    """(H, W, C) of an array that is one image.

    Raises:
        DataError: it is none.
    """
    if values.ndim == 2:
        return values[..., None]
    if values.ndim == 3 and values.shape[-1] in _CHANNELS and values.dtype.kind in "biuf":
        return values
    if values.ndim == 3 and values.shape[0] in _CHANNELS and values.dtype.kind in "biuf":
        return np.moveaxis(values, 0, -1)
    raise DataError(
        "Expected images (H, W), (H, W, C) or (C, H, W) of 1, 3 or 4 channels, got "
        f"{values.dtype} of shape {values.shape}. Try: columns={{'image': NAME}}, or the data set "
        "without batches"
    )


def _to_8_bit(values: Array, white: int) -> NDArray[np.uint8]:
    if values.dtype == np.uint8 and white == 255:
        return values
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (low >= 0 and high <= white):
        raise _out_of_range(low, high, f"0..{white}, as the first images have them")
    if white == 65535:
        return to_8_bit(values)
    return np.rint(values.astype(np.float64) * (255 / white)).astype(np.uint8)


def inside_of(mask: Any, decoded: Decoded, values: tuple[Value, ...] | None) -> Bools:
    """Which pixels (H, W) of an image are inside its mask.

    Args:
        mask: as an image is given; an array (H, W), (H, W, 1) or (1, H, W) of True and False, or
            of numbers of which two, or `values`, say it, as of a mask file: see `masks.py`.
        decoded: the image. A mask of the size that is stored is turned with it.
        values: those that are inside; None: black is outside.

    Raises:
        DataError: a mask of another size, or of more values.
        OSError, ValueError: a file that is no image.

    Example:
        >>> inside_of(np.array([[0, 7]]), Decoded(np.zeros((1, 2, 3), np.uint8), 1), None).tolist()
        [[False, True]]
    """
    try:
        inside = _inside(mask, values)
    except UnclearMaskError as error:
        raise DataError(
            f"Expected two values in a mask, black outside, got {error}. Try: "
            f"mask_values=[{error.example!r}] with those that are inside"
        ) from error
    if inside.shape == decoded.stored:
        return upright(inside, decoded.orientation)
    if inside.shape == decoded.shown:
        return inside
    raise DataError(
        f"Expected a mask of the size of its image, {decoded.shown}, got {inside.shape}. "
        "Try: columns={'mask': NAME} with a column of masks"
    )


def _inside(mask: Any, values: tuple[Value, ...] | None) -> Bools:
    if isinstance(mask, Image.Image):
        return mask_of(mask, values).inside
    if is_file(mask):
        return read_mask(_content(mask), values).inside
    found = array_of(mask)
    if found.ndim == 3:
        found = found[..., 0] if found.shape[-1] == 1 else found[0] if len(found) == 1 else found
    if found.dtype == np.bool_ and found.ndim == 2:
        return found
    if found.ndim != 2 or found.dtype.kind not in "iuf":
        raise DataError(
            "Expected masks (H, W), (H, W, 1) or (1, H, W) of numbers, got "
            f"{found.dtype} of shape {found.shape}. Try: columns={{'mask': NAME}}"
        )
    levels = np.unique(found)
    if values is None and levels.size <= 2:
        return np.asarray(found != 0)
    if not ((levels >= 0) & (levels <= 65535) & (levels == np.rint(levels))).all():
        raise UnclearMaskError([f"{value:g}" for value in levels])
    return mask_of(Image.fromarray(found.astype(np.uint16 if levels[-1] > 255 else np.uint8)),
                   values).inside  # fmt: skip


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if hasattr(value, "dtype") or hasattr(value, "numpy"):
        value = array_of(value).reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip()


def _listed(keys: Iterable[str | int]) -> str:
    return ", ".join(map(str, keys))
