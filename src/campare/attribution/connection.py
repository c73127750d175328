"""Whether a score depends on the layer that is explained, and which layer it does depend on.

    G = dS / dA = 0 everywhere at the layer  ->  the map says nothing: `unconnected`

Only maps that are zero everywhere are suspected, so that what is right costs no pass of its own.
"""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from campare.attribution.batches import image_shape
from campare.attribution.method import Method
from campare.errors import LayerError
from campare.models.arrays import map_axes, namespace
from campare.types import Array, Bools, Classifier, Tap, Target

#: How many layers are tried for one that the score depends on.
_TRIED = 8

#: Layers that some score was found to depend on, so that methods without gradients check once.
_KNOWN: "WeakKeyDictionary[Classifier, set[Any]]" = WeakKeyDictionary()


def depends(classifier: Classifier, images: Any, target: Target, layer: str) -> Bools:
    """(N,): for which images the gradient of the score at `layer` is not zero everywhere.

    Example:
        >>> import keras
        >>> from campare.models import wrap
        >>> network = wrap(keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ]))
        >>> depends(network, np.ones((2, 8, 8, 3)), 1, "conv").tolist()
        [True, True]
    """
    (moves,) = classifier.start(images, target, read=_moves, layer=layer)()
    return np.asarray(moves, bool)


def unconnected(
    classifier: Classifier,
    images: Any,
    target: Target,
    layer: str,
    methods: tuple[Method, ...],
    maps: Mapping[str, Array],
) -> Bools:
    """(N,): for which images nothing at `layer` changes the score, judged where a map is zero.

    Where no method has gradients, it is judged once a layer, and for all images alike.
    """
    n = len(images)
    with_gradient = [maps[each.name] for each in methods if each.kind == "gradient"]
    if with_gradient:
        blank: Bools = np.logical_and.reduce([_is_zero(each) for each in with_gradient])
        if blank.any():
            blank &= ~depends(classifier, images, target, layer)
        return blank
    if all(each.kind == "baseline" for each in methods):
        return np.zeros(n, bool)
    known, key = _KNOWN.setdefault(classifier, set()), (layer, image_shape(images))
    if key not in known and depends(classifier, images, target, layer).any():
        known.add(key)
    return np.full(n, key not in known)


def connected_layer(classifier: Classifier, images: Any, target: Target, but: str) -> str:
    """The last layer on which the score of these images depends, where it is not `but`.

    Raises:
        LayerError: there is none; the text names those that were tried.
    """
    shape = image_shape(images)
    others: list[str] = [info.path for info in classifier.layers[::-1] if info.spatial]
    if hasattr(classifier, "others"):  # one of campare's, which knows which are better
        others = classifier.others(but, shape)
    tried = [path for path in others if path != but][:_TRIED]
    for path in tried:
        if depends(classifier, images, target, path).any():
            return path
    raise LayerError(
        f"Expected a score that depends on a layer of {classifier.name!r}, got a gradient of zero "
        f"everywhere at {', '.join([but, *tried])}. Try: another target, or layer={but!r}, whose "
        "maps are then said to be unconnected"
    )


def _moves(tap: Tap) -> tuple[Any, ...]:
    xp = namespace(tap.gradients)
    axes = tuple(range(1, len(tap.gradients.shape)))
    return (xp.any(tap.gradients != 0, axis=axes),)


def _is_zero(maps: Array) -> Bools:
    return np.asarray(~np.asarray(maps).any(axis=map_axes(maps)), bool)
