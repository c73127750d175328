"""A factor of your own: a field in which recipes differ, found by comparing the recipes.

Recipes are frozen values. Where some agree in all fields but one, that field is a factor: its
effect is estimated over the other fields, whatever it is called. Here label smoothing and the size
of the hidden layer, two levels each; a study of them speaks of both. As YAML for the command line:

    - {name: plain, backbone: article-cnn, weights: random, hidden: 8}
    - {name: smooth, backbone: article-cnn, weights: random, hidden: 8, label_smoothing: 0.2}
"""

import tempfile
from itertools import product
from pathlib import Path

import campare
from campare.training.recipe import Recipe

RECIPES = [
    Recipe(
        f"{'smooth' if smoothing else 'sharp'}-{hidden}",
        title=f"{hidden} hidden units, label smoothing {smoothing:g}",
        backbone="article-cnn",
        weights="random",
        epochs=1,
        hidden=hidden,
        label_smoothing=smoothing,
    )
    for hidden, smoothing in product((4, 8), (0.0, 0.2))
]


def main() -> None:
    """Study the four recipes on a few drawn images, and print what each factor does."""
    drawn = campare.ImageSet.drawn(train=12, test=12, size=16)
    run = campare.study(drawn, recipes=RECIPES, seeds=2, metrics=["energy"], out=folder())
    factors = campare.compare(run).factors
    for row in factors.filter(method="grad-cam").iter_rows(named=True):
        print(f"{row['contrast']}: {row['metric']} {row['estimate']:+.3f}")


def folder() -> Path:
    """A run's folder of its own."""
    return Path(tempfile.mkdtemp()) / "run"


if __name__ == "__main__":
    main()
