"""The fixed sample that a callback measures: of an ImageSet, of images in memory, or of arrays.

Images whose object has a mask come first; the rest would only leave measures undefined.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from campare.attribution.batches import is_tensor
from campare.data import Images, ImageSet
from campare.data.samples import VALIDATION
from campare.errors import DataError
from campare.experiments import quality
from campare.types import Array, Classifier


def sampled(
    data: Any, classifier: Classifier, count: int, seed: int, split: str | None, size: int | None
) -> Images:
    """`count` images, as many of each class as can be, at the size that the model takes.

    Raises:
        DataError: data of another kind, arrays that do not fit, or no image in the split.
    """
    if isinstance(data, ImageSet):
        return _from_set(data, split, count, seed, _size(classifier, size or data.default_size))
    images = data if isinstance(data, Images) else _from_arrays(data, classifier)
    return quality.sampled(images, count, seed)


def _from_set(
    data: ImageSet, split: str | None, count: int, seed: int, size: tuple[int, int]
) -> Images:
    """A sample of a split, validation images where there are any, of those with a mask."""
    split = split or (VALIDATION if VALIDATION in data.splits else "test")
    samples = data.of(split)
    masked = data.inventory.with_mask("object")
    samples = tuple(each for each in samples if each.image in masked) or samples
    if not samples:
        raise DataError(f"Expected images in split {split!r}, got none. Try: split='train'")
    rows = quality.sample(np.array([each.label for each in samples], np.int64), count, seed)
    return replace(data, samples=tuple(samples[i] for i in rows)).load(split, size)


def _from_arrays(data: Any, classifier: Classifier) -> Images:
    """(images, labels) or (images, labels, masks) as images in memory."""
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        raise DataError(
            "Expected an ImageSet, a folder, Images, or arrays (images, labels) or (images, "
            f"labels, masks), got {type(data).__name__}. Try: (x_val, y_val)"
        )
    pixels, labels, *masks = (_array(each) for each in data)
    if is_tensor(data[0]):
        pixels = np.moveaxis(pixels, 1, -1)
    if labels.ndim == 2:  # one-hot
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    expected = pixels.shape[:3]
    wrong = [labels] if labels.shape != expected[:1] else []
    wrong += [mask for mask in masks if mask.size != np.prod(expected)]
    if pixels.ndim != 4 or wrong:
        raise DataError(
            f"Expected images (N, H, W, C), labels (N,) and masks (N, H, W), got an array "
            f"{(wrong or [pixels])[0].shape} beside images {pixels.shape}. "
            "Try: arrays of the same N, H and W"
        )
    names = classifier.class_names or tuple(map(str, range(classifier.n_classes)))
    return Images(
        images=pixels,
        labels=labels.astype(np.int64),
        names=tuple(map(str, range(len(pixels)))),
        regions={"object": masks[0].reshape(expected) > 0} if masks else {},
        class_names=names,
    )


def _array(values: Any) -> Array:
    """Values as NumPy's, also of a torch tensor on any device."""
    return np.asarray(values.detach().cpu() if is_tensor(values) else values)


def _size(classifier: Classifier, size: int | None) -> tuple[int, int]:
    """Height and width of the model's input; for one that takes any, the size given."""
    height, width = (side or size for side in classifier.input_shape[:2])
    if height is None or width is None:
        raise DataError(
            f"Expected a size for {classifier.name!r}, which takes images of any size, got none. "
            "Try: size=224"
        )
    return height, width
