"""Torch networks whose last layer is not the one that an output is computed from."""

import torch
from torch import nn
from torch.nn import functional
from torch_zoo import Encoder


class TwoHeads(nn.Module):
    """A tuple of two outputs, each with a convolution of its own."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.a, self.b = nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.first, self.second = nn.Linear(8, 4), nn.Linear(8, 3)

    def forward(self, x):
        x = self.stem(x).relu()
        a, b = self.a(x).relu().mean((2, 3)), self.b(x).relu().mean((2, 3))
        return self.first(a), self.second(b)


class Auxiliary(nn.Module):
    """As DeepLab: a dict whose auxiliary output runs last, from the middle of the network."""

    def __init__(self):
        super().__init__()
        self.early, self.late = nn.Conv2d(3, 6, 3, 2), nn.Conv2d(6, 8, 3)
        self.aux = nn.Sequential(nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        self.classes, self.aux_classes = nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x):
        x = functional.relu(self.early(x))
        out = self.classes(functional.relu(self.late(x)).mean((2, 3)))
        return {"out": out, "aux": self.aux_classes(self.aux(x).mean((2, 3)))}


class Upsampled(nn.Module):
    """A segmentation whose classes are brought to the size of the image by a function."""

    def __init__(self):
        super().__init__()
        self.stem, self.features = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.classes = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        features = self.features(self.stem(x).relu())
        return functional.interpolate(self.classes(features), x.shape[2:], mode="bilinear")


class Normalized(nn.BatchNorm2d):
    """Normalization that ends in what may be an activation, and is nothing here (timm has one)."""

    def __init__(self, size):
        super().__init__(size)
        self.drop, self.act = nn.Identity(), nn.Identity()

    def forward(self, x):
        return self.act(self.drop(super().forward(x)))


class NormalizedWithin(nn.Module):
    """The last features are those behind a normalization that holds modules without effect."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, 2), Normalized(8)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.pool(self.norm(self.conv(x))).flatten(1))


class Stage(nn.Module):
    """As in PiT: tokens within, a grid and a class token between the stages."""

    def __init__(self, size):
        super().__init__()
        self.blocks = nn.Sequential(Encoder(size), Encoder(size))

    def forward(self, both):
        grid, token = both
        n, channels, height, width = grid.shape
        tokens = torch.cat([token, grid.flatten(2).transpose(1, 2)], 1)
        tokens = self.blocks(tokens)
        grid = tokens[:, 1:].transpose(1, 2).reshape(n, channels, height, width)
        return grid, tokens[:, :1]


class Pooled(nn.Module):
    """The classes are read from the class token; the last stage's grid, from nowhere."""

    def __init__(self, size=8):
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, size, 4, 4), nn.Parameter(torch.ones(1, 1, size))
        self.stage, self.norm, self.head = Stage(size), nn.LayerNorm(size), nn.Linear(size, 3)

    def forward(self, x):
        _, token = self.stage((self.patches(x), self.token.expand(len(x), -1, -1)))
        return self.head(self.norm(token)[:, 0])


class Masked(nn.Module):
    """Features times a mask that is computed from them."""

    def __init__(self):
        super().__init__()
        self.features, self.mask = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 1, 1)
        self.classes = nn.Linear(6, 3)

    def forward(self, x):
        x = self.features(x).relu()
        return self.classes((x * self.mask(x).sigmoid()).mean((2, 3)))


class SqueezeExcite(nn.Module):
    """Channels scaled by convolutions of 1 x 1 over their means, which run last."""

    def __init__(self):
        super().__init__()
        self.features, self.classes = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 3)
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)

    def forward(self, x):
        x = self.features(x).relu()
        scale = self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return self.classes((x * scale).mean((2, 3)))


class SpatialAttention(nn.Module):
    """As CBAM: cells scaled by a convolution over their mean and maximum, which runs last."""

    def __init__(self):
        super().__init__()
        self.features, self.classes = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 3)
        self.attention = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x):
        x = self.features(x).relu()
        scale = self.attention(torch.cat([x.mean(1, True), x.amax(1, True)], 1)).sigmoid()
        return self.classes((x * scale).mean((2, 3)))


class Experts(nn.Module):
    """Two convolutions side by side, weighed by a router that sees the stem."""

    def __init__(self):
        super().__init__()
        self.stem, self.router = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 2)
        self.one, self.other = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)
        self.classes = nn.Linear(8, 3)

    def forward(self, x):
        x = self.stem(x).relu()
        weights = self.router(x.mean((2, 3))).softmax(1)[:, :, None, None, None]
        mixed = weights[:, 0] * self.one(x).relu() + weights[:, 1] * self.other(x).relu()
        return self.classes(mixed.mean((2, 3)))


class Detached(nn.Module):
    """A late layer without a gradient, as a teacher that runs along."""

    def __init__(self):
        super().__init__()
        self.early, self.late = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, padding=1)
        self.classes = nn.Linear(6, 3)

    def forward(self, x):
        x = self.early(x).relu()
        return self.classes((x + self.late(x).detach()).mean((2, 3)))


class Switched(nn.Module):
    """Bright images go one way, dark ones another."""

    def __init__(self):
        super().__init__()
        self.dark, self.bright = nn.Conv2d(3, 6, 3), nn.Conv2d(3, 6, 3)
        self.classes = nn.Linear(6, 3)

    def forward(self, x):
        bright = (x.mean((1, 2, 3), keepdim=True) > 0.5).float()
        x = bright * self.bright(x).relu() + (1 - bright) * self.dark(x).relu()
        return self.classes(x.mean((2, 3)))


class Converted(nn.Module):
    """Pixels that pass through NumPy: what comes before is nobody's to record."""

    def __init__(self):
        super().__init__()
        self.conv, self.classes = nn.Conv2d(3, 6, 3), nn.Linear(6, 3)

    def forward(self, x):
        x = torch.from_numpy(x.numpy() / 2)
        return self.classes(self.conv(x).relu().mean((2, 3)))
