"""Guided gradients on TensorFlow: every ReLU in a graph lets only what is positive back.

A ReLU is found where each ends up, in the operations whose gradients TensorFlow asks for, whatever
layer or function made them: max(x, 0), also where it is capped as in ReLU6, or has a threshold.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import ops

from campare.errors import ModelError

#: An operation and the gradients of what it gives -> the gradients of what it takes.
Rule = Callable[..., Any]

_RELUS = ("Relu", "Relu6", "Maximum", "SelectV2")


@contextmanager
def guided(tell: Callable[[int], None]) -> Iterator[None]:
    """Within the block ReLUs pass only positive gradients back in this thread; tell how many did.

    Raises:
        ModelError: ReLUs are in a `tf.function` of the network's own, which has its gradients.
    """
    found: list[str] = []
    with ExitStack() as patches:
        for kind in _RELUS:
            patches.enter_context(_ruled(kind, found))
        yield
    _refuse_functions(tf.compat.v1.get_default_graph())
    tell(len(found))


@contextmanager
def _ruled(kind: str, found: list[str]) -> Iterator[None]:
    """Within the block the gradient of operations of a kind is guided where they are ReLUs."""
    entry = ops._gradient_registry._registry[kind]
    own, owner = entry["type"], threading.get_ident()

    def rule(operation: Any, gradient: Any) -> Any:
        if threading.get_ident() == owner and _is_relu(operation):
            found.append(kind)
            gradient = tf.nn.relu(gradient)
        return own(operation, gradient)

    entry["type"] = rule
    try:
        yield
    finally:
        entry["type"] = own


def _is_relu(operation: Any) -> bool:
    if operation.type == "Maximum":
        return any(_is_zero(x) for x in operation.inputs)
    if operation.type == "SelectV2":  # x where x > a number, else 0
        condition, chosen, other = operation.inputs
        compared = condition.op.inputs if condition.op.type.startswith("Greater") else ()
        return any(x is chosen for x in compared[:1]) and _is_zero(other)
    return True


def _is_zero(x: Any) -> bool:
    value = None if x is None else tf.get_static_value(x)
    return value is not None and not np.any(value)


def _refuse_functions(graph: Any) -> None:
    """A function within the graph has gradients that were made before: no rule changes them."""
    if operations_within(graph) & {"Relu", "Relu6"}:
        raise ModelError(
            "Expected ReLUs that can be guided, got some in a tf.function within the network. Try: "
            "the function without tf.function, or method='grad-cam'"
        )


def operations_within(graph: Any) -> set[str]:
    """The kinds of operations in functions that a graph calls."""
    calls = [each for each in graph.get_operations() if "PartitionedCall" in each.type]
    functions = graph.as_graph_def().library.function if calls else ()
    return {node.op for function in functions for node in function.node_def}
