"""CVAT for images 1.1, through Datumaro; ellipses, which Datumaro leaves out unsaid, by campare."""

from collections import defaultdict
from dataclasses import replace
from xml.etree.ElementTree import Element

from campare.data.annotations import Annotation
from campare.data.formats import through_datumaro
from campare.data.formats.items import Contents, Files, Finder, Reading
from campare.data.formats.outlines import ellipse
from campare.errors import DataError
from campare.untrusted import read_xml

_DATUMARO = ("box", "polygon", "polyline", "points", "mask", "tag", "attribute")


def read(files: Files, reading: Reading) -> Contents:
    """Boxes, polygons, masks, ellipses, and tags as labels of the image."""
    contents = through_datumaro.read_as("cvat", files, reading)
    finder = Finder([item.name for item in contents.items])
    found: dict[str, list[Annotation]] = defaultdict(list)
    for path in files.ending(".xml"):
        for image in _images(files, path):
            name = finder.find((image.get("name", ""),), path)
            for index, thing in enumerate(image):
                where = f"{path} {image.get('name')} {thing.tag} {index}"
                if thing.tag == "ellipse" and name is not None:
                    found[name].append(_ellipse(thing, name, where))
                elif thing.tag not in _DATUMARO:
                    contents.left_out.annotations[f"{thing.tag}, no area"].append(where)
    items = tuple(
        replace(item, annotations=(*item.annotations, *found[item.name])) for item in contents.items
    )
    return replace(contents, items=items)


def _images(files: Files, path: str) -> list[Element]:
    try:
        root = read_xml(files.read(path))
    except ValueError as error:
        raise DataError(
            f"Expected CVAT's XML in {files.root / path}, got: {error}. Try to export it anew."
        ) from error
    return root.findall("image") if root.tag == "annotations" else []


def _ellipse(thing: Element, image: str, where: str) -> Annotation:
    try:
        cx, cy, rx, ry = (float(thing.attrib[name]) for name in ("cx", "cy", "rx", "ry"))
        shape = ellipse(cx, cy, rx, ry, float(thing.get("rotation", 0)))
    except (KeyError, ValueError) as error:
        raise DataError(
            f"Expected cx, cy, rx and ry of an ellipse in {where}, got {error!r}. "
            "Try to export it anew."
        ) from error
    return Annotation((image,), shape, where, thing.get("label"))
