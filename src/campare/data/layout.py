"""The layout of a folder of images: which file is an image, a mask or an annotation, and of what.

Ground truth names its image by path, with or without the folders above it: `train/cat/1.png`,
`cat/1.png` and `1.png` are the same image as long as no other one fits; the suffix may be missing.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from campare.data.annotations import (
    Annotation,
    read_boxes_csv,
    read_coco,
    read_voc,
    require_pixels,
)
from campare.data.samples import REGIONS, SPLITS
from campare.errors import DataError

#: Folder of each region's masks.
REGION_FOLDERS = dict(zip(REGIONS, ("masks", "parts", "cues", "other-classes"), strict=True))

_RESERVED = (*REGION_FOLDERS.values(), "annotations")
_VALIDATION = ("val", "valid", "validation", "dev")
_TRAIN_LIKE = ("train", "training", "training_set", "test", "testing", "test_set")
_SPLIT_LIKE = (*_TRAIN_LIKE, *_VALIDATION)
_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".webp", ".avif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".tga"),
)
_LAYOUT = "Try the layout DATA/<class>/<image> or DATA/{train,test}/<class>/<image>."


class Place(NamedTuple):
    """Where an image lies: its split, None in a folder without train and test, and its class."""

    split: str | None
    class_name: str


def find_images(root: Path, *, both: bool = True) -> dict[str, Place]:
    """Every image below the class folders of `root`, by id (its path below root, with "/").

    With `both`, a folder that has train or test must have the other one, too.

    Raises:
        DataError: no folder, no split or class folders that make sense, fewer than two classes,
            or a class folder without an image.
    """
    if not root.is_dir():
        got = "a file" if root.exists() else "no such folder"
        raise DataError(f"Expected a folder of images at {root}, got {got}. {_LAYOUT}")
    places: dict[str, Place] = {}
    for split, top in _split_folders(root, both=both):
        for folder in _class_folders(top):
            images = [f for f in _files(root, folder) if f.lower().endswith(_SUFFIXES)]
            if not images:
                raise DataError(
                    f"Expected images in class folder {folder}, got none. "
                    "Try to add some, or to remove the folder."
                )
            places.update(dict.fromkeys(images, Place(split, folder.name)))
    classes = sorted({place.class_name for place in places.values()})
    if len(classes) < 2:
        got = f"only {classes[0]!r}" if classes else "none"
        raise DataError(f"Expected at least two class folders in {root}, got {got}. {_LAYOUT}")
    return places


def _split_folders(root: Path, *, both: bool) -> list[tuple[str | None, Path]]:
    present = [split for split in SPLITS if (root / split).is_dir()]
    if not present:
        names = [folder.name for folder in _class_folders(root)]
        if names and all(name.casefold() in _SPLIT_LIKE for name in names):
            raise DataError(
                f"Expected folders named train and test in {root}, got {' and '.join(names)}. "
                "Try to rename them."
            )
        return [(None, root)]
    others = [folder.name for folder in _class_folders(root) if folder.name not in SPLITS]
    if len(present) < len(SPLITS) and (both or others):
        got = " and ".join([*present, *others])
        raise DataError(
            f"Expected both train and test in {root}, got {got}. Try to add the missing one, or "
            "to put the class folders straight into DATA for a split by seed."
        )
    validation = [name for name in others if name.lower() in _VALIDATION]
    if validation:
        raise DataError(
            f"Expected only train and test in {root}, got also {validation[0]}. "
            "Try to move its images into train, from which campare takes its own validation split."
        )
    return [(split, root / split) for split in present]


def find_masks(root: Path, names: "Names") -> dict[str, dict[str, str]]:
    """Masks of each image: image id -> region -> path below root.

    Raises:
        DataError: a mask of no image, or two masks of one region for one image.
    """
    masks: dict[str, dict[str, str]] = defaultdict(dict)
    for region, folder in REGION_FOLDERS.items():
        for path in _files(root, root / folder):
            if not path.lower().endswith(".png"):
                raise DataError(f"Expected masks as PNG files, got {path}. Try to convert it.")
            image = names.find((path.removeprefix(f"{folder}/")[: -len(".png")],), where=path)
            earlier = masks[image].setdefault(region, path)
            if earlier != path:
                raise DataError(
                    f"Expected one {region} mask for image {image}, got {earlier} and {path}. "
                    "Try to remove one."
                )
    return dict(masks)


def read_annotations(
    root: Path, names: "Names"
) -> tuple[dict[str, list[Annotation]], dict[str, bytes]]:
    """Annotations of each image, and the bytes of the files they come from, by path below root.

    Raises:
        DataError: more than one kind of annotation, one of no image, a malformed file, or shapes
            that are no pixels.
    """
    readers = {"boxes.csv": read_boxes_csv, "instances.json": read_coco, "annotations": read_voc}
    present = [name for name in readers if (root / name).exists()]
    if len(present) > 1:
        raise DataError(
            f"Expected one kind of annotations in {root}, got {' and '.join(present)}. "
            "Try to keep one of them."
        )
    by_image: dict[str, list[Annotation]] = defaultdict(list)
    contents: dict[str, bytes] = {}
    for name in present:
        paths = [name] if (root / name).is_file() else _xml_files(root, root / name)
        for path in paths:
            contents[path] = (root / path).read_bytes()
            for annotation in readers[name](contents[path], path):
                image = names.find(annotation.images, where=annotation.where)
                by_image[image].append(annotation)
        require_pixels((each for found in by_image.values() for each in found), name)
    return dict(by_image), contents


class Names:
    """Finds the image that a name in some other file means.

    Example:
        >>> names = Names(["train/cat/1.png", "train/dog/1.png"])
        >>> names.find(("cat/1",), where="boxes.csv line 2")
        'train/cat/1.png'
    """

    def __init__(self, images: Iterable[str]) -> None:
        self._images = frozenset(images)
        self._fitting: dict[str, list[str]] = defaultdict(list)
        for image in sorted(self._images):
            for name in _short_names(image):
                self._fitting[name].append(image)

    def find(self, candidates: tuple[str, ...], *, where: str) -> str:
        """The id of the image that the first fitting candidate means.

        Raises:
            DataError: no candidate fits an image, or one fits several and no other decides.
        """
        several: list[str] = []
        for candidate in candidates:
            name = PurePosixPath(candidate.replace("\\", "/")).as_posix()
            if name in self._images:
                return name
            fitting = self._fitting.get(name, [])
            if len(fitting) == 1:
                return fitting[0]
            several = several or fitting
        if several:
            raise DataError(
                f"Expected {where} to name one image, got {candidates[0]!r}, which fits "
                f"{several[0]} and {several[1]}. Try the path below the data folder."
            )
        raise DataError(
            f"Expected {where} to belong to an image of the data folder, got "
            f"{' or '.join(map(repr, candidates))}, which fits none. Try the path below the "
            "data folder, such as 'train/cat/1.png'."
        )


def _short_names(image: str) -> Iterator[str]:
    """Every ending of a path, with and without the suffix."""
    path = PurePosixPath(image)
    for start in range(len(path.parts)):
        ending = PurePosixPath(*path.parts[start:])
        yield ending.as_posix()
        yield ending.with_suffix("").as_posix()


def _class_folders(top: Path) -> list[Path]:
    return sorted(
        folder
        for folder in top.iterdir()
        if folder.is_dir() and not _hidden(folder.name) and folder.name not in _RESERVED
    )


def _files(root: Path, folder: Path) -> list[str]:
    """Files below a folder that are not hidden, as paths below root, sorted."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _hidden(name)]
        found += [
            (Path(here) / name).relative_to(root).as_posix() for name in files if not _hidden(name)
        ]
    return sorted(found)


def _xml_files(root: Path, folder: Path) -> list[str]:
    return [path for path in _files(root, folder) if path.lower().endswith(".xml")]


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))
