"""A backbone for torch of a few known layers, and recipes that train it."""

from types import SimpleNamespace

import torch
from torch import nn

#: Where `backbone` is, as options name it.
BACKBONE = "training.small_torch:backbone"
#: The layers of `backbone` with a kernel.
KERNELS = ["0.0", "0.3", "1.0", "1.3"]


def backbone():
    """Two blocks of two convolutions with normalization; the second block has half the size."""

    def block(inside, outside, stride):
        return nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1), nn.BatchNorm2d(outside), nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1), nn.BatchNorm2d(outside), nn.ReLU(inplace=True),
        )  # fmt: skip

    return nn.Sequential(block(3, 6, 1), block(6, 8, 2))


def pooled():
    """A backbone that gives no maps."""
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def given(**options):
    """A recipe as `fit` gets it, with these options, epochs and learning rate."""
    changes = {name: options.pop(name) for name in ("epochs", "learning_rate") if name in options}
    known = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "name": "mine"} | changes
    options = {"backbone": BACKBONE, "weights": "random", "hidden": 8} | options
    return SimpleNamespace(**known, options=options)


def weights(model):
    """A copy of the weights as they are."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def moved(one, other):
    """Layers of the backbone of which a weight differs; counts of batches are none."""
    return {
        name.removeprefix("features.").rpartition(".")[0]
        for name, value in one.items()
        if name.startswith("features") and "num_batches" not in name
        if not torch.equal(value, other[name])
    }
