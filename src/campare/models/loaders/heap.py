"""HDF5 files whose heap has no end: the library walks it forever, and no signal stops it.

A collection of the global heap (format specification, III.E) holds texts of attributes:

    GCOL, version 1, 3 zeros, size of 8 bytes; then objects: index 2, references 2, 4 zeros, size 8

The library steps from object to object by their sizes. A step of nothing is a circle.
"""

import mmap
import struct
import zipfile
from pathlib import Path

_HEAD = b"GCOL\x01\x00\x00\x00"
_OBJECT = struct.Struct("<HHIQ")
_SMALLEST = 4096  # bytes of a collection
_WRAP = 2**64  # beyond which sizes begin anew

Content = bytes | mmap.mmap


class EndlessError(ValueError):
    """A heap without end; the text completes "got ..."."""


def require_ends(path: Path) -> None:
    """Raise EndlessError where a heap of a file, HDF5 or an archive of some, has no end."""
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _require(content)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.compress_type != zipfile.ZIP_STORED and member.filename.endswith(".h5"):
                    _require(archive.read(member))


def _require(content: Content) -> None:
    at = content.find(_HEAD)
    while at >= 0:
        if _is_endless(content, at):
            raise EndlessError("a damaged HDF5 file, whose heap has no end")
        at = content.find(_HEAD, at + 1)


def _is_endless(content: Content, at: int) -> bool:
    """Whether a walk through the collection that begins there stands still."""
    if at + 16 > len(content):
        return False
    size = int.from_bytes(content[at + 8 : at + 16], "little")
    if not _SMALLEST <= size <= len(content) - at:
        return False
    here, end = at + 16, at + size
    while here + _OBJECT.size <= end:
        index, _, _, length = _OBJECT.unpack(content[here : here + _OBJECT.size])
        step = (length if index == 0 else _OBJECT.size + -(-length // 8) * 8) % _WRAP
        if step == 0:
            return True
        here += step
    return False
