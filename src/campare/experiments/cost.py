"""What a run costs before it starts: cells, passes, time, memory and disk.

the plan's counts x what a trial of networks and measures took -> Cost

Passes are counted as the run would make them; seconds, bytes in memory and what compiles take are
estimates, from this machine and from studies that were timed (docs/runs.md).
"""

import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from campare.data import ImageSet
from campare.data.samples import VALIDATION
from campare.experiments.evaluate import Terms
from campare.experiments.evaluated import Evaluated
from campare.experiments.inputs import DISCRIMINATION, Grids, coarsest, regions_of_test
from campare.experiments.plan import Plan, pooled_channels
from campare.experiments.progress import left
from campare.experiments.trial import Measuring, Passes, measuring, tried
from campare.metrics import Metric
from campare.metrics.mosaic import COUNT, KINDS
from campare.optional import name_and_parameters
from campare.runs.kept import KEPT, Keep, kept, number_of
from campare.runs.run import Cell
from campare.training.randomness import left_as_it_was
from campare.training.recipe import Recipe

#: Forward passes that training on an image takes: forward, backward and the step; of a frozen
#: backbone, whose images are augmented; those that are augmented once for all cells. Compiling that
#: takes so many times the compiling of a map.
_TRAINED, _AUGMENTED, _CHANGED, _COMPILES = 3.4, 2.1, 1.5, 8
#: Cells at a time are so much faster than one after the other: small networks leave cores idle.
_SEVERAL = 1.3
#: Seconds of a run besides its cells: begin, compare and draw, by rows.
_BEGIN, _REPORT, _REPORT_ROW = 8, 6, 8e-6
#: Bytes of a row in its file, and of a report.
_ROW, _PAGE = 3.7, 4e6
#: Files of Keras models hold Adam's two means of what was trained, too.
_KEPT = 3
#: The share of training images that are kept for validation where there are none.
_HELD = 0.15


class Trained(NamedTuple):
    """What training a cell takes, in images."""

    forward: int
    backward: int
    passes: float  # in forward passes, for time
    plain: int = 0  # of these forward, what other cells with the same frozen backbone need not do
    changed: int = 0  # and those with the same augmentation, too


@dataclass(frozen=True)
class Cost:
    """What a run costs.

    Attributes:
        cells: models that are trained or measured.
        training: images that pass forward in training.
        backward: images that pass backward in training.
        maps: passes for maps of the test images and mosaics. queries: for measures.
        seconds: of this machine, about. memory: bytes of all processes. disk: bytes of the run.
        unknown: arms that are not counted, since only their training would tell.
    """

    cells: int
    training: int
    backward: int
    maps: int
    queries: int
    seconds: float
    memory: int
    disk: int
    unknown: tuple[str, ...] = ()

    def words(self, part: str = "cell") -> list[str]:
        """A line of passes, a line of time, memory and disk.

        Example:
            >>> cost = Cost(12, 90_000, 60_000, 5_000, 80_000, 200.0, 2 * 10**9, 3 * 10**7)
            >>> print(cost.words()[1])
            About 3 min 20 s, 2.0 GB of memory, 30 MB of disk
        """
        training = f"{self.training:,} in training, " if self.training else ""
        forward = self.training + self.maps + self.queries
        backward = f", {self.backward:,} backward in training" if self.backward else ""
        plural = "" if self.cells == 1 else "s"
        lines = [
            f"{self.cells} {part}{plural}, passes of images: {forward:,} forward ({training}"
            f"{self.maps:,} for maps, {self.queries:,} for measures){backward}",
            f"About {left(self.seconds)}, {_size(self.memory)} of memory, {_size(self.disk)} of "
            "disk",
        ]
        if self.unknown:
            names = ", ".join(self.unknown)
            lines.append(f"Without {names}, whose network only its own training makes")
        return lines


class Priced(NamedTuple):
    """What evaluating a network takes."""

    maps: Mapping[str, Passes]  # by method
    measuring: Measuring
    grids: Grids
    weights: int  # bytes


class _Part(NamedTuple):
    """What a cell takes; all of it adds up."""

    training: int = 0
    backward: int = 0
    maps: int = 0
    queries: int = 0
    seconds: float = 0.0
    rows: float = 0.0
    disk: float = 0.0


def cost_of_study(
    plan: Plan, networks: Mapping[str, Evaluated], engine: str, keep: Keep | None = None
) -> Cost:
    """What the cells of a study that are not finished cost; `networks` as they begin, by recipe."""
    images, size = plan.images, plan.size
    test, train = len(images.of("test")), len(images.of("train"))
    validation = len(images.of(VALIDATION)) if VALIDATION in images.splits else None
    held = len(kept(test, KEPT if keep is None else number_of(keep)))
    matched = coarsest(one.grids(plan.methods) for one in networks.values())
    terms = Terms(plan.methods, target="label", split="test", seed=0)
    found = _priced(networks, plan.selection.metrics, regions_of_test(images), matched, terms)
    known: set[object] = set()  # what cells of the same frozen backbone have in common
    parts = []
    for cell in (each for each in plan.todo if each.recipe in found):
        recipe, one = plan.code[cell.recipe], found[cell.recipe]
        stem = (recipe.backbone, recipe.weights, str(recipe.backbone_options))
        frozen = recipe.trainable == "head" and recipe.weights != "random"
        taken = training(recipe, train, validation, pooled_channels(networks[cell.recipe]))
        plain = (stem, "train", recipe.weights == "random" and cell)  # its weights are its own
        changed = (stem, repr(recipe.augmentation))
        taken = _without(taken, plain=plain in known, changed=changed in known)
        part = _evaluating(one, test, _mosaics(plan.selection.metrics, test), 2, held)
        part = _shared(part, first=stem not in known) if frozen else part
        known |= {stem} if frozen else set()
        known |= {plain} if taken.plain else set()
        known |= {changed} if taken.changed else set()
        usual = next(iter(one.maps.values()))
        seconds = taken.passes * usual.seconds / usual.forward + _COMPILES * usual.compiled
        parts.append(
            part._replace(
                training=taken.forward,
                backward=taken.backward,
                seconds=part.seconds + seconds,
                disk=part.disk + one.weights * (1 if recipe.trainable == "head" else _KEPT),
            )
        )
    begin = _reading(images, train + test)
    pictures = held * size * size * 3
    unknown = tuple(dict.fromkeys(c.recipe for c in plan.todo if c.recipe not in found))
    largest = max((one.weights for one in found.values()), default=0)
    return _total(parts, engine, begin, pictures, 3 * largest, unknown)


def cost_of_audit(
    cells: Sequence[Cell],
    models: Mapping[str, Evaluated],
    images: ImageSet,
    metrics: Sequence[Metric],
    matched: Grids,
    terms: Terms,
    engine: str,
    keep: Keep | None = None,
) -> Cost:
    """What measuring the models of cells costs; `models` are the first of each arm."""
    test = len(images.of("test"))
    held = len(kept(test, KEPT if keep is None else number_of(keep)))
    found = _priced(models, metrics, regions_of_test(images), matched, terms)
    mosaics = _mosaics(metrics, test) if terms.target == "label" else 0
    parts = []
    for cell in cells:
        one = found[cell.recipe]
        part = _evaluating(one, test, mosaics, 1, held)
        compiled = sum(each.compiled for each in one.maps.values())
        parts.append(part._replace(seconds=part.seconds + 2 * compiled))
    side = max(max(model.size) for model in models.values())
    size = side * side * 3 if images.arrays is None else 4 * images.arrays.images[0].size
    return _total(parts, engine, _reading(images, test), held * size, 0, ())


def training(
    recipe: Recipe, images: int, validation: int | None, channels: int | None = None
) -> Trained:
    """What training a recipe takes on so many images, as if it did not stop early.

    Of a backbone that stays as it is, with so many channels, that runs once an image, or once an
    image and epoch where they are augmented. None: in each batch.

    Example:
        >>> training(Recipe("A", epochs=10, weights="random"), 200, None)[:2]
        (2000, 1700)
        >>> training(Recipe("B", epochs=10, trainable="head"), 200, None, 768)[:2]
        (200, 0)
    """
    own = min(recipe.train_size or images, images)
    held = round(_HELD * own) if validation is None else validation
    learned, total = (own - held, own) if validation is None else (own, own + held)
    alone = recipe.epochs if recipe.trainable == "head" else 0  # epochs of the head by itself
    alone, backward = recipe.warmup + alone, (recipe.epochs - alone) * learned
    changes = recipe.augmentation
    if (
        channels is not None
        and recipe.guidance is None
        and (changes is None or recipe.shares_views(channels, images + (validation or 0)))
    ):
        plain = images + (validation or 0) if alone else 0
        changed = alone * images if changes else 0
        forward = plain + changed + (recipe.warmup + recipe.epochs - alone) * total
        passes = forward + (_CHANGED - 1) * changed + (_TRAINED - 1) * backward
        return Trained(forward, backward, passes, plain, changed)
    if recipe.guidance is not None:
        backward = recipe.epochs * learned
    forward = (recipe.warmup + recipe.epochs) * total
    more = alone * learned if recipe.guidance is None else 0
    passes = forward + (_AUGMENTED - 1) * more + (_TRAINED - 1) * backward
    return Trained(forward, backward, passes)


def _without(taken: Trained, *, plain: bool, changed: bool) -> Trained:
    """What training takes where other cells have had the passes that are shared."""
    forward, passes = taken.forward, taken.passes
    if plain:
        forward, passes = forward - taken.plain, passes - taken.plain
    if changed:
        forward, passes = forward - taken.changed, passes - _CHANGED * taken.changed
    return taken._replace(forward=forward, passes=passes)


def _priced(
    models: Mapping[str, Evaluated],
    metrics: Sequence[Metric],
    regions: Sequence[str],
    matched: Grids,
    terms: Terms,
) -> dict[str, Priced]:
    """What evaluating each model takes; each network is tried once, and measures once a grid."""
    found: dict[int, Priced] = {}
    measured: dict[str, Measuring] = {}
    with left_as_it_was():
        for model in models.values():
            if id(model) in found:
                continue
            grids = model.grids(terms.methods)
            alike = f"{grids} {model.size}"
            if alike not in measured:
                measured[alike] = measuring(
                    model, metrics, regions, grids, matched, terms, first=not measured
                )
            maps = tried(model, terms.methods)
            found[id(model)] = Priced(maps, measured[alike], grids, _weights(model))
    return {name: found[id(model)] for name, model in models.items()}


def _evaluating(one: Priced, images: int, mosaics: int, times: int, held: int) -> _Part:
    """Maps of images and mosaics, so many times, and all measures."""
    forward = sum(each.forward for each in one.maps.values())
    seconds = sum(each.seconds for each in one.maps.values())
    plain = min(each.seconds / each.forward for each in one.maps.values())
    by_name = {**one.maps, "": Passes(1, plain, 0)}
    counts = {name: images * count for name, count in one.measuring.queries.items()}
    again = sum(count * by_name[name].seconds for name, count in counts.items())
    maps = times * (images + mosaics)
    return _Part(
        maps=round(maps * forward),
        queries=round(sum(count * by_name[name].forward for name, count in counts.items())),
        seconds=maps * seconds + again + images * one.measuring.seconds,
        rows=images * one.measuring.rows,
        disk=held * 4 * sum(math.prod(grid) for grid in one.grids.values()),
    )


def _shared(part: _Part, *, first: bool) -> _Part:
    """A cell whose backbone is that of others: it runs for the first of them, trained or not."""
    if first:
        return part._replace(maps=part.maps // 2)
    return part._replace(maps=0, queries=0)


def _mosaics(metrics: Sequence[Metric], images: int) -> int:
    """How many mosaics are made of the test images."""
    names = {metric.name for metric in metrics}
    kinds = [kind for kind, (metric, _) in KINDS.items() if metric in names]
    if DISCRIMINATION in names and "focus" not in kinds:
        kinds.append("focus")
    return len(kinds) * min(COUNT, images)


def _reading(images: ImageSet, count: int) -> float:
    """Seconds until pictures are read, or drawn, where none is in the cache yet."""
    some = images.samples[:4]
    began = time.perf_counter()
    for sample in some:
        images.read(sample)
    return count * (time.perf_counter() - began) / len(some) / (os.cpu_count() or 1)


def _weights(model: Evaluated) -> int:
    """Bytes of the parameters of a Keras model or a torch module; 0 of others."""
    network = getattr(model.classifier, "model", None)
    shapes = [getattr(each, "shape", ()) for each in getattr(network, "weights", ())]
    if not shapes and callable(getattr(network, "parameters", None)):
        shapes = [each.shape for each in network.parameters()]  # type: ignore[union-attr]
    return sum(4 * math.prod(shape) for shape in shapes)


def _total(
    parts: Sequence[_Part],
    engine: str,
    begin: float,
    pictures: float,
    training: float,
    unknown: tuple[str, ...],
) -> Cost:
    """The cost of all cells; `training` are bytes that a process takes besides what it has now."""
    one = _Part(*map(sum, zip(*parts, strict=True))) if parts else _Part()
    jobs = int(name_and_parameters(engine)[1].get("jobs", 1))
    at_once = _SEVERAL if min(jobs, len(parts)) > 1 else 1
    report = _REPORT + _REPORT_ROW * one.rows
    processes = 1 if jobs == 1 else 1 + jobs
    return Cost(
        cells=len(parts),
        training=one.training,
        backward=one.backward,
        maps=one.maps,
        queries=one.queries,
        seconds=_BEGIN + begin + one.seconds / at_once + report,
        memory=round(processes * (_resident() + training)),
        disk=round(one.disk + _ROW * one.rows + pictures + _PAGE),
        unknown=unknown,
    )


def _resident() -> int:
    """Bytes of memory that this process took at most; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def _size(bytes: float) -> str:
    """Bytes for people.

    Example:
        >>> _size(3.2e7), _size(2.04e9)
        ('32 MB', '2.0 GB')
    """
    return f"{bytes / 1e9:.1f} GB" if bytes >= 1e9 else f"{max(bytes, 1e6) / 1e6:.0f} MB"
