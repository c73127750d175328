"""Torch modules: replace what one gives, bypass a final softmax.

A module's output is replaced by a forward hook. A softmax is a function as often as a module, so it
is watched where both end up, in the functions that torch calls. All of it lasts for a
`with` block and this thread.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from campare.errors import ModelError

_SQUASHING = {
    functional.softmax: "softmax", torch.softmax: "softmax", torch.Tensor.softmax: "softmax",
    functional.log_softmax: "softmax", torch.log_softmax: "softmax",
    torch.Tensor.log_softmax: "softmax", torch.sigmoid: "sigmoid", torch.Tensor.sigmoid: "sigmoid",
    functional.sigmoid: "sigmoid", functional.logsigmoid: "sigmoid",
}  # fmt: skip
_MOVING = frozenset({
    "to", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda",
    "clone", "contiguous", "dropout", "reshape", "reshape_as", "view", "view_as", "flatten",
    "unflatten", "ravel", "squeeze", "unsqueeze", "permute", "transpose", "t", "movedim",
    "moveaxis", "swapaxes", "swapdims", "select", "narrow", "index_select", "__getitem__",
})  # fmt: skip
_TURNING = (torch.Tensor.T.__get__, torch.Tensor.mT.__get__)

#: How classes that work on a grid are called.
_SIDES = ("1d", "2d", "3d")

#: What is said of a graph that runs without its modules.
OPAQUE = (
    "Expected a torch.nn.Module in Python, got {}, an exported graph whose layers cannot be "
    "tapped. Try: the module that it was exported from, or docs/wrappers.md"
)


class Squashing(TorchFunctionMode):  # type: ignore[misc]
    """Keeps what went into each softmax or sigmoid over classes, and what came out.

    Where that is moved then (cast, reshaped, cut), what went in is moved alike beside it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._squashed: list[tuple[Any, Any, str]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if func in _SQUASHING and _is_over_classes(output):
            entered = args[0] if args else kwargs["input"]
            self._squashed.append((output, entered, _SQUASHING[func]))
        elif func in _TURNING or getattr(func, "__name__", "") in _MOVING:
            before = args[0] if args else kwargs.pop("input", None)
            entered, kind = self._entered(before)
            if kind and output is not before:
                self._squashed.append((output, func(entered, *args[1:], **kwargs), kind))
        return output

    def before(self, output: Any) -> tuple[Any, str | None]:
        """The logits of an output (N, K), and the 'softmax' or 'sigmoid' between them."""
        return self._entered(output) if getattr(output, "ndim", 0) == 2 else (output, None)

    def _entered(self, output: Any) -> tuple[Any, str | None]:
        for squashed, entered, kind in self._squashed:
            if squashed is output:
                return entered, kind
        return output, None


def _is_over_classes(output: Any) -> bool:
    """Whether a tensor is (N, K), with axes of length 1 anywhere."""
    return output.ndim > 1 and sum(side != 1 for side in output.shape[1:]) < 2  # type: ignore[no-any-return]


@contextmanager
def hooked(module: torch.nn.Module, hook: Callable[[Any], Any]) -> Iterator[None]:
    """Within the block `hook` sees what `module` gives in this thread, and may replace it."""
    owner = threading.get_ident()
    handle = module.register_forward_hook(
        lambda _module, _inputs, output: hook(output) if threading.get_ident() == owner else None
    )
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def edited(module: torch.nn.Module, edit: Callable[[Any], Any]) -> Iterator[None]:
    """Within the block the output of `module` in this thread passes through `edit`."""

    def hook(output: Any) -> Any:
        if isinstance(output, tuple):  # attention gives its weights, too
            return (edit(output[0]), *output[1:])
        return edit(output)

    with hooked(module, hook):
        yield


@contextmanager
def inference(model: torch.nn.Module) -> Iterator[None]:
    """Within the block no module is in training mode."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def features(output: Any) -> Any:
    """The tensor in a module's output that a tap would edit; None where there is none."""
    if isinstance(output, tuple) and not hasattr(output, "keys") and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) else None


def layout(module: torch.nn.Module) -> bool | None:
    """Whether the output of the module is surely channels first or last; None: look at it.

    A name such as `LSTM2d` says so of torch's own classes, and of those made of them, alone.
    """
    if isinstance(module, torch.nn.LayerNorm) and len(module.normalized_shape) > 1:
        return None
    if isinstance(module, (torch.nn.Linear, torch.nn.LayerNorm)) and not has_sides(module):
        return False
    own = (base for base in type(module).__mro__ if base.__module__.startswith("torch.nn."))
    return True if any(base.__name__.endswith(_SIDES) for base in own) else None


def has_sides(module: torch.nn.Module) -> bool:
    """Whether a module works on a grid by the name of its class."""
    return type(module).__name__.endswith(_SIDES)


def refuse_opaque(model: Any) -> None:
    """A graph that runs without its modules cannot be tapped."""
    flat = isinstance(model, torch.fx.GraphModule) and not any(
        next(model.get_submodule(node.target).parameters(), None) is not None
        for node in model.graph.nodes
        if node.op == "call_module"
    )
    scripted = isinstance(model, torch.jit.ScriptModule)
    if flat or scripted or not isinstance(model, torch.nn.Module):
        raise ModelError(OPAQUE.format(type(model).__name__))


def dtype_of(model: torch.nn.Module) -> Any:
    """What the model computes in: as its first weight that is no integer."""
    dtypes = (weight.dtype for weight in model.parameters() if weight.is_floating_point())
    return next(dtypes, torch.float32)


def redraw(module: torch.nn.Module) -> None:
    """New weights for what the module itself holds."""
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()
        return
    for parameter in module.parameters(recurse=False):
        parameter.normal_(0, 0.02)
