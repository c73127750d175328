"""Images from anywhere, a batch at a time: an array, a tensor, an Images, an iterable of batches.

A batch of an iterable is an array or tensor, a pair (images, labels) as tf.data and torch's
DataLoader give, or a mapping with `pixel_values` or `image` and `labels` or `label`. Nothing is
read before it is needed, and nothing is kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from campare.errors import ModelError

_IMAGES = ("pixel_values", "images", "image")
_LABELS = ("labels", "label")


class Batch(NamedTuple):
    """Some images and, where known, their labels."""

    images: Any  # (n, H, W, C) NumPy, or a tensor as the model takes it
    labels: Any = None  # (n,)


def in_memory(images: Any) -> bool:
    """Whether all images are there at once, as one array.

    Example:
        >>> import numpy as np
        >>> in_memory(np.zeros((2, 8, 8, 3))), in_memory(iter([]))
        (True, False)
    """
    return hasattr(images, "shape") or _is_images(images)


def batches(images: Any, batch_size: int, *, labels: Any = None) -> Iterator[Batch]:
    """Cut images in memory into batches, or take those of an iterable as they are.

    Raises:
        ModelError: a batch is no array of images, or labels do not fit them.

    Example:
        >>> import numpy as np
        >>> [len(batch.images) for batch in batches(np.zeros((5, 8, 8, 3)), 2)]
        [2, 2, 1]
    """
    if _is_images(images):
        images, labels = images.images, images.labels if labels is None else labels
    if not hasattr(images, "shape"):
        yield from _given(images, labels)
        return
    if labels is not None and len(labels) != len(images):
        raise ModelError(
            f"Expected one label an image ({len(images)}), got {len(labels)}. Try: labels=labels"
        )
    for start in range(0, max(len(images), 1), batch_size):
        part = slice(start, start + batch_size)
        yield Batch(images[part], None if labels is None else labels[part])


def _given(source: Any, labels: Any) -> Iterator[Batch]:
    """The batches of an iterable; `labels` for all of its images, where they do not come along."""
    if not isinstance(source, Iterable) or isinstance(source, (str, bytes)):
        raise ModelError(
            f"Expected images (N, H, W, C) or batches of them, got {type(source).__name__}. "
            "Try: a NumPy array"
        )
    start = 0
    for item in source:
        batch = _batch(item)
        if labels is not None:
            batch = Batch(batch.images, labels[start : start + len(batch.images)])
        start += len(batch.images)
        yield batch


def _batch(item: Any) -> Batch:
    if isinstance(item, Mapping):
        found = next((item[key] for key in _IMAGES if key in item), None)
        batch = Batch(found, next((item[key] for key in _LABELS if key in item), None))
    elif isinstance(item, (tuple, list)) and item and hasattr(item[0], "shape"):
        batch = Batch(item[0], item[1] if len(item) > 1 else None)
    else:
        batch = Batch(item)
    shape = getattr(batch.images, "shape", None)
    if shape is None or len(shape) != 4:
        got = type(batch.images).__name__ if shape is None else f"shape {tuple(shape)}"
        raise ModelError(
            f"Expected batches of images (n, H, W, C), got {got}. "
            "Try: np.stack(images), or image[None] for one"
        )
    return batch


def _is_images(images: Any) -> bool:
    return hasattr(images, "images") and hasattr(images, "labels")
