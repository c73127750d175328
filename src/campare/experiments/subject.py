"""A model as it is audited: what it takes, what its outputs mean, and which layer is read.

    pixels 0..255 -> as the model takes them -> logits and maps, classes of the data first

Measures change pixels of 0..255, whatever range the model takes: black is 0 for every model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from campare.attribution.explain import observe
from campare.data.pixels import Pixels, in_channels, in_range
from campare.errors import CampareError, LayerError, ModelError, TargetError
from campare.experiments.outputs import Outputs, match, unmatched
from campare.models import wrap
from campare.types import Array, Classifier, Floats, Ints, LayerInfo


@dataclass(frozen=True, eq=False)
class Subject:
    """A model under audit, asked in the pixels and in the classes of the data."""

    name: str
    title: str  # what it is, in words
    classifier: Classifier
    layer: str
    size: tuple[int, int]  # (H, W) of the images that it takes
    pixels: Pixels
    outputs: Outputs
    batch_size: int
    seed: int
    asked: Callable[[int], None]  # told after each batch how many images it had

    def predict(self, images: Array) -> Floats:
        """Logits (N, K), the data's classes first, of images (N, H, W, 3) of 0..255."""
        parts = [self.classifier.predict(batch) for batch in self._batches(images)]
        return self.outputs.sorted(np.concatenate(parts))

    def observe(
        self, images: Array, targets: Ints | None, methods: tuple[str, ...]
    ) -> tuple[Floats, dict[str, Floats]]:
        """Logits (N, K) and the maps of several methods (N, h, w); None: the predicted classes."""
        logits, maps = observe(
            self.classifier,
            self._batches(images),
            target=None if targets is None else self.outputs.order[targets],
            methods=methods,
            layer=self.layer,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        return self.outputs.sorted(logits), maps

    def explain(self, method: str) -> "Method":
        """The method as a function (images, targets) -> maps, for measures that ask again."""
        return Method(self, method)

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
            "pixels": getattr(self.pixels, "__name__", str(self.pixels)),
            "layer": self.layer,
            "outputs": self.classifier.n_classes,
            "classes": self.outputs.words,
        }

    @property
    def grid(self) -> tuple[int, int]:
        """The resolution (h, w) of its maps."""
        grid = self.classifier.layer(self.layer, self.shape).grid
        assert grid is not None  # a spatial layer has one
        height, width = grid.shape
        return int(height or self.size[0]), int(width or self.size[1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image as the model takes it."""
        return (*self.size, self.classifier.input_shape[-1] or 3)

    def _batches(self, images: Array) -> Iterator[Floats]:
        for start in range(0, max(len(images), 1), self.batch_size):
            batch = images[start : start + self.batch_size]
            yield self.prepare(batch)
            self.asked(len(batch))

    def prepare(self, images: Array) -> Floats:
        """Images (n, H, W, 3) of 0..255 as the model takes them."""
        if callable(self.pixels):
            return in_range(images, self.pixels)
        return in_range(in_channels(images, self.shape[-1]), self.pixels)


@dataclass(frozen=True, eq=False)
class Method:
    """A method on a subject: maps, or the logits of the same pass with them."""

    subject: Subject
    name: str

    def __call__(self, images: Array, targets: Ints) -> Floats:
        """Maps (N, h, w) of images (N, H, W, 3) of 0..255 for classes of the data (N,)."""
        return self.observe(images, targets)[1]

    def observe(self, images: Array, targets: Ints) -> tuple[Floats, Floats]:
        """Logits (N, K) and maps (N, h, w)."""
        logits, maps = self.subject.observe(images, targets, (self.name,))
        return logits, maps[self.name]


def named(models: Any) -> dict[str, Any]:
    """Models by their names: a mapping as it is, paths by their stems, others by their own names.

    Raises:
        CampareError: no model, two of one name, or a name that cannot name a file.

    Example:
        >>> list(named(["runs/a.keras", "runs/b.keras"]))
        ['a', 'b']
    """
    if isinstance(models, Mapping):
        found = [(str(name), model) for name, model in models.items()]
    else:
        several = models if isinstance(models, (list, tuple)) else [models]
        found = [(_own_name(model), model) for model in several]
    if not found:
        raise CampareError("Expected at least one model, got none. Try: {'mine': model}")
    for name, _ in found:
        if not name or not all(c.isalnum() or c in "+-_." for c in name):
            raise CampareError(
                f"Expected names of models of letters, digits and + - _ . only, got {name!r}. "
                "Try: {'mine': model}"
            )
        if [other for other, _ in found].count(name) > 1:
            raise CampareError(
                f"Expected models with different names, got {name!r} twice. "
                "Try: {'before': model, 'after': other}, or before=MODEL on the command line"
            )
    return dict(found)


def subject(
    name: str,
    model: Any,
    class_names: tuple[str, ...],
    *,
    layer: Any,
    size: int | None,
    pixels: Pixels | None,
    classes: Mapping[str, Any] | None,
    target: str,
    batch_size: int,
    seed: int,
    asked: Callable[[int], None],
) -> Subject:
    """Load a model, match its classes, find its layer, and try it on one image.

    Raises:
        ModelError, LayerError, TargetError, DataError: it does not fit; the text says what would.
    """
    classifier = wrap(model, name=name)
    if isinstance(layer, (list, tuple)):
        raise LayerError(
            f"Expected one layer for {name!r}, got {len(layer)}. "
            "Try: one path, as campare list layers shows"
        )
    made = Subject(
        name=name,
        title=_title(model, classifier),
        classifier=classifier,
        layer="",
        size=_size(classifier, size),
        pixels=pixels or "0..255",
        outputs=_outputs(classifier, class_names, classes, target),
        batch_size=batch_size,
        seed=seed,
        asked=asked,
    )
    made = replace(made, layer=classifier.layer(layer, made.shape).path)
    try:
        classifier.predict(made.prepare(np.full((1, *made.size, 3), 127, np.uint8)))
    except CampareError as error:
        if not callable(pixels):
            raise
        raise ModelError(f"Expected pixels as {name!r} takes them, got: {error}") from error
    return made


def of_model(option: str, value: Any, name: str, names: Sequence[str]) -> Any:
    """The value of an option for one model: the same for all, or {model: value}; None: default.

    `classes` is a mapping itself: one of models holds mappings.

    Raises CampareError for the name of no model.

    Example:
        >>> of_model("layer", {"a": "top"}, "a", ["a", "b"])
        'top'
    """
    if not isinstance(value, Mapping):
        return value
    if option == "classes" and not any(isinstance(each, Mapping) for each in value.values()):
        return value
    unknown = [str(key) for key in value if key not in names]
    if unknown:
        raise CampareError(
            f"Expected names of models in {option}=..., got {unknown[0]!r}. Try: {', '.join(names)}"
        )
    return value.get(name)


def _own_name(model: Any) -> str:
    """What a model is called when nobody names it: the file's stem, or the name that it carries."""
    if isinstance(model, (str, Path)):
        return Path(model).stem
    name = getattr(model, "name", None)
    return name if isinstance(name, str) else type(model).__name__


def _title(model: Any, classifier: Classifier) -> str:
    """The file of a model, unless it is called so; the class of one in memory."""
    if isinstance(model, (str, Path)):
        return "" if Path(model).stem == classifier.name else Path(model).name
    return type(getattr(classifier, "model", model)).__name__


def _size(classifier: Classifier, size: int | None) -> tuple[int, int]:
    """Height and width of the model's input; for one that takes any, what was asked for."""
    height, width = (side or size for side in classifier.input_shape[:2])
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
) -> Outputs:
    """The outputs of the data's classes; where the predicted class is explained, if they match."""
    try:
        return match(classifier, class_names, classes)
    except TargetError:
        if classes is not None or target != "prediction":
            raise
        return unmatched(classifier)
