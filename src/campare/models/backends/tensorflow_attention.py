"""Self-attention on TensorFlow: each softmax over the last axis in a graph, and its gradient.

A softmax is found where each ends up, in the operations whose gradients TensorFlow asks for,
whatever layer or function made it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops

from campare.errors import ModelError
from campare.models.attention import Attention, require_a_line
from campare.models.backends.tensorflow_guided import operations_within


@contextmanager
def attended(found: list[Attention]) -> Iterator[None]:
    """Within the block gradients are taken; then `found` has each softmax that they came through.

    Raises:
        ModelError: one is in a `tf.function` or a loop within the network, or in a branch.
    """
    entry = ops._gradient_registry._registry["Softmax"]
    own, owner = entry["type"], threading.get_ident()
    passed: dict[str, tuple[Any, Any]] = {}

    def rule(operation: Any, gradient: Any) -> Any:
        output = operation.outputs[0]
        if threading.get_ident() == owner and output.shape.rank != 2:
            passed[output.op.name] = output, gradient
        return own(operation, gradient)

    entry["type"] = rule
    try:
        yield
    finally:
        entry["type"] = own
    graph = tf.compat.v1.get_default_graph()
    elsewhere = any(output.graph is not graph for output, _ in passed.values())
    if elsewhere or "Softmax" in operations_within(graph):
        raise ModelError(
            "Expected attention that can be followed, got some in a tf.function within the "
            "network. Try: the function without tf.function, or method='grad-cam'"
        )
    order = [each for each in graph.get_operations() if each.name in passed]
    require_a_line(order, _sources)
    found.extend(passed[each.name] for each in order)


def _sources(operation: Any) -> list[Any]:
    """The operations that one is computed from."""
    return [each.op for each in operation.inputs]
