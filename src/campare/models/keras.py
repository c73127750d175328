"""A Keras 3 model as a Classifier, on whichever backend Keras runs.

A layer is tapped by replacing its `call` on the instance while the model runs; a softmax or sigmoid
at the end is bypassed the same way. The model is left exactly as it was.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib import import_module
from math import inf
from typing import Any

import keras
import numpy as np

from campare.errors import ModelError
from campare.models._keras_layers import (
    Head,
    edited,
    head_of,
    in_precision,
    integer_input,
    is_graph,
    parts,
    run_squashed,
    squashing,
    walk,
)
from campare.models.arrays import leaves, namespace
from campare.models.base import ImageClassifier
from campare.models.fitting import USUAL_SIDES, Trial
from campare.models.known import Shape
from campare.models.patching import at_run
from campare.models.several import Key, Several
from campare.models.snapshot import Snapshot
from campare.models.survey import IMAGES, Record, Survey, call_of, require_rows, units_of
from campare.types import LayerInfo

#: Layers that only pass, thin out or reshape what came before: never the default to explain.
PASSING = (
    keras.layers.Dropout, keras.layers.GaussianNoise, keras.layers.GaussianDropout,
    keras.layers.ActivityRegularization, keras.layers.Reshape, keras.layers.Permute,
    keras.layers.Identity, keras.layers.InputLayer,
    *(
        getattr(keras.layers, f"{kind}{rank}D")
        for rank in (1, 2, 3)
        for kind in (
            "AveragePooling", "MaxPooling", "GlobalAveragePooling", "GlobalMaxPooling",
            "SpatialDropout", "ZeroPadding", "Cropping",
        )
    ),
)  # fmt: skip

#: What such a layer holds describes the data and is not learned, so it is never drawn anew.
PREPROCESSING = keras.layers.Normalization

#: Layers whose parts work on queries, keys and values, which are no grid.
ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)

#: Attributes that Keras sets as a model is built, used elsewhere and trained; no pass reads them.
BOOKKEEPING = frozenset({
    "built", "optimizer", "loss", "compiled", "jit_compile", "run_eagerly", "steps_per_execution",
    "stop_training", "stop_evaluating", "stop_predicting", "history", "train_function",
    "test_function", "predict_function", "unrolled_steps_per_execution", "_initial_epoch",
    "_compile_loss", "_compile_metrics", "_compile_config", "_compiled_trainable_state", "_lock",
    "_loss_tracker", "_metrics", "_losses", "_loss_ids", "_losses_override", "_called",
    "_jit_compile", "_run_eagerly", "_eval_epoch_iterator", "_jax_state", "_jax_state_synced",
    "_distributed_dataset", "_distribute_strategy", "_distribute_reduction_method", "_tracker",
    "_inbound_nodes", "_outbound_nodes", "_path", "_parent_path", "_build_shapes_dict",
    "_auto_config", "_call_signature", "call_signature_parameters", "_call_has_context_arg",
    "_call_context_args", "_seed_generators", "_tracked", "_self_saveable_object_factories",
    "_self_name_based_restores", "_self_unconditional_deferred_dependencies",
    "_self_unconditional_dependency_names", "_self_unconditional_checkpoint_dependencies",
    "_torch_params", "training",
})  # fmt: skip


class KerasClassifier(ImageClassifier):
    """A Keras 3 classifier; make one with `campare.wrap`.

    Raises:
        ModelError: several inputs or outputs of which none is named, or an input that has no
            sides, as (N, 8).
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        name: str | None = None,
        class_names: tuple[str, ...] | None = None,
        output: str | int | None = None,
        precision: str = "float32",
        compiled: bool = False,
        layer_grid: Any = None,
        task: str | None = None,
        input: Key | None = None,
    ) -> None:
        self.model = self._model = model
        self.name = name or model.name
        self.class_names = class_names
        self._output = output
        self._precision = precision
        self.task = task
        self._compile = compiled
        self._explained = input
        self._backend = import_module(f"campare.models.backends.{keras.backend.backend()}")
        super().__init__(layer_grid)
        self._survey()

    @property
    def _settings(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "class_names": self.class_names,
            "output": self._output,
            "precision": self._precision,
            "compiled": self._compile,
            "layer_grid": self._layer_grid,
            "task": self.task,
            "input": self._explained,
        }

    def _read_model(self) -> None:
        self._paths = dict(walk(self.model))
        self._parts = parts(self.model)
        formats = [getattr(layer, "data_format", None) for layer in self._paths.values()]
        self._formats = [each for each in formats if each in ("channels_first", "channels_last")]
        self._channels_first = self._formats[:1] == ["channels_first"]
        self.input = _which_input(self.model, self._explained)
        shapes = _input_shapes(self.model)
        if self.input is None:
            shape = _input_shape(self.model)
        else:
            shape = shapes.pop(self.input)[0]
            if len(shape) < 2:
                raise ModelError(
                    f"Expected an input with sides to explain, (H, W, C) or (T, C), got "
                    f"{self.input!r} of {self.name!r} with shape {shape}. Try: input= one of "
                    f"{', '.join(map(repr, _with_sides(self.model))) or 'a model that has one'}"
                )
            self._held = {key: _zeros(*other) for key, other in shapes.items()}
        self.input_shape = (*shape[1:], shape[0]) if self._channels_first else shape
        self.batch = _batch_size(self.model)
        slow = getattr(self._backend, "SLOW_COMPILED", ())
        kinds = {type(layer).__name__ for layer in self._paths.values()}
        self.compiled = self._compile and kinds.isdisjoint(slow)
        self._head: Head | None = None
        self._refuse_opaque()

    def _taken(self) -> Snapshot:
        return Snapshot(self._parts, BOOKKEEPING)

    def _architecture(self, model: keras.Model) -> Any:
        """The configuration with layers numbered, since Keras counts their names as it builds."""
        try:
            config = json.loads(json.dumps(model.get_config(), default=str))
        except Exception:  # a model of somebody's own that does not say what it is made of
            return None
        numbers = {name: f"layer {i}" for i, name in enumerate(_layer_names(config))}
        text = re.sub(
            r'"([^"\\]+)"', lambda word: f'"{numbers.get(word[1], word[1])}"', json.dumps(config)
        )
        return text, [(tuple(weight.shape), str(weight.dtype)) for weight in model.weights]

    def _take_weights(self, model: keras.Model) -> None:
        self.model.set_weights(model.get_weights())

    def check(self, images: Any) -> None:
        """Raise a ModelError that says what to do where the model does not take the images."""
        super().check(images)
        dtype = integer_input(self.model)
        if dtype is None:
            return
        low, high = float(np.min(images)), float(np.max(images))
        if low < 0 or (high <= 1 and np.any(np.mod(images, 1))):
            whole = "(images + 1) * 127.5" if low < 0 else "images * 255"
            raise ModelError(
                f"Expected pixels 0..255 for {self.name!r}, whose input is {dtype}, got values "
                f"from {low:.3g} to {high:.3g}. Try: {whole}"
            )

    @contextmanager
    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> Iterator[None]:
        """Within the block the weights of `layers` (None: all) are drawn by their initializers.

        The mean and variance that a Normalization layer was adapted to stay.
        """
        chosen = None if layers is None else [self.layer_path(path) for path in layers]
        weights = {
            id(weight): (weight, layer)  # the innermost layer that has it comes last
            for path, layer in self._paths.items()
            if chosen is None or any(f"{path}/".startswith(f"{one}/") for one in chosen)
            for weight in layer.weights
        }
        weights = {
            key: (weight, layer)
            for key, (weight, layer) in weights.items()
            if not isinstance(layer, PREPROCESSING)
        }
        before = [keras.ops.convert_to_numpy(weight) for weight, _ in weights.values()]
        try:
            for weight, layer in weights.values():
                weight.assign(_fresh(layer, weight, int(rng.integers(2**31))))
            yield
        finally:
            for (weight, _), value in zip(weights.values(), before, strict=True):
                weight.assign(value)

    @property
    def classes_axis(self) -> int:
        """The axis of the classes in the output of a segmentation."""
        return 1 if self._channels_first else -1

    def _usual_shape(self) -> Shape:
        *sides, channels = self.input_shape
        return *(side or self._usual_side for side in sides), channels

    def _look(self, shape: Shape) -> Survey:
        n = self.batch or IMAGES
        result: dict[str, Any] = {}
        marks: dict[str, Any] = {}
        names = getattr(self.model, "output_names", None)
        ends = [part for part in self._parts if squashing(part)]

        def recorder(path: str, layer: keras.Layer, record: Record) -> Callable[[Any], Any]:
            kind, first = type(layer).__name__, self._layout(layer)
            own = getattr(_wrapped(layer), "data_format", None)
            inside = isinstance(self._paths.get(path.rpartition("/")[0]), ATTENTION)

            def see(output: Any) -> Any:
                if hasattr(output, "shape"):
                    sequence = len(output.shape) == 3 and len(shape) == 3  # tokens of an image
                    run = record.add(
                        path,
                        kind,
                        output,
                        channels_first=own == "channels_first" if sequence else first,
                        structural=own is not None,
                        inside=inside,
                    )
                    marks[path] = marks[f"{path}@{run}"] = self._backend.mark(output)
                return output

            return see

        def forward(images: Any) -> tuple[Any, dict[str, Any]]:
            result["record"] = record = Record(shape[:-1], n)  # anew: a backend may trace again
            marks.clear()
            with ExitStack() as patches:
                for path, layer in self._paths.items():
                    if not is_graph(layer):
                        patches.enter_context(edited(layer, recorder(path, layer, record)))
                output, squashed = run_squashed(self.model, ends, self._sent(images), self._output)
            require_rows(output, n)
            for i, one in enumerate(squashed):
                marks[_of_head(i)] = self._backend.mark(one.output)
            result.update(output=output, squashed=squashed)
            return output, marks

        flow = self._backend.trace(forward, self._sized(n, shape), self.model)
        record: Record = result["record"]
        output, moved = result["output"], flow.moved_to_output if flow else frozenset()
        self._head = head_of(result["squashed"], output, lambda i: _of_head(i) in moved)
        bypassed = squashing(self._head.part) if self._head else None
        candidates = self._candidates(record.layers, record.runs)
        units = units_of(output, self.name, names)
        return record.survey(units, bypassed, candidates, flow)

    def _trial(self, n: int, shape: tuple[int, ...]) -> Trial:
        rows = [0]

        def forward(images: Any) -> tuple[Any, dict[str, Any]]:
            output, _ = run_squashed(self.model, [], self._sent(images), self._output)
            rows.extend(int(leaf.shape[0] or n) for leaf in leaves(output)[:1])
            return output, {}

        try:
            self._backend.trace(forward, self._sized(n, shape), self.model)
        except Exception:  # of a framework, whichever it has for images that do not fit
            return Trial(0, 0)
        return Trial(inf, rows[-1])

    def _candidates(self, layers: dict[str, LayerInfo], runs: dict[str, int]) -> tuple[str, ...]:
        learned, found = False, []
        for path in layers:
            layer = self._paths[path]
            if isinstance(layer, PREPROCESSING):
                continue
            learned = learned or bool(layer.weights)
            if not learned or isinstance(_wrapped(layer), PASSING):
                continue
            if runs[path] == 1:
                found.append(path)
            elif self.input is not None:  # the encoder of a pair, say
                found += [f"{path}@{run + 1}" for run in range(runs[path])]
        return tuple(found)

    def _forward(self, images: Any) -> Any:
        with (
            in_precision(self.model, self._precision)
            if self._precision != "float32"
            else nullcontext(),
            self._folded(),
        ):
            head = self._head
            ends = [head.part] if head else []
            output, squashed = run_squashed(self.model, ends, self._sent(images), self._output)
            return head.logits(squashed, output) if head else output

    def _folded(self) -> AbstractContextManager[None]:
        """Within the block batch normalization is part of convolutions, where that is faster."""
        folded = getattr(self._backend, "FOLDED", None)
        return nullcontext() if folded is None or self.compiled else folded(self.model)

    def _layout(self, layer: keras.Layer) -> bool | None:
        """Whether the layer's output has its channels first; None: look at its shape."""
        own = getattr(_wrapped(layer), "data_format", None)
        if isinstance(layer, keras.layers.TimeDistributed):  # (N, T, C, h, w) is no layout of ours
            return False
        if own in ("channels_first", "channels_last"):
            return bool(own == "channels_first")
        return self._channels_first if len(set(self._formats)) < 2 else None

    def _sent(self, images: Any) -> Any:
        """Images (N, H, W, C) as the model takes them; several inputs in its structure."""
        if isinstance(images, tuple):
            keys = (self.input, *self._held)
            given = dict(zip(keys, (self._one_sent(images[0]), *images[1:]), strict=True))
            by_name = isinstance(getattr(self.model, "_inputs_struct", None), dict)
            ordered = {key: given[key] for key in _input_shapes(self.model)}
            values = list(ordered.values())
            return ordered if by_name else values if len(values) > 1 else values[0]
        return self._one_sent(images)

    @property
    def _input_names(self) -> tuple[Key, ...]:
        return tuple(_input_shapes(self.model))

    def _beside(self, given: Several) -> Mapping[Key, Any]:
        shapes = _input_shapes(self.model)
        return {key: x.astype(shapes[key][1], copy=False) for key, x in given.others.items()}

    def _one_sent(self, images: Any) -> Any:
        return namespace(images).moveaxis(images, -1, 1) if self._channels_first else images

    def _edit(self, path: str, edit: Callable[[Any], Any]) -> AbstractContextManager[None]:
        path, run = call_of(path)
        return edited(self._paths[path], at_run(run, edit) if run else edit)

    def _path_of(self, layer: Any) -> str:
        for path, one in self._paths.items():
            if one is layer:
                return path
        return layer.name if isinstance(layer, keras.Layer) else str(layer)

    def _refuse_opaque(self) -> None:
        """A SavedModel inside cannot be tapped: say so before anything else goes wrong."""
        for layer in (self.model, *self._paths.values()):
            if type(layer).__name__ == "TFSMLayer":
                raise ModelError(
                    f"Expected layers that can be tapped, got the exported graph {layer.name!r} in "
                    f"{self.name!r}. Try: the .keras file that it was exported from"
                )


def _wrapped(layer: keras.Layer) -> keras.Layer:
    """The layer that one runs at each time step; else itself."""
    return layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer


def _of_head(number: int) -> str:
    """Under which path the output of a softmax or sigmoid is marked."""
    return f"squashed {number}"


def _layer_names(config: Any) -> Iterator[str]:
    """The names of all layers in a configuration of Keras, in its order."""
    if isinstance(config, dict):
        if "name" in config and ("trainable" in config or "batch_shape" in config):
            yield config["name"]
        config = list(config.values())
    if isinstance(config, list):
        for each in config:
            yield from _layer_names(each)


def _input_shape(model: keras.Model) -> tuple[int | None, ...]:
    """(*sides, C) of the model's one input, also of a subclassed model that has been called."""
    shape = getattr(model, "input_shape", None)
    if shape is None and model.built:  # a subclassed model keeps what it was built with
        shapes = list((model._build_shapes_dict or {}).values())
        shape = shapes[0] if len(shapes) == 1 else None
    if shape is None:
        raise ModelError(
            f"Expected a model whose input shape is known, got {model.name!r}. "
            "Try: call it once on a batch of images"
        )
    if not isinstance(shape, tuple) or len(shape) < 3:
        raise ModelError(
            f"Expected a model with one image input (H, W, C), or a signal (T, C) or volume "
            f"(D, H, W, C), got input shape {shape}. Try: a model with one input that has sides, "
            "whose channels come last"
        )
    return tuple(shape[1:])


def _input_shapes(model: keras.Model) -> dict[Key, tuple[tuple[int | None, ...], str]]:
    """The shape, without the batch, and type of each input by its name, in the model's order."""
    structure = getattr(model, "_inputs_struct", None)
    inputs = dict(structure) if isinstance(structure, dict) else {
        one.name: one for one in getattr(model, "inputs", None) or ()
    }  # fmt: skip
    return {
        key: (tuple(one.shape[1:]), keras.backend.standardize_dtype(one.dtype))
        for key, one in inputs.items()
    }


def _which_input(model: keras.Model, wanted: Key | None) -> Key | None:
    """The name of the input that is explained; None where there is one.

    Raises:
        ModelError: of several it is not said, or there is none of that name.
    """
    shapes = _input_shapes(model)
    names = list(shapes)
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        wanted = names[wanted]
    if wanted in shapes or (wanted is None and len(names) < 2):
        return wanted
    with_sides = _with_sides(model)
    if wanted is None and len(with_sides) == 1:
        return with_sides[0]
    raise ModelError(
        f"Expected the name of the one of {len(names)} inputs that is explained, got {wanted!r}, "
        f"of {model.name!r}. Try: input={(with_sides or names or ['images'])[0]!r}, one of "
        f"{', '.join(map(str, names))}"
    )


def _with_sides(model: keras.Model) -> list[Key]:
    """The inputs that can be explained."""
    return [name for name, (shape, _) in _input_shapes(model).items() if len(shape) > 1]


def _zeros(shape: tuple[int | None, ...], dtype: str) -> Any:
    """One row of an input, before any came."""
    return np.zeros((1, *(side or USUAL_SIDES[3] for side in shape)), dtype)


def _batch_size(model: keras.Model) -> int | None:
    """The number of images that the model takes, where it takes no other."""
    inputs = getattr(model, "inputs", None) or []
    sizes = [one.shape[0] for one in inputs if one.shape]
    return sizes[0] if sizes else None


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
