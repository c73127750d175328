"""Recipes whose training is a function of the user's own, of any framework.

    train   (images, seed, recipe, progress) -> model   of Keras or torch
    build   (n_classes, size, seed, recipe) -> model    untrained: its maps stand beside others
    save    (model, path)                               where Keras' or torch's way does not do
    load    path -> model                               likewise

A function gets what its parameters name (`called`): also `validation`, images or None, and `size`,
pixels a side. All of them are checked before anything is trained. No framework is imported here
before the user's own code does.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from campare.errors import CampareError, RecipeError, last_words
from campare.models.loaders import load as load_model
from campare.optional import importable_here, load_object
from campare.training import torch_options
from campare.training.called import call, taken
from campare.training.progress import Step, Trained
from campare.training.randomness import left_as_it_was, make_repeatable
from campare.training.recipe import Code, Recipe, spelled
from campare.training.sweep import nested

if TYPE_CHECKING:
    from campare.data import Images


#: What there is to give to the function of each role.
GIVEN = {
    "train": ("images", "seed", "recipe", "progress", "validation", "size"),
    "build": ("n_classes", "size", "seed", "recipe"),
    "load": ("path", "recipe"),
    "save": ("model", "path"),
}
#: What it cannot do without.
NEEDS = {"load": ("path",), "save": ("model", "path")}


#: Is told the epoch that ended and the model; returns what is kept of it, if any.
Watch = Callable[[int, Any], dict[str, float] | None]


@dataclass
class Progress:
    """What a training of one's own calls after each epoch: `progress(epoch, epochs, loss=0.3)`.

    Numbers by name become learning curves. With `model`, the one that is trained, the study can
    measure its maps (`--curve`); it comes back as it was, and so do global random numbers.

    Example:
        >>> progress = Progress(images=20)
        >>> progress(1, 2, loss=0.7); progress(2, 2, loss=0.5)
        >>> progress.history
        {'loss': [0.7, 0.5]}
    """

    images: int
    tell: Callable[[Step], None] | None = None
    watch: Watch | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    curve: dict[int, dict[str, float]] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def __call__(self, epoch: int, epochs: int, model: Any = None, **values: float) -> None:
        """Say that an epoch, 1..epochs, is done."""
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))
        if self.tell is not None:
            rate = epoch * self.images / max(time.perf_counter() - self.began, 1e-9)
            loss = float(values.get("loss", np.nan))
            self.tell(Step(epoch, epochs, self.images, self.images, rate, loss))
        if self.watch is not None and model is not None:
            with left_as_it_was():
                found = self.watch(epoch, model)
            if found:
                self.curve[epoch] = found


def check(recipe: Recipe) -> None:
    """Import all functions of a recipe, and check that each can be called with what there is.

    A mistake in `save` is told before a training, not after it. Of a recipe for
    `campare.training.torch` the options are checked, too.

    Raises:
        RecipeError: one that is no function, or has a parameter that nothing is given for.
        CampareError: one that cannot be imported.
    """
    for role, names in GIVEN.items():
        code = getattr(recipe, role)
        if code is None:
            continue
        function = _function(code)
        if not callable(function):
            raise RecipeError(
                f"Expected a function to {role} models of recipe {recipe.name!r} at {code}, got "
                f"{type(function).__name__}. Try: '{role}: my_module:my_function'"
            )
        taken(function, names, NEEDS.get(role, ()))
    if recipe.train is not None and spelled(recipe.train) == torch_options.FIT:
        torch_options.startable(recipe)


def tells_progress(recipe: Recipe) -> bool:
    """Whether the function of a recipe gets what tells of its epochs."""
    return (
        recipe.train is not None
        and "progress" in taken(_function(recipe.train), GIVEN["train"]).values()
    )


def train(
    recipe: Recipe,
    images: "Images",
    *,
    seed: int,
    validation: "Images | None" = None,
    progress: Callable[[Step], None] | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Train by the recipe's function on the images, or on `train_size` of them.

    What `watch(epoch, model)` returns is the epoch's entry in `Trained.curve`, where the function
    gives its model to `progress`.

    Raises:
        RecipeError: it fails, or gives nothing that is a model.
    """
    rows = nested(images.labels, recipe.train_size, seed)
    chosen = images if len(rows) == len(images.labels) else images.subset(rows)
    tell = Progress(len(rows), progress, watch)
    make_repeatable(seed)
    model = _call(
        recipe, "train", images=chosen, seed=seed, recipe=recipe, progress=tell,
        validation=validation, size=images.images.shape[1],
    )  # fmt: skip
    _require_model(recipe, "train", model)
    seconds = time.perf_counter() - tell.began
    epochs = max(map(len, tell.history.values()), default=recipe.epochs)
    rate = epochs * len(rows) / seconds
    return Trained(model, tell.history, seconds, rate, epochs, tell.curve)


def build(recipe: Recipe, n_classes: int, *, size: int, seed: int) -> Any:
    """The untrained network of a recipe; None where it has no function for that.

    Raises:
        RecipeError: it fails, or gives nothing that is a model.
    """
    if recipe.build is None:
        return None
    make_repeatable(seed)
    model = _call(recipe, "build", n_classes=n_classes, size=size, seed=seed, recipe=recipe)
    _require_model(recipe, "build", model)
    return model


def suffix(recipe: Recipe, model: Any) -> str:
    """How the file of a model is called."""
    return ".model" if recipe.save else ".pt" if _is_torch(model) else ".keras"


def save(recipe: Recipe, model: Any, path: Path) -> None:
    """Write a model to a file: by the recipe's `save`, as Keras does, or as torch does.

    Of a torch module with a `load` of the recipe only the weights are written, else all of it.
    """
    if recipe.save is not None:
        _call(recipe, "save", model=model, path=path)
    elif _is_torch(model):
        import torch

        torch.save(model.state_dict() if recipe.load else model, path)
    else:
        model.save(path, include_optimizer=False)


def load(recipe: Recipe, path: Path) -> Any:
    """Read a model that `save` wrote.

    A torch module that was written as a whole runs code when it is read: the file is one of this
    run, whose recipe runs the user's code anyway.

    Raises:
        ModelError: it cannot be loaded.
    """
    if recipe.load is None:
        return load_model(path, trust=True).model
    loader = _function(recipe.load)
    return load_model(
        path, loader=lambda text: call(loader, {"path": text, "recipe": recipe})
    ).model


def _call(of: Recipe, role: str, **given: Any) -> Any:
    """What a function of the recipe gives, called with what its parameters name."""
    code = getattr(of, role)
    function = _function(code)
    try:
        with importable_here():  # what the function itself imports
            return call(function, given)
    except CampareError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        raise RecipeError(
            f"Expected {spelled(code)} of recipe {of.name!r} to {role} a model, got "
            f"{type(error).__name__}: {last_words(error)} ({where}). "
            "Try: the function by itself, on images.load('train', 64) of the same data"
        ) from error


def _function(code: Code) -> Any:
    """The function that a recipe names, or has."""
    return load_object(code) if isinstance(code, str) else code


def _require_model(recipe: Recipe, role: str, model: Any) -> None:
    """Check that a function gave a model."""
    if not (_is_torch(model) or _is_keras(model)):
        raise RecipeError(
            f"Expected a Keras model or a torch module from {spelled(getattr(recipe, role))} of "
            f"recipe {recipe.name!r}, got {type(model).__name__}. Try: return model"
        )


def _is_torch(model: Any) -> bool:
    return "torch" in _families(model) and not _is_keras(model)


def _is_keras(model: Any) -> bool:
    return "keras" in _families(model)


def _families(model: Any) -> set[str]:
    return {base.__module__.partition(".")[0] for base in type(model).__mro__}
