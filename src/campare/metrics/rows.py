"""From values to rows of the table, where what is undefined is null.

    Found, filled a slice of the images at a time  ->  frames, metric by metric  ->  rows

A table of many images never lies in memory as a whole: what takes its frames writes them.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from campare.data.stored import release, zeros
from campare.errors import DataError, TargetError
from campare.metrics.values import Values
from campare.types import SCORE_COLUMNS, Array, Ints

_SCHEMA = pl.Schema(
    dict.fromkeys(SCORE_COLUMNS, pl.String()) | {"seed": pl.Int64(), "value": pl.Float64()}
)


#: Rows of a frame, at most.
_ROWS = 2**16


class Found:
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

    @classmethod
    def of(cls, results: Mapping[str, Values], images: int) -> "Found":
        """Values of all images."""
        found = cls(images)
        for name, values in results.items():
            found.put(name, slice(0, images), values)
        return found

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

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __getitem__(self, name: str) -> Values:
        number, code = self._values[name]
        return Values(np.array(number), np.array(self.words)[code])

    def series(self, name: str, where: slice) -> tuple[pl.Series, pl.Series]:
        """Values and statuses of some of the images as columns; NaN is null."""
        number, code = self._values[name]
        value = pl.Series("value", np.array(number[where]), nan_to_null=True)
        status = pl.Series("status", self.words, pl.String).gather(code[where].astype(np.uint32))
        return value, status

    def release(self) -> None:
        """Values in files leave the memory until they are needed again."""
        for pair in self._values.values():
            release(*pair)


def frames(
    results: Found,
    names: Sequence[str],
    class_names: Sequence[str],
    *,
    label: Ints,
    prediction: Ints,
    target: Ints,
    groups: Sequence[str | None] | None = None,
    **constant: str | int,
) -> Iterator[pl.DataFrame]:
    """Results as rows of the table, metric by metric, with classes by name; at least one frame.

    Raises TargetError for a class index without a name.

    Example:
        >>> one, zero = Values(np.array([0.5]), np.array(["ok"])), np.zeros(1, np.int64)
        >>> found = Found.of({"gini": one}, 1)
        >>> (frame,) = frames(found, ["a"], ["cat"], label=zero, prediction=zero, target=zero,
        ...     recipe="A", seed=0, split="test", method="edge", layer="-")
        >>> frame.select("image", "target", "value").row(0)
        ('a', 'cat', 0.5)
    """
    image = pl.DataFrame(
        {
            "image": pl.Series(names, dtype=pl.String),
            "group": pl.Series([None] * len(names) if groups is None else groups, dtype=pl.String),
            "label": _named(label, class_names, len(names)),
            "prediction": _named(prediction, class_names, len(names)),
            "target": _named(target, class_names, len(names)),
        }
    )
    if not len(names) or not list(results):
        yield pl.DataFrame(schema=_SCHEMA)
    for metric in results:
        for start in range(0, len(names), _ROWS):
            where = slice(start, start + _ROWS)
            yield (
                image[where]
                .with_columns(
                    *(pl.lit(value).alias(column) for column, value in constant.items()),
                    pl.lit(metric).alias("metric"),
                    *results.series(metric, where),
                )
                .select(SCORE_COLUMNS)
                .cast(_SCHEMA)
            )
    results.release()


def _named(indices: Ints, class_names: Sequence[str], count: int) -> pl.Series:
    """Class indices (N,) as names."""
    indices = np.asarray(indices)
    check_count(len(indices), count)
    outside = indices[(indices < 0) | (indices >= len(class_names))]
    if len(outside):
        raise TargetError(
            f"Expected class indices from 0 to {len(class_names) - 1}, got {outside[0]}. "
            "Try a model with the classes of the data."
        )
    return pl.Series(class_names, dtype=pl.String).gather(indices.astype(np.uint32))


def check_count(maps: int, images: int) -> None:
    """Raise DataError unless there is a map, or a row of logits, for each image.

    Example:
        >>> check_count(3, 3)
    """
    if maps != images:
        raise DataError(
            f"Expected one map or row of logits for each of {images} images, got {maps}. "
            "Try computing both from the same images."
        )
