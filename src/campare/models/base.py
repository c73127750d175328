"""What all classifiers share: layers by path, targets, and programs compiled once and kept.

A subclass says how its framework runs (`_forward`), patches (`_edit`, `_guide`) and looks at a
model (`_look`); a backend (`backends/`) compiles what comes out of that.
"""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from math import inf
from typing import Any, Self, TypeVar

import numpy as np

from campare.errors import CampareError, LayerError, ModelError
from campare.models.arrays import cast, flat, namespace
from campare.models.backends.protocol import Edit, Forward, Program, Run
from campare.models.fitting import SIDES, Given, Input, Trial, shape_fit
from campare.models.layer_grid import given_grids
from campare.models.placement import prove
from campare.models.snapshot import Snapshot
from campare.models.static_batch import BATCH_SIZES, Part, joined, split
from campare.models.survey import (
    IMAGES,
    Survey,
    default_layer,
    matching,
    spatial_layer,
    warn_of_others,
)
from campare.models.targets import (
    binary_score,
    class_index,
    class_score,
    is_logits,
    merge,
    own_score,
    total,
)
from campare.types import Array, Floats, Grid, LayerInfo, Read, Score, Tap, Target

Shape = tuple[int | None, ...]
Kind = TypeVar("Kind", bound="ImageClassifier")


class _Lock:
    """A lock that its thread may take again, and that knows how often it did."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.depth = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.depth += 1

    def __exit__(self, *error: object) -> None:
        self.depth -= 1
        self._lock.release()


#: One lock for all models: nested models may share layers, and a patched layer must not run for
#: anybody else of campare meanwhile. Other threads that call the model itself are not affected.
PATCHING = _Lock()

#: Programs that a classifier keeps; a new target function each call must not fill the memory.
KEPT = 32
#: Sizes of image whose layers are remembered; in a stream each image may have its own.
SIZES = 8


class ImageClassifier:
    """A classifier of images with one input (H, W, C) and one output (K classes).

    A single-unit output is read as a binary classifier: two classes, logits (0, z), and the score
    of class 0 is -z, of class 1 +z; with the task 'regression' as one value, logits (z).
    """

    name: str
    class_names: tuple[str, ...] | None
    input_shape: Shape
    compiled: bool
    task: str | None = None  # of a single unit: 'binary' or 'regression'
    _names_given: bool = True  # by somebody, and not found in a configuration
    batch: int | None = None  # images that the model takes at a time; None: any number
    _merged: tuple[tuple[int, ...], ...] = ()  # the outputs of each class; (): one each
    _backend: Any
    _model: Any

    def __init__(self, layer_grid: Any = None) -> None:
        self._layer_grid = layer_grid
        self._unchecked: set[int] = set()  # threads that assume the model unchanged
        self._others: dict[Any, ImageClassifier] = {}
        self._said_unguided = False
        self._forget()

    def _forget(self) -> None:
        """Read the model anew; nothing is known of how it runs, and nothing is compiled."""
        self._read_model()
        self._surveys: dict[Shape, Survey] = {}
        self._defaults: dict[Shape, str] = {}
        self._bottlenecks: dict[tuple[str, Shape], bool] = {}
        self._programs: OrderedDict[Any, Callable[..., Any]] = OrderedDict()
        self.connected: set[Any] = set()  # layers that some score was found to depend on
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
        with self._current():
            self._unchecked.add(threading.get_ident())
        try:
            yield
        finally:
            self._unchecked.discard(threading.get_ident())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """A classifier travels to another process as its model; there it is compiled anew."""
        return partial(_rewrapped, type(self), self._settings, self._merged), (self._model,)

    def take_over(self, model: Any, class_names: Sequence[str] | None = None) -> bool:
        """Take the weights of another network of the same architecture, and keep all programs.

        False: it is of another architecture or has other `class_names`, or nothing tells that it
        has not; nothing is changed.
        """
        alike = type(model) is type(self._model)
        alike = alike and tuple(class_names or ()) == tuple(self.class_names or ())
        key = self._architecture(self._model) if alike else None
        if key is None or key != self._architecture(model):
            return False
        with self._current():
            self._take_weights(model)
            self.connected.clear()
        return True

    def _architecture(self, model: Any) -> Any:  # noqa: ARG002 what a subclass looks at
        """What two networks of one architecture have in common; None: it cannot be told."""
        return None

    def _take_weights(self, model: Any) -> None:
        """Take the values of all weights of a network of the same architecture."""
        raise NotImplementedError

    def merging(self, classes: Sequence[Sequence[int]]) -> Self:
        """This classifier with classes of several outputs each: see `targets.merge`.

        Args:
            classes: the outputs of each class.

        Returns:
            A classifier of the same model whose logits are (N, len(classes)).
        """
        return _rewrapped(type(self), self._settings, tuple(map(tuple, classes)), self._model)

    def with_settings(self, **changes: Any) -> "ImageClassifier":
        """The same model, wrapped with other options."""
        key = tuple(sorted(changes.items()))
        if key not in self._others:
            settings = {**self._settings, **changes}
            self._others[key] = _rewrapped(type(self), settings, self._merged, self._model)
        return self._others[key]

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

    @property
    def _settings(self) -> dict[str, Any]:
        """What it was made with, but for the model."""
        raise NotImplementedError

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

    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> AbstractContextManager[None]:
        """Within the block the weights of `layers` (None: all) are drawn anew."""
        raise NotImplementedError

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
            self._backend.run(self._forward, images, self._model)
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

    def _sides(self) -> list[tuple[int, int]]:
        """The sizes of image that the model may take, the likeliest first."""
        height, width, _ = self.input_shape
        return [(height or n, width or n) for n in SIDES]

    @property
    def n_classes(self) -> int:
        """Number of classes K; 2 for a single-unit output that is no regression.

        Raises:
            ModelError: the raw output is no logits (N, K): a target of one's own can read it.
        """
        return len(self._merged) or self._classes(_require_logits(self._survey()))

    def _classes(self, units: int) -> int:
        return units if self.task == "regression" else max(units, 2)

    @property
    def _is_binary(self) -> bool:
        return self._survey().units == 1 and self.task != "regression"

    @property
    def doubtful_task(self) -> str:
        """What the only unit is taken for, where nobody says it, in a sentence; else nothing."""
        survey = self._survey()
        if self.task is not None or survey.units != 1 or survey.bypassed is not None:
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
    def fixed_batch(self) -> bool:
        """Whether every new batch size is compiled anew."""
        return bool(self._backend.FIXED_BATCH) or self.compiled

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

    def _is_read(self, path: str, shape: Shape) -> bool:
        """Whether the class depends on the grid of the layer at `path`."""
        noise = np.random.default_rng(0).uniform(0, 255, (1, *shape))  # type: ignore[arg-type]
        target = self._any_target
        return bool(np.any(self.tap(noise.astype(np.float32), target, layer=path).gradients))

    @property
    def _any_target(self) -> Target:
        """A target that every model of this kind of output has, to try it with."""
        return 0 if self._survey().units is not None else total

    def layer(self, path: Any = None, shape: Shape | None = None) -> LayerInfo:
        """The LayerInfo of `path`, or of the default layer; its own name is enough if unique.

        Raises:
            LayerError: no such layer, several, one that runs more than once, or not spatial.
        """
        with self._current():  # one look at whether the model is what it was, for all of it
            shape = shape or self._known_shape()
            path = self._default(shape) if path is None else self._path_of(path)
            return spatial_layer(self._survey(shape), self.name, path, lambda: self._default(shape))

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

    # Forward passes and taps

    def predict(self, images: Any) -> Floats:
        """Logits (N, K) of images (N, H, W, C), before any softmax or sigmoid."""
        with self._current():
            images = self._check_images(images)
            shape = tuple(images.shape[1:])
            _require_logits(self._survey(shape))
            parts = self._in_parts(images)
            if parts is not None:
                return joined((self.predict(part.images), part.new) for part in parts)
            run = self._kept(
                ("predict", shape),
                lambda: self._backend.compile_predict(
                    self._logits, shape, self._model, jit=self.compiled
                ),
            )
        with self._patching():
            logits = run(images)
        return np.asarray(self._backend.to_numpy(logits), np.float32)

    def tap(
        self,
        images: Any,
        target: Target = None,
        *,
        layer: Any = None,
        eps: Array | None = None,
        scale: Array | None = None,
        repeat: int = 1,
        curvature: bool = False,
        score: Score | None = None,
    ) -> Tap:
        """Activations at `layer` and d score / d activations, for images (N, H, W, C).

        `target` is a class index, one an image (N,), a function of the logits, or of whatever else
        the model's raw output is, that returns one score an image, or None: each image's predicted
        class, without a second forward pass.
        The layer's output A is repeated `repeat` times along the batch (row m N + n is repeat m of
        image n) and becomes A * scale + eps, both broadcast to (repeat N, h, w, C); what comes
        before is computed once an image. `curvature` adds the Hessian of the score times A.

        Raises:
            LayerError: the layer is missing, runs twice, is not spatial, or is to be repeated
                though something passes by it.
            TargetError: a class index outside the model's classes, or a function that fails or does
                not return one score an image.
        """
        fetch = self.start(
            images,
            target,
            read=_with_curvature if curvature else _everything,
            layer=layer,
            eps=eps,
            scale=scale,
            repeat=repeat,
            curvature=curvature,
            score=score,
        )
        return Tap(*fetch())

    def start(
        self,
        images: Any,
        target: Target = None,
        *,
        read: Read,
        layer: Any = None,
        eps: Array | None = None,
        scale: Array | None = None,
        repeat: int = 1,
        curvature: bool = False,
        gradients: bool = True,
        score: Score | None = None,
    ) -> Callable[[], tuple[Array, ...]]:
        """Tap as in `tap`, and compute `read(tap)` on the device; call the result to fetch it.

        Only what `read` returns crosses to the host. `read` and `score` are compiled once: give
        the same function object again, not a new one each time. `gradients=False` says that `read`
        does not look at them; they may be None then.
        """
        with self._current():
            images = self._check_images(images)
            shape = tuple(images.shape[1:])
            info = self.layer(layer, shape)
            assert info.grid is not None  # a spatial layer has one
            if repeat > 1 and not self.bottleneck(info.path, shape):
                reason = "which something passes by"
                if self.batch is not None:
                    reason = f"after which it takes {self.batch} images at a time"
                raise LayerError(
                    f"Expected a layer that all of {self.name!r} passes through, to repeat what "
                    f"comes after it, got {info.path!r}, {reason}. Try: repeat=1 and the images "
                    "repeated"
                )
            parts = self._in_parts(images, target, eps, scale)
            if parts is not None:
                more: dict[str, Any] = {
                    "curvature": curvature,
                    "gradients": gradients,
                    "score": score,
                }
                fetches = [
                    (self.start(part, index, read=read, layer=layer, eps=e, scale=s, **more), new)
                    for part, (index, e, s), new in parts
                ]
                return lambda: _all_joined((fetch(), new) for fetch, new in fetches)
            run = self._prepared(
                ("tap", info.path),
                lambda: (self._logits, lambda edit: self._edit(info.path, edit)),
                info.grid,
                images,
                target,
                read=read,
                eps=eps,
                scale=scale,
                repeat=repeat,
                curvature=curvature,
                gradients=gradients,
                score=score,
            )
        return run()

    def input_gradients(
        self, images: Any, target: Target = None, *, guided: bool = False
    ) -> Floats:
        """d score / d image (N, H, W, C).

        With `guided` every ReLU passes only positive gradients back (Springenberg et al. 2015,
        Striving for simplicity, section 3.4), whether a layer or a function computes it: max(x, 0),
        also where it is capped. A network without any is warned of: its gradients are plain ones.
        """
        with self._current():
            images = self._check_images(images)
            parts = self._in_parts(images, target)
            if parts is not None:
                return joined(
                    (self.input_gradients(part, index, guided=guided), new)
                    for part, (index,), new in parts
                )
            run = self._prepared(
                ("input", guided),
                lambda: _input_tap(self._logits),
                Grid(tuple(images.shape[1:-1]), "channels-last"),
                images,
                target,
                read=_gradients,
                guided=self._say_guided if guided else None,
            )
        return np.asarray(run()()[0], np.float32)

    def bottleneck(self, layer: Any = None, shape: Shape | None = None) -> bool:
        """Whether the logits depend on the image through `layer` alone.

        Tested once, on two images of noise whose features at the layer are made equal.
        """
        shape = shape or self._known_shape()
        path = self.layer(layer, shape).path
        if self.batch is not None:  # then what follows the layer takes no more rows, either
            return False
        if (path, shape) not in self._bottlenecks:
            rng = np.random.default_rng(0)
            noise = rng.uniform(0, 255, (2, *shape)).astype(np.float32)  # type: ignore[arg-type]
            zero = np.zeros((1, 1, 1, 1), np.float32)
            (outputs,) = self.start(
                noise, self._any_target, read=_output_of, layer=path, scale=zero, eps=zero + 1,
                gradients=False,
            )()  # fmt: skip
            alike = bool(np.allclose(outputs[0], outputs[1], rtol=1e-4, atol=1e-5))
            self._bottlenecks[path, shape] = alike
        return self._bottlenecks[path, shape]

    def _prepared(
        self,
        key: tuple[Any, ...],
        parts: Callable[[], tuple[Forward, Edit]],
        grid: Grid,
        images: Any,
        target: Target,
        *,
        read: Read,
        eps: Array | None = None,
        scale: Array | None = None,
        repeat: int = 1,
        curvature: bool = False,
        gradients: bool = True,
        score: Score | None = None,
        guided: Callable[[int], None] | None = None,
    ) -> Callable[[], Callable[[], tuple[Array, ...]]]:
        """What runs the tap when it is called, and returns what fetches the result."""
        shape = tuple(images.shape[1:])
        index, differentiated = self._target(target, len(images), score)
        perturbed = eps is not None or scale is not None
        more = (curvature, gradients)

        def compiled() -> Run:
            forward, edit = parts()
            program = Program(
                forward, edit, grid, differentiated, read, perturbed, repeat, *more, guided
            )
            run: Run = self._backend.compile_tap(program, shape, self._model, jit=self.compiled)
            return run

        identity = target if callable(target) else score
        run = self._kept((*key, shape, identity, read, perturbed, repeat, *more), compiled)

        def start() -> Callable[[], tuple[Array, ...]]:
            with self._patching():
                outputs = run(
                    images,
                    np.tile(index, repeat),
                    np.float32(1) if scale is None else np.asarray(scale, np.float32),
                    np.float32(0) if eps is None else np.asarray(eps, np.float32),
                )
            return lambda: tuple(self._backend.to_numpy(output) for output in outputs)

        return start

    def _say_guided(self, relus: int) -> None:
        """Say once of a network without ReLUs that there was nothing to guide."""
        if relus or self._said_unguided:
            return
        self._said_unguided = True
        warnings.warn(
            f"Expected a network with ReLUs for guided gradients, got {self.name!r}, in which none "
            "was found: they are its plain gradients. Try: method='grad-cam'",
            stacklevel=2,
        )

    def _logits(self, images: Any) -> Any:
        """Logits (N, K) in float32, in the framework's arrays; any other raw output as it is."""
        output = self._forward(images)
        if not is_logits(output):
            return output
        logits = cast(output, "float32")
        if self._merged:
            return merge(logits, self._merged)
        if logits.shape[-1] > 1 or self.task == "regression":
            return logits
        xp = namespace(logits)
        return xp.concatenate([xp.zeros_like(logits), logits], axis=-1)

    def _patching(self) -> AbstractContextManager[Any]:
        return PATCHING if self._backend.PATCHES_RUNS else nullcontext()

    def _kept(self, key: Any, make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        """The compiled program of a key; the one used longest ago makes room."""
        with self._current():
            if key not in self._programs:
                self._programs[key] = make()
                while len(self._programs) > KEPT:
                    self._programs.popitem(last=False)
            self._programs.move_to_end(key)
            return self._programs[key]

    def _in_parts(self, images: Any, *more: Any) -> Iterator[Part] | None:
        """The images in parts that the model takes; None where it takes them all at a time."""
        if self.batch is None or len(images) == self.batch:
            return None
        return split(images, self.batch, *more)

    def check(self, images: Any) -> None:
        """Raise a ModelError that says what to do where the model does not take the images."""
        with self._current():
            self._check_images(images)

    def _check_images(self, images: Any) -> Any:
        """The images as a float32 array (N, H, W, C) that the model takes."""
        try:
            images = np.asarray(images, np.float32)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"Expected images (N, H, W, C) for {self.name!r}, got {_kind(images)}. "
                "Try: np.stack(images), of one size"
            ) from error
        return self._checked(images, Given(images.shape))

    def _checked(self, images: Any, given: Given) -> Any:
        """Images (N, H, W, C), given in some form, that the model takes."""
        fits = images.ndim == 4 and shape_fit(self.input_shape)(tuple(images.shape[1:])) == inf
        if not fits:
            raise self._input.refused(given)
        self._survey(tuple(images.shape[1:]), given)
        return images

    def _target(self, target: Target, n: int, score: Score | None) -> tuple[Array, Score]:
        """Class indices (N,) for the compiled graph, and the score it computes from them."""
        if callable(target):
            return np.zeros(n, np.int32), partial(own_score, target)
        index = class_index(target, n, self.n_classes, self.name)
        return index, score or (binary_score if self._is_binary else class_score)


def _rewrapped(
    kind: type[Kind],
    settings: dict[str, Any],
    merged: tuple[tuple[int, ...], ...],
    model: Any,
) -> Kind:
    """A classifier of a model with the settings and merged outputs of another classifier."""
    classifier = kind(model, **settings)
    classifier._merged = merged
    classifier._programs.clear()
    return classifier


def _itself(output: Any) -> Any:
    return output


def _input_tap(forward: Forward) -> tuple[Forward, Edit]:
    """A forward pass whose images can be edited as if they were a layer's output."""
    edits: list[Callable[[Any], Any]] = []

    def edited(images: Any) -> Any:
        return forward(edits[-1](images) if edits else images)

    @contextmanager
    def edit(function: Callable[[Any], Any]) -> Iterator[None]:
        edits.append(function)
        try:
            yield
        finally:
            edits.pop()

    return edited, edit


def _all_joined(parts: Iterable[tuple[tuple[Array, ...], int]]) -> tuple[Array, ...]:
    """Several results of each part as of all images."""
    results = [[(result, new) for result in results] for results, new in parts]
    return tuple(joined(each) for each in zip(*results, strict=True))


def _kind(images: Any) -> str:
    """What came in place of an array, in a word or two."""
    shape = getattr(images, "shape", None)
    return type(images).__name__ if shape is None else f"{images.dtype} of shape {tuple(shape)}"


def _require_logits(survey: Survey) -> int:
    """The number of outputs of a model that has logits (N, K)."""
    if survey.units is None:
        raise ModelError(survey.refused)
    return survey.units


def _everything(tap: Tap) -> tuple[Any, ...]:
    return _with_curvature(tap)[:4]


def _with_curvature(tap: Tap) -> tuple[Any, ...]:
    logits = tap.logits if is_logits(tap.logits) else flat(tap.logits)
    return tuple(tap._replace(logits=logits))


def _output_of(tap: Tap) -> tuple[Any, ...]:
    return (flat(tap.logits),)


def _gradients(tap: Tap) -> tuple[Any, ...]:
    return (tap.gradients,)
