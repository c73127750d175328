"""Guided gradients on JAX: every ReLU of a function lets only what is positive back.

A ReLU is found where each ends up, in the program that JAX traces, whatever layer or function made
it: max(x, 0), also where it is capped as in ReLU6, or has a threshold.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal

from campare.errors import ModelError
from campare.models.backends.jax_steps import INLINED, all_steps, bound, constants, inside

#: Steps that are a ReLU by what they take.
_RELUS = frozenset({"max", "clamp", "select_n"})
#: Steps that make a number an array.
_CONSTANT = frozenset({"convert_element_type", "broadcast_in_dim", "copy"})


@jax.custom_vjp  # type: ignore[untyped-decorator]
def clip_gradient(x: Any) -> Any:
    """x itself, through which only positive gradients flow back."""
    return x


clip_gradient.defvjp(lambda x: (x, None), lambda _, g: (jax.nn.relu(g),))


def guided(function: Callable[..., Any], tell: Callable[[int], None]) -> Callable[..., Any]:
    """The function with ReLUs that pass only positive gradients back; tells how many there are.

    Raises:
        ModelError: ReLUs are in a loop or a branch, where they cannot be guided.
    """

    def run(*inputs: Any) -> Any:
        program, shapes = jax.make_jaxpr(function, return_shape=True)(*inputs)
        rewritten = _Guided()
        outputs = rewritten.run(program.jaxpr, program.consts, jax.tree.leaves(inputs))
        tell(rewritten.count)
        return jax.tree.unflatten(jax.tree.structure(shapes), outputs)

    return run


class _Guided:
    """Runs a program step by step, and counts the ReLUs that it guides."""

    def __init__(self) -> None:
        self.count = 0
        self._compared: dict[int, tuple[Any, Any]] = {}  # x > number: what it is, and x

    def run(self, program: Any, constants: Any, inputs: Any) -> list[Any]:
        """The outputs of a program, its ReLUs guided."""
        values = dict(
            zip((*program.constvars, *program.invars), (*constants, *inputs), strict=True)
        )

        def value(variable: Any) -> Any:
            return variable.val if isinstance(variable, Literal) else values[variable]

        for step in program.eqns:
            outputs = self._step(step, [value(each) for each in step.invars])
            values.update(zip(step.outvars, outputs, strict=True))
        return [value(each) for each in program.outvars]

    def _step(self, step: Any, inputs: list[Any]) -> list[Any]:
        name = step.primitive.name
        if name in INLINED and any(_interesting(each) for each in inside(step)):
            (closed,) = inside(step)
            return self.run(closed, constants(step), inputs)
        if name in _CONSTANT and not any(isinstance(each, jax.core.Tracer) for each in inputs):
            with jax.ensure_compile_time_eval():
                return bound(step, inputs)
        outputs = bound(step, inputs)
        if name in ("gt", "ge"):
            self._compared[id(outputs[0])] = outputs[0], inputs[0]
        if self._is_relu(step, inputs):
            self.count += 1
            return [clip_gradient(each) for each in outputs]
        if not name.startswith("custom_") and any(_has_relu(each) for each in inside(step)):
            raise ModelError(
                f"Expected ReLUs that can be guided, got one in a {name} of the network. Try: "
                "method='grad-cam'"
            )
        return outputs

    def _is_relu(self, step: Any, inputs: list[Any]) -> bool:
        name = step.primitive.name
        if name == "max":
            return any(map(_is_zero, inputs))
        if name == "clamp":  # (low, x, high)
            return _is_zero(inputs[0])
        if name == "select_n" and len(inputs) == 3:  # x where x > a number, else 0
            _, compared = self._compared.get(id(inputs[0]), (None, None))
            return compared is inputs[2] and compared is not None and _is_zero(inputs[1])
        return name == "custom_jvp_call" and all(map(_has_nothing_else, inside(step)))


def _interesting(program: Any) -> bool:
    """Whether something in a program may be a ReLU."""
    names = {step.primitive.name for step in all_steps(program)}
    return bool(names & _RELUS)


def _has_relu(program: Any) -> bool:
    """Whether a program has a max(x, 0) that says so."""
    return any(
        step.primitive.name == "max" and any(_is_zero(_known(each)) for each in step.invars)
        for step in all_steps(program)
    )


def _has_nothing_else(program: Any) -> bool:
    """Whether a program is a ReLU, capped or not."""
    names = {step.primitive.name for step in all_steps(program)}
    return _has_relu(program) and names <= {"max", "min", *INLINED, *_CONSTANT}


def _known(variable: Any) -> Any:
    return variable.val if isinstance(variable, Literal) else None


def _is_zero(value: Any) -> bool:
    """Whether a value is known, and zero everywhere."""
    known = value is not None and not isinstance(value, jax.core.Tracer)
    return known and not np.asarray(value).any()
