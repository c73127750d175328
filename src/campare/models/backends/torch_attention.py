"""Self-attention on PyTorch: each softmax over the last axis in a record, with gradient.

A softmax is found where each ends up, in autograd's graph, whatever module or function computed it:
written out, `nn.MultiheadAttention`, or `scaled_dot_product_attention`, which is not fused here.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from campare.models.attention import Attention, require_a_line
from campare.models.backends.torch_guided import steps_before

_SOFTMAX = ("Softmax", "SafeSoftmax")


def unfused() -> Any:
    """Within the block attention is computed step by step, with derivatives of any order."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(SDPBackend.MATH)


class Unfused(TorchFunctionMode):  # type: ignore[misc]
    """Within the block attention is unfused, also where a model chooses another kernel."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with unfused() if func is scaled_dot_product_attention else ExitStack():
            return func(*args, **(kwargs or {}))


def attention_of(
    scores: Any, differentiate: Callable[[Any], Any]
) -> tuple[Any, tuple[Attention, ...]]:
    """What `differentiate(scores)` gives, and each softmax that it passes, with its gradient.

    `differentiate` keeps what it passes; those that it does not pass are of something else.
    """
    found = sorted(
        filter(_is_softmax, steps_before(scores.grad_fn)), key=lambda step: step._sequence_nr()
    )
    values = [step._saved_result.detach() for step in found]
    own: dict[int, Any] = {}  # gradients of the first image's score
    if len(scores) > 1 and any(value.ndim == 3 for value in values):
        _, own = _gradients(found, partial(differentiate, scores[:1]))
    given, gradients = _gradients(found, partial(differentiate, scores))
    attentions = []
    for k in sorted(gradients):
        A, G = values[k], gradients[k]
        if A.ndim == 3 and _is_by_image(own.get(k), len(A), len(scores)):
            A, G = (x.reshape(len(scores), -1, *x.shape[1:]) for x in (A, G))
        attentions.append((A, G))
    require_a_line([found[k] for k in sorted(gradients)], _sources)
    return given, tuple(attentions)


def _gradients(found: list[Any], differentiate: Callable[[], Any]) -> tuple[Any, dict[int, Any]]:
    """What `differentiate` gives, and the gradients that came back to each softmax it passed."""
    gradients: dict[int, Any] = {}

    def keep(k: int, given: tuple[Any, ...]) -> None:
        if given[0] is not None:
            gradients[k] = given[0].detach()

    with ExitStack() as hooks:
        for k, step in enumerate(found):
            hooks.callback(step.register_prehook(partial(keep, k)).remove)
        return differentiate(), gradients


def _is_softmax(step: Any) -> bool:
    """Whether a step of autograd is a softmax over the last axis of several."""
    if type(step).__name__.partition("Backward")[0] not in _SOFTMAX:
        return False
    rank = step._saved_result.ndim
    return rank > 2 and step._saved_dim in (rank - 1, 2**64 - 1)  # -1, without a sign


def _is_by_image(own: Any, rows: int, n: int) -> bool:
    """Whether (n heads, T, T) are n times all heads: the first image's score depends on its own."""
    return not rows % n and (own is None or not bool(own[rows // n :].any()))


def _sources(step: Any) -> list[Any]:
    """The steps that one is computed from."""
    return [one for one, _ in step.next_functions if one is not None]
