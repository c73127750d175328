"""A user's own file beside the tests: functions path -> model, and classes."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, classes)

    def forward(self, images):
        return self.head(self.conv(images).relu().mean((2, 3)))


def load(path):
    model = Net()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model


def with_preprocessing(path):
    return load(path), {"mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 0.9, "size": 16}


def weights(path):
    return torch.load(path, weights_only=True)


def broken(path):
    raise RuntimeError(f"no\nheart in {path}")


def without_timm(path):
    import timm

    return timm.create_model(path)


def build(classes=2):
    return Net(classes)


MODEL = Net()
NUMBER = 7


class NoModule:
    pass
