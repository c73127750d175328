"""From metrics and a context to rows of the table, by one mechanism for every metric.

    metric, context -> arguments by name -> values under every condition -> rows

A metric's function names what it needs, and is handed just that. Maps are measured at native and at
matched resolution, in slices that fit the cache. What several metrics share is computed once.
Each `measure_...` gives its rows at once, and as `measure_....frames` a metric at a time.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import update_wrapper
from math import prod
from typing import Any, Generic, ParamSpec

import numpy as np
import polars as pl

from campare.attribution import maps as m
from campare.data.samples import Images
from campare.data.stored import Computed, as_floats, as_read, gathered, lazily, parts
from campare.errors import CampareError
from campare.metrics.classification import predicted
from campare.metrics.metric import ALWAYS_GIVEN, Explain, Metric, Predict, Stage, signature
from campare.metrics.mosaic import Mosaics, class_masks
from campare.metrics.registry import METRICS, choose
from campare.metrics.rows import check_count, frames
from campare.metrics.values import Found, Values
from campare.types import Array, Classifier, Ints

#: Condition of metrics whose maps were first pooled to the coarsest grid of all arms.
MATCHED = "@matched"

_SLICE = 2**20  # pixels of enlarged maps that are measured together

P = ParamSpec("P")


class Streamed(Generic[P]):
    """A function of rows: called, it gives all of them; `frames` one metric after the other."""

    def __init__(self, frames: Callable[P, Iterator[pl.DataFrame]]) -> None:
        self.frames = frames
        update_wrapper(self, frames)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> pl.DataFrame:
        """All rows."""
        return pl.concat(self.frames(*args, **kwargs))


@dataclass(frozen=True, eq=False)
class Context:
    """What metrics may be handed; None where it is not known.

    Attributes:
        maps: (N, h, w). enlarged: the same maps at the size of the images, (N, H, W).
        images: (N, H, W, C). Many images, and many maps, are `Computed`.
        regions: name -> masks (N, H, W).
        logits: (N, K). labels, targets: (N,). predict, explain, classifier: see `metric`.
        rng: of all that is drawn, metric after metric.
        matched: the coarsest grid of all arms. span: the width of the range of the images.
    """

    maps: Array | Computed | None = None
    enlarged: Array | Computed | None = None
    images: Array | Computed | None = None
    regions: Mapping[str, Array] = field(default_factory=dict)
    logits: Array | None = None
    labels: Ints | None = None
    targets: Ints | None = None
    predict: Predict | None = None
    explain: Explain | None = None
    classifier: Classifier | None = None
    rng: np.random.Generator | None = None
    matched: tuple[int, ...] | None = None
    span: float | None = None
    _results: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int | None:
        """How many images there are, as far as is known."""
        known = (self.maps, self.images, self.logits, self.targets)
        return next((len(each) for each in known if each is not None), None)

    def shared(self, key: Any, compute: Callable[[], Any]) -> Any:
        """What `compute` returned when the key came first in this context."""
        if key not in self._results:
            self._results[key] = compute()
        return self._results[key]

    def argument(self, name: str, metric: Metric) -> Any:
        """What stands for a parameter of a metric's function; None: it is not known here."""
        found = self._argument(name, metric)
        return np.asarray(found) if isinstance(found, Computed) and not metric.parts else found

    def _argument(self, name: str, metric: Metric) -> Any:
        if name == "maps" and metric.resolution == "image" and self.enlarged is not None:
            return self.enlarged
        if name in ("masks", "own"):
            return self.regions.get(metric.region or "")
        return self.regions.get("other") if name == "other" else getattr(self, name)


def evaluate_metric(metric: Metric, context: Context) -> Mapping[str, Values]:
    """The values of a metric under each of its conditions, '' being the metric itself.

    Raises:
        CampareError: the function needs what the context has not, or gives no value for an image.

    Example:
        >>> metric = METRICS["gini"]
        >>> evaluate_metric(metric, Context(maps=np.ones((1, 2, 2))))[""].values.tolist()
        [0.0]
    """
    function = metric.conditions or metric.function
    arguments = dict(metric.parameters) if metric.conditions is None else {}
    for name, default in signature(function).items():
        if name in arguments or not (default is inspect.Parameter.empty or name in ALWAYS_GIVEN):
            continue
        value = context.argument(name, metric)
        if value is None and default is inspect.Parameter.empty:
            raise CampareError(
                f"Expected {name!r} to measure {metric.name!r}, got none. "
                f"Try: other metrics, or what has {name}"
            )
        if value is not None:
            arguments[name] = value
    values = context.shared(metric.name, lambda: _by_condition(function(**arguments)))
    if "" not in values:
        raise CampareError(
            f"Expected values of {metric.name!r} itself, got {', '.join(values) or 'none'}. "
            "Try: the condition ''"
        )
    if isinstance(values, Found):
        return values
    return {
        condition: _as_values(each, metric, context.count) for condition, each in values.items()
    }


def _by_condition(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {"": found}


def _as_values(found: Any, metric: Metric, count: int | None) -> Values:
    """Values as they are, or an array (N,) with the status 'undefined' where it is not finite."""
    if isinstance(found, Values):
        _require_count(found.values.shape, metric, count)
        return found
    try:
        array = np.asarray(found, np.float64)
    except (TypeError, ValueError) as error:
        raise CampareError(
            f"Expected numbers from {metric.name!r}, got {type(found).__name__}: {error}. "
            "Try: an array (N,)"
        ) from error
    _require_count(array.shape, metric, count)
    known = np.isfinite(array)
    return Values(np.where(known, array, np.nan), np.where(known, "ok", "undefined"))


def _require_count(shape: tuple[int, ...], metric: Metric, count: int | None) -> None:
    """Check that there is a value for each image: a single one would count for all of them."""
    if len(shape) != 1 or count not in (None, shape[0]):
        of = "" if count is None else f" of {count} images"
        raise CampareError(
            f"Expected one value for each image from {metric.name!r}, got an array of shape "
            f"{shape}{of}. Try: an array (N,)"
        )


@Streamed
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
    metrics: str | Sequence[str | Metric] | None = None,
    matched: tuple[int, ...] | None = None,
) -> Iterator[pl.DataFrame]:
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
        metric
        for metric in choose(metrics, images.regions)
        if metric.stage == "maps" and _has_masks(images.regions, metric)
    ]
    found = _measure(maps, images.images, images.regions, chosen, matched)
    yield from _rows(
        found,
        images,
        predictions,
        targets,
        recipe=recipe,
        seed=seed,
        split=split,
        method=method,
        layer=layer,
    )


@Streamed
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
    matched: tuple[int, ...] | None = None,
    objects: Array | None = None,
) -> Iterator[pl.DataFrame]:
    """Measure raw maps (M, h, w) of the mosaics' targets: their share on the target's cells.

    The metric is `focus` or `grid-pointing-game`, by the kind of mosaic; with `objects`, the masks
    (N, S, S) of the images that the mosaics are made of, also `class-discrimination`. Label and
    target are both the mosaic's target. Errors as in `measure_maps`.
    """
    check_count(len(maps), len(mosaics))
    chosen, regions = [METRICS[mosaics.metric]], {"cells": mosaics.cells}
    results = [_measure(maps, mosaics.images, regions, chosen, matched)]
    if objects is not None:
        own, other = class_masks(mosaics, objects)
        apart = [METRICS["class-discrimination"]]
        regions = {"cells": own, "other": other}
        results.append(_measure(maps, mosaics.images, regions, apart, matched))
    for each in results:
        yield from frames(
            each,
            mosaics.names,
            mosaics.class_names,
            groups=mosaics.groups or None,
            recipe=recipe,
            seed=seed,
            split=split,
            method=method,
            layer=layer,
            label=mosaics.targets,
            prediction=predictions,
            target=mosaics.targets,
        )


@Streamed
def measure_predictions(
    logits: Array, images: Images, *, recipe: str, seed: int, split: str
) -> Iterator[pl.DataFrame]:
    """Rows of `correct` and `confidence` for logits (N, K); method and layer are '-'.

    Example:
        >>> dot = Images(np.zeros((1, 4, 4, 3), np.uint8), np.array([1]), ("a",), {}, ("x", "y"))
        >>> frame = measure_predictions(np.zeros((1, 2)), dot, recipe="A", seed=0, split="test")
        >>> frame.select("metric", "value", "prediction").rows()
        [('correct', 0.0, 'x'), ('confidence', 0.5, 'x')]
    """
    check_count(len(logits), len(images))
    context = Context(logits=logits, labels=images.labels)
    yield from _rows(
        _found(choose(["correct", "confidence"]), context, len(images)),
        images,
        predicted(logits),
        images.labels,
        recipe=recipe,
        seed=seed,
        split=split,
        method="-",
        layer="-",
    )


@Streamed
def measure_queries(
    stage: Stage,
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
    predict: Predict,
    explain: Explain | None = None,
    maps: Array | None = None,
    classifier: Classifier | None = None,
    metrics: str | Sequence[str | Metric] = "all",
    matched: tuple[int, ...] | None = None,
) -> Iterator[pl.DataFrame]:
    """Measure by querying the model again, with changed images, weights or classes.

    Takes those of `metrics` that belong to the `stage` and whose region the images have: 'drops'
    blur a region, 'probes' change the image or the class, 'weights' draw the weights anew,
    'faithfulness' removes pixels by the rank of raw `maps`. What stands under a condition is a row
    `<metric>@<condition>`. `predict` takes float32 images (N, S, S, 3) to logits, `explain` images
    and targets to maps. Errors as in `measure_maps`.

    Example:
        >>> gray = np.random.default_rng(0).integers(0, 255, (1, 8, 8, 3), dtype=np.uint8)
        >>> one = Images(gray, np.array([0]), ("a",), {}, ("x", "y"))
        >>> frame = measure_queries("faithfulness", one, maps=np.eye(4)[None],
        ...     predict=lambda x: x.mean(axis=(1, 2))[:, :2], recipe="A", seed=0, split="test",
        ...     method="m", layer="conv", predictions=one.labels, targets=one.labels,
        ...     rng=np.random.default_rng(0), metrics=["deletion", "deletion-over-edge"])
        >>> frame.select("metric", "status").rows()
        [('deletion', 'ok'), ('deletion-over-edge', 'ok')]
    """
    if maps is not None:
        check_count(len(maps), len(images))
    context = Context(
        maps=maps,
        images=as_floats(images.images),
        regions=images.regions,
        targets=targets,
        predict=predict,
        explain=explain,
        classifier=classifier,
        rng=rng,
        matched=matched,
        span=images.span,
    )
    chosen = [
        metric
        for metric in choose(metrics, images.regions)
        if metric.stage == stage and _has_masks(images.regions, metric)
    ]
    yield from _rows(
        _found(chosen, context, len(images)),
        images,
        predictions,
        targets,
        recipe=recipe,
        seed=seed,
        split=split,
        method=method,
        layer=layer,
    )


def _rows(
    found: Found, images: Images, predictions: Ints, targets: Ints, **constant: str | int
) -> Iterator[pl.DataFrame]:
    """What was found of images as frames of rows."""
    return frames(
        found,
        images.names,
        images.class_names,
        groups=images.groups or None,
        label=images.labels,
        prediction=predictions,
        target=targets,
        **constant,
    )


def _has_masks(regions: Mapping[str, Array], metric: Metric) -> bool:
    """Whether there are masks of the metric's region, and of other classes where it needs them."""
    wanted = {metric.region} - {None} | ({"other"} if "other-mask" in metric.needs else set())
    return wanted <= set(regions)


def _found(metrics: Sequence[Metric], context: Context, images: int) -> Found:
    """Name in the table -> values of all images, metric by metric."""
    found = Found(images)
    for metric in metrics:
        for condition, values in evaluate_metric(metric, context).items():
            name = metric.name + (f"@{condition}" if condition else "")
            found.put(name, found.every, values)
    return found


def _measure(
    maps: Array,
    images: Array,
    regions: Mapping[str, Array],
    metrics: Sequence[Metric],
    matched: tuple[int, ...] | None,
) -> Found:
    """Name in the table -> values, for maps as they are and pooled to the grid `matched`."""
    grids = {"": None} if matched is None else {"": None, MATCHED: matched}
    step = max(1, _SLICE // prod(images.shape[1:-1]))
    sliced = [metric for metric in metrics if not metric.together]
    together = [metric for metric in metrics if metric.together]
    found = Found(len(maps), [metric.name + suffix for suffix in grids for metric in metrics])
    whole = Context(maps=maps, images=images, regions=regions)
    for suffix, grid in grids.items():
        if sliced:
            for some in parts(len(maps), step, maps, images, *regions.values()):
                _put(found, some, suffix, sliced, _part(whole, some), grid)
        if together:
            _put(found, found.every, suffix, together, replace(whole, maps=as_read(maps)), grid)
    return found


def _put(
    found: Found,
    where: slice,
    suffix: str,
    metrics: Sequence[Metric],
    context: Context,
    grid: tuple[int, ...] | None,
) -> None:
    """Measure some of the maps, pooled to a grid if one is given."""
    maps = context.maps
    assert maps is not None
    status = gathered(lambda some: {"": m.status(some)}, maps)[""]
    broken = (status == "non-finite") | (status == "all-negative")
    shown = lazily(m.positive, maps)
    if grid is not None:
        shown = lazily(lambda some: m.pool(some, grid), shown, shape=(len(maps), *grid))
    context = _enlarged(replace(context, maps=shown))
    for metric in metrics:
        values, states = evaluate_metric(metric, context)[""]
        found.put(
            metric.name + suffix,
            where,
            Values(np.where(broken, np.nan, values), np.where(broken, status, states)),
        )


def _part(context: Context, where: slice) -> Context:
    """A context of some of the images."""
    assert context.maps is not None
    assert context.images is not None
    regions = {name: mask[where] for name, mask in context.regions.items()}
    return replace(context, maps=context.maps[where], images=context.images[where], regions=regions)


def _enlarged(context: Context) -> Context:
    """A context whose maps are at the size of the images, too."""
    assert context.maps is not None
    assert context.images is not None
    size = context.images.shape[1:-1]
    enlarged = lazily(
        lambda some: m.resize(np.asarray(some, np.float32), size),
        context.maps,
        shape=(len(context.maps), *size),
    )
    return replace(context, enlarged=enlarged, _results={})  # other maps, other results
