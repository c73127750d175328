"""The tap on TensorFlow: a graph in which one layer's output is watched.

`tape.watch` is called on the tapped features while the graph is traced; what runs before them is
never recorded, and the patches that do it are gone when the trace ends. Weights are read at each
call, so training may go on between calls.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf

from campare.errors import ModelError
from campare.models.arrays import leaves
from campare.models.backends.protocol import Forward, Program, Run, Traced, enter, leave, only
from campare.models.backends.tensorflow_attention import attended
from campare.models.backends.tensorflow_fold import folded
from campare.models.backends.tensorflow_guided import guided
from campare.models.dataflow import Flow, flow_of, is_turn
from campare.models.several import is_several
from campare.types import Array, Tap

#: Graphs take any number of images; only XLA compiles one for each.
FIXED_BATCH = False
#: The model is patched only while a graph is traced.
PATCHES_RUNS = False
#: Layers that XLA runs several times slower than a graph does, on a CPU; a model that has them is
#: not compiled.
SLOW_COMPILED: tuple[str, ...] = (
    () if tf.config.list_physical_devices("GPU") else ("DepthwiseConv2D", "SeparableConv2D")
)
#: A graph is faster with batch normalization folded into the convolutions; what XLA makes is not.
FOLDED = folded


def trace(forward: Traced, shape: tuple[int, ...], model: Any) -> Flow:  # noqa: ARG001
    """Trace `forward` on images of `shape` (N, H, W, C), and how the logits come out of them."""
    flows: list[Flow] = []

    def traced(images: Any) -> Any:
        logits, layers = forward(images)
        start = images[0] if isinstance(images, tuple) else images
        flows.append(flow_of(mark(start), map(mark, leaves(logits)), layers, _sources, _kind))
        return logits

    tf.function(traced, autograph=False).get_concrete_function(_spec(shape))
    return flows[-1]


def _spec(shape: Any, *batch: int | None) -> Any:
    """The specification of one input, or of several."""
    if is_several(shape):
        return tuple(tf.TensorSpec([*batch, *one], dtype) for one, dtype in shape)
    return tf.TensorSpec([*batch, *shape], tf.float32)


def _tensors(images: Any) -> Any:
    """Images as a tensor; several inputs as a tuple of them."""
    if isinstance(images, tuple):
        return tuple(tf.convert_to_tensor(x) for x in images)
    return tf.convert_to_tensor(images, tf.float32)


def mark(output: Any) -> Any:
    """What a tensor of a graph is known by."""
    return output.ref()


def _sources(tensor: Any) -> list[Any]:
    """The tensors that one in a graph is computed from, where a gradient can come back to them."""
    output = tensor.deref()
    if output.op.type in ("StopGradient", "PreventGradient") or not output.dtype.is_floating:
        return []
    return [mark(one) for one in output.op.inputs]


_KINDS = {
    **dict.fromkeys(("AddV2", "Add", "AddN"), "sum"),
    **dict.fromkeys(("Identity", "Cast", "Reshape", "Transpose", "Squeeze", "ExpandDims"), "move"),
    **dict.fromkeys(("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"), "resize"),
    **dict.fromkeys(("ReverseV2", "Roll", "GatherV2", "GatherNd", "Pack"), "turn"),
    "Mul": "scale",
}


def _kind(tensor: Any) -> str:
    """Whether a tensor is a sum of others, one of them moved or turned, or one of them scaled."""
    step = tensor.deref().op
    order = tf.get_static_value(step.inputs[1]) if step.type == "Transpose" else None
    return "turn" if order is not None and is_turn(order) else _KINDS.get(step.type, "")


def run(forward: Forward, images: Array, model: Any) -> None:  # noqa: ARG001
    """Run `forward` once, without compiling it, for what its patches see."""
    forward(_tensors(images))


def compile_predict(
    forward: Forward,
    shape: tuple[int | None, ...],
    model: Any,  # noqa: ARG001
    *,
    jit: bool,
) -> Callable[[Any], Any]:
    """Compile images (N, H, W, C) -> logits (N, K)."""
    graph = _graph(forward, shape, jit=jit)
    return lambda images: _run(graph, _tensors(images))


def compile_tap(
    program: Program,
    shape: tuple[int | None, ...],
    model: Any,  # noqa: ARG001
    *,
    jit: bool,
) -> Run:
    """Compile (images, index, scale, eps) -> what `program.read` makes of the tap."""

    def tapped(images: Any, index: Any, scale: Any, eps: Any) -> tuple[Any, ...]:
        watched: list[Any] = []
        with tf.GradientTape(watch_accessed_variables=False) as outer:  # records for curvature

            def watch(output: Any) -> Any:
                features, output = enter(program, output, scale, eps)
                features = tf.identity(features)  # a tensor that nothing before the tap knows
                if program.curvature:
                    outer.watch(features)
                inner.watch(features)
                watched.append(features)
                return leave(program, features, output)

            with tf.GradientTape(watch_accessed_variables=False) as inner:
                with program.edit(watch):
                    logits = program.forward(images)
                scores = program.score(logits, index)
            features = only(watched)
            attentions: list[Any] = []
            with (
                guided(program.guided) if program.guided else nullcontext(),
                attended(attentions) if program.attended else nullcontext(),
            ):
                gradients = _gradient(inner, scores, features)
            along = tf.reduce_sum(gradients * tf.stop_gradient(features))
        curvature = _gradient(outer, along, features) if program.curvature else None
        known = attentions if program.attended else None
        return program.read(Tap(features, gradients, scores, logits, curvature, known))

    own, dtype = program.index
    more = (tf.TensorSpec([None, *own], dtype), *[tf.TensorSpec(None, tf.float32)] * 2)
    with twice_differentiable() if program.curvature else nullcontext():
        graph = _graph(tapped, shape, *more, jit=jit, rows=program.attended or None)

    def run(images: Any, index: Array, scale: Array, eps: Array) -> tuple[Any, ...]:
        outputs = _run(
            graph,
            _tensors(images),
            tf.convert_to_tensor(index, dtype),
            tf.convert_to_tensor(scale, tf.float32),
            tf.convert_to_tensor(eps, tf.float32),
        )
        return tuple(outputs)

    return run


def array(x: Array, model: Any) -> Any:  # noqa: ARG001
    """A NumPy array as the framework has it."""
    return tf.convert_to_tensor(x)


def to_numpy(x: Any) -> Array:
    """A result on the host."""
    return np.asarray(x.numpy())


def _run(graph: Any, *inputs: Any) -> Any:
    try:
        return graph(*inputs)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        if "NCHW" not in str(error) and "NHWC" not in str(error):
            raise
        raise ModelError(
            "Expected a model with channels last, got channels first, which TensorFlow has no "
            "convolution for on this machine. Try: KERAS_BACKEND=torch or jax, or a model built "
            "with data_format='channels_last'"
        ) from error


@contextmanager
def twice_differentiable() -> Iterator[None]:
    """Within the block `tf.nn.moments`, which layer normalization uses, has second derivatives.

    TensorFlow's own stops the gradient of the mean in the variance, which changes no first
    derivative, but makes every second one wrong.
    """
    own = tf.nn.moments

    def moments(x: Any, axes: Any, keepdims: bool = False, **_: Any) -> tuple[Any, Any]:
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=keepdims)
        return (mean if keepdims else tf.squeeze(mean, axes)), variance

    tf.nn.moments = moments
    try:
        yield
    finally:
        tf.nn.moments = own


def _gradient(tape: Any, of: Any, by: Any) -> Any:
    return tape.gradient(of, by, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _graph(
    function: Callable[..., Any],
    shape: tuple[int | None, ...],
    *more: Any,
    jit: bool,
    rows: int | None = None,
) -> Any:
    return tf.function(function, jit_compile=jit, autograph=False).get_concrete_function(
        _spec(shape, rows), *more
    )
