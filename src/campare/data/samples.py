"""A labeled set of images: where they are (:class:`SampleSet`), and in memory (:class:`Images`).

A set is a list of samples and a function that reads one; nothing is held in memory until
:meth:`SampleSet.load` decodes a split and resizes it, image and masks together.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from campare.data.arrays import (
    inputs_of,
    is_pictures,
    labels_of,
    masks_of,
    names_of,
    span_of,
)
from campare.data.decode import Picture
from campare.data.framing import STRETCH, Framing
from campare.data.groups import By, groups_by
from campare.data.groups import notes as group_notes
from campare.data.holdout import held_out
from campare.data.inventory import Inventory
from campare.data.masks import Value
from campare.data.named import key_of, received, sent
from campare.data.stored import BLOCK, kept, parts, release, zeros
from campare.data.threads import Progress, in_threads
from campare.data.volumes import read_volume_masks, read_volumes, volume_files
from campare.errors import DataError
from campare.types import Array, Bools, Ints

#: Regions of an image that can have ground truth, in the order they are listed; other: objects of
#: other classes.
REGIONS = ("object", "parts", "cue", "other")
SPLITS = ("train", "test")
#: The split that networks are watched on while they train, where the data have one.
VALIDATION = "val"

_RELEASED = 256  # images read until those before them leave the memory
_MANY = 256  # drawn pictures that are worth the start of other processes

#: (read, samples) -> their pictures in order, read in other processes
InProcesses = Callable[[Callable[["Sample"], Picture], Sequence["Sample"]], Iterable[Picture]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a set.

    Attributes:
        image: its id, the path below the root with "/": "train/cat/cat_1.png".
        label: index into class_names.
        split: "train", "test" or "val".
        group: the patient, video or plant that it shows; None: the image is a unit by itself.
    """

    image: str
    label: int
    split: str
    group: str | None = None


class Skipped(NamedTuple):
    """An image that was left out, and why."""

    image: str
    reason: str


@dataclass(frozen=True, eq=False)
class Images:
    """Images in memory, all stretched to one size, S x S unless a model takes another.

    Or arrays of any rank, signals (N, T, C) and volumes or video (N, D, H, W, C), which models take
    as they are: see `from_arrays`.

    Attributes:
        images: (N, S, S, 3) uint8; arrays (N, *grid, C) float32.
        labels: (N,) int64, indices into class_names.
        names: N ids, `Sample.image`.
        regions: name -> (N, S, S) bool, (N, *grid); all False: no ground truth for that image.
        class_names: K names.
        groups: N groups (patients, videos), None: the image is a unit by itself; (): all are.
    """

    images: Array
    labels: Ints
    names: tuple[str, ...]
    regions: Mapping[str, Bools]
    class_names: tuple[str, ...]
    groups: tuple[str | None, ...] = ()

    @classmethod
    def from_arrays(
        cls,
        arrays: Any,
        labels: Any = None,
        masks: Any = None,
        *,
        names: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        groups: Sequence[str | None] | None = None,
    ) -> "Images":
        """Arrays of any rank with their masks, to be audited.

        Args:
            arrays: signals (N, T, C), images (N, H, W, C), volumes or video (N, D, H, W, C), with
                the numbers that the models take. Pictures (N, H, W, 3) of type uint8 are those of
                a folder: resized, colored and prepared for each model.
            labels: a class for each, by index or name; None: all are of one class.
            masks: where the object is, (N, *grid); of signals also a list of intervals
                (start, stop) for each; or {region: masks}, as "object", "cue", or a name of your
                own. All False, or []: nothing is known.
            names: of each array; default: its class and number.
            classes: their names; default: those of the labels.
            groups: the patient or video of each array; None: it is a unit by itself.

        Raises:
            DataError: shapes that do not fit, labels that are no classes, values that are not
                finite.

        Example:
            >>> beats = np.zeros((2, 100, 1))
            >>> images = Images.from_arrays(beats, ["sick", "well"], [[(40, 60)], []])
            >>> images.grid, images.names, int(images.regions["object"].sum())
            ((100,), ('sick/0', 'well/1'), 20)
        """
        found = inputs_of(arrays)
        indices, class_names = labels_of(labels, classes, len(found))
        if groups is not None and len(groups) != len(found):
            raise DataError(
                f"Expected a group for each of {len(found)} arrays, got {len(groups)}. "
                "Try: None for one that is a unit by itself"
            )
        return cls(
            images=found,
            labels=indices,
            names=names_of(names, indices, class_names),
            regions=masks_of(masks, found.shape[:-1]),
            class_names=class_names,
            groups=_all_or_none(list(groups or [])),
        )

    @classmethod
    def from_nifti(
        cls,
        folder: str | os.PathLike[str],
        masks: str | os.PathLike[str] | None = None,
        *,
        size: tuple[int, int, int] | None = None,
        mask_values: Sequence[Value] | None = None,
        classes: Sequence[str] | None = None,
    ) -> "Images":
        """Whole NIfTI volumes (N, D, H, W, 1) of a folder, float32 as stored, slices first.

        Args:
            folder: of scans, `folder/<class>/case.nii.gz`; without folders all are of one class.
            masks: a folder with masks at the same paths, on the grids of their volumes.
            size: (D, H, W) to which all are resized; None: they have one shape.
            mask_values: that are inside a mask; None: all but 0 of a mask of two values.
            classes: their names, in order; default: the folders.

        Needs the extra `medical`.

        Raises:
            DataError: no volumes, broken ones, or shapes that differ.

        Example:
            >>> Images.from_nifti("no/such/folder")  # doctest: +ELLIPSIS
            Traceback (most recent call last):
            campare.errors.DataError: Expected NIfTI files (.nii, .nii.gz) in no/such/folder, ...
        """
        files = volume_files(Path(folder))
        names = [path.relative_to(folder).as_posix() for path in files]
        in_folders = all("/" in name for name in names)
        volumes = read_volumes(files, size)
        inside = None
        if masks is not None:
            shape = volumes.shape[:-1]
            inside = read_volume_masks(files, Path(folder), Path(masks), shape, mask_values)
        labels = [name.partition("/")[0] for name in names] if in_folders else None
        return cls.from_arrays(volumes, labels, inside, names=names, classes=classes)

    @property
    def pictures(self) -> bool:
        """Whether they are pictures (N, H, W, 3) of 0..255, and no arrays of another kind."""
        return is_pictures(self.images)

    @property
    def grid(self) -> tuple[int, ...]:
        """The sides of one: (H, W), (T,) or (D, H, W)."""
        return tuple(self.images.shape[1:-1])

    @property
    def span(self) -> float:
        """The width of the range of their numbers: 255 of pictures."""
        return 255.0 if self.images.dtype == np.uint8 else span_of(self.images)

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        """Another process on this machine reads the same files: see `named`."""
        regions = {name: sent(masks) for name, masks in self.regions.items()}
        return {**self.__dict__, "images": sent(self.images), "regions": regions}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        regions = {name: received(masks) for name, masks in state["regions"].items()}
        images = received(state["images"])
        self.__dict__.update({**state, "images": images, "regions": regions})

    def subset(self, indices: Sequence[int] | Ints) -> "Images":
        """The images at `indices` (integers, any order), copied.

        Example:
            >>> pixels = np.zeros((3, 2, 2, 3), np.uint8)
            >>> images = Images(pixels, np.array([0, 1, 1]), ("a", "b", "c"), {}, ("x", "y"))
            >>> images.subset([2, 0]).names
            ('c', 'a')
        """
        at = np.asarray(indices, np.int64)
        return Images(
            images=_taken(self.images, at),
            labels=self.labels[at],
            names=tuple(self.names[i] for i in at),
            regions={name: _taken(masks, at) for name, masks in self.regions.items()},
            class_names=self.class_names,
            groups=tuple(self.groups[i] for i in at) if self.groups else (),
        )

    def stratified_split(self, fraction: float, seed: int) -> tuple["Images", "Images"]:
        """Split into (the rest, held out), with the same `fraction` of every class held out.

        Args:
            fraction: share of each class to hold out, in (0, 1); see :func:`held_out`.
            seed: of the draw.

        Returns:
            Two sets that share no image and no group; within each the order is kept.

        Example:
            >>> from campare.data import ImageSet
            >>> images = ImageSet.drawn(train=8, test=8, size=32).load("train", 16)
            >>> rest, held = images.stratified_split(0.25, seed=0)
            >>> len(rest), len(held)
            (6, 2)
        """
        held = held_out(self.labels, fraction, seed, self.groups)
        return self.subset(np.flatnonzero(~held)), self.subset(np.flatnonzero(held))


@dataclass(frozen=True, repr=False)
class SampleSet:
    """A labeled set of images with a train and a test split, read on demand.

    Attributes:
        name: of the set, as shown in reports.
        class_names: K names.
        samples: every usable image of both splits.
        read: sample -> Picture.
        fingerprint: sha256 of the contents (drawn: of its parameters and version).
        regions: which of REGIONS occur.
        skipped: images that were left out, with the reason.
        default_size: pixels a side that suit the set; None: nothing is known.
        inventory: of the folder that the set comes from, what is used and what is not.
        source: the URL that it was copied from, without secrets; None: it was not.
        repeatable: whether `fingerprint` and a sample say all of its picture, so that decoded
            images may be kept for the next process.
        arrays: where the set is no pictures but arrays of any rank, all of these.
    """

    name: str
    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    read: Callable[[Sample], Picture]
    fingerprint: str
    regions: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    default_size: int | None = None
    inventory: Inventory = field(default_factory=Inventory)
    source: str | None = None
    repeatable: bool = False
    arrays: Images | None = field(default=None, compare=False, repr=False)

    @property
    def root(self) -> Path | None:
        """The folder that the pictures are read from; None: they are not from one."""
        return getattr(self.read, "root", None)

    @classmethod
    def from_images(cls, images: Images, name: str = "images") -> Self:
        """Images in memory as a set, all of them test images.

        Example:
            >>> pixels = np.zeros((1, 4, 4, 3), np.uint8)
            >>> from campare.data import ImageSet
            >>> ImageSet.from_images(Images(pixels, np.array([0]), ("a",), {}, ("x", "y")))
            ImageSet('images', x/y, 0 train, 1 test)
        """
        position = {sample: index for index, sample in enumerate(images.names)}
        if len(position) < len(images):
            raise DataError(
                "Expected images of different names, got two of one. Try names that tell them "
                "apart, such as 'cat/1.png'."
            )
        content = hashlib.sha256("\n".join(images.names).encode())
        for array in (images.images, images.labels, *images.regions.values()):
            content.update(np.ascontiguousarray(array).data)

        def read(sample: Sample) -> Picture:
            at = position[sample.image]
            masks = {region: mask[at] for region, mask in images.regions.items() if mask[at].any()}
            return Picture(images.images[at], masks)

        return cls(
            name=name,
            class_names=images.class_names,
            samples=tuple(
                Sample(image, int(label), "test", group)
                for image, label, group in zip(
                    images.names, images.labels, images.groups or [None] * len(images), strict=True
                )
            ),
            read=read,
            fingerprint=content.hexdigest(),
            regions=tuple(images.regions),
            default_size=max(images.grid),
            inventory=Inventory(_areas(images)),
            arrays=None if images.pictures else images,
        )

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.of(split))} {split}" for split in self.splits)
        return f"{type(self).__name__}({self.name!r}, {'/'.join(self.class_names)}, {counts})"

    @property
    def splits(self) -> tuple[str, ...]:
        """Train and test, and val where the data have images to validate on."""
        has_validation = any(sample.split == VALIDATION for sample in self.samples)
        return (*SPLITS, VALIDATION) if has_validation else SPLITS

    def of(self, split: str) -> tuple[Sample, ...]:
        """The samples of a split, "train" or "test", or "val", of which there may be none."""
        if split not in (*SPLITS, VALIDATION):
            raise DataError(f"Expected a split, train or test, got {split!r}. Try 'test'.")
        return tuple(sample for sample in self.samples if sample.split == split)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images of each class in each split: {"train": {"cat": 300, ...}, "test": {...}}."""
        number = Counter((sample.split, sample.label) for sample in self.samples)
        return {
            split: {name: number[split, label] for label, name in enumerate(self.class_names)}
            for split in self.splits
        }

    def with_groups(self, group: By) -> Self:
        """The set with the groups that `group` says: see :func:`campare.data.groups.groups_by`.

        Splits stay as they are; groups of several labels, or in train and test, are in the
        inventory.

        Example:
            >>> from campare.data import ImageSet
            >>> images = ImageSet.drawn(train=2, test=2, size=32).with_groups(r"cat|dog")
            >>> [sample.group for sample in images.of("test")]
            ['cat', 'dog']
        """
        class_of = {sample.image: self.class_names[sample.label] for sample in self.samples}
        found = groups_by(group, class_of)
        split_of = {sample.image: sample.split for sample in self.samples}
        said = (*self.inventory.notes, *group_notes(found, split_of, class_of))
        content = hashlib.sha256(f"groups {self.fingerprint} {sorted(found.items())}".encode())
        return replace(
            self,
            samples=tuple(replace(each, group=found.get(each.image)) for each in self.samples),
            fingerprint=content.hexdigest(),
            inventory=replace(self.inventory, notes=said),
        )

    def load(
        self,
        split: str,
        size: int | tuple[int, ...],
        *,
        framing: Framing = STRETCH,
        progress: Progress | None = None,
        in_processes: InProcesses | None = None,
    ) -> Images:
        """Read a split, every image framed to one size with its masks; a large one into a file.

        Images of a folder, and drawn ones, are decoded once: later processes find them in the cache
        folder, see docs/scaling.md. Arrays in files cannot be written to.

        Args:
            split: "train", "test" or "val".
            size: pixels of height and width, one number for both or (height, width).
            framing: how pictures of any shape are resized and cropped; default: stretched.
            progress: called with (images done, images in all) after each image that is decoded.
            in_processes: reads them where they are drawn and many, which threads do not speed up.

        Returns:
            The images in the order of `samples`, with an array of masks for each of `regions`.

        Raises:
            DataError: no such split, or a size below 1.

        Example:
            >>> from campare.data import ImageSet
            >>> ImageSet.drawn(train=4, test=4, size=32).load("test", 8).images.shape
            (4, 8, 8, 3)
        """
        samples = self.of(split)
        if self.arrays is not None:
            return _some_arrays(self.arrays, samples, size)
        height, width = (size, size) if isinstance(size, int) else size
        sides = height, width
        if min(sides) < 1:
            raise DataError(f"Expected a size of at least 1 pixel, got {size}. Try 128.")
        shapes: dict[str, tuple[tuple[int, ...], type]]
        shapes = {"images": ((len(samples), *sides, 3), np.uint8)}
        masks = {region: f"mask-{number}" for number, region in enumerate(self.regions)}
        shapes |= dict.fromkeys(masks.values(), (shapes["images"][0][:3], np.bool_))
        key = None
        if self.repeatable:
            listing = [(sample.image, sample.split, sample.label) for sample in samples]
            key = key_of(self.fingerprint, sides, framing, self.regions, listing)

        numbers, framed = range(len(samples)), _Framed(self.read, framing, sides)
        apart = len(samples) >= _MANY and getattr(self.read, "draws", False)

        def decode(arrays: Mapping[str, Array]) -> None:
            def put(index: int, picture: Picture) -> None:
                arrays["images"][index] = picture.image
                for region, mask in picture.regions.items():
                    arrays[masks[region]][index] = mask
                if index % _RELEASED == 0:
                    release(*arrays.values())

            if in_processes is None or not apart:
                in_threads(lambda index: put(index, framed(samples[index])), numbers, progress)
                return
            for index, picture in zip(numbers, in_processes(framed, samples), strict=True):
                put(index, picture)
                if progress is not None:
                    progress(index + 1, len(samples))

        arrays = kept(key, shapes, decode)
        return Images(
            images=arrays["images"],
            labels=np.array([sample.label for sample in samples], np.int64),
            names=tuple(sample.image for sample in samples),
            regions={region: arrays[name] for region, name in masks.items()},
            class_names=self.class_names,
            groups=_all_or_none([sample.group for sample in samples]),
        )


@dataclass(frozen=True)
class _Framed:
    """Reads a sample, framed to one size."""

    read: Callable[[Sample], Picture]
    framing: Framing
    sides: tuple[int, int]

    def __call__(self, sample: Sample) -> Picture:
        return self.framing.picture(self.read(sample), self.sides)


def _some_arrays(arrays: Images, samples: Sequence[Sample], size: int | tuple[int, ...]) -> Images:
    """The arrays of samples, which have the size that they have."""
    if size != arrays.grid:
        raise DataError(
            f"Expected the size of the arrays, {arrays.grid}, got {size}. Try: size={arrays.grid}"
        )
    at = {name: index for index, name in enumerate(arrays.names)}
    some = arrays.subset([at[sample.image] for sample in samples])
    labels = np.array([sample.label for sample in samples], np.int64)
    return replace(some, labels=labels, groups=_all_or_none([each.group for each in samples]))


def _taken(array: Array, at: Ints) -> Array:
    """Rows of an array, copied; many into a file."""
    rows = zeros((len(at), *array.shape[1:]), array.dtype)
    for some in parts(len(at), BLOCK, rows, array):
        rows[some] = array[at[some]]
    return rows


def _all_or_none(groups: Sequence[str | None]) -> tuple[str | None, ...]:
    """The groups of images; () where none has one."""
    return () if all(group is None for group in groups) else tuple(groups)


def _areas(images: Images) -> dict[str, dict[str, tuple[int, int]]]:
    """Region -> image -> (pixels inside its mask, pixels in all), where it has ground truth."""
    return {
        region: {
            name: (int(mask.sum()), mask.size)
            for name, mask in zip(images.names, masks, strict=True)
            if mask.any()
        }
        for region, masks in images.regions.items()
        if region in REGIONS
    }
