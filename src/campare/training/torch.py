"""The recipes of campare for torch: a timm or torchvision backbone, trained as campare's own are.

    - name: guided
      train: campare.training.torch:fit
      build: campare.training.torch:build
      load: campare.training.torch:load
      epochs: 12
      options: {backbone: "timm:resnet18", trainable: last-block, guidance: energy}

    images, seed, recipe, progress -> module: pixels 0..255 (N, 3, S, S) -> logits (N, K)

`options` are fields of a Recipe with the same meaning. A backbone is `timm:NAME`,
`torchvision:NAME` or `module:function`, a module (N, 3, S, S) -> maps (N, C, h, w), whose input is
standardized by ImageNet's mean and deviation; `weights` are pretrained, random, or a file of its
own or of the whole network. All epochs are trained; of changes of the images there are flips,
noise, mixup and CutMix.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from campare.errors import ModelError
from campare.models import wrap
from campare.models.loaders.torch_files import fill, read
from campare.training.masks import masks_of, strength
from campare.training.recipe import Recipe
from campare.training.stages import Stage, stages
from campare.training.torch_augment import changed
from campare.training.torch_backbones import Classifier, backbone
from campare.training.torch_depth import Layer, last_block, layers_of, release
from campare.training.torch_guidance import energy, rrr
from campare.training.torch_lora import low_rank
from campare.training.torch_loss import loss_of
from campare.training.torch_options import startable, wanted

if TYPE_CHECKING:
    from campare.data import Images


def build(n_classes: int, size: int, seed: int, recipe: Any) -> Classifier:
    """The network of a recipe before training: its backbone with its weights, and a new head.

    Raises:
        ModelError: a backbone or weights that there are not, or one that gives no maps.
    """
    torch.manual_seed(seed)
    given = startable(recipe)
    features = backbone(given)
    with torch.no_grad():
        maps = features.eval()(torch.zeros(1, 3, size, size))
    if maps.ndim != 4:
        raise ModelError(
            f"Expected a backbone with maps (N, C, h, w), got {given.backbone!r} with "
            f"{tuple(maps.shape)}. Try a convolutional network, such as timm:resnet18."
        )
    model = Classifier(features, maps.shape[1], given.hidden, n_classes)
    model.eval()
    return model


def fit(
    images: "Images", seed: int, recipe: Any, progress: Callable[..., None] | None = None
) -> Classifier:
    """Train a recipe on images (N, S, S, 3) of pixels 0..255, repeatable by the seed on a CPU.

    Raises:
        RecipeError: options that cannot be trained with, or guidance without masks.
    """
    given, size = wanted(recipe), images.images.shape[1]
    guide = masks_of(images, given) if given.guidance else None
    model = build(len(images.class_names), size, seed, recipe)
    layers = layers_of(model.features, size)
    kernels = [layer for layer in layers if layer.has_kernel]
    parts = stages(given, lambda: len(kernels), lambda: last_block(kernels))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    explained = wrap(model, input_shape=(size, size, 3)).default_layer
    training = _Training(
        model.to(device),
        layers,
        model.get_submodule(explained),
        given,
        _tensors(images, guide, device),
        np.random.default_rng(seed),
        progress or (lambda *_, **__: None),
    )
    if given.warmup:
        training.run((Stage(given.warmup, 0),), given.warmup_learning_rate)
    training.run(parts, given.learning_rate, adapt=given.trainable == "lora")
    model.to("cpu").eval().requires_grad_()
    return model


def load(path: str | Path, recipe: Any) -> Classifier:
    """A trained network from the file of its weights, which runs no code.

    Raises:
        ModelError: no file, or weights that are not those of the recipe's network.
    """
    given, weights = wanted(recipe), read(Path(path))
    heads = [weight for name, weight in weights.items() if name.startswith("head.")]
    if not heads:
        raise ModelError(
            f"Expected weights of a network that recipe {given.name!r} trained, got {path} without "
            "a head. Try the file that the study wrote, models/RECIPE-SEED.pt"
        )
    features = backbone(Recipe(given.name, backbone=given.backbone, weights="random"))
    model = Classifier(features, heads[0].shape[1], given.hidden, len(heads[-1]))
    return fill(model, Path(path), what=given.backbone)  # type: ignore[no-any-return]


class _Tensors(NamedTuple):
    pixels: Any  # (N, 3, S, S) uint8
    labels: Any  # (N, K)
    masks: Any  # (N, S, S) bool, or None


def _tensors(images: "Images", guide: Any, device: Any) -> _Tensors:
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2).contiguous().to(device)
    labels = functional.one_hot(torch.from_numpy(images.labels), len(images.class_names))
    masks = None if guide is None else torch.from_numpy(guide).to(device)
    return _Tensors(pixels, labels.float().to(device), masks)


@dataclass
class _Training:
    """One training: epochs over the images, in stages."""

    model: Classifier
    layers: Sequence[Layer]
    explained: Any  # the module whose maps are guided
    recipe: Recipe
    data: _Tensors
    rng: np.random.Generator
    progress: Callable[..., None]
    done: int = 0  # epochs

    def run(self, parts: Sequence[Stage], rate: float, *, adapt: bool = False) -> None:
        """The epochs of stages at a learning rate, which has one schedule over all of them."""
        batches = math.ceil(len(self.data.labels) / self.recipe.batch_size)
        steps, step = batches * sum(stage.epochs for stage in parts), 0
        with ExitStack() as updates:
            for stage in parts:
                release(self.model, self.layers, stage.layers, self.recipe.batch_norm_momentum)
                if adapt:
                    modules = [layer.module for layer in self.layers]
                    updates.enter_context(low_rank(modules, self.recipe.lora_rank))
                learned = [weight for weight in self.model.parameters() if weight.requires_grad]
                optimizer = torch.optim.AdamW(learned, weight_decay=self.recipe.weight_decay)
                for _ in range(stage.epochs):
                    step = self._epoch(optimizer, rate, step, steps)

    def _epoch(self, optimizer: Any, rate: float, step: int, steps: int) -> int:
        """An epoch from step `step` of `steps` on; the step after it."""
        losses, right = [], 0
        order = self.rng.permutation(len(self.data.labels))
        for first in range(0, len(order), self.recipe.batch_size):
            rows = torch.from_numpy(order[first : first + self.recipe.batch_size])
            cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
            now = rate * (cosine if self.recipe.schedule == "cosine" else 1.0)
            for group in optimizer.param_groups:
                group["lr"] = now
            logits, labels, loss = self._loss(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()) * len(rows))
            right += int((logits.argmax(1) == labels.argmax(1)).sum())
            step += 1
        self.done += 1
        total = self.recipe.warmup + self.recipe.epochs
        n = len(order)
        self.progress(self.done, total, model=self.model, loss=sum(losses) / n, accuracy=right / n)
        return step

    def _loss(self, rows: Any) -> tuple[Any, Any, Any]:
        """Logits, labels and loss of a batch, guidance included."""
        labels = self.data.labels[rows]
        pixels, labels = changed(
            self.data.pixels[rows].float(), labels, self.recipe.augmentation, self.rng
        )
        if self.data.masks is None:
            logits = self.model(pixels)
            return logits, labels, loss_of(self.recipe, logits, labels)
        mask = self.data.masks[rows]
        if self.recipe.guidance == "rrr":
            logits, term = rrr(self.model, pixels, mask)
        else:
            logits, term = energy(self.model, self.explained, pixels, labels, mask)
        guided = (term * mask.any(2).any(1)).mean()
        return logits, labels, loss_of(self.recipe, logits, labels) + strength(self.recipe) * guided
