"""The layout of a folder of images: which file is an image, a mask or an annotation, and of what.

:func:`read_layout` walks the folder once and gives every file a role; what has none is listed as
unused. Ground truth is that of the image that it names (`names.py`). Masks and annotation files
that lie elsewhere than README says are found by their names (`vocabulary.py`) and by what is in
them, and a note says so.
"""

import os
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import NamedTuple, TypeVar

from campare.data.annotations import Annotation
from campare.data.groups import GROUPS, read_groups
from campare.data.inventory import counted, some_of
from campare.data.masks import looks_like_mask
from campare.data.names import Names
from campare.data.samples import REGIONS, SPLITS, VALIDATION
from campare.data.sources import Source, find_sources, named_sources, read_source
from campare.data.vocabulary import (
    DICOM,
    HEIC,
    NIFTI,
    are_no_classes,
    are_sets,
    commands_to_rename,
    is_hidden,
    means_annotations,
    means_masks,
    split_of,
    without_mask_word,
)
from campare.data.walk import OTHERS, content_of, files_below
from campare.errors import DataError

#: Folder of each region's masks.
REGION_FOLDERS = dict(zip(REGIONS, ("masks", "parts", "cues", "other-classes"), strict=True))

_RESERVED = (*REGION_FOLDERS.values(), "annotations")
_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".webp", ".avif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".tga"),
)
_VALIDATION = ("val", "valid", "validation", "dev")
_LAYOUT = "Try the layout DATA/<class>/<image> or DATA/{train,test}/<class>/<image>."
_ADD_A_SPLIT = (
    "to add the missing one, or to put the class folders straight into DATA for a split by seed."
)
_TABLES = (".csv", ".json", ".jsonl", ".xml", ".txt", ".yaml", ".yml")
_RUN = "run.json"
_LOOKED_AT = 3  # files of a folder that tell whether it holds masks

#: image -> region -> its mask files.
Masks = dict[str, dict[str, tuple[str, ...]]]


T = TypeVar("T")


class Location(NamedTuple):
    """Where an image lies: its split, None in a folder without train and test, and its class."""

    split: str | None
    class_name: str


class MaskFolder(NamedTuple):
    """A folder of masks that has another name or lies elsewhere than README says."""

    above: str  # the folder that it is in, "" for the root
    name: str
    files: tuple[str, ...]

    @property
    def path(self) -> str:
        """Below the root."""
        return f"{self.above}/{self.name}" if self.above else self.name


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
        raise DataError(f"Expected a folder of images at {root}, got {got}. {_LAYOUT}")
    found = files_below(root)
    tree = Tree(root, *_without_runs(root, found.files))
    elsewhere = tree.mask_folders()
    not_images = {file for folder in elsewhere for file in folder.files}
    images = _find_images(tree, not_images, training=training)
    beside = _masks_beside(tree, images)
    ignored = set() if training else _validation_images(tree, images)
    images = {i: location for i, location in images.items() if i not in beside and i not in ignored}
    _require_two_classes(tree, images)
    if tree.inside(REGION_FOLDERS["object"]) or named_sources(root, tree.files):
        elsewhere, beside = [], {}  # what README names counts
    names = Names([*images, *ignored])
    masks = _of(images, _find_masks(tree, names, elsewhere, beside))
    of_masks = {file for regions in masks.values() for paths in regions.values() for file in paths}
    used = {*images, *of_masks, GROUPS}
    rest = [file for file in tree.files if file not in used]
    sources = find_sources(root, rest, has_masks=bool(masks))
    annotations, contents = _read(root, sources, names)
    annotations = _of(images, annotations)
    tops = {PurePosixPath(file).parts[0] for file in (*images, *of_masks, *contents)}
    unused = unused_by_kind([f for f in rest if f not in contents], tops | set(_RESERVED))
    unused |= {OTHERS: found.closed} if found.closed else {}
    notes = (*_notes(elsewhere, list(beside), sources), *_other_images(tree, rest))
    notes += tuple(f"Not of the images: {run}, a run of campare" for run in tree.runs)
    groups = _of(images, _read_groups(tree, names))
    return Layout(images, masks, annotations, contents, notes, unused, groups)


def _of(images: Collection[str], by_image: Mapping[str, T]) -> dict[str, T]:
    """What belongs to these images."""
    return {image: found for image, found in by_image.items() if image in images}


def _read_groups(tree: "Tree", names: Names) -> dict[str, str]:
    if GROUPS not in tree.files:
        return {}
    content = content_of(tree.root / GROUPS)
    return read_groups(content, lambda name, where: names.find((name,), where=where))


@dataclass(frozen=True)
class Tree:
    """The files below a root, as paths below it, and questions about its folders."""

    root: Path
    files: Sequence[str]
    runs: Sequence[str] = ()  # folders that campare wrote, of which no file counts

    def inside(self, folder: str) -> list[str]:
        """The files in a folder and below."""
        if not folder:
            return list(self.files)
        first = bisect_left(self.files, f"{folder}/")
        return list(self.files[first : bisect_left(self.files, f"{folder}0", first)])  # / before 0

    def folders(self, folder: str = "") -> list[str]:
        """The names of the folders in a folder, with those that are empty, sorted."""
        here = self.root / folder
        return sorted(
            path.name
            for path in here.iterdir()
            if path.is_dir()
            and not is_hidden(path.name)
            and not self._of_runs(path.relative_to(self.root).as_posix())
        )

    def _of_runs(self, folder: str) -> bool:
        """Whether a folder is a run, or holds runs alone."""
        below = [run for run in self.runs if run.startswith(f"{folder}/")]
        return folder in self.runs or (bool(below) and not self.inside(folder))

    def holds_masks(self, files: Sequence[str]) -> bool:
        """Whether the first, middle and last of image files look like masks."""
        step = max(1, (len(files) - 1) // (_LOOKED_AT - 1))
        chosen = files[::step][:_LOOKED_AT]
        return bool(chosen) and all(
            looks_like_mask(content_of(self.root / file)) for file in chosen
        )

    def mask_folders(self) -> list[MaskFolder]:
        """Folders of masks that README does not name, at any depth."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for file in filter(_is_image, self.files):
            parts = PurePosixPath(file).parts[:-1]
            if parts and parts[0] in REGION_FOLDERS.values():
                continue
            at = next((i for i, name in enumerate(parts) if means_masks(name)), None)
            if at is not None:
                found["/".join(parts[:at]), parts[at]].append(file)
        return [
            MaskFolder(above, name, tuple(files))
            for (above, name), files in found.items()
            if self.holds_masks(files)
        ]


def _find_images(tree: Tree, of_masks: Collection[str], *, training: bool) -> dict[str, Location]:
    """Every image below the class folders, by its path; none of the masks."""
    locations: dict[str, Location] = {}
    for split, top in _split_folders(tree, of_masks, training=training):
        classes = _class_folders(tree, top, of_masks)
        _require_classes(tree, top, classes)
        for name in classes:
            folder = f"{top}/{name}" if top else name
            images = [f for f in tree.inside(folder) if _is_image(f) and f not in of_masks]
            if not images:
                raise _no_images(tree, folder)
            locations.update(dict.fromkeys(images, Location(split, name)))
    return _split_below_classes(locations)


def _require_two_classes(tree: Tree, images: Mapping[str, Location]) -> None:
    names = sorted({location.class_name for location in images.values()})
    if len(names) > 1:
        return
    got = f"only {names[0]!r}" if names else "none"
    advice = _layout_or_import(tree)
    around = [top for top in tree.folders() if top == "".join(names) and len(tree.folders(top)) > 1]
    if around and len(tree.folders()) == 1:
        advice = f"Try {tree.root / around[0]} as DATA, if its folders are the classes."
    elif around:
        moved = f"mv {quote(str(tree.root / around[0]))}/* {quote(str(tree.root))}"
        advice = f"Try {moved} if its folders are the classes."
    raise DataError(f"Expected at least two class folders in {tree.root}, got {got}. {advice}")


def _validation_images(tree: Tree, images: Mapping[str, Location]) -> set[str]:
    """Images of a split val, whether or not they lie in class folders."""
    if all(location.split is None for location in images.values()):
        return set()
    tops = [name for name in tree.folders() if name.casefold() in _VALIDATION]
    below = {image for image, location in images.items() if location.split == VALIDATION}
    return below | {file for top in tops for file in tree.inside(top) if _is_image(file)}


def _split_folders(
    tree: Tree, of_masks: Collection[str], *, training: bool
) -> list[tuple[str | None, str]]:
    """(split, folder) of each; (None, "") where there are none."""
    folders = tree.folders()
    present = [name for name in SPLITS if name in folders and not _is_class(tree, name)]
    if not present:
        _require_classes(tree, "", _class_folders(tree, "", of_masks))
        return [(None, "")]
    others = [name for name in _class_folders(tree, "", of_masks) if name not in SPLITS]
    validation = [name for name in others if name.casefold() in _VALIDATION]
    if "test" in present and not training:
        others = [name for name in others if name not in validation]
    if len(present) < len(SPLITS) and (training or others):
        got = _listed([*present, *others])
        moves = commands_to_rename(tree.root, [*present, *others])
        advice = f" {moves}" if moves else f" {_ADD_A_SPLIT}"
        raise DataError(f"Expected both train and test in {tree.root}, got {got}. Try{advice}")
    found: list[tuple[str | None, str]] = [(split, split) for split in present]
    if training:
        found += [(VALIDATION, name) for name in validation if tree.inside(name)]
    return found


def _is_class(tree: Tree, name: str) -> bool:
    """Whether a folder called train or test is a class: it holds images, as others beside it do."""
    others = [other for other in tree.folders() if other not in (*SPLITS, *_RESERVED)]
    flat = not tree.folders(name) and any(map(_is_image, tree.inside(name)))
    return flat and any(
        _is_image(file) and file.count("/") == 1 for other in others for file in tree.inside(other)
    )


def _class_folders(tree: Tree, top: str, of_masks: Collection[str]) -> list[str]:
    """Folders that stand for a class: not those of masks, nor of annotations alone."""
    found = []
    for name in tree.folders(top):
        inside = tree.inside(f"{top}/{name}" if top else name)
        images = [file for file in inside if _is_image(file)]
        masks = bool(images) and all(file in of_masks for file in images)
        annotations = not images and means_annotations(name)
        if name not in _RESERVED and not masks and not annotations:
            found.append(name)
    return found


def _require_classes(tree: Tree, top: str, names: Sequence[str]) -> None:
    """Refuse folders that are splits, images and masks as classes."""
    inner = [set(tree.folders(f"{top}/{name}" if top else name)) for name in names]
    same = len(names) > 1 and len(inner[0]) > 1 and all(found == inner[0] for found in inner)
    no_classes = are_no_classes(names) or (same and are_sets(names))
    if not names or not no_classes or (len(names) == 1 and not top):
        return
    where = tree.root / top
    moves = None if top else commands_to_rename(tree.root, names)
    as_data = next((name for name, found in zip(names, inner, strict=True) if len(found) > 1), None)
    splits = ", or folders named train and test," if moves else ","
    if moves:
        advice = f"Try {moves}"
    elif as_data:
        advice = f"Try {where / as_data} as DATA, if its folders are the classes."
    else:
        advice = _layout_or_import(tree)
    raise DataError(
        f"Expected one folder for each class in {where}{splits} got {_listed(names)}. {advice}"
    )


def _layout_or_import(tree: Tree) -> str:
    """The layout of README, or the import where there are files that may hold labels."""
    if not any(file.lower().endswith(_TABLES) for file in tree.files):
        return _LAYOUT
    return f"{_LAYOUT.rstrip('.')}, or: campare data import {quote(str(tree.root))} OUT"


def _split_below_classes(locations: dict[str, Location]) -> dict[str, Location]:
    """DATA/<class>/{train,test}/<image>: the split of each image where all lie so."""
    if any(location.split for location in locations.values()):
        return locations
    below: dict[str, str | None] = {}
    for image in locations:
        parts = PurePosixPath(image).parts
        below[image] = split_of(parts[1]) if len(parts) > 2 else None
    if not below or None in below.values() or "test" not in below.values():
        return locations
    return {
        image: Location(below[image], location.class_name) for image, location in locations.items()
    }


def _no_images(tree: Tree, folder: str) -> DataError:
    """A class folder without an image: what is in it instead."""
    kinds = unused_by_kind(tree.inside(folder), {folder.partition("/")[0]})
    got = ", ".join(f"{len(files)} {kind}" for kind, files in kinds.items()) or "none"
    command = _import_of(tree, tree.inside(folder))
    advice = "to convert them to PNG" if kinds else "to add some, or to remove the folder"
    if set(kinds) <= {".txt", ".md", ".csv", ".json", ".xml"}:
        got, advice = "none", "to add some, or to remove the folder"
    advice = f"{command}, or to convert them to PNG" if command else f"{advice}."
    return DataError(
        f"Expected images in class folder {tree.root / folder}, got {got}. Try {advice}"
    )


def _import_of(tree: Tree, files: Sequence[str]) -> str:
    """The command that reads images of a kind that a folder does not take; "" where none is."""
    extras = {"formats": HEIC, "medical": (*DICOM, *NIFTI)}
    wanted = [e for e, ends in extras.items() if any(f.lower().endswith(ends) for f in files)]
    if not wanted:
        return ""
    extra = f"pip install 'campare[{','.join(wanted)}]'"
    return f"campare data import {quote(str(tree.root))} OUT ({extra})"


def _masks_beside(tree: Tree, images: Collection[str]) -> dict[str, str]:
    """Masks among the images: file -> its image.

    `1_mask.png` is the mask of `1.jpg` beside it, and so is `1.png`, if all such files are masks.
    """
    by_stem: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_stem[PurePosixPath(image).with_suffix("").as_posix()].append(image)
    named: dict[str, str] = {}
    for image in images:
        path = PurePosixPath(image)
        stem = without_mask_word(path.stem)
        of = by_stem.get(path.with_name(stem).as_posix(), []) if stem else []
        if len(of) == 1:
            named[image] = of[0]
    pairs = [found for found in by_stem.values() if len(found) == 2]
    by_suffix = {tuple(PurePosixPath(file).suffix for file in sorted(pair)) for pair in pairs}
    twins: dict[str, str] = {}
    if len(by_suffix) == 1:
        for at in (0, 1):
            masks = [sorted(pair)[at] for pair in pairs]
            others = [sorted(pair)[1 - at] for pair in pairs]
            if tree.holds_masks(masks) and not tree.holds_masks(others):
                twins = dict(zip(masks, others, strict=True))
    return (named if tree.holds_masks(sorted(named)) else {}) | twins


def _find_masks(
    tree: Tree,
    names: Names,
    elsewhere: Sequence[MaskFolder],
    beside: Mapping[str, str],
) -> Masks:
    """Mask files of each image.

    Raises:
        DataError: a mask of no image, or two masks of one region for one image.
    """
    masks: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)

    def add(image: str, region: str, path: str) -> None:
        earlier = masks[image].get(region, ())
        if earlier and not _is_numbered(path, earlier[0]):
            raise DataError(
                f"Expected one {region} mask for image {image}, got {earlier[0]} and {path}. "
                "Try to remove one."
            )
        masks[image][region] = (*earlier, path)

    for region, folder_name in REGION_FOLDERS.items():
        inside = list(filter(_is_image, tree.inside(folder_name)))
        if inside and not names.fits(*_mask_names(inside[0].partition("/")[2])):
            _require_masks(tree, folder_name, inside)
        for path in inside:
            add(names.find(_mask_names(path.partition("/")[2]), where=path), region, path)
    for folder in elsewhere:
        near = names.under(folder.above)
        of_class = without_mask_word(folder.name)
        if of_class:  # cat_masks/1.png is of cat/1.jpg
            near = near.under(f"{folder.above}/{of_class}".removeprefix("/"))
        for path in folder.files:
            parts = PurePosixPath(path.removeprefix(f"{folder.path}/")).parts
            endings = ("/".join(parts[start:]) for start in range(len(parts)))
            candidates = tuple(name for below in endings for name in _mask_names(below))
            add(near.find(candidates, where=path), "object", path)
    for path, image in beside.items():
        add(image, "object", path)
    return dict(masks)


def _require_masks(tree: Tree, folder: str, files: Sequence[str]) -> None:
    """Refuse a folder called masks or parts that is a class."""
    if not tree.holds_masks(files):
        old, new = (quote(f"{tree.root / folder}{end}") for end in ("", "-class"))
        raise DataError(
            f"Expected masks in {tree.root / folder}, got photographs, such as {files[0]}. "
            f"Try another name, if it is a class: mv {old} {new}"
        )


def _mask_names(below: str) -> tuple[str, ...]:
    """What a mask may call its image: its own name, and that without `_mask`."""
    path = PurePosixPath(below).with_suffix("")
    stem = without_mask_word(path.name)
    return (str(path), str(path.with_name(stem))) if stem else (str(path),)


def _is_numbered(path: str, earlier: str) -> bool:
    """Whether two masks are parts of one: `1_mask.png` and `1_mask_1.png` in one folder."""
    a, b = PurePosixPath(path), PurePosixPath(earlier)
    stem = without_mask_word(a.stem)
    return a.parent == b.parent and stem is not None and stem == without_mask_word(b.stem)


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


def unused_by_kind(files: Iterable[str], tops: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Files by kind: the first folder where that holds nothing of use, or else the suffix.

    Example:
        >>> files = ["README", "cat/1.heic", "cat/2.heic", "old/cat/1.jpg", "masks/old/1.png"]
        >>> unused_by_kind(files, ["cat", "masks"])  # doctest: +NORMALIZE_WHITESPACE
        {'without suffix': ('README',), '.heic': ('cat/1.heic', 'cat/2.heic'),
         'old/': ('old/cat/1.jpg',), 'masks/old/': ('masks/old/1.png',)}
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for file in files:
        path = PurePosixPath(file)
        if len(path.parts) > 1 and path.parts[0] not in tops:
            kind = f"{path.parts[0]}/"
        elif _is_image(file) and len(path.parts) > 1:
            kind = f"{path.parent}/"
        else:
            kind = path.suffix or "without suffix"
        kinds[kind].append(file)
    return {kind: tuple(found) for kind, found in kinds.items()}


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
    return (f"{what} read by {_import_of(tree, found)}: {some_of(found)}",) if found else ()


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _without_runs(root: Path, files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files that lie in no run of campare, and the folders of runs.

    Raises:
        DataError: the root itself is one.
    """
    runs = [str(PurePosixPath(f).parent) for f in files if PurePosixPath(f).name == _RUN]
    runs = [run for run in runs if _is_run(root / run)]
    if "." in runs:
        raise DataError(f"Expected a folder of images at {root}, got a run of campare. {_LAYOUT}")
    inside = tuple(f"{run}/" for run in runs)
    return [file for file in files if not file.startswith(inside)], runs


def _is_run(folder: Path) -> bool:
    """Whether campare wrote a folder as a run: its manifest says so at its beginning."""
    if not (folder / _RUN).is_file():
        return False
    with (folder / _RUN).open("rb") as file:
        return b'"campare"' in file.read(4096)


def _is_image(file: str) -> bool:
    return file.lower().endswith(_SUFFIXES)
