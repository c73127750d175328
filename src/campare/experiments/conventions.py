"""Which other convention of pixels would fit a model that answers as if by chance.

A wrong range leaves predictions near chance, and nothing in the model says which is right; the
data do: the model is tried with the known conventions on some images, and the best (of those that
are right as often, the most confident) is named if it is better than what was given beyond chance.
Others that those images do not tell from it are named, too: where two conventions differ little in
contrast, as `imagenet` and `-1..1`, neither accuracy nor log loss says which one was trained with.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import bdtrc

from campare.data import Images
from campare.data.pixels import KNOWN, RANGES
from campare.errors import CampareError
from campare.experiments.evaluated import Evaluated
from campare.metrics.classification import confidence, predicted
from campare.models.preprocessing import Preprocessing
from campare.types import Bools

#: Images that are tried, at most, spread over the set.
TRIED = 64
#: What the best convention must beat: a one-sided sign test on the images where answers differ, at
#: this level by Bonferroni, and this much accuracy.
LEVEL, GAIN = 0.01, 0.1
#: Below this level another convention is worse than the best one, by the same test.
WORSE = 0.05
#: What is tried, by channels of the model: of conventions the ones that have so many.
_KNOWN: Mapping[int, Sequence[str]] = {3: KNOWN, 1: tuple(RANGES)}


def fitting(model: Evaluated, images: Images) -> Mapping[str, Any]:
    """The convention that fits better than the model's own pixels; {} where none does.

    A function of the user's own is tried against conventions in its stead; what is in it, campare
    cannot change.

    Returns:
        pixels (a name that `pixels=` takes), also (others that the images do not tell from it),
        accuracy with it, accuracy before, and images, the number tried; or prepared, the function
        of the user's own that prepares pixels and than which no convention is better.
    """
    own = Preprocessing(model.pixels)
    found = _better(model, images, [name for name in _known(model) if name != own.words])
    return found if found or own.known else {"prepared": own.words}


def _known(model: Evaluated) -> Sequence[str]:
    return _KNOWN.get(model.shape[-1], ())


def _better(model: Evaluated, images: Images, names: Sequence[str]) -> Mapping[str, Any]:
    """The best of some conventions, if it is better than what the model gets now."""
    count = min(TRIED, len(images))
    some = images.subset(np.unique(np.linspace(0, len(images) - 1, count).astype(np.int64)))
    before, _ = _answers(model, some)
    found: dict[str, tuple[Bools, float]] = {}
    for name in names:
        with suppress(CampareError):  # what a model does not take is no answer
            found[name] = _answers(replace(model, pixels=name), some)
    ranked = sorted(found, key=lambda name: (-int(found[name][0].sum()), -found[name][1]))
    if not ranked:
        return {}
    best, *others = ranked
    after, _ = found[best]
    if _chance(after, before) * len(names) > LEVEL or after.mean() - before.mean() < GAIN:
        return {}
    return {
        "pixels": best,
        "also": [name for name in others if _chance(after, found[name][0]) > WORSE],
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


def _chance(one: Bools, other: Bools) -> float:
    """p of a one-sided sign test that `one` is right more often than `other`, on the same images.

    Example:
        >>> _chance(np.ones(5, bool), np.zeros(5, bool))
        0.03125
    """
    won, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return float(bdtrc(won - 1, won + lost, 0.5)) if won else 1.0


def _answers(model: Evaluated, images: Images) -> tuple[Bools, float]:
    """(N,) whether the model names the class of each image, and its mean confidence in them."""
    logits = model.predict(images.images)
    right: Bools = predicted(logits) == images.labels
    return right, float(np.nan_to_num(confidence(logits, images.labels).values).mean())
