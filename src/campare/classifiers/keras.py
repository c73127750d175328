"""A Keras 3 model as a Classifier: its layers by path, its logits, and the tap.

A layer is tapped by replacing its `call` on the instance while the graph is traced; a softmax or
sigmoid at the end is bypassed the same way. The model is left exactly as it was.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from campare.classifiers._keras_layers import (
    edited,
    is_graph,
    run_logits,
    squashing,
    walk,
)
from campare.errors import LayerError, ModelError, TargetError
from campare.types import Array, Floats, LayerInfo, Tap, Target

#: Layers that only pass, thin out or reshape what came before: never the default to explain.
PASSING = (
    keras.layers.AveragePooling2D, keras.layers.MaxPooling2D, keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D, keras.layers.Dropout, keras.layers.SpatialDropout2D,
    keras.layers.GaussianNoise, keras.layers.GaussianDropout, keras.layers.ActivityRegularization,
    keras.layers.ZeroPadding2D, keras.layers.Cropping2D, keras.layers.Reshape,
    keras.layers.Permute, keras.layers.Identity, keras.layers.InputLayer,
)  # fmt: skip

#: Stands for 'the class that the model predicts' where the compiled graph expects an index.
PREDICTED = -1

# One lock for all models: nested models may share layers, and a patched layer must not run
# for anybody else while a graph is traced.
_PATCHING = threading.RLock()


class _Run(NamedTuple):
    """One layer's call seen in a trace."""

    layer: keras.Layer
    shape: tuple[int | None, ...]


class KerasClassifier:
    """A Keras 3 image classifier with one input (H, W, C) and one output (K classes).

    `class_names` are optional; `name` defaults to the model's. A single-unit output is read as a
    binary classifier: two classes, logits (0, z), and the score of class 0 is -z, of class 1 +z.

    Raises:
        ModelError: several inputs or outputs, or an input that is not an image.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        name: str | None = None,
        class_names: tuple[str, ...] | None = None,
    ) -> None:
        if keras.backend.backend() != "tensorflow":
            raise ModelError(
                f"Expected Keras on the TensorFlow backend, got {keras.backend.backend()!r}. "
                "Try: KERAS_BACKEND=tensorflow"
            )
        self.model = model
        self.name = name or model.name
        self.class_names = class_names
        self.input_shape = _input_shape(model)
        self._paths = dict(walk(model))
        if any(
            getattr(layer, "data_format", None) == "channels_first"
            for layer in self._paths.values()
        ):
            raise ModelError(
                f"Expected a model with channels last, got channels_first layers in {self.name!r}. "
                "Try: build it with data_format='channels_last'"
            )
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self._runs, self._units, self._head = self._survey()
        self.bypassed = squashing(self._head) if self._head else None
        if class_names is not None and len(class_names) != self.n_classes:
            raise ModelError(
                f"Expected {self.n_classes} class names for model {self.name!r}, "
                f"got {len(class_names)}. Try: one name an output, in the order of the outputs"
            )

    @property
    def n_classes(self) -> int:
        """Number of classes K; 2 for a single-unit output."""
        return max(self._units, 2)

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers that run, in the order in which they run first."""
        return tuple(
            LayerInfo(path, type(runs[0].layer).__name__, runs[0].shape)
            for path, runs in self._runs.items()
        )

    @property
    def default_layer(self) -> str:
        """Path of the last spatial layer that computes features (not pooling, dropout, padding).

        Raises:
            LayerError: the model has no such layer.
        """
        learned = False
        found: str | None = None
        for info in self.layers:
            layer = self._paths[info.path]
            if isinstance(layer, keras.layers.Normalization):
                continue
            learned = learned or bool(layer.weights)
            if learned and info.spatial and not isinstance(layer, PASSING):
                found = info.path
        if found is None:
            raise LayerError(
                f"Expected a model with a spatial layer (h, w, C), got none in {self.name!r}: "
                f"{', '.join(info.kind for info in self.layers)}. "
                "Try: a convolutional model; a map needs a grid of features"
            )
        return found

    def layer(self, path: str | None) -> LayerInfo:
        """The LayerInfo of `path`, or of the default layer; its own name is enough if unique.

        Raises:
            LayerError: no such layer, several, one that runs more than once, or not spatial.
        """
        path = path or self.default_layer
        by_path = {info.path: info for info in self.layers}
        matches = [path] if path in by_path else [p for p in by_path if p.endswith(f"/{path}")]
        if not matches:
            from difflib import get_close_matches

            spatial = [info.path for info in self.layers if info.spatial]
            close = get_close_matches(path, spatial, n=3, cutoff=0.3)
            hint = ", ".join(close) if close else self.default_layer
            raise LayerError(
                f"Expected a layer of {self.name!r}, got {path!r}. Try: {hint} "
                f"(campare list layers shows all)"
            )
        if len(matches) > 1:
            raise LayerError(
                f"Expected one layer, got {path!r}, which names {len(matches)}. "
                f"Try: {' or '.join(matches)}"
            )
        info = by_path[matches[0]]
        if len(self._runs[info.path]) > 1:
            raise LayerError(
                f"Expected a layer that runs once, got {info.path!r}, which runs "
                f"{len(self._runs[info.path])} times in one forward pass. "
                "Try: the layer after it, whose output is used once"
            )
        if not info.spatial:
            raise LayerError(
                f"Expected a spatial layer (h, w, C), got {info.path!r} with output "
                f"{info.shape}. Try: {self.default_layer}"
            )
        return info

    def predict(self, images: Array) -> Floats:
        """Logits (N, K) of images (N, H, W, C), before any softmax or sigmoid."""
        images = self._check_images(images)
        with _PATCHING:
            if "predict" not in self._compiled:
                self._compiled["predict"] = _backend().compile_predict(
                    self._forward, self.input_shape
                )
        return self._two_columns(self._compiled["predict"](images))

    def tap(
        self,
        images: Array,
        target: Target = None,
        *,
        layer: str | None = None,
        eps: Array | None = None,
    ) -> Tap:
        """Activations at `layer` and d score / d activations, for images (N, H, W, C).

        `target` is a class index, one an image (N,), a function of the logits that returns one
        score an image, or None: each image's predicted class, without a second forward pass.
        `eps`, broadcast to (N, h, w, C), is added to the layer's output.

        Raises:
            LayerError: the layer is missing, runs twice, or is not spatial.
            TargetError: a class index outside the model's classes.
        """
        images = self._check_images(images)
        info = self.layer(layer)
        index, score = self._target(target, len(images))
        key = (info.path, eps is not None, target if callable(target) else None)
        with _PATCHING:
            if key not in self._compiled:
                tapped = self._paths[info.path]
                self._compiled[key] = _backend().compile_tap(
                    self._forward,
                    lambda edit: edited(tapped, edit),
                    score,
                    self.input_shape,
                    perturbed=eps is not None,
                )
        perturbation = np.float32(0) if eps is None else np.asarray(eps, np.float32)
        activations, gradients, scores, logits = self._compiled[key](images, index, perturbation)
        return Tap(activations, gradients, scores, self._two_columns(logits))

    @contextmanager
    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> Iterator[None]:
        """Within the block the weights of `layers` (None: all) are drawn by their initializers."""
        paths = list(self._runs) if layers is None else [self.layer_path(path) for path in layers]
        chosen = [self._paths[path] for path in paths]
        before = [[np.array(w) for w in layer.weights] for layer in chosen]
        try:
            for layer in chosen:
                for weight in layer.weights:
                    weight.assign(_fresh(layer, weight, int(rng.integers(2**31))))
            yield
        finally:
            for layer, weights in zip(chosen, before, strict=True):
                for weight, value in zip(layer.weights, weights, strict=True):
                    weight.assign(value)

    def layer_path(self, name: str) -> str:
        """The full path of any layer, spatial or not; its own name is enough if unique."""
        matches = [p for p in self._runs if p == name or p.endswith(f"/{name}")]
        if len(matches) != 1:
            raise LayerError(
                f"Expected the path of one layer of {self.name!r}, got {name!r} "
                f"({len(matches)} matches). Try: campare list layers"
            )
        return matches[0]

    def _survey(self) -> tuple[dict[str, list[_Run]], int, keras.Layer | None]:
        """Trace the model once: which layers run, with which shapes; outputs; the softmax head."""
        runs: dict[str, list[_Run]] = {}
        heads: list[Any] = []
        ends = [layer for layer in self._paths.values() if squashing(layer)]

        def forward(images: Any) -> Any:
            with ExitStack() as patches:
                for path, layer in self._paths.items():
                    if not is_graph(layer):
                        patches.enter_context(edited(layer, _recorder(runs, path, layer)))
                logits, head = run_logits(self.model, ends, images)
            heads.append((logits.shape, head))
            return logits

        with _PATCHING:
            _backend().trace(forward, self.input_shape)
        shape, head = heads[-1]
        if len(shape) != 2:
            raise ModelError(
                f"Expected a classifier with outputs (N, K), got shape {tuple(shape)} "
                f"from {self.name!r}. Try: the model that ends in one score a class"
            )
        return runs, int(shape[-1]), head

    def _forward(self, images: Any) -> Any:
        return run_logits(self.model, [self._head] if self._head else [], images)[0]

    def _two_columns(self, logits: Floats) -> Floats:
        if self._units > 1:
            return logits
        return np.concatenate([np.zeros_like(logits), logits], axis=1)

    def _check_images(self, images: Array) -> Floats:
        images = np.asarray(images, np.float32)
        if images.ndim != 4 or any(
            expected not in (None, got)
            for expected, got in zip(self.input_shape, images.shape[1:], strict=False)
        ):
            expected = ", ".join("any" if n is None else str(n) for n in self.input_shape)
            raise ModelError(
                f"Expected images of shape (N, {expected}) for {self.name!r}, "
                f"got {images.shape}. Try: resize them, or add the batch axis with images[None]"
            )
        return images

    def _target(self, target: Target, n: int) -> tuple[Array, Callable[[Any, Any], Any]]:
        """Class indices (N,) for the compiled graph, and the score it computes from them."""
        if callable(target):
            function = target
            return np.zeros(n, np.int32), lambda logits, _: function(logits)
        score = _signed_score if self._units == 1 else _class_score
        if target is None:
            return np.full(n, PREDICTED, np.int32), score
        index = np.broadcast_to(np.asarray(target), (n,)) if np.ndim(target) == 0 else target
        index = np.asarray(index)
        if index.shape != (n,) or not np.issubdtype(index.dtype, np.integer):
            raise TargetError(
                f"Expected one class index, or one an image ({n}), got shape {index.shape} of "
                f"{index.dtype}. Try: target=0 or an integer array of length {n}"
            )
        wrong = index[(index < 0) | (index >= self.n_classes)]
        if wrong.size:
            raise TargetError(
                f"Expected a class index from 0 to {self.n_classes - 1}, got {wrong[0]}. "
                f"Try: one of the {self.n_classes} outputs of {self.name!r}"
            )
        return index.astype(np.int32), score


def load(
    path: Path, *, name: str | None = None, class_names: tuple[str, ...] | None = None
) -> KerasClassifier:
    """Load a `.keras` (or legacy `.h5`) file as a Classifier.

    A model that campare trained has its class names in the `.json` file beside it.

    Raises:
        ModelError: the file is missing or is not a Keras model that can be loaded safely.
    """
    if not path.is_file():
        raise ModelError(f"Expected a saved Keras model, got no file {path}. Try: model.keras")
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise ModelError(
            f"Expected a Keras 3 model in {path}, got: {reason}. "
            "Try: model.save('model.keras') with Keras 3"
        ) from error
    names = class_names or _recorded_classes(path.with_suffix(".json"))
    return KerasClassifier(model, name=name or path.stem, class_names=names)


def _recorded_classes(notes: Path) -> tuple[str, ...] | None:
    """The classes of a model that campare trained, from the notes beside it."""
    if not notes.is_file():
        return None
    try:
        found = json.loads(notes.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return tuple(found.get("classes", ())) or None if isinstance(found, dict) else None


def _backend() -> Any:
    from campare.classifiers import _tensorflow

    return _tensorflow


def _input_shape(model: keras.Model) -> tuple[int | None, ...]:
    """(H, W, C) of the model's one input, also of a subclassed model that has been called."""
    shape = getattr(model, "input_shape", None)
    if shape is None and model.built:  # a subclassed model keeps what it was built with
        shapes = list((model._build_shapes_dict or {}).values())
        shape = shapes[0] if len(shapes) == 1 else None
    if shape is None:
        raise ModelError(
            f"Expected a model whose input shape is known, got {model.name!r}. "
            "Try: call it once on a batch of images"
        )
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ModelError(
            f"Expected a model with one image input (H, W, C), got input shape {shape}. "
            "Try: a model with one input of rank 4"
        )
    return tuple(shape[1:])


def _recorder(runs: dict[str, list[_Run]], path: str, layer: keras.Layer) -> Callable[[Any], Any]:
    def record(output: Any) -> Any:
        if hasattr(output, "shape"):
            runs.setdefault(path, []).append(_Run(layer, tuple(output.shape[1:])))
        return output

    return record


def _class_score(logits: Any, index: Any) -> Any:
    """S_n = logits[n, index[n]]."""
    index = keras.ops.where(index == PREDICTED, keras.ops.argmax(logits, axis=-1), index)
    return keras.ops.sum(logits * keras.ops.one_hot(index, logits.shape[-1]), axis=-1)


def _signed_score(logits: Any, index: Any) -> Any:
    """S_n = +z_n for class 1 and -z_n for class 0 of a single-unit model."""
    z = logits[:, 0]
    index = keras.ops.where(index == PREDICTED, keras.ops.cast(z > 0, "int32"), index)
    return z * keras.ops.cast(2 * index - 1, z.dtype)


def _fresh(layer: keras.Layer, weight: Any, seed: int) -> Any:
    """A new value for `weight`: from the layer's own initializer, else He normal, else zeros."""
    initializer = getattr(layer, f"{weight.name}_initializer", None)
    if weight.name == "moving_variance":
        initializer = keras.initializers.Ones()
    elif initializer is None:
        random = weight.name.endswith("kernel") or len(weight.shape) > 1
        initializer = keras.initializers.HeNormal() if random else keras.initializers.Zeros()
    config = initializer.get_config()
    if "seed" in config:
        initializer = type(initializer).from_config({**config, "seed": seed})
    return initializer(tuple(weight.shape), dtype=weight.dtype)
