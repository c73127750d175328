"""The tap on JAX: one vjp of a stateless forward pass in a zero added to one layer's output.

The weights are arguments of the compiled function, so training may go on between calls.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from campare.models.arrays import leaves
from campare.models.backends.jax_attention import attention_of
from campare.models.backends.jax_guided import guided
from campare.models.backends.protocol import Forward, Program, Run, Traced, enter, leave, only
from campare.models.dataflow import Flow, flow_of, is_turn
from campare.models.several import is_several
from campare.types import Array, Tap

#: XLA compiles a program for each number of images.
FIXED_BATCH = True
#: A new number of images is traced, and the model patched, when it comes.
PATCHES_RUNS = True


def trace(forward: Traced, shape: tuple[int, ...], model: Any) -> Flow:
    """Trace `forward` on images of `shape` (N, H, W, C), and how the logits come out of them."""
    paths: list[str] = []

    def traced(images: Any) -> tuple[list[Any], list[Any]]:
        logits, layers = forward(images)
        start = images[0] if isinstance(images, tuple) else images
        own = {path: x for path, x in layers.items() if _of_one_trace(x, start)}
        paths[:] = own
        return leaves(logits), list(own.values())

    given: Any = shape if is_several(shape) else ((shape, jnp.float32),)
    every = tuple(jax.ShapeDtypeStruct(one, dtype) for one, dtype in given)
    images = every if is_several(shape) else every[0]
    program = jax.make_jaxpr(_stateless(traced, model))(_values(model), images).jaxpr
    computed = {output: each for each in program.eqns for output in each.outvars}

    def sources(variable: Any) -> list[Any]:
        step = computed.get(variable)
        if step is None or step.primitive.name == "stop_gradient":
            return []
        return [one for one in step.invars if _is_computed(one)]

    first = len(program.outvars) - len(paths)
    outputs, of_layers = program.outvars[:first], program.outvars[first:]
    layers = {path: x for path, x in zip(paths, of_layers, strict=True) if _is_computed(x)}

    def kind(variable: Any) -> str:
        step = computed.get(variable)
        if step is None:
            return ""
        return "turn" if _turns(step) else _KINDS.get(step.primitive.name, "")

    return flow_of(
        program.invars[-len(every)], filter(_is_computed, outputs), layers, sources, kind
    )


_KINDS = {
    **dict.fromkeys(("add", "add_any"), "sum"),
    **dict.fromkeys(
        ("convert_element_type", "reshape", "transpose", "squeeze", "expand_dims", "copy"), "move"
    ),
    "mul": "scale",
}


def _turns(step: Any) -> bool:
    """Whether a step of a trace, or one inside of it, moves what lies where."""
    name, values = step.primitive.name, step.params
    if name == "transpose":
        return is_turn(values["permutation"])
    inside = (one.jaxpr.eqns for one in values.values() if hasattr(one, "jaxpr"))
    return name in ("rev", "gather") or any(_turns(each) for steps in inside for each in steps)


def mark(output: Any) -> Any:
    """What an array of a trace is known by: itself."""
    return output


def _of_one_trace(x: Any, images: Any) -> bool:
    """Whether `x` may leave the trace that `images` are in: it is of no loop within."""
    return getattr(x, "_trace", None) is getattr(images, "_trace", None)


def _is_computed(variable: Any) -> bool:
    """Whether a variable of a program is no constant, and may have a gradient."""
    return not hasattr(variable, "val") and jnp.issubdtype(variable.aval.dtype, jnp.floating)


def run(forward: Forward, images: Array, model: Any) -> None:  # noqa: ARG001
    """Run `forward` once, without compiling it, for what its patches see."""
    forward(jax.tree.map(jnp.asarray, images))


def compile_predict(
    forward: Forward,
    shape: tuple[int | None, ...],  # noqa: ARG001
    model: Any,
    *,
    jit: bool,  # noqa: ARG001
) -> Callable[[Any], Any]:
    """Compile images (N, H, W, C) -> logits (N, K)."""
    compiled = jax.jit(_stateless(forward, model))
    return lambda images: compiled(_values(model), images)


def compile_tap(
    program: Program,
    shape: tuple[int | None, ...],  # noqa: ARG001
    model: Any,
    *,
    jit: bool,  # noqa: ARG001
) -> Run:
    """Compile (images, index, scale, eps) -> what `program.read` makes of the tap."""

    def tapped(images: Any, index: Any, scale: Any, eps: Any) -> tuple[Any, ...]:
        def score(delta: Any) -> Any:
            watched: list[Any] = []

            def add(output: Any) -> Any:
                features, output = enter(program, output, scale, eps)
                watched.append(features)
                return leave(program, features + delta, output)

            with program.edit(add):
                logits = program.forward(images)
            scores = program.score(logits, index)
            return scores.sum(), (only(watched), scores, logits)

        zero = jnp.zeros(jax.eval_shape(lambda: score(0.0)[1][0]).shape, jnp.float32)
        if program.attended:
            (features, scores, logits), attentions = attention_of(score, zero)
            return program.read(Tap(features, None, scores, logits, attentions=attentions))
        differentiated = guided(score, program.guided) if program.guided else score
        gradient = jax.grad(differentiated, has_aux=True)
        gradients, (features, scores, logits) = gradient(zero)
        curvature = None
        if program.curvature:
            _, curvature = jax.jvp(lambda delta: gradient(delta)[0], (zero,), (features,))
        return program.read(Tap(features, gradients, scores, logits, curvature))

    compiled = jax.jit(_stateless(tapped, model))
    return lambda *inputs: compiled(_values(model), *inputs)


def array(x: Array, model: Any) -> Any:  # noqa: ARG001
    """A NumPy array as the framework has it."""
    return jnp.asarray(x)


def to_numpy(x: Any) -> Array:
    """A result on the host."""
    return np.asarray(x)


def _values(model: Any) -> list[Any]:
    return [variable.value for variable in model.variables]


def _stateless(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    """The function with the values of the model's weights as its first argument."""

    def run(values: list[Any], *inputs: Any) -> Any:
        pairs = list(zip(model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return function(*inputs)

    return run
