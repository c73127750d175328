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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from campare.errors import ModelError, RecipeError
from campare.models import wrap
from campare.models.loaders.torch_files import fill, read
from campare.optional import load_object, require
from campare.training.masks import FLAT, LEAK, masks_of, strength
from campare.training.recipe import Augment, Recipe
from campare.training.stages import Stage, stages
from campare.yamlfile import fitted

if TYPE_CHECKING:
    from campare.data import Images

#: ImageNet's mean and standard deviation an RGB channel, in 0..1.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Options that are fields of a recipe.
OPTIONS = (
    "backbone", "weights", "trainable", "lora_rank", "loss", "focal_gamma", "label_smoothing",
    "augment", "hidden", "schedule", "warmup", "warmup_learning_rate", "weight_decay", "guidance",
    "guidance_strength", "batch_norm_momentum",
)  # fmt: skip
#: Changes of the images that are made.
CHANGES = ("flip", "noise", "mixup", "cutmix")


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


class Layer(NamedTuple):
    """A module of a backbone that has weights of its own, or holds no others; its output's size."""

    module: Any
    grid: tuple[int, ...]

    @property
    def has_kernel(self) -> bool:
        """Whether it has weights of rank 2 or more."""
        return any(weight.ndim > 1 for weight in self.module.parameters(recurse=False))


def wanted(recipe: Any) -> Recipe:
    """A recipe whose options are fields, as one that has these fields.

    Raises:
        RecipeError: an option that is no such field or has no such value, or a change of the images
            that is not made.

    Example:
        >>> options = {"backbone": "timm:resnet18", "trainable": "last-3"}
        >>> from types import SimpleNamespace as Given
        >>> given = Given(name="a", epochs=3, batch_size=8, learning_rate=0.1, options=options)
        >>> wanted(given).trainable
        'last-3'
    """
    options = {"weights": "pretrained", **recipe.options}
    unknown = [name for name in options if name not in OPTIONS]
    if unknown:
        raise RecipeError(
            f"Expected options of recipe {recipe.name!r} among {', '.join(OPTIONS)}, got "
            f"{unknown[0]!r}. Try without it."
        )
    plain = TypeAdapter(dict[str, Any]).dump_python({"name": recipe.name, **options}, mode="json")
    given = fitted(
        plain, Recipe, of="options",
        name=f"options of recipe {recipe.name!r}", like="'trainable: last-3'", error=RecipeError,
    )  # fmt: skip
    for one in fields(Augment) if given.augment else ():
        if one.name not in CHANGES and getattr(given.augment, one.name) != one.default:
            raise RecipeError(
                f"Expected augment of recipe {recipe.name!r} among {', '.join(CHANGES)}, got "
                f"{one.name}. Try a training function of your own, with transforms of torchvision."
            )
    return replace(
        given,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
    )


def build(n_classes: int, size: int, seed: int, recipe: Any) -> Classifier:
    """The network of a recipe before training: its backbone with its weights, and a new head.

    Raises:
        ModelError: a backbone or weights that there are not, or one that gives no maps.
    """
    torch.manual_seed(seed)
    given = wanted(recipe)
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


# --- the backbone --------------------------------------------------------------------------------


def backbone(recipe: Recipe) -> Any:
    """The module (N, 3, S, S) -> maps (N, C, h, w) that a recipe names, with its weights.

    Raises:
        ModelError: weights that do not fit.
        CampareError: no such library, network or function.
    """
    source, _, name = recipe.backbone.partition(":")
    own = source not in ("timm", "torchvision")
    pretrained = recipe.weights == "pretrained"
    if own:
        whole = features = load_object(recipe.backbone)()
        pretrained = False
    elif source == "timm":
        whole = _known(recipe, lambda: _timm(name, pretrained))
        features = _known(recipe, lambda: _timm(name, False, num_classes=0, global_pool=""))
        kept = set(features.state_dict())
    else:
        models = require("torchvision.models", extra="torchvision")
        weights = "DEFAULT" if pretrained else None
        whole = _known(recipe, lambda: models.get_model(name, weights=weights))
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


def layers_of(features: Any, size: int) -> list[Layer]:
    """The modules of a backbone with weights of their own, or no others inside, as they run."""
    found: dict[Any, Layer] = {}

    def note(module: Any, _: Any, output: Any) -> None:
        grid = tuple(output.shape[2:]) if isinstance(output, torch.Tensor) else ()
        found.setdefault(module, Layer(module, grid))

    chosen = [
        module
        for module in features.modules()
        if any(True for _ in module.parameters(recurse=False)) or not any(module.children())
    ]
    hooks = [module.register_forward_hook(note) for module in chosen]
    try:
        with torch.no_grad():
            features.eval()(torch.zeros(1, 3, size, size))
    finally:
        for hook in hooks:
            hook.remove()
    return list(found.values())


def last_block(kernels: Sequence[Layer]) -> int:
    """How many of the last layers with a kernel give maps of the last resolution."""
    grids = [layer.grid for layer in kernels]
    return next((i for i, grid in enumerate(reversed(grids)) if grid != grids[-1]), len(grids))


def release(
    model: Classifier, layers: Sequence[Layer], last: int | None, momentum: float | None = 0.9
) -> None:
    """Train the last layers with a kernel and what runs after the first of them; None: all.

    What is frozen is in inference mode: its normalization keeps its statistics. With `momentum`
    None all batch normalization is frozen.
    """
    kernels = [i for i, layer in enumerate(layers) if layer.has_kernel]
    start = 0 if last is None else kernels[-last] if last else len(layers)
    model.train()
    model.features.requires_grad_(start == 0).train(start == 0)
    for i, (module, _) in enumerate(layers):
        normalizes = isinstance(module, nn.modules.batchnorm._BatchNorm)
        trained = i >= start and not (normalizes and momentum is None)
        module.training = trained
        for weight in module.parameters(recurse=False):
            weight.requires_grad_(trained)
        if normalizes and momentum is not None:
            module.momentum = 1 - momentum  # torch's is the weight of what is new


class LowRank(nn.Module):  # type: ignore[misc]
    """W -> W + B A, with B (F, r) zero at first and A (r, all else): Hu et al. 2022, eq. 3."""

    def __init__(self, weight: Any, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape[0], weight[0].numel()
        self.a = nn.Parameter(torch.empty(rank, columns, device=weight.device))
        self.b = nn.Parameter(torch.zeros(rows, rank, device=weight.device))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, weight: Any) -> Any:
        """The weight with its update."""
        return weight + (self.b @ self.a).view_as(weight)


@contextmanager
def low_rank(modules: Sequence[Any], rank: int) -> Iterator[None]:
    """Within the block kernels have updates of a rank, which are added to them at its end.

    Depthwise convolutions have none.
    """
    chosen = [m for m in modules if isinstance(m, nn.Linear | nn.modules.conv._ConvNd)]
    chosen = [m for m in chosen if getattr(m, "groups", 1) == 1]
    for module in chosen:
        parametrize.register_parametrization(module, "weight", LowRank(module.weight, rank))
    try:
        yield
    finally:
        for module in chosen:
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


# --- the loss ------------------------------------------------------------------------------------


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


def energy(model: Any, layer: Any, pixels: Any, labels: Any, mask: Any) -> tuple[Any, Any]:
    """Logits, and the energy of Grad-CAM of the label outside: see `campare.training.guidance`."""
    kept: list[Any] = []

    def keep(_: Any, __: Any, output: Any) -> Any:
        kept.append(output if output.requires_grad else output.detach().requires_grad_())
        return kept[0].clone()  # what follows may work in place

    hook = layer.register_forward_hook(keep)
    try:
        logits = model(pixels)
    finally:
        hook.remove()
    maps = kept[0]
    (gradients,) = torch.autograd.grad((logits * labels).sum(), maps, create_graph=True)
    cam = (gradients.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)
    large = functional.interpolate(cam, mask.shape[1:], mode="bilinear", align_corners=False)[:, 0]
    leaky = functional.leaky_relu(large, LEAK)
    inside = (leaky * mask).sum((1, 2))
    return logits, 1 - inside / leaky.abs().sum((1, 2)).clamp_min(FLAT)


def rrr(model: Any, pixels: Any, mask: Any) -> tuple[Any, Any]:
    """Logits, and squared gradients of the image outside: see `campare.training.guidance`."""
    image = (pixels / 255).requires_grad_()
    logits = model(255 * image)
    number = functional.log_softmax(logits, 1).sum()
    (gradients,) = torch.autograd.grad(number, image, create_graph=True)
    return logits, (gradients.square() * ~mask[:, None]).sum((1, 2, 3))


def changed(
    pixels: Any, labels: Any, augment: Augment | None, rng: np.random.Generator
) -> tuple[Any, Any]:
    """Pixels 0..255 (N, 3, S, S) and labels (N, K) of a batch, changed at random.

    Mixup as Zhang et al. 2018, CutMix as Yun et al. 2019, with one share of the two images for the
    batch, drawn from Beta(a, a).
    """
    if augment is None:
        return pixels, labels
    for axis, name in ((3, "horizontal"), (2, "vertical")):
        if name in augment.flip:
            turned = torch.from_numpy(rng.random(len(pixels)) < 0.5).to(pixels.device)
            pixels = torch.where(turned[:, None, None, None], pixels.flip(axis), pixels)
    if augment.noise:
        noise = torch.from_numpy(rng.normal(0, 255 * augment.noise, pixels.shape)).to(pixels)
        pixels = (pixels + noise).clamp(0, 255)
    if not (augment.mixup or augment.cutmix):
        return pixels, labels
    alpha = augment.mixup or augment.cutmix
    share = float(rng.beta(alpha, alpha))
    others = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    if augment.mixup:
        pixels = share * pixels + (1 - share) * pixels[others]
    else:
        pixels, share = _pasted(pixels, pixels[others], share, rng)
    return pixels, share * labels + (1 - share) * labels[others]


def _pasted(pixels: Any, others: Any, share: float, rng: np.random.Generator) -> tuple[Any, float]:
    """Images with a box of others in them, and the share of their own that is left."""
    height, width = pixels.shape[2:]
    sides = [round(side * math.sqrt(1 - share)) for side in (height, width)]
    top, left = (
        int(rng.integers(full - side + 1))
        for full, side in zip((height, width), sides, strict=True)
    )
    box = (..., slice(top, top + sides[0]), slice(left, left + sides[1]))
    pixels = pixels.clone()
    pixels[box] = others[box]
    return pixels, 1 - sides[0] * sides[1] / (height * width)


# --- training ------------------------------------------------------------------------------------


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
        self.progress(self.done, total, loss=sum(losses) / n, accuracy=right / n)
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
