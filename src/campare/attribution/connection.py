"""Whether a score depends on the layer that is explained, and which layer it does depend on.

    G = dS / dA = 0 everywhere at the layer  ->  the map says nothing: `unconnected`

It is read from the tap that makes the maps, so that it costs no pass of its own.
"""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from campare.attribution.batches import image_shape
from campare.attribution.method import Method
from campare.errors import LayerError
from campare.models.arrays import namespace
from campare.types import Bools, Classifier, Tap, Target

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
    (moving,) = classifier.start(images, target, read=moves, layer=layer)()
    return np.asarray(moving, bool)


def moves(tap: Tap) -> tuple[Any, ...]:
    """(N,): whether the gradient of each image is not zero everywhere, to be read from a tap."""
    xp = namespace(tap.gradients)
    axes = tuple(range(1, len(tap.gradients.shape)))
    return (xp.any(tap.gradients != 0, axis=axes),)


def unconnected(
    classifier: Classifier,
    images: Any,
    target: Target,
    layer: str,
    methods: tuple[Method, ...],
) -> Bools:
    """(N,): whether nothing at `layer` changes the score, for methods without gradients.

    Judged once a layer, and for all images alike.
    """
    if all(each.kind == "baseline" for each in methods):
        return np.zeros(len(images), bool)
    known = getattr(classifier, "connected", None)  # which a change of the model empties
    known = _KNOWN.setdefault(classifier, set()) if known is None else known
    key = (layer, image_shape(images))
    if key not in known and depends(classifier, images, target, layer).any():
        known.add(key)
    return np.full(len(images), key not in known)


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
