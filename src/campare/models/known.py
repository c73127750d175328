"""What is known of a model, without its gradients: its layers by path, its classes, what it takes.

Each size of image has one look at the model (`survey`). All of it is forgotten when the model is
found to be another than it was (`snapshot`), and read anew.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np

from campare.errors import CampareError, LayerError, ModelError
from campare.models.fitting import SIDES, USUAL_SIDES, Given, Input, Trial
from campare.models.grids import TOKENS, tokens_of
from campare.models.layer_grid import given_grids
from campare.models.patching import PATCHING
from campare.models.placement import prove
from campare.models.several import Key, Several, in_order
from campare.models.snapshot import Snapshot
from campare.models.static_batch import BATCH_SIZES, Part, joined, split
from campare.models.survey import (
    IMAGES,
    Survey,
    default_layer,
    matching,
    require_logits,
    spatial_layer,
    warn_of_others,
)
from campare.models.targets import total
from campare.types import Array, Floats, Grid, LayerInfo, Target

Shape = tuple[int | None, ...]

#: Sizes of image whose layers are remembered; in a stream each image may have its own.
SIZES = 8


class KnownModel:
    """A model with one input (*sides, C) and one output, and what looks at it have found.

    The sides are (T,) of a signal, (H, W) of an image, (D, H, W) of a volume or a video.
    """

    name: str
    class_names: tuple[str, ...] | None
    input_shape: Shape
    task: str | None = None  # of a single unit: 'binary' or 'regression'
    _names_given: bool = True  # by somebody, and not found in a configuration
    batch: int | None = None  # images that the model takes at a time; None: any number
    _merged: tuple[tuple[int, ...], ...] = ()  # the outputs of each class; (): one each
    _scored: Callable[[Any], Any] | None = None  # the only score, of the raw output
    input: Key | None = None  # which of several inputs is explained; None: there is one
    _held: Mapping[Key, Any] = MappingProxyType({})  # a row of each other input, as last given
    _backend: Any
    _model: Any

    def __init__(self, layer_grid: Any = None) -> None:
        self._layer_grid = layer_grid
        self._unchecked: set[int] = set()  # threads that assume the model unchanged
        self._forget()

    def _forget(self) -> None:
        """Read the model anew; nothing is known of how it runs."""
        self._read_model()
        self._surveys: dict[Shape, Survey] = {}
        self._defaults: dict[Shape, str] = {}
        self._snapshot = self._taken()

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Within the block nobody patches the model, and what is known of it is not outdated."""
        with PATCHING:
            checked = threading.get_ident() not in self._unchecked
            if PATCHING.depth == 1 and checked and self._snapshot.differs():
                self._forget()
            yield

    @contextmanager
    def assume_unchanged(self) -> Iterator[None]:
        """Within the block this thread takes the model to stay as it is, and checks no more."""
        thread = threading.get_ident()
        within = thread in self._unchecked
        with self._current():
            self._unchecked.add(thread)
        try:
            yield
        finally:
            if not within:
                self._unchecked.discard(thread)

    def _check_class_names(self, expected: int) -> None:
        if self.class_names is not None and len(self.class_names) != expected:
            if not self._names_given:  # of a configuration, and of another head
                self.class_names = None
                return
            raise ModelError(
                f"Expected {expected} class names for model {self.name!r}, "
                f"got {len(self.class_names)}. Try: one name an output, in the order of the outputs"
            )

    # What a subclass provides

    def _read_model(self) -> None:
        """Find what the model is made of, without running it."""
        raise NotImplementedError

    def _taken(self) -> Snapshot:
        """A snapshot of the model."""
        raise NotImplementedError

    def _look(self, shape: Shape) -> Survey:
        """Run or trace the model once on images of `shape` and record what runs."""
        raise NotImplementedError

    def _forward(self, images: Any) -> Any:
        """The model's outputs before any softmax, (N, units), for images (N, H, W, C)."""
        raise NotImplementedError

    def _edit(self, path: str, edit: Callable[[Any], Any]) -> AbstractContextManager[None]:
        """Within the block the output of the layer at `path` passes through `edit`."""
        raise NotImplementedError

    def _usual_shape(self) -> Shape:
        """The size of image to look at the model with when none has come yet."""
        raise NotImplementedError

    def _trial(self, n: int, shape: tuple[int, ...]) -> Trial:
        """Run the model on n images of `shape` (H, W, C), which it may not take."""
        raise NotImplementedError

    def _is_read(self, path: str, shape: Shape) -> bool:
        """Whether the class depends on the grid of the layer at `path`."""
        raise NotImplementedError

    # Several inputs

    @property
    def input_names(self) -> tuple[Key, ...]:
        """The names of several inputs in their order; (): a module, or one input."""
        return () if self.input is None else self._input_names

    @property
    def _input_names(self) -> tuple[Key, ...]:
        return ()

    def _sized(self, n: int, shape: Shape) -> Any:
        """The shape of n images; of several inputs (shape, dtype) of each, the explained first."""
        one = (n, *shape)
        if self.input is None:
            return one
        held = [((n, *x.shape[1:]), _dtype(x)) for x in self._held.values()]
        return ((one, "float32"), *held)

    def _open(self, shape: Shape) -> Any:
        """The same of any number of images."""
        if self.input is None:
            return shape
        return ((shape, "float32"), *((x.shape[1:], _dtype(x)) for x in self._held.values()))

    def _with_held(self, images: Any) -> Any:
        """Images of campare's own, beside the other inputs as they were given last."""
        if self.input is None:
            return images
        rows = np.zeros(len(images), np.int64)
        return Several(images, {key: x[rows] for key, x in self._held.items()})

    # Layers

    def _known_shape(self) -> Shape:
        """The size of image that the model was first looked at with; else the usual one."""
        return next(iter(self._surveys), None) or self._usual_shape()

    def _survey(self, shape: Shape | None = None, given: Given | None = None) -> Survey:
        with self._current():
            shape = shape or self._known_shape()
            if shape not in self._surveys:
                survey = self._proved(self._looked(shape, given), shape)
                self._snapshot.accept()
                if survey.units is not None:
                    self._check_class_names(self._classes(survey.units))
                self._surveys[shape] = survey
                if len(self._surveys) > SIZES:
                    del self._surveys[next(iter(self._surveys))]
            return self._surveys[shape]

    def _proved(self, survey: Survey, shape: Shape) -> Survey:
        """The survey, with a grid only where tokens were found to lie as the image does.

        Those that the user gave need no proof.
        """
        given, failed = self._given_grids(survey)
        doubts = {
            path: doubt
            for path, doubt in survey.doubts.items()
            if survey.runs[path] == 1 and path not in given
        }
        image = tuple(int(side or 1) for side in shape)
        proved = prove(doubts, survey.shown, image, self._measured) if doubts else {}
        layers = {
            path: survey.layers[path]._replace(grid=grid)
            for path, grid in {**proved, **given}.items()
        }
        return survey._replace(layers={**survey.layers, **layers}, failed=failed)

    def _given_grids(self, survey: Survey) -> tuple[dict[str, Grid], dict[str, str]]:
        """Grids by the user's `layer_grid`, and why it fits some layers not."""
        given = self._layer_grid
        if given is None:
            return {}, {}
        given = self._on_host(given) if callable(given) else given
        return given_grids(given, survey.layers, survey.batch_axes, self.batch or IMAGES)

    def _on_host(self, function: Callable[[Any], Any]) -> Callable[[Array], Array]:
        """A function of the framework's arrays as one of NumPy's."""

        def run(x: Array) -> Array:
            found: Array = self._backend.to_numpy(function(self._backend.array(x, self._model)))
            return found

        return run

    def _measured(
        self, images: Array, readers: Mapping[str, Callable[[Any], Any]]
    ) -> dict[str, Floats]:
        """What `readers` make of the outputs of layers, for images (1 + P, H, W, C)."""
        parts = self._in_parts(images)
        if parts is not None:  # whole outputs, since all are compared with the first image's
            outputs = [
                (self._measured(part.images, dict.fromkeys(readers, _itself)), part.new)
                for part in parts
            ]
            return {
                path: readers[path](self._whole([(each[path], new) for each, new in outputs]))
                for path in readers
            }
        measured: dict[str, Floats] = {}

        def reading(path: str) -> Callable[[Any], Any]:
            def edit(output: Any) -> Any:
                measured[path] = self._backend.to_numpy(readers[path](output))
                return output

            return edit

        with ExitStack() as patches:
            for path in readers:
                patches.enter_context(self._edit(path, reading(path)))
            self._backend.run(self._forward, in_order(self._with_held(images)), self._model)
        return measured

    def _whole(self, outputs: list[tuple[Array, int]]) -> Array:
        """A layer's outputs of parts of a batch as of all, along the axis of its images."""
        axis = 0 if outputs[0][0].shape[0] == self.batch else 1  # of (T, N, C)
        return joined(outputs, axis)

    def _looked(self, shape: Shape, given: Given | None) -> Survey:
        """A look at the model on images of `shape`, `given` in some form; a line where it fails."""
        try:
            return self._look(shape)
        except CampareError:
            raise
        except Exception as error:
            sides = tuple(n or 0 for n in shape)
            for n in (1, *BATCH_SIZES) if self.batch is None else ():
                if self._trial(n, sides).gives(n):  # takes so many at a time, and no other
                    self.batch = n
                    return self._look(shape)
            raise self._input.refused(given or Given((IMAGES, *sides)), error) from error

    @property
    def _input(self) -> Input:
        """What the model takes, as far as it says so, and how it is tried."""
        return Input(
            self.name,
            self.input_shape,
            self._channels(),
            self._sides(),
            self.batch or IMAGES,
            self._trial,
        )

    def _channels(self) -> list[int]:
        """The numbers of channels that the model may take, the likeliest first."""
        return [self.input_shape[-1]] if self.input_shape[-1] else [3, 1]

    def _sides(self) -> list[tuple[int, ...]]:
        """The sizes of image that the model may take, the likeliest first; others: as it says."""
        sides = self.input_shape[:-1]
        return [tuple(side or n for side in sides) for n in SIDES] if len(sides) == 2 else []

    @property
    def _usual_side(self) -> int:
        """How long a side is of which the model says nothing."""
        return USUAL_SIDES.get(len(self.input_shape) - 1, min(USUAL_SIDES.values()))

    @property
    def n_classes(self) -> int:
        """Number of classes K; 2 for a single-unit output that is no regression.

        Raises:
            ModelError: the raw output is no logits (N, K): a target of one's own can read it.
        """
        if self._scored is not None:
            return 1
        return len(self._merged) or self._classes(require_logits(self._survey()))

    def _classes(self, units: int) -> int:
        return units if self.task == "regression" else max(units, 2)

    @property
    def _is_binary(self) -> bool:
        return self._scored is None and self._survey().units == 1 and self.task != "regression"

    @property
    def doubtful_task(self) -> str:
        """What the only unit is taken for, where nobody says it, in a sentence; else nothing."""
        survey = self._survey()
        if (
            self._scored is not None
            or self.task is not None
            or survey.units != 1
            or survey.bypassed is not None
        ):
            return ""
        return (
            f"Expected a task of {self.name!r}, whose output is one unit z, got none: it is read "
            "as a binary classifier, class 1 by z and class 0 by -z. Try: task='regression' "
            "(--task) where z is a value, or task='binary'"
        )

    @property
    def bypassed(self) -> str | None:
        """The softmax or sigmoid at the end that logits were taken before in the last pass."""
        last = next(reversed(self._surveys.values()), None)
        return (last or self._survey()).bypassed

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers that run, in the order in which they run first."""
        return tuple(self._survey().layers.values())

    @property
    def default_layer(self) -> str:
        """Path of the last spatial layer that computes features (not pooling, dropout, padding).

        The last that everything passes through, or the f of a residual x + f(x) behind it; where
        there is none, the last that the logits are computed from, and a warning names those beside
        it. In a vision transformer whose class token alone is read, nothing that the last block
        adds to the other tokens is seen; there it is the last normalization that the class depends
        on.

        Raises:
            LayerError: the model has no such layer.
        """
        return self._default(self._known_shape())

    def _default(self, shape: Shape) -> str:
        with self._current():
            if shape not in self._defaults:
                survey = self._survey(shape)
                path = default_layer(survey, self.name, lambda path: self._is_read(path, shape))
                if not self._defaults:  # said once, not for each size of image
                    warn_of_others(survey, self.name, path)
                self._defaults[shape] = path
            return self._defaults[shape]

    @property
    def _any_target(self) -> Target:
        """A target that every model of this kind of output has, to try it with."""
        return 0 if self._scored is not None or self._survey().units is not None else total

    def layer(self, path: Any = None, shape: Shape | None = None) -> LayerInfo:
        """The LayerInfo of `path`, or of the default layer; its own name is enough if unique.

        Raises:
            LayerError: no such layer, several, one that runs more than once, or not spatial.
        """
        with self._current():  # one look at whether the model is what it was, for all of it
            shape = shape or self._known_shape()
            path = self._default(shape) if path is None else self._path_of(path)
            return spatial_layer(self._survey(shape), self.name, path, lambda: self._default(shape))

    def token_grids(self, layer: Any, shape: Shape) -> tuple[tuple[int, Grid], ...]:
        """Sequences that hold the grid of a layer: (tokens, Grid), the layer's own first."""
        info, survey = self.layer(layer, shape), self._survey(shape)
        found: dict[int, Grid] = {}
        for one in (info, *survey.layers.values()):
            grid = one.grid
            if grid and info.grid and grid.layout in TOKENS and grid.shape == info.grid.shape:
                found.setdefault(tokens_of(grid, one.shape), grid)
        return tuple(found.items())

    def others(self, path: str, shape: Shape) -> list[str]:
        """Layers to explain in place of the one at `path`, the best first."""
        survey = self._survey(shape)
        whole, connected = survey.bottlenecks[::-1], survey.connected[::-1]
        return [one for one in dict.fromkeys((*whole, *connected)) if one != path]

    def layer_path(self, name: str) -> str:
        """The full path of any layer, spatial or not; its own name is enough if unique."""
        matches = matching(name, self._survey().layers)
        if len(matches) != 1:
            raise LayerError(
                f"Expected the path of one layer of {self.name!r}, got {name!r} "
                f"({len(matches)} matches). Try: campare list layers"
            )
        return matches[0]

    def _path_of(self, layer: Any) -> str:
        """The path of a layer given as an object; a text as it is."""
        return str(layer)

    def _in_parts(self, images: Any, *more: Any) -> Iterator[Part] | None:
        """The images in parts that the model takes; None where it takes them all at a time."""
        if self.batch is None or len(images) == self.batch:
            return None
        return split(images, self.batch, *more)


def _dtype(x: Any) -> str:
    """The name of the type of an array or tensor."""
    return str(x.dtype).rpartition(".")[2]


def _itself(output: Any) -> Any:
    return output
