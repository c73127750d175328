"""Groups: which images belong together (a patient, a video, a plant) and are not independent.

    DATA/groups.csv               columns image and group; an image of no group is one by itself
    groups="folder"               the folder below the class: DATA/<class>/<group>/<image>
    groups=r"(patient_\\d+)_"      what a regular expression finds in each image's path

Splits that campare draws keep a group on one side; what a folder's own split does is said.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from campare.data.csvfile import csv_reader
from campare.data.inventory import counted, some_of
from campare.data.vocabulary import SPLITS_BY_WORD
from campare.errors import DataError
from campare.types import Ints

#: The file below a folder of images that names groups.
GROUPS = "groups.csv"
#: Instead of a regular expression: the folder below the class.
FOLDER = "folder"

_COLUMNS = ("image", "group")


def read_groups(content: bytes, find: Callable[[str, str], str]) -> dict[str, str]:
    """Image -> group of a groups.csv; `find` is told a name and its line, and says which image.

    Raises:
        DataError: no such columns, or two groups for one image.

    Example:
        >>> read_groups(b"image,group\\na.png,p1\\nb.png,\\n", lambda name, where: name)
        {'a.png': 'p1'}
    """
    try:
        table = csv_reader(content.decode("utf-8-sig"))
        missing = [name for name in _COLUMNS if name not in (table.fieldnames or ())]
        rows = list(table)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            f"Expected a table in {GROUPS}, got {error}. Try to save it as CSV in UTF-8."
        ) from error
    if missing:
        raise DataError(
            f"Expected columns image and group in {GROUPS}, got {', '.join(table.fieldnames or ())}"
            ". Try a first line image,group."
        )
    found: dict[str, str] = {}
    for line, row in enumerate(rows, start=2):
        name, group = (row[column] for column in _COLUMNS)
        if not group or not group.strip():
            continue
        image = find(name or "", f"{GROUPS} line {line}")
        earlier = found.setdefault(image, group.strip())
        if earlier != group.strip():
            raise DataError(
                f"Expected one group for image {image} in {GROUPS}, got {earlier} and "
                f"{group.strip()}. Try to remove one."
            )
    return found


#: A regular expression, FOLDER, or the group of each image.
By = str | Mapping[str, str | None]


def groups_by(pattern: By, images: Mapping[str, str]) -> dict[str, str]:
    """Image -> group by a regular expression, the folder below the class (FOLDER), or a mapping.

    The group is what the expression's parentheses hold, joined by "/", or all that it finds.

    Args:
        pattern: of Python's `re`, found anywhere in an image's path below the root; FOLDER; or
            {image: group}.
        images: image -> the name of its class folder.

    Raises:
        DataError: it is no regular expression, fits no image, or names one that is not there.

    Example:
        >>> groups_by(r"p\\d+", {"cat/p1_a.png": "cat", "cat/p1_b.png": "cat", "cat/c.png": "cat"})
        {'cat/p1_a.png': 'p1', 'cat/p1_b.png': 'p1'}
        >>> groups_by("folder", {"train/cat/p1/a.png": "cat", "train/cat/b.png": "cat"})
        {'train/cat/p1/a.png': 'p1'}
        >>> groups_by("folder", {"images/p1/a.png": "cat"})
        {'images/p1/a.png': 'images/p1'}
    """
    found: dict[str, str | None]
    if not isinstance(pattern, str | Mapping):
        raise DataError(
            f"Expected groups as a regular expression or a mapping of images, got {pattern!r}. "
            "Try: 'patient_[0-9]+', or 'folder'"
        )
    if not isinstance(pattern, str):
        unknown = [image for image in pattern if image not in images]
        if unknown:
            raise DataError(
                f"Expected groups of images of the set, got one of {unknown[0]}. "
                f"Try the path below the data folder, such as {next(iter(images), 'cat/1.png')}."
            )
        found = dict(pattern)
    elif pattern == FOLDER:
        found = {image: _folder(image, name) for image, name in images.items()}
    else:
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise DataError(
                f"Expected a regular expression for groups, got {pattern!r}: {error}. "
                r"Try one such as '(patient_\d+)', or 'folder'."
            ) from error
        found = {image: _matched(compiled, image) for image in images}
    known = {image: group for image, group in found.items() if group}
    if not known:
        raise DataError(
            f"Expected groups that {pattern!r} finds in the paths of images, got none, such as in "
            f"{next(iter(images), 'no image')}. "
            r"Try a regular expression such as '([^/]+)_\d+\.png'."
        )
    return known


def _folder(image: str, class_name: str) -> str:
    """The folders between the class and the file, without those of a split.

    All of them where none is of the class, as where a table says the classes.
    """
    inner = PurePosixPath(image).parts[:-1]
    below = inner[inner.index(class_name) + 1 :] if class_name in inner else inner
    return "/".join(part for part in below if part.casefold() not in SPLITS_BY_WORD)


def _matched(pattern: re.Pattern[str], image: str) -> str:
    match = pattern.search(image)
    if not match:
        return ""
    return "/".join(part for part in match.groups() if part) if pattern.groups else match[0]


def notes(
    groups: Mapping[str, str], splits: Mapping[str, str], labels: Mapping[str, str]
) -> Iterator[str]:
    """What must be known of groups: images of none, groups of several labels or splits.

    Args:
        groups: image -> group. splits, labels: image -> its split and the name of its class.

    Example:
        >>> list(notes({"a": "p1", "b": "p1"}, {"a": "train", "b": "test"}, {"a": "x", "b": "x"}))
        ['1 group has images in train and test: p1']
    """
    if not groups:
        return
    alone = [image for image in splits if image not in groups]
    if alone:
        many = counted(alone, "image belongs to no group and is", "images belong to no group, each")
        yield f"{many} a unit by itself: {some_of(alone)}"
    kept = {image: group for image, group in groups.items() if image in splits}
    sides = {image: split == "test" for image, split in splits.items()}
    checks: tuple[tuple[Mapping[str, Any], str], ...] = (
        (labels, "several labels"),
        (sides, "images in train and test"),
    )
    for values, words in checks:
        several = _several(kept, values)
        if several:
            listed = ", ".join(several) if len(several) <= _LISTED else some_of(several)
            yield f"{counted(several, 'group has', 'groups have')} {words}: {listed}"


_LISTED = 12  # groups that a note names


def _several(groups: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
    """The groups whose images have more than one of the values."""
    found: dict[str, set[Any]] = defaultdict(set)
    for image, group in groups.items():
        found[group].add(values[image])
    return sorted(group for group, own in found.items() if len(own) > 1)


def duplicates(hashes: Mapping[str, str], splits: Mapping[str, str]) -> Iterator[str]:
    """Images of equal bytes in train and in test, in a sentence.

    Example:
        >>> list(duplicates({"a": "1f", "b": "1f"}, {"a": "train", "b": "test"}))
        ['1 test image is in train, too, byte for byte: b is a']
    """
    trained = {hashes[image]: image for image, split in splits.items() if split == "train"}
    twice = [
        f"{image} is {trained[hashes[image]]}"
        for image, split in splits.items()
        if split == "test" and hashes[image] in trained
    ]
    if twice:
        many = counted(twice, "test image is", "test images are")
        yield f"{many} in train, too, byte for byte: {some_of(twice)}"


def unit_of(groups: Sequence[str | None]) -> Ints:
    """The unit of each of N images as a number from 0: its group, or the image itself.

    Example:
        >>> unit_of(["b", None, "a", "b", None]).tolist()
        [3, 0, 2, 3, 1]
    """
    names = [(group is not None, group or f"{at:09}") for at, group in enumerate(groups)]
    order = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([order[name] for name in names], np.int64)


def units(groups: Sequence[str | None]) -> str:
    """The units of independence in words; empty where no image has a group.

    Example:
        >>> units(["p1", "p1", "p2", "p2"]), units(["p1", "p1", None]), units([None])
        ('2 groups of 2 images', '2 groups of 1 to 2 images (3 images)', '')
    """
    sizes = [*Counter(group for group in groups if group is not None).values()]
    if not sizes:
        return ""
    sizes += [1] * sum(group is None for group in groups)
    least, most = min(sizes), max(sizes)
    number = counted(sizes, "group", "groups")
    if least == most:
        return f"{number} of {least} {'image' if least == 1 else 'images'}"
    return f"{number} of {least} to {most} images ({len(groups)} images)"
