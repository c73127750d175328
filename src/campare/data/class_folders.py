"""Which folders of a folder of images are classes and splits, and which images lie in them.

    DATA/<class>/<image>, DATA/{train,test}/<class>/<image>, DATA/<class>/{train,test}/<image>

Folders that do not make sense so are refused with the command that puts them right, where one does.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from shlex import quote
from typing import NamedTuple

from campare.data.samples import SPLITS, VALIDATION
from campare.data.tree import LAYOUT, RESERVED, Tree, import_of, is_image, unused_by_kind
from campare.data.vocabulary import (
    are_no_classes,
    are_sets,
    commands_to_rename,
    means_annotations,
    split_of,
)
from campare.errors import DataError

_VALIDATION = ("val", "valid", "validation", "dev")
_ADD_A_SPLIT = (
    "to add the missing one, or to put the class folders straight into DATA for a split by seed."
)
_TABLES = (".csv", ".json", ".jsonl", ".xml", ".txt", ".yaml", ".yml")


class Location(NamedTuple):
    """Where an image lies: its split, None in a folder without train and test, and its class."""

    split: str | None
    class_name: str


def find_images(tree: Tree, of_masks: Collection[str], *, training: bool) -> dict[str, Location]:
    """Every image below the class folders, by its path; none of the masks.

    Raises:
        DataError: splits or class folders that make no sense, or a class folder without an image.
    """
    locations: dict[str, Location] = {}
    for split, top in _split_folders(tree, of_masks, training=training):
        classes = _class_folders(tree, top, of_masks)
        _require_classes(tree, top, classes)
        for name in classes:
            folder = f"{top}/{name}" if top else name
            images = [f for f in tree.inside(folder) if is_image(f) and f not in of_masks]
            if not images:
                raise _no_images(tree, folder)
            locations.update(dict.fromkeys(images, Location(split, name)))
    return _split_below_classes(locations)


def require_two_classes(tree: Tree, images: Mapping[str, Location]) -> None:
    """Refuse images of one class, or of none.

    Raises:
        DataError: there are fewer than two classes.
    """
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


def validation_images(tree: Tree, images: Mapping[str, Location]) -> set[str]:
    """Images of a split val, whether or not they lie in class folders."""
    if all(location.split is None for location in images.values()):
        return set()
    tops = [name for name in tree.folders() if name.casefold() in _VALIDATION]
    below = {image for image, location in images.items() if location.split == VALIDATION}
    return below | {file for top in tops for file in tree.inside(top) if is_image(file)}


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
    others = [other for other in tree.folders() if other not in (*SPLITS, *RESERVED)]
    flat = not tree.folders(name) and any(map(is_image, tree.inside(name)))
    return flat and any(
        is_image(file) and file.count("/") == 1 for other in others for file in tree.inside(other)
    )


def _class_folders(tree: Tree, top: str, of_masks: Collection[str]) -> list[str]:
    """Folders that stand for a class: not those of masks, nor of annotations alone."""
    found = []
    for name in tree.folders(top):
        inside = tree.inside(f"{top}/{name}" if top else name)
        images = [file for file in inside if is_image(file)]
        masks = bool(images) and all(file in of_masks for file in images)
        annotations = not images and means_annotations(name)
        if name not in RESERVED and not masks and not annotations:
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
        return LAYOUT
    return f"{LAYOUT.rstrip('.')}, or: campare data import {quote(str(tree.root))} OUT"


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
    """A class folder without an image: what is in it instead, or that a link leads to it."""
    ways = (tree.root / part for part in (folder, *map(str, PurePosixPath(folder).parents[:-1])))
    link = next((way for way in ways if way.is_symlink()), None)
    if link is not None:
        target, gone = link.resolve(), f"rm {quote(str(link))}"
        is_circle = tree.root.resolve().is_relative_to(target)
        copied = f" && cp -r {quote(str(target))} {quote(str(link))}"
        return DataError(
            f"Expected a class folder in {tree.root}, got {link}, a link, which is not followed. "
            f"Try {gone}{'' if is_circle else copied}"
        )
    kinds = unused_by_kind(tree.inside(folder), {folder.partition("/")[0]})
    got = ", ".join(f"{len(files)} {kind}" for kind, files in kinds.items()) or "none"
    command = import_of(tree, tree.inside(folder))
    advice = "to convert them to PNG" if kinds else "to add some, or to remove the folder"
    if set(kinds) <= {".txt", ".md", ".csv", ".json", ".xml"}:
        got, advice = "none", "to add some, or to remove the folder"
    advice = f"{command}, or to convert them to PNG" if command else f"{advice}."
    return DataError(
        f"Expected images in class folder {tree.root / folder}, got {got}. Try {advice}"
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
