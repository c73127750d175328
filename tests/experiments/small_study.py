"""A study so small that the tests of experiments can afford it."""

from campare.data import ImageSet
from campare.training.recipe import Augment, Recipe

TINY = (
    Recipe("plain", "plain", backbone="article-cnn", weights="random", epochs=1, hidden=8),
    Recipe(
        "turned", "turned", backbone="article-cnn", weights="random", epochs=1, hidden=8,
        augment=Augment(rotation=0.1),
    ),
)  # fmt: skip


def tiny_set(**changes):
    return ImageSet.drawn(**{"train": 16, "test": 12, "size": 24, "shortcut": 0.9} | changes)


def scores_bytes(run):
    return {p.name: p.read_bytes() for p in sorted((run.path / "scores").iterdir())}
