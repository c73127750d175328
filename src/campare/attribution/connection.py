"""Whether a score depends on the layer that is explained, and which layer it does depend on.

    G = dS / dA = 0 everywhere at the layer            ->  the map says nothing: `unconnected`
    A, G not 0 in the same channel, relu(...) = 0      ->  all speaks against it: `all-negative`

It is read from the tap that makes the maps, so that it costs no pass of its own.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np

from campare.attribution.batches import image_shape
from campare.attribution.maps import status
from campare.attribution.method import Method
from campare.errors import LayerError
from campare.models.arrays import map_axes, namespace
from campare.types import Array, Bools, Classifier, Floats, Tap, Target

#: How many layers are tried for one that the score depends on.
_TRIED = 8


class Dependence(NamedTuple):
    """How the scores of images (N,) depend on a layer."""

    moving: Bools  # the gradient there is not zero everywhere
    weighed: Bools  # some channel is active, and has a gradient

    def reasons(self, zero: Bools, method: Method) -> Array:
        """Why maps of a method are `zero` everywhere, (N,) -> (N,); '' where that is not known.

        One that the method rectified is `all-negative` where there was something to weigh.
        """
        rectified = method.kind == "gradient" and not method.signed
        against = np.where(zero & self.weighed & rectified, "all-negative", "")
        return np.where(self.moving, against, "unconnected")

    def status(self, maps: Floats, method: Method) -> Array:
        """What is wrong with each map of a method, or 'ok': (N, h, w) -> (N,)."""
        reasons = self.reasons(np.asarray(~maps.any(axis=map_axes(maps))), method)
        return np.where(reasons == "", status(maps), reasons)


def depends(classifier: Classifier, images: Any, target: Target, layer: str) -> Dependence:
    """How the scores of images depend on `layer`, with a pass of its own.

    Example:
        >>> import keras
        >>> from campare.models import wrap
        >>> network = wrap(keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ]))
        >>> depends(network, np.ones((2, 8, 8, 3)), 1, "conv").moving.tolist()
        [True, True]
    """
    found = classifier.start(images, target, read=dependence, layer=layer)()
    return Dependence(*(np.asarray(each, bool) for each in found))


def dependence(tap: Tap) -> tuple[Any, Any]:
    """The two of a `Dependence`, to be read from a tap."""
    xp = namespace(tap.gradients)
    grid = tuple(range(1, len(tap.gradients.shape) - 1))
    wanted = xp.any(tap.gradients != 0, axis=grid)  # (N, C)
    active = xp.any(tap.activations != 0, axis=grid)
    return xp.any(wanted, axis=-1), xp.any(wanted & active, axis=-1)


def without_gradients(
    classifier: Classifier,
    images: Any,
    target: Target,
    layer: str,
    methods: tuple[Method, ...],
) -> Dependence:
    """How the scores depend on `layer`, for methods without gradients.

    Judged for all images alike; once a layer by a classifier that keeps it, and knows when it
    is another.
    """
    known: set[Any] = getattr(classifier, "connected", set())
    key = (layer, image_shape(images))
    moving = key in known or all(each.kind == "baseline" for each in methods)
    if not moving and depends(classifier, images, target, layer).moving.any():
        known.add(key)
        moving = True
    return Dependence(np.full(len(images), moving), np.zeros(len(images), bool))


def warn_of_another_input(classifier: Classifier, images: Any, layers: Any) -> None:
    """Of several inputs, say where a layer that is named, or one of several, sees but the others.

    Raises:
        LayerError: there is no such layer.
    """
    name, sees = getattr(classifier, "input", None), getattr(classifier, "sees", None)
    if name is None or sees is None:
        return
    shape = image_shape(images)
    for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
        path = classifier.layer(layer, shape).path
        if sees(path, shape):
            continue
        warnings.warn(
            f"Expected a layer that is computed from the input {name!r}, got {path!r}, which is "
            f"not: its map is of another input. Try: layer={classifier.layer(None, shape).path!r}, "
            "or the name of that input",
            stacklevel=2,
        )


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
        if depends(classifier, images, target, path).moving.any():
            return path
    raise LayerError(
        f"Expected a score that depends on a layer of {classifier.name!r}, got a gradient of zero "
        f"everywhere at {', '.join([but, *tried])}. Try: another target, or layer={but!r}, whose "
        "maps are then said to be unconnected"
    )
