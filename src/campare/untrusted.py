"""Files and texts that somebody else wrote, read within stated limits.

    read_bytes(path)   -> bytes     of an ordinary file: no pipe, no device, nothing beyond LARGEST
    read_json(text)    -> values    numbers that are finite and fit 64 bits
    read_xml(content)  -> element   no entities: none that grow, none that name another file
    require_archive(path)           a ZIP file that does not become many times as large

What is refused is an OSError or a ValueError whose text completes "got ...": readers say of what.
"""

import errno
import json
import math
import os
import re
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

#: Bytes of a file that is read whole.
LARGEST = 2**30

# To open a pipe without waiting for who writes to it.
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_PACKED, _SMALL = 20, 2**26  # times as large an archive may become; bytes that it always may

_LONG = re.compile(r"\d{19}|[eE]\+?\d{3}")  # of numbers that may be too large, nearly always absent
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # of a pair that is one character


def read_bytes(path: Path, limit: int = LARGEST, *, first: int | None = None) -> bytes:
    """The bytes of an ordinary file, or the first ones.

    Raises:
        OSError: there is none, it is a folder, pipe, device or socket, or larger than `limit`.

    Example:
        >>> read_bytes(Path("/dev/zero"))
        Traceback (most recent call last):
        OSError: [Errno 22] a pipe, device or socket, no file: '/dev/zero'
    """
    with os.fdopen(os.open(path, _READING), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "a pipe, device or socket, no file", str(path))
        if first is None and found.st_size > limit:
            said = f"{found.st_size:,} bytes, more than the {limit:,} that are read"
            raise OSError(errno.EFBIG, said, str(path))
        # At once no more than there is: reading reserves what it may read. Files of /proc say 0.
        return file.read(min(limit if first is None else first, max(found.st_size, 2**16)))


def read_json(text: str | bytes) -> Any:
    """The values of a JSON text.

    Raises:
        ValueError: it is not JSON, nested too deeply, or holds NaN, an infinity, a number beyond
            64 bits or half a character.

    Example:
        >>> read_json('{"size": [3, 0.5]}')
        {'size': [3, 0.5]}
        >>> read_json("[1e999]")
        Traceback (most recent call last):
        ValueError: the number 1e999, which is too large
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    is_long = _LONG.search(text) is not None
    try:
        found = json.loads(
            text,
            parse_int=_whole if is_long else None,
            parse_float=_finite if is_long else None,
            parse_constant=_no_number,
        )
    except RecursionError:
        raise ValueError("values that are nested too deeply") from None
    if _HALF.search(text):
        require_characters(json.dumps(found, ensure_ascii=False))
    return found


def _whole(text: str) -> int:
    if len(text) > 20 or abs(int(text)) >= 2**64:
        raise ValueError(f"the number {text:.20}{'...' * (len(text) > 20)}, which is too large")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"the number {text:.20}, which is too large")
    return float(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text}, which is no number of JSON")


def require_characters(text: str) -> None:
    """Raise ValueError where a text holds half a character, which no file can hold.

    Example:
        >>> require_characters("caf\\udce9")
        Traceback (most recent call last):
        ValueError: text that is not UTF-8: 'caf\\udce9'
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.start + 20]
        raise ValueError(f"text that is not UTF-8: {around!a}") from None


def read_xml(content: bytes) -> ElementTree.Element:
    """The root of an XML text without entities or attributes of its own declaration.

    Such declarations make a small file as large as one likes, or name other files.

    Raises:
        ValueError: it is not XML, or declares any.

    Example:
        >>> read_xml(b"<a><b/></a>")[0].tag
        'b'
        >>> read_xml(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
        Traceback (most recent call last):
        ValueError: a declaration of the entity b
    """
    try:
        scout = expat.ParserCreate()
        scout.EntityDeclHandler = _no_entity
        scout.AttlistDeclHandler = _no_attribute
        scout.Parse(content, True)
        return ElementTree.fromstring(content)
    except (expat.ExpatError, ElementTree.ParseError, LookupError) as error:
        raise ValueError(str(error)) from error


def require_archive(path: Path) -> None:
    """Raise ValueError where a ZIP file says that it holds more than _PACKED times its own size.

    Weights, which are nearly all of a model, hardly become smaller in an archive. A file that is no
    archive is none of this function's business.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        return
    packed = path.stat().st_size
    if unpacked > max(_SMALL, _PACKED * packed):
        raise ValueError(f"an archive of {packed:,} bytes that becomes {unpacked:,}")


def _no_entity(name: str, *_: Any) -> NoReturn:
    raise ValueError(f"a declaration of the entity {name:.20}")


def _no_attribute(element: str, name: str, *_: Any) -> NoReturn:
    raise ValueError(f"a declaration of the attribute {name:.20} of {element:.20}")
