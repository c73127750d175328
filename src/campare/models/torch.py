"""A torch module as a Classifier: torchvision, timm and Hugging Face models, or one of your own.

A module is tapped by a forward hook that replaces its output. A softmax at the end is bypassed by
watching the functions that torch calls, so it may be a module or a function. Images are channels
last on the outside, (N, H, W, C), and channels first inside; a tensor (N, C, H, W) is taken, too.
Whether a module takes images, signals (N, C, T) or volumes (N, C, D, H, W) is said by the kind of
its first convolution, or by `input_shape`.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from math import inf
from typing import Any

import numpy as np
import torch

from campare.errors import ModelError
from campare.models._torch_modules import (
    OPAQUE,
    Squashing,
    dtype_of,
    edited,
    features,
    has_sides,
    hooked,
    inference,
    layout,
    redraw,
    refuse_opaque,
)
from campare.models.arrays import flat, leaves
from campare.models.backends import torch as _torch
from campare.models.backends.torch_fold import Pair, find_pairs, folded
from campare.models.base import ImageClassifier
from campare.models.fitting import USUAL_SIDES, Given, Trial
from campare.models.known import Shape
from campare.models.patching import at_run
from campare.models.several import Key
from campare.models.snapshot import Snapshot
from campare.models.survey import (
    IMAGES,
    Record,
    Survey,
    call_of,
    one_output,
    require_rows,
    units_of,
)

#: More channels than an image has; of the numbers up to it, how many are tried.
MOST_CHANNELS, _TRIED = 16, 4

#: Modules that only pass, thin out or reshape what came before: never the default to explain.
PASSING = ("Pool", "Dropout", "Identity", "Flatten", "Pad", "Permute", "Unfold", "DropPath")

#: Those of them that give what they got, so that it is of the module around them.
SAME = ("Dropout", "Identity", "DropPath")

#: The kind of convolution by how many sides its input has.
_CONVOLUTIONS = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}

#: Attributes that change with a model's mode or as it is trained; the passes here are not of them.
BOOKKEEPING = frozenset({"training", "_compiled_call_impl"})


class TorchClassifier(ImageClassifier):
    """A torch image classifier; make one with `campare.wrap`.

    Raises:
        ModelError: a scripted or exported module, or one that gives nothing.
    """

    takes_tensors = True
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
        layer_grid: Any = None,
        task: str | None = None,
        input: Key | None = None,
    ) -> None:
        model = getattr(model, "_orig_mod", model)  # what torch.compile was given
        self.model = self._model = model
        self.name = name or type(model).__name__
        self.class_names = class_names or _class_names(model)
        self._names_given = class_names is not None
        self.compiled = compiled and input is None  # a graph of several inputs is not traced
        if compiled and input is not None:
            warnings.warn(
                f"Expected one input of {self.name!r} to compile it, got several: it runs as it "
                "stands, with the same maps. Try: compile=False",
                stacklevel=2,
            )
        self._output = output
        self._precision = precision
        self.task = task
        self._given_shape = input_shape
        self.input = input
        super().__init__(layer_grid)

    @property
    def _settings(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "class_names": self.class_names,
            "output": self._output,
            "input_shape": self._given_shape,
            "precision": self._precision,
            "compiled": self.compiled,
            "layer_grid": self._layer_grid,
            "task": self.task,
            "input": self.input,
        }

    def _read_model(self) -> None:
        refuse_opaque(self.model)
        self._modules = {
            path: module
            for path, module in self.model.named_modules()
            if path and not isinstance(module, torch.jit.ScriptModule)  # which takes no hooks
        }
        self.input_shape = tuple(self._given_shape or (None,) * (_rank(self.model) + 1))
        self.batch = None
        self._probed: dict[tuple[int, ...], int] = {}
        self._pairs: list[Pair] = []

    @contextmanager
    def _patching(self) -> Iterator[None]:
        """No module is in training mode, also while gradients flow back through a checkpoint."""
        with super()._patching(), inference(self.model):
            yield

    def _taken(self) -> Snapshot:
        return Snapshot(self.model.modules(), BOOKKEEPING)

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
            with torch.random.fork_rng(range(torch.cuda.device_count())), torch.no_grad():
                torch.manual_seed(int(rng.integers(2**31)))
                for module in modules:
                    redraw(module)
            yield
        finally:
            with torch.no_grad():
                for tensor, before in states:
                    tensor.copy_(before)

    @property
    def classes_axis(self) -> int:
        """The axis of the classes in the output of a segmentation."""
        return 1

    def _usual_shape(self) -> Shape:
        *known, channels = self.input_shape
        said = _said_size(self.model) if len(known) == 2 else [self._usual_side] * len(known)
        sides = tuple(int(one or other) for one, other in zip(known, said, strict=True))
        return *sides, channels or self.channels(sides)

    def channels(self, sides: tuple[int, ...]) -> int:
        """The number of channels with which the model runs, or runs furthest, at a size."""
        with self._current():
            if sides not in self._probed:
                progress = {n: self._trial(IMAGES, (*sides, n)).progress for n in self._channels()}
                self._probed[sides] = max(progress, key=progress.__getitem__)
            return self._probed[sides]

    def _look(self, shape: Shape) -> Survey:
        n = self.batch or IMAGES
        record = Record(shape[:-1], n)
        computed: dict[str, tuple[int, int]] = {}
        marks: dict[str, Any] = {}
        kept: list[Any] = []  # so that no two tensors have the same id
        found: list[Any] = []

        def recorder(path: str, module: torch.nn.Module) -> Callable[[Any], None]:
            def see(output: Any) -> None:
                tensor = features(output)
                if tensor is not None and tensor.ndim > 1:
                    kind = type(module).__name__
                    first = layout(module)
                    grids = first is True or (first is None and has_sides(module))
                    run = record.add(path, kind, tensor, channels_first=first, structural=grids)
                    computed[path] = (id(tensor), tensor._version)
                    marks[path] = marks[f"{path}@{run}"] = _torch.mark(tensor)
                    kept.append(tensor)

            return see

        def forward(images: Any) -> tuple[Any, dict[str, Any]]:
            nonlocal record
            record = Record(shape[:-1], n)  # anew: it may have failed once
            computed.clear()
            with ExitStack() as hooks:
                for path, module in self._modules.items():
                    hooks.enter_context(hooked(module, recorder(path, module)))
                found.append(self._run(images))
            return found[-1][0], marks

        flow = _torch.trace(forward, self._sized(n, shape), self.model)
        logits, bypassed = found[-1]
        require_rows(logits, n)
        if self._modules and not record.layers:
            raise ModelError(OPAQUE.format(type(self.model).__name__))
        self._find_pairs(shape)
        candidates = self._candidates(record.runs, computed)
        return record.survey(units_of(logits, self.name), bypassed, candidates, flow)

    def _trial(self, n: int, shape: tuple[int, ...]) -> Trial:
        ran: list[Any] = []
        rows = 0

        def forward(images: Any) -> None:
            nonlocal rows
            with ExitStack() as hooks:
                for module in self._modules.values():
                    hooks.enter_context(hooked(module, ran.append))
                found = leaves(self._run(images)[0])
            rows = len(found[0]) if found and found[0].ndim else 0

        try:
            _torch.run_black(forward, self._sized(n, shape), self.model)
        except Exception:  # of torch, whichever it has for images that do not fit
            return Trial(len(ran), 0)
        return Trial(inf, rows)

    def _channels(self) -> list[int]:
        """Those of its convolutions, as they are registered, then those of most images."""
        if self.input_shape[-1] is not None:
            return [self.input_shape[-1]]
        kind = _CONVOLUTIONS.get(len(self.input_shape) - 1, torch.nn.Conv2d)
        found = (m.in_channels for m in self.model.modules() if isinstance(m, kind))
        few = dict.fromkeys(n for n in (*found, 3, 1) if n <= MOST_CHANNELS)
        return [*few][:_TRIED]

    def _sides(self) -> list[tuple[int, ...]]:
        sides = super()._sides()
        return [_said_size(self.model), *sides] if sides else []

    def _candidates(
        self, runs: dict[str, int], computed: dict[str, tuple[int, int]]
    ) -> tuple[str, ...]:
        """Layers that compute features; of several with the same output, the one that computed it.

        A tensor that was changed in place since is another output; and what a block got from a
        layer that it runs several times is its own.
        """
        learned, found, known = False, [], set()
        for path, version in computed.items():
            module = self._modules[path]
            first = version not in known
            holds = next(module.parameters(), None) is not None
            learned = learned or holds
            kind = type(module).__name__
            passing = not holds and any(word in kind for word in PASSING)
            same = passing and any(word in kind for word in SAME)
            known |= {version} if runs[path] == 1 and not same else set()
            if first and learned and runs[path] == 1 and not passing:
                found.append(path)
            elif learned and runs[path] > 1 and not passing and self.input is not None:
                found += [f"{path}@{run + 1}" for run in range(runs[path])]
        return tuple(found)

    def _find_pairs(self, shape: Shape) -> None:
        """What can be folded, found out on images that are not all the same."""
        if self.input is not None:
            return

        def find(images: Any) -> None:
            pattern = torch.linspace(-1, 1, images.numel(), device=images.device)
            images = pattern.reshape(images.shape)
            self._pairs = find_pairs(self.model, lambda: flat(self._run(images)[0]))

        n = self.batch or IMAGES
        _torch.run_black(find, (n, *shape), self.model)  # type: ignore[arg-type]

    def _forward(self, images: Any) -> Any:
        pays = len(images) > 1  # for one image the patches cost as much as they save
        with folded(self._pairs) if pays else nullcontext():
            return self._run(images)[0]

    def _run(self, images: Any) -> tuple[Any, str | None]:
        """Run the model for inference: its logits, and 'softmax' or 'sigmoid' if bypassed."""
        images, *others = images if isinstance(images, tuple) else (images,)
        images = images.moveaxis(-1, 1)  # a view: in memory the channels stay last, which is fast
        if images.ndim != 4:  # for images alone; others are often viewed by their modules
            images = images.contiguous()
        images = images.to(dtype_of(self.model))
        positions, names = self._arguments(images, others)
        lower = self._precision != "float32"
        with (
            inference(self.model),
            torch.autocast(images.device.type, torch.bfloat16) if lower else nullcontext(),
            Squashing() as squashed,
        ):
            output = one_output(self.model(*positions, **names), self._output, self.name)
        logits, bypassed = squashed.before(output)
        return logits, bypassed

    def _arguments(self, images: Any, others: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """What the module is called with, by position and by name."""
        if self.input is None:
            return [images], {}
        others = [x.moveaxis(-1, 1) if x.ndim == images.ndim else x for x in others]
        given = dict(zip((self.input, *self._held), (images, *others), strict=True))
        positions = [given[key] for key in sorted(key for key in given if isinstance(key, int))]
        return positions, {key: x for key, x in given.items() if isinstance(key, str)}

    def _edit(self, path: str, edit: Callable[[Any], Any]) -> AbstractContextManager[None]:
        path, run = call_of(path)
        return edited(self._modules[path], at_run(run, edit) if run else edit)

    def _path_of(self, layer: Any) -> str:
        paths = (str(path) for path, module in self._modules.items() if module is layer)
        return next(paths, str(layer).replace("/", "."))

    def _check_images(self, images: Any) -> Any:
        if self.input is not None or not isinstance(images, torch.Tensor):
            return super()._check_images(images)
        given = Given(tuple(images.shape), tensor=True)
        images = images.detach().as_subclass(torch.Tensor).float()
        if images.ndim > 2:
            images = images.moveaxis(1, -1)
        if images.device.type == "cpu":
            images = images.numpy()
        return self._checked(images, given)


def _rank(model: torch.nn.Module) -> int:
    """How many sides the input has, by the kind of the first convolution; 2 where there is none."""
    for module in model.modules():
        for rank, kind in _CONVOLUTIONS.items():
            if isinstance(module, kind):
                return rank
    return 2


def _class_names(model: torch.nn.Module) -> tuple[str, ...] | None:
    """The classes that a Hugging Face configuration names, unless they are LABEL_0, LABEL_1, ..."""
    names = getattr(getattr(model, "config", None), "id2label", None)
    if not names or any(str(name).startswith("LABEL_") for name in names.values()):
        return None
    return tuple(str(names[i]) for i in sorted(names))


def _said_size(model: torch.nn.Module) -> tuple[int, int]:
    """The size of image that a model says it takes: Hugging Face, timm and torchvision each so."""
    config = getattr(model, "config", None)
    size = getattr(getattr(config, "vision_config", config), "image_size", None)
    size = size or (getattr(model, "default_cfg", None) or {}).get("input_size", (None, None))[-2:]
    if size == (None, None):
        size = getattr(model, "image_size", None) or USUAL_SIDES[2]
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    return int(height), int(width)
