"""From maps to rows of the table: every metric that applies, at native and at matched resolution.

Maps are made positive, enlarged to the image where a metric wants it, and measured in slices that
fit the cache. Each function returns a frame of exactly `SCORE_COLUMNS`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from campare.cams import maps as m
from campare.data.imageset import Images
from campare.errors import DataError, TargetError
from campare.metrics.classification import predicted
from campare.metrics.declaration import METRICS, Metric, declared
from campare.metrics.mosaic import Mosaics
from campare.metrics.values import Values
from campare.types import SCORE_COLUMNS, Array, Floats, Ints

#: Suffix of metrics whose maps were first pooled to the coarsest grid of all arms.
MATCHED = "@matched"

_SLICE = 2**20  # pixels of enlarged maps that are measured together
_SCHEMA = pl.Schema(
    dict.fromkeys(SCORE_COLUMNS, pl.String()) | {"seed": pl.Int64(), "value": pl.Float64()}
)


def measure_maps(
    maps: Array,
    images: Images,
    *,
    recipe: str,
    seed: int,
    split: str,
    method: str,
    layer: str,
    predictions: Ints,
    targets: Ints,
    metrics: Sequence[str] | None = None,
    matched: tuple[int, int] | None = None,
) -> pl.DataFrame:
    """Measure raw maps (N, h, w) of images (N, S, S, 3): a row an image and metric.

    Takes the metrics of the regions that `images` has and those that need no mask, or those of
    them that `metrics` names. With `matched`, the coarsest grid (h, w) of all arms, they are
    measured once more on maps pooled to it, as `<metric>@matched`. A map that is non-finite or
    all-negative is undefined for all of them. Raises DataError where the number of maps is not that
    of the images, TargetError for a class index without a name, CampareError for an unknown metric.

    Example:
        >>> dot = Images(np.zeros((1, 4, 4, 3), np.uint8), np.array([0]), ("a",), {}, ("x", "y"))
        >>> zero = np.zeros(1, np.int64)
        >>> frame = measure_maps(np.ones((1, 2, 2)), dot, recipe="A", seed=0, split="test",
        ...     method="uniform", layer="conv", predictions=zero, targets=zero, metrics=["gini"])
        >>> frame.select("image", "metric", "value", "status").row(0)
        ('a', 'gini', 0.0, 'ok')
    """
    _check_count(len(maps), len(images))
    chosen = [metric for metric in _choose(metrics) if _applies(metric, images.regions)]
    results = _measure(maps, images.images, images.regions, chosen, matched)
    return _rows(
        results,
        images.names,
        images.class_names,
        recipe=recipe,
        seed=seed,
        split=split,
        method=method,
        layer=layer,
        label=images.labels,
        prediction=predictions,
        target=targets,
    )


def measure_mosaics(
    maps: Array,
    mosaics: Mosaics,
    *,
    recipe: str,
    seed: int,
    split: str,
    method: str,
    layer: str,
    predictions: Ints,
    matched: tuple[int, int] | None = None,
) -> pl.DataFrame:
    """Measure raw maps (M, h, w) of the mosaics' targets: their share on the target's cells.

    The metric is `focus` or `grid-pointing-game`, by the kind of mosaic; label and target are both
    the mosaic's target. Errors as in `measure_maps`.
    """
    _check_count(len(maps), len(mosaics))
    chosen = [METRICS[mosaics.metric]]
    results = _measure(maps, mosaics.images, {"cells": mosaics.cells}, chosen, matched)
    return _rows(
        results,
        mosaics.names,
        mosaics.class_names,
        recipe=recipe,
        seed=seed,
        split=split,
        method=method,
        layer=layer,
        label=mosaics.targets,
        prediction=predictions,
        target=mosaics.targets,
    )


def measure_predictions(
    logits: Array, images: Images, *, recipe: str, seed: int, split: str
) -> pl.DataFrame:
    """Rows of `correct` and `confidence` for logits (N, K); method and layer are '-'.

    Example:
        >>> dot = Images(np.zeros((1, 4, 4, 3), np.uint8), np.array([1]), ("a",), {}, ("x", "y"))
        >>> frame = measure_predictions(np.zeros((1, 2)), dot, recipe="A", seed=0, split="test")
        >>> frame.select("metric", "value", "prediction").rows()
        [('correct', 0.0, 'x'), ('confidence', 0.5, 'x')]
    """
    _check_count(len(logits), len(images))
    names = ("correct", "confidence")
    results = {name: METRICS[name].function(logits, images.labels) for name in names}
    return _rows(
        results,
        images.names,
        images.class_names,
        recipe=recipe,
        seed=seed,
        split=split,
        method="-",
        layer="-",
        label=images.labels,
        prediction=predicted(logits),
        target=images.labels,
    )


def _choose(metrics: Sequence[str] | None) -> Iterable[Metric]:
    """The metrics to measure, in the order of METRICS."""
    wanted = set(METRICS) if metrics is None else {declared(name).name for name in metrics}
    return (metric for name, metric in METRICS.items() if name in wanted)


def _applies(metric: Metric, regions: Mapping[str, Array]) -> bool:
    """Whether it measures maps of images that have these regions."""
    return "model" not in metric.needs and (metric.region is None or metric.region in regions)


def _check_count(maps: int, images: int) -> None:
    if maps != images:
        raise DataError(
            f"Expected one map or row of logits for each of {images} images, got {maps}. "
            "Try computing both from the same images."
        )


def _measure(
    maps: Array,
    images: Array,
    regions: Mapping[str, Array],
    metrics: Sequence[Metric],
    matched: tuple[int, int] | None,
) -> dict[str, Values]:
    """Name in the table -> values, for maps as they are and pooled to the grid `matched`."""
    status = m.status(maps)
    broken = (status == "non-finite") | (status == "all-negative")
    native = m.positive(maps)
    grids = {"": native} if matched is None else {"": native, MATCHED: m.pool(native, matched)}
    step = max(1, _SLICE // (images.shape[1] * images.shape[2]))
    results = {}
    for suffix, grid in grids.items():
        parts = []
        for start in range(0, max(len(maps), 1), step):
            s = slice(start, start + step)
            masks = {name: mask[s] for name, mask in regions.items()}
            parts.append(_measure_slice(grid[s], images[s], masks, metrics))
        for metric in metrics:
            values = np.concatenate([part[metric.name].values for part in parts])
            states = np.concatenate([part[metric.name].status for part in parts])
            results[metric.name + suffix] = Values(
                np.where(broken, np.nan, values), np.where(broken, status, states)
            )
    return results


def _measure_slice(
    maps: Floats, images: Array, regions: Mapping[str, Array], metrics: Sequence[Metric]
) -> dict[str, Values]:
    """Every metric of positive maps (n, h, w), each with the arguments that it needs."""
    results = {}
    enlarged = m.resize(maps, (images.shape[1], images.shape[2]))
    for metric in metrics:
        seen = enlarged if metric.resolution == "image" else maps
        if metric.region is not None:
            results[metric.name] = metric.function(seen, regions[metric.region])
        elif "image" in metric.needs:
            results[metric.name] = metric.function(seen, images)
        else:
            results[metric.name] = metric.function(seen)
    return results


def _rows(
    results: Mapping[str, Values],
    names: Sequence[str],
    class_names: Sequence[str],
    *,
    label: Ints,
    prediction: Ints,
    target: Ints,
    **constant: str | int,
) -> pl.DataFrame:
    """Results as rows, metric by metric, with classes by name."""
    image = pl.DataFrame(
        {
            "image": list(names),
            "label": _named(label, class_names, len(names)),
            "prediction": _named(prediction, class_names, len(names)),
            "target": _named(target, class_names, len(names)),
        }
    )
    frames = [
        image.with_columns(
            *(pl.lit(value).alias(column) for column, value in constant.items()),
            pl.lit(metric).alias("metric"),
            pl.Series("value", values),
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
    _check_count(len(indices), count)
    outside = indices[(indices < 0) | (indices >= len(class_names))]
    if len(outside):
        raise TargetError(
            f"Expected class indices from 0 to {len(class_names) - 1}, got {outside[0]}. "
            "Try a model with the classes of the data."
        )
    return [class_names[index] for index in indices]
