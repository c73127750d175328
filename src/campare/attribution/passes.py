"""Many passes of one classifier: batch by batch, or with a layer's output changed many times.

All chunks have one length, the last filled up, so that a compiled model is compiled once.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from campare.models.targets import RANKS, resolve
from campare.targets import part_of
from campare.types import Array, Ints, Read, Target


def fixed_target(classifier: Any, images: Array, target: Target, batch_size: int) -> Any:
    """The target as one class index an image, with None and 'second-best' looked up, or a function.

    Example:
        >>> fixed_target(None, np.zeros((3, 8, 8, 1)), 1, 32).tolist()
        [1, 1, 1]
    """
    if callable(target):
        return target
    if target is None or (isinstance(target, str) and target in RANKS):
        parts = [classifier.predict(images[part]) for part in slices(len(images), batch_size)]
        rank = np.full(len(images), RANKS[target])
        return np.asarray(resolve(np.concatenate(parts), rank), np.int64)
    return np.broadcast_to(np.asarray(target), (len(images),))


def told_by(logits: Array, target: Target) -> Any:
    """The target with None and 'second-best' looked up in logits (N, K) that are there already.

    Of a single column, which may be the score of some other output, they stay to be looked up.

    Example:
        >>> told_by(np.array([[0.0, 2.0], [3.0, 1.0]]), None).tolist()
        [1, 0]
    """
    if logits.shape[1] > 1 and (target is None or (isinstance(target, str) and target in RANKS)):
        return np.asarray(resolve(logits, np.full(len(logits), RANKS[target])), np.int64)
    return target


def tapped(
    classifier: Any,
    images: Array,
    index: Any,
    read: Read,
    *,
    layer: str | None,
    batch_size: int,
    gradients: bool = True,
) -> tuple[Array, ...]:
    """What `read` makes of the tap on the device, for all images, batch by batch."""
    parts = [
        classifier.start(
            images[part], part_of(index, part), read=read, layer=layer, gradients=gradients
        )()
        for part in slices(len(images), batch_size)
    ]
    return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))


def changed(
    classifier: Any,
    images: Array,
    index: Any,
    scales: Array,
    read: Read,
    *,
    layer: str | None,
    batch_size: int,
    gradients: bool = True,
) -> Array:
    """What `read` makes of the tap with the layer's output times each of the scales (M, ...).

    (N, M, ...): M changed grids for each image. Where all passes through the layer, what comes
    before it runs once for a batch of them; else, as around a skip connection, for each.
    """
    once = classifier.bottleneck(layer, tuple(images.shape[1:]))
    found = []
    for i in range(len(images)):
        image, one = images[i : i + 1], part_of(index, slice(i, i + 1))
        rows_of_image = []
        for rows, n in chunks(len(scales), batch_size):
            copies = 1 if once else len(rows)
            (result,) = classifier.start(
                image[np.zeros(copies, np.int64)],
                one if callable(one) else np.repeat(one, copies),
                read=read,
                layer=layer,
                gradients=gradients,
                scale=scales[rows],
                repeat=len(rows) // copies,
            )()
            rows_of_image.append(result[:n])
        found.append(np.concatenate(rows_of_image))
    return np.stack(found)


def chunks(total: int, size: int) -> Iterator[tuple[Ints, int]]:
    """Indices in chunks of one length, the last filled up with its last, and how many are new.

    Example:
        >>> [(rows.tolist(), n) for rows, n in chunks(3, 2)]
        [([0, 1], 2), ([2, 2], 1)]
    """
    size = min(size, total)
    for start in range(0, total, max(size, 1)):
        rows = np.minimum(np.arange(start, start + size), total - 1)
        yield rows, min(size, total - start)


def slices(total: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `total`; one, empty, where there is nothing.

    Example:
        >>> list(slices(3, 2))
        [slice(0, 2, None), slice(2, 4, None)]
    """
    for start in range(0, max(total, 1), size):
        yield slice(start, start + size)
