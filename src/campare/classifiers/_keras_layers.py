"""Layers of a Keras model: find them by path, patch what one computes, bypass a final softmax.

A patch replaces a layer's `call` on the instance for the length of a `with` block, past Keras'
attribute tracking, and is gone at its end, also after an exception.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras

from campare.errors import ModelError


def walk(model: keras.Layer, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """All layers below `model` with their paths, containers before their contents."""
    for layer in _children(model):
        path = f"{prefix}{layer.name}"
        yield path, layer
        yield from walk(layer, f"{path}/")


def _children(layer: keras.Layer) -> list[keras.Layer]:
    """The layers that `layer` holds; an activation or sublayer in an attribute counts."""
    children = layer.layers if isinstance(layer, keras.Model) else layer._layers
    return [child for child in children if isinstance(child, keras.Layer)]


def is_graph(layer: keras.Layer) -> bool:
    """Whether the layer is a Sequential or functional model: all its work is in its layers.

    A block written by hand holds layers too, but may add, concatenate or scale what they give.
    """
    return isinstance(layer, keras.Sequential) or hasattr(layer, "operations")


@contextmanager
def edited(layer: keras.Layer, edit: Callable[[Any], Any]) -> Iterator[None]:
    """Within the block the output of `layer` passes through `edit`."""
    call = layer.call
    with _replaced(layer, lambda *args, **kwargs: edit(call(*args, **kwargs))):
        yield


@contextmanager
def _replaced(layer: keras.Layer, call: Callable[..., Any]) -> Iterator[None]:
    """Within the block `layer` runs `call`, written past Keras' attribute tracking."""
    attributes = vars(layer)
    before = attributes.get("call")
    attributes["call"] = call
    try:
        yield
    finally:
        if before is None:
            del attributes["call"]
        else:
            attributes["call"] = before


def run_logits(
    model: keras.Model, ends: list[keras.Layer], images: Any
) -> tuple[Any, keras.Layer | None]:
    """Run the model for inference; return its logits, and the layer whose softmax was bypassed.

    `ends` are the layers that end in a softmax or sigmoid; the one whose output *is* the model's
    output is the head. A softmax inside (attention) is left alone.
    """
    heads: dict[int, tuple[Any, keras.Layer]] = {}
    with ExitStack() as patches:
        for layer in ends:
            patches.enter_context(_replaced(layer, _split_call(layer, heads)))
        output = model(images, training=False)
    if isinstance(output, (list, tuple, dict)):
        raise ModelError(
            f"Expected a model with one output, got {len(output)} from {model.name!r}. "
            "Try: keras.Model(model.input, model.outputs[0])"
        )
    return heads.get(id(output), (output, None))


def squashing(layer: keras.Layer) -> str | None:
    """'softmax' or 'sigmoid' when the layer's output went through one."""
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return {"softmax": "softmax", "softmax_v2": "softmax", "sigmoid": "sigmoid"}.get(name)


def _split_call(
    layer: keras.Layer, heads: dict[int, tuple[Any, keras.Layer]]
) -> Callable[..., Any]:
    """The layer's call, keeping what entered its softmax or sigmoid beside what came out."""
    call = layer.call

    def split(*args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, (keras.layers.Softmax, keras.layers.Activation)):
            logits = args[0]
            output = call(*args, **kwargs)
        else:
            squash = layer.activation
            attributes = vars(layer)
            attributes["activation"] = keras.activations.linear
            try:
                logits = call(*args, **kwargs)
            finally:
                attributes["activation"] = squash
            output = squash(logits)
        heads[id(output)] = (logits, layer)
        return output

    return split
