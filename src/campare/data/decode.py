"""Pictures: decode a file of any Pillow mode to 8-bit RGB, and resize a picture with its masks.

    opened(content)        an image file of a usual format and a size within LARGEST
    decode_image(content)  -> its pixels, upright

An image and its masks share one pixel grid. The grid is the *displayed* one: where EXIF says that
the stored pixels are to be turned, :func:`upright` turns image and masks by the same step.
"""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from campare.data import tiff
from campare.data.stored import parts, release, zeros
from campare.types import Array, Bools

Bytes = NDArray[np.uint8]

#: Pixels of an image, where Pillow refuses, too; files of more are not decoded.
LARGEST = 178_956_970

# The formats of pictures that people annotate. Pillow opens more by their first bytes, whatever the
# name says, and starts another program for some.
_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000",
            "TGA")  # fmt: skip
_LARGE = 2**24  # pixels; larger ones are decoded one after the other, and turned to RGB in strips
_HUGE = 2**26  # pixels; a JPEG of more is decoded at half its resolution
_ONE_LARGE = Lock()
_STRIP = 2**22  # pixels

warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # LARGEST says what is too large

_TRANSPARENT = ("RGBA", "RGBa", "LA", "La", "PA")
_COVERED = 0.5 - 1e-6  # half of a pixel's area; the slack is for rounding of sums


class Picture(NamedTuple):
    """One image as stored, with its masks.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        regions: name of a region -> (H, W) bool; an absent name: no ground truth for this image.
    """

    image: Bytes
    regions: Mapping[str, Bools]


class Decoded(NamedTuple):
    """An upright image, and the EXIF orientation (1..8) of the pixel grid that was stored."""

    image: Bytes
    orientation: int

    @property
    def shown(self) -> tuple[int, int]:
        """(H, W) as displayed."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def stored(self) -> tuple[int, int]:
        """(H, W) of the stored grid; differs from `shown` by a quarter turn at most."""
        return self.shown[::-1] if self.orientation >= 5 else self.shown

    def is_ambiguous(self, size: tuple[int, int] | None) -> bool:
        """Whether ground truth of a size (None: unknown) may be on either grid, turned or not."""
        return self.orientation != 1 and (size is None or self.shown == self.stored)


def decode_image(content: bytes | Path) -> Decoded:
    """Decode an image file, its bytes or its path, to upright 8-bit RGB.

    The first frame of an animation is taken. Transparent pixels are composited on white. Numbers
    wider than 8 bits are scaled, not cut: see :func:`to_8_bit`. Colour profiles are not applied.
    A JPEG of more than 67 million pixels is decoded at half its resolution, and has as many pixels
    as before: it takes a quarter of the memory, and no model sees the difference.

    Args:
        content: the bytes of a file in any format that Pillow reads, or its path.

    Returns:
        The image (H, W, 3) uint8, turned as EXIF says, and the orientation of the stored grid.

    Raises:
        OSError, ValueError: the content is truncated, corrupt, or no image. A corrupt file can
            make Pillow raise other exceptions too.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("LA", (3, 2), (0, 0)).save(file, "PNG")  # wholly transparent
        >>> decode_image(file.getvalue()).image[0, 0].tolist()
        [255, 255, 255]
    """
    with opened(content) as file, alone(file.height, file.width):
        orientation, shape = _orientation(file), (file.height, file.width)
        stored = tiff.layout(file) if shape[0] * shape[1] > _LARGE and not _is_wide(file) else None
        if stored is not None:
            return Decoded(upright(_by_pieces(file, stored), orientation), orientation)
        if shape[0] * shape[1] > _HUGE:
            file.draft(None, (file.width // 2, file.height // 2))
        return _loaded(file, orientation, shape)


def decode_pillow(image: Image.Image) -> Decoded:
    """As :func:`decode_image`, of an image that Pillow has opened already.

    Raises:
        OSError, ValueError: it has more pixels than LARGEST, or cannot be decoded.

    Example:
        >>> decode_pillow(Image.new("LA", (3, 2), (0, 0))).image[0, 0].tolist()
        [255, 255, 255]
    """
    require_area(image.height, image.width)
    with alone(image.height, image.width):
        return _loaded(image, _orientation(image), (image.height, image.width))


def _loaded(file: Image.Image, orientation: int, shape: tuple[int, int]) -> Decoded:
    """The pixels of an open file as upright RGB, at the shape (H, W) that it says."""
    file.load()
    turned = orientation != 1 and _orientation(file) == 1  # Pillow turns TIFF by itself
    image = _rgb_of(file, shape)
    return Decoded(image if turned else upright(image, orientation), orientation)


@contextmanager
def opened(content: bytes | Path) -> Iterator[Image.Image]:
    """An image file, by its bytes or its path, whose pixels are not decoded yet.

    Raises:
        OSError, ValueError: it is no image of a usual format, or has more pixels than LARGEST. A
            corrupt file can make Pillow raise other exceptions too.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        image = Image.open(file, formats=_formats())
    except Image.DecompressionBombError:
        raise ValueError(f"more than {LARGEST / 1e6:.0f} million pixels") from None
    with image:
        require_area(image.height, image.width)
        yield image


def require_area(height: int, width: int) -> None:
    """Raise ValueError where a grid has more pixels than LARGEST.

    Example:
        >>> require_area(100_000, 100_000)
        Traceback (most recent call last):
        ValueError: 100000 x 100000 pixels, more than the 179 million that are read
    """
    if height * width > LARGEST:
        raise ValueError(
            f"{width} x {height} pixels, more than the {LARGEST / 1e6:.0f} million that are read"
        )


@cache
def _formats() -> tuple[str, ...]:
    """Those that Pillow was built with."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def alone(height: int, width: int) -> "Lock | nullcontext[None]":
    """Held while a large image is decoded or resized: several never take their memory together.

    Example:
        >>> with alone(100, 100):
        ...     pass
    """
    return _ONE_LARGE if height * width > _LARGE else nullcontext()


def _rgb_of(file: Image.Image, shape: tuple[int, int]) -> Bytes:
    """The pixels (H, W, 3) of a file as RGB; of a large one by strips, into a file: see `stored`.

    Those of a file that was decoded at half its resolution stand for four each.
    """
    is_wide = _is_wide(file)
    if is_wide and "transparency" not in file.info:
        return np.repeat(to_8_bit(np.array(file))[..., None], 3, axis=-1)
    if is_wide or file.width * file.height <= _LARGE:
        return np.array(_to_rgb(file))
    pixels = zeros((*shape, 3), np.uint8)
    half = file.height < shape[0]
    for part in parts(shape[0], 2 * max(1, _STRIP // shape[1]), pixels):
        rows = (part.start // 2, -(-part.stop // 2)) if half else (part.start, part.stop)
        strip = np.array(_to_rgb(file.crop((0, rows[0], file.width, rows[1]))))
        if half:
            strip = strip.repeat(2, axis=0).repeat(2, axis=1)[: part.stop - part.start, : shape[1]]
        pixels[part] = strip
    return pixels


def _by_pieces(file: Image.Image, stored: tiff.Layout) -> Bytes:
    """The pixels (H, W, 3) of a large TIFF as RGB, as they are stored: see `tiff`."""
    pixels = zeros((*stored.size, 3), np.uint8)
    for part, where in tiff.pieces(file, stored, _STRIP):
        found = np.array(_to_rgb(part))
        for number, (rows, columns) in enumerate(where):
            top = number * stored.piece[0]
            piece = found[top : top + rows.stop - rows.start, : columns.stop - columns.start]
            pixels[rows, columns] = piece
        release(pixels)
    return pixels


def _is_wide(file: Image.Image) -> bool:
    """Whether its pixels have more than 8 bits."""
    return file.mode.startswith("I") or file.mode == "F"


def upright(stored: Array, orientation: int) -> Array:
    """Turn an array (H, W, ...) from the stored grid to the displayed one, as EXIF tag 274 says.

    Args:
        stored: (H, W) or (H, W, C).
        orientation: 1..8; 5 to 8 swap height and width.

    Returns:
        The same values, turned or mirrored.

    Example:
        >>> upright(np.array([[1, 2]]), 6).tolist()  # a quarter turn clockwise
        [[1], [2]]
    """
    if orientation >= 5:  # mirrored at the main diagonal
        stored = stored.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return np.ascontiguousarray(stored)


def to_8_bit(values: Array) -> Bytes:
    """Scale grey values wider than 8 bits to 0..255.

    16-bit integers span 0..65535. For 32-bit integers and floats the file does not say what white
    is, so it is the smallest of the usual ones that holds the values: 1 (floats only), 255 (floats
    only), 65535, 2^31 - 1 (integers only). Negative values become 0.

    Args:
        values: (H, W) of any number type.

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: a value is not finite, or a float is above 65535.

    Example:
        >>> to_8_bit(np.array([[0, 257, 65535]], np.uint16)).tolist()
        [[0, 1, 255]]
    """
    whites = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (65535.0, 2.0**31 - 1)
    if not np.isfinite(values).all():
        raise ValueError("it holds pixels that are not finite")
    white = next((w for w in whites if values.max() <= w), None)
    if white is None:
        raise ValueError(f"it holds values up to {values.max():g}, above 16 bits")
    found = np.empty(values.shape, np.uint8)
    rows = max(1, _STRIP // max(1, values.shape[-1]))
    for top in range(0, len(values), rows):
        shares = np.clip(values[top : top + rows] / white, 0.0, 1.0)
        found[top : top + rows] = np.rint(shares * 255.0)
    return found


def resize_picture(picture: Picture, size: int | tuple[int, int]) -> Picture:
    """Stretch a picture and its masks alike: see :func:`resize_image`, `resize_mask`.

    Args:
        picture: of any size.
        size: pixels of the new height and width, one number for both or (height, width).

    Returns:
        The picture with image (height, width, 3) and masks (height, width).

    Example:
        >>> picture = Picture(np.zeros((4, 6, 3), np.uint8), {"object": np.eye(4, 6) > 0})
        >>> resize_picture(picture, 2).regions["object"].shape
        (2, 2)
    """
    regions = {name: resize_mask(mask, size) for name, mask in picture.regions.items()}
    return Picture(resize_image(picture.image, size), regions)


def resize_image(image: Bytes, size: int | tuple[int, int]) -> Bytes:
    """Stretch an image (H, W, 3) uint8 to a square or to (height, width), antialiased bilinear.

    Args:
        image: (H, W, 3) uint8.
        size: pixels of the new height and width, one number for both or (height, width).

    Returns:
        (height, width, 3) uint8; the image itself where it has that size already.

    Example:
        >>> resize_image(np.full((4, 6, 3), 7, np.uint8), 2).max()
        np.uint8(7)
    """
    height, width = (size, size) if isinstance(size, int) else size
    if image.shape[:2] == (height, width):
        return image
    return resized(image, (height, width))


def resized(
    image: Bytes, size: tuple[int, int], how: Image.Resampling = Image.Resampling.BILINEAR
) -> Bytes:
    """An image (H, W, 3) stretched to (height, width); a large one strip by strip.

    Where the width shrinks, Pillow does rows first, then columns, each to 8 bits: the pixels are
    the same either way.

    Example:
        >>> resized(np.full((4, 6, 3), 7, np.uint8), (2, 3)).shape
        (2, 3, 3)
    """
    height, width = size
    large = image.shape[0] * image.shape[1] > _LARGE and width <= image.shape[1]
    if large and how is not Image.Resampling.NEAREST:
        narrow = np.empty((image.shape[0], width, 3), np.uint8)
        for part in parts(image.shape[0], max(1, _STRIP // image.shape[1]), image):
            strip = Image.fromarray(image[part])
            narrow[part] = np.array(strip.resize((width, strip.height), how))
        image = narrow
    return np.array(Image.fromarray(image).resize((width, height), how))


def resize_mask(mask: Bools, size: int | tuple[int, int]) -> Bools:
    """Stretch a mask (H, W): a pixel is inside if at least half its area is.

    A mask that would vanish keeps its most covered pixel: a small object is still ground truth.

    Args:
        mask: (H, W) bool.
        size: pixels of the new height and width, one number for both or (height, width).

    Returns:
        (height, width) bool.

    Example:
        >>> resize_mask(np.array([[True, False, False, False]] * 4), 2).tolist()
        [[True, False], [True, False]]
    """
    height, width = (size, size) if isinstance(size, int) else size
    if mask.shape == (height, width):
        return mask
    coverage = _area_average(_area_average(np.asarray(mask, bool), height).T, width).T
    inside = coverage >= _COVERED
    if mask.any() and not inside.any():
        inside.flat[int(coverage.argmax())] = True
    return inside


def _area_average(values: Array, size: int) -> NDArray[np.float64]:
    """Mean of rows (H, W) over `size` equal stretches of the height: (size, W)."""
    height = len(values)
    edges = np.linspace(0.0, height, size + 1)
    whole = np.minimum(edges.astype(int), height)
    part = (edges - whole)[:, None]  # the last edge has none: the padding row is never counted
    integral = (1.0 - part) * _summed(values, whole) + part * _summed(values, whole + 1)
    return np.diff(integral, axis=0) * (size / height)  # type: ignore[no-any-return]


def _summed(values: Array, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums of the first `counts` rows (ascending) of (H, W): (size, W); of more rows than H, 0.

    Those of a mask are added up between the counts, whole numbers, so that no array of its size is.
    """
    if values.dtype != bool:
        none = np.zeros_like(values[:1])
        return np.asarray(np.concatenate([none, values.cumsum(0), none])[counts])
    sums = np.zeros((len(counts), values.shape[1]))
    total, done = np.zeros(values.shape[1], np.int64), 0
    for row, count in zip(sums, counts, strict=True):
        total += np.count_nonzero(values[done:count], axis=0)
        done = max(done, count)
        if count <= len(values):
            row[:] = total
    return sums


def _to_rgb(file: Image.Image) -> Image.Image:
    if file.mode in _TRANSPARENT or "transparency" in file.info:
        image = to_rgba(file)
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if file.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image_or_none = ImageCms.profileToProfile(file, lab, srgb, outputMode="RGB")
        assert image_or_none is not None  # it is None only in place
        return image_or_none
    return file.convert("RGB")


def to_rgba(file: Image.Image) -> Image.Image:
    """An open file that says which pixels are transparent, with that as its alpha."""
    if file.mode.startswith("I"):  # 16-bit grey whose one transparent value is a 16-bit one
        values = np.array(file)
        grey = Image.fromarray(to_8_bit(values)).convert("RGBA")
        clear = values == file.info["transparency"]
        grey.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))
        return grey
    if file.mode == "La":
        return file.convert("LA").convert("RGBA")
    return file.convert("RGBA")


def _orientation(file: Image.Image) -> int:
    value = file.getexif().get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
