"""LoRA: kernels that learn by a low-rank update, merged into plain ones at the end.

    W x -> (W + A B) x,  A (..., r) and B (r, filters) trained, W and biases as they were

Hu et al. 2022 (LoRA: Low-Rank Adaptation of Large Language Models, eq. 3, alpha = r). B starts at
zero. Keras has it for Dense, EinsumDense and convolutions; the kernel of a convolution (h, w, C, F)
is updated as the matrix (h w C, F). Depthwise convolutions have none: they stay as they are.
"""

from typing import Any

import keras

from campare.errors import RecipeError
from campare.training.depth import backbone_layers, leaves
from campare.training.recipe import Recipe


def adapt(model: Any, recipe: Recipe, seed: int) -> None:
    """Give the backbone's kernels updates of the recipe's rank, and let nothing else of it learn.

    Raises:
        RecipeError: no kernel that can have one.
    """
    adapted = [layer for layer in backbone_layers(model) if _can(layer)]
    if not adapted:
        raise RecipeError(
            f"Expected a backbone with Dense layers or convolutions for trainable: lora in recipe "
            f"{recipe.name!r}, got {recipe.backbone!r}. Try trainable: last-block."
        )
    for i, layer in enumerate(adapted):
        start = keras.initializers.HeUniform(seed=seed + i)
        layer.trainable = True
        layer.enable_lora(recipe.lora_rank, a_initializer=start)
        for weight in layer.weights:
            weight.trainable = weight.name.startswith("lora_kernel")


def merge(model: Any, plain: Any) -> None:
    """Copy an adapted model's weights into a plain one of the same architecture, updates added."""
    for source, target in zip(leaves(model.layers), leaves(plain.layers), strict=True):
        if not getattr(source, "lora_enabled", False):
            target.set_weights(source.get_weights())
            continue
        merged: dict[str, Any] = {}
        source.save_own_variables(merged)
        values = {key: keras.ops.convert_to_numpy(value) for key, value in merged.items()}
        target.load_own_variables(values)


def _can(layer: Any) -> bool:
    """Whether a layer of a backbone has a kernel that Keras can update by a low rank."""
    return hasattr(layer, "enable_lora") and not isinstance(layer, keras.layers.Embedding)
