"""The words of campare as types: arrays, the tap, and the columns of the table.

Data flows one way: images -> Classifier.tap -> Tap -> a CAM method -> maps -> metrics -> rows.
This module imports nothing of campare and no framework.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: Columns of the table, in order. One measurement is one row.
SCORE_COLUMNS = (
    "recipe", "seed", "split", "image", "group", "label", "prediction", "target",
    "method", "layer", "metric", "value", "status",
)  # fmt: skip

#: Those that a table needs: `group`, the unit of independence (a patient, a video), is the image
#: itself where it is null or lacks altogether.
NEEDED_COLUMNS = tuple(name for name in SCORE_COLUMNS if name != "group")


class Grid(NamedTuple):
    """How a layer's output holds a grid of feature vectors.

    `shape` is (h, w) for images, of any rank for other inputs; None: as the input makes it.
    `layout` is 'channels-last' (N, *grid, C), 'channels-first' (N, C, *grid), or that of a sequence
    with n = prod(grid) patches after `skip` other tokens (class, prompts, registers), perhaps with
    more of those behind: 'tokens' (N, T, C), 'tokens-last' (N, C, T), 'tokens-first' (T, N, C).
    `order` is the token of each cell, row by row, where they lie otherwise; there may be several
    axes of tokens then.
    """

    shape: tuple[int | None, ...]
    layout: Literal["channels-last", "channels-first", "tokens", "tokens-last", "tokens-first"]
    skip: int = 0
    order: tuple[int, ...] | None = None


class LayerInfo(NamedTuple):
    """A layer of a classifier: `path` is unique (`resnet50/conv5_block3_out`)."""

    path: str
    kind: str
    shape: tuple[int | None, ...]  # of the output as the framework has it, without the batch axis
    grid: Grid | None = None  # None: the output is no grid

    @property
    def spatial(self) -> bool:
        """Whether the output is a grid of feature vectors larger than one cell."""
        return self.grid is not None and set(self.grid.shape) != {1}


class Tap(NamedTuple):
    """What a tapped forward pass gives for a batch of N images."""

    activations: Any  # (N, h, w, C)  A
    gradients: Any  # (N, h, w, C)  G = d score / d A
    scores: Any  # (N,)
    logits: Any  # (N, K); on the device the raw output, whatever it is, on the host its numbers
    curvature: Any = None  # (N, h, w, C)  the Hessian of the score times A, where asked for
    attentions: Any = None  # ((A, dS/dA), ...), (N, heads, T, T) each, where looked for


#: (logits (N, K), class index (N,)) -> score (N,), in the arrays of the model's framework.
Score = Callable[[Any, Any], Any]

#: What the device computes from a tap before anything comes back to the host.
Read = Callable[[Tap], tuple[Any, ...]]

#: Class indices, one for all or one an image; a function of logits (N, K) -> scores (N,);
#: None or 'prediction': each image's predicted class; 'second-best': the next one.
Target = int | Ints | Callable[[Any], Any] | str | None


class Classifier(Protocol):
    """An image classifier with NumPy in and out, channels last, logits before any softmax."""

    name: str
    class_names: tuple[str, ...] | None
    input_shape: tuple[int | None, ...]  # (H, W, C) of one image; None: any size

    @property
    def n_classes(self) -> int:
        """Number of classes K; 2 for a single-unit output."""
        ...

    @property
    def bypassed(self) -> str | None:
        """The softmax or sigmoid at the end that logits are taken before."""
        ...

    @property
    def fixed_batch(self) -> bool:
        """Whether every new batch size is compiled anew: fill the last batch up."""
        ...

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers in the order they run."""
        ...

    @property
    def default_layer(self) -> str:
        """Path of the last spatial layer."""
        ...

    def layer(self, path: Any = None, shape: tuple[int | None, ...] | None = None) -> LayerInfo:
        """The spatial layer at `path` (None: the default one) for images of `shape` (H, W, C)."""
        ...

    def merging(self, classes: Sequence[Sequence[int]]) -> Self:
        """The classifier with classes of several outputs each: the outputs of each class."""
        ...

    def predict(self, images: Any) -> Floats:
        """Logits (N, K) of images (N, H, W, C)."""
        ...

    def tap(
        self,
        images: Any,
        target: Target = None,
        *,
        layer: Any = None,
        eps: Array | None = None,
        scale: Array | None = None,
        repeat: int = 1,
        curvature: bool = False,
        score: Score | None = None,
    ) -> Tap:
        """Activations at `layer`, and the gradient of the target's score there."""
        ...

    def start(
        self,
        images: Any,
        target: Target = None,
        *,
        read: Read,
        layer: Any = None,
        curvature: bool = False,
        gradients: bool = True,
        score: Score | None = None,
    ) -> Callable[[], tuple[Array, ...]]:
        """Tap and `read` on the device; the result, when called, waits and fetches."""
        ...

    def input_gradients(
        self, images: Any, target: Target = None, *, guided: bool = False
    ) -> Floats:
        """The gradient of the target's score in the images (N, H, W, C)."""
        ...

    def attended(self, images: Any, target: Target = None, *, read: Read) -> tuple[Array, ...]:
        """What `read` makes on the device of a tap with the self-attention of a pass."""
        ...

    def bottleneck(self, layer: Any = None) -> bool:
        """Whether the logits depend on the image through `layer` alone."""
        ...

    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> AbstractContextManager[None]:
        """Within the block, the weights of `layers` (None: all) are drawn anew."""
        ...
