"""Gradients that TensorFlow registers for a graph, which would hold it for ever: taken out again.

A function with a gradient of its own is registered by a new name in every graph that it is traced
into (`tf.custom_gradient`), and the entry holds the graph's tensors. Keras forgets its graphs, the
registry does not.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: How the names of such entries begin.
_OWN = "CustomGradient-"


@contextmanager
def forgotten() -> Iterator[None]:
    """After the block nothing is registered for graphs that were traced in it.

    For graphs whose gradients are known by then, which nobody traces further, and while no other
    thread traces its own.
    """
    before = set(_registry())
    try:
        yield
    finally:
        registry = _registry()
        for name in set(registry) - before:
            if name.startswith(_OWN):
                del registry[name]


def _registry() -> dict[str, Any]:
    """TensorFlow's registry of gradients by name; empty where there is none, or another one."""
    ops = sys.modules.get("tensorflow.python.framework.ops")
    found = getattr(getattr(ops, "gradient_registry", None), "_registry", None)
    return found if isinstance(found, dict) else {}
