"""What is explained: class names, labels and contrasts as targets that a classifier takes.

7 | "cat" | one an image | "label" | "prediction" | "second-best" | Contrast("cat", "dog")
| Class, Region, Box, Regression, Embedding | "value" | "-value" | "region:cat" | "box:cat"
| a function of the raw output -> scores (N,)
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from campare.attribution.batches import to_host
from campare.errors import TargetError
from campare.models.targets import RANKS, Contrast
from campare.targets import Box, Class, Region, named
from campare.types import Array, Classifier, Floats, Ints, Target

#: What people may ask for.
Wanted = Target | str | Contrast | Sequence[int] | Sequence[str]

LABEL = "label"


def is_one_an_image(target: Any) -> bool:
    """Whether the target is a sequence, one class an image.

    Example:
        >>> is_one_an_image([0, 1]), is_one_an_image("cat"), is_one_an_image(3)
        (True, False, False)
    """
    return (
        not (target is None or isinstance(target, str) or callable(target)) and np.ndim(target) > 0
    )


def resolve_target(classifier: Classifier, target: Any, labels: Array | None = None) -> Target:
    """The target as the classifier takes it: names become indices, 'label' the labels given.

    Raises:
        TargetError: a name that is not one of the classifier's classes, or 'label' without labels.
    """
    if target is None or (isinstance(target, str) and target in RANKS):
        return target
    if isinstance(target, Contrast):
        return Contrast(class_index(classifier, target.this), class_index(classifier, target.that))
    if isinstance(target, str) and target not in (classifier.class_names or ()):
        target = named(target) or target
    if isinstance(target, Class):
        return class_index(classifier, target.name)
    if isinstance(target, (Region, Box)):
        name = _region_index(classifier, target.name)
        return target.fitted(name, getattr(classifier, "classes_axis", -1))
    if callable(target):
        return target  # type: ignore[no-any-return]
    if isinstance(target, str) and target == LABEL:
        if labels is None:
            raise TargetError(
                "Expected labels for target='label', got images alone. "
                "Try: labels=..., or batches of (images, labels)"
            )
        return class_indices(classifier, labels)
    if is_one_an_image(target):
        return class_indices(classifier, target)
    return class_index(classifier, target)


def _region_index(classifier: Classifier, name: Any) -> int:
    """The index of a class of a segmentation, whose number of classes is known when it runs."""
    names = classifier.class_names
    if isinstance(name, str) and not name.isdigit():
        if not names or name not in names:
            known = ", ".join(names) if names else "an index; the model carries no class names"
            raise TargetError(
                f"Expected a class of {classifier.name!r}, got {name!r}. Try: {known}"
            )
        return names.index(name)
    return int(name)


def class_indices(classifier: Classifier, classes: Any) -> Ints:
    """Class names, indices or one-hot rows, one an image, as indices (N,)."""
    array = to_host(classes)
    if array.ndim == 2 and array.shape[1] == classifier.n_classes > 1:  # one-hot
        tied = (array == array.max(axis=1, keepdims=True)).sum(axis=1) != 1
        if tied.any():
            raise TargetError(
                f"Expected one class an image, got {array[tied][0].tolist()}, which is several or "
                "none. Try: target=labels.argmax(1) for the first, or the index of a class"
            )
        return np.asarray(array.argmax(axis=1), np.int64)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind in "US":
        return np.array([class_index(classifier, str(name)) for name in array.ravel()], np.int64)
    return array


def class_index(classifier: Classifier, name: Any) -> int:
    """The index of a class given by name or index.

    Raises:
        TargetError: the model has no class of that name or index.
    """
    names = classifier.class_names
    if isinstance(name, str):
        if names and name in names:
            return names.index(name)
        if not name.lstrip("-").isdigit():
            known = ", ".join(names) if names else "an index; the model carries no class names"
            raise TargetError(
                f"Expected a class of {classifier.name!r}, got {name!r}. Try: {known}"
            )
    index = int(name)
    if not 0 <= index < classifier.n_classes:
        raise TargetError(
            f"Expected a class index from 0 to {classifier.n_classes - 1}, got {index}. "
            f"Try: one of the {classifier.n_classes} outputs of {classifier.name!r}"
        )
    return index


def target_indices(target: Target, logits: Floats) -> Ints | None:
    """The class index that each image was explained for; None for a function of the logits."""
    order = logits.argsort(axis=1, kind="stable")
    if target is None or (isinstance(target, str) and target == "prediction"):
        return np.asarray(logits.argmax(axis=1), np.int64)
    if isinstance(target, str):
        return np.asarray(order[:, -2:][:, 0], np.int64)
    if isinstance(target, Contrast):
        return np.full(len(logits), target.this, np.int64)
    if isinstance(target, Callable):  # type: ignore[arg-type]
        return None
    return np.broadcast_to(np.asarray(target, np.int64), (len(logits),))
