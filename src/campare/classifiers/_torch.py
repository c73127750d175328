"""The tap on PyTorch: a forward pass that records from one layer's output on.

Everything runs without gradients until the tapped layer has run; its output becomes a leaf, and
from there on each operation records, also within a `torch.no_grad()` of the model's own. Keras
models on the torch backend and plain modules share this; how a layer is edited is their own affair.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from campare.classifiers._program import Forward, Program, Run, enter, leave, only
from campare.types import Array, Tap

#: Without compiling, any number of images is as good; Inductor compiles one.
FIXED_BATCH = False
#: The model is patched during every run, not only while a graph is made.
PATCHES_RUNS = True


class _Recording(TorchFunctionMode):  # type: ignore[misc]
    """Gradients are on for every operation after `on` was set, whoever switched them off."""

    on = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.on and func is not torch._C._set_grad_enabled:
            torch.set_grad_enabled(True)
        return func(*args, **(kwargs or {}))


def trace(forward: Forward, shape: tuple[int | None, ...], model: Any) -> None:
    """Run `forward` on one black image, for what its patches record."""
    with torch.no_grad():
        forward(torch.zeros((1, *shape), device=device_of(model)))


def compile_predict(
    forward: Forward,
    shape: tuple[int | None, ...],  # noqa: ARG001
    model: Any,
    *,
    jit: bool,
) -> Callable[[Any], Any]:
    """images (N, H, W, C) -> logits (N, K); with `jit` through Inductor."""

    def predict(images: Any) -> Any:
        with torch.no_grad():
            return forward(images)

    run = _compiled(predict, model) if jit else predict
    return lambda images: run(to_device(images, model))


def compile_tap(
    program: Program,
    shape: tuple[int | None, ...],  # noqa: ARG001
    model: Any,
    *,
    jit: bool,
) -> Run:
    """(images, index, scale, eps) -> what `program.read` makes of the tap."""

    def tapped(images: Any, index: Any, scale: Any, eps: Any) -> tuple[Any, ...]:
        seen: list[Any] = []

        def watch(output: Any) -> Any:
            features, output = enter(program, output.detach(), scale, eps)
            features = features.detach().requires_grad_()
            seen.append(features)
            recording.on = True
            torch.set_grad_enabled(True)
            return leave(program, features, output).clone()  # what follows may work in place

        with torch.no_grad():
            with _Recording() as recording, program.edit(watch):
                logits = program.forward(images)
                scores = program.score(logits, index)
            features = only(seen)
            gradients = _gradient(scores.sum(), features, again=program.curvature)
            curvature = None
            if program.curvature:
                with torch.enable_grad():
                    along = (gradients * features.detach()).sum()
                curvature = _gradient(along, features)
            tap = Tap(features, gradients, scores, logits, curvature)
            return program.read(Tap(*(x if x is None else x.detach() for x in tap)))

    run = _compiled(tapped, model) if jit else tapped

    def start(images: Any, *more: Any) -> tuple[Any, ...]:
        return tuple(run(*(to_device(x, model) for x in (images, *more))))

    return start


def to_device(x: Any, model: Any) -> Any:
    """A NumPy array or tensor where the model's weights are."""
    tensor = x if isinstance(x, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(x))
    return tensor.to(device_of(model))


def to_numpy(x: Any) -> Array:
    """A result on the host."""
    return np.asarray(x.detach().float().cpu().numpy())


def device_of(model: Any) -> Any:
    """Where the model's first weight is."""
    weights = getattr(model, "parameters", None)
    first = next(iter(weights()), None) if weights else None
    return first.device if first is not None else torch.device("cpu")


class _ClipGradient(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:  # noqa: ARG004
        return gradient.clamp(min=0)


def clip_gradient(x: Any) -> Any:
    """x itself, through which only positive gradients flow back."""
    return _ClipGradient.apply(x)


def _gradient(of: Any, by: Any, *, again: bool = False) -> Any:
    """d of / d by; zero where they are not connected."""
    if not of.requires_grad:
        return torch.zeros_like(by)
    (gradient,) = torch.autograd.grad(
        of, by, create_graph=again, allow_unused=True, materialize_grads=True
    )
    return gradient


def _compiled(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    """The function traced into one graph for each shape of its inputs, compiled by Inductor.

    A graph holds the weights themselves, so training in place may go on; where a weight was
    replaced by another tensor, or moved, it is traced anew.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    graphs: dict[Any, Callable[..., Any]] = {}

    def run(*inputs: Any) -> Any:
        weights = tuple(weight.data_ptr() for weight in model.parameters())
        key = (weights, tuple((tuple(x.shape), x.stride(), x.dtype) for x in inputs))
        if key not in graphs:
            for stale in [old for old in graphs if old[0] != weights]:
                del graphs[stale]
            graphs[key] = torch.compile(make_fx(function)(*inputs), dynamic=False)
        with torch.no_grad():
            return graphs[key](*inputs)

    return run
