"""Torch networks whose sequences are patches in some order, or no patches; images 32 x 32."""

import numpy as np
import torch
from torch import nn
from torch_zoo import Encoder

SHAPE = (32, 32, 3)


def patches(x, conv):
    """(N, 64, C): the 8 x 8 patches of an image."""
    return conv(x).flatten(2).transpose(1, 2)


class Tokens(nn.Module):
    """A transformer that reads its class token; `arrange` says where other tokens stand."""

    def __init__(self, arrange, extra=1, size=8, batch_first=True):
        super().__init__()
        self.conv, self.extra = nn.Conv2d(3, size, 4, 4), nn.Parameter(torch.randn(1, extra, size))
        self.blocks = nn.Sequential(Encoder(size), Encoder(size))
        for block in self.blocks:
            block.attn.batch_first = batch_first
        self.norm, self.head = nn.LayerNorm(size), nn.Linear(size, 3)
        self.arrange, self.batch_first = arrange, batch_first

    def forward(self, x):
        t, where = self.arrange(patches(x, self.conv), self.extra.expand(len(x), -1, -1))
        t = self.blocks(t) if self.batch_first else self.blocks(t.transpose(0, 1)).transpose(0, 1)
        return self.head(self.norm(t[:, where]))


def in_front(t, extra):
    return torch.cat([extra, t], 1), 0


def at_the_end(t, extra):
    return torch.cat([t, extra], 1), -1


def on_both_sides(t, extra):
    """The class token in front, registers behind."""
    return torch.cat([extra[:, :1], t, extra[:, 1:]], 1), 0


def in_the_middle(t, extra):
    """As in Vision Mamba."""
    return torch.cat([t[:, :32], extra, t[:, 32:]], 1), 32


def column_by_column(t, extra):
    t = t.reshape(len(t), 8, 8, -1).transpose(1, 2).flatten(1, 2)
    return torch.cat([extra, t], 1), 0


def back_and_forth(t, extra):
    """Every other row from right to left, as in scans of state space models."""
    rows = t.reshape(len(t), 8, 8, -1)
    rows = torch.stack([row.flip(1) if i % 2 else row for i, row in enumerate(rows.unbind(1))], 1)
    return torch.cat([extra, rows.flatten(1, 2)], 1), 0


def from_the_end(t, extra):
    return torch.cat([extra, t.flip(1)], 1), 0


def unit_by_unit(t, extra):
    """As in Hiera: the tokens of a mask unit of 2 x 2 stand together."""
    t = t.reshape(len(t), 4, 2, 4, 2, -1).transpose(2, 3).flatten(1, 4)
    return torch.cat([extra, t], 1), 0


def merged(t, extra):
    """Every two of the first 36 tokens are merged, as where they are alike (ToMe): 46 are left."""
    return torch.cat([extra, t[:, :36:2] + t[:, 1:36:2], t[:, 36:]], 1), 0


def dropped(t, extra):
    """Half of the image is dropped, as where nothing is to be seen (EViT): 32 are left."""
    return torch.cat([extra, t[:, torch.arange(0, 64, 2) + torch.arange(32) % 2]], 1), 0


class Shifted(nn.Module):
    """Windows that are shifted and shifted back, as in Swin, with the channels last."""

    def __init__(self, size=8):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, size, 4, 4), nn.LayerNorm(size)
        self.merge, self.last = nn.Linear(4 * size, size), nn.LayerNorm(size)
        self.mix, self.head = nn.Linear(size, size), nn.Linear(size, 3)

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 3, 1)
        y = self.norm(x).roll((-2, -2), (1, 2))
        n, h, w, c = y.shape
        y = y.reshape(n, h // 4, 4, w // 4, 4, c).transpose(2, 3).reshape(-1, 16, c)
        y = self.mix(y).reshape(n, h // 4, w // 4, 4, 4, c).transpose(2, 3).reshape(n, h, w, c)
        x = x + y.roll((2, 2), (1, 2))
        x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1)
        return self.head(self.last(self.merge(x)).mean((1, 2)))


class Nested(nn.Module):
    """As NesT: (N, 4 blocks, 16 tokens, C) within, a grid behind."""

    def __init__(self, size=8):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, size, 4, 4), nn.LayerNorm(size)
        self.mlp, self.level = nn.Linear(size, size), nn.Identity()
        self.after, self.head = nn.Conv2d(size, size, 1), nn.Linear(size, 3)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        t = x.permute(0, 2, 3, 1).reshape(n, 2, 4, 2, 4, c).transpose(2, 3).reshape(n, 4, 16, c)
        t = t + self.mlp(self.norm(t))
        x = t.reshape(n, 2, 2, 4, 4, c).transpose(2, 3).reshape(n, h, w, c).permute(0, 3, 1, 2)
        return self.head(self.after(x).mean((2, 3)))


class Unfolded(nn.Module):
    """As MobileViT v2: convolutions over (N, C, 4 pixels of a patch, 16 patches)."""

    def __init__(self, size=8):
        super().__init__()
        self.conv, self.mix = nn.Conv2d(3, size, 4, 4), nn.Conv2d(size, size, 1)
        self.after, self.head = nn.Conv2d(size, size, 1), nn.Linear(size, 3)

    def forward(self, x):
        x = self.conv(x)
        n, c, h, w = x.shape
        t = x.reshape(n, c, 4, 2, 4, 2).permute(0, 1, 3, 5, 2, 4).reshape(n, c, 4, 16)
        t = self.mix(t).reshape(n, c, 2, 2, 4, 4).permute(0, 1, 4, 2, 5, 3).reshape(n, c, h, w)
        return self.head(self.after(t).mean((2, 3)))


class Mix(nn.Module):
    """Features of a class of somebody's own, through which an image passes channels last."""

    def __init__(self, size):
        super().__init__()
        self.linear = nn.Linear(size, size)

    def forward(self, x):
        return self.linear(x)


class Mix2d(Mix):
    """The same, with a name as torch gives to what takes channels first."""


class AsManyChannels(nn.Module):
    """Features (N, 8, 8, 8): no number tells which axis holds the channels."""

    def __init__(self, last, size=8):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, size, 4, 4), last
        self.mix = Mix(size) if last else nn.ReLU()
        self.named, self.norm = Mix2d(size), nn.LayerNorm((size, 8, 8))
        self.across, self.head = nn.Linear(8, 8), nn.Linear(size, 3)

    def forward(self, x):
        x = self.conv(x)
        if self.last:
            return self.head(self.named(self.mix(x.permute(0, 2, 3, 1))).mean((1, 2)))
        x = self.mix(x) + self.norm(x)
        return self.head((x + self.across(x)).mean((2, 3)))


class Transposed(nn.Module):
    """An image that is turned before, or features that are mixed down their columns."""

    def __init__(self, image, size=6):
        super().__init__()
        self.image, self.conv = image, nn.Conv2d(3, size, 4, 4)
        self.norm, self.mix = nn.LayerNorm(size), nn.Linear(size, size)
        self.back, self.head = nn.Conv2d(size, size, 1), nn.Linear(size, 3)

    def forward(self, x):
        if self.image:
            return self.head(self.conv(x.transpose(2, 3)).mean((2, 3)))
        x = self.norm(self.conv(x).permute(0, 2, 3, 1))
        x = x + self.mix(x.transpose(1, 2)).transpose(1, 2)
        return self.head(self.back(x.permute(0, 3, 1, 2)).mean((2, 3)))


class Mirrored(nn.Module):
    """As when a model is run on an image and its mirror image; features of the latter."""

    def __init__(self, size=6):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, size, 4, 4), nn.Linear(size, 3)

    def forward(self, x):
        return self.head(self.conv(x.flip(3)).mean((2, 3)))


class Attending(nn.Module):
    """Attention of 8 heads between 16 tokens, (N, 8, 16, 16), behind a grid of 16 x 16."""

    def __init__(self, size=8):
        super().__init__()
        self.conv, self.down = nn.Conv2d(3, size, 2, 2), nn.Conv2d(size, size, 4, 4)
        self.query, self.key, self.drop = nn.Linear(size, 64), nn.Linear(size, 64), nn.Dropout()
        self.head = nn.Linear(size, 3)

    def forward(self, x):
        t = self.down(self.conv(x)).flatten(2).transpose(1, 2)
        q, k = (f(t).unflatten(2, (8, 8)).transpose(1, 2) for f in (self.query, self.key))
        attention = self.drop((q @ k.transpose(2, 3)).softmax(-1))
        return self.head((attention.mean(1) @ t).mean(1))


class Latents(nn.Module):
    """As Perceiver: 16 latents attend to the image; none has a place in it."""

    def __init__(self, size=8):
        super().__init__()
        self.conv, self.latents = nn.Conv2d(3, size, 4, 4), nn.Parameter(torch.randn(1, 16, size))
        self.cross = nn.MultiheadAttention(size, 2, batch_first=True)
        self.block, self.norm = Encoder(size), nn.LayerNorm(size)
        self.head = nn.Linear(size, 3)

    def forward(self, x):
        t = patches(x, self.conv)
        latents = self.cross(self.latents.expand(len(x), -1, -1), t, t, need_weights=False)[0]
        return self.head(self.norm(self.block(latents)).mean(1))


class Rows(nn.Module):
    """A sequence model over the 16 rows of features: recurrent, or a transformer over time."""

    def __init__(self, kind, size=8):
        super().__init__()
        self.conv = nn.Conv2d(3, size, 3, 2, 1)
        self.kind, self.into = kind, nn.Linear(16 * size, size)
        self.steps = (
            Encoder(size)
            if kind == "transformer"
            else getattr(nn, kind)(size, size, batch_first=True)
        )
        self.head = nn.Linear(size, 3)

    def forward(self, x):
        x = self.conv(x).relu().permute(0, 2, 1, 3).flatten(2)  # (N, 16 rows, C x 16)
        x = self.steps(self.into(x))
        return self.head((x if self.kind == "transformer" else x[0])[:, -1])


class ChannelsFirst(nn.Module):
    """Tokens (N, C, 64) between convolutions of rank 1."""

    def __init__(self, size=12):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, size, 4, 4), nn.BatchNorm1d(size)
        self.mix, self.head = nn.Conv1d(size, size, 1), nn.Linear(size, 3)

    def forward(self, x):
        x = self.conv(x).flatten(2)
        return self.head((x + self.mix(self.norm(x))).mean(2))


class Signal(nn.Module):
    """Convolutions of rank 1 on an image of one row, (N, C, 1, T)."""

    def __init__(self, size=16):
        super().__init__()
        self.conv, self.head = nn.Conv1d(3, size, 5), nn.Linear(size, 3)

    def forward(self, x):
        return self.head(self.conv(x.squeeze(2)).relu().mean(2))


def cell_that_moves(one, layer, row, column):
    """Where in (8, 8) or (4, 4) a changed cell of the image shows most."""
    side = 32 // one.layer(layer, SHAPE).grid.shape[0]
    base = np.random.default_rng(1).normal(size=(1, *SHAPE)).astype(np.float32)
    other = base.copy()
    other[:, row * side : (row + 1) * side, column * side : (column + 1) * side] += 3
    A = [one.tap(images, 0, layer=layer).activations for images in (base, other)]
    moved = np.abs(A[1] - A[0]).sum(-1)[0]
    return np.unravel_index(moved.argmax(), moved.shape)
