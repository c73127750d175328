"""A model as it is evaluated: what it takes, what its outputs mean, and which layer is read.

    pixels 0..255 -> as the model takes them -> logits and maps, classes of the data first

Measures change pixels of 0..255, whatever range the model takes: black is 0 for every model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from campare.attribution.batches import batches
from campare.attribution.connection import Dependence, depends
from campare.attribution.explain import observations
from campare.attribution.mapping import unchanged
from campare.attribution.method import Method
from campare.attribution.passes import slices
from campare.attribution.targets import resolve_target
from campare.data.framing import STRETCH, Framing
from campare.data.pixels import Pixels
from campare.data.stored import filled, parts, release
from campare.errors import CampareError, DataError, LayerError, ModelError, TargetError
from campare.experiments.inputs import Grids
from campare.experiments.outputs import ClassOutputs, match, scored, unmatched
from campare.models import wrap
from campare.models.arrays import map_axes
from campare.models.loaders.spec import parse
from campare.models.preprocessing import KEYS, Preprocessing, preprocessing
from campare.targets import named
from campare.types import Array, Bools, Classifier, Floats, Ints, LayerInfo

_TOGETHER = 1024  # maps that are read together

#: Method -> maps (N, h, w).
Maps = Mapping[str, Floats]


def no_progress(images: int) -> None:
    """Forward passes that nobody counts."""


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A model under evaluation, which takes the pixels and answers in the classes of the data."""

    name: str
    title: str  # what it is, in words
    classifier: Classifier
    layer: str
    size: tuple[int, ...]  # (H, W) of the images that it takes; the grid of arrays
    pixels: Pixels
    classes: ClassOutputs
    batch_size: int
    seed: int
    framing: Framing = STRETCH  # how pictures become images of that size
    given: Mapping[str, str] = field(default_factory=dict)  # how it is read, where that was said
    assumed: tuple[str, ...] = ()  # what is taken to hold where nobody said it, in sentences
    progress: Callable[[int], None] = no_progress  # is told the images of each batch
    channels: int | None = None  # of arrays, which it takes as they are; None: it takes pictures

    def predict(self, images: Array) -> Floats:
        """Logits (N, K), the data's classes first, of images (N, H, W, 3) of 0..255."""
        with unchanged(self.classifier):  # which is looked at once, not with every batch
            parts = [self.classifier.predict(batch) for batch in self._batches(images)]
        return self.classes.sorted(np.concatenate(parts))

    def observe(
        self, images: Array, targets: Ints | None, methods: tuple[Method, ...]
    ) -> tuple[Floats, dict[str, Floats]]:
        """Logits (N, K) and the maps of several methods (N, h, w); None: the predicted classes."""
        found = observations(
            self.classifier,
            batches(self._batches(images), self.batch_size, axes=len(self.size) + 2),
            target=None if targets is None else self.classes.order[targets],
            methods=methods,
            layer=self.layer,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        with unchanged(self.classifier):
            whole = filled(
                ({"": self.classes.sorted(logits), **maps} for logits, maps in found), len(images)
            )
        return whole.pop(""), whole

    def reasons(
        self, images: Array, targets: Ints | None, methods: tuple[Method, ...], maps: Maps
    ) -> dict[str, Array]:
        """Why maps of each method are zero, (N,): `unconnected` or `all-negative`; '' not known."""
        zero = {each.name: _zero(maps[each.name]) for each in methods if each.kind == "gradient"}
        moving, weighed = np.ones(len(images), bool), np.zeros(len(images), bool)
        blank = np.flatnonzero(np.logical_or.reduce([*zero.values(), ~moving]))
        for part in slices(len(blank), self.batch_size):
            which = blank[part]
            if len(which):
                target = None if targets is None else self.classes.order[targets[which]]
                moving[which], weighed[which] = depends(
                    self.classifier, self.prepare(images[which]), target, self.layer
                )
                release(images)
        all_zero = np.logical_and.reduce([*zero.values(), np.full(len(images), bool(zero))])
        found = Dependence(moving | ~all_zero, weighed)
        none = np.zeros(len(images), bool)
        return {each.name: found.reasons(zero.get(each.name, none), each) for each in methods}

    def explain(self, method: Method) -> "Explainer":
        """The method as a function (images, targets) -> maps, for metrics that query it again."""
        return Explainer(self, method)

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """The layers of the classifier."""
        return self.classifier.layers

    def randomized(
        self, layers: tuple[str, ...] | None, rng: np.random.Generator
    ) -> AbstractContextManager[None]:
        """Within the block the weights of `layers` are drawn anew."""
        return self.classifier.randomized(layers, rng)

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest and the report say of it."""
        return {
            "name": self.name,
            "title": self.title,
            "input": " x ".join(map(str, self.shape)),
            "pixels": Preprocessing(self.pixels).words if self.channels is None else self._words,
            "layer": self.layer,
            "outputs": self.classifier.n_classes,
            "classes": self.classes.words,
            **self.given,
        }

    def grids(self, methods: Sequence[Method]) -> Grids:
        """The resolution of its maps by each method."""
        return grids_of(self.classifier, self.layer, self.shape, methods)

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, C) of one image as the model takes it."""
        if self.channels is not None:
            return *self.size, self.channels
        known = self.classifier.input_shape[-1]
        probe = getattr(self.classifier, "channels", None)
        return *self.size, known or (probe(self.size) if probe else 3)

    @property
    def _words(self) -> str:
        """How arrays are prepared."""
        return Preprocessing(self.pixels).words if callable(self.pixels) else "as they are"

    def _batches(self, images: Array) -> Iterator[Floats]:
        for start in range(0, max(len(images), 1), self.batch_size):
            batch = images[start : start + self.batch_size]
            yield self.prepare(batch)
            self.progress(len(batch))
            release(images)

    def prepare(self, images: Array) -> Floats:
        """Images (n, H, W, 3) of 0..255 as the model takes them; arrays as they are."""
        if self.channels is not None:
            arrays = np.asarray(images, np.float32)
            return np.asarray(self.pixels(arrays), np.float32) if callable(self.pixels) else arrays
        return Preprocessing(self.pixels).numbers(images, self.shape[-1])


@dataclass(frozen=True, eq=False)
class Explainer:
    """A method on a model: maps, or the logits of the same pass with them."""

    model: Evaluated
    method: Method

    def __call__(self, images: Array, targets: Ints) -> Floats:
        """Maps (N, h, w) of images (N, H, W, 3) of 0..255 for classes of the data (N,)."""
        return self.observe(images, targets)[1]

    def observe(self, images: Array, targets: Ints) -> tuple[Floats, Floats]:
        """Logits (N, K) and maps (N, h, w)."""
        logits, maps = self.model.observe(images, targets, (self.method,))
        return logits, maps[self.method.name]


def _zero(maps: Floats) -> Bools:
    """Which maps (N, h, w) are zero."""
    zero = np.zeros(len(maps), np.bool_)
    for part in parts(len(maps), _TOGETHER, maps):
        zero[part] = ~maps[part].any(axis=map_axes(maps))
    return zero


def evaluated(
    name: str,
    model: Any,
    class_names: tuple[str, ...],
    *,
    layer: Any,
    layer_grid: Any,
    output: Any = None,
    task: Any = None,
    size: int | None,
    usual_size: int | None = None,
    pixels: Any,
    found: Preprocessing | None = None,
    classes: Mapping[str, Any] | None,
    target: str,
    batch_size: int,
    seed: int,
    arrays: tuple[int, ...] | None = None,
) -> Evaluated:
    """Load a model, match its classes, find its layer, and try it on one image.

    `pixels` are what a user says of its preprocessing, `found` is what its source says, and
    `usual_size` suits the images where neither a user nor the model says another. `arrays` is the
    shape (*grid, C) of what it explains, where that is no pictures but arrays.

    Raises:
        ModelError, LayerError, TargetError, DataError: it does not fit; the text says what would.
    """
    classifier = wrap(model, name=name, layer_grid=layer_grid, output=output, task=task)
    assumed = "" if named(target) else classifier.doubtful_task
    if assumed:
        classifier, task = classifier.with_settings(task="binary"), "binary"
    if isinstance(layer, (list, tuple)):
        raise LayerError(
            f"Expected one layer for {name!r}, got {len(layer)}. "
            "Try: one path, as campare list layers shows"
        )
    title = title_of(model, classifier)
    if named(target):
        classifier = classifier.scoring(_score(classifier, class_names, classes, target))
        outputs = scored(target)
    else:
        outputs = _outputs(classifier, class_names, classes, target)
    if outputs.merged:
        classifier = classifier.merging(outputs.merged)
    sides: tuple[int, ...]
    if arrays is None:
        prepared = preprocessing(pixels, found)
        sides = _size(classifier, size, prepared.size, usual_size)
    else:
        prepared, sides = _unprepared(name, pixels, size), arrays[:-1]
    one = Evaluated(
        name=name,
        title=title,
        classifier=classifier,
        layer="",
        size=sides,
        channels=None if arrays is None else arrays[-1],
        pixels=prepared.pixels,
        framing=prepared.framing,
        classes=outputs,
        batch_size=batch_size,
        seed=seed,
        given={
            option: _in_words(value)
            for option, value in (("layer_grid", layer_grid), ("output", output), ("task", task))
            if value is not None
        }
        | prepared.facts,
        assumed=tuple(filter(None, (assumed, _prepared(name, prepared)))),
    )
    one = replace(one, layer=classifier.layer(layer, one.shape).path)
    try:
        gray = np.full((1, *one.size, 3), 127, np.uint8)
        classifier.predict(one.prepare(gray if arrays is None else np.zeros((1, *arrays))))
    except CampareError as error:
        if prepared.known:
            raise
        raise ModelError(f"Expected pixels as {name!r} takes them, got: {error}") from error
    return one


def _score(
    classifier: Any, class_names: tuple[str, ...], classes: Mapping[str, Any] | None, target: str
) -> Callable[[Any], Any]:
    """The target of a name, of a class by the model's names, or as `classes` says."""
    kind, colon, name = target.partition(":")
    if colon and classes and name in classes:
        target = f"{kind}:{classes[name]}"
    elif colon and name in class_names and name not in (classifier.class_names or ()):
        raise TargetError(
            f"Expected the output of {name!r} of {classifier.name!r}, which names no classes, got "
            f"none. Try: classes={{{name!r}: 1}} (--classes {name}=1) with its index"
        )
    found: Callable[[Any], Any] = resolve_target(classifier, target)  # type: ignore[assignment]
    return found


def _unprepared(name: str, pixels: Any, size: int | None) -> Preprocessing:
    """Arrays are given as they are, or through a function of the user's own."""
    if size is not None:
        raise DataError(
            f"Expected no size for {name!r}, whose arrays have their own, got {size}. "
            "Try: without size=, or arrays that were resized"
        )
    if pixels is not None and not callable(pixels):
        raise DataError(
            f"Expected arrays as {name!r} takes them, or a function of them, got {pixels!r}, which "
            "is of pictures. Try: pixels=lambda arrays: (arrays - mean) / std"
        )
    return preprocessing(pixels or "0..255", None)


def _prepared(name: str, prepared: Preprocessing) -> str:
    """How pictures are prepared for a model, where that was found and not given."""
    if prepared.source in ("", "given"):
        return ""
    return f"Pictures for {name}: {prepared.words}, {prepared.framing.words}, {prepared.source}"


def _in_words(value: Any) -> str:
    """An option that was given: a function by its name, which is the same in another process."""
    return getattr(value, "__name__", type(value).__name__) if callable(value) else str(value)


def grids_of(
    classifier: Classifier,
    layer: str | None,
    image: tuple[int, ...],
    methods: Sequence[Method],
) -> Grids:
    """The resolution (h, w) of a model's maps of images (H, W, C), by each method; of any rank."""
    grid = classifier.layer(layer, image).grid
    assert grid is not None  # a spatial layer has one
    sides = image[:-1]
    known = tuple(int(n or side) for n, side in zip(grid.shape, sides, strict=True))
    return {each.name: each.shape(known, sides) for each in methods}


def of_model(option: str, value: Any, name: str, names: Sequence[str]) -> Any:
    """The value of an option for one model: the same for all, or {model: value}; None: default.

    `classes` is a mapping itself: one of models holds mappings. So may `pixels` be: one of models
    has their names.

    Raises CampareError for the name of no model.

    Example:
        >>> of_model("layer", {"a": "top"}, "a", ["a", "b"])
        'top'
    """
    if not isinstance(value, Mapping):
        return value
    if option == "classes" and not any(isinstance(each, Mapping) for each in value.values()):
        return value
    if option == "pixels" and not set(value) & set(names) and set(value) & set(KEYS):
        return value
    unknown = [str(key) for key in value if key not in names]
    if unknown:
        raise CampareError(
            f"Expected names of models in {option}=..., got {unknown[0]!r}. Try: {', '.join(names)}"
        )
    return value.get(name)


def title_of(model: Any, classifier: Classifier) -> str:
    """The file of a model, unless it is called so; the class of one in memory."""
    if isinstance(model, (str, Path)):
        if parse(str(model)).kind:
            return str(model)
        return "" if Path(model).stem == classifier.name else Path(model).name
    return type(getattr(classifier, "model", model)).__name__


def _size(
    classifier: Classifier, size: int | None, said: tuple[int, int] | None, usual: int | None
) -> tuple[int, int]:
    """Height and width of the model's input; for one that takes any, as given, said or usual."""
    sides = (size, size) if size else said or (usual, usual)
    height, width = (own or side for own, side in zip(classifier.input_shape, sides, strict=False))
    if height is None or width is None:
        raise ModelError(
            f"Expected a size for {classifier.name!r}, which takes images of any size, got none. "
            "Try: size=224 (--size)"
        )
    return height, width


def _outputs(
    classifier: Classifier,
    class_names: tuple[str, ...],
    classes: Mapping[str, Any] | None,
    target: str,
) -> ClassOutputs:
    """The outputs of the data's classes; where the predicted class is explained, if they match."""
    try:
        return match(classifier, class_names, classes)
    except TargetError:
        if classes is not None or target != "prediction":
            raise
        return unmatched(classifier)
