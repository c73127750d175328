"""Layers of a Keras model: find them by path, patch what one computes, bypass a final softmax.

A patch replaces a layer's `call` on the instance for the length of a `with` block, past Keras'
attribute tracking, and is gone at its end, also after an exception. Another thread that runs the
model meanwhile gets the layer as it was.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
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
    call = getattr(layer, _entry(layer))
    with _replaced(layer, lambda *args, **kwargs: edit(call(*args, **kwargs))):
        yield


def _entry(layer: keras.Layer) -> str:
    """The method that Keras runs: a quantized layer has one of its own."""
    return "quantized_call" if getattr(layer, "quantization_mode", None) else "call"


@contextmanager
def _replaced(layer: keras.Layer, call: Callable[..., Any]) -> Iterator[None]:
    """Within the block `layer` runs `call` in this thread."""
    name, owner = _entry(layer), threading.get_ident()
    original = getattr(layer, name)

    def run(*args: Any, **kwargs: Any) -> Any:
        mine = threading.get_ident() == owner
        return (call if mine else original)(*args, **kwargs)

    with attribute(layer, name, run):
        yield


@contextmanager
def attribute(layer: keras.Layer, name: str, value: Any) -> Iterator[None]:
    """Within the block the instance has another attribute, set past Keras' tracking."""
    attributes = vars(layer)
    there, before = name in attributes, attributes.get(name)
    attributes[name] = value
    try:
        yield
    finally:
        if there:
            attributes[name] = before
        else:
            del attributes[name]


def run_logits(
    model: keras.Model, ends: Sequence[keras.Layer], images: Any, output: str | int | None = None
) -> tuple[Any, keras.Layer | None]:
    """Run the model for inference; return its logits, and the layer whose softmax was bypassed.

    `ends` are the layers that end in a softmax or sigmoid; the one whose output *is* the model's
    output is the head. A softmax inside (attention) is left alone.
    """
    heads: dict[int, tuple[Any, keras.Layer]] = {}
    with ExitStack() as patches:
        for layer in ends:
            patches.enter_context(_replaced(layer, _split_call(layer, heads)))
        outputs = model(images, training=False)
    chosen = _one_output(outputs, output, model)
    return heads.get(id(chosen), (chosen, None))


def _one_output(outputs: Any, output: str | int | None, model: keras.Model) -> Any:
    """The output of that name or index; the only one where none is named."""
    if isinstance(outputs, dict):
        named = dict(outputs)
    elif isinstance(outputs, (list, tuple)):
        names = getattr(model, "output_names", None) or range(len(outputs))
        named = dict(zip(names, outputs, strict=True))
    else:
        return outputs
    if len(named) == 1 and output is None:
        return next(iter(named.values()))
    if output not in named and isinstance(output, int) and 0 <= output < len(named):
        return list(named.values())[output]
    if output not in named:
        raise ModelError(
            f"Expected the name of one of {len(named)} outputs of {model.name!r}, got {output!r}. "
            f"Try: campare.wrap(model, output={next(iter(named))!r}), one of "
            f"{', '.join(map(str, named))}"
        )
    return named[output]


def squashing(layer: keras.Layer) -> str | None:
    """'softmax' or 'sigmoid' when the layer's output went through one."""
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return {"softmax": "softmax", "softmax_v2": "softmax", "sigmoid": "sigmoid"}.get(name)


def rectifies(layer: keras.Layer) -> bool:
    """Whether the last that the layer does is a ReLU."""
    if isinstance(layer, keras.layers.ReLU):
        return True
    return getattr(getattr(layer, "activation", None), "__name__", "") in ("relu", "relu6")


def _split_call(
    layer: keras.Layer, heads: dict[int, tuple[Any, keras.Layer]]
) -> Callable[..., Any]:
    """The layer's call, keeping what entered its softmax or sigmoid beside what came out."""
    call = getattr(layer, _entry(layer))

    def split(*args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, (keras.layers.Softmax, keras.layers.Activation)):
            logits = args[0]
            output = call(*args, **kwargs)
        else:
            squash = layer.activation
            with attribute(layer, "activation", keras.activations.linear):
                logits = call(*args, **kwargs)
            output = squash(logits)
        heads[id(output)] = (logits, layer)
        return output

    return split


@contextmanager
def in_precision(model: keras.Model, precision: str) -> Iterator[None]:
    """Within the block all layers compute in `precision`, with the weights as they are."""
    policy = keras.DTypePolicy(f"mixed_{precision}")
    with ExitStack() as patches:
        for layer in {id(layer): layer for layer in (model, *model._flatten_layers())}.values():
            patches.enter_context(attribute(layer, "_dtype_policy", policy))
        yield
