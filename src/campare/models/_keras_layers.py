"""Layers of a Keras model: find them by path, patch what one computes, bypass a final softmax.

A patch replaces a function of a layer on the instance (its `call`, its `activation`) for the length
of a `with` block, past Keras' attribute tracking, and is gone at its end, also after an exception.
Another thread that runs the model meanwhile gets the function as it was.
"""

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, NamedTuple

import keras

from campare.models.survey import one_output

#: Given a function, what stands in its place.
Change = Callable[[Callable[..., Any]], Callable[..., Any]]

_SQUASHING = {
    "softmax": "softmax", "softmax_v2": "softmax", "log_softmax": "softmax",
    "log_softmax_v2": "softmax", "sigmoid": "sigmoid", "log_sigmoid": "sigmoid",
    "Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "sigmoid", "LogSigmoid": "sigmoid",
}  # fmt: skip


def walk(model: keras.Layer, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """All layers below `model` with their paths, containers before their contents.

    Where two layers of one parent have the same name, the second is `name:2`.
    """
    used: dict[str, int] = {}
    for layer in _children(model):
        used[layer.name] = number = used.get(layer.name, 0) + 1
        path = f"{prefix}{layer.name}" + (f":{number}" if number > 1 else "")
        yield path, layer
        yield from walk(layer, f"{path}/")


def _children(layer: keras.Layer) -> list[keras.Layer]:
    """The layers that `layer` holds, each once; one in an attribute counts."""
    children = layer.layers if isinstance(layer, keras.Model) else layer._layers
    return list({id(c): c for c in children if isinstance(c, keras.Layer)}.values())


def is_graph(layer: keras.Layer) -> bool:
    """Whether the layer is a Sequential or functional model: all its work is in its layers.

    A block written by hand holds layers too, but may add, concatenate or scale what they give.
    """
    return isinstance(layer, keras.Sequential) or hasattr(layer, "operations")


def parts(model: keras.Model) -> list[Any]:
    """All that computes below `model`: its layers, and functions of `keras.ops` in its graphs."""
    layers = [model, *(layer for _, layer in walk(model))]
    operations = (op for layer in layers for op in getattr(layer, "operations", ()))
    return list({id(part): part for part in (*layers, *operations)}.values())


@contextmanager
def edited(layer: keras.Layer, edit: Callable[[Any], Any]) -> Iterator[None]:
    """Within the block the output of `layer` passes through `edit`."""
    with replaced(layer, _entry(layer), lambda call: lambda *a, **k: edit(call(*a, **k))):
        yield


def _entry(part: Any) -> str:
    """The method that Keras runs: a quantized layer has one of its own."""
    return "quantized_call" if getattr(part, "quantization_mode", None) else "call"


@contextmanager
def replaced(part: Any, name: str, change: Change) -> Iterator[None]:
    """Within the block the function `name` of `part` is another, in this thread."""
    original = getattr(part, name)
    changed, owner = change(original), threading.get_ident()

    @wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        mine = threading.get_ident() == owner
        return (changed if mine else original)(*args, **kwargs)

    with _attribute(part, name, run):
        yield


@contextmanager
def _attribute(part: Any, name: str, value: Any) -> Iterator[None]:
    """Within the block the instance has another attribute, set past Keras' tracking."""
    attributes = vars(part)
    there, before = name in attributes, attributes.get(name)
    attributes[name] = value
    try:
        yield
    finally:
        if there:
            attributes[name] = before
        else:
            del attributes[name]


def _function(part: Any, names: Container[str]) -> tuple[str, str] | None:
    """(attribute, function) where `part` computes a function of one of these names, or None."""
    if type(part).__name__ in names:  # a layer or an operation of that kind
        return _entry(part), type(part).__name__
    for attribute in ("activation", "function"):  # of a Dense layer; of a Lambda layer
        function = getattr(getattr(part, attribute, None), "__name__", "")
        if function in names:
            return attribute, function
    return None


def squashing(part: Any) -> str | None:
    """'softmax' or 'sigmoid' where the part computes one."""
    found = _function(part, _SQUASHING)
    return _SQUASHING[found[1]] if found else None


class Squashed(NamedTuple):
    """What came out of a softmax or sigmoid over classes, what went in, and which part it was."""

    output: Any
    entered: Any
    part: Any


class Head(NamedTuple):
    """The softmax or sigmoid that a model ends in: the part, and which of its runs in a pass."""

    part: Any
    run: int

    def logits(self, squashed: Sequence[Squashed], output: Any) -> Any:
        """What went into it, in the shape of the model's output."""
        entered = squashed[self.run].entered
        if len(entered.shape) == len(output.shape):
            return entered
        return keras.ops.reshape(entered, keras.ops.shape(output))


def head_of(squashed: Sequence[Squashed], output: Any, moved: Callable[[int], bool]) -> Head | None:
    """The softmax or sigmoid whose output is the model's, itself or as `moved` says of the i-th."""
    for i, one in enumerate(squashed):
        if _same_classes(one.output, output) and (one.output is output or moved(i)):
            return Head(one.part, sum(each.part is one.part for each in squashed[:i]))
    return None


def _same_classes(squashed: Any, output: Any) -> bool:
    """Whether both are (N, K), the first with axes of length 1 anywhere."""
    shape = getattr(output, "shape", ())
    return len(shape) == 2 and _classes(squashed.shape) == _classes(shape) is not None


def _classes(shape: Sequence[int | None]) -> int | None:
    """K of a shape that is (N, K) with axes of length 1 anywhere."""
    long = [side for side in shape[1:] if side != 1] or [1]
    return long[0] if len(shape) > 1 and len(long) == 1 else None


def run_squashed(
    model: keras.Model, ends: Iterable[Any], images: Any, output: str | int | None = None
) -> tuple[Any, list[Squashed]]:
    """Run the model for inference; return its output, and what `ends` squashed on the way.

    `ends` are parts that compute a softmax or sigmoid; what they do over more than classes
    (attention) is left alone. Nothing is rematerialized: each is recorded once, and a layer that is
    run again for its gradients cannot be tapped.
    """
    squashed: list[Squashed] = []
    named = getattr(model, "_inputs_struct", None)
    if isinstance(named, dict) and not isinstance(images, dict):  # keras.Model({"picture": x}, y)
        images = dict.fromkeys(named, images)
    with ExitStack() as patches:
        for part in ends:
            found = _function(part, _SQUASHING)
            if found is not None:  # it may have been taken off since
                patches.enter_context(replaced(part, found[0], _remembered(part, squashed)))
        for layer in (model, *model._flatten_layers()):
            if layer._remat_mode is not None:
                patches.enter_context(_attribute(layer, "_remat_mode", None))
            graph = getattr(layer, "_functional", None) or layer
            if _takes_integers(graph):
                patches.enter_context(_attribute(layer, "_convert_input_args", False))
                patches.enter_context(replaced(graph, "_convert_inputs_to_tensors", _as_they_are))
        outputs = model(images, training=False)
    graph = getattr(model, "_functional", None) or model  # of a Sequential
    return one_output(outputs, output, model.name, getattr(graph, "output_names", None)), squashed


def integer_input(model: keras.Model) -> str | None:
    """The type of integers that the model's input is converted to, or None."""
    dtypes = (
        keras.backend.standardize_dtype(x.dtype) for x in getattr(model, "inputs", None) or ()
    )
    return next((dtype for dtype in dtypes if "int" in dtype), None)


def _takes_integers(graph: Any) -> bool:
    return hasattr(graph, "_convert_inputs_to_tensors") and integer_input(graph) is not None


def _as_they_are(_: Callable[..., Any]) -> Callable[..., Any]:
    """Images stay floats where a model would round them, through which no gradient comes back."""
    return lambda flat_inputs: flat_inputs


def _remembered(part: Any, squashed: list[Squashed]) -> Change:
    """Keep what enters a softmax or sigmoid over classes beside what comes out."""

    def change(squash: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            output = squash(*args, **kwargs)
            if _classes(output.shape) is not None:
                squashed.append(Squashed(output, next(iter((*args, *kwargs.values()))), part))
            return output

        return run

    return change


class _HerePrecision(keras.DTypePolicy):  # type: ignore[misc]
    """A policy that computes in another precision in the thread that made it."""

    def __init__(self, precision: str, before: keras.DTypePolicy) -> None:
        super().__init__(f"mixed_{precision}")
        self._before = before
        self._owner = threading.get_ident()

    @property
    def compute_dtype(self) -> str:
        """As asked for in the thread that asked; elsewhere as before."""
        here = threading.get_ident() == self._owner
        return str(self._compute_dtype if here else self._before.compute_dtype)

    @property
    def variable_dtype(self) -> str:
        """As before."""
        return str(self._before.variable_dtype)


@contextmanager
def in_precision(model: keras.Model, precision: str) -> Iterator[None]:
    """Within the block all layers compute in `precision`, with the weights as they are.

    Layers that are quantized, or compute in integers, go on as they are.
    """
    with ExitStack() as patches:
        for layer in {id(layer): layer for layer in (model, *model._flatten_layers())}.values():
            before = layer.dtype_policy
            if isinstance(before, keras.dtype_policies.DTypePolicyMap):
                before = before[layer.path] if layer.path else before.default_policy
            if before.quantization_mode is None and "float" in before.compute_dtype:
                policy = _HerePrecision(precision, before)
                patches.enter_context(_attribute(layer, "_dtype_policy", policy))
        yield
