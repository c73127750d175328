"""Annotation files: which there are, of what format, wherever they lie.

boxes.csv, instances.json and annotations/ straight below the root are read by their names. Where
none of them is there, other files are looked into, and those of the same three formats are read.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import Any, NamedTuple

from campare.data.annotations import (
    CSV_COLUMNS,
    Annotation,
    read_boxes_csv,
    read_coco,
    read_voc,
    require_pixels,
)
from campare.data.columns import box_columns
from campare.data.csvfile import csv_reader
from campare.data.walk import content_of
from campare.errors import DataError
from campare.untrusted import read_bytes, read_json

_READERS: Mapping[str, Callable[[bytes, str], list[Annotation]]] = {
    "boxes.csv": read_boxes_csv,
    "COCO": read_coco,
    "Pascal VOC": read_voc,
}
#: Name below the root -> format.
_NAMED = {"boxes.csv": "boxes.csv", "instances.json": "COCO", "annotations": "Pascal VOC"}
#: A CSV with columns of boxes that campare's own boxes.csv does not have.
TABLE = "a table of boxes"
_HEAD = 4096  # bytes that tell the format of a file, but of JSON
_TRIED = 20  # JSON files of a folder that are looked into where none tells its format
_YOLO = re.compile(r"\d+(\s+([01]?\.\d+|[01]\.?)){4,}\s*")  # each number in one way alone


class Source(NamedTuple):
    """Annotation files of one format; `elsewhere`: found by what is in them."""

    format: str
    name: str  # for people
    paths: tuple[str, ...]
    is_elsewhere: bool


def find_sources(root: Path, files: Sequence[str], *, has_masks: bool) -> list[Source]:
    """The annotation files to read among `files`, paths below root: of one format, or none.

    Raises:
        DataError: files of two formats; or, without masks, files of a format that is known but not
            read.
    """
    named = named_sources(root, files)
    if len(named) > 1:
        raise _two_kinds(root, [source.name for source in named])
    if named:
        return named
    found = _by_content(root, files)
    read = {name: paths for name, paths in found.items() if name in _READERS}
    if len(read) > 1:
        raise _two_kinds(root, [paths[0] for paths in read.values()])
    if found and not read and not has_masks:
        name, paths = next(iter(found.items()))
        raise DataError(
            f"Expected annotations as boxes.csv, COCO or Pascal VOC in {root}, got "
            f"{len(paths)} {'file' if len(paths) == 1 else 'files'} of {name}, such as {paths[0]}. "
            f"Try campare data import {quote(str(root))} OUT, or to move them out of the folder."
        )
    return [Source(name, paths[0], tuple(paths), True) for name, paths in read.items()]


def named_sources(root: Path, files: Sequence[str]) -> list[Source]:
    """The annotation files that have the names of README."""
    return [source for source in map(_by_name(root, files), _NAMED) if source is not None]


def read_source(root: Path, source: Source) -> Iterator[tuple[str, bytes, list[Annotation]]]:
    """(path, bytes, annotations) of each file of a source.

    Raises:
        DataError: a malformed file, or shapes that are no pixels.
    """
    every: list[Annotation] = []
    for path in source.paths:
        content = content_of(root / path)
        found = _READERS[source.format](content, path)
        if source.is_elsewhere and source.format == "Pascal VOC":
            stem = PurePosixPath(path).with_suffix("")
            found = [
                replace(each, images=(stem.as_posix(), *each.images, stem.name)) for each in found
            ]
        every += found
        yield path, content, found
    require_pixels(every, source.name)


def _by_name(root: Path, files: Sequence[str]) -> Callable[[str], Source | None]:
    def source(name: str) -> Source | None:
        if name in files:
            return Source(_NAMED[name], name, (name,), False)
        paths = [path for path in files if path.startswith(f"{name}/") and _is_voc(root, path)]
        return Source(_NAMED[name], name, tuple(paths), False) if paths else None

    return source


def _is_voc(root: Path, path: str) -> bool:
    """XML, or a file without a suffix that begins as Pascal VOC's does."""
    if PurePosixPath(path).suffix:
        return path.lower().endswith(".xml")
    return format_of(root / path) == "Pascal VOC"


def _by_content(root: Path, files: Iterable[str]) -> dict[str, list[str]]:
    """Format -> paths of files that are in it."""
    found: dict[str, list[str]] = defaultdict(list)
    silent: dict[tuple[str, str], int] = defaultdict(int)
    for path in files:
        here = PurePosixPath(path).parent.as_posix(), PurePosixPath(path).suffix
        if silent[here] >= _TRIED:
            continue
        name = format_of(root / path)
        if name is None:
            silent[here] += 1
        else:
            found[name].append(path)
    return found


def format_of(path: Path) -> str | None:
    """The format of an annotation file by what is in it; None where it is none that is known."""
    suffix = path.suffix.lower()
    try:
        head = read_bytes(path, first=_HEAD)
        if suffix in (".xml", ""):
            return _of_xml(head)
        if suffix in (".csv", ".tsv"):
            return _of_csv(head)
        if suffix == ".json":
            return _of_json(read_json(read_bytes(path)))
        if suffix == ".jsonl":
            return "Hugging Face's metadata" if b'"objects"' in head else None
        if suffix == ".txt":
            lines = [line for line in head.decode().splitlines() if line.strip()]
            return "YOLO" if lines and all(map(_YOLO.fullmatch, lines[:8])) else None
    except (OSError, ValueError, csv.Error):
        return None
    return None


def _of_xml(head: bytes) -> str | None:
    root = re.search(rb"<\s*([A-Za-z_][\w.-]*)", head)
    return {b"annotation": "Pascal VOC", b"annotations": "CVAT"}.get(root[1]) if root else None


def _of_csv(head: bytes) -> str | None:
    text = head.decode("utf-8-sig", "ignore").partition("\n")[0]
    named = {name.strip().lower(): name for name in csv_reader(text).fieldnames or ()}
    if set(named) >= set(CSV_COLUMNS):
        return "boxes.csv"
    return TABLE if box_columns(named) else None


def _of_json(content: Any) -> str | None:
    if isinstance(content, list):
        first = content[0] if content and isinstance(content[0], dict) else {}
        return "Label Studio" if {"annotations", "data"} <= set(first) else None
    keys = set(content) if isinstance(content, dict) else set()
    if {"images", "annotations"} <= keys:
        return "COCO" if _has_shapes(content["annotations"]) else None
    for name, needed in (("LabelMe", {"shapes", "imagePath"}), ("Supervisely", {"objects", "size"}),
                         ("VGG Image Annotator", {"_via_img_metadata"})):  # fmt: skip
        if needed <= keys:
            return name
    return None


def _has_shapes(annotations: Any) -> bool:
    """Whether COCO's annotations are of objects, not captions or panoptic segments."""
    first = annotations[0] if isinstance(annotations, list) and annotations else {"bbox": []}
    return isinstance(first, dict) and bool({"bbox", "segmentation"} & set(first))


def _two_kinds(root: Path, names: Sequence[str]) -> DataError:
    return DataError(
        f"Expected one kind of annotations in {root}, got {' and '.join(names)}. "
        "Try to keep one of them."
    )
