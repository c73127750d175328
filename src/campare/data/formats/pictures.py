"""Image files that are no ordinary photograph: DICOM, NIfTI, HEIC, and PNG wider than 8 bits.

    stored values -> window (low, high) -> (x - low) / (high - low) -> 0..255

Which values are black and white no such file says for sure, so a window says it: one's own, or the
one that a DICOM file carries. Nothing is stretched to the values that happen to occur.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags

from campare.data.decode import Decoded, decode_image, opened, require_area
from campare.data.masks import UnclearMaskError, Value, decode_mask, is_one_of
from campare.data.vocabulary import DICOM, HEIC, NIFTI
from campare.errors import DataError
from campare.optional import require
from campare.types import Array, Bools
from campare.untrusted import LARGEST, read_bytes

_ONE_VOLUME = Lock()  # threads that read slices of one volume load it once
_VALUES = 2**28  # of a volume, as 512 x 512 x 1024
_PACKED = 1032  # times a file at most: what deflate makes of zeros
_DEFLATED = "1.2.840.10008.1.2.1.99"  # transfer syntax of a DICOM file packed as a whole

Slices = Literal["all", "masked", "middle"]

#: Of files that are read as images; all but the first three kinds by Pillow alone.
SUFFIXES = (
    *DICOM, *NIFTI, *HEIC, ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".webp",
    ".avif", ".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k",
    ".tga",
)  # fmt: skip


class Window(NamedTuple):
    """The values that become black and white; what is beyond is cut."""

    low: float
    high: float

    def __call__(self, values: Array) -> NDArray[np.uint8]:
        """Values of any number type as 0..255, rounded.

        Example:
            >>> Window(0, 4095)(np.array([-5, 0, 819, 4095, 9000])).tolist()
            [0, 0, 51, 255, 255]
        """
        shares = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return np.rint(np.clip(shares, 0.0, 1.0) * 255.0).astype(np.uint8)

    @classmethod
    def around(cls, center: float, width: float) -> "Window":
        """DICOM's window of a center and a width (PS3.3 C.11.2.1.2.1).

        Example:
            >>> Window.around(40, 400)
            Window(low=-160.0, high=239.0)
        """
        return cls(center - width / 2, center + width / 2 - 1)


def read_window(text: str) -> Window:
    """A window as one writes it: LOW..HIGH, or CENTER,WIDTH as radiologists do.

    Raises:
        DataError: neither.

    Example:
        >>> read_window("0..4095"), read_window("40,400")
        (Window(low=0.0, high=4095.0), Window(low=-160.0, high=239.0))
    """
    try:
        if ".." in text:
            low, high = map(float, text.split(".."))
            found = Window(low, high)
        else:
            center, width = map(float, text.split(","))
            found = Window.around(center, width)
        if found.low < found.high:
            return found
    except ValueError:
        pass
    raise DataError(
        f"Expected a window as LOW..HIGH or CENTER,WIDTH, got {text!r}. Try 0..4095, or 40,400."
    )


def read_picture(path: Path, window: Window | None = None, slice_: int | None = None) -> Decoded:
    """The pixels of an image file, or of a slice of a volume.

    Args:
        path: of the file.
        window: of values wider than 8 bits; None: that of a DICOM file.
        slice_: of a volume, along its last axis (frames of a DICOM file).

    Raises:
        DataError: values wider than 8 bits and no window, or a file that cannot be decoded.
    """
    name = path.name.lower()
    if name.endswith(DICOM):
        return Decoded(_dicom(path, window, slice_), 1)
    if name.endswith(NIFTI):
        return Decoded(_in_window(_nifti(path)[..., slice_ or 0], window, path), 1)
    if name.endswith(HEIC):
        return _heic(path)
    try:
        content = read_bytes(path)
        with opened(content) as file:
            wide = file.mode.startswith("I") or file.mode == "F"
            values = np.array(file) if wide else None
        if values is None:
            return decode_image(content)
    except Exception as error:  # a corrupt file makes Pillow raise nearly anything
        raise DataError(f"Expected an image in {path}, got: {error}. Try to replace it.") from error
    return Decoded(_in_window(values, window, path), 1)


def read_size(path: Path, *, displayed: bool = False) -> tuple[int, int]:
    """(H, W) of an image file as stored, or turned as EXIF says; by its header where that tells."""
    if path.name.lower().endswith((*DICOM, *NIFTI, *HEIC)):
        return read_picture(path, Window(0, 1)).stored
    try:
        with opened(path) as file:
            turned = displayed and file.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
            return (file.width, file.height) if turned else (file.height, file.width)
    except Exception as error:  # as above
        raise DataError(f"Expected an image in {path}, got: {error}. Try to replace it.") from error


def slices_of(path: Path) -> int | None:
    """How many slices a volume has; None for an image."""
    name = path.name.lower()
    if name.endswith(NIFTI):
        return int(_nifti(path).shape[-1])
    if name.endswith(DICOM):
        frames = _frames_of(_read_dicom(path, pixels=False), path)
        return frames if frames > 1 else None
    return None


def read_mask_slices(path: Path, values: Sequence[Value] | None = None) -> list[Bools]:
    """The mask (H, W) of each slice of a file, a single one of an image.

    Args:
        path: of the file.
        values: those that are inside; None: what is not zero, of a mask with two.

    Raises:
        DataError: a mask of more than two values, or of some that are no whole numbers, and no
            `values`; colors as values of a volume.
    """
    name = path.name.lower()
    try:
        if not name.endswith((*NIFTI, *DICOM)):
            return [_read_mask(path, values)]
        inside = _inside(_nifti(path) if name.endswith(NIFTI) else _frames(path), values)
    except UnclearMaskError as error:
        raise DataError(
            f"Expected two values in mask {path}, got {error}. "
            f"Try --mask-values with those that are inside, such as --mask-values {error.example}"
        ) from error
    except ValueError as error:
        raise DataError(
            f"Expected a mask of whole numbers in {path}, got {error}. "
            "Try to save it with 0 outside and 1 inside, or --mask-values 1"
        ) from error
    return list(np.moveaxis(inside, -1, 0))


def _inside(volume: Array, values: Sequence[Value] | None) -> Bools:
    """Where a mask (H, W, slices) is one of `values`, or not zero where it has two values."""
    if values is not None:
        if any(str(value).startswith("#") for value in values):
            raise ValueError("colors as mask values")
        return is_one_of(volume, values)
    found = np.unique(volume)
    if not np.isfinite(found).all():
        raise ValueError("values that are not finite")
    if len(found) > 2:
        if (found != np.trunc(found)).any():
            raise ValueError(f"{len(found):,} values between {found[0]:g} and {found[-1]:g}")
        raise UnclearMaskError([int(value) for value in found])
    return np.asarray(volume != 0)


def _read_mask(path: Path, values: Sequence[Value] | None) -> Bools:
    try:
        return decode_mask(read_bytes(path), values)
    except UnclearMaskError:
        raise
    except Exception as error:  # as above
        raise DataError(f"Expected a mask in {path}, got: {error}. Try to replace it.") from error


def _frames(path: Path) -> Array:
    """(H, W, frames) of a DICOM file as stored."""
    stored = _pixels(_read_dicom(path), path)
    return np.moveaxis(stored, 0, -1) if stored.ndim == 3 else stored[..., None]


def read_volume(path: Path) -> Array:
    """A NIfTI volume (H, W, slices) as it is stored, upright as one views it.

    Raises:
        DataError: it cannot be read, or holds several volumes.
    """
    return _nifti(path)


def _nifti(path: Path) -> Array:
    """(H, W, slices): the volume in its nearest canonical orientation, as one views it upright."""
    with _ONE_VOLUME:
        return _volume(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _volume(path: Path, _: int) -> Array:
    """The volume of a file as it was at a time; kept for its next slice."""
    nibabel = require("nibabel", extra="medical")
    try:
        file = nibabel.load(path)
        _require_volume(file.shape, file.get_data_dtype().itemsize, path)
        volume = np.asarray(nibabel.as_closest_canonical(file).dataobj)
        if not volume.size or volume.dtype.kind not in "biuf":  # colors, complex numbers
            raise ValueError(f"values of shape {volume.shape} and type {volume.dtype}")
    except Exception as error:  # nibabel raises its own kinds, zlib and gzip theirs
        raise DataError(f"Expected NIfTI in {path}, got: {error}. Try to save it anew.") from error
    if volume.ndim == 4 and volume.shape[-1] == 1:
        volume = volume[..., 0]
    if volume.ndim == 2:
        volume = volume[..., None]
    if volume.ndim != 3:
        raise DataError(
            f"Expected one volume in {path}, got the shape {volume.shape}. "
            "Try to save one volume of it as a file of its own."
        )
    return volume.swapaxes(0, 1)[::-1]  # from (right, anterior, superior): anterior is at the top


def _require_volume(shape: Sequence[int], bytes_each: int, path: Path) -> None:
    """Raise ValueError where a header says more values than are read, or than the file can hold."""
    count, size = prod(map(int, shape)), path.stat().st_size
    if count > _VALUES:
        raise ValueError(f"{count:,} values, more than the {_VALUES:,} that are read")
    if count * bytes_each > size * (_PACKED if path.name.lower().endswith(".gz") else 1):
        raise ValueError(f"a header of {count:,} values, which {size:,} bytes cannot hold")


def _read_dicom(path: Path, *, pixels: bool = True) -> Any:
    pydicom = require("pydicom", extra="medical")
    try:
        _require_small(path, pydicom)
        return pydicom.dcmread(path, force=False, stop_before_pixels=not pixels)
    except Exception as error:  # pydicom's own kinds, and those of what it reads with
        raise DataError(
            f"Expected DICOM in {path}, got: {error}. Try to export it anew."
        ) from error


def _dicom(path: Path, window: Window | None, frame: int | None) -> NDArray[np.uint8]:
    """(H, W, 3) of a DICOM file in its window; colors as they are."""
    pixels = require("pydicom.pixels", extra="medical")
    file = _read_dicom(path)
    values = _pixels(file, path)
    try:
        if _frames_of(file, path) > 1:
            values = values[frame or 0]
        if int(file.get("SamplesPerPixel", 1)) == 3:
            return np.ascontiguousarray(values, np.uint8)
        values = pixels.apply_modality_lut(values, file)
        grey = (window or _own_window(file, path, values))(values)
        return _rgb(255 - grey if file.PhotometricInterpretation == "MONOCHROME1" else grey)
    except DataError:
        raise
    except Exception as error:  # elements that are missing, or of another kind than their tag's
        raise DataError(
            f"Expected DICOM in {path}, got: {error}. Try to export it anew."
        ) from error


def _require_small(path: Path, pydicom: Any) -> None:
    """Raise ValueError where a file that is packed as a whole holds more than LARGEST bytes."""
    with path.open("rb") as file:
        head = file.read(144)
        meta = pydicom.filereader.read_file_meta_info(path)
        if str(meta.get("TransferSyntaxUID", "")) != _DEFLATED:
            return
        file.seek(144 + int.from_bytes(head[140:144], "little"))
        unpacked, left = zlib.decompressobj(-zlib.MAX_WBITS), LARGEST
        while block := unpacked.unconsumed_tail or file.read(2**16):
            left -= len(unpacked.decompress(block, 2**24))
            if left < 0:
                raise ValueError(f"packed content of more than {LARGEST:,} bytes")


def _frames_of(file: Any, path: Path) -> int:
    """How many frames a DICOM file says that it has."""
    try:
        return int(file.get("NumberOfFrames", 1) or 1)
    except Exception as error:  # as above: pydicom reads an element when it is wanted
        raise DataError(
            f"Expected DICOM in {path}, got: {error}. Try to export it anew."
        ) from error


def _pixels(file: Any, path: Path) -> Array:
    try:
        sides = (file.get(name, 1) for name in ("Rows", "Columns", "NumberOfFrames"))
        if (count := prod(int(side or 1) for side in sides)) > _VALUES:
            raise ValueError(f"{count:,} values, more than the {_VALUES:,} that are read")
        found: Array = file.pixel_array
        return found
    except Exception as error:  # a missing decoder, or anything that the file makes it raise
        raise DataError(
            f"Expected pixels that pydicom decodes in {path}, got: {' '.join(str(error).split())}. "
            "Try: pip install 'pylibjpeg[all]', or to export it uncompressed"
        ) from error


def _own_window(file: Any, path: Path, values: Array) -> Window:
    """The first window that a DICOM file carries."""
    center, width = (file.get(tag) for tag in ("WindowCenter", "WindowWidth"))
    if center is None or width is None:
        raise _no_window(path, values)
    first = [float(np.atleast_1d(value)[0]) for value in (center, width)]
    if file.get("VOILUTFunction", "LINEAR") != "LINEAR" or first[1] <= 1:
        raise _no_window(path, values)
    return Window.around(*first)


def _in_window(values: Array, window: Window | None, path: Path) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return _rgb(values)
    if not np.isfinite(values).all():
        raise DataError(f"Expected finite pixels in {path}, got others. Try to replace it.")
    if window is None:
        raise _no_window(path, values)
    return _rgb(window(values))


def _no_window(path: Path, values: Array) -> DataError:
    """Wide values: the window that would show them all."""
    low, high = float(values.min()), float(values.max())
    bits = next((bits for bits in (8, 10, 12, 14, 16) if high < 2**bits), None)
    whole = values.dtype.kind in "iu" and low >= 0 and bits is not None
    example = f"0..{2 ** (bits or 16) - 1}" if whole else f"{low:g}..{high:g}"
    return DataError(
        f"Expected a window for {path}, whose values are from {low:g} to {high:g}, got none. "
        f"Try --window {example} (LOW..HIGH), or CENTER,WIDTH"
    )


def _heic(path: Path) -> Decoded:
    """As displayed: HEIF turns a photo by its container, and annotation tools show it so."""
    heif = require("pillow_heif", extra="formats")
    try:
        file = heif.open_heif(path, convert_hdr_to_8bit=True)
        require_area(file.size[1], file.size[0])
        image = np.array(file.to_pillow().convert("RGB"))
    except Exception as error:  # pillow_heif raises what libheif says
        raise DataError(f"Expected HEIC in {path}, got: {error}. Try to convert it.") from error
    return Decoded(image, 1)


def _rgb(grey: Array) -> NDArray[np.uint8]:
    return np.repeat(np.ascontiguousarray(grey, np.uint8)[..., None], 3, axis=-1)
