"""Label Studio's exports, JSON and JSON-MIN: rectangles, polygons, ellipses, brushes and choices.

Coordinates are percent of the image; a brush is run lengths of RGBA in a stream of bits. Of several
people's annotations of an image the first that was not canceled counts.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from campare.data.annotations import Annotation, size_of
from campare.data.formats.coco import parsed
from campare.data.formats.items import (
    Contents,
    Files,
    Finder,
    LeftOut,
    Reading,
    entry_of,
    items_of,
)
from campare.data.formats.outlines import ellipse, turned_box
from campare.data.shapes import Polygons, Shape, Size, rle_of
from campare.errors import DataError

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
_NO_AREA = ("keypointlabels", "relations", "textarea", "vectorlabels", "number", "rating")


def read(files: Files, _: Reading) -> Contents:
    """All exports below the root, as one data set."""
    finder, left_out = Finder(files.images), LeftOut()
    annotations: dict[str, list[Annotation]] = {}
    labels: dict[str, list[str]] = defaultdict(list)
    used = []
    for path in files.ending(".json"):
        tasks = parsed(files, path)
        if not is_export(tasks):
            continue
        used.append(path)
        for index, task in enumerate(tasks):
            where = f"{path}[{index}]"
            with entry_of(where, "a task of Label Studio"):
                names = _names(task)
                image = finder.find(names, path)
                results = _results(task, where, left_out) if image is not None else []
            if image is None:
                left_out.images["named in annotations, not there"].append(names[0])
                continue
            annotations.setdefault(image, [])
            for number, result in enumerate(results):
                at = f"{where} result {number}"
                with entry_of(at, "a result of Label Studio"):
                    kind, value, own, size = _parts(result)
                    if kind == "choices":
                        labels[image] += own
                    elif kind in _NO_AREA or size is None:
                        left_out.annotations[f"{kind or 'without a kind'}, no area"].append(at)
                    else:
                        annotations[image] += [
                            Annotation((image,), _shape(kind, value, size, at), at, label, size)
                            for label in own or (None,)
                        ]
    rest = [image for image in files.images if image not in annotations]
    if rest:
        left_out.images["not named in annotations"] += rest
    items = items_of(files, annotations, labels, images=annotations)
    return Contents("Label Studio", items, left_out, tuple(used))


def is_export(data: Any) -> bool:
    """Whether parsed JSON is Label Studio's, or its JSON-MIN.

    Example:
        >>> is_export([{"data": {"image": "1.png"}, "annotations": []}])
        True
    """
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        return False
    return {"data", "annotations"} <= set(first) or {"annotator", "annotation_id"} <= set(first)


def _names(task: Mapping[str, Any]) -> tuple[str, ...]:
    """What a task may call its image: the file below a URL, and that without the upload's hash."""
    data = task.get("data", task)
    fields = [data[key] for key in ("image", "img", "photo", "ocr") if key in data]
    texts = [field for field in (*fields, *data.values()) if isinstance(field, str)]
    found = []
    for text in [*texts[:1], str(task.get("file_upload") or "")]:
        url = urlsplit(text)
        inside = parse_qs(url.query).get("d", [unquote(url.path)])[0].lstrip("/")
        name = PurePosixPath(inside).name
        found += [inside, name, _UPLOADED.sub("", name)]
    return tuple(dict.fromkeys(name for name in found if name)) or ("no name",)


def _results(task: Mapping[str, Any], where: str, left_out: LeftOut) -> list[Mapping[str, Any]]:
    """The results of the annotation that counts; the fields of JSON-MIN as such results."""
    if "annotations" not in task:
        return _of_min(task)
    kept = [each for each in task["annotations"] if not each.get("was_cancelled")]
    for each in kept[1:]:
        name = f"of a further annotator ({len(each.get('result', ()))} results)"
        left_out.annotations[name].append(where)
    return list(kept[0].get("result", ())) if kept else []


def _of_min(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fields of JSON-MIN as results."""
    fields = [v for v in task.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    shapes = [{"type": _kind_of(one), "value": one, **one} for field in fields for one in field]
    chosen = task.get("choice")
    choices = [chosen] if isinstance(chosen, str) else (chosen or {}).get("choices", [])
    return [*shapes, *([{"type": "choices", "value": {"choices": choices}}] if choices else [])]


def _kind_of(value: Mapping[str, Any]) -> str:
    return next((key for key in value if key.endswith("labels")), "")


def _parts(
    result: Mapping[str, Any],
) -> tuple[str, Mapping[str, Any], list[str], Size | None]:
    """The kind, value, labels and (H, W) of a result."""
    kind, value = str(result.get("type", "")), result.get("value", {})
    named = _kind_of(value) or kind
    own = value.get(named) or value.get("choices") or []
    size = size_of(result.get("original_height"), result.get("original_width"))
    return "choices" if kind == "choices" else named, value, [str(label) for label in own], size


def _shape(kind: str, value: Mapping[str, Any], size: Size, where: str) -> Shape:
    height, width = size
    try:
        if kind.startswith("brush"):
            return rle_of(brush(value["rle"], size))
        if kind.startswith("polygon"):
            points = [(x * width / 100, y * height / 100) for x, y in value["points"]]
            return Polygons((tuple(points),))
        x, y = value["x"] * width / 100, value["y"] * height / 100
        turn = float(value.get("rotation", 0))
        if kind.startswith("ellipse"):
            radii = value["radiusX"] * width / 100, value["radiusY"] * height / 100
            return ellipse(x, y, *radii, turn)
        return turned_box(x, y, value["width"] * width / 100, value["height"] * height / 100, turn)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError) as error:
        raise DataError(
            f"Expected a shape of Label Studio in {where} ({kind}), got {error!r}. "
            "Try to export it anew as JSON."
        ) from error


def brush(rle: Sequence[int], size: Size) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A brush as a mask (H, W): bits of 32 count the values, 5 a word, 4 x 4 lengths of runs.

    Then for each run a bit (1: one value repeated, 0: as many values), two bits that choose its
    length's width, its length minus 1, and the values, RGBA row by row; alpha above 127 is inside.

    Raises:
        ValueError, IndexError: it ends early, or is of another size.
    """
    bits = "".join(f"{byte:08b}" for byte in bytes(rle))
    at = 0

    def number(width: int) -> int:
        nonlocal at
        at += width
        return int(bits[at - width : at], 2)

    total, word = number(32), number(5) + 1
    if total != 4 * size[0] * size[1]:
        raise ValueError(f"{total} values for {size[1]} x {size[0]} pixels")
    widths = [number(4) + 1 for _ in range(4)]
    inside = np.zeros(size[0] * size[1], np.bool_)
    done = 0
    while done < total:
        repeated = number(1)
        length = number(widths[number(2)]) + 1
        first = (3 - done) % 4  # of the run that is an alpha
        pixels = slice((done + first) // 4, (done + length) // 4)
        if repeated:
            inside[pixels] = number(word) > 127
        else:
            inside[pixels] = [number(word) > 127 for _ in range(length)][first::4]
        done += length
    return inside.reshape(size)
