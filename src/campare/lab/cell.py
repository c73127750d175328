"""One cell of a study: train a recipe with a seed, map the test images, measure the maps.

    images -> trained model -> taps -> maps -> rows

The maps explain the true class of each image. The same recipe before training, and maps that look
at no model, are measured beside it as nulls.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from campare.cams.baselines import BASELINES
from campare.cams.explain import observe
from campare.metrics.classification import correct
from campare.metrics.measure import measure_maps, measure_mosaics, measure_predictions
from campare.run import Cell, Run, atomic, write_json
from campare.types import Classifier, Floats, Ints

if TYPE_CHECKING:
    import polars as pl

    from campare.data import Images
    from campare.metrics.mosaic import Mosaics
    from campare.training.recipe import Recipe

#: Maps that look at no model, in the table beside every recipe.
NULLS = ("uniform", "centre", "edge")
UNTRAINED = "untrained"

#: Reports a stage of a cell (`explain`, `measure`) or a training step.
Report = Callable[[Any], None]


@dataclass(frozen=True, eq=False)
class Bench:
    """What all cells of a study share: the images, the mosaics, and how maps are made."""

    train: "Images"
    test: "Images"
    mosaics: tuple["Mosaics", ...]
    size: int
    methods: tuple[str, ...]
    matched: tuple[int, int]  # the coarsest grid of all recipes
    cache: Any = None  # FeatureCache: what frozen backbones said of the training images
    null_rows: dict[Any, "pl.DataFrame"] = field(default_factory=dict, repr=False)


def run_cell(bench: Bench, run: Run, recipe: "Recipe", seed: int, report: Report) -> dict[str, Any]:
    """Train, map and measure one cell; write its model, maps and rows; return facts about it.

    A model that is there already, from a study that was stopped in between, is not trained again.
    """
    from campare.classifiers import wrap
    from campare.training import fit

    cell = Cell(recipe.name, seed)
    names = bench.train.class_names
    model = fit.build(recipe, len(names), size=bench.size, seed=seed)
    classifier = wrap(model, name=recipe.name, class_names=names)

    report(UNTRAINED)
    untrained = _observe(classifier, bench)
    facts = _train(bench, run, recipe, cell, report)
    model.set_weights(fit.load(run.model_path(cell)).get_weights())

    report("maps")
    started = time.perf_counter()
    trained = _observe(classifier, bench)
    report("metrics")
    table = _rows(bench, cell, classifier.default_layer, trained, untrained)
    run.write_maps(cell, trained.maps)
    run.write_scores(cell, table)
    hits = correct(trained.logits, bench.test.labels).values  # NaN where the logits are
    return facts | {
        "measure_seconds": time.perf_counter() - started,
        "accuracy": float(hits.mean()),
        "learned": bool(np.isfinite(hits).all())
        and fit.learned(bench.test.labels, trained.logits.argmax(axis=1)),
        "layer": classifier.default_layer,
        "grid": list(next(iter(trained.maps.values())).shape[1:]),
        "score": f"logits ({classifier.bypassed} bypassed)" if classifier.bypassed else "logits",
    }


@dataclass(frozen=True, eq=False)
class _Seen:
    """Logits and maps of one model on the test images and on the mosaics."""

    logits: Floats  # (N, K)
    maps: dict[str, Floats]  # method -> (N, h, w)
    mosaics: list[tuple[Floats, dict[str, Floats]]]  # the same for each kind of mosaic


class _Base(TypedDict):
    """Columns that all rows of a cell share."""

    recipe: str
    seed: int
    split: str


def _observe(classifier: Classifier, bench: Bench) -> _Seen:
    logits, maps = _explain(classifier, bench.test.images, bench.test.labels, bench.methods)
    mosaics = [_explain(classifier, m.images, m.targets, bench.methods) for m in bench.mosaics]
    return _Seen(logits, maps, mosaics)


def _explain(
    classifier: Classifier, images: Any, targets: Ints, methods: tuple[str, ...]
) -> tuple[Floats, dict[str, Floats]]:
    """Logits (N, K) and the maps of every method (N, h, w), all from one tap an image."""
    return observe(classifier, images, target=targets, methods=methods)


def _train(bench: Bench, run: Run, recipe: "Recipe", cell: Cell, report: Report) -> dict[str, Any]:
    """Train and save the cell's model, unless it is there; its facts either way."""
    import json

    from campare.training import fit

    path = run.model_path(cell)
    notes = path.with_suffix(".json")
    if path.is_file() and notes.is_file():
        stored: dict[str, Any] = json.loads(notes.read_text("utf-8"))
        return stored
    trained = fit.train(
        recipe, bench.train, seed=cell.seed, size=bench.size, progress=report, cache=bench.cache
    )
    facts = {
        "classes": list(bench.train.class_names),
        "train_seconds": trained.seconds,
        "images_per_second": trained.images_per_second,
        "epochs": trained.epochs,
        "history": trained.history,
    }
    with atomic(path) as part:
        fit.save(trained.model, part)
    write_json(notes, facts)
    return facts


def _rows(bench: Bench, cell: Cell, layer: str, trained: _Seen, untrained: _Seen) -> "pl.DataFrame":
    """The table of one cell: classifier, maps, the untrained null, the nulls without a model."""
    import polars as pl

    base = _Base(recipe=cell.recipe, seed=cell.seed, split="test")
    seen = {"": trained, f":{UNTRAINED}": untrained}
    tables = [measure_predictions(trained.logits, bench.test, **base)]
    for suffix, one in seen.items():
        for method, maps in one.maps.items():
            tables.append(
                _measure(bench, maps, one.logits, base, method=method + suffix, layer=layer)
            )
        for mosaics, (logits, of_method) in zip(bench.mosaics, one.mosaics, strict=True):
            for method, maps in of_method.items():
                tables.append(
                    _measure_mosaics(
                        bench, mosaics, maps, logits, base, method=method + suffix, layer=layer
                    )
                )
    h, w = next(iter(trained.maps.values())).shape[1:]
    tables.append(_null_rows(bench, (h, w), trained, base, layer))
    return pl.concat(tables)


def _null_rows(
    bench: Bench, grid: tuple[int, int], trained: _Seen, base: _Base, layer: str
) -> "pl.DataFrame":
    """Rows of the maps that look at no model, on the same grid; computed once a grid."""
    import polars as pl

    if grid not in bench.null_rows:
        rng = np.random.default_rng(0)
        blank = np.zeros((len(bench.test), 1), np.float32)
        tables = []
        for name in NULLS:
            maps = BASELINES[name](bench.test.images, grid, rng)
            tables.append(_measure(bench, maps, blank, base, method=name, layer=layer))
            for mosaics in bench.mosaics:
                maps = BASELINES[name](mosaics.images, grid, rng)
                empty = np.zeros((len(mosaics.images), 1), np.float32)
                tables.append(
                    _measure_mosaics(bench, mosaics, maps, empty, base, method=name, layer=layer)
                )
        bench.null_rows[grid] = pl.concat(tables)
    rows = bench.null_rows[grid]
    predicted = _predictions(bench, trained)
    return rows.with_columns(
        pl.lit(base["recipe"]).alias("recipe"),
        pl.lit(base["seed"], dtype=pl.Int64).alias("seed"),
        pl.lit(layer).alias("layer"),
        pl.col("image").replace_strict(predicted, return_dtype=pl.String).alias("prediction"),
    )


def _predictions(bench: Bench, trained: _Seen) -> dict[str, str]:
    """Image or mosaic name -> the predicted class's name."""
    names = bench.test.class_names
    pairs = [(bench.test.names, trained.logits)]
    pairs += [(m.names, seen[0]) for m, seen in zip(bench.mosaics, trained.mosaics, strict=True)]
    return {
        image: names[int(index)]
        for images, logits in pairs
        for image, index in zip(images, logits.argmax(axis=1), strict=True)
    }


def _measure(
    bench: Bench, maps: Floats, logits: Floats, base: _Base, *, method: str, layer: str
) -> "pl.DataFrame":
    return measure_maps(
        maps,
        bench.test,
        method=method,
        layer=layer,
        predictions=logits.argmax(axis=1),
        targets=bench.test.labels,
        matched=bench.matched,
        **base,
    )


def _measure_mosaics(
    bench: Bench,
    mosaics: "Mosaics",
    maps: Floats,
    logits: Floats,
    base: _Base,
    *,
    method: str,
    layer: str,
) -> "pl.DataFrame":
    return measure_mosaics(
        maps,
        mosaics,
        method=method,
        layer=layer,
        predictions=logits.argmax(axis=1),
        matched=bench.matched,
        **base,
    )
