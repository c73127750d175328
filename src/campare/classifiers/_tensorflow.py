"""The tap on TensorFlow: a model compiled with one layer's output watched.

`tape.watch` is called on the tapped output while the graph is traced; what runs before it is
never recorded, and the patches that do it are gone when the trace ends.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tensorflow as tf

from campare.errors import LayerError

#: Given the model's input tensor, run it and return its logits.
Forward = Callable[[Any], Any]
#: Patch one layer so that its output passes through a function, for the length of the block.
Edit = Callable[[Callable[[Any], Any]], AbstractContextManager[None]]
#: (logits (N, K), target) -> score (N,)
Score = Callable[[Any, Any], Any]


def image_spec(shape: tuple[int | None, ...]) -> Any:
    """The signature of a batch of images of `shape` (H, W, C), of any number."""
    return tf.TensorSpec([None, *shape], tf.float32)


def trace(forward: Forward, shape: tuple[int | None, ...]) -> None:
    """Trace `forward` symbolically, for what its patches record; nothing is computed."""
    tf.function(forward, jit_compile=False, autograph=False).get_concrete_function(
        image_spec(shape)
    )


def compile_predict(
    forward: Forward, shape: tuple[int | None, ...]
) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """Compile images (N, H, W, C) -> logits (N, K), NumPy in and out."""
    graph = tf.function(forward, jit_compile=False, autograph=False).get_concrete_function(
        image_spec(shape)
    )
    return lambda images: graph(tf.convert_to_tensor(images, tf.float32)).numpy()


def compile_tap(
    forward: Forward, edit: Edit, score: Score, shape: tuple[int | None, ...], *, perturbed: bool
) -> Callable[..., tuple[np.ndarray[Any, Any], ...]]:
    """Compile (images, target, eps) -> (A, dS/dA, S, logits), NumPy in and out.

    With `perturbed` the layer's output becomes A + eps; without it eps is ignored.
    """

    def tapped(images: Any, target: Any, eps: Any) -> tuple[Any, ...]:
        seen: list[Any] = []
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def watch(output: Any) -> Any:
                activations = output
                if perturbed:  # eps broadcasts to the output and does not change its shape
                    activations = tf.ensure_shape(output + tf.cast(eps, output.dtype), output.shape)
                tape.watch(activations)
                seen.append(activations)
                return activations

            with edit(watch):
                logits = forward(images)
            scores = score(tf.cast(logits, tf.float32), target)
        if len(seen) != 1:
            raise LayerError(
                f"Expected the tapped layer to run once in a forward pass, got {len(seen)} times. "
                "Try: another layer, or the model without @tf.function on its call"
            )
        (activations,) = seen
        gradients = tape.gradient(
            scores, activations, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return (
            tf.cast(activations, tf.float32),
            tf.cast(gradients, tf.float32),
            tf.cast(scores, tf.float32),
            tf.cast(logits, tf.float32),
        )

    graph = tf.function(tapped, jit_compile=False, autograph=False).get_concrete_function(
        image_spec(shape),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec(None, tf.float32),
    )

    def run(
        images: np.ndarray[Any, Any], target: np.ndarray[Any, Any], eps: np.ndarray[Any, Any]
    ) -> tuple[np.ndarray[Any, Any], ...]:
        outputs = graph(
            tf.convert_to_tensor(images, tf.float32),
            tf.convert_to_tensor(target, tf.int32),
            tf.convert_to_tensor(eps, tf.float32),
        )
        return tuple(output.numpy() for output in outputs)

    return run
