"""The tap on PyTorch: a forward pass that records from one layer's output on.

Everything runs without gradients until the tapped layer has run; its output becomes a leaf, and
from there on each operation records, also within a `torch.no_grad()` of the model's own. Keras
models on the torch backend and plain modules share this; how a layer is edited is their own affair.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import CheckpointFunction

from campare.errors import LayerError
from campare.models.arrays import leaves
from campare.models.backends.protocol import Forward, Program, Run, Traced, enter, leave, only
from campare.models.backends.torch_attention import Unfused, attention_of, unfused
from campare.models.backends.torch_guided import guided
from campare.models.dataflow import Flow, flow_of, is_turn
from campare.models.several import is_several
from campare.types import Array, Tap

#: Without compiling, any number of images is as good; Inductor compiles one.
FIXED_BATCH = False
#: The model is patched during every run, not only while a graph is made.
PATCHES_RUNS = True

#: A reentrant checkpoint gives gradients to `backward()` alone, which would add to the weights'.
_CHECKPOINT = (
    "Expected a layer that runs as it stands, got one {} torch.utils.checkpoint. "
    "Try: no gradient checkpointing, or use_reentrant=False"
)


class _Recording(TorchFunctionMode):  # type: ignore[misc]
    """Gradients are on for every operation after `on` was set, whoever switched them off."""

    on = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.is_inference_mode_enabled():  # within a model that runs a part of itself so
            with torch.inference_mode(False), torch.set_grad_enabled(self.on):
                return func(*args, **(kwargs or {}))
        if self.on and func is not torch._C._set_grad_enabled:
            torch.set_grad_enabled(True)
        return func(*args, **(kwargs or {}))


def trace(forward: Traced, shape: tuple[int, ...], model: Any) -> Flow | None:
    """Run `forward` on black images of `shape` (N, H, W, C): how the logits come out of them.

    None where the model cannot run while that is recorded.
    """
    try:
        with _recorded():
            images = _black(shape, model)
            first = images[0] if isinstance(images, tuple) else images
            first = first.requires_grad_() * 1
            start = mark(first)
            images = (first, *images[1:]) if isinstance(images, tuple) else first
            logits, layers = forward(images)
            return flow_of(start, map(mark, leaves(logits)), layers, _sources, _kind)
    except Exception:  # as one that hands what it computes to NumPy
        run_black(forward, shape, model)
        return None


def run(forward: Forward, images: Array, model: Any) -> None:
    """Run `forward` once for what its patches see."""
    with _plain(), _Recording():
        forward(to_device(images, model))


def run_black(forward: Callable[[Any], Any], shape: tuple[int, ...], model: Any) -> None:
    """Run `forward` on black images of `shape` (N, H, W, C), for what its patches record."""
    with _plain(), _Recording():
        forward(_black(shape, model))


def _black(shape: Any, model: Any) -> Any:
    """Images of zeros; of several inputs, a tuple of them."""
    if not is_several(shape):
        return torch.zeros(shape, device=device_of(model))
    return tuple(
        torch.zeros(one, dtype=getattr(torch, dtype), device=device_of(model))
        for one, dtype in shape
    )


def mark(output: Any) -> tuple[Any, int]:
    """What a tensor is in torch's record of a pass, also after it was changed in place."""
    return output.grad_fn, output.output_nr


def _sources(tensor: tuple[Any, int]) -> list[tuple[Any, int]]:
    """The tensors that one was computed from."""
    return [one for one in getattr(tensor[0], "next_functions", ()) if one[0] is not None]


_KINDS = {
    "Add": "sum",
    "Mul": "scale",
    **dict.fromkeys(
        (
            *("Clone", "ToCopy", "Alias", "View", "UnsafeView", "Reshape", "ReshapeAlias"),
            *("T", "Squeeze", "Unsqueeze"),
        ),
        "move",
    ),
    **dict.fromkeys(
        ("UpsampleBilinear2D", "UpsampleNearest2D", "UpsampleBicubic2D", "UpsampleTrilinear3D"),
        "resize",
    ),
    **dict.fromkeys(
        ("Flip", "Rot90", "Roll", "Index", "IndexSelect", "Gather", "TakeAlongDim", "Stack"), "turn"
    ),
}


def _kind(tensor: tuple[Any, int]) -> str:
    """Whether a tensor is a sum of others, one of them moved or turned, or one of them scaled."""
    step = tensor[0]
    name = type(step).__name__.partition("Backward")[0]
    if name in ("Permute", "Transpose"):
        return "turn" if is_turn(_order(step)) else "move"
    return _KINDS.get(name, "")


def _order(step: Any) -> list[int]:
    """The axes as a step that was recorded put them."""
    axes = list(range(len(step._input_metadata[0].shape)))
    if hasattr(step, "_saved_dims"):
        return [axes[axis] for axis in map(_signed, step._saved_dims)]
    here, there = map(_signed, (step._saved_dim0, step._saved_dim1))
    axes[here], axes[there] = axes[there], axes[here]
    return axes


def _signed(axis: int) -> int:
    """An axis that torch recorded without its sign: 2**64 - 1 is the last."""
    return axis - 2**64 if axis >= 2**63 else axis


@contextmanager
def _recorded() -> Iterator[None]:
    """Within the block all is recorded, and nothing of it kept that only gradients need."""
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda _: None, lambda _: None)
    with torch.inference_mode(False), torch.enable_grad(), hooks, _Recording() as recording:
        recording.on = True
        yield


def compile_predict(
    forward: Forward,
    shape: tuple[int | None, ...],  # noqa: ARG001
    model: Any,
    *,
    jit: bool,
) -> Callable[[Any], Any]:
    """images (N, H, W, C) -> logits (N, K); with `jit` through Inductor."""

    def predict(images: Any) -> Any:
        with _plain():
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
        watched: list[Any] = []

        def watch(output: Any) -> Any:
            _refuse_checkpoint()
            features, output = enter(program, output.detach(), scale, eps)
            features = features.detach()
            watched.append(features)
            if program.gradients:
                features.requires_grad_()
                recording.on = True
                torch.set_grad_enabled(True)
            return leave(program, features, output).clone()  # what follows may work in place

        explicit = program.curvature or program.attended
        with _plain(), unfused() if explicit else nullcontext():
            own = Unfused() if program.attended else nullcontext()
            with _Recording() as recording, own, program.edit(watch):
                logits = program.forward(images)
                scores = program.score(logits, index)
            features = only(watched)
            gradients, curvature, attentions = None, None, None
            if program.attended:
                differentiate = partial(_gradient, by=features, kept=True)
                gradients, attentions = attention_of(scores, lambda s: differentiate(s.sum()))
            elif program.gradients:
                with guided(scores, program.guided) if program.guided else nullcontext():
                    gradients = _gradient(scores.sum(), features, again=program.curvature)
            if program.curvature:
                with torch.enable_grad():
                    along = (gradients * features.detach()).sum()
                curvature = _gradient(along, features)
            tap = Tap(features, gradients, scores, logits, curvature, attentions)
            return program.read(Tap(*(x.detach() if torch.is_tensor(x) else x for x in tap)))

    run = _compiled(tapped, model) if jit else tapped

    def start(images: Any, *more: Any) -> tuple[Any, ...]:
        return tuple(run(*(to_device(x, model) for x in (images, *more))))

    return start


@contextmanager
def _plain() -> Iterator[None]:
    """Within the block nothing is recorded, though it may be: also in a caller's inference mode."""
    with torch.inference_mode(False), torch.no_grad():
        yield


def to_device(x: Any, model: Any) -> Any:
    """A NumPy array or tensor where the model's weights are; several of them, likewise."""
    if isinstance(x, tuple):
        return tuple(to_device(one, model) for one in x)
    if not isinstance(x, torch.Tensor):
        x = torch.from_numpy(np.require(x, requirements=["C", "W"]))  # torch warns of read-only
    return x.to(device_of(model))


def array(x: Array, model: Any) -> Any:
    """A NumPy array as the framework has it."""
    return to_device(x, model)


def to_numpy(x: Any) -> Array:
    """A result on the host."""
    x = x.detach().cpu()
    return np.asarray((x.float() if x.dtype in (torch.bfloat16, torch.float16) else x).numpy())


def device_of(model: Any) -> Any:
    """Where the model's first weight is."""
    weights = getattr(model, "parameters", None)
    first = next(iter(weights()), None) if weights else None
    return first.device if first is not None else torch.device("cpu")


def _refuse_checkpoint() -> None:
    """What runs in a reentrant checkpoint is not connected to what comes after it."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code is CheckpointFunction.forward.__code__:
            raise LayerError(_CHECKPOINT.format("inside of"))
        frame = frame.f_back


def _gradient(of: Any, by: Any, *, again: bool = False, kept: bool = False) -> Any:
    """d of / d by; zero where they are not connected."""
    if not of.requires_grad:
        return torch.zeros_like(by)
    try:
        (gradient,) = torch.autograd.grad(
            of,
            by,
            retain_graph=again or kept,
            create_graph=again,
            allow_unused=True,
            materialize_grads=True,
        )
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise LayerError(_CHECKPOINT.format("in front of")) from error
    return gradient


def _compiled(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    """The function traced into one graph for each shape of its inputs, compiled by Inductor.

    A graph holds the weights themselves, so training in place may go on; where a weight was
    replaced by another tensor, or moved, it is traced anew.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    graphs: dict[Any, Callable[..., Any]] = {}

    def run(*inputs: Any) -> Any:
        weights = tuple(x.data_ptr() for x in (*model.parameters(), *model.buffers()))
        key = (weights, tuple((tuple(x.shape), x.stride(), x.dtype) for x in inputs))
        if key not in graphs:
            for stale in [old for old in graphs if old[0] != weights]:
                del graphs[stale]
            graphs[key] = torch.compile(make_fx(function)(*inputs), dynamic=False)
        with torch.no_grad():
            return graphs[key](*inputs)

    return run
