"""What the models of a run are shown: the test images, and mosaics made of them.

A scene has one image size. Models of other sizes see other scenes of the same pictures, with the
same names and the same mosaics, so that all their rows stay paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.data import Images, ImageSet
from campare.errors import DataError
from campare.lab.live import Live
from campare.metrics.mosaic import KINDS, Mosaics, mosaics

if TYPE_CHECKING:
    import polars as pl

#: Mosaics of each kind, at most; fewer where there are fewer test images.
MOSAICS = 200


@dataclass(frozen=True, eq=False)
class Scene:
    """Images and mosaics of one size, and at which resolutions their maps are measured.

    Attributes:
        images: the test images with their masks.
        mosaics: of each kind that the images suffice for.
        matched: the coarsest grid of all arms; None: maps are measured as they are only.
        metrics: names of those to measure; None: the default ones.
        null_rows: rows of the maps that look at no model, by their grid; filled when first needed.
    """

    images: Images
    mosaics: tuple[Mosaics, ...] = ()
    matched: tuple[int, int] | None = None
    metrics: tuple[str, ...] | None = None
    null_rows: dict[tuple[int, int], "pl.DataFrame"] = field(default_factory=dict, repr=False)

    def named(self, class_names: Sequence[str]) -> "Scene":
        """The same scene with more class names: those of the data, then others of a model."""
        names = tuple(class_names)
        return replace(
            self,
            images=replace(self.images, class_names=names),
            mosaics=tuple(replace(each, class_names=names) for each in self.mosaics),
        )


def image_set(data: Any, live: Live, *, training: bool = True) -> ImageSet:
    """An ImageSet as it is, the drawn one by its name, or that of a folder."""
    if isinstance(data, ImageSet):
        return data
    if str(data) == "drawn":
        return ImageSet.drawn()
    count = partial(live.count, "reading the images")
    return ImageSet.from_folder(Path(data), training=training, progress=count)


def mosaics_of(test: Images, live: Live) -> tuple[Mosaics, ...]:
    """Mosaics of each kind that the test images suffice for."""
    made = []
    for kind in KINDS:
        try:
            made.append(mosaics(test, count=min(MOSAICS, len(test)), seed=0, kind=kind))
        except DataError as error:
            live.say(f"No mosaics of kind {kind!r}: {error}")
    return tuple(made)
