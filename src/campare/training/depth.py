"""Which layers of a Keras classifier are trained: those that `campare.training.stages` counts.

Layers are counted in the order they run. A normalization that runs after the first of those that
are trained is trained with them.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import keras

from campare.training import stages as staged
from campare.training.recipe import Recipe
from campare.training.stages import Stage


def stages(model: Any, recipe: Recipe) -> tuple[Stage, ...]:
    """The stages of a recipe's epochs: see `campare.training.stages`.

    Raises:
        RecipeError: more layers than the backbone has.

    Example:
        >>> stages(None, Recipe("tuned", epochs=12))
        (Stage(epochs=12, layers=None),)
    """
    return staged.stages(recipe, lambda: len(with_kernel(model)), partial(last_block, model))


def trained(model: Any, recipe: Recipe) -> int | None:
    """How many of the last layers with a kernel are trained in the end; None: everything.

    Raises:
        RecipeError: more layers than the backbone has.

    Example:
        >>> trained(None, Recipe("frozen", trainable="head"))
        0
    """
    return staged.trained(recipe, lambda: len(with_kernel(model)), partial(last_block, model))


def last_block(model: Any) -> int:
    """How many of a classifier's last layers with a kernel give maps of the last resolution."""
    grids = [layer.output.shape[1:3] for layer in with_kernel(model)]
    return next((i for i, grid in enumerate(reversed(grids)) if grid != grids[-1]), len(grids))


def with_kernel(model: Any) -> list[Any]:
    """The layers of a classifier's backbone that have a kernel, in the order they run."""
    return [layer for layer in backbone_layers(model) if _has_kernel(layer)]


def backbone_layers(model: Any) -> list[Any]:
    """All layers of a classifier before its `pool`, those of a nested network one by one."""
    names = [layer.name for layer in model.layers]
    return list(leaves(model.layers[: names.index("pool")]))


def leaves(layers: Iterable[Any]) -> Iterator[Any]:
    """Layers, those inside of a model in its stead."""
    for layer in layers:
        inner = getattr(layer, "layers", None)
        yield from leaves(inner) if inner else (layer,)


def set_trained(model: Any, recipe: Recipe, last: int | None) -> None:
    """Release the last layers with a kernel and what follows each, freeze what runs before.

    `last` None: everything is released; 0: nothing before `pool`.

    `backbone(x, training=False)` would not do: Keras overrules it when the whole model is fitted.
    A batch normalization that is not trainable keeps its statistics; dropout is switched off in
    what a recipe never trains.
    """
    momentum = recipe.batch_norm_momentum
    layers = backbone_layers(model)
    start = _first(layers, last)
    never = _first(layers, trained(model, recipe)) if recipe.trainable != "lora" else 0
    for i, layer in enumerate(layers):
        normalizes = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = i >= start and not (normalizes and momentum is None)
        if normalizes and momentum is not None:
            layer.momentum = momentum
        for rate in ("rate", "drop_path_rate"):  # of Dropout, and of ConvNeXt's StochasticDepth
            if i < never and hasattr(layer, rate):
                setattr(layer, rate, 0.0)


def _first(layers: Sequence[Any], last: int | None) -> int:
    """Where the last layers with a kernel begin, among all layers."""
    if last is None:
        return 0
    kernels = [i for i, layer in enumerate(layers) if _has_kernel(layer)]
    return kernels[-last] if last else len(layers)


def _has_kernel(layer: Any) -> bool:
    """Whether a layer has weights of rank 2 or more that are learned."""
    normalizes = isinstance(layer, keras.layers.Normalization)
    return not normalizes and any(len(weight.shape) > 1 for weight in layer.weights)
