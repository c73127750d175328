"""From values to rows of the table, where what is undefined is null.

    Found, filled a slice of the images at a time  ->  frames, metric by metric  ->  rows

A frame has as many metrics as fit: what polars does with one takes as long for 10 rows as for 1000.
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
    """Results as rows of the table, in order of metrics, with classes by name; at least one frame.

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
    metrics, count = list(results), len(names)
    if not count or not metrics:
        yield pl.DataFrame(schema=_SCHEMA)
        return
    together = max(1, _ROWS // count)
    for first in range(0, len(metrics), together):
        some = metrics[first : first + together]
        for start in range(0, count, _ROWS):
            where = slice(start, start + _ROWS)
            part = image[where]
            yield (
                pl.concat([part] * len(some))
                .with_columns(
                    *(pl.lit(value).alias(column) for column, value in constant.items()),
                    *_columns(results, some, where, part.height),
                )
                .select(SCORE_COLUMNS)
                .cast(_SCHEMA)
            )
    results.release()


def _columns(
    results: Found, metrics: Sequence[str], where: slice, count: int
) -> tuple[pl.Series, ...]:
    """Metrics, values and statuses of some images, `count` each, as columns; NaN is null."""
    values, codes = zip(*(results.coded(metric) for metric in metrics), strict=True)
    names, words = (pl.Series(each, dtype=pl.String) for each in (metrics, results.words))
    return (
        names.gather(np.repeat(np.arange(len(metrics), dtype=np.uint32), count)).alias("metric"),
        pl.Series("value", np.concatenate([each[where] for each in values]), nan_to_null=True),
        words.gather(np.concatenate([each[where] for each in codes]).astype(np.uint32)).alias(
            "status"
        ),
    )


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
