"""Images from anywhere, a batch at a time: an array, a tensor, an Images, an iterable of batches.

A batch of an iterable is an array or tensor, a pair (images, labels) as tf.data and torch's
DataLoader give, or a mapping with `pixel_values` or `image` and `labels` or `label`. Nothing is
read before it is needed, and nothing is kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from campare.errors import ModelError
from campare.types import Array

_IMAGES = ("pixel_values", "images", "image")
_LABELS = ("labels", "label")


class Batch(NamedTuple):
    """Some images and, where known, their labels."""

    images: Any  # (n, H, W, C) NumPy, or a torch tensor (n, C, H, W), which stays on its device
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
    images = images if is_tensor(images) else np.asarray(images)
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
    return batch if is_tensor(batch.images) else batch._replace(images=np.asarray(batch.images))


def channels_last(images: Any) -> Array:
    """NumPy images (N, H, W, C), also of a torch tensor (N, C, H, W).

    Example:
        >>> import numpy as np
        >>> channels_last(np.zeros((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """
    if is_tensor(images):
        return np.moveaxis(np.asarray(images.detach().cpu()), 1, -1)
    return np.asarray(images)


def image_shape(images: Any) -> tuple[int, ...]:
    """(H, W, C) of images (N, H, W, C), also of a torch tensor (N, C, H, W).

    Example:
        >>> import numpy as np
        >>> image_shape(np.zeros((2, 8, 9, 3)))
        (8, 9, 3)
    """
    shape = tuple(int(side) for side in images.shape[1:])
    return (*shape[1:], shape[0]) if is_tensor(images) else shape


def is_tensor(images: Any) -> bool:
    """Whether the images are a torch tensor, with channels first."""
    return type(images).__module__.partition(".")[0] == "torch"


def _is_images(images: Any) -> bool:
    return hasattr(images, "images") and hasattr(images, "labels")
