"""All that Datumaro reads: CVAT, Open Images, the XML of LabelMe, Cityscapes, KITTI and many more.

Datumaro leaves out what it cannot read with a line in its log; here that is collected and counted.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from campare.data.annotations import Annotation
from campare.data.formats.items import (
    Contents,
    Files,
    Finder,
    Item,
    LeftOut,
    Reading,
    split_of_image,
)
from campare.data.formats.outlines import ellipse
from campare.data.shapes import Box, Polygons, Shape, rle_of
from campare.data.vocabulary import split_of
from campare.errors import DataError
from campare.optional import require


def names() -> list[str]:
    """The formats that Datumaro imports.

    Raises:
        MissingExtraError: it is not installed.
    """
    environment = require("datumaro.components.environment", extra="formats")
    return sorted(environment.Environment().importers._items)


def detect(files: Files) -> list[str]:
    """The formats that a folder may have by Datumaro's rules."""
    environment = require("datumaro.components.environment", extra="formats")
    require_files(files)
    with _quiet([]):
        return sorted(environment.Environment().detect_dataset(str(files.root)))


def read_as(name: str, files: Files, _: Reading) -> Contents:
    """A data set in a format of Datumaro's.

    Raises:
        DataError: Datumaro cannot read it.
    """
    datumaro = require("datumaro", extra="formats")
    require_files(files)
    left_out, said = LeftOut(), list[str]()
    try:
        with _quiet(said):
            found = datumaro.Dataset.import_from(str(files.root), name)
            entries = [(entry, list(entry.annotations)) for entry in found]
            categories = found.categories()
    except Exception as error:  # Datumaro's own kinds, and those of what it reads with
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"Expected a data set that Datumaro reads as {name} in {files.root}, got: {reason}. "
            "Try another --format, or to export it as COCO"
        ) from error
    for line in said:
        left_out.annotations[f"by Datumaro: {line}"].append(line)
    finder = Finder(files.images)
    labels = _labels(categories, datumaro)
    items: dict[str, Item] = {}
    for entry, annotations in entries:
        image = _image_of(entry, files, finder)
        if image is None:
            left_out.images["named in annotations, not there"].append(str(entry.id))
            continue
        item = _item(image, entry, annotations, labels, files, left_out)
        if image in items:  # as another subset or task of the same image
            earlier = items[image]
            item = Item(
                image,
                item.path,
                tuple(dict.fromkeys((*earlier.labels, *item.labels))),
                (*earlier.annotations, *item.annotations),
                earlier.split or item.split,
            )
        items[image] = item
    rest = [image for image in files.images if image not in items]
    if rest:
        left_out.images["not named in annotations"] += rest
    ordered = tuple(items[image] for image in sorted(items))
    known = files.ending(".xml", ".csv", ".json", ".txt", ".yaml", ".data", ".names")
    return Contents(f"{name} (Datumaro)", ordered, left_out, known)


def require_files(files: Files) -> None:
    """Refuse a folder with pipes or devices in it, of which Datumaro would wait for the end.

    Raises:
        DataError: there are any.
    """
    if files.others:
        raise DataError(
            f"Expected files and folders alone in {files.root}, got {files.others[0]}, a pipe, "
            "a device or a link. Try to remove it, or to put what it links to there."
        )


def _labels(categories: Any, datumaro: Any) -> dict[int, str]:
    kinds = categories.get(datumaro.AnnotationType.label)
    return {} if kinds is None else {i: str(kind.name) for i, kind in enumerate(kinds.items)}


def _image_of(entry: Any, files: Files, finder: Finder) -> str | None:
    path = getattr(entry.media, "path", None)
    if path:
        try:
            inside = Path(path).resolve().relative_to(files.root.resolve()).as_posix()
        except ValueError:
            inside = ""
        if inside in files.paths:
            return inside
    name = str(entry.id)
    return finder.find((name, PurePosixPath(name).name), str(entry.subset or ""))


def _item(
    image: str,
    entry: Any,
    annotations: list[Any],
    names: dict[int, str],
    files: Files,
    left_out: LeftOut,
) -> Item:
    labels: list[str] = []
    shapes: list[Annotation] = []
    for index, one in enumerate(annotations):
        kind, where = one.type.name, f"{image} {one.type.name} {index}"
        label = names.get(one.label) if getattr(one, "label", None) is not None else None
        if kind == "label" and one.attributes.get("score", 1) == 0:
            left_out.annotations["that say a class is absent"].append(where)
            continue
        if kind == "label":
            labels += [label] if label else []
            continue
        shape = _shape(kind, one)
        if shape is None:
            left_out.annotations[f"{kind}, no area"].append(where)
        else:
            shapes.append(Annotation((image,), shape, where, label, _size(shape)))
    split = split_of(str(entry.subset or "")) or split_of_image(image)
    path = files.root / image
    return Item(image, path, tuple(dict.fromkeys(labels)), tuple(shapes), split)


def _size(shape: Shape) -> tuple[int, int] | None:
    return getattr(shape, "size", None)


def _shape(kind: str, one: Any) -> Shape | None:
    """The area of an annotation; None for points, lines and the like."""
    if kind == "bbox":
        return Box(one.x, one.y, one.x + one.w, one.y + one.h)
    if kind == "polygon":
        return Polygons((_pairs(one.points),))
    if kind == "rotated_bbox":
        return Polygons((_pairs(one.as_polygon()),))
    if kind == "ellipse":
        return ellipse(one.c_x, one.c_y, one.w / 2, one.h / 2)
    if kind == "mask":
        return rle_of(np.asarray(one.image) != 0)
    return None


def _pairs(numbers: Any) -> tuple[tuple[float, float], ...]:
    flat = [float(number) for number in np.ravel(numbers)]
    return tuple(zip(flat[::2], flat[1::2], strict=True))


@contextmanager
def _quiet(said: list[str]) -> Iterator[None]:
    """Within the block Datumaro's warnings are gathered, not printed."""

    class Gather(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(" ".join(record.getMessage().split()))

    logger, handler = logging.getLogger(), Gather(logging.WARNING)
    kept = list(logger.handlers)
    logger.handlers = [handler]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.handlers = kept
