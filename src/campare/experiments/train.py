"""The cell of a study before it is evaluated: its network untrained, then trained or read again."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from campare.experiments.evaluate import UNTRAINED, Evaluation, Report, Terms, evaluate, outputs_of
from campare.experiments.evaluated import Evaluated
from campare.experiments.inputs import Inputs
from campare.experiments.outputs import match
from campare.files import atomic, write_json
from campare.runs.run import Cell, Run

if TYPE_CHECKING:
    from campare.data import Images
    from campare.training.recipe import Recipe

#: Images at a time for metrics that query the model.
BATCH_SIZE = 32


@dataclass(frozen=True, eq=False)
class Study:
    """What all cells of a study share."""

    run: Run
    train: "Images"
    inputs: Inputs
    terms: Terms
    recipes: "dict[str, Recipe]"
    size: int
    validation: "Images | None" = None  # None: a part of the training images
    cache: Any = None  # FeatureCache: what frozen backbones said of the training images


def train_and_evaluate(study: Study, cell: Cell, report: Report) -> dict[str, Any]:
    """Train and evaluate one cell; write its model, maps and rows; return facts about it.

    A model that is there already, from a study that was stopped in between, is not trained again.
    """
    from campare.models import wrap
    from campare.training import fit

    recipe, names = study.recipes[cell.recipe], study.train.class_names
    network = fit.build(recipe, len(names), size=study.size, seed=cell.seed)
    classifier = wrap(network, name=recipe.name, class_names=names)
    model = Evaluated(
        name=recipe.name,
        title="",
        classifier=classifier,
        layer=classifier.default_layer,
        size=(study.size, study.size),
        pixels="0..255",
        classes=match(classifier, names),
        batch_size=BATCH_SIZE,
        seed=study.terms.seed,
    )
    report(UNTRAINED)
    untrained = outputs_of(model, study.inputs, study.terms)
    facts = _train(study, recipe, cell, report)
    network.set_weights(fit.load(study.run.model_path(cell)).get_weights())
    evaluation: Evaluation = evaluate(model, study.inputs, study.terms, cell, report, untrained)
    evaluation.write(study.run, cell)
    fit.release()
    return facts | evaluation.facts


def _train(study: Study, recipe: "Recipe", cell: Cell, report: Report) -> dict[str, Any]:
    """Train and save the cell's model, unless it is there; its facts either way."""
    from campare.training import fit

    path = study.run.model_path(cell)
    notes = path.with_suffix(".json")
    if path.is_file() and notes.is_file():
        stored: dict[str, Any] = json.loads(notes.read_text("utf-8"))
        return stored
    trained = fit.train(
        recipe,
        study.train,
        seed=cell.seed,
        size=study.size,
        validation=study.validation,
        progress=report,
        cache=study.cache,
    )
    facts = {
        "classes": list(study.train.class_names),
        "train_seconds": trained.seconds,
        "images_per_second": trained.images_per_second,
        "epochs": trained.epochs,
        "history": trained.history,
    }
    with atomic(path) as part:
        fit.save(trained.model, part)
    write_json(notes, facts)
    return facts
