"""What a recipe's training in torch minimizes: the losses of `campare.training.loss`, of logits."""

from typing import Any

from torch.nn import functional

from campare.training.recipe import Recipe


def loss_of(recipe: Recipe, logits: Any, labels: Any) -> Any:
    """The loss of a recipe, as `campare.training.loss`: logits and labels (N, K) -> a number."""
    s = recipe.label_smoothing
    if recipe.loss == "bce":
        smooth = labels * (1 - s) + s / 2
        return functional.binary_cross_entropy_with_logits(logits, smooth)
    smooth = labels * (1 - s) + s / labels.shape[1]
    log_p = functional.log_softmax(logits, 1)
    gamma = recipe.focal_gamma if recipe.loss == "focal" else 0.0
    return -(smooth * (1 - log_p.exp()) ** gamma * log_p).sum(1).mean()
