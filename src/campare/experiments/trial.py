"""What a network and the measures take, tried on a few images before a run starts.

    network, images of noise -> forward passes, seconds and compilation of a map, by method
    measures, a model that answers at once -> passes that they want, their own seconds, rows

The measures are those of the run, by the code that measures it, so that nothing is counted twice
or forgotten.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from campare.attribution.maps import pool
from campare.attribution.method import Method
from campare.data import Images
from campare.experiments.evaluate import Outputs, Terms, evaluate, outputs_of
from campare.experiments.evaluated import Evaluated, Maps
from campare.experiments.inputs import Grids, Inputs, mosaics_of
from campare.experiments.progress import Live
from campare.metrics import Metric
from campare.metrics.mosaic import KINDS
from campare.metrics.shortcut import with_border
from campare.runs.run import Cell
from campare.types import Array, Floats, Ints

_FEW, _MORE = 8, 24  # images; what they differ by is what an image takes
_DEAR = 4  # passes a map from which on two images are a batch


class Passes(NamedTuple):
    """What maps of a network take, by one method."""

    forward: float  # passes an image
    seconds: float  # an image
    compiled: float  # seconds, once


class Measuring(NamedTuple):
    """What measuring takes besides the maps of images and mosaics, an image."""

    queries: Mapping[str, float]  # method -> maps an image; '': plain forward passes
    seconds: float  # of the measures themselves
    rows: float


def tried(model: Evaluated, methods: Sequence[Method]) -> dict[str, Passes]:
    """What a map of one image takes, by each method: the last of its batches is timed."""
    found = {}
    for method in methods:
        counted = _Counted(model.classifier)
        one = replace(model, classifier=counted)
        first = _seconds(one, 2, method)
        forward = counted.images / 2
        images = 2 if forward > _DEAR else model.batch_size
        if images > 2:
            _seconds(one, images, method)  # which may be compiled anew
        seconds = _seconds(one, images, method)
        found[method.name] = Passes(forward, seconds / images, max(first - seconds, 0))
    return found


def measuring(
    model: Evaluated,
    metrics: Sequence[Metric],
    regions: Sequence[str],
    grids: Grids,
    matched: Grids,
    terms: Terms,
    *,
    first: bool = True,
) -> Measuring:
    """What measuring the maps of a model takes beside them, where none of the images is real.

    `model` tells the size, the classes and the layers; its network is not run. The `first` time
    measures import and compile what others find, and another trial comes before those that count.
    """
    *_, few, more = (
        _measured(model, images, metrics, regions, grids, matched, terms)
        for images in ((_FEW, _FEW, _MORE) if first else (_FEW, _MORE))
    )
    others = _MORE - _FEW
    queries = {name: (count - few.queries[name]) / others for name, count in more.queries.items()}
    apart = (more.seconds - few.seconds) / others
    # Where other work on the cores hides the difference, the most that it can be, not 0.
    seconds = apart if apart > 0 else more.seconds / _MORE
    return Measuring(queries, seconds, (more.rows - few.rows) / others)


def _measured(
    model: Evaluated,
    count: int,
    metrics: Sequence[Metric],
    regions: Sequence[str],
    grids: Grids,
    matched: Grids,
    terms: Terms,
) -> Measuring:
    """What evaluating a model that costs nothing takes in all, its maps of the images aside."""
    images = _noise(count, model, model.classes.names[: model.classes.count], regions)
    wanted = {metric.name for metric in metrics}
    kinds = [kind for kind, (metric, _) in KINDS.items() if metric in wanted or kind == "focus"]
    kinds = kinds if images.pictures and terms.target == "label" else []
    with Live(Console(quiet=True)) as live:
        mosaics = mosaics_of(images, live, kinds)
    inputs = Inputs(with_border(images), mosaics, matched, tuple(metrics))
    told: Counter[str] = Counter()
    free = _Free(**{name: getattr(model, name) for name in model.__dataclass_fields__})
    free = replace(free, grids_told=grids, told=told)
    outputs = outputs_of(free, inputs, terms)
    asked = Counter(told)
    began = time.process_time()  # measures keep one core busy, whatever else the machine does
    untrained: Outputs | None = outputs if model.classes.known else None
    table = evaluate(free, inputs, terms, Cell("trial", 0), _nothing, untrained).table
    seconds = time.process_time() - began
    rows = sum(frame.height for frame in table.frames())
    queries = {name: told[name] - 2 * asked[name] for name in told}
    return Measuring(queries, seconds, rows)


def _noise(
    count: int, model: Evaluated, class_names: Sequence[str], regions: Sequence[str] = ()
) -> Images:
    """Images of noise, of two classes in turn where there are as many, with masks of regions.

    Or arrays, where the model takes such.

    Objects of other classes are on few: mosaics are made of images without.
    """
    rng, size = np.random.default_rng(0), model.size
    masks = {name: np.zeros((count, *size), np.bool_) for name in regions}
    half = tuple(slice(side // 2) for side in size)
    for name, each in masks.items():
        each[(slice(count // 4 if name == "other" else count), *half)] = True
    noise = rng.integers(0, 256, (count, *size, model.channels or 3), np.uint8)
    return Images(
        noise if model.channels is None else noise.astype(np.float32) / 255,
        np.arange(count) % min(2, len(class_names)),
        tuple(f"trial-{number}" for number in range(count)),
        masks,
        tuple(class_names),
    )


def _seconds(model: Evaluated, count: int, method: Method) -> float:
    """How long maps of so many images of noise take."""
    images = _noise(count, model, model.classes.names)
    began = time.perf_counter()
    model.observe(images.images, None, (method,))
    return time.perf_counter() - began


class _Counted:
    """A classifier that counts the images of its forward passes."""

    def __init__(self, classifier: Any) -> None:
        self.classifier, self.images = classifier, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.classifier, name)

    def predict(self, images: Any) -> Floats:
        """Logits (N, K) of images."""
        self.images += len(images)
        found: Floats = self.classifier.predict(images)
        return found

    def start(self, images: Any, target: Any = None, **how: Any) -> Any:
        """Tap and read."""
        self.images += len(images) * how.get("repeat", 1)
        return self.classifier.start(images, target, **how)


@dataclass(frozen=True, eq=False)
class _Free(Evaluated):
    """A model that answers at once, and counts what it is told to map and to predict."""

    grids_told: Grids = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    def predict(self, images: Array) -> Floats:
        self.told[""] += len(images)
        logits = self._logits(np.zeros(len(images), np.int64))
        return logits + np.float32(1e-3 * self.told[""])  # so that other weights answer otherwise

    def observe(
        self, images: Array, targets: Ints | None, methods: tuple[Method, ...]
    ) -> tuple[Floats, dict[str, Floats]]:
        gray = np.asarray(images, np.float32).mean(axis=-1)
        for method in methods:
            self.told[method.name] += len(gray)
        chosen = np.zeros(len(gray), np.int64) if targets is None else targets
        maps = {each.name: pool(gray, self.grids_told[each.name]) for each in methods}
        return self._logits(chosen), maps

    def reasons(
        self,
        images: Array,
        targets: Ints | None,  # noqa: ARG002 nothing is blank
        methods: tuple[Method, ...],
        maps: Maps,  # noqa: ARG002
    ) -> dict[str, Array]:
        return {each.name: np.full(len(images), "") for each in methods}

    @contextmanager
    def randomized(
        self,
        layers: tuple[str, ...] | None,  # noqa: ARG002 it has no weights
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[None]:
        yield

    def _logits(self, classes: Ints) -> Floats:
        return np.eye(len(self.classes.names), dtype=np.float32)[classes]


def _nothing(event: Any) -> None:
    """Progress that nobody looks at."""
