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
own or of the whole network. Without `patience` all epochs are trained, on all images.

A recipe whose own `backbone` is one of these is trained in the same way, and needs no `train`.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from campare.errors import ModelError
from campare.models import wrap
from campare.models.loaders.torch_files import fill, read
from campare.training.masks import masks_of, masks_or_none, strength
from campare.training.recipe import Recipe
from campare.training.stages import Stage, stages
from campare.training.torch_augment import changed
from campare.training.torch_backbones import Classifier, backbone
from campare.training.torch_best import Best
from campare.training.torch_depth import Layer, last_block, layers_of, release
from campare.training.torch_guidance import energy, rrr
from campare.training.torch_lora import low_rank
from campare.training.torch_loss import loss_of
from campare.training.torch_options import startable, wanted

if TYPE_CHECKING:
    from campare.data import Images

#: The share of the images that a training with `patience` is stopped by, where none are given.
HELD_OUT = 0.15


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
    images: "Images",
    seed: int,
    recipe: Any,
    progress: Callable[..., None] | None = None,
    validation: "Images | None" = None,
) -> Classifier:
    """Train a recipe on images (N, S, S, 3) of pixels 0..255, repeatable by the seed on a CPU.

    With `patience` it stops by the loss on images for `validation`, else on a part of the images
    (stratified, by the seed), which is then not trained on.

    Raises:
        RecipeError: options that cannot be trained with, or guidance without masks.
    """
    given, size = wanted(recipe), images.images.shape[1]
    if given.patience is None:
        validation = None
    elif validation is None:
        images, validation = images.stratified_split(HELD_OUT, seed)
    model = build(len(images.class_names), size, seed, recipe)
    layers = layers_of(model.features, size)
    kernels = [layer for layer in layers if layer.has_kernel]
    parts = stages(given, lambda: len(kernels), lambda: last_block(kernels))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    explained = wrap(model, input_shape=(size, size, 3)).default_layer
    guide = masks_of(images, given) if given.guidance else None
    training = _Training(
        model.to(device),
        layers,
        model.get_submodule(explained),
        given,
        _tensors(images, guide, device),
        None if validation is None else _held(validation, given, device),
        np.random.default_rng(seed),
        progress or (lambda *_, **__: None),
    )
    if given.warmup:
        training.run((Stage(given.warmup, 0),), given.warmup_learning_rate)
    training.run(parts, given.learning_rate, adapt=given.trainable == "lora", stops=True)
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
    features = backbone(replace(given, weights="random"))
    model = Classifier(features, heads[0].shape[1], given.hidden, len(heads[-1]))
    return fill(  # type: ignore[no-any-return]
        model, Path(path), what=given.backbone, content=weights
    )


class _Tensors(NamedTuple):
    pixels: Any  # (N, 3, S, S) uint8
    labels: Any  # (N, K)
    masks: Any  # (N, S, S) bool, or None


def _tensors(images: "Images", guide: Any, device: Any) -> _Tensors:
    pixels = torch.from_numpy(np.array(np.moveaxis(images.images, -1, 1), order="C")).to(device)
    labels = functional.one_hot(torch.from_numpy(images.labels), len(images.class_names))
    masks = None if guide is None else torch.from_numpy(np.array(guide)).to(device)
    return _Tensors(pixels, labels.float().to(device), masks)


def _held(images: "Images", recipe: Recipe, device: Any) -> _Tensors:
    """Images that a training is stopped by; those without a mask do not count in guidance."""
    return _tensors(images, masks_or_none(images) if recipe.guidance else None, device)


@dataclass
class _Training:
    """One training: epochs over the images, in stages."""

    model: Classifier
    layers: Sequence[Layer]
    explained: Any  # the module whose maps are guided
    recipe: Recipe
    data: _Tensors
    held: _Tensors | None  # what it is stopped by
    rng: np.random.Generator
    progress: Callable[..., None]
    done: int = 0  # epochs

    def run(
        self, parts: Sequence[Stage], rate: float, *, adapt: bool = False, stops: bool = False
    ) -> None:
        """The epochs of stages at a learning rate, which has one schedule over all of them.

        `stops` says that the last of them may end early.
        """
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
                patience = self.recipe.patience if stops and stage is parts[-1] else None
                best = Best(self.model, patience, self.recipe.keep == "best")
                for _ in range(stage.epochs):
                    step, held_loss = self._epoch(optimizer, rate, step, steps)
                    if best.is_long_ago(held_loss):
                        break
                best.restore()

    def _epoch(self, optimizer: Any, rate: float, step: int, steps: int) -> tuple[int, float]:
        """An epoch from step `step` of `steps` on; the step after it, the loss on what is held."""
        losses, right = [], 0
        order = self.rng.permutation(len(self.data.labels))
        for first in range(0, len(order), self.recipe.batch_size):
            rows = torch.from_numpy(order[first : first + self.recipe.batch_size])
            cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
            now = rate * (cosine if self.recipe.schedule == "cosine" else 1.0)
            for group in optimizer.param_groups:
                group["lr"] = now
            pixels, labels = changed(
                self.data.pixels[rows].float(),
                self.data.labels[rows],
                self.recipe.augmentation,
                self.rng,
            )
            masks = None if self.data.masks is None else self.data.masks[rows]
            logits, loss = self._loss(pixels, labels, masks)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()) * len(rows))
            right += int((logits.argmax(1) == labels.argmax(1)).sum())
            step += 1
        self.done += 1
        n, held = len(order), self._held()
        self.progress(
            self.done, self.recipe.warmup + self.recipe.epochs, model=self.model,
            loss=sum(losses) / n, accuracy=right / n, **held,
        )  # fmt: skip
        return step, held.get("val_loss", math.nan)

    def _held(self) -> dict[str, float]:
        """Loss and accuracy on what the training is stopped by, in inference mode."""
        if self.held is None:
            return {}
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        loss, right, n = 0.0, 0, len(self.held.labels)
        for first in range(0, n, self.recipe.batch_size):
            rows = slice(first, first + self.recipe.batch_size)
            labels = self.held.labels[rows]
            masks = None if self.held.masks is None else self.held.masks[rows]
            with torch.set_grad_enabled(masks is not None):
                logits, mean = self._loss(self.held.pixels[rows].float(), labels, masks)
            loss += float(mean.detach()) * len(labels)
            right += int((logits.argmax(1) == labels.argmax(1)).sum())
        for module, mode in modes:
            module.training = mode
        return {"val_loss": loss / n, "val_accuracy": right / n}

    def _loss(self, pixels: Any, labels: Any, masks: Any) -> tuple[Any, Any]:
        """Logits and loss of a batch, guidance included where there are masks."""
        if masks is None:
            logits = self.model(pixels)
            return logits, loss_of(self.recipe, logits, labels)
        if self.recipe.guidance == "rrr":
            logits, term = rrr(self.model, pixels, masks)
        else:
            logits, term = energy(self.model, self.explained, pixels, labels, masks)
        guided = (term * masks.any(2).any(1)).mean()
        return logits, loss_of(self.recipe, logits, labels) + strength(self.recipe) * guided
