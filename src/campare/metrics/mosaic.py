"""Localization without masks: mosaics of four labelled images, of which some show the class.

The map of class c on a mosaic should lie on the cells that show c. Its share there is `energy` with
the cells as mask: 'focus' has two cells of the class (Arias-Duart et al. 2022, Focus!; chance 0.5),
the grid pointing game ('grid') one (Boehle et al. 2021, CoDA-Nets; chance 0.25).

Where images have groups (patients, videos), the groups are dealt into blocks, and a mosaic shows
images of one block: mosaics of different blocks share no group, so that the block is the unit of
independence.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from campare.attribution.maps import pool
from campare.data.groups import unit_of
from campare.data.samples import Images
from campare.data.stored import release
from campare.errors import CampareError, DataError
from campare.metrics.localization import ENERGY, class_discrimination
from campare.metrics.metric import Metric
from campare.types import Array, Bools, Ints

#: kind -> (name of its metric, cells of the target's class among the four).
KINDS = {"focus": ("focus", 2), "grid": ("grid-pointing-game", 1)}
#: Mosaics of a run, of each kind, at most.
COUNT = 200


@dataclass(frozen=True, eq=False)
class Mosaics:
    """M mosaics of 2 x 2 cells, as large as the images they are made of.

    Attributes:
        images: (M, S, S, 3) uint8.
        targets: (M,) the class to explain, an index into class_names.
        cells: (M, S, S) True on the cells that show the target.
        picked: (M, 4) the images shown: top left, top right, bottom left, bottom right.
        names: M ids, 'focus-0000'.
        kind: 'focus' or 'grid'.
        class_names: as of the images.
        groups: M blocks of groups that a mosaic's images are from; (): images have no groups.
    """

    images: NDArray[np.uint8]
    targets: Ints
    cells: Bools
    picked: Ints
    names: tuple[str, ...]
    kind: str
    class_names: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def metric(self) -> str:
        """Name of the metric of these mosaics in the table."""
        return KINDS[self.kind][0]


def mosaics(images: Images, *, count: int, seed: int, kind: str = "focus") -> Mosaics:
    """Put images together four by four, at random places, with targets as even as they can be.

    No image is shown twice in a mosaic. The cells that do not show the target come from as many
    other classes as there are: all distinct with four classes or more, as in the paper. The same
    images, count and seed give the same mosaics. Raises DataError where no class has enough images,
    and for what is no square picture, as a signal or a volume.

    Example:
        >>> pixels = np.zeros((4, 8, 8, 3), np.uint8)
        >>> four = Images(pixels, np.array([0, 0, 1, 1]), tuple("abcd"), {}, ("cat", "dog"))
        >>> made = mosaics(four, count=2, seed=0)
        >>> made.images.shape, made.cells.mean(axis=(1, 2)).tolist()
        ((2, 8, 8, 3), [0.5, 0.5])
    """
    if kind not in KINDS:
        raise CampareError(f"Expected a kind of mosaic, got {kind!r}. Try 'focus' or 'grid'.")
    _require_pictures(images.images)
    shown = KINDS[kind][1]
    rng = np.random.default_rng(seed)
    blocks = _blocks(images, rng)
    block_of = np.sort(np.arange(count) % len(blocks))
    targets: list[int] = []
    used = np.zeros(len(images.class_names), np.int64)
    drawn = []
    for b, block in enumerate(blocks):
        members = [block[images.labels[block] == c] for c in range(len(images.class_names))]
        possible = rng.permutation(_possible(members, shown))
        own = [_take_turns(possible, used) for _ in range((block_of == b).sum())]
        drawn += [_draw(members, target, shown, rng) for target in own]
        targets += own
    places = np.array([rng.permutation(4) for _ in targets], np.int64).reshape(-1, 4)
    picked = np.take_along_axis(np.array(drawn, np.int64).reshape(-1, 4), places, axis=1)
    return Mosaics(
        images=_assemble(images.images, picked),
        targets=np.array(targets, np.int64),
        cells=_cells(places < shown, images.images.shape[1]),
        picked=picked,
        names=tuple(f"{kind}-{i:04d}" for i in range(count)),
        kind=kind,
        class_names=images.class_names,
        groups=tuple(f"{kind} block {b}" for b in block_of) if images.groups else (),
    )


def of_one_class(
    images: Images, several: Bools, kinds: Sequence[str] = tuple(KINDS)
) -> Iterator[Mosaics | DataError]:
    """The mosaics of a run, of each kind, or why there are none; of photos that show one class.

    Args:
        images: the test images.
        several: (N,) which of them show several classes.
        kinds: those that are wanted.
    """
    alone = np.flatnonzero(~several)
    usable = images.subset(alone) if several.any() else images
    for kind in kinds:
        try:
            found = mosaics(usable, count=min(COUNT, len(usable)), seed=0, kind=kind)
            yield replace(found, picked=alone[found.picked])
        except DataError as error:
            yield error


def shown_on(images: Images, several: Bools) -> dict[str, tuple[int, ...]]:
    """Of each mosaic of a run the images that it shows; arguments as of `of_one_class`.

    Example:
        >>> pixels = np.zeros((4, 8, 8, 3), np.uint8)
        >>> four = Images(pixels, np.array([0, 0, 1, 1]), tuple("abcd"), {}, ("cat", "dog"))
        >>> sorted(shown_on(four, np.zeros(4, bool))["focus-0000"])
        [0, 1, 2, 3]
    """
    made = of_one_class(images, several)
    return shown_by(each for each in made if isinstance(each, Mosaics))


def shown_by(made: Iterable[Mosaics]) -> dict[str, tuple[int, ...]]:
    """Of each mosaic the images that it shows; none of those in blocks of groups, the units then.

    Example:
        >>> shown_by([])
        {}
    """
    return {
        name: tuple(map(int, four))
        for each in made
        if not each.groups
        for name, four in zip(each.names, each.picked, strict=True)
    }


def _take_turns(possible: Ints, used: Ints) -> int:
    """The first of the classes that were used least; counts it."""
    target = int(possible[used[possible].argmin()])
    used[target] += 1
    return target


def _blocks(images: Images, rng: np.random.Generator) -> list[Ints]:
    """The images in blocks that share no group; all in one where there are no groups.

    The groups of each class, by the label of most of their images, are dealt one by one, so that
    each block has two groups or more of the two classes that have most.
    """
    if not images.groups:
        return [np.arange(len(images))]
    group_of = unit_of(images.groups)
    counts = np.zeros((group_of.max() + 1, len(images.class_names)), np.int64)
    np.add.at(counts, (group_of, images.labels), 1)
    label = counts.argmax(axis=1)
    number = max(1, int(np.sort(np.bincount(label, minlength=2))[-2]) // 2)
    block = np.empty(len(label), np.int64)
    for c in range(len(images.class_names)):
        groups = rng.permutation(np.flatnonzero(label == c))
        block[groups] = np.arange(len(groups)) % number
    return [np.flatnonzero(block[group_of] == b) for b in range(number)]


def class_masks(mosaics: Mosaics, masks: Array) -> tuple[Bools, Bools]:
    """The objects of the target's class on each mosaic, and those of other classes.

    Shapes: masks (N, S, S) of the images that the mosaics are made of -> twice (M, S, S). A pixel
    belongs to an object where at least half of it does, once shrunk.

    Example:
        >>> pixels, objects = np.zeros((4, 8, 8, 3), np.uint8), np.ones((4, 8, 8), bool)
        >>> four = Images(pixels, np.array([0, 0, 1, 1]), tuple("abcd"), {}, ("cat", "dog"))
        >>> own, other = class_masks(mosaics(four, count=2, seed=0), objects)
        >>> own.mean(axis=(1, 2)).tolist(), other.mean(axis=(1, 2)).tolist()
        ([0.5, 0.5], [0.5, 0.5])
    """
    shown = np.zeros(mosaics.cells.shape, bool)
    for whole, four in zip(shown, mosaics.picked, strict=True):
        for (down, across), which in zip(_quadrants(whole.shape[0]), four, strict=True):
            whole[down, across] = pool(masks[which], whole[down, across].shape) >= 0.5
        release(masks)
    return shown & mosaics.cells, shown & ~mosaics.cells


def _possible(members: list[Ints], shown: int) -> list[int]:
    """The classes that can be a target: enough images of their own, and enough of others."""
    total = sum(map(len, members))
    possible = [
        c for c, own in enumerate(members) if len(own) >= shown and total - len(own) >= 4 - shown
    ]
    if not possible:
        counts = ", ".join(str(len(own)) for own in members)
        raise DataError(
            f"Expected a class with {shown} images and {4 - shown} of other classes for mosaics, "
            f"got {counts} images a class. Try adding test images."
        )
    return possible


def _draw(members: list[Ints], target: int, shown: int, rng: np.random.Generator) -> list[int]:
    """Four images, none twice: `shown` of the target's class, then others class by class."""
    own = rng.permutation(members[target])[:shown]
    decks = [rng.permutation(deck) for c, deck in enumerate(members) if c != target]
    order = rng.permutation(len(decks))
    turns = [decks[k][turn] for turn in range(4) for k in order if turn < len(decks[k])]
    return [*map(int, own), *map(int, turns[: 4 - shown])]


def _quadrants(size: int) -> list[tuple[slice, slice]]:
    """The four cells of an image in reading order; an odd size makes the last ones larger."""
    first, last = slice(0, size // 2), slice(size // 2, size)
    return [(down, across) for down in (first, last) for across in (first, last)]


def _require_pictures(images: Array) -> None:
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2] or images.dtype != np.uint8:
        raise DataError(
            "Expected square pictures (N, S, S, 3) of type uint8 to make mosaics of, got "
            f"{images.dtype} of shape {shape}. Try: measures of single maps, such as 'energy'"
        )


def _assemble(images: Array, picked: Ints) -> NDArray[np.uint8]:
    """(N, S, S, 3), (M, 4) -> (M, S, S, 3), each image averaged down to its cell."""
    size = images.shape[1]
    out = np.empty((len(picked), size, size, 3), np.uint8)
    small: dict[tuple[int, ...], Array] = {}  # an image is on several mosaics
    for mosaic, four in zip(out, picked, strict=True):
        for (down, across), which in zip(_quadrants(size), four, strict=True):
            shape = mosaic[down, across].shape[:2]
            if (which, *shape) not in small:
                pooled = pool(np.moveaxis(images[which], -1, 0), shape)
                small[which, *shape] = np.moveaxis(np.rint(pooled), 0, -1).astype(np.uint8)
            mosaic[down, across] = small[which, *shape]
        release(images)  # of a file more is mapped than these four
    return out


def _cells(shows: Bools, size: int) -> Bools:
    """(M, 4) -> (M, S, S): fill the cells that show the target."""
    cells = np.empty((len(shows), size, size), bool)
    for q, (down, across) in enumerate(_quadrants(size)):
        cells[:, down, across] = shows[:, q, None, None]
    return cells


_CELLS = replace(
    ENERGY,
    name="focus",
    region="cells",
    title="Focus on mosaics",
    formula="share of the positive map on the two of four cells that show the class",
    null=0.5,
    misleads="A model with a Flatten head sees shrunken cells in unusual places; use the same "
    "mosaics for all arms. Evidence against other classes is not looked at.",
    cost="one tapped pass a mosaic",
    paper="Arias-Duart et al. 2022, Focus!",
)

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    _CELLS,
    replace(
        _CELLS,
        name="grid-pointing-game",
        title="Grid pointing game",
        formula="share of the positive map on the one of four cells that shows the class",
        null=0.25,
        paper="Boehle et al. 2021 (CoDA-Nets), section 4; 2 x 2 cells",
    ),
    replace(
        _CELLS,
        name="class-discrimination",
        function=class_discrimination,
        title="Class discrimination on mosaics",
        needs=frozenset({"mask", "other-mask"}),
        formula="map on objects of the class / map on objects of all classes of a mosaic",
        null="share of the class's objects in the area of all objects",
        misleads="It does not see the background; a map off all objects is undefined.",
        paper="own / (own + other), as the mosaics of Arias-Duart et al. 2022, on objects",
        default=False,
    ),
)

#: Their names.
OF_MOSAICS = tuple(metric.name for metric in DECLARED)
