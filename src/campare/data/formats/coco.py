"""COCO wherever it lies: any JSON file with images and annotations, its images anywhere below.

Also that of Roboflow (train/_annotations.coco.json) and of Label Studio. An annotation without a
shape, as of a classification, is a label of its whole image.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from campare.data.annotations import Annotation, coco_instance
from campare.data.formats.items import (
    Contents,
    Files,
    Finder,
    LeftOut,
    Reading,
    entry_of,
    items_of,
    split_in,
    split_of_image,
)
from campare.errors import DataError
from campare.untrusted import read_json


def read(files: Files, _: Reading) -> Contents:
    """All COCO files below the root, as one data set.

    Raises:
        DataError: an annotation of an image or a category that is not listed, or a broken file.
    """
    finder, left_out = Finder(files.images), LeftOut()
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    labels: dict[str, list[str]] = defaultdict(list)
    splits: dict[str, str | None] = {}
    used = []
    for path in files.ending(".json"):
        data = parsed(files, path)
        if not is_coco(data):
            continue
        used.append(path)
        with entry_of(path, "COCO's lists images, annotations and categories"):
            images = {image["id"]: image for image in data["images"]}
            names = {kind["id"]: str(kind["name"]) for kind in data.get("categories", ())}
        found: dict[Any, str] = {}
        for key, image in images.items():
            name = str(image["file_name"])
            file = finder.find((name, name.rpartition("/")[2]), path)
            if file is None:
                left_out.images["named in annotations, not there"].append(name)
            else:
                found[key] = file
                splits.setdefault(file, split_of_image(file) or split_in(path))
        for index, instance in enumerate(data["annotations"]):
            where = f"{path} annotations[{index}]"
            with entry_of(where, "the image_id of a listed image and a shape or a category"):
                if instance.get("image_id") in images and instance["image_id"] not in found:
                    left_out.annotations["of an image that is not there"].append(where)
                elif instance.get("segmentation") or instance.get("bbox"):
                    one = coco_instance(instance, images, names, where)
                    annotations[found[instance["image_id"]]].append(one)
                elif instance.get("category_id") in names and instance.get("image_id") in found:
                    labels[found[instance["image_id"]]].append(names[instance["category_id"]])
                else:
                    left_out.annotations["without a shape or a category"].append(where)
    items = items_of(files, annotations, labels, images=splits, splits=splits)
    _unlisted(files, splits, left_out)
    return Contents("COCO", items, left_out, tuple(used))


def _unlisted(files: Files, listed: Mapping[str, Any], left_out: LeftOut) -> None:
    rest = [image for image in files.images if image not in listed]
    if rest:
        left_out.images["not named in annotations"] += rest


def is_coco(data: Any) -> bool:
    """Whether parsed JSON is COCO's.

    Example:
        >>> is_coco({"images": [], "annotations": []}), is_coco([])
        (True, False)
    """
    if not isinstance(data, dict):
        return False
    lists = data.get("images"), data.get("annotations")
    return all(isinstance(each, list) for each in lists) and all(
        isinstance(image, dict) and {"id", "file_name"} <= set(image) for image in data["images"]
    )


def parsed(files: Files, path: str) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: it is not JSON.
    """
    try:
        return read_json(files.text(path))
    except ValueError as error:
        raise DataError(
            f"Expected JSON in {files.root / path}, got: {error}. Try to export it anew."
        ) from error
