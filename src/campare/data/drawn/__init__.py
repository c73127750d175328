"""The drawn default set: animals and other things, made from a seed with exact masks, no download.

Pictures are drawn one by one when they are read; each depends on (seed, split, index) alone, so
they can be read in any order, in threads or in processes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, TypeVar

from campare.data.cue import plant
from campare.data.decode import Picture
from campare.data.drawn.animals import ANIMALS
from campare.data.drawn.render import render
from campare.data.drawn.things import SOURCE_CATEGORIES
from campare.data.samples import Sample, SampleSet
from campare.errors import DataError

__all__ = ["ANIMALS", "CLASSES", "SOURCE_CATEGORIES", "drawn_set", "render"]

#: Every class that can be drawn: the animals, then the source categories.
CLASSES: tuple[str, ...] = (*ANIMALS, *SOURCE_CATEGORIES)

#: Part of the fingerprint; raise it when the same seed draws something else.
VERSION = 1


@dataclass(frozen=True)
class _Read:
    """Draws the picture of a sample: "train/cat/cat_00012.png" is number 12 of train.

    So it is where the training images are measured, too, whose split is then that of a test.
    """

    class_names: tuple[str, ...]
    size: int
    seed: int
    draws: ClassVar[bool] = True  # in Python, so that threads wait for each other

    def __call__(self, sample: Sample) -> Picture:
        index = int(sample.image.rpartition("_")[2].removesuffix(".png"))
        split = sample.image.partition("/")[0]
        return render(self.class_names[sample.label], self.size, self.seed, split, index)


Set = TypeVar("Set", bound=SampleSet)


def drawn_set(
    classes: Sequence[str] = ("cat", "dog"),
    *,
    train: int = 600,
    test: int = 200,
    size: int = 96,
    seed: int = 0,
    shortcut: float | None = None,
    into: type[Set] = SampleSet,  # type: ignore[assignment]
) -> Set:
    """A set of drawn pictures, balanced over the classes; nothing is drawn until it is read.

    Animals differ in ears, muzzle and tail only, their `parts`: pose, body, fur, scene and light
    come from the same distribution for every class.

    Args:
        classes: names out of CLASSES, at least one, each once; any mixture.
        train: number of training images in all; the first ones are the same for any number.
        test: number of test images in all.
        size: pixels of height and width, at least 16.
        seed: of the whole set, at least 0.
        into: the class of the set.
        shortcut: plant a cue that agrees with the label with this probability in training; see
            :func:`campare.data.cue.plant`. The pictures below the cue are the same without it.

    Returns:
        An ImageSet with regions `object`, `parts` (if an animal is among the classes; source
        categories have none) and, with a shortcut, `cue`.

    Raises:
        DataError: an unknown or repeated class, a count below the number of classes, a size below
            16, a negative seed, a shortcut outside [0, 1].

    Example:
        >>> pets = drawn_set(train=4, test=2, size=32)
        >>> pets.read(pets.samples[0]).image.shape
        (32, 32, 3)
    """
    names = tuple(classes)
    _check(names, train, test, size, seed)
    samples = tuple(
        Sample(f"{split}/{names[i % len(names)]}/{names[i % len(names)]}_{i:05d}.png",
               i % len(names), split)
        for split, count in (("train", train), ("test", test))
        for i in range(count)
    )  # fmt: skip
    parameters = json.dumps(["drawn", VERSION, names, train, test, size, seed])
    drawn = into(
        name="drawn " + (" and ".join(names) if len(names) <= 3 else f"{len(names)} classes"),
        class_names=names,
        samples=samples,
        read=_Read(names, size, seed),
        repeatable=True,
        fingerprint=sha256(parameters.encode()).hexdigest(),
        regions=("object", "parts") if set(names) & set(ANIMALS) else ("object",),
        default_size=size,
    )
    return drawn if shortcut is None else plant(drawn, p=shortcut, seed=seed)


def _check(names: tuple[str, ...], train: int, test: int, size: int, seed: int) -> None:
    unknown = [name for name in names if name not in CLASSES]
    if unknown or not names:
        got = ", ".join(repr(name) for name in unknown) or "none"
        known = ", ".join(CLASSES)
        raise DataError(f"Expected classes that can be drawn, got {got}. Try some of: {known}.")
    if len(set(names)) < len(names):
        raise DataError(f"Expected each class once, got {', '.join(names)}. Try without repeats.")
    for split, count in (("training", train), ("test", test)):
        if count < len(names):
            raise DataError(
                f"Expected a {split} image of each of the {len(names)} classes or more, "
                f"got {count} in all. Try {len(names)} or more."
            )
    if size < 16:
        raise DataError(f"Expected a size of at least 16 pixels, got {size}. Try 96.")
    if seed < 0:
        raise DataError(f"Expected a seed of 0 or more, got {seed}. Try 0.")
