"""What all classifiers share: logits, taps and gradients, by programs compiled once and kept.

A subclass says how its framework runs (`_forward`), patches (`_edit`) and looks at a model
(`_look`); a backend (`backends/`) compiles what comes out of that.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any, Self, TypeVar

import numpy as np

from campare.errors import LayerError, ModelError, TargetError
from campare.models.arrays import cast, flat, namespace
from campare.models.backends.protocol import Edit, Forward, Program, Run
from campare.models.fitting import Given, shape_fit
from campare.models.known import KnownModel, Shape
from campare.models.patching import PATCHING
from campare.models.several import Key, Several, in_order, several
from campare.models.static_batch import joined
from campare.models.survey import require_logits
from campare.models.targets import (
    binary_score,
    class_index,
    class_score,
    is_logits,
    merge,
    own_score,
)
from campare.targets import Regression, rows_of
from campare.types import Array, Floats, Grid, Read, Score, Tap, Target

Kind = TypeVar("Kind", bound="ImageClassifier")

#: Programs that a classifier keeps; a new target function each call must not fill the memory.
KEPT = 32


class ImageClassifier(KnownModel):
    """A classifier with one input (H, W, C), or of any other rank, and one output (K classes).

    What is said of images (N, H, W, C) holds of signals (N, T, C) and volumes (N, D, H, W, C).

    A single-unit output is read as a binary classifier: two classes, logits (0, z), and the score
    of class 0 is -z, of class 1 +z; with the task 'regression' as one value, logits (z).
    """

    compiled: bool

    def __init__(self, layer_grid: Any = None) -> None:
        self._others: dict[Any, ImageClassifier] = {}
        self._said_unguided = False
        super().__init__(layer_grid)

    def _forget(self) -> None:
        """Read the model anew; nothing is known of how it runs, and nothing is compiled."""
        super()._forget()
        self._bottlenecks: dict[tuple[str, Shape], bool] = {}
        self._seeing: dict[tuple[str, Shape], bool] = {}
        self._programs: OrderedDict[Any, Callable[..., Any]] = OrderedDict()
        self.connected: set[Any] = set()  # layers that some score was found to depend on

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """A classifier travels to another process as its model; there it is compiled anew."""
        settings = self._settings, self._merged, self._scored
        return partial(_rewrapped, type(self), *settings), (self._model,)

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

    def merging(self, classes: Sequence[Sequence[int]]) -> Self:
        """This classifier with classes of several outputs each: see `targets.merge`.

        Args:
            classes: the outputs of each class.

        Returns:
            A classifier of the same model whose logits are (N, len(classes)).
        """
        merged = tuple(map(tuple, classes))
        return _rewrapped(type(self), self._settings, merged, self._scored, self._model)

    def scoring(self, target: Callable[[Any], Any]) -> Self:
        """This classifier with one score for its output: logits (N, 1), of class 0.

        Args:
            target: raw output -> (N,), such as a `campare.targets.Region`.

        Returns:
            A classifier of the same model, so that what takes logits takes any score.
        """
        return _rewrapped(type(self), self._settings, (), target, self._model)

    def with_settings(self, **changes: Any) -> "ImageClassifier":
        """The same model, wrapped with other options."""
        key = tuple(sorted(changes.items()))
        if key not in self._others:
            settings = {**self._settings, **changes}
            parts = self._merged, self._scored, self._model
            self._others[key] = _rewrapped(type(self), settings, *parts)
        return self._others[key]

    # What a subclass provides

    @property
    def _settings(self) -> dict[str, Any]:
        """What it was made with, but for the model."""
        raise NotImplementedError

    def _architecture(self, model: Any) -> Any:  # noqa: ARG002 what a subclass looks at
        """What two networks of one architecture have in common; None: it cannot be told."""
        return None

    def _take_weights(self, model: Any) -> None:
        """Take the values of all weights of a network of the same architecture."""
        raise NotImplementedError

    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> AbstractContextManager[None]:
        """Within the block the weights of `layers` (None: all) are drawn anew."""
        raise NotImplementedError

    @property
    def fixed_batch(self) -> bool:
        """Whether every new batch size is compiled anew."""
        return bool(self._backend.FIXED_BATCH) or self.compiled

    # Forward passes and taps

    def predict(self, images: Any) -> Floats:
        """Logits (N, K) of images (N, H, W, C), before any softmax or sigmoid."""
        with self._current():
            images = self._check_images(images)
            shape = tuple(images.shape[1:])
            if self._scored is None:
                require_logits(self._survey(shape))
            parts = self._in_parts(images)
            if parts is not None:
                return joined((self.predict(part.images), part.new) for part in parts)
            run = self._kept(
                ("predict", shape),
                lambda: self._backend.compile_predict(
                    self._logits, self._open(shape), self._model, jit=self.compiled
                ),
            )
        with self._patching():
            logits = run(in_order(images))
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
        before is computed once an image. `target` may then be one a row, too. `curvature` adds the
        Hessian of the score times A.

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

    def attended(self, images: Any, target: Target = None, *, read: Read) -> tuple[Array, ...]:
        """What `read(tap)` makes on the device of the self-attention of a pass: `tap.attentions`.

        Those are (A, dS/dA) of each softmax over the last axis that the score is computed through,
        in their order, however the network computes it; attention is not fused meanwhile, nor is
        the network compiled.

        Raises:
            ModelError: attention is in branches, or within a function that cannot be followed.
        """
        with self._current():
            images = self._check_images(images)
            parts = self._in_parts(images, target)
            if parts is not None:
                return _all_joined(
                    (self.attended(part, index, read=read), new) for part, (index,), new in parts
                )
            run = self._prepared(
                ("attention",),
                lambda: _input_tap(self._logits),
                Grid(tuple(images.shape[1:-1]), "channels-last"),
                images,
                target,
                read=read,
                attended=len(images),
            )
        return run()()

    def bottleneck(self, layer: Any = None, shape: Shape | None = None) -> bool:
        """Whether the logits depend on the image through `layer` alone.

        Tested once, on two images of noise whose features at the layer are made equal.
        """
        shape = shape or self._known_shape()
        path = self.layer(layer, shape).path
        if self.batch is not None:  # then what follows the layer takes no more rows, either
            return False
        if (path, shape) not in self._bottlenecks:
            zero = np.zeros((1,) * (len(shape) + 1), np.float32)
            images, target = self._noise(2, shape), self._any_target
            (outputs,) = self.start(
                images, target, read=_output_of, layer=path, scale=zero, eps=zero + 1,
                gradients=False,
            )()  # fmt: skip
            alike = bool(np.allclose(outputs[0], outputs[1], rtol=1e-4, atol=1e-5))
            self._bottlenecks[path, shape] = alike
        return self._bottlenecks[path, shape]

    def sees(self, layer: Any = None, shape: Shape | None = None) -> bool:
        """Whether `layer` is computed from the input that is explained, the others held.

        Tried once, on two images of noise; where the model takes one number of images alone, on as
        many.
        """
        shape = shape or self._known_shape()
        path = self.layer(layer, shape).path
        if (path, shape) not in self._seeing:
            images, target = self._noise(2, shape), self._any_target
            (found,) = self.start(images, target, read=_activations, layer=path, gradients=False)()
            self._seeing[path, shape] = not np.array_equal(found[0], found[1])
        return self._seeing[path, shape]

    def _is_read(self, path: str, shape: Shape) -> bool:
        """Whether the class depends on the grid of the layer at `path`."""
        found = self.tap(self._noise(1, shape), self._any_target, layer=path)
        return bool(np.any(found.gradients))

    def _noise(self, n: int, shape: Shape) -> Any:
        """`n` images of noise, which are always the same ones, with the inputs that are held."""
        noise = np.random.default_rng(0).uniform(0, 255, (n, *shape))  # type: ignore[arg-type]
        return self._with_held(noise.astype(np.float32))

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
        attended: int = 0,
    ) -> Callable[[], Callable[[], tuple[Array, ...]]]:
        """What runs the tap when it is called, and returns what fetches the result."""
        shape = tuple(images.shape[1:])
        each_row = isinstance(target, np.ndarray) and target.shape == (len(images) * repeat,)
        index, differentiated = self._target(
            target, len(images) * repeat if each_row else len(images), score
        )
        perturbed = eps is not None or scale is not None
        more = (curvature, gradients)

        def compiled() -> Run:
            forward, edit = parts()
            program = Program(
                forward, edit, grid, differentiated, read, perturbed, repeat, *more, guided,
                attended, (index.shape[1:], str(index.dtype)),
            )  # fmt: skip
            run: Run = self._backend.compile_tap(
                program, self._open(shape), self._model, jit=self.compiled and not attended
            )
            return run

        identity = getattr(target, "program", target) if callable(target) else score
        more_key = (identity, read, perturbed, repeat, *more, attended, index.shape[1:])
        run = self._kept((*key, shape, *more_key), compiled)

        def start() -> Callable[[], tuple[Array, ...]]:
            with self._patching():
                outputs = run(
                    in_order(images),
                    index if each_row else np.tile(index, (repeat, *[1] * (index.ndim - 1))),
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
        if self._scored is not None:
            return own_score(self._scored, output)[:, None]
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

    def check(self, images: Any) -> None:
        """Raise a ModelError that says what to do where the model does not take the images."""
        with self._current():
            self._check_images(images)

    def _check_images(self, images: Any) -> Any:
        """The images as a float32 array (N, H, W, C) that the model takes."""
        if self.input is not None:
            return self._check_several(images)
        try:
            images = np.asarray(images, np.float32)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"Expected images (N, H, W, C) for {self.name!r}, got {_kind(images)}. "
                "Try: np.stack(images), of one size"
            ) from error
        return self._checked(images, Given(images.shape))

    def _check_several(self, images: Any) -> Several:
        """Several inputs that the model takes, the one that is explained as float32."""
        assert self.input is not None
        given = images
        if not isinstance(images, Several):
            given = several(images, self.input, self.name, self.input_names)
        others = self._beside(given)
        new = {key: np.asarray(x[:1]) for key, x in others.items()}
        if _forms(new) != _forms(self._held):  # of other sizes, or the first
            self._programs.clear()
            self._surveys.clear()
        self._held = new or self._held
        shown = np.asarray(given.explained, np.float32)
        return Several(self._checked(shown, Given(shown.shape)), others)

    def _beside(self, given: Several) -> Mapping[Key, Any]:
        """The inputs beside the explained one, of the types that the model takes."""
        return given.others

    def _checked(self, images: Any, given: Given) -> Any:
        """Images (N, H, W, C), given in some form, that the model takes."""
        alike = images.ndim == len(self.input_shape) + 1
        if not alike or shape_fit(self.input_shape)(tuple(images.shape[1:])) < inf:
            raise self._input.refused(given)
        self._survey(tuple(images.shape[1:]), given)
        return images

    def _target(self, target: Target, n: int, score: Score | None) -> tuple[Array, Score]:
        """Class indices (N,) for the compiled graph, and the score it computes from them."""
        if isinstance(target, Regression) and self._is_binary:
            target = replace(target, unit=1)  # of the logits (0, z)
        rows = rows_of(target)
        if rows is not None and len(rows) not in (1, n):
            raise TargetError(
                f"Expected a target for all images, or one for each of {n}, got {len(rows)}. "
                "Try: one of the same length"
            )
        if rows is not None:
            given = np.broadcast_to(rows, (n, *rows.shape[1:]))
            return given, partial(own_score, target.program)  # type: ignore[union-attr]
        if callable(target):
            return np.zeros(n, np.int32), partial(_without_index, target)
        index = class_index(target, n, self.n_classes, self.name)
        return index, score or (binary_score if self._is_binary else class_score)


def _forms(inputs: Mapping[Key, Any]) -> list[Any]:
    """What a program of several inputs depends on."""
    return [(key, tuple(x.shape[1:]), str(x.dtype)) for key, x in inputs.items()]


def _without_index(target: Callable[[Any], Any], output: Any, _: Any) -> Any:
    """The score of a target of the user's own, which holds nothing for each image."""
    return own_score(target, output)


def _rewrapped(
    kind: type[Kind],
    settings: dict[str, Any],
    merged: tuple[tuple[int, ...], ...],
    scored: Callable[[Any], Any] | None,
    model: Any,
) -> Kind:
    """A classifier of a model with the settings, merged outputs and score of another one."""
    classifier = kind(model, **settings)
    classifier._merged, classifier._scored = merged, scored
    classifier._programs.clear()
    return classifier


def _input_tap(forward: Forward) -> tuple[Forward, Edit]:
    """A forward pass whose images can be edited as if they were a layer's output."""
    edits: list[Callable[[Any], Any]] = []

    def edited(images: Any) -> Any:
        if not edits:
            return forward(images)
        if isinstance(images, tuple):  # several inputs, of which the first is explained
            return forward((edits[-1](images[0]), *images[1:]))
        return forward(edits[-1](images))

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


def _everything(tap: Tap) -> tuple[Any, ...]:
    return _with_curvature(tap)[:4]


def _with_curvature(tap: Tap) -> tuple[Any, ...]:
    logits = tap.logits if is_logits(tap.logits) else flat(tap.logits)
    return tuple(tap._replace(logits=logits))[:5]


def _output_of(tap: Tap) -> tuple[Any, ...]:
    return (flat(tap.logits),)


def _activations(tap: Tap) -> tuple[Any, ...]:
    return (tap.activations,)


def _gradients(tap: Tap) -> tuple[Any, ...]:
    return (tap.gradients,)
