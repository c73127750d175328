"""Guided gradients on PyTorch: every ReLU in the record of a pass lets only what is positive back.

A ReLU is found where each ends up, in autograd's graph, whatever module, function or method of a
tensor computed it: max(x, 0), also where it is capped as in ReLU6.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from campare.errors import ModelError

#: Steps of autograd that are a ReLU where what they saved under this name is zero.
_FLOORS = {
    "ClampMin": "_saved_min", "Clamp": "_saved_min", "Hardtanh": "_saved_min_val",
    "Threshold": "_saved_threshold", "Maximum": "_saved_other",
}  # fmt: skip

#: Steps that stand for many others, which cannot be looked into.
_OPAQUE = {"CompiledFunction": "torch.compile", "DifferentiableGraph": "torch.jit"}


@contextmanager
def guided(scores: Any, tell: Callable[[int], None]) -> Iterator[None]:
    """Within the block the ReLUs before `scores` pass only positive gradients back; tell how many.

    Raises:
        ModelError: a part of the network was compiled, so that its ReLUs cannot be found.
    """
    relus = [step for step in steps_before(scores.grad_fn) if _is_relu(step)]
    handles = [step.register_prehook(_positive) for step in relus]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    tell(len(relus))


def _positive(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
    """The positive part of the gradients that come back to a step."""
    return tuple(each if each is None else each.clamp(min=0) for each in gradients)


def steps_before(last: Any) -> Iterator[Any]:
    """All steps of autograd from the last one back."""
    known, waiting = {last}, [last]
    while waiting:
        step = waiting.pop()
        if step is None:
            continue
        yield step
        before = [one for one, _ in step.next_functions if one not in known]
        known.update(before)
        waiting.extend(before)


def _is_relu(step: Any) -> bool:
    name = type(step).__name__.partition("Backward")[0]
    if name in _OPAQUE:
        raise ModelError(
            f"Expected ReLUs that can be guided, got a part of the network in {_OPAQUE[name]}. "
            "Try: the module as it was before, or method='grad-cam'"
        )
    if name == "Relu":
        return True
    floors = [_FLOORS[name]] if name in _FLOORS else []
    floors += ["_saved_self"] if name == "Maximum" else []  # the zero may come first
    return any(_is_zero(getattr(step, floor, None)) for floor in floors)


def _is_zero(value: Any) -> bool:
    """Whether a number, or all of a tensor, is zero."""
    if isinstance(value, torch.Tensor):
        return not bool(value.detach().any())
    return value is not None and value == 0
