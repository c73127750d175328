"""What a recipe's training minimizes: cross-entropy, binary cross-entropy or focal loss.

    p (N, K), y (N, K) in 0..1, the sum of a row 1 -> a mean over images

    cross-entropy   -sum_k y_k log p_k                              p = softmax(logits)
    focal           -sum_k y_k (1 - p_k)^gamma log p_k              p = softmax(logits)
    bce             -mean_k y_k log p_k + (1 - y_k) log(1 - p_k)    p = sigmoid(logits)

Focal loss is that of Lin et al. 2017 (Focal Loss for Dense Object Detection, eq. 4) without a
weight of classes. Whichever the loss, the model ends in one output for each class, and what maps
explain is the logit before the softmax or the sigmoid. Labels smoothed by s are y (1 - s) + s / K;
with bce, where each class is a question of its own, y (1 - s) + s / 2.
"""

from typing import Any

import keras

from campare.training.recipe import Recipe


def activation(recipe: Recipe) -> str:
    """What a recipe's model ends in.

    Example:
        >>> activation(Recipe("plain")), activation(Recipe("each", loss="bce"))
        ('softmax', 'sigmoid')
    """
    return "sigmoid" if recipe.loss == "bce" else "softmax"


def of(recipe: Recipe) -> Any:
    """The Keras loss of a recipe, of labels (N, K) and what `activation` makes of logits (N, K).

    Example:
        >>> of(Recipe("focal", loss="focal", focal_gamma=1.0)).gamma
        1.0
    """
    smoothing = recipe.label_smoothing
    if recipe.loss == "bce":
        return keras.losses.BinaryCrossentropy(label_smoothing=smoothing)
    if recipe.loss == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=recipe.focal_gamma, label_smoothing=smoothing
        )
    return keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
