"""LoRA for torch: kernels that learn by a low-rank update, which is added to them at the end.

As `campare.training.lora`: Hu et al. 2022 (LoRA: Low-Rank Adaptation of Large Language Models).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize


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
