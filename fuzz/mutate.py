"""Mutants of a file: bytes at random, and changes of its structure that leave it valid.

    mutant(rng, seeds, kind) -> bytes

Half of the mutants of a structured kind (JSON, CSV, XML, PNG) are still of that format: a reader
gets past its parser and meets what it does not expect.
"""

import csv
import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from typing import Any
from xml.etree import ElementTree

#: What programs trip over, as text.
TOKENS = (
    "0", "-1", "1", "2", "0.5", "-0.5", "1e999", "-1e999", "1e-999", "1e308", "NaN", "nan", "inf",
    "-inf", "Infinity", ".inf", ".nan", "null", "~", "true", "no", "010", "0x10", "1_000",
    "2147483648",
    "-2147483649", "9223372036854775807", "9223372036854775808", "18446744073709551616", "9" * 30,
    "9" * 400, "9" * 5000, "1:" * 200 + "1.5", "!!float ",
    "1" + "0" * 400 + ".0", "", " ", "\t", "\n", "\r\n", "\x00", "\ufeff",
    "\u00e9", "\u202e", "\U0001f600", "\\ud800", "\\u0000", "'", '"', "\\", "/", "..", "../..", ":",
    "::", ",", ";", "=", "&", "?", "#", "*", "&a", "*a", "<<", "[", "]", "{", "}", "[" * 60,
    "{" * 60,
    "(", ")", "<", ">", "<!ENTITY", "<![CDATA[", "-->", "---", "- ", "!!int ", "!!timestamp ", "%",
    "cat", "dog", "cat/1.png", "1.png", "image", "label", "bbox", "size", "counts", "id", "names",
    "0..1", "1..0", "..", "nonzero", "#ff0000", "#", "14x14", "14x14+1", "own", "largest",
)  # fmt: skip

#: What programs trip over, as values of JSON.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 0.5, -0.5, 1e308, -1e308, 1e-320, 2**31, -(2**31), 2**53,
    2**63, 2**64 - 1, 10**6, "", "0", "cat", "dog", "cat/1.png", "1.png", "nan", "\x00", "\u202e",
    "x" * 300,
    [], {}, [[]], [None], [0], [1, 2, 3, 4], [0, 0, 1e9, 1e9], [[1, 2]], [[0, 0, 5, 0, 5, 5]],
    {"": {}}, {"size": [8, 12], "counts": "`3"}, {"size": [8, 12], "counts": [0, 96]}, {"size": [],
    "counts": 7},
)  # fmt: skip

Mutator = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def mutant(rng: random.Random, seeds: Sequence[bytes], kind: str) -> bytes:
    """One of the seeds, changed once to a few times."""
    content = rng.choice(seeds)
    structured = STRUCTURED.get(kind)
    if structured is not None and rng.random() < 0.5:
        return structured(rng, content, seeds)
    for __ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        content = of_bytes(rng, content, seeds)
    return content


def of_bytes(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """A change that knows nothing of the format."""
    at = rng.randrange(len(content) + 1)
    to = min(len(content), at + rng.choice((1, 1, 2, 4, 8, 16, 64)))
    how = rng.randrange(8)
    if how == 0:  # a byte
        return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    if how == 1:  # a bit
        flipped = bytes([content[at] ^ 1 << rng.randrange(8)]) if at < len(content) else b""
        return content[:at] + flipped + content[at + 1 :]
    if how == 2:  # gone
        return content[:at] + content[to:]
    if how == 3:  # doubled
        return content[:to] + content[at:to] * rng.choice((1, 2, 50)) + content[to:]
    if how == 4:  # cut off
        return content[:at]
    if how == 5:  # the end of another
        other = rng.choice(seeds)
        return content[:at] + other[rng.randrange(len(other) + 1) :]
    token = rng.choice(TOKENS).encode()
    return content[:at] + token + content[at if how == 6 else to :]


@cache
def _tree(content: bytes) -> Any:
    return json.loads(content)


def of_json(rng: random.Random, content: bytes, _: Sequence[bytes] = ()) -> bytes:
    """Values, keys and parts of a JSON text, changed; it stays JSON."""
    tree = deepcopy(_tree(content))
    for __ in range(rng.choice((1, 1, 2, 4))):
        holders = [each for each in _holders(tree) if each]
        if not holders:
            break
        holder = rng.choice(holders)
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        how = rng.randrange(6)
        if how == 0:
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder[rng.choice(TOKENS)] = holder.pop(key)
        elif how == 2:
            other = rng.choice(holders)
            holder[key] = deepcopy(rng.choice([other, *(other.values() if isinstance(other, dict)
                                                        else other)]))  # fmt: skip
        elif how == 3 and isinstance(holder, list):
            holder.insert(key, deepcopy(holder[key]))
        elif how == 4 and isinstance(holder[key], int | float):
            holder[key] *= rng.choice((-1, 0, 0.5, 1000))
        else:
            holder[key] = deepcopy(rng.choice(VALUES))
    return json.dumps(tree).encode()


def _holders(tree: Any) -> list[Any]:
    """All lists and objects in a tree."""
    found, todo = [], [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, dict | list):
            found.append(node)
            todo += node.values() if isinstance(node, dict) else node
    return found


def of_lines(rng: random.Random, content: bytes, _: Sequence[bytes] = ()) -> bytes:
    """Lines of JSON, one of them changed as JSON."""
    lines = content.splitlines() or [b""]
    at = rng.randrange(len(lines))
    lines[at] = of_json(rng, lines[at])
    return b"\n".join(lines)


def of_csv(rng: random.Random, content: bytes, _: Sequence[bytes] = ()) -> bytes:
    """Cells, rows and columns of a table; it stays CSV."""
    rows = [list(row) for row in csv.reader(content.decode().splitlines())]
    for __ in range(rng.choice((1, 1, 2, 4))):
        row = rng.choice(rows)
        at, how = rng.randrange(len(row) + 1), rng.randrange(5)
        if how == 0:
            row.insert(at, rng.choice(TOKENS))
        elif how == 1 and at < len(row):
            del row[at]
        elif how == 2:
            rows.insert(rng.randrange(len(rows) + 1), list(row))
        elif at < len(row):
            row[at] = rng.choice((*TOKENS, *rng.choice(rows)))
        if not any(rows):
            break
        rows = [each for each in rows if each]
    text = io.StringIO()
    csv.writer(text, delimiter=rng.choice(",,,;\t")).writerows(rows)
    return text.getvalue().encode()


def of_xml(rng: random.Random, content: bytes, _: Sequence[bytes] = ()) -> bytes:
    """Elements, texts and attributes of an XML text; it stays XML."""
    root = ElementTree.fromstring(content)
    for __ in range(rng.choice((1, 1, 2, 4))):
        every = list(root.iter())
        one, how = rng.choice(every), rng.randrange(5)
        if how == 0 and len(one):
            one.remove(rng.choice(list(one)))
        elif how == 1:
            one.append(deepcopy(rng.choice(every[1:] or every)))
        elif how == 2:
            one.tag = rng.choice(every).tag
        elif how == 3 and one.attrib:
            one.set(rng.choice(list(one.attrib)), _plain(rng))
        else:
            one.text = _plain(rng)
    return ElementTree.tostring(root, encoding=rng.choice(("utf-8", "utf-8", "utf-16", "latin1")))


def _plain(rng: random.Random) -> str:
    """A token of characters that XML may hold."""
    return "".join(c for c in rng.choice(TOKENS) if c in "\t\n" or c >= " ")


def of_png(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Chunks of a PNG changed, with the checksums that they need."""
    if not content.startswith(b"\x89PNG"):
        return of_bytes(rng, content, seeds)
    chunks, at = [], 8
    while at + 8 <= len(content):
        length = struct.unpack(">I", content[at : at + 4])[0]
        chunks.append([content[at + 4 : at + 8], content[at + 8 : at + 8 + length]])
        at += length + 12
    one, how = rng.choice(chunks), rng.randrange(6)
    if how == 0:
        chunks.remove(one)
    elif how == 1:
        chunks.insert(rng.randrange(len(chunks) + 1), list(one))
    elif how == 2 and len(chunks[0][1]) == 13:
        head = bytearray(chunks[0][1])
        head[rng.randrange(13)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255, rng.randrange(256)))
        chunks[0][1] = bytes(head)
    elif how == 3 and one[0] == b"IDAT":
        pixels = bytearray(zlib.decompress(one[1])) if _inflates(one[1]) else bytearray(b"\0")
        pixels[rng.randrange(len(pixels))] = rng.randrange(256)
        one[1] = zlib.compress(bytes(pixels[: rng.choice((None, len(pixels) // 2))]), 1)
    elif how == 4:
        kind = rng.choice((b"tRNS", b"PLTE", b"eXIf", b"iCCP", b"gAMA", b"acTL", b"fcTL", b"zTXt"))
        chunks.insert(1, [kind, rng.randbytes(rng.choice((0, 1, 2, 3, 6, 8, 26, 256, 768)))])
    else:
        one[1] = of_bytes(rng, one[1], seeds)
    return content[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _inflates(data: bytes) -> bool:
    try:
        return 0 < len(zlib.decompress(data)) < 2**20
    except zlib.error:
        return False


#: Kind -> changes that leave a file of it valid.
STRUCTURED: dict[str, Mutator] = {
    "json": of_json,
    "yaml": of_json,  # JSON is YAML
    "lines": of_lines,
    "csv": of_csv,
    "xml": of_xml,
    "image": of_png,
}
