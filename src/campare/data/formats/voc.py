"""Pascal VOC: XML files with boxes, and masks whose colors mean classes.

**/NAME.xml                        boxes, beside the images (Roboflow) or in Annotations/
SegmentationClass/NAME.png         a color for each class: labelmap.txt says which, else VOC's
ImageSets/*/{train,val,test}.txt   the splits
"""

from collections import defaultdict
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from campare.data.annotations import Annotation, read_voc
from campare.data.decode import opened
from campare.data.formats.items import (
    Contents,
    Files,
    Finder,
    LeftOut,
    Reading,
    items_of,
    split_of_image,
)
from campare.data.masks import colors_in
from campare.data.shapes import rle_of
from campare.data.vocabulary import split_of
from campare.errors import DataError

CLASS_MASKS, INSTANCE_MASKS = "SegmentationClass", "SegmentationObject"
_CLASSES = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
_BORDER = (224, 224, 192)  # of VOC's objects: neither inside nor outside
_NOTHING = ("background", "ignored", "void")

Color = tuple[int, int, int]


def read(files: Files, _: Reading) -> Contents:
    """Masks of classes where an image has one, else its boxes; masks with their palette.

    Raises:
        DataError: a color that the palette does not have.
    """
    masks = [p for p in files.images if CLASS_MASKS in p.split("/")]
    instances = [p for p in files.images if INSTANCE_MASKS in p.split("/")]
    images = sorted(set(files.images) - set(masks) - set(instances))
    finder, left_out = Finder(images), LeftOut()
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    used = []
    for path in files.ending(".xml"):
        found = read_voc(files.read(path), path)
        used.append(path)
        image = finder.find(_names(path, found), path)
        if image is None:
            left_out.images["named in annotations, not there"].append(path)
        else:
            annotations[image] += [replace(each, images=(image,)) for each in found]
    colors, map_file = palette(files)
    masked = set()
    for path in masks:
        image = finder.find((PurePosixPath(path).stem,), path)
        if image is None:
            left_out.images["of a mask, not there"].append(path)
            continue
        if image not in masked:
            annotations[image] = []
            masked.add(image)
        annotations[image] += _areas(files, path, image, colors)
    sets, lists = _sets(files)
    splits = {i: split_of_image(i) or sets.get(PurePosixPath(i).stem) for i in images}
    known = set(annotations) | masked
    rest = [image for image in images if image not in known]
    if rest:
        left_out.images["without an XML file or a mask"] += rest
    notes = () if not masks else (f"Colors of masks: {map_file or 'those of Pascal VOC'}",)
    return Contents(
        "Pascal VOC",
        items_of(files, annotations, {}, images=known, splits=splits),
        left_out,
        (*used, *masks, *instances, *lists, *([map_file] if map_file else [])),
        notes,
    )


def _names(path: str, found: list[Annotation]) -> list[str]:
    stem = PurePosixPath(path).with_suffix("")
    given = [name for each in found[:1] for name in each.images]
    return [stem.as_posix(), *given, stem.name]


def palette(files: Files) -> tuple[dict[Color, str], str | None]:
    """Color -> class of the masks, and the labelmap.txt (name:r,g,b:...) that says so."""
    for path in files.paths:
        if PurePosixPath(path).name.lower() == "labelmap.txt":
            lines = [line for line in files.text(path).splitlines() if line.strip()[:1] not in "#"]
            pairs = [line.split(":")[:2] for line in lines if ":" in line]
            return {_color(rgb, path): name for name, rgb in pairs}, path
    return {voc_color(index): name for index, name in enumerate(_CLASSES)}, None


def _color(text: str, path: str) -> Color:
    try:
        red, green, blue = map(int, text.split(","))
    except ValueError:
        raise DataError(
            f"Expected name:r,g,b:parts:actions in {path}, got {text!r}. Try to export it anew."
        ) from None
    return red, green, blue


def voc_color(index: int) -> Color:
    """The color of a class in Pascal VOC: bits 0, 3, 6 of its index are red's from the top, ...

    Example:
        >>> voc_color(1), voc_color(8), voc_color(15)
        ((128, 0, 0), (64, 0, 0), (192, 128, 128))
    """
    parts = [sum((index >> (3 * bit + part) & 1) << (7 - bit) for bit in range(8)) for part in
             range(3)]  # fmt: skip
    return parts[0], parts[1], parts[2]


def _areas(files: Files, path: str, image: str, colors: dict[Color, str]) -> list[Annotation]:
    """An annotation for each class in a mask."""
    try:
        with opened(files.root / path) as file:
            indexed = file.mode in ("L", "I", "I;16")
            rgb = np.array(file.convert("RGB"))
            stored = np.array(file)
    except Exception as error:  # a corrupt file makes Pillow raise nearly anything
        raise DataError(f"Expected a mask in {path}, got: {error}. Try to replace it.") from error
    found = []
    if indexed:  # without a palette: grey values are indices of the classes in their order
        order = list(colors.values())
        values = [int(value) for value in np.unique(stored) if value != 255]
        if values and not 0 <= min(values) <= max(values) < len(order):
            raise DataError(
                f"Expected indices of {len(colors)} classes in {path}, got larger ones. "
                "Try a labelmap.txt beside it with lines name:r,g,b:: for each class."
            )
        areas = {order[value]: stored == value for value in values}
    else:
        unique = [tuple(color) for color in colors_in(rgb).tolist()]
        unknown = next((c for c in unique if c not in colors and c != _BORDER), None)
        if unknown:
            raise DataError(
                f"Expected colors of the classes in {path}, got "
                f"#{unknown[0]:02x}{unknown[1]:02x}{unknown[2]:02x}, which is none. "
                "Try a labelmap.txt beside it with lines name:r,g,b:: for each class."
            )
        areas = {colors[color]: (rgb == color).all(-1) for color in unique if color in colors}
    for name, inside in areas.items():
        if name not in _NOTHING and inside.any():
            where = f"{path} {name}"
            found.append(Annotation((image,), rle_of(inside), where, name, inside.shape))
    return found


def _sets(files: Files) -> tuple[dict[str, str], list[str]]:
    """Stem of an image -> its split by ImageSets, and the files that say so."""
    found: dict[str, str] = {}
    used = []
    for path in files.ending(".txt"):
        split = split_of(PurePosixPath(path).stem)
        if "ImageSets" in path.split("/"):
            used.append(path)
            if split is not None and PurePosixPath(path).stem != "trainval":
                lines = [line.split()[0] for line in files.text(path).splitlines() if line.strip()]
                found.update({PurePosixPath(line).stem: split for line in lines})
    return found, used
