"""A large TIFF a few strips or tiles at a time, each few decoded as a small TIFF of their own.

Pillow decodes a TIFF whole: four bytes a pixel, beside the file, which libtiff maps into memory.
The strips of a file know nothing of each other, and a tile is stored as the strip of an image that
is as wide as it; so any of them, with the tags that say how they are stored, are a file, too.
"""

import io
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _PLANAR = 256, 257, 258, 259, 277, 284
_STRIP_OFFSETS, _STRIP_ROWS, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
#: Photometric interpretation, order of bits, predictor, colors, extra samples, sample format.
_HOW_STORED = (_BITS, _COMPRESSION, 262, 266, _SAMPLES, _PLANAR, 317, 320, 338, 339)
#: None, LZW, deflate (of two numbers), PackBits, zstd: what is decoded strip by strip.
_COMPRESSIONS = (1, 5, 8, 32946, 32773, 50000)


class Layout(NamedTuple):
    """Where the strips or tiles of a file are, row by row of the image."""

    size: tuple[int, int]  # (H, W) as stored
    piece: tuple[int, int]  # (H, W) of a strip or tile
    stored: list[tuple[int, int]]  # where each begins in the file, and its bytes
    is_tiled: bool


def layout(file: Image.Image) -> Layout | None:
    """How a file that is not loaded is stored; None: it is no TIFF that can be read by pieces."""
    if not isinstance(file, TiffImageFile):
        return None
    tags = file.tag_v2
    size, is_tiled = (tags[_HEIGHT], tags[_WIDTH]), _TILE_OFFSETS in tags
    tall = tags.get(_TILE_HEIGHT) if is_tiled else tags.get(_STRIP_ROWS, size[0])
    wide = tags.get(_TILE_WIDTH) if is_tiled else size[1]
    offsets = tags.get(_TILE_OFFSETS if is_tiled else _STRIP_OFFSETS) or ()
    lengths = tags.get(_TILE_BYTES if is_tiled else _STRIP_BYTES) or ()
    bits = tags.get(_BITS, (1,))
    if not (isinstance(tall, int) and isinstance(wide, int) and tall > 0 and wide > 0):
        return None
    most = 1024 + 2 * tall * wide * sum(bits) // 8
    usual = (
        tags.get(_PLANAR, 1) == 1
        and tags.get(_COMPRESSION, 1) in _COMPRESSIONS
        and len(bits) == tags.get(_SAMPLES, 1)
        and len(offsets) == len(lengths) == -(-size[0] // tall) * -(-size[1] // wide) > 1
        and all(0 < length <= most for length in lengths)  # a file can say anything
    )
    stored = list(zip(offsets, lengths, strict=True)) if usual else []
    return Layout(size, (tall, wide), stored, is_tiled) if usual else None


def pieces(
    file: Image.Image, found: Layout, pixels: int
) -> Iterator[tuple[Image.Image, list[tuple[slice, slice]]]]:
    """Pieces of a file, one below the other in an image, and which (rows, columns) each is.

    So many of them at a time as have about `pixels` pixels. Those at the right and at the bottom
    may reach over the border of the image.

    Raises:
        OSError: the file is truncated or corrupt.
    """
    assert isinstance(file, TiffImageFile)
    assert file.fp is not None
    (height, width), (tall, wide) = found.size, found.piece
    along = -(-width // wide)
    together = max(1, pixels // (tall * wide))
    for start in range(0, len(found.stored), together):
        contents, where = [], []
        for number in range(start, min(start + together, len(found.stored))):
            offset, length = found.stored[number]
            file.fp.seek(offset)
            contents.append(file.fp.read(length))
            top, left = number // along * tall, number % along * wide
            rows = slice(top, min(top + tall, height))
            where.append((rows, slice(left, min(left + wide, width))))
        # the last strip ends with the image
        below = tall * len(contents) if found.is_tiled else rows.stop - where[0][0].start
        with Image.open(_file_of(file, contents, (below, wide), tall), formats=["TIFF"]) as part:
            yield part, where


def _file_of(
    file: TiffImageFile, contents: list[bytes], size: tuple[int, int], rows: int
) -> io.BytesIO:
    """A TIFF of strips of so many rows, stored as those of another file are."""
    tags = ImageFileDirectory_v2(prefix=file.tag_v2.prefix)
    for tag in _HOW_STORED:
        if tag in file.tag_v2:
            tags.tagtype[tag] = file.tag_v2.tagtype[tag]
            tags[tag] = file.tag_v2[tag]
    tags[_HEIGHT], tags[_WIDTH] = size
    tags[_STRIP_ROWS] = rows
    tags[_STRIP_BYTES] = tuple(map(len, contents))
    begins = [sum(map(len, contents[:number])) for number in range(len(contents))]
    tags.tagtype[_STRIP_OFFSETS] = 4  # 32 bits; Pillow adds where the strips begin
    tags[_STRIP_OFFSETS] = tuple(begins)
    small = io.BytesIO()
    tags.save(small)
    small.write(b"".join(contents))
    small.seek(0)
    return small
