"""The cell of a study before it is evaluated: its network untrained, then trained or read again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.errors import RecipeError, TargetError
from campare.experiments.curve import Curve
from campare.experiments.evaluate import (
    UNTRAINED,
    Evaluation,
    Outputs,
    Report,
    Terms,
    evaluate,
    outputs_of,
)
from campare.experiments.evaluated import Evaluated, evaluated
from campare.experiments.frozen import Frozen, Kept, stem_of
from campare.experiments.inputs import Inputs
from campare.experiments.outputs import match
from campare.files import atomic, read_sealed, write_sealed
from campare.runs.run import Cell, Run
from campare.runs.seals import seals_of
from campare.training.recipe import spelled
from campare.training.torch_options import FIT

if TYPE_CHECKING:
    from campare.data import Images
    from campare.training.fit import Watch
    from campare.training.progress import Trained
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
    curve: Curve | None = None  # of quality while a model is trained
    kept: Kept = field(default_factory=Kept)  # what frozen backbones said of the test images

    def __getstate__(self) -> dict[str, Any]:
        """Another process finds files of weights wherever it begins."""
        recipes = {name: _from_root(recipe) for name, recipe in self.recipes.items()}
        return {**self.__dict__, "recipes": recipes}


def _from_root(recipe: "Recipe") -> "Recipe":
    """The recipe with whole paths of files of weights, which those of torch have as an option."""
    code = None if recipe.train is None else spelled(recipe.train)
    weights = str(recipe.options.get("weights")) if code == FIT else recipe.weights
    if not Path(weights).is_file():
        return recipe  # a word, as imagenet
    whole = str(Path(weights).absolute())
    if code == FIT:
        return replace(recipe, options={**recipe.options, "weights": whole})
    return replace(recipe, weights=whole)


def train_and_evaluate(study: Study, cell: Cell, report: Report) -> dict[str, Any]:
    """Train and evaluate one cell; write its model, maps and rows; return facts about it.

    A model that is there already, from a study that was stopped in between, is not trained again.
    """
    recipe = study.recipes[cell.recipe]
    prepare = _of_campare if recipe.train is None else _of_own_code
    model, untrained, facts = prepare(study, recipe, cell, report)
    evaluation: Evaluation = evaluate(model, study.inputs, study.terms, cell, report, untrained)
    evaluation.write(study.run, cell)
    if recipe.train is None:
        from campare.training import fit

        fit.release()
    return facts | evaluation.facts


def _of_campare(
    study: Study, recipe: "Recipe", cell: Cell, report: Report
) -> "tuple[Evaluated, Outputs | None, dict[str, Any]]":
    """The trained model, outputs of its network before training, and facts about the training."""
    from campare.training import fit

    names = study.train.class_names
    model, network = built(recipe, names, size=study.size, seed=cell.seed, draws=study.terms.seed)
    report(UNTRAINED)
    untrained = outputs_of(_sharing(study, recipe, model, network), study.inputs, study.terms)

    def train() -> "Trained":
        return fit.train(
            recipe,
            study.train,
            seed=cell.seed,
            size=study.size,
            validation=study.validation,
            progress=report,
            cache=study.cache,
            watch=_watch(study, model, network),
        )

    facts = _kept(study.run, cell, names, train, fit.save)
    network.set_weights(fit.load(study.run.model_path(cell)).get_weights())
    return _sharing(study, recipe, model, network), untrained, facts


def built(
    recipe: "Recipe", class_names: tuple[str, ...], *, size: int, seed: int, draws: int = 0
) -> tuple[Evaluated, Any]:
    """A recipe's network before training, as it is evaluated, and the Keras model itself.

    Its weights come from `seed`, what methods draw from `draws`.
    """
    from campare.models import wrap
    from campare.training import fit

    network = fit.build(recipe, len(class_names), size=size, seed=seed)
    classifier = wrap(network, name=recipe.name, class_names=class_names)
    model = Evaluated(
        name=recipe.name,
        title="",
        classifier=classifier,
        layer=classifier.default_layer,
        size=(size, size),
        pixels="0..255",
        classes=match(classifier, class_names),
        batch_size=BATCH_SIZE,
        seed=draws,
    )
    return model, network


def _sharing(study: Study, recipe: "Recipe", model: Evaluated, network: Any) -> Evaluated:
    """A model with a frozen backbone takes what others with the same one were told by it."""
    if recipe.trainable != "head" or not model.classifier.bottleneck(model.layer):
        return model
    stem = stem_of(network, recipe.backbone, recipe.backbone_options, study.size)
    return replace(model, classifier=Frozen(model.classifier, model.layer, stem, study.kept))


def _watch(study: Study, model: Evaluated, network: Any) -> "Watch | None":
    """Measures maps every few epochs, by the study's `network`, which `model` evaluates."""
    curve = study.curve
    if curve is None:
        return None

    def watch(epoch: int, copy: Callable[[Any], None]) -> dict[str, float] | None:
        if not curve.due(epoch):
            return None
        copy(network)
        return curve.point(model)

    return watch


def _of_own_code(
    study: Study, recipe: "Recipe", cell: Cell, report: Report
) -> "tuple[Evaluated, Outputs | None, dict[str, Any]]":
    """The same of a recipe that is the user's code; untrained outputs if it says how to build."""
    from campare.training import own_code

    names = study.train.class_names
    network = own_code.build(recipe, len(names), size=study.size, seed=cell.seed)
    untrained = None
    if network is not None:
        report(UNTRAINED)
        built = as_evaluated(recipe, network, names, study.size, study.terms.seed)
        untrained = outputs_of(built, study.inputs, study.terms)

    def train() -> "Trained":
        return own_code.train(
            recipe,
            study.train,
            seed=cell.seed,
            validation=study.validation,
            progress=report,
            watch=watch_own(study.curve, recipe, names, study.size),
        )

    facts = keep_own(study.run, cell, recipe, names, train)
    path = study.run.model_path(cell, facts.get("suffix", ".keras"))
    trained = own_code.load(recipe, path)
    model = as_evaluated(recipe, trained, names, study.size, study.terms.seed)
    return model, untrained, facts


def watch_own(
    curve: Curve | None, recipe: "Recipe", class_names: tuple[str, ...], size: int
) -> "Callable[[int, Any], dict[str, float] | None] | None":
    """Measures maps every few epochs of the model that the user's code trains."""
    if curve is None:
        return None

    def watch(epoch: int, model: Any) -> dict[str, float] | None:
        if not curve.due(epoch):
            return None
        from campare.models import recent

        return curve.point(as_evaluated(recipe, recent(model), class_names, size, seed=0))

    return watch


def keep_own(
    run: Run,
    cell: Cell,
    recipe: "Recipe",
    class_names: Sequence[str],
    train: "Callable[[], Trained]",
) -> dict[str, Any]:
    """Train by the user's code and save the model, unless it is there; facts of the training."""
    from campare.training import own_code

    return _kept(
        run,
        cell,
        class_names,
        train,
        partial(own_code.save, recipe),
        partial(own_code.suffix, recipe),
    )


def as_evaluated(
    recipe: "Recipe", model: Any, class_names: tuple[str, ...], size: int, seed: int
) -> Evaluated:
    """A model that the user's code trained, as an audit has it.

    Raises:
        RecipeError: its outputs are not the classes of the data.
    """
    try:
        return evaluated(
            recipe.name,
            model,
            class_names,
            layer=None,
            layer_grid=None,
            size=size,
            pixels=recipe.pixels,
            classes=None,
            target="label",
            batch_size=BATCH_SIZE,
            seed=seed,
        )
    except TargetError as error:
        raise RecipeError(
            f"Expected {len(class_names)} outputs, one for each class, of the model that recipe "
            f"{recipe.name!r} trains, got: {error.args[0].partition('. Try')[0]}. "
            "Try: a last layer of len(images.class_names) units"
        ) from error


def _kept(
    run: Run,
    cell: Cell,
    class_names: Sequence[str],
    train: "Callable[[], Trained]",
    save: "Callable[[Any, Path], None]",
    suffix: "Callable[[Any], str]" = lambda _: ".keras",
) -> dict[str, Any]:
    """Train and save the cell's model, unless it is there; its facts either way."""
    stored = _stored(run, cell)
    if stored is not None:
        return stored
    trained = train()
    facts: dict[str, Any] = {
        "classes": list(class_names),
        "train_seconds": trained.seconds,
        "images_per_second": trained.images_per_second,
        "epochs": trained.epochs,
        "history": trained.history,
        **({"curve": trained.curve} if trained.curve else {}),
    }
    kind = suffix(trained.model)
    if kind != ".keras":
        facts["suffix"] = kind
    model = run.model_path(cell, kind)
    with atomic(model) as part:
        save(trained.model, part)
    write_sealed(run.model_path(cell, ".json"), {**facts, "seals": seals_of(model)})
    return facts


def _stored(run: Run, cell: Cell) -> dict[str, Any] | None:
    """Facts of a model that was trained before; None: it is not there as it was written."""
    try:
        facts = read_sealed(run.model_path(cell, ".json"))
    except (OSError, ValueError):
        return None
    seals = facts.pop("seals", None)
    model = run.model_path(cell, facts.get("suffix", ".keras"))
    return facts if seals == seals_of(model) else None
