"""YOLO: a text file for each image, beside it or in labels/, with a line for each object.

    class x y width height            a box by its center (also of Roboflow, CVAT, Label Studio)
    class x1 y1 x2 y2 x3 y3 ...       a polygon, also the four corners of a turned box

Numbers are shares of the image. Names of classes are in data.yaml, classes.txt or *.names; without
any, the numbers are the names. An image without a file, or with an empty one, shows nothing.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from campare.data.annotations import Annotation
from campare.data.formats.items import (
    Contents,
    Files,
    LeftOut,
    Reading,
    items_of,
    split_in,
    split_of_image,
)
from campare.data.formats.pictures import read_size
from campare.data.shapes import Box, Polygons, Shape, Size
from campare.errors import DataError
from campare.yamlfile import plain_yaml

_NAMES = re.compile(r"(^|/)(classes\.txt|labels\.txt|_darknet\.labels|[^/]*\.names)$")
_ORDINARY = ("classes.txt", "labels.txt", "readme", "train.txt", "val.txt", "valid.txt", "test.txt")


def read(files: Files, reading: Reading) -> Contents:
    """Every image below the root with its text file.

    Raises:
        DataError: two lists of names that differ, or a number without a name.
    """
    names, used = names_of(files)
    left_out = LeftOut()
    annotations: dict[str, list[Annotation]] = {}
    text_files = set(files.ending(".txt"))
    listed = _lists(files)
    for image in files.images:
        path = next((each for each in _text_paths(image) if each in text_files), None)
        annotations[image] = []
        if path is None:
            continue
        used.append(path)
        try:
            annotations[image] = _objects(files, image, path, names, reading)
        except ValueError as error:
            left_out.images[f"with a line that is not YOLO's ({error})"].append(image)
            del annotations[image]
    known = set(used)
    for path in sorted(text_files - known):
        if not _is_ordinary(path) and path not in listed:
            left_out.annotations["of an image that is not there"].append(path)
    splits = {image: split_of_image(image) or _listed_in(image, listed) for image in files.images}
    items = items_of(files, annotations, {}, images=annotations, splits=splits)
    return Contents("YOLO", items, left_out, (*used, *listed))


def names_of(files: Files) -> tuple[dict[int, str], list[str]]:
    """Number of a class -> its name, and the files that say so; {} where none does."""
    found: dict[str, dict[int, str]] = {}
    for path in files.ending(".yaml", ".yml"):
        try:
            content = plain_yaml(files.text(path))
        except ValueError:
            continue
        if isinstance(content, dict) and isinstance(content.get("names"), dict | list):
            given: Any = content["names"]
            pairs = given.items() if isinstance(given, dict) else enumerate(given)
            try:
                found[path] = {int(number): str(name) for number, name in pairs}
            except (ValueError, TypeError, OverflowError) as error:
                raise DataError(
                    f"Expected names of classes by their numbers in {path}, got {error}. "
                    "Try names: [cat, dog], in the order of their numbers."
                ) from error
    for path in files.paths:
        if _NAMES.search(path):
            lines = [line.strip() for line in files.text(path).splitlines()]
            found[path] = dict(enumerate(line for line in lines if line))
    different = [path for path in found if found[path] != next(iter(found.values()))]
    if different:
        raise DataError(
            f"Expected one list of YOLO's names in {files.root}, got different ones in "
            f"{next(iter(found))} and {different[0]}. Try to remove the one that is not theirs."
        )
    return next(iter(found.values()), {}), list(found)


def _text_paths(image: str) -> list[str]:
    """Where the text of an image may lie: in labels/ in the place of images/, or beside it."""
    path = PurePosixPath(image).with_suffix(".txt")
    found = [path.as_posix()]
    for at, part in reversed(list(enumerate(path.parts[:-1]))):
        for old, new in (("images", "labels"), ("Images", "Labels"), ("JPEGImages", "labels")):
            if part == old:
                found.insert(0, "/".join((*path.parts[:at], new, *path.parts[at + 1 :])))
    return found


def _objects(
    files: Files, image: str, path: str, names: Mapping[int, str], reading: Reading
) -> list[Annotation]:
    """The objects of an image; ValueError where a line is none."""
    found: list[Annotation] = []
    size: Size | None = None
    for number, line in enumerate(files.text(path).splitlines(), start=1):
        words = line.split()
        where = f"{path} line {number}"
        if not words:
            continue
        size = size or read_size(files.root / image, displayed=reading.displayed)
        label, shape = int(words[0]), shape_of([float(word) for word in words[1:]], size)
        if names and label not in names:
            raise DataError(
                f"Expected a class of the {len(names)} that YOLO's names list in {where}, got "
                f"{label}. Try to add its name."
            )
        found.append(Annotation((image,), shape, where, names.get(label, str(label)), size))
    return found


def shape_of(numbers: Sequence[float], size: Size) -> Shape:
    """The shape of the numbers after the class, on an image of (H, W).

    Raises:
        ValueError: numbers of no box or polygon, or such that are no shares.

    Example:
        >>> shape_of([0.5, 0.5, 0.5, 1.0], (10, 20))
        Box(left=5.0, top=0.0, right=15.0, bottom=10.0)
    """
    height, width = size
    if any(not -0.1 <= number <= 1.1 for number in numbers):
        raise ValueError("numbers beyond 0..1")
    if len(numbers) == 4:
        x, y, w, h = numbers
        edges = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
        return Box(*edges)
    if len(numbers) == 5:
        raise ValueError("5 numbers, a box with a confidence: a prediction")
    if len(numbers) < 6 or len(numbers) % 2:
        raise ValueError(f"{len(numbers)} numbers after the class")
    ring = zip(numbers[::2], numbers[1::2], strict=True)
    return Polygons((tuple((x * width, y * height) for x, y in ring),))


def _lists(files: Files) -> dict[str, set[str]]:
    """Files such as train.txt that list images: path -> names of the images in it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in files.ending(".txt"):
        if split_in(PurePosixPath(path).name) is None:
            continue
        lines = [line.strip() for line in files.text(path).splitlines() if line.strip()]
        if lines and all(PurePosixPath(line).suffix for line in lines):
            found[path] = {PurePosixPath(line).name for line in lines}
    return dict(found)


def _listed_in(image: str, listed: Mapping[str, set[str]]) -> str | None:
    """The split of the list that an image is in."""
    name = PurePosixPath(image).name
    return next((split_in(PurePosixPath(p).name) for p, names in listed.items() if name in names),
                None)  # fmt: skip


def _is_ordinary(path: str) -> bool:
    name = PurePosixPath(path).name.lower()
    return name.startswith(_ORDINARY) or not re.search(r"label|annot|obj_", path.lower())
