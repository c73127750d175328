"""From values to rows of the table, where what is undefined is null."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from campare.errors import DataError, TargetError
from campare.metrics.values import Values
from campare.types import SCORE_COLUMNS, Ints

_SCHEMA = pl.Schema(
    dict.fromkeys(SCORE_COLUMNS, pl.String()) | {"seed": pl.Int64(), "value": pl.Float64()}
)


def rows(
    results: Mapping[str, Values],
    names: Sequence[str],
    class_names: Sequence[str],
    *,
    label: Ints,
    prediction: Ints,
    target: Ints,
    groups: Sequence[str | None] | None = None,
    **constant: str | int,
) -> pl.DataFrame:
    """Results as rows of the table, metric by metric, with classes by name.

    Raises TargetError for a class index without a name.

    Example:
        >>> one, zero = Values(np.array([0.5]), np.array(["ok"])), np.zeros(1, np.int64)
        >>> frame = rows({"gini": one}, ["a"], ["cat"], label=zero, prediction=zero, target=zero,
        ...     recipe="A", seed=0, split="test", method="edge", layer="-")
        >>> frame.select("image", "target", "value").row(0)
        ('a', 'cat', 0.5)
    """
    image = pl.DataFrame(
        {
            "image": list(names),
            "group": pl.Series([None] * len(names) if groups is None else groups, dtype=pl.String),
            "label": _named(label, class_names, len(names)),
            "prediction": _named(prediction, class_names, len(names)),
            "target": _named(target, class_names, len(names)),
        }
    )
    frames = [
        image.with_columns(
            *(pl.lit(value).alias(column) for column, value in constant.items()),
            pl.lit(metric).alias("metric"),
            pl.Series("value", values, nan_to_null=True),  # undefined, with its status
            pl.Series("status", status.tolist(), dtype=pl.String),
        )
        for metric, (values, status) in results.items()
    ]
    if not frames:
        return pl.DataFrame(schema=_SCHEMA)
    return pl.concat(frames).select(SCORE_COLUMNS).cast(_SCHEMA)


def _named(indices: Ints, class_names: Sequence[str], count: int) -> list[str]:
    """Class indices (N,) as names."""
    indices = np.asarray(indices)
    check_count(len(indices), count)
    outside = indices[(indices < 0) | (indices >= len(class_names))]
    if len(outside):
        raise TargetError(
            f"Expected class indices from 0 to {len(class_names) - 1}, got {outside[0]}. "
            "Try a model with the classes of the data."
        )
    return [class_names[index] for index in indices]


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
