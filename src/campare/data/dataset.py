"""A data set in a foreign format as an ImageSet: :func:`read_dataset`.

    items -> a class for each image -> its own objects, those of other classes -> ImageSet

Which class an image has: `classes.py`. Of its objects those of that class are its mask, those of
the others the region `other`. What is not imported is counted, by reason, in the set's inventory.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from campare.data import groups as g
from campare.data.annotations import Annotation, object_mask, require_pixels
from campare.data.classes import (
    EMPTY,
    Classed,
    ClassesFrom,
    Several,
    folder_name,
    with_classes,
)
from campare.data.decode import Decoded, Picture
from campare.data.formats import Contents, Files, Item, LeftOut, Reading, read_items
from campare.data.formats.pictures import Slices, Window, read_picture, read_window
from campare.data.holdout import held_out
from campare.data.inventory import Inventory, counted, some_of
from campare.data.labels import OWN, Labels, sort_objects
from campare.data.masks import MaskValues
from campare.data.samples import REGIONS, SPLITS, VALIDATION, Sample, SampleSet, Skipped
from campare.data.threads import Progress, in_threads
from campare.data.tree import unused_by_kind
from campare.data.walk import OTHERS
from campare.errors import DataError

Set = TypeVar("Set", bound=SampleSet)

_LISTED = 12  # labels that a message lists
_OUTSIDE = 0.25  # of the images: more whose shapes leave them are no mistakes of single ones


def read_dataset(
    root: Path,
    format: str | None = None,
    *,
    into: type[Set] = SampleSet,  # type: ignore[assignment]
    several: Several = "largest",
    background: str | None = None,
    labels: Labels | None = None,
    classes_from: ClassesFrom | None = None,
    keep_splits: bool = True,
    window: str | Window | None = None,
    slices: Slices | None = None,
    columns: Mapping[str, str] | None = None,
    rle: Literal["columns", "rows"] = "columns",
    mask_values: MaskValues | None = None,
    annotations_as: Literal["stored", "displayed"] | None = None,
    group: str | None = None,
    seed: int = 0,
    test_fraction: float = 0.25,
    progress: Progress | None = None,
) -> Set:
    """Read a data set in the format of an annotation tool or of a public data set.

    Args:
        root: its folder.
        format: one of `formats.READERS`, or of Datumaro's; None: the one whose files are there.
        into: the class of the set.
        several: an image with objects of several classes has that of the largest area ("largest",
            the others are the region `other`), or is left out ("leave-out").
        background: the class of images in which nothing is labeled; None: they are left out.
        labels: what labels mean: {"person": None} leaves out such objects, {"crack": "defect",
            "hole": "defect"} makes one class of two.
        classes_from: whether the class of an image is the one of the "folders" that it lies in, or
            that of the "labels" of its objects; None: the folders, where labels do not contradict.
        keep_splits: whether the data set's own splits count; if not, or where it has none or just
            one, a stratified one is drawn.
        window: of pixels wider than 8 bits, "0..4095" or "CENTER,WIDTH"; None: that of a DICOM
            file.
        slices: of a volume: "all", "masked" or "middle"; None: masked, where there are masks.
        columns: of a table: {"image": "ImageId", "label": "ClassId", "mask": "EncodedPixels"}.
        rle: whether run lengths of a table go down the "columns", as Kaggle's do, or along "rows".
        mask_values: that are inside a mask file of more than two values, of all classes or of each:
            then the values of other classes are the region `other`.
        annotations_as: of photos that EXIF turns, on which grid shapes are where their file does
            not say its size: "stored" (None: this, and the inventory says so) or "displayed".
        group: a regular expression on the image's path whose match is its group; see `groups.py`.
        seed: of a split that is drawn.
        test_fraction: share of each class for the test split, where one is drawn.
        progress: called with (images done, images in all) after each image.

    Returns:
        The set. Its inventory says how it was read and what was left out, why and how often.

    Raises:
        DataError: no folder, an unknown format, fewer than two classes, or a broken file.

    Example:
        >>> read_dataset(Path("no/such/folder"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        campare.errors.DataError: Expected a folder with a data set at no/such/folder, got no ...
    """
    if not root.is_dir():
        got = "a file" if root.exists() else "no such folder"
        raise DataError(f"Expected a folder with a data set at {root}, got {got}. Try its folder.")
    files = Files.below(root)
    reading = Reading(
        window=read_window(window) if isinstance(window, str) else window,
        slices=slices,
        columns=columns or {},
        mask_values=mask_values,
        rle=rle,
        displayed=annotations_as == "displayed",
    )
    contents = read_items(files, format, reading)
    require_pixels((one for item in contents.items for one in item.annotations), contents.format)
    items = _mapped(contents, labels or {})
    classed = with_classes(items, contents.left_out, several, background, classes_from)
    _require_classes(sorted(set(classed.class_of.values())), contents)
    read, checks = _checked(classed, reading, contents.left_out, progress)
    usable = [item for item in classed.items if item.name in checks]
    class_of = {item.name: classed.class_of[item.name] for item in usable}
    class_names = tuple(sorted(set(class_of.values())))
    _require_classes(class_names, contents)
    groups = {item.name: item.group for item in usable if item.group}
    if group is not None:
        groups = dict(g.groups_by(group, class_of))
    splits, notes = _splits(usable, class_of, groups, keep_splits, seed, test_fraction)
    short = _short(usable)
    ids = {name: f"{splits[name]}/{class_of[name]}/{short[name]}" for name in class_of}
    samples = tuple(
        Sample(ids[name], class_names.index(class_name), splits[name], groups.get(name))
        for name, class_name in class_of.items()
    )
    hashes = {ids[name]: each.hash for name, each in checks.items()}
    present = {region for each in checks.values() for region in each.areas}
    regions = tuple(region for region in REGIONS if region in present)
    notes = [
        f"Read as {contents.format}: {counted(usable, 'image', 'images')} with a class, of "
        f"{len(files.images)} image files",
        *contents.notes,
        *classed.notes,
        *notes,
        *_turned([n for n, c in checks.items() if c.is_ambiguous and annotations_as is None]),
        *_said("image", "images", contents.left_out.images),
        *_said("annotation", "annotations", contents.left_out.annotations),
    ]
    return into(
        name=root.resolve().name,
        class_names=class_names,
        samples=samples,
        read=_Reader({ids[item.name]: item for item in usable}, read, hashes),
        repeatable=True,
        fingerprint=fingerprint_of(samples, hashes, class_names),
        regions=regions,
        skipped=tuple(
            Skipped(name, why) for why, names in contents.left_out.images.items() for name in names
        ),
        inventory=Inventory(
            {
                region: {ids[n]: c.areas[region] for n, c in checks.items() if region in c.areas}
                for region in regions
            },
            notes=tuple(notes),
            unused=_unused(files, contents),
        ),
    )


def _unused(files: Files, contents: Contents) -> dict[str, tuple[str, ...]]:
    """Files that are neither images nor were read."""
    used = {*files.images, *contents.files}
    tops = {PurePosixPath(path).parts[0] for path in used}
    unused = unused_by_kind([path for path in files.paths if path not in used], tops)
    return unused | ({OTHERS: files.others} if files.others else {})


def _mapped(contents: Contents, labels: Labels) -> list[Item]:
    """Items whose labels are what `labels` says, as folders can be called; OWN: no label."""
    every = {one.label for item in contents.items for one in item.annotations if one.label}
    every |= {label for item in contents.items for label in item.labels}
    absent = [label for label in labels if label not in every]
    if absent:
        raise DataError(
            f"Expected labels that occur in the data set, got {absent[0]!r}. "
            f"Try one of {', '.join(sorted(every)[:_LISTED])}"
        )

    def meant(label: str) -> str | None:
        name = labels.get(label, label)
        return None if name is None else OWN if name == OWN != label else folder_name(name)

    left_out = contents.left_out.annotations
    found = []
    for item in contents.items:
        kept = []
        for one in item.annotations:
            name = meant(one.label) if one.label else None
            if one.label and name is None:
                left_out[f"labeled {one.label}"].append(one.where)
            else:
                kept.append(replace(one, label=None if name == OWN else name))
        names = dict.fromkeys(name for name in map(meant, item.labels) if name not in (None, OWN))
        found.append(replace(item, labels=tuple(map(str, names)), annotations=tuple(kept)))
    return found


def _require_classes(names: Sequence[str], contents: Contents) -> None:
    if len(names) > 1:
        return
    left_out = contents.left_out.images
    if names and EMPTY in left_out:
        advice = f"--background none, as a class of the {len(left_out[EMPTY])} images {EMPTY}"
    elif left_out:
        reason, found = next(iter(left_out.items()))
        advice = f"to mend what is left out: {len(found)} {reason}, such as {found[0]}"
    else:
        advice = "to add images of another class"
    got = f"only {names[0]!r}" if names else "none"
    raise DataError(
        f"Expected images of at least two classes, read as {contents.format}, got {got}. "
        f"Try {advice}"
    )


class _Check(NamedTuple):
    """What the first pass learns of an image."""

    areas: dict[str, tuple[int, int]]  # region -> (pixels inside, in all)
    hash: str
    is_ambiguous: bool  # whether EXIF turns it, and nothing says on which grid its shapes are


@dataclass(frozen=True)
class _Pixels:
    """Reads an item: its image, and the masks of its regions."""

    shapes: Mapping[str, Mapping[str, tuple[Annotation, ...]]]
    window: Window | None
    displayed: bool

    def __call__(self, item: Item) -> Picture:
        return self.picture(item, self.decoded(item))

    def decoded(self, item: Item) -> Decoded:
        """Its image."""
        return read_picture(item.path, self.window, item.slice)

    def picture(self, item: Item, decoded: Decoded) -> Picture:
        """Its image with the masks."""
        masks = {
            region: object_mask(shapes, item.name, decoded, displayed=self.displayed)
            for region, shapes in self.shapes.get(item.name, {}).items()
        }
        return Picture(decoded.image, masks)


@dataclass(frozen=True)
class _Reader:
    """Reads a sample of a data set."""

    items: Mapping[str, Item]
    read: Callable[[Item], Picture] = field(repr=False)
    hashes: Mapping[str, str] = field(repr=False)  # id of a sample -> that of its picture

    def __call__(self, sample: Sample) -> Picture:
        """The picture of a sample; DataError where its file is not as it was any more."""
        picture = self.read(self.items[sample.image])
        if hash_of(picture) != self.hashes[sample.image]:
            raise DataError(
                f"Expected image {sample.image} to be as it was when the data set was indexed, got "
                "other pixels. Try to start anew."
            )
        return picture


def hash_of(picture: Picture) -> str:
    """SHA-256 of its pixels and masks.

    Example:
        >>> len(hash_of(Picture(np.zeros((2, 2, 3), np.uint8), {})))
        64
    """
    content = hashlib.sha256(np.ascontiguousarray(picture.image).data)
    for region in sorted(picture.regions):
        content.update(np.packbits(picture.regions[region]).data)
    return content.hexdigest()


def _checked(
    classed: Classed, reading: Reading, left_out: LeftOut, progress: Progress | None
) -> tuple[_Pixels, dict[str, _Check]]:
    """Read each image once; what cannot be read is left out."""
    annotations = {item.name: item.annotations for item in classed.items if item.annotations}
    objects = sort_objects(annotations, classed.class_of)
    read = _Pixels(objects.shapes, reading.window, reading.displayed)

    def check(item: Item) -> _Check | DataError:
        try:
            decoded = read.decoded(item)
            picture = read.picture(item, decoded)
        except DataError as error:
            return error
        areas = {region: (int(m.sum()), m.size) for region, m in picture.regions.items()}
        sizes = [one.size for one in item.annotations]
        unclear = decoded.orientation != 1 and any(s in (None, decoded.stored) for s in sizes)
        return _Check(areas, hash_of(picture), unclear)

    checks: dict[str, _Check] = {}
    found = in_threads(check, classed.items, progress)
    for item, result in zip(classed.items, found, strict=True):
        if isinstance(result, _Check):
            checks[item.name] = result
        elif "--window" in str(result):
            raise result
        else:
            left_out.images[str(result)].append(item.name)
    _require_inside(annotations, [one for one in found if isinstance(one, DataError)])
    for label, count in objects.left_out.items():
        left_out.annotations[f"labeled {label}, which is no class"] += [label] * count
    return read, checks


def _require_inside(of: Mapping[str, Sequence[Annotation]], errors: Sequence[DataError]) -> None:
    """Refuse shapes many of which leave their image: the numbers of the others mean no pixels."""
    outside = [error for error in errors if "a shape inside image" in str(error)]
    if len(outside) > _OUTSIDE * len(of):
        raise DataError(f"{len(outside)} of {len(of)} images are annotated so: {outside[0]}")


def _splits(
    items: Sequence[Item],
    class_of: Mapping[str, str],
    groups: Mapping[str, str],
    keep: bool,
    seed: int,
    fraction: float,
) -> tuple[dict[str, str], list[str]]:
    """The split of each image, and what is said of it."""
    own = {item.name: item.split if keep else None for item in items}
    return splits_of(own, class_of, groups, seed, fraction)


def splits_of(
    own: Mapping[str, str | None],
    class_of: Mapping[str, str],
    groups: Mapping[str, str],
    seed: int,
    fraction: float,
) -> tuple[dict[str, str], list[str]]:
    """The split of each image, its own where they suffice, and what is said of it.

    Example:
        >>> splits_of({"a": "train", "b": "val"}, {"a": "x", "b": "x"}, {}, 0, 0.25)[0]
        {'a': 'train', 'b': 'test'}
    """
    had = set(own.values()) - {None}
    if had >= set(SPLITS):
        without = [name for name, split in own.items() if split is None]
        notes = [f"Without a split, used for training: {some_of(without)}"] if without else []
        return {name: split or "train" for name, split in own.items()}, notes
    if had == {"train", VALIDATION}:
        names = {"train": "train", VALIDATION: "test", None: "train"}
        said = ["There is no test split; the images for validation are it"]
        return {name: names[split] for name, split in own.items()}, said
    labels = np.unique([class_of[name] for name in own], return_inverse=True)[1]
    held = held_out(labels, fraction, seed, [groups.get(name) for name in own])
    drawn = {name: SPLITS[int(test)] for name, test in zip(own, held, strict=True)}
    alone = f", as it has {' and '.join(sorted(map(str, had)))} alone" if had else ""
    return drawn, [f"Train and test are drawn from seed {seed}{alone}"]


def _short(items: Sequence[Item]) -> dict[str, str]:
    """Names of image files below a class: their own where that is unique, else with folders."""
    stems = {item.name: _flat(PurePosixPath(item.name).name) for item in items}
    uses = Counter(PurePosixPath(stem).stem for stem in stems.values())
    return {
        name: stem if uses[PurePosixPath(stem).stem] == 1 else _flat(name)
        for name, stem in stems.items()
    }


def _flat(name: str) -> str:
    """A path as one name; a slice's number stands before the suffix."""
    path, _, number = name.replace("/", "__").partition("#")
    return f"{PurePosixPath(path.removesuffix('.gz')).stem}_{number}.png" if number else path


def _turned(images: Sequence[str]) -> list[str]:
    """What is said of photos whose shapes may be on either grid."""
    if not images:
        return []
    return [
        f"EXIF turns {counted(images, 'photo', 'photos')} whose shapes are taken as drawn before "
        f"the turn; drawn after it, they need --annotations-as displayed: {some_of(images)}"
    ]


def _said(one: str, many: str, left_out: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each reason."""
    return [
        f"Not imported, {counted(found, one, many)} {reason}: {some_of(found)}"
        for reason, found in left_out.items()
        if found
    ]


def fingerprint_of(
    samples: Sequence[Sample], hashes: Mapping[str, str], names: Sequence[str]
) -> str:
    """SHA-256 over the names of images and classes, groups and pixels.

    Example:
        >>> len(fingerprint_of([Sample("a", 0, "test")], {"a": "0"}, ["cat"]))
        64
    """
    content = hashlib.sha256("\n".join(names).encode())
    for one in sorted(samples, key=lambda sample: sample.image):
        content.update(f"{one.image}\0{one.group}\0{hashes[one.image]}\n".encode())
    return content.hexdigest()
