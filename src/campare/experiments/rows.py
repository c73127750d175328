"""From what one model shows on a scene to rows of the table, in a study and in an audit alike.

scene -> Seen (logits and maps) -> rows of the classifier, of its maps, and of the nulls
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from campare.attribution.baselines import BASELINES
from campare.experiments.scene import DISCRIMINATION, Scene
from campare.metrics.classification import predicted
from campare.metrics.evaluate import measure_maps, measure_mosaics, measure_predictions
from campare.types import Array, Floats, Ints

if TYPE_CHECKING:
    import polars as pl

#: Maps that look at no model, in the table beside every model.
NULLS = ("uniform", "centre", "edge")

#: (images, class explained of each) -> logits (N, K) and the maps of every method (N, h, w).
Explain = Callable[[Array, Ints], tuple[Floats, dict[str, Floats]]]


class Base(TypedDict):
    """Columns that all rows of a cell share."""

    recipe: str
    seed: int
    split: str


@dataclass(frozen=True, eq=False)
class Seen:
    """Logits and maps of one model on the images of a scene and on its mosaics."""

    logits: Floats  # (N, K)
    maps: dict[str, Floats]  # method -> (N, h, w)
    targets: Ints  # (N,) the class that each map explains
    mosaics: list[tuple[Floats, dict[str, Floats]]]  # logits and maps for each kind of mosaic

    @property
    def grid(self) -> tuple[int, int]:
        """The resolution (h, w) of the maps."""
        h, w = next(iter(self.maps.values())).shape[1:]
        return int(h), int(w)


def see(explain: Explain, scene: Scene, targets: Ints) -> Seen:
    """Explain the targets of the images, and of each mosaic its own target."""
    logits, maps = explain(scene.images.images, targets)
    mosaics = [explain(each.images, each.targets) for each in scene.mosaics]
    return Seen(logits, maps, targets, mosaics)


def classifier_rows(scene: Scene, seen: Seen, base: Base) -> "pl.DataFrame":
    """Rows of `correct` and `confidence`."""
    return measure_predictions(seen.logits, scene.images, **base)


def map_rows(
    scene: Scene, seen: Seen, base: Base, *, layer: str, suffix: str = ""
) -> "Iterator[pl.DataFrame]":
    """Rows of the maps of every method, on the images and on the mosaics."""
    predictions = predicted(seen.logits)
    for method, maps in seen.maps.items():
        name = method + suffix
        yield _measure(scene, maps, predictions, seen.targets, base, method=name, layer=layer)
    for index, (logits, of_method) in enumerate(seen.mosaics):
        for method, maps in of_method.items():
            name = method + suffix
            yield _measure_mosaics(
                scene, index, maps, predicted(logits), base, method=name, layer=layer
            )


def null_rows(
    scene: Scene, seen: Seen, base: Base, *, layer: str, names: tuple[str, ...]
) -> "pl.DataFrame":
    """Rows of the maps that look at no model, on the grid of the model's maps.

    Computed once a grid; `names` are those of the model's classes, for its predictions.
    """
    import polars as pl

    grid = seen.grid
    if grid not in scene.null_rows:
        scene.null_rows[grid] = pl.concat(_null_rows(scene, grid, base, layer))
    return scene.null_rows[grid].with_columns(
        pl.lit(base["recipe"]).alias("recipe"),
        pl.lit(base["seed"], dtype=pl.Int64).alias("seed"),
        pl.lit(layer).alias("layer"),
        pl.col("image")
        .replace_strict(_predictions(scene, seen, names), return_dtype=pl.String)
        .alias("prediction"),
    )


def _null_rows(
    scene: Scene, grid: tuple[int, int], base: Base, layer: str
) -> "Iterator[pl.DataFrame]":
    labels, rng = scene.images.labels, np.random.default_rng(0)
    nobody = np.zeros(len(scene.images), np.int64)  # predictions, replaced by those of each model
    for name in NULLS:
        maps = BASELINES[name](scene.images.images, grid, rng)
        yield _measure(scene, maps, nobody, labels, base, method=name, layer=layer)
        for index, each in enumerate(scene.mosaics):
            maps = BASELINES[name](each.images, grid, rng)
            none = np.zeros(len(each), np.int64)
            yield _measure_mosaics(scene, index, maps, none, base, method=name, layer=layer)


def _predictions(scene: Scene, seen: Seen, names: tuple[str, ...]) -> dict[str, str]:
    """Image or mosaic name -> the predicted class's name."""
    pairs = [(scene.images.names, seen.logits)]
    pairs += [(m.names, logits) for m, (logits, _) in zip(scene.mosaics, seen.mosaics, strict=True)]
    return {
        image: names[int(index)]
        for images, logits in pairs
        for image, index in zip(images, predicted(logits), strict=True)
    }


def _measure(
    scene: Scene,
    maps: Floats,
    predictions: Ints,
    targets: Ints,
    base: Base,
    *,
    method: str,
    layer: str,
) -> "pl.DataFrame":
    return measure_maps(
        maps,
        scene.images,
        method=method,
        layer=layer,
        predictions=predictions,
        targets=targets,
        metrics=scene.metrics,
        matched=scene.matched,
        **base,
    )


def _measure_mosaics(
    scene: Scene,
    index: int,
    maps: Floats,
    predictions: Ints,
    base: Base,
    *,
    method: str,
    layer: str,
) -> "pl.DataFrame":
    mosaics = scene.mosaics[index]
    wanted = scene.metrics is not None and DISCRIMINATION in scene.metrics
    return measure_mosaics(
        maps,
        mosaics,
        method=method,
        layer=layer,
        predictions=predictions,
        matched=scene.matched,
        objects=scene.images.regions["object"] if wanted and mosaics.kind == "focus" else None,
        **base,
    )
