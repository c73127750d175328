"""Which images are held out of a set: the same share of every class, groups as a whole."""

from collections.abc import Sequence

import numpy as np

from campare.data.groups import unit_of
from campare.errors import DataError
from campare.types import Bools, Ints


def held_out(labels: Ints, fraction: float, seed: int, groups: Sequence[str | None] = ()) -> Bools:
    """Which images to hold out so that every class gives the same share, drawn from `seed`.

    A group is held out as a whole or not at all, so that shares are as near as groups allow.

    Args:
        labels: (N,) class indices.
        fraction: share of each class, in (0, 1), rounded to whole images; a class of two or more
            keeps at least one image on each side, a class of one is not held out.
        seed: of the draw.
        groups: of each image, None: a unit by itself; (): all are.

    Returns:
        (N,) bool.

    Raises:
        DataError: the fraction is not between 0 and 1.

    Example:
        >>> held_out(np.array([0, 0, 0, 0, 1, 1]), 0.25, seed=0).sum()
        np.int64(2)
    """
    if not 0.0 < fraction < 1.0:
        raise DataError(f"Expected a fraction between 0 and 1, got {fraction}. Try 0.25.")
    rng = np.random.default_rng(seed)
    if any(group is not None for group in groups):
        return _held_out_groups(labels, fraction, rng, groups)
    held = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held[members[: _wanted(fraction, len(members))]] = True
    return held


def _wanted(fraction: float, members: int) -> int:
    """How many of a class to hold out."""
    return min(max(1, round(fraction * members)), members - 1)


def _held_out_groups(
    labels: Ints, fraction: float, rng: np.random.Generator, groups: Sequence[str | None]
) -> Bools:
    """Groups in random order, each held out if that brings the classes nearer to their shares."""
    classes, label = np.unique(labels, return_inverse=True)
    missing = np.array([_wanted(fraction, int(n)) for n in np.bincount(label)])
    of_image = unit_of(groups)
    held = np.zeros(len(labels), np.bool_)
    for group in rng.permutation(of_image.max() + 1):
        members = of_image == group
        own = np.bincount(label[members], minlength=len(classes))
        if np.abs(missing - own).sum() < np.abs(missing).sum():
            held |= members
            missing = missing - own
    return held
