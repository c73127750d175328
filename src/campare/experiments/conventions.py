"""Which other convention of pixels would fit a model that answers as if by chance.

A wrong range leaves predictions near chance, and nothing in the model says which is right; the
data do: the model is tried with the known conventions on some images, and the best (of those that
are right as often, the most confident) is named if it is better than what was given beyond chance.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import bdtrc

from campare.data import Images
from campare.data.pixels import KNOWN, RANGES
from campare.experiments.evaluated import Evaluated
from campare.metrics.classification import confidence, predicted
from campare.models.preprocessing import Preprocessing
from campare.types import Bools

#: Images that are tried, at most, spread over the set.
TRIED = 64
#: What the best convention must beat: a one-sided sign test on the images where answers differ, at
#: this level by Bonferroni, and this much accuracy.
LEVEL, GAIN = 0.01, 0.1


def fitting(model: Evaluated, images: Images) -> Mapping[str, Any]:
    """The convention that fits better than the model's own pixels; {} where none does.

    Returns:
        pixels (a name that `pixels=` takes), others with which it is right as often, accuracy with
        them, accuracy before, and images, the number tried.
    """
    count = min(TRIED, len(images))
    some = images.subset(np.unique(np.linspace(0, len(images) - 1, count).astype(np.int64)))
    before, _ = _answers(model, some)
    own = Preprocessing(model.pixels).words
    known = KNOWN if model.shape[-1] == 3 else RANGES  # the others are of three channels
    others = [name for name in known if name != own]
    found = {name: _answers(replace(model, pixels=name), some) for name in others}
    best = max(found, key=lambda name: (int(found[name][0].sum()), found[name][1]))
    after, _ = found[best]
    won, lost = int((after & ~before).sum()), int((before & ~after).sum())
    chance = float(bdtrc(won - 1, won + lost, 0.5)) if won else 1.0
    if chance * len(others) > LEVEL or after.mean() - before.mean() < GAIN:
        return {}
    return {
        "pixels": best,
        "also": [n for n in others if n != best and found[n][0].sum() == after.sum()],
        "accuracy": float(after.mean()),
        "before": float(before.mean()),
        "images": len(some),
    }


def in_doubt(accuracy: float, learned: bool, labels: Any) -> bool:
    """Whether a model's answers are so bad that its pixels may be wrong.

    It is no better than the commonest class, or nearer to that than to being always right.

    Example:
        >>> in_doubt(0.6, True, [0, 0, 1, 1]), in_doubt(0.9, True, [0, 0, 1, 1])
        (True, False)
    """
    share = np.bincount(labels).max() / len(labels)
    return not learned or bool(accuracy < (share + 1) / 2)


def _answers(model: Evaluated, images: Images) -> tuple[Bools, float]:
    """(N,) whether the model names the class of each image, and its mean confidence in them."""
    logits = model.predict(images.images)
    right: Bools = predicted(logits) == images.labels
    return right, float(np.nan_to_num(confidence(logits, images.labels).values).mean())
