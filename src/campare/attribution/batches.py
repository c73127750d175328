"""Images from anywhere, a batch at a time: an array, a tensor, an Images, an iterable of batches.

A batch of an iterable is an array or tensor, a pair (images, labels) as tf.data and torch's
DataLoader give, or a mapping with `pixel_values` or `image` and `labels` or `label`; one such batch
may be given alone. Nothing is read before it is needed, and nothing is kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from campare.errors import ModelError
from campare.models.several import Key, Several, several
from campare.types import Array

#: What loaders of common libraries call the images and the labels of a batch.
_IMAGES = ("pixel_values", "images", "image", "img", "imgs", "inputs", "input", "x", "data")
_LABELS = ("labels", "label", "targets", "target", "y", "class", "classes")


class Batch(NamedTuple):
    """Some images and, where known, their labels."""

    images: Any  # (n, H, W, C) NumPy, or a torch tensor (n, C, H, W), which stays on its device;
    # of signals and volumes (n, *sides, C)
    labels: Any = None  # (n,)


def in_memory(images: Any) -> bool:
    """Whether all images are there at once, as one array.

    Example:
        >>> import numpy as np
        >>> in_memory(np.zeros((2, 8, 8, 3))), in_memory(iter([]))
        (True, False)
    """
    return hasattr(images, "shape") or _is_images(images)


def one_batch(images: Any, labels: Any = None) -> tuple[Any, Any]:
    """The images and labels of one batch of a loader, `next(iter(loader))`; all else as it is.

    Example:
        >>> import numpy as np
        >>> images, labels = one_batch({"image": np.zeros((2, 8, 8, 3)), "label": [0, 1]})
        >>> images.shape, labels
        ((2, 8, 8, 3), [0, 1])
    """
    if not (isinstance(images, Mapping) or _is_pair(images)):
        return images, labels
    batch = _unpacked(images)
    return batch.images, batch.labels if labels is None else labels


def batches(images: Any, batch_size: int, *, labels: Any = None, axes: int = 4) -> Iterator[Batch]:
    """Cut images in memory into batches, or take those of an iterable as they are.

    `axes` are those of a batch: 4 of images (N, H, W, C), 3 of signals, 5 of volumes.

    Raises:
        ModelError: a batch is no array of images, or labels do not fit them.

    Example:
        >>> import numpy as np
        >>> [len(batch.images) for batch in batches(np.zeros((5, 8, 8, 3)), 2)]
        [2, 2, 1]
    """
    images, labels = one_batch(images, labels)
    if _is_images(images):
        images, labels = images.images, images.labels if labels is None else labels
    if not hasattr(images, "shape"):
        yield from _given(images, labels, axes)
        return
    images = _array(images)
    if labels is not None and len(labels) != len(images):
        raise ModelError(
            f"Expected one label an image ({len(images)}), got {len(labels)}. Try: labels=labels"
        )
    if len(images.shape) != axes:  # to be refused by the model, which knows why
        yield Batch(images, labels)
        return
    for start in range(0, max(len(images), 1), batch_size):
        part = slice(start, start + batch_size)
        yield Batch(images[part], None if labels is None else labels[part])


def several_batches(
    inputs: Any, batch_size: int, explained: Key, name: str, names: Sequence[Key] = ()
) -> Iterator[Batch]:
    """Batches of several inputs of the model `name`: of a tuple or dict, or of an iterable of them.

    Example:
        >>> pair = (np.zeros((5, 8, 8, 3)), np.zeros((5, 4)))
        >>> [len(batch.images) for batch in several_batches(pair, 2, 0, "net")]
        [2, 2, 1]
    """
    if isinstance(inputs, (Mapping, tuple, list)) or hasattr(inputs, "shape"):
        whole = several(inputs, explained, name, names)
        for start in range(0, max(len(whole), 1), batch_size):
            yield Batch(whole[start : start + batch_size])
        return
    for item in inputs if isinstance(inputs, Iterable) else [inputs]:
        yield Batch(several(item, explained, name, names))


def _given(source: Any, labels: Any, axes: int) -> Iterator[Batch]:
    """The batches of an iterable; `labels` for all of its images, where they do not come along."""
    if not isinstance(source, Iterable) or isinstance(source, (str, bytes)):
        raise ModelError(
            f"Expected images (N, H, W, C) or batches of them, got {type(source).__name__}. "
            f"Try: {_advice(source, source)}"
        )
    start = 0
    for item in source:
        batch = _batch(item, source, axes)
        if labels is not None:
            batch = Batch(batch.images, labels[start : start + len(batch.images)])
        start += len(batch.images)
        yield batch


def _batch(item: Any, source: Any, axes: int) -> Batch:
    """A batch that came out of `source`."""
    batch = _unpacked(item)
    shape = getattr(batch.images, "shape", None)
    if shape is None or len(shape) < axes:
        got = type(batch.images).__name__ if shape is None else f"shape {tuple(shape)}"
        raise ModelError(
            f"Expected batches of images (n, H, W, C), got {got}. "
            f"Try: {_advice(batch.images, source)}"
        )
    return batch._replace(images=_array(batch.images))


def _advice(item: Any, source: Any = None) -> str:
    """What makes a batch of something that is none."""
    if isinstance(item, (str, bytes, PathLike)):
        return "np.asarray(PIL.Image.open(path))[None]"
    if isinstance(source, (list, tuple)):
        shapes = {tuple(getattr(each, "shape", ())) for each in source}
        parts = ", images of one size" if len(shapes) > 1 or shapes == {()} else ""
        return f"{'torch' if is_tensor(item) else 'np'}.stack(images){parts}"
    if hasattr(source, "batch"):  # of tf.data
        return "images.batch(32)"
    if hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        return "torch.utils.data.DataLoader(images, batch_size=32)"
    if hasattr(item, "getbands"):  # a picture of Pillow's
        return "np.asarray(images)[None]"
    return "a NumPy array" if source is item else "batches of them, as np.stack gives"


def _unpacked(item: Any) -> Batch:
    """Images and labels of a mapping, a pair, or images alone."""
    if isinstance(item, Mapping):
        return Batch(_images_in(item), next((item[key] for key in _LABELS if key in item), None))
    if isinstance(item, (tuple, list)) and item and hasattr(item[0], "shape"):
        return Batch(item[0], item[1] if len(item) > 1 else None)
    return Batch(item)


def _images_in(batch: Mapping[str, Any]) -> Any:
    """The images of a mapping: by a name that is usual, or the only thing that may be images.

    Raises:
        ModelError: there are none, or several of other names.
    """
    named = [batch[key] for key in _IMAGES if key in batch]
    found = named or [x for x in batch.values() if len(getattr(x, "shape", ())) > 2]
    if not named and len(found) != 1:
        first = next(iter(batch), "images")
        raise ModelError(
            f"Expected a batch with one of {', '.join(_IMAGES[:4])}, got "
            f"{', '.join(map(str, batch))}. Try: (batch[{first!r}] for batch in images)"
        )
    return found[0]


def _is_pair(images: Any) -> bool:
    """Whether a list or tuple is one batch (images, labels, ...) and not several batches."""
    if not isinstance(images, (tuple, list)) or len(images) < 2:
        return False
    first, second = (getattr(part, "shape", None) for part in images[:2])
    if first is None or len(first) < 3:
        return False
    labels = second if second is not None else np.shape(images[1])
    return 1 <= len(labels) <= 2 and labels[0] == first[0]


def _array(images: Any) -> Any:
    """A torch tensor, plain, or a NumPy array."""
    if not is_tensor(images):
        return np.asarray(images)
    kinds = (kind for kind in type(images).__mro__ if kind.__module__ == "torch")
    return images.as_subclass(next(kinds))


def channels_last(images: Any) -> Array:
    """NumPy images (N, *sides, C), also of a torch tensor (N, C, *sides).

    Example:
        >>> import numpy as np
        >>> channels_last(np.zeros((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """
    if isinstance(images, Several):
        return images  # type: ignore[return-value]  # which stands where images stand
    if is_tensor(images):
        return np.moveaxis(to_host(_array(images)), 1, -1)
    return np.asarray(images)


def image_shape(images: Any) -> tuple[int, ...]:
    """(*sides, C) of images (N, *sides, C), also of a torch tensor (N, C, *sides).

    Example:
        >>> import numpy as np
        >>> image_shape(np.zeros((2, 8, 9, 3)))
        (8, 9, 3)
    """
    shape = tuple(int(side) for side in images.shape[1:])
    return (*shape[1:], shape[0]) if is_tensor(images) else shape


def is_tensor(images: Any) -> bool:
    """Whether the images are a torch tensor, with channels first; also one of a subclass.

    Example:
        >>> is_tensor(0)
        False
    """
    return any(kind.__module__.partition(".")[0] == "torch" for kind in type(images).__mro__)


def to_host(x: Any) -> Array:
    """A tensor as NumPy, in float32 where NumPy lacks its type; anything else as an array.

    Example:
        >>> to_host([1, 2]).tolist()
        [1, 2]
    """
    if not is_tensor(x):
        return np.asarray(x)
    x = x.detach().cpu()
    return np.asarray(x.float() if str(x.dtype) == "torch.bfloat16" else x)


def _is_images(images: Any) -> bool:
    return hasattr(images, "images") and hasattr(images, "labels")
