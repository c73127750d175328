"""Which pixels of a mask file are inside: :func:`decode_mask`.

Two values say it by themselves: black (zero) is outside, the other one inside. Values between, as
antialiasing and JPEG leave them along an edge, are cut at half of the maximum. More values than
that are classes, instances or a trimap; only the user knows which are meant, so they are refused
unless `values` names them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from campare.data.decode import opened, to_rgba
from campare.errors import DataError
from campare.types import Array, Bools

#: A value that is inside: a number as stored, a range such as "128..255", "nonzero", or "#ff0000".
Value = int | str
#: Values of all masks, or of each class: {"cat": [8], "dog": [12]}.
MaskValues = Value | Sequence[Value] | Mapping[str, Value | Sequence[Value]]

_PHOTO = 32  # more colors than this are a photograph's: a cut-out, whose alpha is the mask
_SHARE_FLAT = 0.25  # of the values between: more of them lie in areas of one value if they mean one
_NOISE = 1 / 8  # of the maximum: as near as this to black or white is black or white
_ONE_HUE = 0.98  # cosine between two colors that differ in brightness alone
_SHOWN = 8  # values that a message lists
_NEARLY = 4  # of 255: as near as this are the same, in spite of JPEG
_FLAT = 0.8  # of the pixels of a mask are like their neighbor
_ENOUGH = 2048  # pixels a side that tell whether a file is a mask
_STRIP = 2**22  # pixels whose colors are counted at a time


class Mask(NamedTuple):
    """A mask, and the value that means inside; None where it takes more than one to say."""

    inside: Bools
    level: int | str | None = None


class UnclearMaskError(ValueError):
    """More values than two, and nobody says which are inside; `example` is one of them."""

    def __init__(self, found: Sequence[Any]) -> None:
        listed = ", ".join(map(str, found[:_SHOWN]))
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        super().__init__(f"the values {listed}{more}")
        self.values: tuple[Value, ...] = tuple(found)
        self.example: Value = next((v for v in found if v not in (0, "#000000")), found[0])


def decode_mask(content: bytes, values: Sequence[Value] | None = None) -> Bools:
    """Decode the bytes of a mask file: True where a pixel is inside.

    An indexed file counts by its colors. Where transparency alone varies, or the visible pixels
    are a photograph's, opaque is inside. EXIF is ignored.

    Args:
        content: the bytes of a file in any format that Pillow reads.
        values: those that are inside, as stored (the index of an indexed file); None: black is
            outside, and what is not black is inside.

    Returns:
        (H, W) bool.

    Raises:
        UnclearMaskError: more values than two, and `values` does not say which are inside; the
            text completes "got ...".
        OSError: the content is truncated, corrupt, or no image.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.fromarray(np.array([[0, 1, 2]], np.uint8)).save(file, "PNG")
        >>> decode_mask(file.getvalue(), values=[1]).tolist()
        [[False, True, False]]
    """
    return read_mask(content, values).inside


def read_mask(content: bytes | Path, values: Sequence[Value] | None = None) -> Mask:
    """As :func:`decode_mask`, with the value that means inside where there is just one."""
    with opened(content) as file:
        return mask_of(file, values)


def mask_of(file: Image.Image, values: Sequence[Value] | None = None) -> Mask:
    """As :func:`read_mask`, of an image that Pillow has opened already.

    Example:
        >>> mask_of(Image.fromarray(np.array([[0, 9]], np.uint8)))
        Mask(inside=array([[False,  True]]), level=9)
    """
    file.load()
    if values is not None:
        return Mask(_one_of(values, file))
    try:
        return _unsaid(file)
    except UnclearMaskError as error:  # as the values are named by the user
        raise UnclearMaskError(_stored(file)) from error


def _unsaid(file: Image.Image) -> Mask:
    """The mask that the values of an open file say by themselves."""
    if file.has_transparency_data:
        return _of_transparent(np.array(to_rgba(file)))
    if file.mode in ("P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"):
        return _of_colors(np.array(file.convert("RGB")))
    return _of_grey(np.array(file))


def _stored(file: Image.Image) -> list[Value]:
    """The values of an open file: numbers (of an indexed file indices), or else colors."""
    stored = np.array(file)
    if stored.ndim == 2:
        whole = stored.dtype.kind != "f"
        return [int(v) if whole else f"{v:g}" for v in np.unique(stored).tolist()]
    rgb = np.array(file.convert("RGB"))
    if (rgb == rgb[..., :1]).all():
        return [int(v) for v in np.unique(rgb[..., 0]).tolist()]
    return [_hex(color) for color in colors_in(rgb).tolist()]


def looks_like_mask(content: bytes) -> bool:
    """Whether the bytes of an image file hold areas of few values, as masks do and photos do not.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.fromarray(np.eye(8, dtype=np.uint8).repeat(64, 0).repeat(8, 1)).save(file, "PNG")
        >>> looks_like_mask(file.getvalue())
        True
    """
    try:
        with opened(content) as file:
            rgb = np.array(_middle(file).convert("RGB"))
    except Exception:  # a corrupt file makes Pillow raise nearly anything
        return False
    grey = bool((np.ptp(rgb, axis=-1) <= _NEARLY).all())
    few = len(colors_in(rgb)) <= _PHOTO
    return (grey or few) and _flatness(rgb) >= _FLAT


def _middle(file: Image.Image) -> Image.Image:
    """The middle of a large file, enough to know it by."""
    if file.width * file.height <= _ENOUGH**2:
        return file
    left, top = max(0, file.width - _ENOUGH) // 2, max(0, file.height - _ENOUGH) // 2
    return file.crop((left, top, min(left + _ENOUGH, file.width), min(top + _ENOUGH, file.height)))


def colors_in(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colors (n, 3) among pixels (..., 3), each once, in the order of their numbers.

    Example:
        >>> colors_in(np.array([[9, 0, 0], [0, 0, 7], [9, 0, 0]], np.uint8)).tolist()
        [[0, 0, 7], [9, 0, 0]]
    """
    pixels = rgb.reshape(-1, 3)
    found = np.zeros(0, np.uint32)
    for start in range(0, len(pixels), _STRIP):
        red, green, blue = pixels[start : start + _STRIP].T.astype(np.uint32)
        found = np.union1d(found, red << 16 | green << 8 | blue)
    return np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.uint8)


def _flatness(rgb: NDArray[np.uint8], where: Bools | None = None) -> float:
    """Share of neighboring pixels (H, W, 3) of nearly one color, of those in `where`."""
    same = []
    for axis in (0, 1):
        near = np.abs(np.diff(rgb.astype(np.int16), axis=axis)).max(-1) <= _NEARLY
        if where is not None:
            both = np.lib.stride_tricks.sliding_window_view(where, 2, axis=axis).all(-1)
            near = near[both]
        same.append(near.ravel())
    every = np.concatenate(same)
    return float(every.mean()) if every.size else 1.0


def _areas(rgb: NDArray[np.uint8]) -> Bools:
    """The pixels (H, W, 3) that all four neighbors are like; all where none is."""
    around = np.pad(rgb.astype(np.int16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    like = np.ones(rgb.shape[:2], np.bool_)
    for rows, columns in ((2, 1), (0, 1), (1, 2), (1, 0)):
        other = around[rows : rows + rgb.shape[0], columns : columns + rgb.shape[1]]
        like &= np.abs(other - rgb).max(-1) <= _NEARLY
    return like if like.any() else np.ones_like(like)


def values_by_class(
    values: MaskValues | None, class_names: Sequence[str]
) -> dict[str, tuple[Value, ...]]:
    """The mask values of each class, checked; nothing where there are none.

    Raises:
        DataError: no value, or none that a pixel can have, or classes that are not the data's.

    Example:
        >>> values_by_class({"cat": 8, "dog": [12, "200..255"]}, ["cat", "dog"])
        {'cat': (8,), 'dog': (12, '200..255')}
    """
    if values is None:
        return {}
    by_class = values if isinstance(values, Mapping) else dict.fromkeys(class_names, values)
    if set(by_class) != set(class_names):
        raise DataError(
            f"Expected mask values of the classes {', '.join(class_names)}, got those of "
            f"{', '.join(by_class)}. Try one value for all, or one for each class."
        )
    listed = {
        name: (own,) if isinstance(own, int | str) else tuple(own) for name, own in by_class.items()
    }
    if listed and not any(listed.values()):  # one class may have none, if others do
        raise DataError(
            "Expected a value that is inside masks, got none. "
            "Try mask_values=['nonzero'], or --mask-values nonzero."
        )
    for value in (value for own in listed.values() for value in own):
        try:
            _color_of(value) if _is_color(value) else _range_of(value)
        except ValueError:
            raise DataError(
                f"Expected mask values as 1, 128..255, nonzero or #ff0000, got {value!r}. "
                "Try mask_values=[1], or --mask-values 1."
            ) from None
    return listed


def values_of_others(
    by_class: Mapping[str, Sequence[Value]],
) -> dict[str, tuple[Value, ...]]:
    """The values of the other classes, which are not a class's own; () where there are none.

    Example:
        >>> values_of_others({"cat": (8,), "dog": (12, 8)})
        {'cat': (12,), 'dog': ()}
    """
    return {
        name: tuple(
            value
            for other, values in by_class.items()
            for value in values
            if other != name and value not in own
        )
        for name, own in by_class.items()
    }


def not_two_values(
    path: str, error: UnclearMaskError, by_class: Mapping[str, Sequence[Value]] | None = None
) -> DataError:
    """What is said of a mask of more values than two, with the option to give."""
    given: Any = {name: list(own) for name, own in (by_class or {}).items()} or [error.example]
    typed = ",".join(f"{name}={own[0]}" for name, own in (by_class or {}).items())
    return DataError(
        f"Expected two values in mask {path}, black outside, got {error}. Try --mask-values with "
        f"those that are inside, such as --mask-values {quote(typed or str(error.example))}, or "
        f"mask_values={given}."
    )


def values_to_give(
    found: Mapping[str, Sequence[Collection[Value]]],
) -> dict[str, tuple[Value, ...]]:
    """The value of each class that all its masks have, and those of other classes have not.

    Args:
        found: class -> the values in each of its masks, of at least one.

    Returns:
        Nothing where some class has none such, or several, as with a trimap.

    Example:
        >>> values_to_give({"cat": [(0, 8, 255), (0, 8, 15)], "dog": [(0, 12, 15, 255)]})
        {'cat': (8,), 'dog': (12,)}
        >>> values_to_give({"cat": [(1, 2, 3)], "dog": [(1, 2, 3)]})
        {}
    """
    everywhere = {name: set.intersection(*map(set, masks)) for name, masks in found.items()}
    anywhere = {name: set[Value]().union(*masks) for name, masks in found.items()}
    given = {}
    for name, values in everywhere.items():
        for others in (anywhere, everywhere):
            of_others = {0, 255}.union(*(of for other, of in others.items() if other != name))
            if len(values - of_others) == 1:
                given[name] = tuple(values - of_others)
                break
    return given if len(given) == len(found) > 1 else {}


def require_one_level(
    levels: Iterable[tuple[str, str, int | str]],
) -> None:
    """Raise DataError where masks of one class, each of two values, differ in the one inside.

    Such masks hold the index of a class or an instance. 1, 255 and 65535 are white, all three, and
    white beside one other color is that.

    Args:
        levels: (class, file, value inside) of each mask.
    """
    first: dict[tuple[str, bool], tuple[str, int | str]] = {}
    for class_name, path, level in levels:
        white = 255 if level in (1, 65535) else level
        kind = class_name, isinstance(level, str)
        earlier, value = first.setdefault(kind, (path, white))
        if value != white:
            raise DataError(
                f"Expected one value inside the masks of class {class_name!r}, got {value} in "
                f"{earlier} and {level} in {path}. "
                f"Try --mask-values {quote(str(value))}, or mask_values=[{value!r}], or nonzero."
            )


def _of_grey(grey: Array) -> Mask:
    """By value (H, W)."""
    found = np.unique(grey)
    if not np.isfinite(found).all():
        raise ValueError("pixels that are not finite")
    low, high = found[0], found[-1]
    if low >= 0 and (len(found) == 1 or (len(found) == 2 and low == 0)):
        return Mask(
            np.asarray(grey > 0), int(high) if found.dtype.kind != "f" and high > 0 else None
        )
    soft = high >= _white(grey) / 2 or len(found) > _PHOTO  # not a few indices of classes
    if low >= 0 and low <= high * _NOISE and soft and _is_soft(grey, high):
        return Mask(np.asarray(grey >= high / 2))
    raise UnclearMaskError(found.tolist())


def _is_soft(grey: Array, high: float) -> bool:
    """Whether values other than the two commonest lie along edges; areas of one value mean one."""
    values, counts = np.unique(grey, return_counts=True)
    bright = values >= high / 2
    dark = values[~bright][counts[~bright].argmax()]
    light = values[bright][counts[bright].argmax()]
    if dark > high * _NOISE or light < high * (1 - _NOISE):
        return False
    between = (grey != dark) & (grey != light)
    around = np.pad(grey, 1, mode="edge")
    flat = between.copy()
    for neighbour in (around[2:, 1:-1], around[:-2, 1:-1], around[1:-1, 2:], around[1:-1, :-2]):
        flat &= neighbour == grey
    return bool(flat.sum() <= _SHARE_FLAT * between.sum())


def _of_colors(rgb: NDArray[np.uint8]) -> Mask:
    """By color (H, W, 3): one hue on black, of any brightness, but for noise along edges."""
    colors = colors_in(rgb).astype(np.float64)
    if len(colors) > _PHOTO:
        colors = colors_in(rgb[_areas(rgb)]).astype(np.float64)
    if len(colors) == 2 and not colors[0].any():
        return Mask(np.asarray(rgb.any(-1)), _level(colors[1]))
    lengths = np.linalg.norm(colors, axis=1)
    bright = colors[lengths > lengths.max() / 4]
    if len(bright):
        lengths = np.linalg.norm(bright, axis=1)
        if (bright @ bright[lengths.argmax()] < _ONE_HUE * lengths * lengths.max()).any():
            raise UnclearMaskError(colors.tolist())
    return Mask(_of_grey(rgb.max(-1)).inside)


def _of_transparent(rgba: NDArray[np.uint8]) -> Mask:
    """By alpha where alone that varies, or where the visible pixels are a photograph's."""
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    if (alpha == 255).all():
        return _of_colors(rgb)
    visible = colors_in(rgb[alpha >= 128])
    if not 1 < len(visible) <= _PHOTO or _flatness(rgb, alpha >= 128) < _FLAT:
        return Mask(_of_grey(alpha).inside)
    return Mask(_of_colors(np.where(alpha[..., None] >= 128, rgb, 0).astype(np.uint8)).inside)


def _one_of(values: Sequence[Value], file: Image.Image) -> Bools:
    """Pixels whose stored value, or color, is one of `values`."""
    numbers = [value for value in values if not _is_color(value)]
    hues = [_color_of(value) for value in values if _is_color(value)]
    rgb = np.array(file.convert("RGB"))
    inside = np.zeros(rgb.shape[:2], np.bool_)
    for hue in hues:
        inside |= (rgb == hue).all(-1)
    if not numbers:
        return inside
    stored = np.array(file)
    if stored.ndim == 3:
        stored = stored[..., 0] if file.mode in ("LA", "La", "PA") else rgb
    if stored.ndim == 3:
        if (rgb != rgb[..., :1]).any():
            raise ValueError("a mask in color, where mask values are colors such as '#ff0000'")
        stored = rgb[..., 0]
    return inside | is_one_of(stored, numbers)


def is_one_of(stored: Array, values: Sequence[Value]) -> Bools:
    """Where stored numbers, of any shape, are one of `values`; NaN is none.

    Raises:
        ValueError: a color among the values.

    Example:
        >>> is_one_of(np.array([-1.0, 0.0, 2.0, 7.0, np.nan]), ["2..5", 7]).tolist()
        [False, False, True, True, False]
        >>> is_one_of(np.array([-1.0, 0.0, 2.0, 7.0, np.nan]), ["nonzero"]).tolist()
        [True, False, True, True, False]
    """
    inside = np.zeros(stored.shape, np.bool_)
    for value in values:
        if value == "nonzero":
            inside |= (stored < 0) | (stored > 0)
        else:
            first, last = _range_of(value)
            inside |= (stored >= first) & (stored <= last)
    return inside


def _range_of(value: Value) -> tuple[float, float]:
    if value == "nonzero":
        return -np.inf, np.inf
    first, dots, last = str(value).partition("..")
    return float(first), float(last if dots else first)


def _is_color(value: Value) -> bool:
    return str(value).startswith("#")


def _color_of(value: Value) -> tuple[int, int, int]:
    text = str(value)
    if len(text) != 7:
        raise ValueError(text)
    number = int(text[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255


def _level(color: NDArray[np.float64]) -> int | str:
    return int(color[0]) if (color == color[0]).all() else _hex(color.astype(int).tolist())


def _white(grey: Array) -> float:
    """The value of white, as far as the type tells."""
    if grey.dtype.kind == "f":
        return 1.0 if grey.max() <= 1 else 255.0
    return 255.0 if grey.dtype.itemsize == 1 else 65535.0


def _hex(color: Sequence[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in color)
