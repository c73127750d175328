"""Self-attention on JAX: each softmax over the last axis in a traced program, and its gradient.

A softmax is found where each ends up, as e^x / sum e^x, whatever layer or function made it. The
program is written out flat, and zeros are added to what those steps give:

    G = d score(A + delta) / d delta at delta = 0
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from campare.errors import ModelError
from campare.models.attention import Attention, require_a_line
from campare.models.backends.jax_steps import INLINED, all_steps, bound, constants, inside

#: What a sum over the last axis passes on its way to the quotient.
_MOVES = frozenset({"broadcast_in_dim", "reshape", "convert_element_type", "stop_gradient"})


def attention_of(
    function: Callable[[Any], tuple[Any, Any]], x: Any
) -> tuple[Any, tuple[Attention, ...]]:
    """What `function(x)`, a score and more, gives besides, and each softmax with its gradient.

    Those that the score is not computed through, from x, are left out.

    Raises:
        ModelError: one is in a loop or a branch, or not computed from the one before.
    """
    with plain_attention():
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(x)
    program = jax.make_jaxpr(lambda *values: _flat(traced.jaxpr, traced.consts, values))(x)
    found = _softmaxes(program.jaxpr)
    zeros = [jnp.zeros(step.outvars[0].aval.shape, jnp.float32) for step in found]

    def moved(deltas: list[Any]) -> tuple[Any, tuple[Any, Any]]:
        added = {id(step): delta for step, delta in zip(found, deltas, strict=True)}
        kept: list[Any] = []
        outputs = _run(program.jaxpr, program.consts, [x], added, kept)
        return outputs[0], (outputs, kept)

    gradients, (outputs, values) = jax.grad(moved, has_aux=True)(zeros)
    _, given = jax.tree.unflatten(jax.tree.structure(shapes), outputs)
    return given, tuple(zip(values, gradients, strict=True))


@contextmanager
def plain_attention() -> Iterator[None]:
    """Within the block `jax.nn.dot_product_attention` is computed step by step, (N, heads, T, S).

    JAX's own has an axis more, for groups of heads, or is one fused kernel.
    """
    own = jax.nn.dot_product_attention

    def attention(
        query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, *,
        scale: float | None = None, is_causal: bool = False, implementation: Any = None,
        **more: Any,
    ) -> Any:  # fmt: skip
        if any(each is not None for each in more.values()) or query.ndim != 4:
            return own(
                query, key, value, bias, mask, scale=scale, is_causal=is_causal,
                implementation=implementation, **more,
            )  # fmt: skip
        groups = query.shape[2] // key.shape[2]
        key, value = (jnp.repeat(each, groups, axis=2) for each in (key, value))
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        logits = jnp.einsum("nthd,nshd->nhts", query, key).astype(jnp.float32) * scale
        if bias is not None:
            logits = logits + bias
        if is_causal:
            causal = jnp.tril(jnp.ones(logits.shape[-2:], bool))
            mask = causal if mask is None else mask & causal
        if mask is not None:
            logits = jnp.where(mask, logits, -0.7 * jnp.finfo(jnp.float32).max)
        weights = jax.nn.softmax(logits, axis=-1).astype(value.dtype)
        return jnp.einsum("nhts,nshd->nthd", weights, value)

    jax.nn.dot_product_attention = attention
    try:
        yield
    finally:
        jax.nn.dot_product_attention = own


def _flat(program: Any, known: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a program, without programs within that a softmax may be in."""
    values = dict(zip((*program.constvars, *program.invars), (*known, *inputs), strict=True))
    for step in program.eqns:
        given = [x.val if isinstance(x, Literal) else values[x] for x in step.invars]
        name, within = step.primitive.name, [each for each in inside(step) if _has_softmax(each)]
        if not within:
            outputs = bound(step, given)
        elif name in INLINED or name == "custom_jvp_call":
            outputs = _flat(within[0], constants(step), given)
        else:
            raise ModelError(
                f"Expected attention that can be followed, got some in a {name} of the network. "
                "Try: method='grad-cam'"
            )
        values.update(zip(step.outvars, outputs, strict=True))
    return [x.val if isinstance(x, Literal) else values[x] for x in program.outvars]


def _has_softmax(program: Any) -> bool:
    """Whether a program may have a softmax within."""
    names = {step.primitive.name for step in all_steps(program)}
    return {"exp", "reduce_sum", "div"} <= names


def _run(
    program: Any,
    known: Sequence[Any],
    inputs: Sequence[Any],
    added: dict[int, Any],
    kept: list[Any],
) -> list[Any]:
    """The outputs of a flat program, something added to what some steps give, which is kept."""
    values = dict(zip((*program.constvars, *program.invars), (*known, *inputs), strict=True))
    for step in program.eqns:
        outputs = bound(step, [x.val if isinstance(x, Literal) else values[x] for x in step.invars])
        if id(step) in added:
            kept.append(outputs[0].astype(jnp.float32))
            outputs = [(kept[-1] + added[id(step)]).astype(outputs[0].dtype)]
        values.update(zip(step.outvars, outputs, strict=True))
    return [x.val if isinstance(x, Literal) else values[x] for x in program.outvars]


def _softmaxes(program: Any) -> list[Any]:
    """The steps that give a softmax, on the way from what the program takes to its first output."""
    computed = {x: step for step in program.eqns for x in step.outvars}

    def sources(step: Any) -> list[Any]:
        variables = (x for x in step.invars if not isinstance(x, Literal))
        return [computed[x] for x in variables if x in computed]

    start = set(program.invars)
    moving: set[int] = set()  # steps that what the program takes changes
    for step in program.eqns:
        of_input = any(not isinstance(x, Literal) and x in start for x in step.invars)
        if of_input or any(id(one) in moving for one in sources(step)):
            moving.add(id(step))
    needed, waiting = set(), [computed[x] for x in program.outvars[:1] if x in computed]
    while waiting:
        step = waiting.pop()
        if id(step) not in needed:
            needed.add(id(step))
            waiting.extend(sources(step))
    found = [
        step for step in program.eqns
        if id(step) in needed & moving and _is_softmax(step, computed)
    ]  # fmt: skip
    require_a_line([_Known(step) for step in found], lambda one: map(_Known, sources(one.step)))
    return found


def _is_softmax(step: Any, computed: dict[Any, Any]) -> bool:
    """Whether a step is e^x over its sum along the last axis."""
    if step.primitive.name != "div" or any(isinstance(x, Literal) for x in step.invars):
        return False
    above, below = (computed.get(x) for x in step.invars)
    while below is not None and below.primitive.name in _MOVES:
        below = computed.get(below.invars[0])
    if above is None or below is None or below.primitive.name != "reduce_sum":
        return False
    last = step.outvars[0].aval.ndim - 1
    axes = tuple(map(int, below.params["axes"]))
    return above.primitive.name == "exp" and axes == (last,) and last > 1 and (
        below.invars[0] is step.invars[0]
    )  # fmt: skip


class _Known:
    """A step of a program, which is no key by itself."""

    def __init__(self, step: Any) -> None:
        self.step = step

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.step is self.step

    def __hash__(self) -> int:
        return id(self.step)
