"""LabelMe's JSON, a file for each image: polygons, rectangles, circles and masks.

The XML of the older LabelMe is read by Datumaro.
"""

import base64
from collections.abc import Mapping
from math import hypot
from pathlib import PurePosixPath
from typing import Any

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
from campare.data.formats.outlines import ellipse
from campare.data.masks import decode_mask
from campare.data.shapes import Box, Polygons, Shape, Size, rle_of
from campare.errors import DataError
from campare.types import Bools

_NO_AREA = ("point", "points", "line", "linestrip")


def read(files: Files, _: Reading) -> Contents:
    """All files below the root; flags that are set are labels of the whole image."""
    finder, left_out = Finder(files.images), LeftOut()
    annotations: dict[str, list[Annotation]] = {}
    labels: dict[str, list[str]] = {}
    used = []
    for path in files.ending(".json"):
        data = parsed(files, path)
        if not is_labelme(data):
            continue
        used.append(path)
        name = str(data.get("imagePath") or "").replace("\\", "/")
        stem = PurePosixPath(path).with_suffix("").as_posix()
        names = (stem, name, PurePosixPath(name).name, PurePosixPath(stem).name)
        image = finder.find([each for each in names if each], path)
        if image is None:
            left_out.images["named in annotations, not there"].append(name or path)
            continue
        annotations.setdefault(image, [])
        with entry_of(path, "flags and a size as LabelMe writes them"):
            labels[image] = [flag for flag, is_set in (data.get("flags") or {}).items() if is_set]
            size = size_of(data.get("imageHeight"), data.get("imageWidth"))
        for index, one in enumerate(data["shapes"]):
            where = f"{path} shapes[{index}]"
            with entry_of(where, "a shape of LabelMe"):
                kind = str(one.get("shape_type") or "polygon")
                if kind in _NO_AREA:
                    left_out.annotations[f"{kind}, no area"].append(where)
                else:
                    shape = _shape(kind, one, size, where)
                    label = str(one["label"]) if one.get("label") else None
                    annotations[image].append(Annotation((image,), shape, where, label, size))
    rest = [image for image in files.images if image not in annotations]
    if rest:
        left_out.images["without a JSON file"] += rest
    items = items_of(files, annotations, labels, images=annotations)
    return Contents("LabelMe", items, left_out, tuple(used))


def is_labelme(data: Any) -> bool:
    """Whether parsed JSON is LabelMe's.

    Example:
        >>> is_labelme({"shapes": [], "imagePath": "1.png"}), is_labelme({"images": []})
        (True, False)
    """
    return isinstance(data, dict) and isinstance(data.get("shapes"), list) and "imagePath" in data


def _shape(kind: str, one: Mapping[str, Any], size: Size | None, where: str) -> Shape:
    try:
        points = [(float(x), float(y)) for x, y in one["points"]]
        if kind == "polygon":
            return Polygons((tuple(points),))
        (x0, y0), (x1, y1) = points[:2]
        if kind == "rectangle":
            return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        if kind == "circle":
            radius = hypot(x1 - x0, y1 - y0)
            return ellipse(x0, y0, radius, radius)
        if kind == "mask" and size is not None:
            inside = _mask(base64.b64decode(one["mask"]))
            whole = np.zeros(size, np.bool_)
            top, left = round(y0), round(x0)
            whole[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
            return rle_of(whole)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise DataError(
            f"Expected a shape of LabelMe in {where} ({kind}), got {error!r}. Try to save it anew."
        ) from error
    raise DataError(
        f"Expected a polygon, rectangle, circle or mask in {where}, got {kind}. "
        "Try to draw it as a polygon."
    )


def _mask(content: bytes) -> Bools:
    try:
        return decode_mask(content, ["nonzero"])
    except Exception as error:  # a corrupt file makes Pillow raise nearly anything
        raise ValueError(f"a mask that cannot be read: {error}") from error
