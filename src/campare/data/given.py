"""What a program holds already as a set: arrays, and data sets of torch, tf.data, Hugging Face.

    data -> its splits -> items, by number or once in order -> Entry -> ImageSet

No library is imported: what can be asked for an item by number is read again when it is needed,
what only comes in order is read once, into a file of the cache folder. Every image is read once at
first, so that what cannot be used is known before anything is trained, and hashed: one that is
another when it is read again, as of a data set with random transforms, is an error.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NamedTuple, TypeVar

from campare.data import groups as g
from campare.data.classes import folder_name
from campare.data.dataset import fingerprint_of, hash_of, splits_of
from campare.data.decode import Picture
from campare.data.entries import (
    Columns,
    Entry,
    array_of,
    class_of,
    columns_of,
    entry_of,
    inside_of,
    is_file,
    pixels_of,
    white_of,
)
from campare.data.groups import By
from campare.data.inventory import Inventory, counted
from campare.data.masks import Value
from campare.data.reader import reason
from campare.data.samples import SPLITS, Sample, SampleSet, Skipped
from campare.data.streamed import Place, Streamed
from campare.data.threads import Progress, in_threads
from campare.data.vocabulary import split_of
from campare.errors import DataError

Set = TypeVar("Set", bound=SampleSet)

_FIRST = 16  # images that tell how pixels are scaled
_OF_NO_CLASS = "without a label"


def read_given(
    data: Any,
    *,
    into: type[Set] = SampleSet,  # type: ignore[assignment]
    columns: Columns | None = None,
    classes: Sequence[str] | None = None,
    mask_values: Value | Sequence[Value] | None = None,
    name: str | None = None,
    seed: int = 0,
    test_fraction: float = 0.25,
    training: bool = True,
    group: By | None = None,
    progress: Progress | None = None,
) -> Set:
    """Read what a program holds as a set.

    Args:
        data: items (image, label) or {"image": ..., "label": ...}: a list of them, a torch
            `Dataset` or `DataLoader`, a `tf.data.Dataset` (batches, too), a `Dataset` of Hugging
            Face, also one that streams; a tuple of arrays (images, labels), or (images, labels,
            masks); or a dict with one of these for each split: {"train": ..., "test": ...}, as
            `DatasetDict` and TFDS have it. ((images, labels), (images, labels)), as of
            `keras.datasets`, are train and test. Images: see `entries.pixels_of`.
        into: the class of the set.
        columns: of a dict, where the parts are: {"image": "img", "label": "fine_label", "mask":
            "segmentation", "group": "patient", "name": "file_name"}; of a tuple, at which place:
            {"mask": 2}. Default: the names in `entries.KEYS`; of Hugging Face also by type.
        classes: names of the numbers that labels are. Default: those that the data carry
            (`features`, `classes`, `class_names`), else the numbers.
        mask_values: that are inside a mask of more than two values.
        name: of the set. Default: that of the data, or of their type.
        seed: of the stratified split, where the data have no train and test.
        test_fraction: share of each class for the test split, where the data have none.
        training: whether models are to be trained on it. If not, data without splits are all test.
        group: which images belong together, by "CLASS/NAME": see `groups.py`. Default: the column.
        progress: called with (images done, images in all) after each image.

    Returns:
        The set. Names of images are those that the data carry, else their numbers; of a stream,
        whose order may change, the beginning of the digest of their pixels.

    Raises:
        DataError: data of another kind, fewer than two classes, or images that cannot be used.

    Example:
        >>> import numpy as np
        >>> pixels = np.zeros((4, 8, 8, 3), np.uint8)
        >>> read_given((pixels, ["cat", "dog", "cat", "dog"]), training=False).counts()["test"]
        {'cat': 2, 'dog': 2}
    """
    parts = {split: _held(part, columns) for split, part in _by_split(data).items()}
    values = (mask_values,) if isinstance(mask_values, int | str) else mask_values
    values = None if values is None else tuple(values)
    white = _white(parts.values())
    checks: list[_Check] = []
    for split, part in parts.items():
        read = _Pixels(part, white, values)
        checks += [one._replace(split=split) for one in _checked(read, progress)]
    names = _class_names([one.label for one in checks if not one.reason], classes, parts.values())
    checks = [_named(one, names) for one in checks]
    usable = [one for one in checks if not one.reason]
    present = tuple(name for name in names if any(one.label == name for one in usable))
    _require_classes(present, checks)
    keys = _keys(usable)
    by_key = dict(zip(keys, usable, strict=True))
    label_of = {key: str(one.label) for key, one in by_key.items()}
    grouped = {key: one.group for key, one in by_key.items() if one.group is not None}
    if group is not None:
        grouped = dict(g.groups_by(group, label_of))
    splits, notes = _splits(by_key, label_of, grouped, seed, test_fraction, training)
    ids = {key: f"{splits[key]}/{key.partition(':')[2]}" for key in by_key}
    samples = tuple(
        Sample(ids[key], present.index(label_of[key]), splits[key], grouped.get(key))
        for key in by_key
    )
    _require_every_class(samples, present, SPLITS if training else ())
    hashes = {ids[key]: one.hash for key, one in by_key.items()}
    areas = {ids[key]: one.area for key, one in by_key.items() if one.area is not None}
    split_of_image = {sample.image: sample.split for sample in samples}
    return into(
        name=name or _name_of(data),
        class_names=present,
        samples=samples,
        read=_Reader(
            {ids[key]: (parts[one.split], one.number) for key, one in by_key.items()},
            white,
            values,
            hashes,
        ),
        repeatable=True,
        fingerprint=fingerprint_of(samples, hashes, present),
        regions=("object",) if areas else (),
        skipped=tuple(Skipped(one.called, one.reason) for one in checks if one.reason),
        inventory=Inventory(
            {"object": areas} if areas else {},
            notes=(
                *_said(parts.values()),
                *(f"No images of class {n!r}" for n in names if n not in present),
                *notes,
                *g.notes({ids[k]: v for k, v in grouped.items()}, split_of_image,
                         {ids[k]: v for k, v in label_of.items()}),
                *g.duplicates(hashes, split_of_image),
            ),
        ),
    )  # fmt: skip


class _Held:
    """Items by number, one at a time: data sets of other libraries need not stand threads."""

    def __init__(self, data: Any, columns: Columns | None) -> None:
        self.data = data
        self.columns = columns_of(data[0], columns)
        self.declared = _declared(data)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.data)

    def entry(self, index: int) -> Entry:
        """The parts of one item."""
        with self._lock:
            entry = entry_of(self.data[index], self.columns)
        return entry if entry.name else entry._replace(name=_file_of(self.data, index))


class _Once:
    """Items that come in order, kept in a file."""

    def __init__(
        self, items: Iterable[Any], columns: Columns | None, declared: Sequence[str] | None
    ) -> None:
        self.declared, self.streamed = declared, Streamed()
        self.entries: list[Entry] = []
        self.found: dict[str, str | int] | None = None
        for entry in self._arriving(iter(items), columns):
            kept = entry._replace(image=self._kept(entry.image))
            self.entries.append(kept._replace(mask=self._kept(kept.mask)))

    def _arriving(self, items: Iterator[Any], columns: Columns | None) -> Iterator[Entry]:
        for item in items:
            self.found = self.found or columns_of(item, columns)
            yield from _unbatched(entry_of(item, self.found))

    def _kept(self, image: Any) -> Place | None:
        return None if image is None else self.streamed.put(image)

    def __len__(self) -> int:
        return len(self.entries)

    def entry(self, index: int) -> Entry:
        """The parts of one item."""
        entry = self.entries[index]
        mask = None if entry.mask is None else self.streamed.get(entry.mask)
        return entry._replace(image=self.streamed.get(entry.image), mask=mask)


class _Rows:
    """Arrays of images, labels and masks as items."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        sizes = {len(column) for column in columns.values()}
        if len(sizes) != 1:
            found = ", ".join(f"{len(column)} of {part}" for part, column in columns.items())
            raise DataError(
                f"Expected as many images as labels, got {found}. Try: (images, labels) of the "
                "same length, in the same order"
            )
        self._columns, self._size = columns, sizes.pop()

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {part: column[index] for part, column in self._columns.items()}


def _by_split(data: Any) -> dict[str | None, Any]:
    """The data of each split; None: they are not parted."""
    if isinstance(data, Mapping):
        splits = {name: split_of(str(name)) for name in data}
        if all(splits.values()) and len(set(splits.values())) == len(splits) > 0:
            rows = {n: _rows(p) if isinstance(p, tuple) else p for n, p in data.items()}
            return {splits[name]: part for name, part in rows.items()}
        if data and not any(splits.values()):
            return {None: _Rows(data)}
        raise DataError(
            "Expected a part for train, test or val each, got "
            f"{', '.join(map(str, data)) or 'none'}. Try: {{'train': ..., 'test': ...}}"
        )
    if isinstance(data, tuple):
        if len(data) == 2 and all(isinstance(part, tuple) for part in data):
            return {"train": _rows(data[0]), "test": _rows(data[1])}
        return {None: _rows(data)}
    return {None: data}


def _rows(arrays: tuple[Any, ...]) -> _Rows:
    if not 2 <= len(arrays) <= 3 or not all(hasattr(each, "__len__") for each in arrays):
        raise DataError(
            f"Expected (images, labels), or (images, labels, masks), got {len(arrays)} values. "
            "Try a list of items (image, label)"
        )
    return _Rows(dict(zip(("image", "label", "mask"), arrays, strict=False)))


def _held(data: Any, columns: Columns | None) -> "_Held | _Once":
    """Data of one split as items."""
    if hasattr(data, "features") and hasattr(data, "cast_column"):
        data, columns = _of_hugging_face(data, columns)
    by_number = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if isinstance(data, str | bytes) or not (by_number or hasattr(data, "__iter__")):
        raise DataError(
            "Expected an ImageSet, a folder, or a data set of images and labels, got "
            f"{type(data).__name__}. Try: (images, labels), or a list of (image, label)"
        )
    declared = _declared(data)
    if by_number and len(data) == 0:
        raise DataError("Expected images, got a data set without any. Try another split")
    if by_number and not _is_batch(data[0], columns):
        return _Held(data, columns)
    if by_number:  # as a Sequence of Keras, whose items are batches
        return _Once((data[i] for i in range(len(data))), columns, declared)
    if getattr(data, "cardinality", None) is not None and int(data.cardinality()) == -1:
        raise DataError(
            "Expected data that end, got a tf.data.Dataset without end. Try: data.take(1000), or "
            "without repeat()"
        )
    plain = data.as_numpy_iterator() if hasattr(data, "as_numpy_iterator") else data
    held = _Once(plain, columns, declared)
    if not held.entries:
        raise DataError("Expected images, got a data set without any. Try another split")
    return held


def _of_hugging_face(data: Any, columns: Columns | None) -> tuple[Any, Columns | None]:
    """A data set of Hugging Face without decoding, and its columns by their types."""
    features = dict(data.features or {})
    found: dict[str, str | int] = {}
    for part, kind in (("image", "Image"), ("label", "ClassLabel")):
        of_kind = [name for name, each in features.items() if type(each).__name__ == kind]
        if len(of_kind) == 1:
            found[part] = of_kind[0]
    found |= columns or {}
    data = data.with_format(None)
    if hasattr(data, "__len__"):
        for name, each in features.items():
            if type(each).__name__ == "Image" and name in found.values():
                data = data.cast_column(name, type(each)(decode=False))
        wanted = columns_of(dict.fromkeys(features), found)
        data = data.select_columns([name for name in features if name in wanted.values()])
    return data, found


def _declared(data: Any) -> tuple[str, ...] | None:
    """The names of the classes that data carry; None: they do not say."""
    while data is not None:
        features = getattr(data, "features", None)
        for feature in features.values() if isinstance(features, Mapping) else ():
            if type(feature).__name__ == "ClassLabel":
                return tuple(map(str, feature.names))
        for attribute in ("classes", "class_names"):
            names = getattr(data, attribute, None)
            if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
                return tuple(names)
        data = getattr(data, "dataset", None)  # as of torch's Subset and DataLoader
    return None


def _file_of(data: Any, index: int) -> str | None:
    """The file of an item, where a data set lists them as torchvision's folders do."""
    while hasattr(data, "dataset") and hasattr(data, "indices"):  # torch's Subset
        data, index = data.dataset, int(data.indices[index])
    samples = getattr(data, "samples", None)
    if isinstance(samples, list) and len(samples) == len(data) and samples:
        first = samples[index]
        if isinstance(first, tuple) and isinstance(first[0], str):
            return first[0]
    return None


def _is_batch(item: Any, columns: Columns | None) -> bool:
    entry = entry_of(item, columns_of(item, columns))
    return not is_file(entry.image) and array_of(entry.image).ndim == 4


def _unbatched(entry: Entry) -> Iterator[Entry]:
    """The items of a batch; one item is one."""
    if is_file(entry.image) or array_of(entry.image).ndim != 4:
        yield entry
        return
    masks = [None] * len(entry.image) if entry.mask is None else entry.mask
    for image, label, mask in zip(entry.image, entry.label, masks, strict=True):
        yield Entry(image, label, mask)


def _white(parts: Iterable["_Held | _Once"]) -> int:
    """What is white in the arrays, by the first images of each part and some of all of them."""
    images = []
    for part in parts:
        step = max(1, len(part) // _FIRST)
        images += [part.entry(index).image for index in range(0, len(part), step)]
    return white_of(images)


class _Check(NamedTuple):
    """What the first pass learns of an item."""

    number: int
    label: int | str | None
    group: str | None
    name: str | None
    hash: str = ""
    area: tuple[int, int] | None = None  # pixels inside its mask, and in all
    reason: str = ""  # why it cannot be used
    split: str | None = None

    @property
    def called(self) -> str:
        """Its name, or its number."""
        return self.name or str(self.number)


@dataclass(frozen=True)
class _Pixels:
    """Reads an item by its number."""

    part: "_Held | _Once"
    white: int
    mask_values: tuple[Value, ...] | None

    def picture(self, entry: Entry) -> Picture:
        """Its image, with the mask of its object where it has one."""
        decoded = pixels_of(entry.image, self.white)
        if entry.mask is None:
            return Picture(decoded.image, {})
        return Picture(decoded.image, {"object": inside_of(entry.mask, decoded, self.mask_values)})


def _checked(read: _Pixels, progress: Progress | None) -> list[_Check]:
    def check(index: int) -> _Check:
        entry = read.part.entry(index)
        label = class_of(entry.label)
        name = PurePosixPath(entry.name.replace("\\", "/")).name if entry.name else None
        found = _Check(index, label, entry.group, name)
        if label is None:
            return found._replace(reason=_OF_NO_CLASS)
        try:
            picture = read.picture(entry)
        except DataError as error:
            raise DataError(f"{error} (item {index})") from error
        except Exception as error:  # a corrupt file makes Pillow raise nearly anything
            return found._replace(reason=reason(error))
        digest = hash_of(picture)
        if name is None:
            is_stream = isinstance(read.part, _Once)
            number = f"{index:0{len(str(len(read.part) - 1))}d}"
            found = found._replace(name=digest[:12] if is_stream else number)
        masks = picture.regions.get("object")
        area = None if masks is None else (int(masks.sum()), masks.size)
        return found._replace(hash=digest, area=area)

    return in_threads(check, range(len(read.part)), progress)


def _class_names(
    labels: Sequence[int | str | None],
    classes: Sequence[str] | None,
    parts: Iterable["_Held | _Once"],
) -> tuple[str, ...]:
    """The names of the classes in order: those that are given, or declared, else of the labels."""
    declared = classes or next((part.declared for part in parts if part.declared), None)
    if declared:
        return tuple(map(str, declared))
    found = {label for label in labels if label is not None}
    return tuple(str(label) for label in sorted(found, key=lambda one: (isinstance(one, str), one)))


def _named(check: _Check, names: Sequence[str]) -> _Check:
    """A check whose label is the name of a class."""
    if check.label is None or str(check.label) in names:
        return check._replace(label=None if check.label is None else str(check.label))
    if isinstance(check.label, int) and check.label < len(names):
        return check._replace(label=names[check.label])
    raise DataError(
        f"Expected labels of the {len(names)} classes {', '.join(names[:8])}, got {check.label!r}. "
        "Try: classes=[...] with a name for every number"
    )


def _require_classes(present: Sequence[str], checks: Sequence[_Check]) -> None:
    if len(present) > 1:
        return
    left_out = Counter(check.reason for check in checks if check.reason)
    advice = ", ".join(f"{n} left out: {why}" for why, n in left_out.most_common(1))
    raise DataError(
        f"Expected images of at least two classes, got {len(present)}. "
        f"Try data of several classes{f' ({advice})' if advice else ''}"
    )


def _require_every_class(
    samples: Sequence[Sample], names: Sequence[str], splits: Sequence[str]
) -> None:
    for split in splits:
        there = {sample.label for sample in samples if sample.split == split}
        for label, name in enumerate(names):
            if label not in there:
                raise DataError(
                    f"Expected images of every class in {split}, got none of {name!r}. "
                    f"Try data with more images of it"
                )


def _keys(checks: Sequence[_Check]) -> list[str]:
    """SPLIT:CLASS/NAME for each, the second of its kind with -2."""
    times: dict[str, int] = defaultdict(int)
    keys = []
    for one in checks:
        key = f"{one.split or ''}:{folder_name(str(one.label))}/{one.name}"
        times[key] += 1
        keys.append(key if times[key] == 1 else f"{key}-{times[key]}")
    return keys


def _splits(
    by_key: Mapping[str, _Check],
    label_of: Mapping[str, str],
    groups: Mapping[str, str],
    seed: int,
    fraction: float,
    training: bool,
) -> tuple[dict[str, str], list[str]]:
    own = {key: one.split for key, one in by_key.items()}
    if not training and "test" not in own.values():
        return dict.fromkeys(own, "test"), []
    if not training:
        return {key: split or "test" for key, split in own.items()}, []
    return splits_of(own, label_of, groups, seed, fraction)


def _name_of(data: Any) -> str:
    if isinstance(data, Mapping) and data:
        data = next(iter(data.values()))
    info = getattr(data, "info", None)
    named = getattr(info, "dataset_name", None)
    if isinstance(named, str) and named:
        return named
    if isinstance(data, tuple | list | _Rows | Mapping):
        return "images"
    return type(data).__name__.strip("_")


def _said(parts: Iterable["_Held | _Once"]) -> list[str]:
    """What is said of how the data were read."""
    streams = [part for part in parts if isinstance(part, _Once)]
    if not streams:
        return []
    size = sum(part.streamed.size for part in streams)
    return [
        f"Read once, in order, {counted(range(sum(map(len, streams))), 'image', 'images')} into "
        f"a file of {size / 1e6:.1f} MB"
    ]


@dataclass(frozen=True)
class _Reader:
    """Reads a sample of data that a program holds."""

    items: Mapping[str, tuple["_Held | _Once", int]] = field(repr=False)
    white: int
    mask_values: tuple[Value, ...] | None
    hashes: Mapping[str, str] = field(repr=False)  # id of a sample -> that of its picture

    def __call__(self, sample: Sample) -> Picture:
        """The picture of a sample; DataError where it is not as it was any more."""
        part, index = self.items[sample.image]
        picture = _Pixels(part, self.white, self.mask_values).picture(part.entry(index))
        if hash_of(picture) != self.hashes[sample.image]:
            raise DataError(
                f"Expected image {sample.image} to be as it was when the data were first read, got "
                "other pixels. Try the data set without random transforms"
            )
        return picture
