"""What a data set in a foreign format holds: images, what is in them, and what was not read.

    a reader: folder -> Contents(items, left out)

An :class:`Item` is one image with its labels and annotations. Nothing vanishes: a reader files what
it cannot use under a reason in :class:`LeftOut`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from campare.data.annotations import Annotation
from campare.data.formats.pictures import SUFFIXES, Slices, Window
from campare.data.masks import MaskValues
from campare.data.names import Names
from campare.data.vocabulary import split_of
from campare.data.walk import content_of, files_below
from campare.errors import DataError


@dataclass(frozen=True)
class Reading:
    """How the user wants a format to be read, where there is a choice.

    Attributes:
        window: of pixels wider than 8 bits; None: that of a DICOM file, others are refused.
        slices: of a volume: all, those that a mask marks, or the one in the middle; None: those
            with a mask where there are masks, else all.
        columns: of a table, what it holds -> its name: image, label, mask, group or split.
        mask_values: that are inside a mask file of more than two values, of all classes or each.
        displayed: whether shapes of photos that EXIF turns are as displayed where nothing says so.
        rle: whether run lengths of a table go down the columns, as Kaggle's do, or along rows.
    """

    window: Window | None = None
    slices: Slices | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    mask_values: MaskValues | None = None
    rle: Literal["columns", "rows"] = "columns"
    displayed: bool = False


@dataclass(frozen=True)
class Item:
    """One image of a data set.

    Attributes:
        name: its path below the root, and the slice of a volume after "#".
        path: of its file.
        labels: of the image as a whole, each once.
        annotations: its objects.
        split: "train", "val", "test", or None where the data set does not say.
        group: what it belongs to; None: it is a unit by itself.
        slice: of a volume, along its last axis.
    """

    name: str
    path: Path
    labels: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    split: str | None = None
    group: str | None = None
    slice: int | None = None


@dataclass(frozen=True)
class LeftOut:
    """What is not imported: reason -> the images, or the annotations, one entry each."""

    images: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    annotations: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Contents:
    """All that a reader found.

    Attributes:
        format: as a person calls it.
        items: every image, also those in which nothing is labeled.
        left_out: what it could not read, by reason.
        files: paths below the root of the annotation files that were read.
        notes: further sentences on what was read.
    """

    format: str
    items: tuple[Item, ...]
    left_out: LeftOut
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Files:
    """The files below a root, as sorted paths with "/"; `others`: pipes, links and the like."""

    root: Path
    paths: tuple[str, ...]
    others: tuple[str, ...] = ()

    @classmethod
    def below(cls, root: Path) -> "Files":
        """Those that are not hidden."""
        found = files_below(root)
        ordinary = sorted({*found.files} - {*found.pipes})
        return cls(root, tuple(ordinary), (*found.pipes, *found.closed))

    @property
    def images(self) -> tuple[str, ...]:
        """Those that are images or volumes by their suffix."""
        return tuple(path for path in self.paths if path.lower().endswith(SUFFIXES))

    def ending(self, *suffixes: str) -> tuple[str, ...]:
        """Those with one of some suffixes, in small letters."""
        return tuple(path for path in self.paths if path.lower().endswith(suffixes))

    def read(self, path: str) -> bytes:
        """The bytes of one."""
        return content_of(self.root / path)

    def text(self, path: str) -> str:
        """The text of one.

        Raises:
            DataError: it is not UTF-8.
        """
        try:
            return self.read(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"Expected UTF-8 in {self.root / path}, got: {error}. Try to save it as UTF-8."
            ) from error


@contextmanager
def entry_of(where: str, like: str) -> Iterator[None]:
    """Within the block whatever a malformed entry of a file raises becomes one line.

    Raises:
        DataError: it was expected `like` this.

    Example:
        >>> with entry_of("a.json[0]", "a list of objects"):
        ...     len(7)
        Traceback (most recent call last):
        campare.errors.DataError: Expected a list of objects in a.json[0], got TypeError("object \
of type 'int' has no len()"). Try to export it anew.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, OSError) as error:
        raise DataError(
            f"Expected {like} in {where}, got {error!r:.200}. Try to export it anew."
        ) from error


#: What a file is near to: its folder, the folders that its name holds, and its split.
Nearness = tuple[str, frozenset[str], str | None]


class Finder:
    """Finds the image file that a name in an annotation file means.

    A name may fit several files, as 1.jpg does in train/ and in val/. Then that file counts that
    lies below the annotation file, or in a folder whose name the annotation file's name holds
    (instances_train2017.json and train2017/), or in a folder of the same split.
    """

    def __init__(self, images: Sequence[str]) -> None:
        self._all = Names(images)
        self._images = images
        self._folders = {part for image in images for part in _parents(image)}
        self._near: dict[Nearness, list[Names]] = {}

    def find(self, names: Sequence[str], source: str) -> str | None:
        """The path below the root of the image that one of `names` means; None where none is."""
        path = PurePosixPath(source)
        named = frozenset(folder for folder in self._folders if folder in path.stem)
        near = path.parent.as_posix(), named, split_in(path)
        if near not in self._near:
            self._near[near] = self._candidates(*near)
        for each in self._near[near]:
            try:
                return each.find(tuple(names), where=source)
            except DataError:
                continue
        return None

    def _candidates(self, folder: str, named: frozenset[str], split: str | None) -> list[Names]:
        subsets = [
            [image for image in self._images if folder != "." and image.startswith(f"{folder}/")],
            [image for image in self._images if named.intersection(_parents(image))],
            [i for i in self._images if split is not None and split_in(i) == split],
        ]
        return [*(Names(subset) for subset in subsets if subset), self._all]


def _parents(image: str) -> tuple[str, ...]:
    return PurePosixPath(image).parts[:-1]


def split_in(path: str | PurePosixPath) -> str | None:
    """The split that a folder of a path, or the file's own name, says; the first that does.

    Example:
        >>> split_in("images/train2017/1.jpg"), split_in("annotations/instances_val.json")
        ('train', 'val')
    """
    parts = PurePosixPath(path).with_suffix("").parts
    return next((split for split in map(split_of, parts) if split is not None), None)


def split_of_image(image: str) -> str | None:
    """The split that a folder of an image's path says, never its own name.

    Example:
        >>> split_of_image("valid/images/test.jpg"), split_of_image("images/test.jpg")
        ('val', None)
    """
    return next((split for split in map(split_of, _parents(image)) if split is not None), None)


def items_of(
    files: Files,
    annotations: Mapping[str, Iterable[Annotation]],
    labels: Mapping[str, Iterable[str]],
    *,
    images: Iterable[str],
    splits: Mapping[str, str | None] | None = None,
    groups: Mapping[str, str] | None = None,
) -> tuple[Item, ...]:
    """Items of images by what was found for each; a split that is not given is the folder's."""
    found = []
    for image in sorted(images):
        split = (splits or {}).get(image) or split_of_image(image)
        found.append(
            Item(
                name=image,
                path=files.root / image,
                labels=tuple(dict.fromkeys(labels.get(image, ()))),
                annotations=tuple(annotations.get(image, ())),
                split=split,
                group=(groups or {}).get(image),
            )
        )
    return tuple(found)


#: A reader of a format.
Reader = Callable[[Files, Reading], Contents]
