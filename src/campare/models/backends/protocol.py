"""What a backend compiles: a forward pass with one output edited, and what is read from it.

    images -> ... -> layer -> A -> A * scale + eps -> ... -> logits -> score S
                                  G = dS / d eps                        read(A, G, S, logits)

The three backends differ only in how they differentiate and compile; what they run is here.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from campare.errors import LayerError
from campare.models.arrays import namespace
from campare.models.grids import read_grid, write_grid
from campare.types import Grid, Read, Score

#: Given the images, run the model and return its logits (N, K) in float32.
Forward = Callable[[Any], Any]
#: Given the images, run the model: its logits, and layers' outputs by path as `mark` keeps them.
Traced = Callable[[Any], tuple[Any, dict[str, Any]]]
#: Patch the layer so that its output passes through a function, for the length of the block.
Edit = Callable[[Callable[[Any], Any]], AbstractContextManager[None]]
#: Called with (images, index, scale, eps), NumPy or the framework's; outputs of the framework.
Run = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True)
class Program:
    """A tapped forward pass, to be compiled by a backend."""

    forward: Forward
    edit: Edit
    grid: Grid
    score: Score
    read: Read
    perturbed: bool = False  # whether scale and eps are given
    repeat: int = 1
    curvature: bool = False
    gradients: bool = True  # whether `read` looks at them
    guided: Callable[[int], None] | None = None  # every ReLU passes only positive gradients back;
    # it is told how many did, whatever function or layer of the network computes them
    attended: int = 0  # the number of images whose self-attention is looked for; 0: it is not
    index: tuple[tuple[int, ...], str] = ((), "int32")  # what the score is given for each image


def enter(program: Program, output: Any, scale: Any, eps: Any) -> tuple[Any, Any]:
    """The features A * scale + eps (N, h, w, C) of a layer's output, and the output repeated."""
    xp = namespace(output)
    if program.repeat > 1:
        output = xp.concatenate([output] * program.repeat, axis=0)
    features = read_grid(output, program.grid)
    if program.perturbed:
        shape, features = features.shape, features * scale + eps
        if hasattr(features, "set_shape"):  # TensorFlow does not know that they broadcast to it
            features.set_shape(shape)
    return features, output


def leave(program: Program, features: Any, output: Any) -> Any:
    """The layer's output with the (watched) features in it."""
    return write_grid(features, output, program.grid)


def only(watched: list[Any]) -> Any:
    """The one thing watched in a forward pass.

    Raises:
        LayerError: the layer ran twice, or not at all.
    """
    if len(watched) != 1:
        raise LayerError(
            f"Expected the tapped layer to run once in a forward pass, got {len(watched)} times. "
            "Try: the layer after it, whose output is used once"
        )
    return watched[0]
