"""A model that takes one number of images at a time: a batch in parts, and their results as one.

7 images, 4 at a time  ->  0 1 2 3 | 4 5 6 0        of the second part 3 are new
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from campare.targets import part_of, rows_of
from campare.types import Array

#: Numbers of images that are tried where a model does not take two, which may be frames of one.
BATCH_SIZES = (4, 3, 5, 8, 10, 12, 16, 32)


class Part(NamedTuple):
    """As many images as the model takes, what belongs to them, and how many of them are new."""

    images: Any
    own: list[Any]
    new: int


def split(images: Any, size: int, *more: Any) -> Iterator[Part]:
    """Images (N, ...) in parts of `size`, each with its rows of what `more` holds one each.

    The last part is filled up with the first image. What there is one of for all stays as it is.

    Example:
        >>> [(part.images.tolist(), part.own, part.new) for part in split(np.arange(5), 3, "all")]
        [([0, 1, 2], ['all'], 3), ([3, 4, 0], ['all'], 2)]
    """
    n = len(images)
    more = tuple(np.asarray(x) if isinstance(x, (list, tuple)) else x for x in more)
    for start in range(0, n, size):
        rows = np.arange(start, start + size)
        rows = np.where(rows < n, rows, 0)
        own = [part_of(x, rows) if n > 1 and _is_one_each(x, n) else x for x in more]
        yield Part(images[rows], own, min(n - start, size))


def joined(parts: Iterable[tuple[Array, int]], axis: int = 0) -> Array:
    """Results of parts (result, how many of its images are new) as of all images, along `axis`.

    Example:
        >>> joined([(np.array([0, 1, 2]), 3), (np.array([3, 4, 0]), 2)]).tolist()
        [0, 1, 2, 3, 4]
    """
    return np.concatenate([each.take(range(new), axis) for each, new in parts], axis)


def _is_one_each(x: Any, n: int) -> bool:
    """Whether there is one of x for each of n images."""
    if (rows := rows_of(x)) is not None:
        return len(rows) == n
    return bool(np.ndim(x) > 0 and len(x) == n) if hasattr(x, "shape") else False
