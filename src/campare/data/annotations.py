"""Annotation files: boxes.csv, COCO instances.json and Pascal VOC annotations/*.xml.

A reader turns the bytes of a file into annotations that name their image as the file does;
`folder.py` finds the image that is meant. Coordinates are pixels of the stored image, see
`shapes.py`; :func:`object_mask` fills the union of an image's shapes on the displayed grid.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from campare.data.csvfile import csv_reader
from campare.data.decode import Decoded, require_area, upright
from campare.data.shapes import Box, Polygons, Rle, Shape, Size, fill, runs_of
from campare.errors import DataError
from campare.types import Bools
from campare.untrusted import read_json, read_xml

#: Columns that boxes.csv must have.
CSV_COLUMNS = ("image", "xmin", "ymin", "xmax", "ymax")
#: Columns of boxes.csv that may hold the label, those of a line where none of an earlier one is.
LABEL_COLUMNS = (
    ("label", "class", "class_name", "category", "category_name"),
    ("name", "class_id", "label_id", "category_id", "cls", "classid", "labelname"),
)


@dataclass(frozen=True)
class Annotation:
    """One object on one image.

    Attributes:
        images: names of its image to try in turn, as written in the file.
        shape: where the object is.
        where: the row, entry or file that says so, for errors.
        label: the object's class as written; None where it is not said.
        size: (H, W) of the grid that the coordinates are in; None where it is not said.
    """

    images: tuple[str, ...]
    shape: Shape
    where: str
    label: str | None = None
    size: Size | None = None


def object_mask(
    annotations: Sequence[Annotation], image: str, decoded: Decoded, *, displayed: bool = False
) -> Bools:
    """The union of an image's shapes.

    Coordinates are in the stored grid, unless the file states the size of the displayed one and
    that differs; then they are in that.

    Args:
        annotations: of this image.
        image: its id, for errors.
        decoded: the image.
        displayed: whether coordinates that may be in either grid are in the displayed one.

    Returns:
        (H, W) bool on the displayed grid.

    Raises:
        DataError: a shape outside the image, or made for another size.

    Example:
        >>> image = Decoded(np.zeros((2, 3, 3), np.uint8), orientation=1)
        >>> box = Annotation(("1.png",), Box(0.0, 0.0, 2.0, 1.0), "boxes.csv line 2")
        >>> object_mask([box], "1.png", image).astype(int).tolist()
        [[1, 1, 0], [0, 0, 0]]
    """
    mask = np.zeros(decoded.shown, np.bool_)
    for annotation in annotations:
        unclear = decoded.is_ambiguous(annotation.size)
        size = annotation.size or (decoded.shown if displayed else decoded.stored)
        if size not in (decoded.stored, decoded.shown):
            raise DataError(
                f"Expected {annotation.where} to be made for image {image} of "
                f"{_pixels(decoded.stored)}, got one made for {_pixels(size)}. "
                "Try the images at the size that was annotated."
            )
        try:
            inside = fill(annotation.shape, size)
        except ValueError as error:
            way_out = (
                ("--annotations-as stored" if displayed else "--annotations-as displayed")
                if unclear
                else "to correct it; coordinates are pixels of the stored image"
            )
            raise DataError(
                f"Expected a shape inside image {image} of {_pixels(size)} in {annotation.where}, "
                f"got {error}. Try {way_out}."
            ) from error
        turned = size == decoded.stored and not (unclear and displayed)
        mask |= upright(inside, decoded.orientation) if turned else inside
    return mask


def read_boxes_csv(content: bytes, name: str = "boxes.csv") -> list[Annotation]:
    """Read rows `image,xmin,ymin,xmax,ymax[,label]`, several rows an image; also with ; or tabs.

    The label may stand in another column of LABEL_COLUMNS, too.

    Args:
        content: the bytes of the file, UTF-8 with a header row.
        name: of the file, for errors.

    Returns:
        One annotation a row; xmax and ymax are outer edges.

    Raises:
        DataError: a column is missing, a row is short, a number is not one, or words stand in a
            column that is not read where there are no labels.

    Example:
        >>> rows = b"image,xmin,ymin,xmax,ymax,label\\ncat/1.png,0,0,4,2.5,cat\\n"
        >>> read_boxes_csv(rows)[0].shape
        Box(left=0.0, top=0.0, right=4.0, bottom=2.5)
    """
    table = csv_reader(_decode(content, name))
    try:
        missing = [column for column in CSV_COLUMNS if column not in (table.fieldnames or ())]
        if missing:
            raise DataError(
                f"Expected the columns {','.join(CSV_COLUMNS)} in {name}, got no "
                f"{', '.join(missing)}. Try that header as the first line."
            )
        column = _label_column(table.fieldnames or (), name)
        rows = [(row, f"{name} line {table.line_num}") for row in table]
        if column is None:
            _require_no_words([row for row, _ in rows], name)
        return [_csv_row(row, where, column) for row, where in rows]
    except csv.Error as error:
        raise DataError(f"Expected CSV in {name}, got: {error}. Try to save it anew.") from error


def _label_column(columns: Iterable[str], name: str) -> str | None:
    """The column of labels, whatever its case; None where there is none."""
    found: list[str] = []
    for names in LABEL_COLUMNS:
        found = found or [column for column in columns if (column or "").strip().lower() in names]
    if len(found) > 1:
        raise DataError(
            f"Expected one column of labels in {name}, got {' and '.join(found)}. "
            "Try to remove one."
        )
    return found[0] if found else None


def _require_no_words(rows: Sequence[Mapping[str, str | None]], name: str) -> None:
    """Words in a column that is not read are labels, most likely."""
    for column in rows[0] if rows else ():
        if column in CSV_COLUMNS or column is None:  # None: of cells without a name
            continue
        words = [row[column] for row in rows if row[column]]
        if all(map(_is_number, words)):
            continue
        raise DataError(
            f"Expected labels in a column label or class of {name}, got {words[0]!r} in a column "
            f"{column!r}. Try to call it label, or to remove it."
        )


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True


def _csv_row(row: Mapping[str, str | None], where: str, column: str | None) -> Annotation:
    if not row["image"]:
        raise DataError(f"Expected the name of an image in {where}, got none. Try to add it.")
    edges = [_number(row[column], column, where) for column in CSV_COLUMNS[1:]]
    label = (row[column] or "").strip() or None if column else None
    return Annotation((row["image"],), Box(*edges), where, label=label)


def read_coco(content: bytes, name: str = "instances.json") -> list[Annotation]:
    """Read COCO instances: the segmentation (polygons or run lengths) if any, else the bbox.

    Args:
        content: the bytes of the file.
        name: of the file, for errors.

    Returns:
        One annotation an instance.

    Raises:
        DataError: not JSON, not COCO, or an instance without image or shape, or of a category that
            is not listed.

    Example:
        >>> import json
        >>> coco = {
        ...     "images": [{"id": 7, "file_name": "cat/1.png", "height": 9, "width": 8}],
        ...     "annotations": [{"image_id": 7, "bbox": [1, 2, 3, 4]}],
        ... }
        >>> read_coco(json.dumps(coco).encode())[0].shape
        Box(left=1.0, top=2.0, right=4.0, bottom=6.0)
    """
    try:
        data = read_json(_decode(content, name))
    except ValueError as error:
        raise DataError(f"Expected JSON in {name}, got: {error}. Try to export it anew.") from error
    try:
        images = {image["id"]: image for image in data["images"]}
        labels = {kind["id"]: str(kind["name"]) for kind in data.get("categories", ())}
        instances = list(data["annotations"])
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"Expected COCO's lists images and annotations in {name}, got {_reason(error)}. "
            "Try to export it anew as COCO instances."
        ) from error
    return [
        coco_instance(instance, images, labels, f"{name} annotations[{index}]")
        for index, instance in enumerate(instances)
    ]


def coco_instance(
    instance: Mapping[str, Any],
    images: Mapping[Any, Mapping[str, Any]],
    labels: Mapping[Any, str],
    where: str,
) -> Annotation:
    """One of COCO's annotations, by its images and the names of its categories.

    Raises:
        DataError: it has no image or shape, or a category that is not listed.
    """
    try:
        image = images[instance["image_id"]]
        return Annotation(
            images=(str(image["file_name"]),),
            shape=_coco_shape(instance),
            where=where,
            label=_coco_label(instance.get("category_id"), labels, where),
            size=size_of(image.get("height"), image.get("width")),
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise DataError(
            f"Expected the image_id of a listed image and a bbox or segmentation in {where}, got "
            f"{_reason(error)}. Try to export it anew as COCO instances."
        ) from error


def _coco_label(category: Any, labels: Mapping[Any, str], where: str) -> str | None:
    """The name of a category; its id where the file names none."""
    if category is None or not labels:
        return None if category is None else str(category)
    if category in labels:
        return labels[category]
    listed = ", ".join(f"{key} {name}" for key, name in list(labels.items())[:8])
    raise DataError(
        f"Expected a category_id of the listed categories ({listed}) in {where}, got "
        f"{category!r}. Try to list it, or to count ids as the list does."
    )


def _coco_shape(instance: Mapping[str, Any]) -> Shape:
    segmentation = instance.get("segmentation")
    if isinstance(segmentation, dict):
        height, width = segmentation["size"]
        return Rle((int(height), int(width)), runs_of(segmentation["counts"]))
    if segmentation:
        return Polygons(tuple(_ring([float(x) for x in numbers]) for numbers in segmentation))
    if len(instance["bbox"]) != 4:
        raise ValueError(f"a bbox of {len(instance['bbox'])} numbers")
    left, top, width, height = map(float, instance["bbox"])
    return Box(left, top, left + width, top + height)


def _ring(numbers: Sequence[float]) -> tuple[tuple[float, float], ...]:
    if len(numbers) % 2:
        raise ValueError(f"a polygon of {len(numbers)} numbers")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def read_voc(content: bytes, name: str) -> list[Annotation]:
    """Read the boxes of a Pascal VOC file, whose pixels count from 1 and include both ends.

    Args:
        content: the bytes of the XML file.
        name: its path below the root: annotations/cat/1.xml belongs to image cat/1.*, or else to
            the one that its element `filename` names.

    Returns:
        One annotation an `object`.

    Raises:
        DataError: not XML, or a box that is not complete.

    Example:
        >>> box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
        >>> xml = f"<annotation><object><name>cat</name>{box}</object></annotation>"
        >>> read_voc(xml.encode(), "annotations/cat/1.xml")[0].shape
        Box(left=0.0, top=1.0, right=3.0, bottom=4.0)
    """
    try:
        root = read_xml(content)
        size = size_of(root.findtext("size/height"), root.findtext("size/width"))
    except ValueError as error:
        raise DataError(
            f"Expected Pascal VOC's XML in {name}, got: {error}. Try to export it anew."
        ) from error
    if root.tag != "annotation":
        raise DataError(
            f"Expected Pascal VOC's XML (<annotation>) in {name}, got <{root.tag}>. "
            "Try campare data import DATA OUT, or to export it anew as Pascal VOC or COCO."
        )
    stem = PurePosixPath(*PurePosixPath(name).parts[1:]).with_suffix("").as_posix()
    filename = (root.findtext("filename") or "").strip()
    return [
        Annotation(
            images=(stem, filename) if filename else (stem,),
            shape=_voc_box(thing, f"{name} object {index}"),
            where=f"{name} object {index}",
            label=(thing.findtext("name") or "").strip() or None,
            size=size,
        )
        for index, thing in enumerate(root.findall("object"), start=1)
    ]


def _voc_box(thing: Element, where: str) -> Box:
    left, top, right, bottom = (
        _number(thing.findtext(f"bndbox/{edge}"), edge, where) for edge in CSV_COLUMNS[1:]
    )
    return Box(left - 1.0, top - 1.0, right, bottom)


def require_pixels(annotations: Iterable[Annotation], name: str) -> None:
    """Raise DataError where all shapes of a file lie within 0..1: shares of the image, not pixels.

    Example:
        >>> box = Annotation(("1.png",), Box(0.1, 0.2, 0.5, 0.9), "boxes.csv line 2")
        >>> require_pixels([box], "boxes.csv")
        Traceback (most recent call last):
        campare.errors.DataError: Expected pixels in boxes.csv, got shapes that all lie within \
0..1, as shares of an image. Try x times the width and y times the height of each image.
    """
    edges = [edge for each in annotations for edge in _far_edges(each.shape)]
    if edges and max(edges) <= 1.0:
        raise DataError(
            f"Expected pixels in {name}, got shapes that all lie within 0..1, as shares of an "
            "image. Try x times the width and y times the height of each image."
        )


def _far_edges(shape: Shape) -> Iterable[float]:
    """The coordinates of a shape that are farthest from the corner; 2 for run lengths: pixels."""
    if isinstance(shape, Box):
        return shape.right, shape.bottom
    if isinstance(shape, Polygons):
        return [edge for ring in shape.rings for point in ring for edge in point]
    return (2.0,)


def _number(text: str | None, what: str, where: str) -> float:
    try:
        return float(text or "")
    except ValueError:
        got = "nothing" if text is None or not text.strip() else repr(text)
        raise DataError(
            f"Expected a number for {what} in {where}, got {got}. Try to correct it."
        ) from None


def size_of(height: Any, width: Any) -> Size | None:
    """(H, W) as a file says it; None where it is missing or zero, as some tools write.

    Raises:
        ValueError: no whole numbers, or of more pixels than an image may have.

    Example:
        >>> size_of("3", 4), size_of(None, 4)
        ((3, 4), None)
    """
    try:
        size = int(height or 0), int(width or 0)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"a size of {height!r:.40} x {width!r:.40}") from error
    if min(size) <= 0:
        return None
    require_area(*size)
    return size


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"Expected UTF-8 in {name}, got: {error}. Try to save it so.") from error


def _reason(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def _pixels(size: Size) -> str:
    return f"{size[1]} x {size[0]} pixels"
