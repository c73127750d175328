"""Which class an image of a data set in a foreign format has: :func:`with_classes`.

    the label of the image  >  the class folder that it lies in  >  the labels of its objects

Folders are the classes where objects cannot say it: their labels are numbers that nothing names, or
all the same; or where labels are the folders' names, too. Otherwise labels count, and that is said.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from campare.data.formats.items import Item, LeftOut
from campare.data.inventory import counted, some_of
from campare.data.labels import fold
from campare.data.samples import SPLITS, VALIDATION
from campare.data.shapes import area_of
from campare.data.tree import REGION_FOLDERS
from campare.data.vocabulary import are_no_classes, are_sets, split_of
from campare.errors import DataError

#: An image that shows several classes: it has that of the largest area, or is left out.
Several = Literal["largest", "leave-out"]
#: What says the class of an image whose objects are labeled.
ClassesFrom = Literal["folders", "labels"]

#: Why an image has no class.
EMPTY = "without a label"

_RESERVED = (*SPLITS, VALIDATION, *REGION_FOLDERS.values(), "annotations")
_LISTED = 4  # numbers that the example of a note names


class Classed(NamedTuple):
    """The items that have a class."""

    items: list[Item]
    class_of: dict[str, str]
    notes: list[str]


def with_classes(
    items: Sequence[Item],
    left_out: LeftOut,
    several: Several = "largest",
    background: str | None = None,
    classes_from: ClassesFrom | None = None,
) -> Classed:
    """A class for each image.

    Args:
        items: every image with its labels and objects.
        left_out: gets the images without a class, by reason.
        several: an image of objects of several classes has that of the largest area, or none.
        background: the class of images in which nothing is labeled; None: none.
        classes_from: what says it; None: folders, where the labels do not contradict.

    Raises:
        DataError: another word for `several`, folders that are no classes, or a class called as a
            folder that means something else.
    """
    if several not in ("largest", "leave-out"):
        raise DataError(f"Expected several largest or leave-out, got {several!r}. Try 'largest'.")
    items, notes = _by_folders(items, classes_from)
    kept, class_of, mixed = [], {}, list[str]()
    for item in items:
        found = item.labels if len(item.labels) == 1 else _by_area(item)
        if len(item.labels) > 1 and not found:
            left_out.images["of several labels"].append(item.name)
        elif len(found) > 1 and several == "leave-out":
            left_out.images["of several classes"].append(item.name)
        elif not found and background is None:
            left_out.images[EMPTY].append(item.name)
        else:
            kept.append(item)
            class_of[item.name] = found[0] if found else folder_name(str(background))
            mixed += [item.name] if len(found) > 1 else []
    if mixed:
        notes.append(
            f"{counted(mixed, 'image shows', 'images show')} several classes, of which the one of "
            f"the largest area counts: {some_of(mixed)}"
        )
    return Classed(kept, class_of, notes)


def folder_name(label: str) -> str:
    """A label as the name of a folder.

    Raises:
        DataError: folders of that name mean something else.

    Example:
        >>> folder_name(" cat/tabby")
        'cat-tabby'
    """
    name = label.strip().replace("/", "-").replace("\\", "-").lstrip(".") or "unnamed"
    if name.casefold() in _RESERVED:
        raise DataError(
            f"Expected classes whose names are not {', '.join(_RESERVED)}, got {label!r}. "
            f"Try --labels {label}={label}-class"
        )
    return name


def class_folders(images: Sequence[str]) -> dict[str, str]:
    """Image -> the class folder that it lies in; {} where images lie in none.

    Folders of splits, of images and of parts of a set are no classes.

    Example:
        >>> class_folders(["train/images/cat/1.png", "test/images/dog/2.png"]).values()
        dict_values(['cat', 'dog'])
        >>> class_folders(["images/batch_1/1.png", "images/batch_2/2.png"])
        {}
    """
    found = {}
    for image in images:
        names = [n for n in PurePosixPath(image).parts[:-1] if not split_of(n)]
        found[image] = next((name for name in names if not are_no_classes([name])), "")
    names = sorted(set(found.values()))
    are_classes = len(names) > 1 and "" not in names
    return {} if not are_classes or are_no_classes(names) or are_sets(names) else found


def _by_folders(
    items: Sequence[Item], classes_from: ClassesFrom | None
) -> tuple[Sequence[Item], list[str]]:
    """The items labeled with their class folders, where those count, and what is said of it."""
    if classes_from not in (None, "folders", "labels"):
        raise DataError(
            f"Expected classes from folders or labels, got {classes_from!r}. "
            "Try --classes-from folders"
        )
    labels = {one.label for item in items for one in item.annotations if one.label}
    found = class_folders([item.name for item in items])
    if classes_from == "folders" and not found:
        raise DataError(
            "Expected images in one folder for each class, got images in none. "
            "Try --classes-from labels"
        )
    is_free = classes_from is None and not any(item.labels for item in items)
    if classes_from == "folders" or (is_free and found and _say_nothing(labels, found)):
        listed = some_of(sorted(set(found.values())))
        return [replace(item, labels=(folder_name(found[item.name]),)) for item in items], [
            f"The class of an image is the folder that it lies in: {listed}"
        ]
    if is_free and found:
        listed = some_of(sorted(set(found.values())))
        return items, [
            f"The class of an image is that of its labels ({some_of(sorted(labels))}), not the "
            f"folder that it lies in ({listed}): --classes-from folders makes it that"
        ]
    if is_free and len(labels) > 1 and all(map(str.isdecimal, labels)):
        example = ",".join(f"{label}=NAME" for label in sorted(labels, key=_size)[:_LISTED])
        return items, [f"Nothing names the numbers of the classes: --labels {example} does"]
    return items, []


def _size(digits: str) -> tuple[int, str]:
    """A key by which numbers stand in their order, of however many digits.

    Example:
        >>> sorted(["10", "9", "011", "1"], key=_size)
        ['1', '9', '10', '011']
    """
    bare = digits.lstrip("0")
    return len(bare), bare


def _say_nothing(labels: set[str], folders: Mapping[str, str]) -> bool:
    """Whether labels of objects say no other class than the folders: see the head of this file."""
    names = {fold(name) for name in folders.values()}
    return (
        len(labels) < 2
        or all(label.isdecimal() for label in labels)
        or any(fold(label) in names for label in labels)
    )


def _by_area(item: Item) -> tuple[str, ...]:
    """The labels of an image's objects, that of the largest area first."""
    areas: dict[str, float] = defaultdict(float)
    for one in item.annotations:
        if one.label:
            areas[one.label] += area_of(one.shape)
    return tuple(sorted(areas, key=lambda label: (-areas[label], label)))
