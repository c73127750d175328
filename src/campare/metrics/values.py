"""What a metric returns: one value an image, and for an undefined one the reason.

Undefined is NaN with a status, never a silent zero or hit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campare.attribution import maps as m
from campare.data.stored import release, zeros
from campare.errors import DataError
from campare.types import Array, Bools, Floats


class Values(NamedTuple):
    """The values of one metric for N images."""

    values: NDArray[np.float64]  # (N,), NaN where undefined
    status: NDArray[np.str_]  # (N,), 'ok' or why the value is undefined


#: Why a value is undefined -> for which images, (N,). The first reason that holds is the status.
Reasons = Mapping[str, Bools]


def with_reasons(values: Array, reasons: Reasons) -> Values:
    """Values that are NaN, with the reason as status, wherever a reason holds.

    Example:
        >>> with_reasons(np.array([1.0, 2.0]), {"flat": np.array([False, True])})
        Values(values=array([ 1., nan]), status=array(['ok', 'flat'], dtype='<U4'))
    """
    status = np.select(list(reasons.values()), list(reasons), "ok")
    return Values(np.where(status == "ok", np.asarray(values, np.float64), np.nan), status)


def unless(values: Values, reasons: Mapping[str, Bools]) -> Values:
    """Values that are undefined where a reason holds, before any reason of their own.

    Example:
        >>> one = Values(np.array([1.0]), np.array(["ok"]))
        >>> unless(one, {"prediction-changed": np.array([True])}).status.tolist()
        ['prediction-changed']
    """
    found = with_reasons(values.values, reasons)
    return Values(found.values, np.where(found.status == "ok", values.status, found.status))


def average(parts: Iterable[Values]) -> Values:
    """Mean of the defined values of each image; without any, undefined as the first part is.

    Example:
        >>> one = Values(np.array([1.0, np.nan]), np.array(["ok", "flat"]))
        >>> two = Values(np.array([0.0, 0.5]), np.array(["ok", "ok"]))
        >>> average([one, two]).values.tolist()
        [0.5, 0.5]
    """
    mean = Average()
    for part in parts:
        mean.add(part)
    return mean.values


class Average:
    """The `average` of values that come one after the other and are not kept."""

    def __init__(self) -> None:
        self._sum: Array | None = None

    def add(self, part: Values) -> None:
        """Take the next values of the same images."""
        defined = ~np.isnan(part.values)
        values = np.where(defined, part.values, 0)
        if self._sum is None:
            self._sum, self._count, self._status = values, defined.astype(int), part.status
        else:
            self._sum += values
            self._count += defined

    @property
    def values(self) -> Values:
        """Their mean; of none an error."""
        assert self._sum is not None
        known = self._count > 0
        mean = self._sum / np.maximum(self._count, 1)
        return Values(np.where(known, mean, np.nan), np.where(known, "ok", self._status))


def pixels(maps: Array) -> tuple[Floats, dict[str, Bools]]:
    """The positive part of maps as rows of pixels, and which maps have no positive mass and why.

    Shapes: (N, *grid) -> (N, P). A constant positive map has mass: most metrics define its value.
    The rows of non-finite maps are zero.
    """
    maps = np.asarray(maps, np.float32)
    status = m.status(maps)
    rows = _flat(m.positive(maps))
    empty = (status == "flat") & ~(rows[:, 0] > 0)
    broken = status == "non-finite"
    if broken.any():
        rows[broken] = 0
    return rows, {"non-finite": broken, "all-negative": status == "all-negative", "flat": empty}


def inside(maps: Array, masks: Array) -> tuple[Bools, dict[str, Bools]]:
    """Masks as rows of pixels, and which are empty or cover everything.

    Shapes: (N, *grid) -> (N, P). Raises DataError where masks and maps differ in shape.
    """
    masks = np.asarray(masks, bool)
    if masks.shape != np.shape(maps):
        raise DataError(
            f"Expected masks of the shape of the maps {np.shape(maps)}, got {masks.shape}. "
            "Try campare.attribution.maps.resize(maps, masks.shape[1:]) first."
        )
    rows = _flat(masks)
    covered = rows.sum(axis=1)
    return rows, {"no-mask": covered == 0, "full-mask": covered == rows.shape[1]}


class Found(Mapping[str, Values]):
    """Values of metrics for N images, with their statuses as numbers: 10 bytes a value.

    Metrics stand in the order of `names`, then in that in which they first come.

    Example:
        >>> found = Found(2)
        >>> found.put("gini", slice(0, 1), Values(np.array([0.5]), np.array(["ok"])))
        >>> found.put("gini", slice(1, 2), Values(np.array([np.nan]), np.array(["flat"])))
        >>> found["gini"].status.tolist()
        ['ok', 'flat']
    """

    def __init__(self, images: int, names: Sequence[str] = ()) -> None:
        self.images = images
        self.words = ["ok"]
        self._values: dict[str, tuple[Array, Array]] = {}
        for name in names:
            self._add(name)

    @property
    def every(self) -> slice:
        """All of the images, for `put`."""
        return slice(0, self.images)

    def put(self, name: str, where: slice, values: Values) -> None:
        """Values of a metric for some of the images."""
        if name not in self._values:
            self._add(name)
        number, code = self._values[name]
        number[where] = values.values
        for word in dict.fromkeys(values.status.tolist()):
            if word not in self.words:
                self.words.append(word)
            code[where][values.status == word] = self.words.index(word)

    def _add(self, name: str) -> None:
        self._values[name] = (zeros((self.images,), float), zeros((self.images,), np.uint16))

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __getitem__(self, name: str) -> Values:
        number, code = self._values[name]
        return Values(np.array(number), np.array(self.words)[code])

    def coded(self, name: str) -> tuple[Array, Array]:
        """The values of a metric (N,), and the numbers of their statuses in `words`."""
        return self._values[name]

    def release(self) -> None:
        """Values in files leave the memory until they are needed again."""
        for pair in self._values.values():
            release(*pair)


def _flat(stack: Array) -> Array:
    """(N, *grid) -> (N, P), also of no images."""
    return stack.reshape(len(stack), prod(stack.shape[1:]))
