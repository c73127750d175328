"""A torch module as a Classifier: torchvision, timm and Hugging Face models, or one of your own.

A module is tapped by a forward hook that replaces its output. A softmax at the end is bypassed by
watching the functions that torch calls, so it may be a module or a function. Images are channels
last on the outside, (N, H, W, C), and channels first inside; a tensor (N, C, H, W) is taken, too.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from campare.classifiers import _torch
from campare.classifiers.classifier import ImageClassifier, Shape, Survey
from campare.classifiers.grids import find_grid
from campare.errors import ModelError
from campare.types import LayerInfo

#: The size of image on which a model is looked at that does not say which it takes.
USUAL_SIDE = 224

#: Modules that only pass, thin out or reshape what came before: never the default to explain.
PASSING = ("Pool", "Dropout", "Identity", "Flatten", "Pad", "Permute", "Unfold", "DropPath")

#: Modules all of whose work is done in the modules that they hold.
CONTAINERS = (torch.nn.Sequential, torch.nn.ModuleList)

_SQUASHING = {
    functional.softmax: "softmax", torch.softmax: "softmax", torch.Tensor.softmax: "softmax",
    functional.log_softmax: "softmax", torch.log_softmax: "softmax",
    torch.Tensor.log_softmax: "softmax", torch.sigmoid: "sigmoid", torch.Tensor.sigmoid: "sigmoid",
    functional.sigmoid: "sigmoid", functional.logsigmoid: "sigmoid",
}  # fmt: skip
_RECTIFYING = {
    functional.relu, functional.relu_, functional.relu6, torch.relu, torch.relu_,
    torch.Tensor.relu, torch.Tensor.relu_,
}  # fmt: skip


class TorchClassifier(ImageClassifier):
    """A torch image classifier; make one with `campare.wrap`.

    Raises:
        ModelError: a scripted or exported module, or one whose output is not one score a class.
    """

    _backend = _torch

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        name: str | None = None,
        class_names: tuple[str, ...] | None = None,
        output: str | int | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        precision: str = "float32",
        compiled: bool = False,
    ) -> None:
        _refuse_opaque(model)
        self.model = self._model = model
        self.name = name or type(model).__name__
        self.class_names = class_names or _class_names(model)
        self.compiled = compiled
        self._output = output
        self._precision = precision
        self._modules = {path: module for path, module in model.named_modules() if path}
        self.input_shape = tuple(input_shape or (None, None, _channels(model)))
        super().__init__()

    @contextmanager
    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> Iterator[None]:
        """Within the block the weights of `layers` (None: all) are drawn anew.

        Each module by its own `reset_parameters`; weights outside of any, from a normal
        distribution of deviation 0.02, as vision transformers draw theirs.
        """
        paths = list(self._modules) if layers is None else [self.layer_path(p) for p in layers]
        modules = [self._modules[path] for path in paths]
        if layers is None:
            modules.append(self.model)
        states = [
            (tensor, tensor.detach().clone())
            for module in modules
            for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False))
        ]
        try:
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                torch.manual_seed(int(rng.integers(2**31)))
                for module in modules:
                    _redraw(module)
            yield
        finally:
            with torch.no_grad():
                for tensor, before in states:
                    tensor.copy_(before)

    def _usual_shape(self) -> Shape:
        height, width, channels = self.input_shape
        said = _said_size(self.model)
        return height or said[0], width or said[1], channels or 3

    def _look(self, shape: Shape) -> Survey:
        layers: dict[str, LayerInfo] = {}
        runs: dict[str, int] = {}
        tensors: dict[str, Any] = {}  # kept, so that no two have the same id

        def recorder(path: str, module: torch.nn.Module) -> Callable[..., None]:
            def record(_module: Any, _inputs: Any, output: Any) -> None:
                tensor = _features(output)
                if tensor is not None and tensor.ndim > 1:
                    sides = tuple(tensor.shape[1:])
                    grid = find_grid(sides, shape[:2], channels_first=_layout(module))
                    layers.setdefault(path, LayerInfo(path, type(module).__name__, sides, grid))
                    runs[path] = runs.get(path, 0) + 1
                    tensors[path] = tensor

            return record

        found: list[Any] = []

        def forward(images: Any) -> Any:
            with ExitStack() as hooks:
                for path, module in self._modules.items():
                    hooks.callback(module.register_forward_hook(recorder(path, module)).remove)
                logits, bypassed = self._run(images)
            found.append((tuple(logits.shape), bypassed))
            return logits

        try:
            _torch.trace(forward, shape, self.model)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise ModelError(
                f"Expected {self.name!r} to take an image of shape {shape}, got: "
                f"{' '.join(str(error).split())[:200]}. "
                "Try: images of the size it was made for, or campare.wrap(model, input_shape=...)"
            ) from error
        logits, bypassed = found[-1]
        if len(logits) != 2:
            raise ModelError(
                f"Expected a classifier with outputs (N, K), got shape {logits} "
                f"from {self.name!r}. Try: the model that ends in one score a class"
            )
        return Survey(layers, runs, int(logits[-1]), bypassed, self._candidates(runs, tensors))

    def _candidates(self, runs: dict[str, int], tensors: dict[str, Any]) -> tuple[str, ...]:
        """Layers that compute features; of several with the same tensor, the one that made it."""
        learned, found, made = False, [], set()
        for path, tensor in tensors.items():
            module = self._modules[path]
            first = id(tensor) not in made
            made.add(id(tensor))
            learned = learned or next(module.parameters(), None) is not None
            passing = any(word in type(module).__name__ for word in PASSING)
            if first and learned and runs[path] == 1 and not passing:
                found.append(path)
        return tuple(found)

    def _forward(self, images: Any) -> Any:
        return self._run(images)[0]

    def _run(self, images: Any) -> tuple[Any, str | None]:
        """Run the model for inference: its logits, and 'softmax' or 'sigmoid' if bypassed."""
        weight = next(self.model.parameters(), None)
        images = images.moveaxis(-1, 1)  # a view: in memory the channels stay last, which is fast
        if weight is not None:
            images = images.to(weight.dtype)
        lower = self._precision != "float32"
        with (
            _inference(self.model),
            torch.autocast(images.device.type, torch.bfloat16) if lower else nullcontext(),
            _Squashing() as squashed,
        ):
            logits = _one_output(self.model(images), self._output, self.name)
        if squashed.output is logits:
            return squashed.before, squashed.kind
        return logits, None

    def _edit(self, path: str, edit: Callable[[Any], Any]) -> AbstractContextManager[None]:
        return _edited(self._modules[path], edit)

    def _guide(self) -> AbstractContextManager[None]:
        return _Guided()

    def _path_of(self, layer: Any) -> str:
        paths = (str(path) for path, module in self._modules.items() if module is layer)
        return next(paths, str(layer).replace("/", "."))

    def _check_images(self, images: Any) -> Any:
        if isinstance(images, torch.Tensor) and images.ndim == 4:
            images = images.detach().moveaxis(1, -1).float()
            if images.device.type != "cpu":
                return images
            images = images.numpy()
        return super()._check_images(images)


class _Squashing(TorchFunctionMode):  # type: ignore[misc]
    """Keeps what went into the last softmax or sigmoid, and what came out."""

    before: Any = None
    output: Any = None
    kind: str | None = None

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in _SQUASHING:
            self.before = args[0] if args else (kwargs or {})["input"]
            self.output, self.kind = output, _SQUASHING[func]
        return output


class _Guided(TorchFunctionMode):  # type: ignore[misc]
    """Every ReLU, module or function, passes only positive gradients back."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        return _torch.clip_gradient(output) if func in _RECTIFYING else output


@contextmanager
def _edited(module: torch.nn.Module, edit: Callable[[Any], Any]) -> Iterator[None]:
    """Within the block the output of `module` in this thread passes through `edit`."""
    owner = threading.get_ident()

    def hook(_module: Any, _inputs: Any, output: Any) -> Any:
        if threading.get_ident() != owner:
            return None
        if isinstance(output, tuple):  # attention gives its weights, too
            return (edit(output[0]), *output[1:])
        return edit(output)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _inference(model: torch.nn.Module) -> Iterator[None]:
    """Within the block no module is in training mode."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _features(output: Any) -> Any:
    """The tensor in a module's output that a tap would edit; None where there is none."""
    if isinstance(output, tuple) and not hasattr(output, "keys") and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) else None


def _layout(module: torch.nn.Module) -> bool | None:
    """Whether a 4-D output of the module is surely channels first or last; None: look at it."""
    kind = type(module).__name__
    if isinstance(module, (torch.nn.Linear, torch.nn.LayerNorm)) and "2d" not in kind:
        return False
    return True if kind.endswith("2d") else None


def _one_output(outputs: Any, output: str | int | None, name: str) -> Any:
    """The output of that name or index; else the logits, or the only one there is."""
    if isinstance(outputs, torch.Tensor):
        return outputs
    named = dict(outputs.items() if hasattr(outputs, "items") else enumerate(outputs))
    if output is None and len(named) == 1:
        return next(iter(named.values()))
    chosen = "logits" if output is None else output
    if chosen not in named and isinstance(chosen, int) and 0 <= chosen < len(named):
        return list(named.values())[chosen]
    if chosen not in named:
        raise ModelError(
            f"Expected the name of one of {len(named)} outputs of {name!r}, got {output!r}. "
            f"Try: campare.wrap(model, output={next(iter(named))!r}), one of "
            f"{', '.join(map(str, named))}"
        )
    return named[chosen]


def _refuse_opaque(model: Any) -> None:
    if not isinstance(model, torch.nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise ModelError(
            f"Expected a torch.nn.Module in Python, got {type(model).__name__}, an exported graph "
            "whose layers cannot be tapped. Try: the module that it was exported from"
        )


def _class_names(model: torch.nn.Module) -> tuple[str, ...] | None:
    """The classes that a Hugging Face configuration names, unless they are LABEL_0, LABEL_1, ..."""
    names = getattr(getattr(model, "config", None), "id2label", None)
    if not names or any(str(name).startswith("LABEL_") for name in names.values()):
        return None
    return tuple(str(names[i]) for i in sorted(names))


def _channels(model: torch.nn.Module) -> int | None:
    """The channels that the first convolution takes."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            return int(module.in_channels)
    return None


def _said_size(model: torch.nn.Module) -> tuple[int, int]:
    """The size of image that a model says it takes: Hugging Face, timm and torchvision each so."""
    size = getattr(getattr(model, "config", None), "image_size", None)
    size = size or (getattr(model, "default_cfg", None) or {}).get("input_size", (None, None))[-2:]
    if size == (None, None):
        size = getattr(model, "image_size", None) or USUAL_SIDE
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    return int(height), int(width)


def _redraw(module: torch.nn.Module) -> None:
    """New weights for what the module itself holds."""
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()
        return
    for parameter in module.parameters(recurse=False):
        parameter.normal_(0, 0.02)
