"""Recipe + images -> a trained Keras model.

`build` puts augmentation, preprocessing, backbone and head into one model that takes pixels
0..255; `train` fits it, repeatable bit for bit on one machine. A frozen backbone is run once an
image, or once an image and epoch where images are augmented, for all seeds; heads are trained on
what it said.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from campare.data.holdout import held_out
from campare.errors import DataError, ModelError
from campare.training import augment, backbones, depth, guidance, lora, loss
from campare.training.cache import FeatureCache, features, head
from campare.training.masks import masks_of, masks_or_none
from campare.training.progress import Clock, Trained
from campare.training.progress import Step as Step  # part of the interface of `train`
from campare.training.recipe import Recipe
from campare.training.registered import forgotten
from campare.training.sweep import nested
from campare.training.views import Views
from campare.types import Array, Floats, Ints

if TYPE_CHECKING:
    from campare.data import Images


#: Is told the epoch that ended and how to copy the weights; returns what is kept of it, if any.
Watch = Callable[[int, Callable[[Any], None]], dict[str, float] | None]


def build(recipe: Recipe, n_classes: int, *, size: int, seed: int) -> Any:
    """The untrained Keras model of a recipe, (N, size, size, 3) in 0..255 -> (N, n_classes).

    Augmentation, preprocessing and backbone are layers inside it; it ends in softmax, or in a
    sigmoid for each class where the loss is `bce`. New weights are drawn from `seed`.

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
    outputs = K.Dense(n_classes, activation=loss.activation(recipe), name="classes")(x)
    model = keras.Model(inputs, outputs, name="classifier")
    depth.set_trained(model, recipe, depth.trained(model, recipe))
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
    watch: Watch | None = None,
) -> Trained:
    """Train a recipe on images, part of which (stratified, by the seed) is kept for validation.

    With images for `validation` all others are trained on.

    With `train_size` only so many images are used, chosen by the seed: see `sweep.nested`.

    With a `cache`, a frozen backbone that sees no augmentation runs once an image; without one it
    runs in every epoch. The result is the same. Augmented images are then drawn once for all
    seeds, unless the recipe's `views` are "own": see `training.views`.

    `watch(epoch, copy)` is called after each epoch; `copy(network)` gives a network of `build` the
    weights of that moment. What it returns is the epoch's entry in `Trained.curve`.

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
    pixels, labels = images.images, images.labels
    if validation is not None:
        parts = [chosen, np.arange(len(labels), len(labels) + len(validation.labels))]
        pixels = np.concatenate([pixels, validation.images])
        labels = np.concatenate([labels, validation.labels])
    answers = keras.utils.to_categorical(labels, len(images.class_names))
    clock = Clock(recipe.warmup + recipe.epochs, len(parts[0]), progress)
    if watch is not None:
        clock.watch = partial(_watched, watch, model, recipe)
    guided = _guided(model, recipe, images, validation, pixels, answers)
    channels = model.get_layer("pool").output.shape[-1]
    again = recipe.augmentation is not None and not recipe.shares_views(channels, len(labels))
    kept = None if guided or again else cache
    rounds = None
    if kept is not None and recipe.augmentation is not None:
        told = clock.extracting
        rounds = Views(model, recipe.augmentation, images.images, kept, told).round

    for phase in _phases(model, recipe):
        depth.set_trained(model, recipe, phase.layers)
        if phase.adapts:
            lora.adapt(model, recipe, seed)
        network, inputs = guided or (model, pixels)
        compiled = partial(_compile, recipe=recipe, phase=phase, images=len(parts[0]))
        if phase.only_head and kept is not None:
            inputs = features(model, pixels, kept, clock.extracting)
            key = repr((recipe, phase, len(parts[0]), answers.shape[1], inputs.shape[1:]))
            shared = head(model, key, kept, compiled)
            alone = _Alone(partial(shared.give, model), rounds)
            _fit(shared.model, inputs, answers, parts, recipe, phase, seed, clock, alone)
        else:
            compiled(network)
            _fit(network, inputs, answers, parts, recipe, phase, seed, clock)
    if recipe.trainable == "lora":
        adapted, model = model, build(recipe, answers.shape[1], size=pixels.shape[1], seed=seed)
        lora.merge(adapted, model)
    seconds = time.perf_counter() - began
    epochs = len(clock.history["loss"])
    return Trained(
        model, clock.history, seconds, epochs * len(parts[0]) / seconds, epochs, clock.curve
    )


def _watched(watch: Watch, model: Any, recipe: Recipe, epoch: int) -> dict[str, float] | None:
    """What `watch` finds of a model that is being trained."""

    def copy(network: Any) -> None:
        if recipe.trainable == "lora":
            lora.merge(model, network)
        else:
            network.set_weights(model.get_weights())

    return watch(epoch, copy)


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
    layers: int | None  # the last ones with a kernel that are trained; None: everything
    patience: int | None = None
    adapts: bool = False  # by low-rank updates
    first: int = 0  # epoch of the schedule that it begins with
    of: int = 0  # epochs of the schedule

    @property
    def only_head(self) -> bool:
        """Whether the backbone stays as it is."""
        return self.layers == 0 and not self.adapts


def _phases(model: Any, recipe: Recipe) -> Iterator[_Phase]:
    """The warm-up of the head, if there is one, and the stages of the recipe's epochs."""
    if recipe.warmup:
        yield _Phase(recipe.warmup, recipe.warmup_learning_rate, 0, of=recipe.warmup)
    first = 0
    for epochs, layers in depth.stages(model, recipe):
        yield _Phase(
            epochs,
            recipe.learning_rate,
            layers,
            patience=recipe.patience if first + epochs == recipe.epochs else None,
            adapts=recipe.trainable == "lora",
            first=first,
            of=recipe.epochs,
        )
        first += epochs


def _guided(
    model: Any,
    recipe: Recipe,
    images: "Images",
    validation: "Images | None",
    pixels: Array,
    answers: Array,
) -> "tuple[Any, dict[str, Array]] | None":
    """What is trained in the classifier's stead where the recipe guides it, and its inputs."""
    if recipe.guidance is None:
        return None
    masks = masks_of(images, recipe)
    if validation is not None:
        masks = np.concatenate([masks, masks_or_none(validation)])
    inputs = {"pixels": pixels, "mask": masks, "label": answers}
    return guidance.Guided(model, recipe), inputs


def _fit(
    model: Any,
    inputs: "Array | dict[str, Array]",
    answers: Array,
    parts: Sequence[Ints],
    recipe: Recipe,
    phase: _Phase,
    seed: int,
    clock: Clock,
    alone: "_Alone | None" = None,
) -> None:
    """Fit a compiled model on inputs[parts[0]], watching inputs[parts[1]].

    Of a head that is `alone` a batch takes less time than `model.fit` has to do beside it, and it
    is spared that.
    """
    train_part, held = parts
    callbacks = [keras.callbacks.LambdaCallback(**clock.hooks(recipe.batch_size))]
    if phase.patience is not None and len(held):
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor="val_loss",
                patience=phase.patience,
                restore_best_weights=recipe.keep == "best",
            )
        )
    changes = recipe.augmentation
    batches = _Batches(
        inputs,
        answers,
        train_part,
        recipe.batch_size,
        np.random.default_rng(seed),
        augment.mixer(changes, seed=seed) if changes else None,
    )
    if alone is not None:
        done = len(clock.history.get("loss", ()))
        callbacks.insert(0, keras.callbacks.LambdaCallback(**alone.hooks(batches, done)))
    watched = _Batches(inputs, answers, held, recipe.batch_size) if len(held) else None
    with forgotten():
        if alone is not None and keras.backend.backend() == "tensorflow":
            _by_batches(model, batches, watched, phase.epochs, callbacks)
        else:
            model.fit(
                x=batches,
                validation_data=watched,
                epochs=phase.epochs,
                callbacks=callbacks,
                verbose=0,
            )
    if alone is not None:
        alone.given()


class _Alone(NamedTuple):
    """A head that is fitted by itself, on what its frozen backbone said."""

    given: Callable[[], None]  # is called whenever its weights have changed that others may want
    rounds: Callable[[int], Floats] | None  # what it learns from in an epoch; None: the inputs

    def hooks(self, batches: "_Batches", done: int) -> dict[str, Callable[..., None]]:
        """Functions to call when an epoch begins and ends, so many epochs after the first."""

        def begin(epoch: int, _: Any = None) -> None:
            if self.rounds is not None:
                batches.inputs = self.rounds(done + epoch)

        return {"on_epoch_begin": begin, "on_epoch_end": lambda *_: self.given()}


def _by_batches(
    model: Any,
    batches: "_Batches",
    watched: "_Batches | None",
    epochs: int,
    callbacks: Sequence[Any],
) -> None:
    """What `model.fit` does on TensorFlow, without a pipeline between the arrays and the steps.

    Batches come in its order: a new one before the first epoch, too, and shuffled by `random`.
    """
    told = keras.callbacks.CallbackList(
        list(callbacks), model=model, epochs=epochs, steps=len(batches), verbose=0
    )
    model.make_train_function()
    model.make_test_function()
    model.stop_training = False
    told.on_train_begin()
    for epoch in range(epochs):
        batches.on_epoch_end()
        model.reset_metrics()
        told.on_epoch_begin(epoch)
        order = list(range(len(batches)))
        random.shuffle(order)
        for step, number in enumerate(order):
            logs = model.train_function(iter([batches[number]]))
            told.on_train_batch_end(step, logs)
        logs = dict(logs)
        if watched is not None:
            model.reset_metrics()
            for number in range(len(watched)):
                held = model.test_function(iter([watched[number]]))
            logs |= {f"val_{name}": value for name, value in held.items()}
        told.on_epoch_end(epoch, {name: float(value) for name, value in logs.items()})
        if model.stop_training:
            break
    told.on_train_end()


def _compile(model: Any, *, recipe: Recipe, phase: _Phase, images: int) -> None:
    """Compile a model for a phase of a recipe, on so many images."""
    model.compile(
        optimizer=keras.optimizers.Adam(
            learning_rate=_rate(phase, recipe, images),
            weight_decay=recipe.weight_decay or None,
        ),
        loss=loss.of(recipe),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)  # here, not within the graph, which is larger


def _rate(phase: _Phase, recipe: Recipe, images: int) -> Any:
    """The learning rate of a phase: a number, or a schedule over all epochs of its recipe."""
    if recipe.schedule == "constant":
        return phase.learning_rate
    steps = math.ceil(images / recipe.batch_size)
    whole = keras.optimizers.schedules.CosineDecay(phase.learning_rate, steps * phase.of)
    return _From(whole, steps * phase.first) if phase.first else whole


class _From(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A schedule from a later step on."""

    def __init__(self, schedule: Any, first: int) -> None:
        super().__init__()
        self.schedule, self.first = schedule, first

    def __call__(self, step: Any) -> Any:
        return self.schedule(step + self.first)

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self.schedule, "first": self.first}


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of the chosen rows, in a new order every epoch if given a generator.

    The order is NumPy's, the same whatever ran before and whichever the Keras backend. A `mixer`
    mixes the images of each batch and their labels.
    """

    def __init__(
        self,
        inputs: "Array | dict[str, Array]",
        answers: Array,
        rows: Ints,
        batch_size: int,
        rng: np.random.Generator | None = None,
        mixer: Any | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.answers, self.rows = inputs, answers, rows
        self.batch_size, self.rng, self.mixer = batch_size, rng, mixer
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __getitem__(self, i: int) -> tuple[Any, Array]:
        rows = self.rows[i * self.batch_size : (i + 1) * self.batch_size]
        if isinstance(self.inputs, dict):
            return {name: values[rows] for name, values in self.inputs.items()}, self.answers[rows]
        if self.mixer is None:
            return self.inputs[rows], self.answers[rows]
        mixed = self.mixer({"images": self.inputs[rows], "labels": self.answers[rows]})
        images, labels = map(keras.ops.convert_to_numpy, (mixed["images"], mixed["labels"]))
        return images, labels

    def on_epoch_end(self) -> None:
        """A new order, where there is a generator."""
        if self.rng is not None:
            self.rows = self.rng.permutation(self.rows)


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
