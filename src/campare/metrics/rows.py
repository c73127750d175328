"""From values to rows of the table, where what is undefined is null.

    Found, filled a slice of the images at a time  ->  frames, metric by metric  ->  rows

A table of many images never lies in memory as a whole: what takes its frames writes them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from campare.errors import DataError, TargetError
from campare.metrics.values import Found
from campare.types import SCORE_COLUMNS, Ints

_SCHEMA = pl.Schema(
    dict.fromkeys(SCORE_COLUMNS, pl.String()) | {"seed": pl.Int64(), "value": pl.Float64()}
)


#: Rows of a frame, at most.
_ROWS = 2**13


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
        >>> from campare.metrics.values import Values
        >>> one, zero = Values(np.array([0.5]), np.array(["ok"])), np.zeros(1, np.int64)
        >>> found = Found(1)
        >>> found.put("gini", slice(0, 1), one)
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
                    *_columns(results, metric, where),
                )
                .select(SCORE_COLUMNS)
                .cast(_SCHEMA)
            )
    results.release()


def _columns(results: Found, metric: str, where: slice) -> tuple[pl.Series, pl.Series]:
    """Values and statuses of some of the images as columns; NaN is null."""
    values, codes = results.coded(metric)
    value = pl.Series("value", np.array(values[where]), nan_to_null=True)
    words = pl.Series("status", results.words, pl.String)
    return value, words.gather(codes[where].astype(np.uint32))


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
