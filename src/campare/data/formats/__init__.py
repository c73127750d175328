"""Data sets in the formats of annotation tools and public data sets, read as items.

    folder -> which format -> its reader -> Contents

campare's own readers are those of formats that Datumaro reads in part only (it leaves out polygons
of YOLO, images without a label file, COCO outside of annotations/ and images/); the rest is
Datumaro's.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePosixPath

from campare.data.formats import (
    coco,
    cvat,
    folders,
    huggingface,
    labelme,
    labelstudio,
    mvtec,
    openimages,
    tables,
    through_datumaro,
    voc,
    yolo,
)
from campare.data.formats.items import Contents, Files, Item, LeftOut, Reader, Reading
from campare.data.sources import format_of
from campare.errors import DataError, MissingExtraError

#: Name of a format -> its reader.
READERS: Mapping[str, Reader] = {
    "coco": coco.read,
    "yolo": yolo.read,
    "voc": voc.read,
    "labelme": labelme.read,
    "label-studio": labelstudio.read,
    "mvtec": mvtec.read,
    "huggingface": huggingface.read,
    "table": tables.read,
    "folders": folders.read,
    "cvat": cvat.read,
    "labelme-xml": partial(through_datumaro.read_as, "label_me"),
    "open-images": openimages.read,
}

#: The kinds of annotation files -> format.
_KINDS = {"COCO": "coco", "YOLO": "yolo", "Pascal VOC": "voc", "CVAT": "cvat",
          "LabelMe": "labelme", "Label Studio": "label-studio",
          "Hugging Face's metadata": "huggingface"}  # fmt: skip


def read_items(files: Files, name: str | None, reading: Reading) -> Contents:
    """Everything in a folder, in the format `name`; None: the format that is found.

    Raises:
        DataError: no such format, none or several that fit, or a broken file.
    """
    return _reader(name or detect(files), files)(files, reading)


def _reader(name: str, files: Files) -> Callable[[Files, Reading], Contents]:
    plain = name.casefold().replace("_", "-")
    if plain == "roboflow":
        plain = detect(files)
    if plain in READERS:
        return READERS[plain]
    try:
        others = through_datumaro.names()
    except MissingExtraError as error:
        raise MissingExtraError(
            f"Expected a format of campare's own ({', '.join((*READERS, 'roboflow'))}) without "
            f"Datumaro, got {name!r}. Try one of them, or pip install 'campare[formats]'"
        ) from error
    if name in others:
        return partial(through_datumaro.read_as, name)
    raise DataError(
        f"Expected a format ({', '.join((*READERS, 'roboflow'))}, or one of Datumaro's), got "
        f"{name!r}. Try one of Datumaro's {len(others)}: {', '.join(others)}"
    )


def detect(files: Files) -> str:
    """The format of a folder by the files in it.

    Raises:
        DataError: none, or several.
    """
    found = _found(files)
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"Expected one format in {files.root}, got {' and '.join(found)}. "
            f"Try --format {found[0]}"
        )
    if not files.images:
        raise DataError(f"Expected images in {files.root}, got none. Try another folder.")
    others = through_datumaro.detect(files)
    if len(others) == 1:
        return others[0]
    got = f"several ({', '.join(others)})" if others else "no annotations that are known"
    raise DataError(
        f"Expected a data set in one of {', '.join(READERS)} in {files.root}, got {got}. "
        f"Try --format {others[0] if others else 'folders, where each class has a folder'}"
    )


def _found(files: Files) -> list[str]:
    """The formats whose files are there."""
    if any(mvtec.TRUTH in PurePosixPath(path).parts for path in files.images):
        return ["mvtec"]
    names = {PurePosixPath(path).name.lower() for path in files.paths}
    if any(voc.CLASS_MASKS in PurePosixPath(path).parts for path in files.images):
        return ["voc"]
    if any(map(openimages.is_description, files.paths)):
        return ["open-images"]
    kinds = {kind for path in files.paths if (kind := format_of(files.root / path))}
    found = [name for kind, name in _KINDS.items() if kind in kinds]
    if "voc" in found and _is_old_labelme(files):
        found[found.index("voc")] = "labelme-xml"
    if "labelme" not in found and "label-studio" not in found and _is_json_min(files):
        found.append("label-studio")
    if not found and ({"data.yaml", "obj.data"} & names):
        found.append("yolo")
    if not found and files.ending(*tables.TABLES) and tables.names_images(files):
        found.append("table")
    if not found and _has_class_folders(files):
        found.append("folders")
    return found


def _is_json_min(files: Files) -> bool:
    paths = files.ending(".json")
    return len(paths) == 1 and labelstudio.is_export(coco.parsed(files, paths[0]))


def _is_old_labelme(files: Files) -> bool:
    """Whether the XML is of LabelMe's older kind, whose objects have polygons and no boxes."""
    first = next(iter(files.ending(".xml")), None)
    content = files.read(first) if first else b""
    return b"<polygon>" in content and b"<bndbox>" not in content


def _has_class_folders(files: Files) -> bool:
    tops = {PurePosixPath(path).parts[0] for path in files.images if "/" in path}
    return len(tops) > 1 and not files.ending(".json", ".xml", *tables.TABLES)


__all__ = [
    "READERS",
    "Contents",
    "Files",
    "Item",
    "LeftOut",
    "Reader",
    "Reading",
    "detect",
    "read_items",
]
