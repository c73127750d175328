"""What the models of a run explain: the test images, and mosaics of them.

Inputs have one image size. Models of other sizes get other inputs of the same pictures, with the
same names and the same mosaics, so that all their rows stay paired.
"""

import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campare.data import Images, ImageSet
from campare.data.framing import STRETCH, Framing
from campare.data.groups import By, units
from campare.data.samples import Sample
from campare.data.stored import gathered
from campare.data.threads import in_threads
from campare.errors import DataError
from campare.experiments.progress import Live
from campare.experiments.spool import Spool
from campare.metrics import Metric
from campare.metrics.mosaic import KINDS, Mosaics, of_one_class
from campare.metrics.shortcut import with_border
from campare.types import Bools, Ints

#: Method -> the resolution (h, w) of its maps.
Grids = dict[str, tuple[int, ...]]

#: How a model sees pictures: at (height, width), framed; arrays have their own grid.
View = tuple[tuple[int, ...], Framing]

#: The metric of mosaics that needs the masks of their images, too.
DISCRIMINATION = "class-discrimination"


@dataclass(frozen=True, eq=False)
class Inputs:
    """Images and mosaics of one size, and at which resolutions their maps are measured.

    Attributes:
        images: the test images with their masks.
        mosaics: of each kind that the images suffice for.
        matched: method -> the coarsest resolution of all arms; maps of a method that is not there
            are measured as they are only.
        metrics: what is measured.
        control_rows: of the maps that look at no model, by the method beside whose maps they stand
            (all that have the layer's grid: '') and their grid; filled when first needed.
    """

    images: Images
    mosaics: tuple[Mosaics, ...] = ()
    matched: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    control_rows: dict[tuple[str, tuple[int, ...]], Spool] = field(default_factory=dict, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics."""
        return tuple(metric.name for metric in self.metrics)

    def named(self, class_names: Sequence[str]) -> "Inputs":
        """The same inputs with more class names: those of the data, then others of a model."""
        names = tuple(class_names)
        return replace(
            self,
            images=replace(self.images, class_names=names),
            mosaics=tuple(replace(each, class_names=names) for each in self.mosaics),
        )


@dataclass(frozen=True, eq=False)
class InputsBySize:
    """The inputs of each size of image, computed when the first model of that size comes."""

    images: ImageSet
    metrics: tuple[Metric, ...]
    matched: Mapping[str, tuple[int, ...]]
    live: Live
    _by_view: dict[View, Inputs] = field(default_factory=dict, repr=False)
    _loaded: dict[View, Images] = field(default_factory=dict, repr=False)

    def of(self, size: tuple[int, ...], framing: Framing = STRETCH) -> Inputs:
        """The test images at (height, width), framed, with what the metrics need."""
        if (size, framing) not in self._by_view:
            test = self._load(size, framing)
            names = {metric.name for metric in self.metrics}
            kinds = [kind for kind, (metric, _) in KINDS.items() if metric in names]
            if DISCRIMINATION in names and "focus" not in kinds:
                kinds.insert(0, "focus")
            self._by_view[size, framing] = Inputs(
                images=with_border(test) if self._borders else test,
                mosaics=mosaics_of(test, self.live, kinds),
                matched=self.matched,
                metrics=self.metrics,
            )
        return self._by_view[size, framing]

    def shown(self, views: Collection[View], which: Ints) -> Images:
        """Those of the test images as people see them: square, as large as the largest model's.

        They are framed where all models see the same part of them, else whole. Arrays as they are.
        """
        if self.images.arrays is not None:
            return self._load(self.images.arrays.grid, STRETCH).subset(which)
        side = max(max(size) for size, _ in views)
        view = (side, side), next(iter(views))[1] if _alike(views) else STRETCH
        test = self.images.of("test")
        if len(which) == len(test):
            return self._load(*view)
        if view in self._loaded:
            return self._loaded[view].subset(which)
        some = replace(self.images, samples=tuple(test[number] for number in which))
        return some.load("test", view[0], framing=view[1])

    def windows(self, views: Mapping[str, View], which: Ints) -> dict[str, NDArray[np.float64]]:
        """Arm -> the part of each of the images `shown` that its models see, as a rectangle.

        Shapes: (N, 4) in shares of the picture; none of an arm that sees all that is shown.
        """
        if self.images.arrays is not None or _alike(views.values()):
            return {}
        count = partial(self.live.count, "which parts models see")
        test = self.images.of("test")
        shapes = in_threads(self._shape, [test[number] for number in which], count)
        return {
            arm: np.array(
                [framing.rectangle(shape, (size[0], size[1])) for shape in shapes]
            ).reshape(-1, 4)
            for arm, (size, framing) in views.items()
            if not framing.whole
        }

    def _shape(self, sample: Sample) -> tuple[int, int]:
        """(H, W) of a picture as it is stored."""
        height, width = self.images.read(sample).image.shape[:2]
        return height, width

    @property
    def _borders(self) -> bool:
        regions = {metric.region for metric in self.metrics}
        return bool(regions & {"border", "background"})

    def _load(self, size: tuple[int, ...], framing: Framing) -> Images:
        if (size, framing) not in self._loaded:
            count = partial(self.live.count, "images")
            test = self.images.load("test", size, framing=framing, progress=count)
            self._loaded[size, framing] = test
            if not framing.whole:
                for line in _cut_off(self.images, test, framing):
                    self.live.say(line)
        return self._loaded[size, framing]


def _alike(views: Collection[View]) -> bool:
    """Whether all models see the same part of every picture, and in a square picture of it, too.

    Stretched pictures are cut by shares of their sides; else the model's shape decides, too.

    Example:
        >>> crop = Framing("center-crop", 0.875)
        >>> _alike([((8, 8), crop), ((9, 9), crop)]), _alike([((8, 8), crop), ((8, 8), STRETCH)])
        (True, False)
        >>> _alike([((6, 8), crop)])
        False
    """
    first = next(iter(views))[1]
    square = all(height == width for (height, width), _ in views)
    return all(framing == first for _, framing in views) and (square or first.fit == "stretch")


def _cut_off(images: ImageSet, test: Images, framing: Framing) -> Iterator[str]:
    """Of how many images the framing leaves out what a mask is of."""
    for region, masks in test.regions.items():
        had = images.inventory.with_mask(region)
        lost = sum(
            name in had and not mask.any() for name, mask in zip(test.names, masks, strict=True)
        )
        if lost:
            yield (
                f"{region}: outside of the {framing.words} on {lost} of {len(test)} images, "
                "which are measured without it"
            )


def coarsest(arms: Iterable[Mapping[str, tuple[int, ...]]]) -> Grids:
    """Method -> the coarsest resolution of its maps in all arms.

    Example:
        >>> coarsest([{"grad-cam": (7, 7)}, {"grad-cam": (4, 4)}])
        {'grad-cam': (4, 4)}
    """
    arms = list(arms)
    methods = dict.fromkeys(method for grids in arms for method in grids)
    return {
        method: min((grids[method] for grids in arms if method in grids), key=math.prod)
        for method in methods
    }


def image_set(data: Any, live: Live, *, training: bool = True, group: By | None = None) -> ImageSet:
    """An ImageSet as it is, the drawn one by name, a folder's or URL's, or what a program holds.

    With groups if given.
    """
    count = partial(live.count, "reading the images")
    if not isinstance(data, ImageSet | str | os.PathLike):
        return ImageSet.from_data(data, training=training, group=group, progress=count)
    if not isinstance(data, ImageSet) and str(data) != "drawn":
        return ImageSet.from_folder(data, training=training, group=group, progress=count)
    images = data if isinstance(data, ImageSet) else ImageSet.drawn()
    if training and images.arrays is not None:
        raise DataError(
            f"Expected pictures to train on, got arrays {images.arrays.images.shape}, for which "
            "campare has no recipes. Try: campare.audit(models, arrays), of models that you trained"
        )
    return images if group is None else images.with_groups(group)


def say_inventory(images: ImageSet, live: Live) -> None:
    """Say what the folder holds for the test images, and which files were skipped, and why."""
    for line in inventory_lines(images):
        live.say(line)
    for skipped in images.skipped[:5]:
        live.say(f"Skipped {skipped.image}: {skipped.reason}")
    if len(images.skipped) > 5:
        live.say(f"and {len(images.skipped) - 5} more, named in the report")


def inventory_lines(images: ImageSet) -> list[str]:
    """What the folder holds for the images that are measured."""
    test = images.of("test")
    grouped = units([sample.group for sample in test])
    return [
        *([] if images.regions else ["No masks, boxes or outlines"]),
        *images.inventory.lines([sample.image for sample in test]),
        *([f"Units of independence: {grouped}"] if grouped else ()),
    ]


def regions_of_test(images: ImageSet) -> tuple[str, ...]:
    """The regions of which some test image has a mask that is not empty, as far as is known."""
    test = {sample.image for sample in images.of("test")}
    known = images.inventory.areas
    return tuple(
        region
        for region in images.regions
        if region not in known or test & images.inventory.with_mask(region)
    )


def _others(test: Images) -> Bools:
    """Objects of other classes on each image: (N, S, S)."""
    return test.regions.get("other", np.zeros((len(test), 1, 1), np.bool_))


def mosaics_of(
    test: Images, live: Live, kinds: Sequence[str] = tuple(KINDS)
) -> tuple[Mosaics, ...]:
    """Mosaics of each kind that the test images suffice for; none that shows several classes."""
    found = []
    if not kinds:
        return ()
    several = gathered(lambda masks: {"": masks.any((1, 2))}, _others(test))[""]
    for kind, each in zip(kinds, of_one_class(test, several, kinds), strict=True):
        if isinstance(each, Mosaics):
            found.append(each)
        else:
            live.say(f"No mosaics of kind {kind!r}: {each}")
    return tuple(found)
