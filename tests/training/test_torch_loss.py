"""The losses for torch against those of Keras."""

import keras
import numpy as np
import pytest
import torch

from campare.training import loss
from campare.training.recipe import Recipe
from campare.training.torch_loss import loss_of

RNG = np.random.default_rng(0)


def test_losses_are_those_of_keras():
    logits = RNG.normal(size=(6, 3)).astype("float32")
    labels = RNG.dirichlet([0.5] * 3, 6).astype("float32")
    for kind in ("cross-entropy", "bce", "focal"):
        for smoothing in (0.0, 0.1):
            recipe = Recipe("x", loss=kind, label_smoothing=smoothing, focal_gamma=1.5)
            p = keras.activations.get(loss.activation(recipe))(logits)
            expected = float(loss.of(recipe)(labels, p))
            found = loss_of(recipe, torch.tensor(logits), torch.tensor(labels))
            assert float(found) == pytest.approx(expected, rel=1e-4)
