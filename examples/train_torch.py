"""A training of your own: a plain PyTorch loop, studied with seeds like campare's own recipes.

A recipe may be a function (images, seed, recipe, progress) -> model. campare calls it for every
seed, saves the model, goes on where it was stopped, and compares the arms. `build` gives the
untrained network, so that its maps are a control; `load` reads a model from its file, here and in
an audit: `campare audit plain='runs/x/models/plain-*.pt' --loader train_torch:load --pixels 0..1`.
As YAML for the command line:

    - {name: plain, train: train_torch:fit, build: train_torch:build, load: train_torch:load,
       pixels: 0..1, epochs: 5}
    - {name: flipped, train: train_torch:fit, build: train_torch:build, load: train_torch:load,
       pixels: 0..1, epochs: 5, options: {flip: true}}
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import campare
from campare.training.recipe import Recipe


def network(n_classes: int) -> nn.Module:
    """Three convolutions and a linear head: images (N, 3, H, W) of 0..1 -> logits (N, K)."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, n_classes),
    )  # fmt: skip


def build(n_classes, seed):
    """The network before training."""
    torch.manual_seed(seed)
    return network(n_classes).eval()


def fit(images, seed, recipe, progress):
    """Train: Adam on cross-entropy, with random flips if the recipe has the option."""
    model = build(len(images.class_names), seed).train()
    x = torch.from_numpy(images.images).permute(0, 3, 1, 2).float() / 255
    y = torch.from_numpy(images.labels)
    optimizer = torch.optim.Adam(model.parameters(), recipe.learning_rate)
    shuffled = np.random.default_rng(seed)
    for epoch in range(1, recipe.epochs + 1):
        losses = []
        for rows in np.array_split(shuffled.permutation(len(y)), max(len(y) // 32, 1)):
            batch = x[rows]
            if recipe.options.get("flip") and shuffled.random() < 0.5:
                batch = batch.flip(3)
            loss = nn.functional.cross_entropy(model(batch), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        progress(epoch, recipe.epochs, model=model, loss=np.mean(losses))
    return model.eval()


def load(path):
    """A trained network from its file, which holds weights alone."""
    weights = torch.load(path, weights_only=True)
    model = network(len(weights["10.bias"]))
    model.load_state_dict(weights)
    return model.eval()


RECIPES = [
    Recipe(name, train=fit, build=build, load=load, pixels="0..1", epochs=2, options={"flip": flip})
    for name, flip in (("plain", False), ("flipped", True))
]


def main() -> None:
    """Study both ways of training on a few drawn images, and print the answer."""
    drawn = campare.ImageSet.drawn(train=24, test=12, size=32)
    run = campare.study(
        drawn, recipes=RECIPES, seeds=2, metrics=["energy", "correct"], out=folder()
    )
    print(campare.compare(run).headline)


def folder() -> Path:
    """A folder for the run."""
    return Path(tempfile.mkdtemp()) / "run"


if __name__ == "__main__":
    main()
