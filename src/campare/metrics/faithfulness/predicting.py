"""Ask a network about changed images, in full batches, and read off the score of the target.

`predict` is any function of float32 images (N, H, W, C) -> logits (N, K), so that these measures
serve every framework. A single logit (K = 1) speaks for class 1 of two.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from campare.data.stored import as_floats
from campare.errors import DataError, TargetError
from campare.metrics.classification import confidence
from campare.metrics.metric import Predict
from campare.types import Array, Floats, Ints

#: (logits (B, K), targets (B,)) -> one score an image, NaN where a logit is not finite.
Score = Callable[[Array, Ints], NDArray[np.float64]]

BATCH = 64


def probability(logits: Array, targets: Ints) -> NDArray[np.float64]:
    """Softmax probability of the target, or the sigmoid of a single logit, in [0, 1].

    Shapes: (N, K), (N,) -> (N,).

    Example:
        >>> probability(np.array([[0.0, 0.0]]), np.array([1])).tolist()
        [0.5]
    """
    return confidence(logits, targets).values


def logit(logits: Array, targets: Ints) -> NDArray[np.float64]:
    """Logit of the target; of a single one, with the sign that speaks for the target.

    Shapes: (N, K), (N,) -> (N,).

    Example:
        >>> logit(np.array([[3.0], [3.0]]), np.array([1, 0])).tolist()
        [3.0, -3.0]
    """
    logits = np.asarray(logits, np.float64)
    if logits.shape[1] == 1:
        chosen = logits[:, 0] * np.where(targets == 1, 1, -1)
    else:
        chosen = logits[np.arange(len(logits)), targets]
    return np.where(np.isfinite(logits).all(axis=1), chosen, np.nan)


def scores(
    predict: Predict,
    variants: Iterable[tuple[int, Array]],
    targets: Ints,
    *,
    score: Score = probability,
    batch_size: int = BATCH,
) -> NDArray[np.float64]:
    """Score of every variant: pairs (index of the image it was made of, pixels (H, W, C)).

    The variants run in full batches, whichever image they belong to, and never lie in memory all
    at once. Raises TargetError for a target that the network does not have.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))
        >>> dark, bright = np.zeros((1, 1, 1)), np.ones((1, 1, 1))
        >>> scores(predict, [(0, dark), (0, bright)], np.array([1]), score=logit).tolist()
        [0.0, 1.0]
    """
    found = scored(predict, variants, targets, score=score, batch_size=batch_size)
    return np.concatenate([np.empty(0), *found])


def scored(
    predict: Predict,
    variants: Iterable[tuple[int, Array]],
    targets: Ints,
    *,
    score: Score = probability,
    batch_size: int = BATCH,
) -> Iterator[NDArray[np.float64]]:
    """What `scores` gives, a batch at a time.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))
        >>> one = np.zeros((1, 1, 1))
        >>> batches = scored(predict, [(0, one)] * 3, np.array([1]), batch_size=2)
        >>> [len(batch) for batch in batches]
        [2, 1]
    """
    for index, pixels in _batches(variants, batch_size):
        logits = np.asarray(predict(pixels))
        wanted = targets[index]
        classes = max(logits.shape[1], 2)
        if ((wanted < 0) | (wanted >= classes)).any():
            raise TargetError(
                f"Expected targets from 0 to {classes - 1}, got {wanted.max()}. "
                "Try the classes that the network was trained on."
            )
        yield score(logits, wanted)


def split(
    batches: Iterable[NDArray[np.float64]], lengths: Iterable[int]
) -> Iterator[NDArray[np.float64]]:
    """Values that come in batches, in pieces of these lengths.

    Example:
        >>> [piece.tolist() for piece in split([np.array([1.0, 2.0]), np.array([3.0])], [1, 2])]
        [[1.0], [2.0, 3.0]]
    """
    source, left = iter(batches), np.empty(0)
    for length in lengths:
        while len(left) < length:
            left = np.concatenate([left, next(source)])
        yield left[:length]
        left = left[length:]


def check(images: Array, maps: Array, targets: Array) -> tuple[Floats, Floats, Ints]:
    """Images (N, *grid, C) and maps (N, *grid) as float32, targets (N,) as integers.

    Images in a file, and `Computed` ones, are `Computed`.

    Raises DataError where their numbers differ.

    Example:
        >>> check(np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 2, 2)), [0])[2].tolist()
        [0]
    """
    images, maps = as_floats(images), np.asarray(maps, np.float32)
    targets = np.asarray(targets, np.int64)
    alike = maps.ndim >= 2 and len(images.shape) == maps.ndim + 1
    if not alike or not len(images) == len(maps) == len(targets):
        raise DataError(
            f"Expected images (N, H, W, C), maps (N, h, w) and targets (N,), got {images.shape}, "
            f"{maps.shape} and {targets.shape}. Try one map and one target for each image."
        )
    return images, maps, targets


def _batches(
    variants: Iterable[tuple[int, Array]], size: int
) -> Iterator[tuple[list[int], Floats]]:
    """The variants in groups of `size`: their indices, and their pixels (B, H, W, C).

    All groups lie in the same memory, one after the other: fresh memory costs more than the pixels.
    """
    index: list[int] = []
    pixels = np.empty(0, np.float32)
    for i, variant in variants:
        if not pixels.size:
            pixels = np.empty((size, *variant.shape), np.float32)
        pixels[len(index)] = variant
        index.append(i)
        if len(index) == size:
            yield index, pixels
            index = []
    if index:
        yield index, pixels[: len(index)]
