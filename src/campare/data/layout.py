"""The layout of a folder of images: which file is an image, a mask or an annotation, and of what.

:func:`read_layout` walks the folder once and gives every file a role; what has none is listed as
unused. Ground truth is that of the image that it names (`names.py`). Masks and annotation files
that lie elsewhere than README says are found by their names (`vocabulary.py`) and by what is in
them, and a note says so.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from campare.data.annotations import Annotation
from campare.data.class_folders import (
    Location,
    find_images,
    require_two_classes,
    validation_images,
)
from campare.data.groups import GROUPS, read_groups
from campare.data.inventory import counted, some_of
from campare.data.mask_files import Masks, find_masks, masks_beside
from campare.data.names import Names
from campare.data.sources import Source, find_sources, named_sources, read_source
from campare.data.tree import (
    LAYOUT,
    REGION_FOLDERS,
    RESERVED,
    MaskFolder,
    Tree,
    import_of,
    unused_by_kind,
    without_runs,
)
from campare.data.vocabulary import DICOM, HEIC, NIFTI
from campare.data.walk import OTHERS, content_of, files_below
from campare.errors import DataError

T = TypeVar("T")


#: Defaults of the command line for this data, which `campare.cli.defaults` reads.
DEFAULTS = "campare.toml"


@dataclass(frozen=True)
class Layout:
    """The role of every file below a root; paths are below it, with "/".

    Attributes:
        images: the location of each image.
        masks: the mask files of each image.
        annotations: of each image that has any.
        annotation_files: the bytes of the files that they come from.
        notes: sentences on ground truth that lies elsewhere than README says.
        unused: kind -> files that have no role.
        groups: image -> group by groups.csv.
    """

    images: dict[str, Location]
    masks: Masks
    annotations: dict[str, list[Annotation]]
    annotation_files: dict[str, bytes]
    notes: tuple[str, ...]
    unused: dict[str, tuple[str, ...]]
    groups: dict[str, str]


def read_layout(root: Path, *, training: bool = True) -> Layout:
    """Give every file below `root` its role.

    Args:
        root: the folder.
        training: whether models are to be trained on it. If so, train needs a test beside it, and
            a folder val, valid or validation is the split val; if not, that is not used.

    Raises:
        DataError: no folder, no split or class folders that make sense, fewer than two classes, a
            class folder without an image, or ground truth that cannot be used.
    """
    if not root.is_dir():
        got = "a file" if root.exists() else "no such folder"
        raise DataError(f"Expected a folder of images at {root}, got {got}. {LAYOUT}")
    found = files_below(root)
    tree = Tree(root, *without_runs(root, found.files))
    elsewhere = tree.mask_folders()
    not_images = {file for folder in elsewhere for file in folder.files}
    images = find_images(tree, not_images, training=training)
    beside = masks_beside(tree, images)
    ignored = set() if training else validation_images(tree, images)
    images = {i: location for i, location in images.items() if i not in beside and i not in ignored}
    require_two_classes(tree, images)
    if tree.inside(REGION_FOLDERS["object"]) or named_sources(root, tree.files):
        elsewhere, beside = [], {}  # what README names counts
    names = Names([*images, *ignored])
    masks = _of(images, find_masks(tree, names, elsewhere, beside))
    of_masks = {file for regions in masks.values() for paths in regions.values() for file in paths}
    used = {*images, *of_masks, GROUPS, DEFAULTS}
    rest = [file for file in tree.files if file not in used]
    sources = find_sources(root, rest, has_masks=bool(masks))
    annotations, contents = _read(root, sources, names)
    annotations = _of(images, annotations)
    tops = {PurePosixPath(file).parts[0] for file in (*images, *of_masks, *contents)}
    unused = unused_by_kind([f for f in rest if f not in contents], tops | set(RESERVED))
    unused |= {OTHERS: found.closed} if found.closed else {}
    notes = (*_notes(elsewhere, list(beside), sources), *_other_images(tree, rest))
    notes += tuple(f"Not of the images: {run}, a run of campare" for run in tree.runs)
    groups = _of(images, _read_groups(tree, names))
    return Layout(images, masks, annotations, contents, notes, unused, groups)


def _of(images: Collection[str], by_image: Mapping[str, T]) -> dict[str, T]:
    """What belongs to these images."""
    return {image: found for image, found in by_image.items() if image in images}


def _read_groups(tree: Tree, names: Names) -> dict[str, str]:
    if GROUPS not in tree.files:
        return {}
    content = content_of(tree.root / GROUPS)
    return read_groups(content, lambda name, where: names.find((name,), where=where))


def _read(
    root: Path, sources: Sequence[Source], names: Names
) -> tuple[dict[str, list[Annotation]], dict[str, bytes]]:
    """Annotations of each image, and the bytes of the files that they come from."""
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    contents: dict[str, bytes] = {}
    for source in sources:
        for path, content, found in read_source(root, source):
            contents[path] = content
            near = names.under(str(PurePosixPath(path).parent)) if source.is_elsewhere else names
            for each in found:
                annotations[near.find(each.images, where=each.where)].append(each)
    return dict(annotations), contents


def _notes(
    elsewhere: Sequence[MaskFolder], beside: Sequence[str], sources: Sequence[Source]
) -> tuple[str, ...]:
    """What is said of ground truth that lies elsewhere than README says."""
    found = []
    by_name = Counter({folder.path: len(folder.files) for folder in elsewhere})
    if by_name:
        total = counted(range(by_name.total()), "file", "files")
        found.append(f"Masks in {some_of(list(by_name))}: {total}")
    if beside:
        found.append(f"Masks beside their images: {counted(beside, 'file', 'files')}")
    for source in sources:
        if source.is_elsewhere:
            top = os.path.commonpath(source.paths) if len(source.paths) > 1 else ""
            where = f"{top}: {counted(source.paths, 'file', 'files')}" if top else None
            found += [f"Boxes and outlines ({source.format}) in {where or some_of(source.paths)}"]
    return tuple(found)


def _other_images(tree: Tree, rest: Sequence[str]) -> tuple[str, ...]:
    """What is said of images that only the import reads."""
    found = [file for file in rest if file.lower().endswith((*HEIC, *DICOM, *NIFTI))]
    what = counted(found, "image is", "images are")
    return (f"{what} read by {import_of(tree, found)}: {some_of(found)}",) if found else ()
