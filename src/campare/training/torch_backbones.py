"""Backbones for torch: networks of timm, torchvision or one's own with their weights, and a head.

backbone    (N, 3, S, S) -> maps (N, C, h, w)
Classifier  pixels 0..255 (N, 3, S, S) -> logits (N, K)
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from campare.errors import ModelError
from campare.models.loaders.torch_files import fill
from campare.optional import load_object, require
from campare.training.recipe import Recipe
from campare.training.torch_options import LIBRARIES

#: ImageNet's mean and standard deviation an RGB channel, in 0..1.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Classifier(nn.Module):  # type: ignore[misc]
    """A backbone with a head: pixels 0..255 (N, 3, S, S) -> logits (N, K)."""

    def __init__(self, features: Any, channels: int, hidden: int | None, n_classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(STD)[:, None, None])
        self.features = features
        inner = [] if hidden is None else [nn.Linear(channels, hidden), nn.ReLU()]
        self.head = nn.Sequential(*inner, nn.Linear(hidden or channels, n_classes))

    def forward(self, pixels: Any) -> Any:
        """Logits (N, K)."""
        maps = self.features((pixels / 255 - self.mean) / self.std)
        return self.head(maps.mean((2, 3)))


def backbone(recipe: Recipe) -> Any:
    """The module (N, 3, S, S) -> maps (N, C, h, w) that a recipe names, with its weights.

    Raises:
        ModelError: weights that do not fit.
        CampareError: no such library, network or function.
    """
    source, _, name = recipe.backbone.partition(":")
    own = source not in LIBRARIES
    pretrained = recipe.weights == "pretrained"
    if own:
        whole = features = load_object(recipe.backbone)(**recipe.backbone_options)
        pretrained = False
    elif source == "timm":
        options = dict(recipe.backbone_options)
        whole = _known(recipe, lambda: _timm(name, pretrained, **options))
        plain = {**options, "num_classes": 0, "global_pool": ""}
        features = _known(recipe, lambda: _timm(name, False, **plain))
        kept = set(features.state_dict())
    else:
        models = require("torchvision.models", extra="torchvision")
        weights = "DEFAULT" if pretrained else None
        options = dict(recipe.backbone_options)
        whole = _known(recipe, lambda: models.get_model(name, weights=weights, **options))
        features = getattr(whole, "features", None) or nn.Sequential(*list(whole.children())[:-2])
    if recipe.weights not in ("pretrained", "random"):
        path = Path(recipe.weights)
        try:
            fill(whole, path, what=recipe.backbone)
        except ModelError:  # it may be of the backbone alone
            return fill(features, path, what=recipe.backbone)
    if source == "timm":
        features.load_state_dict({k: v for k, v in whole.state_dict().items() if k in kept})
    return features


def _timm(name: str, pretrained: bool, **options: Any) -> Any:
    return require("timm", extra="timm").create_model(name, pretrained=pretrained, **options)


def _known(recipe: Recipe, make: Callable[[], Any]) -> Any:
    """What a library makes, or one line on what it says."""
    try:
        return make()
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        raise ModelError(
            f"Expected a network of {recipe.backbone.partition(':')[0]} for backbone "
            f"{recipe.backbone!r} of recipe {recipe.name!r}, got: {str(error).splitlines()[0]}. "
            "Try another name, or weights: FILE where there is no network"
        ) from error
