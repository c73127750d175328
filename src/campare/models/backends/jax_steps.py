"""The steps of a program that JAX has traced: which hold programs of their own, and running one."""

from collections.abc import Iterator
from typing import Any

#: Steps that hold a program of their own, which runs once, as it stands.
INLINED = frozenset({"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"})


def bound(step: Any, inputs: list[Any]) -> list[Any]:
    """What one step gives."""
    found = step.primitive.get_bind_params(step.params)
    functions, parameters = found if isinstance(found, tuple) else ((), found)  # as JAX was, and is
    outputs = step.primitive.bind(*functions, *inputs, **parameters)
    return list(outputs) if step.primitive.multiple_results else [outputs]


def inside(step: Any) -> Iterator[Any]:
    """The programs that a step holds."""
    for parameter in step.params.values():
        for each in parameter if isinstance(parameter, (tuple, list)) else (parameter,):
            program = getattr(each, "jaxpr", each)
            if hasattr(program, "eqns"):
                yield program


def constants(step: Any) -> Any:
    """The constants of the one program that a step holds."""
    return next((each.consts for each in step.params.values() if hasattr(each, "consts")), ())


def all_steps(program: Any) -> Iterator[Any]:
    """The steps of a program, and of those that they hold."""
    for step in program.eqns:
        yield step
        for each in inside(step):
            yield from all_steps(each)
