"""Hugging Face's ImageFolder with metadata.jsonl: a line of JSON for each image beside it.

    {"file_name": "1.png", "objects": {"bbox": [[x, y, width, height]], "categories": [0]}}

A `label` is that of the image. Names of numbers are in the head of README.md (class_label, names);
without any, the numbers are the names.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from campare.data.annotations import Annotation
from campare.data.formats.items import Contents, Files, LeftOut, Reading, items_of
from campare.data.shapes import Box
from campare.errors import DataError
from campare.untrusted import read_json
from campare.yamlfile import plain_yaml

METADATA = "metadata.jsonl"
_LABELS = ("categories", "category", "labels", "label", "category_id")


def read(files: Files, _: Reading) -> Contents:
    """Every image below the root with its line, also those that have none.

    Raises:
        DataError: a line that is no JSON, or objects that are no boxes.
    """
    left_out, images = LeftOut(), set(files.images)
    names, used = names_of(files)
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    labels: dict[str, list[str]] = defaultdict(list)
    for path in files.ending(METADATA):
        used.append(path)
        for number, text in enumerate(files.text(path).splitlines(), start=1):
            where = f"{path} line {number}"
            if not text.strip():
                continue
            line = _line(text, where)
            image = (PurePosixPath(path).parent / str(line.get("file_name", ""))).as_posix()
            if image not in images:
                left_out.images["named in annotations, not there"].append(image)
                continue
            if line.get("label") is not None:
                labels[image].append(_named(line["label"], names))
            annotations[image] += _objects(line.get("objects") or {}, image, where, names)
    items = items_of(files, annotations, labels, images=files.images)
    return Contents("Hugging Face's metadata", items, left_out, tuple(used))


def names_of(files: Files) -> tuple[dict[str, str], list[str]]:
    """Number of a class -> its name by the head of README.md, and that file; none where it does not
    say, or says two lists."""
    path = "README.md"
    parts = files.text(path).split("---") if path in files.paths else []
    try:
        head = plain_yaml(parts[1]) if len(parts) > 2 and not parts[0].strip() else None
    except ValueError:
        head = None
    found = list(_class_labels(head))
    if not found or any(names != found[0] for names in found):
        return {}, []
    return found[0], [path]


def _class_labels(value: Any) -> Iterator[dict[str, str]]:
    """Every `class_label: names:` in parsed YAML."""
    if isinstance(value, dict):
        names = value.get("class_label")
        names = names.get("names") if isinstance(names, dict) else None
        if isinstance(names, dict | list):
            pairs = names.items() if isinstance(names, dict) else enumerate(names)
            yield {str(number): str(name) for number, name in pairs}
    for each in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _class_labels(each)


def _line(text: str, where: str) -> dict[str, Any]:
    try:
        found = read_json(text)
    except ValueError as error:
        raise DataError(
            f"Expected JSON in {where}, got: {error}. Try to export it anew."
        ) from error
    if not isinstance(found, dict):
        raise DataError(
            f"Expected an object of JSON in {where}, got a value. Try to export it anew."
        )
    return found


def _objects(
    objects: Any, image: str, where: str, names: Mapping[str, str]
) -> Iterator[Annotation]:
    """The boxes of an image: lists of boxes and of labels, or a list of objects that have each."""
    try:
        if isinstance(objects, dict):
            boxes = objects.get("bbox", ())
            key = next((key for key in _LABELS if key in objects), None)
            given = objects[key] if key else [None] * len(boxes)
        else:
            boxes = [one["bbox"] for one in objects]
            given = [next((one[k] for k in _LABELS if k in one), None) for one in objects]
        for index, (numbers, label) in enumerate(zip(boxes, given, strict=True)):
            x, y, width, height = map(float, numbers)
            box = Box(x, y, x + width, y + height)
            named = None if label is None else _named(label, names)
            yield Annotation((image,), box, f"{where} objects {index}", named)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"Expected objects with a bbox of x, y, width and height each in {where}, got "
            f"{error!r}. Try to correct it."
        ) from error


def _named(label: Any, names: Mapping[str, str]) -> str:
    return names.get(str(label), str(label))
