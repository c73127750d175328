"""Tables as of Kaggle: a CSV file that names images, and says of each what it shows.

    a column of labels, or one column of 0 and 1 for each label
    run lengths "start length start length ..." of a mask, from 1 down the columns
    boxes by their edges, by a corner or the middle and two sides, or as one column of a list;
    in pixels, or in shares of the image (`columns.BOXES` has the names of the columns)

Which column is which is read from names and values; `columns` says it where that is unclear.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from campare.data.annotations import Annotation
from campare.data.columns import BOXES, box_columns, plain_name
from campare.data.csvfile import csv_reader
from campare.data.formats.items import (
    Contents,
    Files,
    Finder,
    LeftOut,
    Reading,
    items_of,
    split_of_image,
)
from campare.data.formats.pictures import read_size
from campare.data.shapes import Box, Rle, Shape, Size, fill, rle_of
from campare.data.vocabulary import split_of
from campare.errors import DataError
from campare.types import Bools

#: What a column may hold -> names that say so, in small letters without signs.
_NAMED = {
    "label": ("label", "labels", "class", "classname", "classid", "category", "target", "diagnosis",
              "breed", "species", "name", "y"),
    "mask": ("encodedpixels", "rle", "mask", "segmentation", "annotation", "rlemask"),
    "group": ("group", "patient", "patientid", "video", "videoid", "subject", "subjectid"),
    "split": ("split", "set", "subset", "fold", "dataset"),
}  # fmt: skip
_IMAGE = ("image", "imageid", "imagepath", "filename", "file", "filepath", "path", "id", "img",
          "imagename", "imageidclassid")  # fmt: skip
TABLES = (".csv", ".tsv")
_NUMBER = re.compile(r"-?\d+(\.\d*)?")
_RUNS = re.compile(r"\s*\d+ \d+( \d+ \d+)*\s*")
_TRIED = 200  # rows that tell which column names images
_SCATTERED = 2.0  # times the outline of a mask that is read along the wrong side


class Columns(NamedTuple):
    """The columns of a table by what they hold; None: there is none."""

    image: str
    label: str | None
    flags: tuple[str, ...]  # of 0 and 1, each a label
    mask: str | None
    box: tuple[str, ...]
    group: str | None
    split: str | None


def read(files: Files, reading: Reading) -> Contents:
    """Every table below the root that names images there.

    Raises:
        DataError: no table does, or it is unclear which column is which.
    """
    finder, left_out = Finder(files.images), LeftOut()
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    labels: dict[str, list[str]] = defaultdict(list)
    splits: dict[str, str | None] = {}
    groups: dict[str, str] = {}
    used, rle_files, notes = [], [], list[str]()

    @cache  # many rows may be of one image
    def size_of(image: str) -> Size:
        return read_size(files.root / image, displayed=reading.displayed)

    for path in files.ending(*TABLES):
        rows = rows_of(files.text(path), path)
        columns = find_columns(rows, finder, path, reading.columns)
        if columns is None:
            continue
        used.append(path)
        notes += _unread(rows, columns, path)
        box = _box_form(rows, columns, finder, path, size_of) if columns.box else BoxForm()
        notes += [box.note] if box.note else []
        for number, row in enumerate(rows, start=2):
            where = f"{path} line {number}"
            image, label = _image_of(row[columns.image], finder, path)
            if image is None:
                left_out.images["named in a table, not there"].append(row[columns.image])
                continue
            splits.setdefault(
                image, split_of(row[columns.split]) if columns.split else split_of_image(image)
            )
            if columns.group and row[columns.group]:
                groups[image] = row[columns.group]
            own = row[columns.label] if columns.label else label
            has_shape = columns.mask or columns.box
            size = size_of(image) if has_shape else None
            shape = _shape(row, columns, box, size, where, reading)
            if shape is not None:
                annotations[image].append(Annotation((image,), shape, where, own or None, size))
                rle_files += [(image, where, row[columns.mask])] if columns.mask else []
            elif own and not columns.mask and not columns.box:
                labels[image].append(own)
            labels[image] += [flag for flag in columns.flags if row[flag] in ("1", "1.0", "True")]
    if not used:
        raise DataError(
            f"Expected a CSV file that names images in {files.root}, got none. Try --columns "
            "image=NAME,label=NAME with the columns that hold the files and the labels"
        )
    _require_order(rle_files, files, reading)
    rest = [image for image in files.images if image not in splits]
    if rest:
        left_out.images["not named in a table"] += rest
    items = items_of(files, annotations, labels, images=splits, splits=splits, groups=groups)
    return Contents("a table", items, left_out, tuple(used), tuple(notes))


def rows_of(text: str, path: str) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, cells without space around them.

    Raises:
        DataError: no CSV.

    Example:
        >>> rows_of("id, label\\n1.png, cat", "train.csv")
        [{'id': '1.png', 'label': 'cat'}]
    """
    try:
        return [
            {str(name).strip(): (cell or "").strip() for name, cell in row.items() if name}
            for row in csv_reader(text, strict=False)
        ]
    except csv.Error as error:
        raise DataError(f"Expected CSV in {path}, got: {error}. Try to save it anew.") from error


def find_columns(
    rows: Sequence[Mapping[str, str]], finder: Finder, path: str, given: Mapping[str, str]
) -> Columns | None:
    """Which column is which; None where no column names images.

    Raises:
        DataError: a column that is `given` is not there, or no column can be that of labels.
    """
    if not rows or not rows[0]:
        return None
    names = list(rows[0])
    for what, name in given.items():
        if what not in ("image", *_NAMED) or name not in names:
            raise DataError(
                f"Expected columns of {path} ({', '.join(names)}) as image, label, mask, group or "
                f"split, got {what}={name}. Try --columns image={names[0]}"
            )
    image = given.get("image") or _column_of_images(rows, finder, path)
    if image is None:
        return None
    rest = [name for name in names if name != image]
    by_name = {what: given.get(what) or _called(rest, words) for what, words in _NAMED.items()}
    if by_name["mask"] is None:
        by_name["mask"] = next((n for n in rest if _all(rows, n, _RUNS.fullmatch)), None)
    box = box_columns(rest)
    taken = {*by_name.values(), *box, image}
    free = [name for name in rest if name not in taken]
    flags = () if by_name["label"] else tuple(n for n in free if _all(rows, n, _is_flag))
    if len(flags) < 2:
        flags = ()
    if not by_name["label"] and not flags:
        words = [name for name in free if _tells(rows, name)]
        if len(words) == 1:
            by_name["label"] = words[0]
        elif not box and not by_name["mask"] and not re.search(r"_[^_.]+$", rows[0][image]):
            raise DataError(
                f"Expected a column of labels in {path}, got {', '.join(names)}. Try --columns "
                f"image={image},label={(words or rest or names)[0]}"
            )
    return Columns(image, by_name["label"], flags, by_name["mask"], box, by_name["group"],
                   by_name["split"])  # fmt: skip


def _column_of_images(rows: Sequence[Mapping[str, str]], finder: Finder, path: str) -> str | None:
    """The column most of whose values name an image, of several the one that is called so."""
    some = rows[:: max(1, len(rows) // _TRIED)]
    hits = {
        name: sum(_image_of(row[name], finder, path)[0] is not None for row in some)
        for name in rows[0]
    }
    best = max(hits.values())
    found = [name for name, count in hits.items() if count == best and count > 0]
    return _called(found, _IMAGE) or (found[0] if found else None)


def _image_of(name: str, finder: Finder, path: str) -> tuple[str | None, str | None]:
    """The image that a cell names, and its label where the cell holds both (0002cc93b.jpg_1)."""
    if not name:
        return None, None
    image = finder.find((name, name.rpartition("/")[2]), path)
    if image is not None:
        return image, None
    stem, joint, label = name.rpartition("_")
    return (finder.find((stem,), path), label) if joint and stem else (None, None)


class BoxForm(NamedTuple):
    """What the four numbers of the boxes of a table are."""

    is_of: str = "corner"  # and two sides; or "center" and two sides, or "edges"
    are_shares: bool = False  # of the image, not pixels
    note: str = ""  # on a list, of which no name says what it is: the values do


def _box_form(
    rows: Sequence[Mapping[str, str]],
    columns: Columns,
    finder: Finder,
    path: str,
    size_of: Callable[[str], Size],
) -> BoxForm:
    """By the names of the columns and by the values.

    Raises:
        DataError: shares of the image by x, y and two sides: x may be of a corner or the middle.
    """
    named = BOXES[tuple(map(plain_name, columns.box))]
    lines = [(row, _numbers(row, columns, f"{path} line {at}")) for at, row in enumerate(rows, 2)]
    boxes = [numbers for _, numbers in lines if numbers]
    are_shares = bool(boxes) and max(map(max, boxes)) <= 1
    if named:
        return BoxForm(named, are_shares)
    if are_shares:
        raise DataError(
            f"Expected pixels in {path}, got boxes within 0..1, whose {columns.box[0]} may be of a "
            "corner or of the middle. Try columns left,top,width,height or "
            "x_center,y_center,width,height in its first line"
        )
    if len(columns.box) > 1:
        return BoxForm()
    outside = inverted = False
    for row, (left, top, a, b) in [line for line in lines if line[1]][:_TRIED]:
        image, _ = _image_of(row[columns.image], finder, path)
        if image is not None:
            height, width = size_of(image)
            outside |= left + a > width + 1 or top + b > height + 1
            inverted |= a <= left or b <= top or a > width + 1 or b > height + 1
    if inverted:
        return BoxForm()
    is_of = "edges" if outside else "corner"
    read = f"The boxes in column {columns.box[0]} of {path} are read as "
    as_sides = "x, y, width, height; as edges they would fit, too"
    return BoxForm(is_of, False, read + ("edges" if outside else as_sides))


def _numbers(row: Mapping[str, str], columns: Columns, where: str) -> list[float]:
    """The four numbers of a box; none where its cells are empty.

    Raises:
        DataError: other cells.
    """
    if len(columns.box) == 1:
        cells = re.findall(r"-?\d+\.?\d*", row[columns.box[0]])
    else:
        cells = [row[name] for name in columns.box]
    if not any(cells):
        return []
    try:
        left, top, a, b = map(float, cells)
    except ValueError:
        raise DataError(
            f"Expected four numbers of a box in {where}, got {cells}. Try to correct it."
        ) from None
    return [left, top, a, b]


def _shape(
    row: Mapping[str, str],
    columns: Columns,
    box: BoxForm,
    size: Size | None,
    where: str,
    reading: Reading,
) -> Shape | None:
    """The mask or box of a row; None where its cells are empty."""
    if columns.mask:
        assert size is not None
        text = row[columns.mask]
        return None if text in ("", "-1", "nan") else runs_from_1(text, size, where, reading.rle)
    numbers = _numbers(row, columns, where) if columns.box else []
    if not numbers:
        return None
    x, y, a, b = numbers
    if box.is_of == "center":
        x, y = x - a / 2, y - b / 2
    right, bottom = (a, b) if box.is_of == "edges" else (x + a, y + b)
    height, width = size if box.are_shares and size else (1, 1)
    return Box(x * width, y * height, right * width, bottom * height)


def _unread(rows: Sequence[Mapping[str, str]], columns: Columns, path: str) -> list[str]:
    """What is said of columns of numbers that are not read, as a box's may be."""
    used = {*columns.box, *columns.flags, *columns}
    free = [name for name in rows[0] if name not in used and _all(rows, name, _NUMBER.fullmatch)]
    return [f"Columns of {path} that are not read: {', '.join(free)}"] if len(free) > 1 else []


def runs_from_1(text: str, size: Size, where: str, order: str = "columns") -> Rle:
    """Kaggle's run lengths: starts that count from 1, down the columns, each with its length.

    Raises:
        DataError: an odd number of numbers, or runs that overlap or leave the image.

    Example:
        >>> runs_from_1("2 2", (2, 3), "train.csv line 2")
        Rle(size=(2, 3), runs=(1, 2, 3))
    """
    try:
        numbers = np.array(text.split(), np.int64)
        starts, lengths = numbers[::2] - 1, numbers[1::2]
        order_of_starts = np.argsort(starts)
        starts, lengths = starts[order_of_starts], lengths[order_of_starts]
        edges = np.stack([starts, starts + lengths], axis=1).ravel()
        fits = (
            ((numbers >= 0) & (numbers <= size[0] * size[1])).all()  # sums of them do not overflow
            and (np.diff(edges) >= 0).all()
            and edges[0] >= 0
            and edges[-1] <= size[0] * size[1]
        )
    except (ValueError, IndexError, OverflowError):
        fits = False
    if not fits:
        raise DataError(
            f"Expected run lengths 'start length ...' of an image of {size[1]} x {size[0]} pixels "
            f"in {where}, got {text[:40]!r}. Try the images at the size that was annotated."
        )
    runs = tuple(int(run) for run in np.diff([0, *edges, size[0] * size[1]]))
    if order == "columns":
        return Rle(size, runs)
    return rle_of(fill(Rle(size[::-1], runs), size[::-1]).T)


def _require_order(masks: Sequence[tuple[str, str, str]], files: Files, reading: Reading) -> None:
    """Refuse run lengths that give scattered masks in the order given, and areas in the other."""
    outlines = {"columns": 0, "rows": 0}
    for image, where, text in masks[:8]:
        size = read_size(files.root / image, displayed=reading.displayed)
        for order in outlines:
            outlines[order] += _outline(fill(runs_from_1(text, size, where, order), size))
    other = "rows" if reading.rle == "columns" else "columns"
    if outlines[reading.rle] > _SCATTERED * outlines[other]:
        raise DataError(
            f"Expected run lengths along {reading.rle}, got masks that are areas only along "
            f"{other}, such as {masks[0][1]}. Try --rle {other}"
        )


def _outline(mask: Bools) -> int:
    """Neighbors one of which is inside."""
    return int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())


def _called(names: Sequence[str], words: Sequence[str]) -> str | None:
    """The column with one of some names, the first of them that there is."""
    plain = {plain_name(name): name for name in reversed(names)}
    return next((plain[word] for word in words if word in plain), None)


def _all(rows: Sequence[Mapping[str, str]], name: str, fits: object) -> bool:
    """Whether all cells of a column that hold something fit, and some do."""
    cells = [row[name] for row in rows if row[name]]
    return bool(cells) and all(fits(cell) for cell in cells)  # type: ignore[operator]


def _is_flag(cell: str) -> bool:
    return cell in ("0", "1", "0.0", "1.0", "True", "False")


def _tells(rows: Sequence[Mapping[str, str]], name: str) -> bool:
    """Whether a column has few values, each of several rows: labels, no measurements or ids."""
    values = {row[name] for row in rows}
    return 1 < len(values) <= max(2, len(rows) // 2)


def names_images(files: Files) -> bool:
    """Whether some CSV file below the root names images there."""
    finder = Finder(files.images)
    for path in files.ending(*TABLES):
        rows = rows_of(files.text(path), path)
        if rows and rows[0] and _column_of_images(rows, finder, path):
            return True
    return False
