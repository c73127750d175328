"""A folder of images as an ImageSet, and an ImageSet as a folder.

    DATA/[train|test/]<class>/<name>.<jpg|png|...>     without train/test: a stratified split
    DATA/{masks,parts,cues}/[train|test/]<class>/<name>.png     black = outside
    DATA/boxes.csv  or  DATA/instances.json (COCO)  or  DATA/annotations/*.xml (Pascal VOC)
    DATA/groups.csv                   images that belong together: see `groups.py`

:func:`read_folder` reads every file once: it decodes, checks and hashes it in the same pass. An
image that cannot be decoded is skipped and named; ground truth that cannot be used is an error.
"""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from PIL import Image

from campare.data import groups as g
from campare.data.annotations import Annotation
from campare.data.class_folders import Location
from campare.data.groups import By
from campare.data.holdout import held_out
from campare.data.inventory import Inventory, counted, some_of
from campare.data.labels import Labels, sort_objects
from campare.data.layout import read_layout
from campare.data.mask_files import Masks
from campare.data.masks import (
    MaskValues,
    Value,
    not_two_values,
    require_one_level,
    values_by_class,
    values_of_others,
    values_to_give,
)
from campare.data.reader import Check, FolderReader
from campare.data.samples import REGIONS, SPLITS, Sample, SampleSet, Skipped
from campare.data.threads import Progress, in_threads
from campare.data.tree import REGION_FOLDERS
from campare.errors import DataError
from campare.files import atomic
from campare.types import Array

Set = TypeVar("Set", bound=SampleSet)

#: The grid of ground truth on a photo that EXIF turns: as in the file, or as people see it.
Grid = Literal["stored", "displayed"]

_LABELS = 8  # that a sentence lists


def read_folder(
    root: Path,
    *,
    into: type[Set] = SampleSet,  # type: ignore[assignment]
    seed: int = 0,
    test_fraction: float = 0.25,
    training: bool = True,
    mask_values: MaskValues | None = None,
    labels: Labels | None = None,
    annotations_as: Grid | None = None,
    group: By | None = None,
    progress: Progress | None = None,
) -> Set:
    """Index a folder of images: decode, check and hash every file once.

    Boxes and outlines labelled with the image's class are its object, those of other classes the
    region `other`; things of no class are left out, and counted. Where an image has an object mask,
    its boxes are not used; where `mask_values` tell classes apart, those of other classes in its
    mask are `other`, too. Hidden files, and files that are no image by their suffix, are ignored.

    Args:
        into: the class of the set.
        root: the folder; see the module for its layout. Classes are in alphabetical order.
        seed: of the stratified split, where the folder has no train and test.
        test_fraction: share of each class for the test split, where the folder has none.
        training: whether models are to be trained on it. If not, a folder without train and test
            is all test, and one of the two is enough.
        mask_values: which values of a mask of more than two are inside: one, several, or those of
            each class; see `masks.py`.
        labels: what labels of annotations mean that are no class: {"cat": "cats", "person": None,
            "lesion": "own"}; see `labels.py`.
        annotations_as: of photos that EXIF turns, on which grid the ground truth is where its size
            does not tell: "stored" (None: this, and the inventory says so) or "displayed".
        group: what tells which images belong together (patients, videos), instead of groups.csv:
            a regular expression, "folder", or {image: group}; see `groups.py`. A split that is
            drawn here keeps them on one side.
        progress: called with (images done, images in all) after each image.

    Returns:
        The set; its fingerprint is the sha256 over names below the root and contents of every
        image, mask and annotation file.

    Raises:
        DataError: no folder, fewer than two classes, a class without a usable image in a split, a
            mask of another size, a box outside its image, ground truth for an unknown image, or an
            annotation file that cannot be parsed.

    Example:
        >>> read_folder(Path("no/such/folder"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        campare.errors.DataError: Expected a folder of images at no/such/folder, got no such ...
    """
    layout = read_layout(root, training=training)
    locations = layout.images
    class_names = tuple(sorted({location.class_name for location in locations.values()}))
    label_of = {
        image: class_names.index(location.class_name) for image, location in locations.items()
    }
    class_of = {image: location.class_name for image, location in locations.items()}
    objects = sort_objects(layout.annotations, class_of, labels)
    values = values_by_class(mask_values, class_names)
    others = values_of_others(values)
    reader = FolderReader(
        root.resolve(),
        layout.masks,
        objects.shapes,
        {image: values[name] for image, name in class_of.items() if values},
        {image: others[name] for image, name in class_of.items() if values},
        displayed=_is_displayed(annotations_as),
    )
    checks = in_threads(reader.check, sorted(locations), progress)
    _require_clear(checks, layout.masks, class_of)
    require_one_level(
        (class_of[check.image], *level) for check in checks for level in check.levels.items()
    )

    usable = [check.image for check in checks if not check.reason]
    skipped = tuple(Skipped(check.image, check.reason) for check in checks if check.reason)
    group_of = layout.groups if group is None else g.groups_by(group, class_of)
    indices = np.array([label_of[image] for image in usable], np.int64)
    held = (
        held_out(indices, test_fraction, seed, [group_of.get(image) for image in usable])
        if training
        else np.ones(len(usable), np.bool_)
    )
    samples = tuple(
        Sample(
            image,
            label_of[image],
            locations[image].split or SPLITS[int(is_test)],
            group_of.get(image),
        )
        for image, is_test in zip(usable, held, strict=True)
    )
    split_of = {sample.image: sample.split for sample in samples}
    present = {region for check in checks for region in check.areas}
    images = into(
        name=root.resolve().name,
        class_names=class_names,
        samples=samples,
        read=replace(reader, digests=_digests(checks)),
        repeatable=True,
        fingerprint=_fingerprint(
            layout.annotation_files,
            checks,
            {
                "mask values": values,
                "labels": labels,
                "annotations as": annotations_as,
                "groups": group_of,
                "others": "by mask values" if _by_values(checks, reader) else None,
            },
        ),
        regions=tuple(region for region in REGIONS if region in present),
        skipped=skipped,
        inventory=Inventory(
            {
                region: {c.image: c.areas[region] for c in checks if region in c.areas}
                for region in REGIONS
                if region in present
            },
            notes=(
                *layout.notes,
                *_without_object(layout.annotation_files, layout.annotations),
                *_left_out(objects.left_out),
                *g.notes(group_of, split_of, class_of),
                *g.duplicates({c.image: c.hashes.get(c.image, "") for c in checks}, split_of),
                *_around([c.image for c in checks if c.is_around and c.image in layout.masks]),
                *_turned([c.image for c in checks if c.is_ambiguous and annotations_as is None]),
            ),
            unused=layout.unused,
        ),
    )
    _require_every_class(images, locations, SPLITS if training else ())
    return images


def write_folder(imageset: SampleSet, out: Path, progress: Progress | None = None) -> Path:
    """Write a set as an ordinary folder of PNG files with train, test, masks, parts and cues.

    Groups become a groups.csv.

    All files are written beside `out` first and renamed at the end, so `out` is whole or absent.
    :func:`read_folder` reads back the same pixels; its classes are in alphabetical order.

    Args:
        imageset: any set.
        out: the folder to make; its parents are made too.
        progress: called with (images done, images in all) after each image.

    Returns:
        `out`.

    Raises:
        DataError: `out` is a file, or a folder that is not empty.

    Example:
        >>> import tempfile
        >>> out = Path(tempfile.mkdtemp()) / "drawn"
        >>> from campare.data import ImageSet
        >>> _ = write_folder(ImageSet.drawn(train=4, test=2, size=32), out)
        >>> read_folder(out).counts()
        {'train': {'cat': 2, 'dog': 2}, 'test': {'cat': 1, 'dog': 1}}
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        got = "one that is not empty" if out.is_dir() else "a file"
        raise DataError(f"Expected a new folder at {out}, got {got}. Try another path.")
    paths = _png_paths(imageset)

    def write(folder: Path, sample: Sample) -> None:
        picture = imageset.read(sample)
        _save(picture.image, folder / paths[sample.image])
        for region, mask in picture.regions.items():
            _save(mask, folder / REGION_FOLDERS[region] / paths[sample.image])

    with atomic(out) as folder:
        folder.mkdir()
        in_threads(partial(write, folder), imageset.samples, progress)
        grouped = [s for s in imageset.samples if s.group is not None]
        if grouped:
            with (folder / g.GROUPS).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(
                    [("image", "group"), *((paths[s.image], s.group) for s in grouped)]
                )
    return out


def _png_paths(imageset: SampleSet) -> dict[str, str]:
    """split/class/name.png of each image; names that would collide keep their suffix before it."""
    inner = {s.image: _inner_path(s, imageset.class_names[s.label]) for s in imageset.samples}
    uses = Counter(path.with_suffix("") for path in inner.values())
    names = {
        image: path if uses[path.with_suffix("")] > 1 else path.with_suffix("")
        for image, path in inner.items()
    }
    return {image: f"{name.as_posix()}.png" for image, name in names.items()}


def _inner_path(sample: Sample, class_name: str) -> PurePosixPath:
    """split/class/... of an image, whether or not its id has them."""
    parts = PurePosixPath(sample.image).parts
    for folder in (sample.split, class_name):
        parts = parts[1:] if parts[0] == folder and len(parts) > 1 else parts
    return PurePosixPath(sample.split, class_name, *parts)


def _save(pixels: Array, path: Path) -> None:
    """Level 1 takes a third of the default's time for 5 % more bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, compress_level=1)


def _without_object(
    files: Mapping[str, bytes], annotations: Mapping[str, Sequence[Annotation]]
) -> tuple[str, ...]:
    """What is said of annotation files in which nothing is annotated."""
    return () if annotations or not files else (f"No object in {some_of(list(files))}",)


def _left_out(labels: Mapping[str, int]) -> tuple[str, ...]:
    """What is said of things whose labels are no class."""
    if not labels:
        return ()
    listed = ", ".join(f"{label} ({n})" for label, n in list(labels.items())[:_LABELS])
    more = f" and {len(labels) - _LABELS} more labels" if len(labels) > _LABELS else ""
    return (f"Objects of no class, left out: {listed}{more}",)


def _require_clear(checks: Sequence[Check], masks: Masks, class_of: Mapping[str, str]) -> None:
    """Refuse masks of more values than two, with the option to give."""
    first = next((check for check in checks if check.unclear is not None), None)
    if first is None or first.unclear is None:
        return
    found: dict[str, list[Collection[Value]]] = defaultdict(list)
    for check in checks:
        of_object = masks.get(check.image, {}).get("object", ())
        level = next((check.levels[path] for path in of_object if path in check.levels), None)
        if check.unclear is not None:
            found[class_of[check.image]].append(check.unclear.values)
        elif level is not None:
            found[class_of[check.image]].append((0, level))
    whole = len(found) == len(set(class_of.values()))
    by_class = values_to_give(dict(sorted(found.items()))) if whole else {}
    path = masks[first.image]["object"][0]
    raise not_two_values(path, first.unclear, by_class)


def _by_values(checks: Sequence[Check], reader: FolderReader) -> bool:
    """Whether values of masks say that an image shows other classes."""
    return any("other" in check.areas and bool(reader.others.get(check.image)) for check in checks)


def _is_displayed(grid: Grid | None) -> bool:
    if grid not in (None, *get_args(Grid)):
        raise DataError(f"Expected annotations_as stored or displayed, got {grid!r}. Try 'stored'.")
    return grid == "displayed"


def _around(images: Sequence[str]) -> tuple[str, ...]:
    """What is said of masks that hold the whole border of their image: black may be the object."""
    if not images:
        return ()
    return (
        f"{counted(images, 'mask holds', 'masks hold')} the whole border of the image, as if black "
        f"were the object (then --mask-values 0): {some_of(images)}",
    )


def _turned(images: Sequence[str]) -> tuple[str, ...]:
    """What is said of photos whose ground truth may be on either grid."""
    if not images:
        return ()
    return (
        f"EXIF turns {counted(images, 'photo', 'photos')} whose masks and boxes are taken as drawn "
        "before the turn; drawn after it, they need --annotations-as displayed: "
        f"{some_of(images)}",
    )


def _require_every_class(
    images: SampleSet, locations: Mapping[str, Location], splits: Sequence[str]
) -> None:
    if not images.samples:
        first = images.skipped[0]
        raise DataError(
            f"Expected a readable image in {images.name}, got {len(images.skipped)} that cannot be "
            f"used, such as {first.image}: {first.reason}. Try to replace them."
        )
    for split in splits:
        for name, count in images.counts()[split].items():
            if count > 0:
                continue
            fitting = (Location(split, name), Location(None, name))
            broken = [entry for entry in images.skipped if locations[entry.image] in fitting]
            if broken:
                raise DataError(
                    f"Expected a readable image of class {name!r} for {split}, got {len(broken)} "
                    f"that cannot be used, such as {broken[0].image}: {broken[0].reason}. "
                    "Try to replace them."
                )
            raise DataError(
                f"Expected images of class {name!r} for {split}, got none. "
                "Try to add some: every class needs at least one in train and one in test."
            )


def _digests(checks: Sequence[Check]) -> dict[str, bytes]:
    """File -> the beginning of its SHA-256: enough to see that it changed."""
    return {
        path: bytes.fromhex(digest)[:16]
        for check in checks
        for path, digest in check.hashes.items()
    }


def _fingerprint(
    files: Mapping[str, bytes],
    checks: list[Check],
    options: Mapping[str, Mapping[str, Any] | str | None],
) -> str:
    """sha256 over names and contents, wherever the folder is, in whatever order its files."""
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    for check in checks:
        hashes.update(check.hashes)
    listing = "".join(f"{path}\0{digest}\n" for path, digest in sorted(hashes.items()))
    for option, given in options.items():
        words = sorted(given.items()) if isinstance(given, Mapping) else given
        listing += f"{option} {words}\n" if words else ""
    return hashlib.sha256(listing.encode()).hexdigest()
