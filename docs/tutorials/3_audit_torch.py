# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Audit PyTorch models with replicates
#
# Two ways of training, three seeds each, trained by a plain loop that knows nothing of campare. The audit measures
# all six on the same images and speaks of the *ways*, not of six models.

# %%
import polars as pl
import torch
from torch import nn

import campare

drawn = campare.ImageSet.drawn(train=160, test=24, size=32)
train = drawn.load("train", 32)
x = torch.from_numpy(train.images).permute(0, 3, 1, 2).float() / 255
y = torch.from_numpy(train.labels)


def trained(seed: int, *, flip: bool) -> nn.Module:
    """A small network after six epochs, with random flips or without."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(6):
        for rows in torch.randperm(len(y)).split(32):
            batch = x[rows].flip(3) if flip and torch.rand(()) < 0.5 else x[rows]
            loss = nn.functional.cross_entropy(model(batch), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


arms = {
    "plain": [trained(seed, flip=False) for seed in range(3)],
    "flipped": [trained(seed, flip=True) for seed in range(3)],
}

# %% [markdown]
# `pixels` says what the models take; a wrong one shows as accuracy near chance, and the audit then names the one that fits.

# %%
scores = campare.audit(arms, drawn, metrics=["default"], pixels="0..1")
scores

# %%
comparison = scores.compare()
comparison

# %% [markdown]
# Rows are for your own questions, too. Does a network that is right look at the object more than one that is wrong?

# %%
rows = scores.frame.filter(metric="energy", method="grad-cam")
rows.group_by(pl.col("prediction") == pl.col("label"), "recipe").agg(pl.col("value").mean())
