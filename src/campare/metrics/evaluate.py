"""From maps to rows of the table: every metric that applies, at native and at matched resolution.

Maps are made positive, enlarged to the image where a metric wants it, and measured in slices that
fit the cache. Each function returns a frame of exactly `SCORE_COLUMNS`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from campare.attribution import maps as m
from campare.data.samples import Images
from campare.metrics.classification import predicted
from campare.metrics.faithfulness.controls import (
    FAITHFULNESS,
    OVER_EDGE,
    OVER_RANDOM,
    relative_to_nulls,
)
from campare.metrics.metric import Explain, Predict
from campare.metrics.mosaic import Mosaics, class_masks
from campare.metrics.registry import METRICS, Metric, choose
from campare.metrics.rows import check_count, rows
from campare.metrics.values import Values
from campare.types import Array, Floats, Ints

#: Suffix of metrics whose maps were first pooled to the coarsest grid of all arms.
MATCHED = "@matched"

_SLICE = 2**20  # pixels of enlarged maps that are measured together


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
    metrics: str | Sequence[str] | None = None,
    matched: tuple[int, int] | None = None,
) -> pl.DataFrame:
    """Measure raw maps (N, h, w) of images (N, S, S, 3): a row an image and metric.

    Takes the default metrics of the regions that `images` has and those that need no mask, or those
    of them that `metrics` names ('all': all). With `matched`, the coarsest grid (h, w) of all arms,
    they are measured once more on maps pooled to it, as `<metric>@matched`. A map that is
    non-finite or all-negative is undefined for all of them. Raises DataError where the number of
    maps is not that of the images, TargetError for a class index without a name, CampareError for
    an unknown metric.

    Example:
        >>> dot = Images(np.zeros((1, 4, 4, 3), np.uint8), np.array([0]), ("a",), {}, ("x", "y"))
        >>> zero = np.zeros(1, np.int64)
        >>> frame = measure_maps(np.ones((1, 2, 2)), dot, recipe="A", seed=0, split="test",
        ...     method="uniform", layer="conv", predictions=zero, targets=zero, metrics=["gini"])
        >>> frame.select("image", "metric", "value", "status").row(0)
        ('a', 'gini', 0.0, 'ok')
    """
    check_count(len(maps), len(images))
    chosen = [
        metric for metric in choose(metrics, images.regions) if _applies(metric, images.regions)
    ]
    results = _measure(maps, images.images, images.regions, chosen, matched)
    return rows(
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
    objects: Array | None = None,
) -> pl.DataFrame:
    """Measure raw maps (M, h, w) of the mosaics' targets: their share on the target's cells.

    The metric is `focus` or `grid-pointing-game`, by the kind of mosaic; with `objects`, the masks
    (N, S, S) of the images that the mosaics are made of, also `class-discrimination`. Label and
    target are both the mosaic's target. Errors as in `measure_maps`.
    """
    check_count(len(maps), len(mosaics))
    chosen, regions = [METRICS[mosaics.metric]], {"cells": mosaics.cells}
    results = _measure(maps, mosaics.images, regions, chosen, matched)
    if objects is not None:
        own, other = class_masks(mosaics, objects)
        apart = [METRICS["class-discrimination"]]
        regions = {"cells": own, "other": other}
        results |= _measure(maps, mosaics.images, regions, apart, matched)
    return rows(
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
    check_count(len(logits), len(images))
    names = ("correct", "confidence")
    results = {name: METRICS[name].function(logits, images.labels) for name in names}
    return rows(
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


def measure_network(
    predict: Predict,
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
    rng: np.random.Generator,
    metrics: str | Sequence[str] = "all",
    explain: Explain | None = None,
) -> pl.DataFrame:
    """Measure how faithful raw maps (N, h, w) are to the network `predict`: a row an image, metric.

    Takes the metrics of `campare.metrics.faithfulness` that `metrics` names, each as it is and, if
    named, over random and over edge maps on the same network. `predict` takes float32 images
    (N, S, S, 3) to logits; `explain`, the method that made the maps, is needed by `adcc` alone,
    which is left out without it. Errors as in `measure_maps`.

    Example:
        >>> gray = np.random.default_rng(0).integers(0, 255, (1, 8, 8, 3), dtype=np.uint8)
        >>> one = Images(gray, np.array([0]), ("a",), {}, ("x", "y"))
        >>> frame = measure_network(lambda x: x.mean(axis=(1, 2))[:, :2], np.eye(4)[None], one,
        ...     recipe="A", seed=0, split="test", method="m", layer="conv",
        ...     predictions=one.labels, targets=one.labels, rng=np.random.default_rng(0),
        ...     metrics=["deletion", "deletion-over-edge"])
        >>> frame.select("metric", "status").rows()
        [('deletion', 'ok'), ('deletion-over-edge', 'ok')]
    """
    check_count(len(maps), len(images))
    wanted = {metric.name for metric in choose(metrics)}
    pixels = images.images.astype(np.float32)
    results: dict[str, Values] = {}
    for metric in FAITHFULNESS:
        given: dict[str, Any] = {"explain": explain} if "method" in metric.needs else {}
        if None in given.values():
            continue
        over = [s for s in (OVER_RANDOM, OVER_EDGE) if metric.name + s in wanted]
        if not over and metric.name not in wanted:
            continue
        found = relative_to_nulls(
            metric.function, predict, pixels, maps, targets, rng=rng, over=over, **given
        )
        named = {metric.name + suffix: values for suffix, values in found.items()}
        results |= {name: values for name, values in named.items() if name in wanted}
    return rows(
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


def _applies(metric: Metric, regions: Mapping[str, Array]) -> bool:
    """Whether it measures maps of images that have these regions."""
    return "model" not in metric.needs and (metric.region is None or metric.region in regions)


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
    sliced = [metric for metric in metrics if not metric.together]
    together = [metric for metric in metrics if metric.together]
    results = {}
    for suffix, grid in grids.items():
        parts = []
        for start in range(0, max(len(maps), 1), step):
            s = slice(start, start + step)
            masks = {name: mask[s] for name, mask in regions.items()}
            parts.append(_measure_slice(grid[s], images[s], masks, sliced))
        whole = _measure_slice(grid, images, regions, together) if together else {}
        for metric in metrics:
            found = [whole] if metric.together else parts
            values = np.concatenate([part[metric.name].values for part in found])
            states = np.concatenate([part[metric.name].status for part in found])
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
            others = [regions["other"]] if "other-mask" in metric.needs else []
            results[metric.name] = metric.function(seen, regions[metric.region], *others)
        elif "image" in metric.needs:
            results[metric.name] = metric.function(seen, images)
        else:
            results[metric.name] = metric.function(seen)
    return results
