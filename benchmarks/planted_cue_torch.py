"""A cue planted in the training of torch networks: is the arm that has it named, and no other?

Each trial draws images anew, trains five small networks on tagged images (the tag tells the label
of 98 of 100) and five on the same images without tags, and audits both with default metrics on
test images whose tags are drawn at random. Prints the headline and, for each arm, accuracy, how far
a blur of the tag moves the probability beyond a blur elsewhere, and the tag's share of the map over
its share of the image. About 25 s a trial on one core.

    python benchmarks/planted_cue_torch.py --first 20 --trials 20
"""

import argparse

import numpy as np
import polars as pl
import torch
from torch import nn

import campare
from campare.data import ImageSet
from campare.data.samples import Images

SIZE, TRAIN, TEST, EPOCHS, REPLICATES = 32, 400, 120, 20, 5


def network(n_classes: int) -> nn.Module:
    """Three convolutions with batch norm, maps of 8 x 8 cells: (N, 3, 32, 32) -> (N, K)."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, n_classes),
    )  # fmt: skip


def fit(images: Images, seed: int) -> nn.Module:
    """A network trained by Adam with a cosine schedule."""
    torch.manual_seed(seed)
    model = network(len(images.class_names)).train()
    x = torch.from_numpy(images.images).permute(0, 3, 1, 2).float() / 255
    y = torch.from_numpy(images.labels)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    batches = max(len(y) // 32, 1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * batches)
    rng = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        for rows in np.array_split(rng.permutation(len(y)), batches):
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def trial(number: int) -> str:
    """The headline of one trial, and the means of its arms."""
    tagged = ImageSet.drawn(train=TRAIN, test=TEST, size=SIZE, seed=number, shortcut=0.98)
    plain = ImageSet.drawn(train=TRAIN, test=TEST, size=SIZE, seed=number)
    arms = {
        name: [fit(data.load("train", SIZE), 1000 * number + first + k) for k in range(REPLICATES)]
        for name, data, first in (("cue", tagged, 0), ("clean", plain, 500))
    }
    scores = campare.audit(arms, tagged, pixels="0..1", seed=number)
    wanted = ["correct", "cue-drop@change", "cue-lift"]
    means = (
        scores.frame.filter(
            pl.col("metric").is_in(wanted) & pl.col("method").is_in(["-", "grad-cam"])
        )
        .group_by("recipe", "metric")
        .agg(pl.col("value").mean())
        .sort("recipe", "metric")
    )
    shown = ", ".join(f"{arm} {metric} {value:.2f}" for arm, metric, value in means.rows())
    return f"{number}: {scores.compare().headline} | {shown}"


def main() -> None:
    """Run the trials that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=20)
    parser.add_argument("--trials", type=int, default=20)
    options = parser.parse_args()
    for number in range(options.first, options.first + options.trials):
        print(trial(number), flush=True)


if __name__ == "__main__":
    main()
