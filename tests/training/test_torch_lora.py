"""Low-rank updates of torch kernels."""

import numpy as np
import torch

from campare.training.torch import build, fit
from training.cued import cued
from training.small_torch import KERNELS, given, moved, weights


def test_kernels_are_updated_by_their_rank_and_all_else_stays():
    recipe = given(trainable="lora", warmup=1, lora_rank=1, epochs=4)
    before, after = weights(build(2, 16, 0, recipe)), weights(fit(cued(), 0, recipe))
    assert set(before) == set(after)  # updates are part of plain kernels
    assert moved(before, after) == set(KERNELS)
    for name in KERNELS:
        change = after[f"features.{name}.weight"] - before[f"features.{name}.weight"]
        change = change.flatten(1).numpy()
        assert np.linalg.matrix_rank(change, tol=1e-4 * np.linalg.norm(change)) == 1
        assert torch.equal(before[f"features.{name}.bias"], after[f"features.{name}.bias"])
