"""One cell of a study: train a recipe with a seed, map the test images, measure the maps.

    images -> trained model -> taps -> maps -> rows

The maps explain the true class of each image. The same recipe before training, and maps that look
at no model, are measured beside it as nulls.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from campare.attribution.explain import observe
from campare.experiments.examine import Terms, asked_again
from campare.experiments.outputs import match
from campare.experiments.rows import Base, Seen, classifier_rows, map_rows, null_rows, see
from campare.experiments.scene import Scene
from campare.experiments.subject import Subject
from campare.files import atomic, write_json
from campare.metrics.classification import correct, learned
from campare.runs.run import Cell, Run
from campare.types import Array, Classifier, Floats, Ints

if TYPE_CHECKING:
    import polars as pl

    from campare.data import Images
    from campare.training.recipe import Recipe

UNTRAINED = "untrained"
#: Images at a time for metrics that ask the model again.
BATCH_SIZE = 32

#: Reports a stage of a cell (`explain`, `measure`) or a training step.
Report = Callable[[Any], None]


@dataclass(frozen=True, eq=False)
class Bench:
    """What all cells of a study share: the images, and how maps are made."""

    train: "Images"
    scene: Scene
    size: int
    methods: tuple[str, ...]
    cache: Any = None  # FeatureCache: what frozen backbones said of the training images


def run_cell(bench: Bench, run: Run, recipe: "Recipe", seed: int, report: Report) -> dict[str, Any]:
    """Train, map and measure one cell; write its model, maps and rows; return facts about it.

    A model that is there already, from a study that was stopped in between, is not trained again.
    """
    from campare.models import wrap
    from campare.training import fit

    cell = Cell(recipe.name, seed)
    names = bench.train.class_names
    model = fit.build(recipe, len(names), size=bench.size, seed=seed)
    classifier = wrap(model, name=recipe.name, class_names=names)

    report(UNTRAINED)
    untrained = _see(classifier, bench)
    facts = _train(bench, run, recipe, cell, report)
    model.set_weights(fit.load(run.model_path(cell)).get_weights())

    report("maps")
    started = time.perf_counter()
    trained = _see(classifier, bench)
    report("metrics")
    table = _rows(bench, cell, classifier, trained, untrained, report)
    run.write_maps(cell, trained.maps)
    run.write_scores(cell, table)
    labels = bench.scene.images.labels
    hits = correct(trained.logits, labels).values  # NaN where the logits are
    return facts | {
        "measure_seconds": time.perf_counter() - started,
        "accuracy": float(hits.mean()),
        "learned": bool(np.isfinite(hits).all()) and learned(labels, trained.logits.argmax(axis=1)),
        "layer": classifier.default_layer,
        "grid": list(trained.grid),
        "score": f"logits ({classifier.bypassed} bypassed)" if classifier.bypassed else "logits",
    }


def _see(classifier: Classifier, bench: Bench) -> Seen:
    """Logits and maps of every method, all from one tap an image."""

    def explain(images: Array, targets: Ints) -> tuple[Floats, dict[str, Floats]]:
        return observe(classifier, images, target=targets, methods=bench.methods)

    return see(explain, bench.scene, bench.scene.images.labels)


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


def _rows(
    bench: Bench,
    cell: Cell,
    classifier: Classifier,
    trained: Seen,
    untrained: Seen,
    report: Report,
) -> "pl.DataFrame":
    """The table of one cell: classifier, maps, the untrained null, the nulls without a model.

    Metrics that ask the model again draw from the same stream in every cell.
    """
    import polars as pl

    base = Base(recipe=cell.recipe, seed=cell.seed, split="test")
    scene, layer = bench.scene, classifier.default_layer
    terms = Terms(bench.methods, target="label", split="test", seed=0)
    subject = _subject(bench, classifier)
    return pl.concat(
        [
            classifier_rows(scene, trained, base),
            *map_rows(scene, trained, base, layer=layer),
            *map_rows(scene, untrained, base, layer=layer, suffix=f":{UNTRAINED}"),
            null_rows(scene, trained, base, layer=layer, names=scene.images.class_names),
            *asked_again(subject, scene, trained, terms, base, report),
        ]
    )


def _subject(bench: Bench, classifier: Classifier) -> Subject:
    """The trained model as metrics ask it again: in the pixels and the classes of the data."""
    return Subject(
        name=classifier.name,
        title="",
        classifier=classifier,
        layer=classifier.default_layer,
        size=(bench.size, bench.size),
        pixels="0..255",
        outputs=match(classifier, bench.train.class_names),
        batch_size=BATCH_SIZE,
        seed=0,
        asked=lambda _: None,
    )
