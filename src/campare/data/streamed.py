"""Images that come once, as of a stream, kept in a file until they are read by number."""

import io
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image

from campare.data.decode import decode_pillow
from campare.data.entries import array_of, is_file
from campare.data.stored import scratch
from campare.errors import DataError
from campare.types import Array
from campare.untrusted import read_bytes


class Place(NamedTuple):
    """Where bytes are in the file, and the array that they are; None: a file's own bytes."""

    start: int
    size: int
    array: tuple[tuple[int, ...], str] | None


# What a PNG keeps as it is; Pillow images of other modes are kept as their 8-bit pixels.
_LOSSLESS = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")


class Streamed:
    """A file without a name for images and masks; it is gone with the process.

    Files and arrays are kept as they are, Pillow images as PNG.

    Example:
        >>> kept = Streamed()
        >>> place = kept.put(np.array([[1, 2]], np.uint8))
        >>> kept.get(place).tolist(), kept.get(kept.put(b"..."))
        ([[1, 2]], b'...')
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()
        self.size = 0

    def put(self, image: Any) -> Place:
        """Keep an image or a mask, of any kind that `entries` reads.

        Raises:
            DataError: it does not fit on the disk.
            OSError, ValueError: no such file, or an image that cannot be decoded.
        """
        if isinstance(image, Image.Image):
            image = _png(image) if image.mode in _LOSSLESS else decode_pillow(image).image
        if isinstance(image, Mapping):
            image = image["path"] if image.get("bytes") is None else image["bytes"]
        if isinstance(image, str | Path):
            image = read_bytes(Path(image))
        if is_file(image):
            return self._write(bytes(image), None)
        array = np.ascontiguousarray(array_of(image))
        return self._write(array.tobytes(), (array.shape, array.dtype.str))

    def _write(self, content: bytes, array: tuple[tuple[int, ...], str] | None) -> Place:
        with self._lock:
            if self._file is None:
                self._file = scratch()
                weakref.finalize(self, self._file.close)
            try:
                self._file.seek(self.size)
                self._file.write(content)
            except OSError as error:
                raise DataError(
                    f"Expected room for the images of a stream, got: {error.strerror or error} "
                    f"after {self.size / 1e9:.1f} GB. Try: XDG_CACHE_HOME=FOLDER, a folder on a "
                    "larger disk"
                ) from error
            place = Place(self.size, len(content), array)
            self.size += len(content)
        return place

    def get(self, place: Place) -> bytes | Array:
        """What was put there: the bytes of a file, or an array."""
        with self._lock:
            assert self._file is not None
            self._file.seek(place.start)
            content = self._file.read(place.size)
        if place.array is None:
            return content
        shape, dtype = place.array
        return np.frombuffer(content, dtype).reshape(shape)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1, exif=image.getexif())
    return file.getvalue()
