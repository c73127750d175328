"""Recipe + images -> a trained Keras model.

`build` puts augmentation, preprocessing, backbone and head into one model that takes pixels
0..255; `train` fits it, repeatable bit for bit on one machine. A frozen backbone without
augmentation is run once an image, and its head is trained on what it said.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import keras
import numpy as np

from campare.data.samples import held_out
from campare.errors import DataError, ModelError
from campare.training import augment, backbones
from campare.training.cache import FeatureCache, features, head
from campare.training.progress import Clock
from campare.training.progress import Step as Step  # part of the interface of `train`
from campare.training.recipe import Recipe
from campare.training.sweep import nested
from campare.types import Array, Ints

if TYPE_CHECKING:
    from campare.data import Images


@dataclass(frozen=True)
class Trained:
    """A trained model and how it came about."""

    model: Any
    history: dict[str, list[float]]  # loss, accuracy, val_loss, val_accuracy: one value an epoch
    seconds: float
    images_per_second: float  # training images, all epochs
    epochs: int  # trained, warm-up included


def build(recipe: Recipe, n_classes: int, *, size: int, seed: int) -> Any:
    """The untrained Keras model of a recipe, (N, size, size, 3) in 0..255 -> (N, n_classes).

    Augmentation, preprocessing and backbone are layers inside it; it ends in softmax. New weights
    are drawn from `seed`.

    Raises:
        RecipeError, ModelError: a backbone or weights that do not exist or fit.

    Example:
        >>> from campare.training.recipes import article
        >>> build(article()[0], 2, size=32, seed=0).output_shape
        (None, 2)
    """
    keras.utils.set_random_seed(seed)
    K = keras.layers
    x = inputs = keras.Input((size, size, 3), name="pixels")
    changes = recipe.augmentation
    for layer in augment.layers(changes, seed=seed) if changes else ():
        x = layer(x)
    x = backbones.preprocess(recipe.backbone, x)
    if backbones.resolve(recipe.backbone) == backbones.ARTICLE:
        x = K.Flatten(name="pool")(backbones.article_cnn(x))  # flat, as in the article
    else:
        network = backbones.backbone(recipe.backbone, recipe.weights, size, recipe.backbone_options)
        x = network(x)
        x = K.GlobalAveragePooling2D(name="pool")(x)
    if recipe.hidden is not None:
        x = K.Dense(recipe.hidden, activation="relu", name="hidden")(x)
    outputs = K.Dense(n_classes, activation="softmax", name="classes")(x)
    model = keras.Model(inputs, outputs, name="classifier")
    _set_trainable(model, recipe, recipe.trainable == "all")
    return model


def train(
    recipe: Recipe,
    images: "Images",
    *,
    seed: int,
    size: int | None = None,
    validation: "Images | None" = None,
    validation_fraction: float = 0.15,
    progress: Callable[[Step], None] | None = None,
    cache: FeatureCache | None = None,
) -> Trained:
    """Train a recipe on images, part of which (stratified, by the seed) is kept for validation.

    With images for `validation` all others are trained on.

    With `train_size` only so many images are used, chosen by the seed: see `doses.nested`.

    With a `cache`, a frozen backbone that sees no augmentation runs once an image; without one it
    runs in every epoch. The result is the same.

    Raises:
        DataError: fewer than two images of a class, or images of another size.

    Example:
        >>> from types import SimpleNamespace
        >>> from campare.training.recipes import article
        >>> rng = np.random.default_rng(0)
        >>> pixels = rng.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
        >>> labels = np.arange(8) % 2
        >>> images = SimpleNamespace(images=pixels, labels=labels, class_names=("a", "b"))
        >>> train(article()[0], images, seed=0).epochs
        10
    """
    began = time.perf_counter()
    check(images, size)
    _make_repeatable(seed)
    model = build(recipe, len(images.class_names), size=images.images.shape[1], seed=seed)
    chosen = nested(images.labels, recipe.train_size, seed)
    groups = getattr(images, "groups", ())
    own = [groups[i] for i in chosen] if groups else ()
    parts = [chosen[part] for part in split(images.labels[chosen], validation_fraction, seed, own)]
    pixels, labels = cast(Array, images.images), images.labels
    if validation is not None:
        parts = [chosen, np.arange(len(labels), len(labels) + len(validation.labels))]
        pixels = np.concatenate([pixels, validation.images])
        labels = np.concatenate([labels, validation.labels])
    answers = keras.utils.to_categorical(labels, len(images.class_names))
    clock = Clock(recipe.warmup + recipe.epochs, len(parts[0]), progress)

    def fit(epochs: int, rate: float, *, head_only: bool, final: bool = True) -> None:
        network, inputs = model, pixels
        if head_only and recipe.augmentation is None and cache is not None:
            network, inputs = head(model), features(model, pixels, cache, clock.extracting)
        settings = _Phase(epochs, rate, recipe.schedule, recipe.patience if final else None)
        _fit(network, inputs, answers, parts, recipe, settings, seed, clock)

    if recipe.warmup:
        _set_trainable(model, recipe, False)
        fit(recipe.warmup, recipe.warmup_learning_rate, head_only=True, final=False)
        _set_trainable(model, recipe, True)
    fit(recipe.epochs, recipe.learning_rate, head_only=recipe.trainable == "head")
    seconds = time.perf_counter() - began
    epochs = len(clock.history["loss"])
    return Trained(model, clock.history, seconds, epochs * len(parts[0]) / seconds, epochs)


def split(
    labels: Ints, fraction: float, seed: int, groups: Sequence[str | None] = ()
) -> tuple[Ints, Ints]:
    """Rows to train on and rows to validate on: `fraction` of each class, drawn from the seed.

    A group (see `held_out`) is in one of them.

    Example:
        >>> train_rows, validation_rows = split(np.arange(20) % 2, 0.2, seed=0)
        >>> len(train_rows), len(validation_rows)
        (16, 4)
    """
    none = np.zeros(len(labels), np.bool_)
    held = held_out(labels, fraction, seed, groups) if fraction else none
    return np.flatnonzero(~held), np.flatnonzero(held)


def save(model: Any, path: Path) -> None:
    """Write a model to a `.keras` file, without the optimizer; loads without campare."""
    model.save(path, include_optimizer=False)


def release() -> None:
    """Forget all graphs that Keras keeps, so that many trainings take the memory of one."""
    keras.utils.clear_session(free_memory=True)


def load(path: Path) -> Any:
    """Read a model that `save` wrote.

    Raises:
        ModelError: no such file, or no Keras model in it.
    """
    if not Path(path).is_file():
        raise ModelError(
            f"Expected a .keras file, got no file {str(path)!r}. Try campare study to make one."
        )
    return backbones.load_model(Path(path))


class _Phase(NamedTuple):
    """One compile-and-fit of a training."""

    epochs: int
    learning_rate: float
    schedule: str
    patience: int | None


def _fit(
    model: Any,
    inputs: Array,
    answers: Array,
    parts: Sequence[Ints],
    recipe: Recipe,
    phase: _Phase,
    seed: int,
    clock: Clock,
) -> None:
    """Compile the model and fit it on inputs[parts[0]], watching inputs[parts[1]]."""
    train_part, held = parts
    steps = math.ceil(len(train_part) / recipe.batch_size) * phase.epochs
    rate: Any = phase.learning_rate
    if phase.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(phase.learning_rate, steps)
    model.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate=rate, weight_decay=recipe.weight_decay or None
        ),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,
    )
    callbacks = [keras.callbacks.LambdaCallback(**clock.hooks(recipe.batch_size))]
    if phase.patience is not None and len(held):
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor="val_loss",
                patience=phase.patience,
                restore_best_weights=recipe.keep == "best",
            )
        )
    model.fit(
        x=_Batches(inputs, answers, train_part, recipe.batch_size, np.random.default_rng(seed)),
        validation_data=_Batches(inputs, answers, held, recipe.batch_size) if len(held) else None,
        epochs=phase.epochs,
        callbacks=callbacks,
        verbose=0,
    )


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of the chosen rows, in a new order every epoch if given a generator.

    The order is NumPy's, the same whatever ran before and whichever the Keras backend.
    """

    def __init__(
        self,
        inputs: Array,
        answers: Array,
        rows: Ints,
        batch_size: int,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.answers, self.rows = inputs, answers, rows
        self.batch_size, self.rng = batch_size, rng
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __getitem__(self, i: int) -> tuple[Array, Array]:
        rows = self.rows[i * self.batch_size : (i + 1) * self.batch_size]
        return self.inputs[rows], self.answers[rows]

    def on_epoch_end(self) -> None:
        if self.rng is not None:
            self.rows = self.rng.permutation(self.rows)


def _set_trainable(model: Any, recipe: Recipe, trainable: bool) -> None:
    """Freeze or release all that runs before `pool`.

    `backbone(x, training=False)` would not do: Keras overrules it when the whole model is fitted.
    A batch normalization that is not trainable keeps its statistics; dropout is switched off.
    """
    momentum = recipe.batch_norm_momentum
    names = [layer.name for layer in model.layers]
    for layer in _leaves(model.layers[: names.index("pool")]):
        normalizes = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = trainable and not (normalizes and momentum is None)
        if normalizes and momentum is not None:
            layer.momentum = momentum
        for rate in ("rate", "drop_path_rate"):  # of Dropout, and of ConvNeXt's StochasticDepth
            if recipe.trainable == "head" and hasattr(layer, rate):
                setattr(layer, rate, 0.0)


def _leaves(layers: Iterable[Any]) -> Iterator[Any]:
    for layer in layers:
        inner = getattr(layer, "layers", None)
        yield from _leaves(inner) if inner else (layer,)


def _make_repeatable(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def check(images: "Images", size: int | None) -> None:
    """Make sure that images can be trained on: two or more of each of two or more classes.

    Raises:
        DataError: fewer than two images of a class, or images of another size.
    """
    shape = images.images.shape
    if size is not None and shape[1:] != (size, size, 3):
        raise DataError(
            f"Expected images of shape ({size}, {size}, 3), got {shape[1:]}. "
            f"Try images.load('train', {size})."
        )
    counts = np.bincount(images.labels, minlength=len(images.class_names))
    if len(counts) < 2 or counts.min() < 2:
        few = images.class_names[int(counts.argmin())]
        raise DataError(
            "Expected at least two classes with two training images each, "
            f"got {counts.min()} of {few!r}. Try more images, or without that class."
        )
