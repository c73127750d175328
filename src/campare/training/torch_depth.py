"""Which modules of a torch backbone are trained: those that `campare.training.stages` counts.

Modules are counted in the order they run. A normalization that runs after the first of those that
are trained is trained with them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn


class Layer(NamedTuple):
    """A module of a backbone that has weights of its own, or holds no others; its output's size."""

    module: Any
    grid: tuple[int, ...]

    @property
    def has_kernel(self) -> bool:
        """Whether it has weights of rank 2 or more."""
        return any(weight.ndim > 1 for weight in self.module.parameters(recurse=False))


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
    model: Any, layers: Sequence[Layer], last: int | None, momentum: float | None = 0.9
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
