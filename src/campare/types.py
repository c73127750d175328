"""The words of campare as types: arrays, the tap, and the columns of the table.

Data flows one way: images -> Classifier.tap -> Tap -> a CAM method -> maps -> metrics -> rows.
This module imports nothing of campare and no framework.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: Columns of the table, in order. One measurement is one row.
SCORE_COLUMNS = (
    "recipe", "seed", "split", "image", "label", "prediction", "target",
    "method", "layer", "metric", "value", "status",
)  # fmt: skip


class LayerInfo(NamedTuple):
    """A layer of a classifier: `path` is unique (`resnet50/conv5_block3_out`)."""

    path: str
    kind: str
    shape: tuple[int | None, ...]  # of the output, without the batch axis

    @property
    def spatial(self) -> bool:
        """Whether the output is a grid of feature vectors, (h, w, C), larger than 1 x 1."""
        return len(self.shape) == 3 and self.shape[:2] != (1, 1)


class Tap(NamedTuple):
    """What a tapped forward pass gives for a batch of N images."""

    activations: Floats  # (N, h, w, C)
    gradients: Floats  # (N, h, w, C)  d score / d activations
    scores: Floats  # (N,)
    logits: Floats  # (N, K)


#: Class indices, one for all or one an image; a function of logits (N, K) -> scores (N,);
#: None: each image's predicted class.
Target = int | Ints | Callable[[Any], Any] | None


class Classifier(Protocol):
    """An image classifier with NumPy in and out, channels last, logits before any softmax."""

    name: str
    class_names: tuple[str, ...] | None
    bypassed: str | None  # the softmax or sigmoid at the end that logits are taken before

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers in the order they run."""
        ...

    @property
    def default_layer(self) -> str:
        """Path of the last spatial layer."""
        ...

    input_shape: tuple[int | None, ...]  # (H, W, C) of one image; None: any size

    def layer(self, path: str | None) -> LayerInfo:
        """The spatial layer at `path`; None: the default one."""
        ...

    def predict(self, images: Array) -> Floats:
        """Logits (N, K) of images (N, H, W, C)."""
        ...

    def tap(
        self,
        images: Array,
        target: Target = None,
        *,
        layer: str | None = None,
        eps: Array | None = None,
    ) -> Tap:
        """Activations at `layer`, and the gradient of the target's score there."""
        ...

    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> AbstractContextManager[None]:
        """Within the block, the weights of `layers` (None: all) are drawn anew."""
        ...
