"""Batch normalization folded into the convolution before it, for the length of a `with` block.

    BN(conv(x, W) + b) = conv(x, s W) + s (b - mean) + beta        s = gamma / sqrt(var + eps)

A convolution gives a promise in place of its output. A batch normalization that gets one runs both
at once, with the weights as they are at that moment; any other operation gets the output as ever.
So nothing need be known of how the model is wired, and nothing of it changes.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_map_only

from campare.errors import ModelError

#: A convolution and the normalization of its output.
Pair = tuple[torch.nn.Conv2d, torch.nn.BatchNorm2d]

#: Folding passes over the weights and saves a pass over the output: from this ratio on it pays.
_WORTH = 4

#: Whoever watches torch's functions need not see what is done here; it would take its time.
_UNSEEN = torch._C.DisableTorchFunction


class _Promise(torch.Tensor):  # type: ignore[misc]
    """The output of a convolution, which runs when an operation needs it."""

    @staticmethod
    def __new__(cls, conv: Any, x: Any) -> "_Promise":
        """A tensor that has a shape and no memory."""
        promise: _Promise = torch.Tensor._make_wrapper_subclass(
            cls, _shape(conv, x), dtype=x.dtype, device=x.device
        )
        return promise

    def __init__(self, conv: Any, x: Any) -> None:
        self.conv, self._x, self._version_of_x = conv, x, x._version
        self.output: Any = None  # once it was needed

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The operation, on outputs."""
        args, kwargs = tree_map_only(cls, cls.keep, (args, kwargs or {}))
        return func(*args, **kwargs)

    @property
    def x(self) -> Any:
        """What the convolution was given, if it still is what it was."""
        if self._x._version != self._version_of_x:
            raise ModelError(
                "Expected the input of a convolution to stay as it is until its output is used, "
                "got one that was changed in place. Try: x = x + 1 for x += 1"
            )
        return self._x

    def keep(self) -> Any:
        """The output, which may change in place from now on."""
        if self.output is None:
            self.output = self.conv._conv_forward(self.x, self.conv.weight, self.conv.bias)
        return self.output

    def normalized(self, norm: Any) -> Any:
        """The output after `norm`, in one convolution."""
        s = torch.rsqrt(norm.running_var + norm.eps)
        s = s if norm.weight is None else s * norm.weight
        b = 0 if self.conv.bias is None else self.conv.bias
        bias = s * (b - norm.running_mean) + (0 if norm.bias is None else norm.bias)
        return self.conv._conv_forward(self.x, self.conv.weight * s[:, None, None, None], bias)


def find_pairs(model: torch.nn.Module, run: Callable[[], Any]) -> list[Pair]:
    """The pairs of `model` whose folding leaves `run()`, its logits, as they are."""
    convs = _of_type(model, torch.nn.Conv2d)
    norms = [n for n in _of_type(model, torch.nn.BatchNorm2d) if n.running_var is not None]
    pairs: dict[Pair, None] = {}
    expected = run()
    try:
        with _patched(convs, norms, worth=0, met=pairs.setdefault):
            got = run()
    except Exception:  # something that no promise can stand for
        return []
    if got.shape != expected.shape or not expected.numel():  # detections: other ones, or none
        return []
    same = torch.allclose(got, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())
    return list(pairs) if same else []


@contextmanager
def folded(pairs: list[Pair]) -> Iterator[None]:
    """Within the block each pair runs as one in this thread, unless somebody looks between."""
    free = [(c, n) for c, n in pairs if not c._forward_hooks and not n._forward_pre_hooks]
    with _patched(list({c for c, _ in free}), list({n for _, n in free}), worth=_WORTH):
        yield


@contextmanager
def _patched(
    convs: list[Any],
    norms: list[Any],
    *,
    worth: float,
    met: Callable[[Pair], None] = lambda _: None,
) -> Iterator[None]:
    """Within the block the convolutions give promises, and the normalizations take them."""
    owner = threading.get_ident()

    def convolve(conv: Any, x: Any) -> Any:
        with _UNSEEN():
            if threading.get_ident() == owner and _pays(conv, x, worth):
                return _Promise(conv, x)
        return type(conv).forward(conv, x)

    def normalize(norm: Any, x: Any) -> Any:
        if not isinstance(x, _Promise) or x.output is not None or norm.training:
            return type(norm).forward(norm, x)
        met((x.conv, norm))
        with _UNSEEN():
            return x.normalized(norm)

    with ExitStack() as patches:
        for modules, forward in ((convs, convolve), (norms, normalize)):
            for module in modules:
                vars(module)["forward"] = partial(forward, module)
                patches.callback(vars(module).pop, "forward", None)
        yield


def _pays(conv: Any, x: Any, worth: float) -> bool:
    """Whether the output is large enough, and plain: not recorded, and of the type of x."""
    if torch.is_grad_enabled() or torch.is_inference_mode_enabled():
        return False
    if x.requires_grad:  # is recorded, though a no_grad() of the model's own has just begun
        return False
    if torch.is_autocast_enabled(x.device.type):
        return False
    if x.ndim != 4 or x.dtype != conv.weight.dtype or x.is_inference():
        return False
    return bool(math.prod(_shape(conv, x)) >= worth * conv.weight.numel())


def _shape(conv: Any, x: Any) -> tuple[int, ...]:
    """(N, C, H, W) of conv(x)."""
    padding = conv._reversed_padding_repeated_twice  # left, right, top, bottom
    height, width = (
        (size + sum(pads) - step * (kernel - 1) - 1) // stride + 1
        for size, pads, step, kernel, stride in zip(
            x.shape[-2:],
            (padding[2:], padding[:2]),
            conv.dilation,
            conv.kernel_size,
            conv.stride,
            strict=True,
        )
    )
    return (x.shape[0], conv.out_channels, height, width)


def _of_type(model: torch.nn.Module, kind: type) -> list[Any]:
    """The modules of exactly that kind, as they were made."""
    return [m for m in model.modules() if type(m) is kind and "forward" not in vars(m)]
