"""Arrays of any rank as what an audit measures: signals (N, T, C), volumes and video, with masks.

    arrays, masks, labels, names -> checked, of one type each -> `Images.from_arrays`

They are given to models as they are: nothing is resized, scaled or colored.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from campare.errors import DataError
from campare.types import Array, Bools, Floats, Ints

#: The region of masks that have no name, as in a folder.
REGION = "object"


def inputs_of(arrays: Any) -> Array:
    """Arrays (N, *grid, C) of finite numbers: pictures (N, H, W, 3) uint8 as such, else float32.

    Raises:
        DataError: another shape, none, or values that are not finite.

    Example:
        >>> inputs_of(np.zeros((2, 50, 1))).dtype, inputs_of(np.zeros((1, 4, 4, 3), np.uint8)).dtype
        (dtype('float32'), dtype('uint8'))
    """
    try:
        given = np.asarray(arrays)
    except ValueError as error:
        raise DataError(
            "Expected arrays of one shape, got several shapes. Try: np.stack of arrays that were "
            "cut or resized to one"
        ) from error
    if given.ndim < 3 or given.dtype.kind not in "biuf" or not given.size:
        raise DataError(
            "Expected arrays of numbers (N, T, C), (N, H, W, C) or (N, D, H, W, C), got shape "
            f"{given.shape} of {given.dtype}. Try: arrays[..., None] where there is one channel"
        )
    if is_pictures(given):
        return given
    given = np.asarray(given, np.float32)
    wrong = next((i for i, one in enumerate(given) if not np.isfinite(one).all()), None)
    if wrong is not None:
        raise DataError(
            f"Expected arrays of finite numbers, got others in number {wrong}. "
            "Try: np.nan_to_num(arrays), or to leave it out"
        )
    return given


def is_pictures(images: Array) -> bool:
    """Whether arrays are pictures (N, H, W, 3) of 0..255, as those of a folder.

    Example:
        >>> is_pictures(np.zeros((1, 4, 4, 3), np.uint8)), is_pictures(np.zeros((1, 4, 4, 3)))
        (True, False)
    """
    return images.dtype == np.uint8 and images.ndim == 4 and images.shape[-1] == 3


def masks_of(masks: Any, shape: tuple[int, ...]) -> dict[str, Bools]:
    """Masks by region, each of `shape` (N, *grid); a single one is that of the object.

    Of signals a mask may also be intervals: for each signal a list of (start, stop), in samples.
    All False, or an empty list: no ground truth for it.

    Raises:
        DataError: masks of another shape, or intervals that leave the signal.

    Example:
        >>> masks_of([[(1, 3)], []], (2, 4))["object"].tolist()
        [[False, True, True, False], [False, False, False, False]]
        >>> list(masks_of({"object": np.ones((1, 2, 2)), "cue": np.ones((1, 2, 2))}, (1, 2, 2)))
        ['object', 'cue']
    """
    if masks is None:
        return {}
    named = masks if isinstance(masks, Mapping) else {REGION: masks}
    return {str(name): _mask(each, shape) for name, each in named.items()}


def _mask(mask: Any, shape: tuple[int, ...]) -> Bools:
    if len(shape) == 2 and isinstance(mask, (list, tuple)) and _has_pairs(mask):
        return _intervals(mask, shape)
    given = np.asarray(mask)
    if given.shape == (*shape, 1):
        given = given[..., 0]
    if given.shape != shape:
        raise DataError(
            f"Expected masks {shape}, of the shape of the arrays without channels, got "
            f"{given.shape}. Try: one mask for each, all False where nothing is known"
        )
    return np.asarray(given != 0)


def _has_pairs(mask: Sequence[Any]) -> bool:
    """Whether masks of signals are lists of intervals."""
    pairs = [pair for one in mask if isinstance(one, (list, tuple)) for pair in one]
    return len(pairs) > 0 and all(isinstance(pair, (list, tuple)) for pair in pairs)


def _intervals(mask: Sequence[Sequence[tuple[int, int]]], shape: tuple[int, ...]) -> Bools:
    if len(mask) != shape[0]:
        raise DataError(
            f"Expected intervals of each of {shape[0]} signals, got {len(mask)} lists. "
            "Try: [] for one of which nothing is known"
        )
    found = np.zeros(shape, np.bool_)
    for row, pairs in zip(found, mask, strict=True):
        for start, stop in pairs:
            if not 0 <= start < stop <= shape[1]:
                raise DataError(
                    f"Expected intervals (start, stop) within 0 and {shape[1]}, got "
                    f"({start}, {stop}). Try: samples, not seconds"
                )
            row[start:stop] = True
    return found


def labels_of(
    labels: Any, classes: Sequence[str] | None, count: int
) -> tuple[Ints, tuple[str, ...]]:
    """Indices (N,) and names of the classes, from indices or names; None: one class, 'all'.

    Raises:
        DataError: another number of labels, or one that is no class.

    Example:
        >>> labels_of(["dog", "cat", "dog"], None, 3)
        (array([1, 0, 1]), ('cat', 'dog'))
        >>> labels_of([0, 1], ["cat", "dog"], 2)[1]
        ('cat', 'dog')
    """
    if labels is None:
        return np.zeros(count, np.int64), tuple(classes or ("all",))[:1]
    given = np.asarray(labels)
    if given.shape != (count,) or given.dtype.kind not in "biuUO":
        raise DataError(
            f"Expected a label for each of {count} arrays, a class by index or name, got shape "
            f"{given.shape} of {given.dtype}. Try: labels of shape ({count},)"
        )
    if given.dtype.kind in "biu":
        names = tuple(classes or (f"class {i}" for i in range(int(given.max(initial=0)) + 1)))
        if int(given.min(initial=0)) < 0 or int(given.max(initial=0)) >= len(names):
            raise DataError(
                f"Expected labels from 0 to {len(names) - 1}, got {given.min()} to {given.max()}. "
                "Try: classes=[...] with a name for each"
            )
        return given.astype(np.int64), names
    words = [str(word) for word in given]
    names = tuple(classes or sorted(set(words)))
    unknown = next((word for word in words if word not in names), None)
    if unknown is not None:
        raise DataError(
            f"Expected labels among the classes, got {unknown!r}. Try: classes={sorted(set(words))}"
        )
    return np.array([names.index(word) for word in words], np.int64), names


def names_of(names: Sequence[str] | None, labels: Ints, classes: Sequence[str]) -> tuple[str, ...]:
    """A name for each array, as they are given or by class and number.

    Raises:
        DataError: another number of names.

    Example:
        >>> names_of(None, np.array([1, 0]), ("cat", "dog"))
        ('dog/0', 'cat/1')
    """
    if names is None:
        return tuple(f"{classes[label]}/{i}" for i, label in enumerate(labels))
    if len(names) != len(labels):
        raise DataError(
            f"Expected a name for each of {len(labels)} arrays, got {len(names)}. Try: names=None"
        )
    return tuple(str(name) for name in names)


def span_of(images: Floats) -> float:
    """The width of the range of arrays: what a small change is small against.

    Example:
        >>> span_of(np.array([[[-1.0], [3.0]]]))
        4.0
    """
    low = min(float(one.min()) for one in images)
    high = max(float(one.max()) for one in images)
    return high - low or 1.0
