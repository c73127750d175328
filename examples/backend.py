"""A backend of your own: what `campare.types.Classifier` asks of a model that no framework runs.

A network in plain NumPy: the image is cut into patches of 4 pixels, each becomes a feature vector
A, their mean is read by a linear layer. Its gradient is known, so the tap is a few lines. explain()
takes the object as it is. For a framework of another kind, `campare.models.backends` has three
files to look at; each gives a forward pass with one output edited, and its gradient.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np

from campare import explain
from campare.models.targets import class_score, one_hot, resolve
from campare.types import Floats, Grid, LayerInfo, Tap

PATCH = 4


class Patches:
    """A classifier of images (N, 32, 32, 3) in NumPy."""

    name, class_names, input_shape = "patches", ("dark", "bright"), (32, 32, 3)
    n_classes, bypassed, fixed_batch, default_layer = 2, None, False, "patches"
    layers = (LayerInfo("patches", "Patches", (8, 8, 6), Grid((8, 8), "channels-last")),)

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.embed = rng.normal(size=(PATCH * PATCH * 3, 6)).astype(np.float32)
        self.head = rng.normal(size=(6, 2)).astype(np.float32)

    def layer(self, path: Any = None, shape: Any = None) -> LayerInfo:
        """There is one layer."""
        return self.layers[0]

    def features(self, images: Any) -> Floats:
        """A: (N, 8, 8, 6), the rectified embedding of each patch."""
        n = len(images)
        cut = np.asarray(images, np.float32).reshape(n, 8, PATCH, 8, PATCH, 3)
        patches = cut.transpose(0, 1, 3, 2, 4, 5).reshape(n, 8, 8, -1)
        return np.maximum(patches @ self.embed, 0)

    def logits(self, A: Floats) -> Floats:
        """What follows the layer: the mean over the grid, then a linear layer."""
        return A.mean(axis=(1, 2)) @ self.head

    def predict(self, images: Any) -> Floats:
        """Logits (N, 2)."""
        return self.logits(self.features(images))

    def tap(self, images: Any, target: Any = None, **options: Any) -> Tap:
        """A, and the gradient of a class's logit there: head / 64 in every cell."""
        A = self.features(images)
        logits = self.logits(A)
        index = resolve(logits, np.full(len(A), -1) if target is None else np.asarray(target))
        chosen = one_hot(np.broadcast_to(index, (len(A),)), logits)
        G = np.broadcast_to((chosen @ self.head.T / 64)[:, None, None, :], A.shape)
        return Tap(A, G, class_score(logits, index), logits)

    def start(
        self, images: Any, target: Any = None, *, read: Any, **options: Any
    ) -> Callable[[], Any]:
        """Nothing runs elsewhere: the result is there when it is called."""
        found = read(self.tap(images, target))
        return lambda: tuple(np.asarray(each) for each in found)

    def input_gradients(self, images: Any, target: Any = None, *, guided: bool = False) -> Floats:
        """Not needed by methods of a layer."""
        raise NotImplementedError

    def bottleneck(self, layer: Any = None, shape: Any = None) -> bool:
        """The logits depend on the image through the patches alone."""
        return True

    @contextmanager
    def randomized(self, layers: Any, rng: np.random.Generator) -> Any:
        """Within the block the weights are drawn anew."""
        kept = self.embed, self.head
        self.embed, self.head = (rng.permuted(weights) for weights in kept)
        try:
            yield
        finally:
            self.embed, self.head = kept


def main() -> None:
    """Grad-CAM of the NumPy network, beside the equation written out."""
    network = Patches()
    images = np.random.default_rng(1).random((3, 32, 32, 3), np.float32)
    found = explain(network, images, target="bright", method="grad-cam")
    alpha = network.head[:, 1] / 64
    by_hand = np.maximum(network.features(images) @ alpha, 0)
    print(f"maps {found.maps.shape} at layer {found.layer}")
    print(f"as by hand: {np.allclose(found.maps, by_hand, atol=1e-5)}")


if __name__ == "__main__":
    main()
