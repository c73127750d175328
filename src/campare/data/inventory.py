"""What was found in a folder of images, what of it is used, and what is not: nothing vanishes.

An :class:`Inventory` is a value of the set. Terminal, run.json and report print its lines.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

#: A mask that covers more than this share of its image hardly says where anything is.
FULL = 0.95

_NAMED = 3  # images that a line names
_ADJECTIVES = {"object": "", "parts": "parts ", "cue": "cue ", "other": "other-class "}


@dataclass(frozen=True)
class Inventory:
    """What a folder holds.

    Attributes:
        areas: region -> image -> (pixels inside its mask, pixels in all), of the stored images.
        notes: further sentences on what was read, and how.
        unused: kind of file or folder -> paths below the root that were not used.
    """

    areas: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def with_mask(self, region: str) -> set[str]:
        """The images with a mask of a region that is not empty."""
        areas = self.areas.get(region, {})
        return {image for image, (inside, _) in areas.items() if inside}

    def lines(self, images: Collection[str], split: str = "test") -> list[str]:
        """Sentences for people about these images: masks, their areas, and what was not used.

        Example:
            >>> found = Inventory({"object": {"a": (6, 60), "b": (0, 60), "c": (60, 60)}})
            >>> for line in found.lines(["a", "b", "c", "d"]):
            ...     print(line)
            Masks for 3 of 4 test images, median area 10 %
            1 mask is empty: b
            1 mask covers more than 95 %: c
        """
        found = [line for region in self.areas for line in self._masks(region, images, split)]
        return [*found, *self.notes, *self._unused()]

    def _masks(self, region: str, images: Collection[str], split: str) -> list[str]:
        kind = _ADJECTIVES[region]
        wanted = set(images)
        own = {name: area for name, area in self.areas[region].items() if name in wanted}
        if not own:
            return [f"No {split} image has {'an' if kind[:1] == 'o' else 'a'} {kind}mask"]
        share = median(inside / pixels for inside, pixels in own.values())
        empty = [name for name, (inside, _) in own.items() if inside == 0]
        single = [name for name, (inside, _) in own.items() if inside == 1]
        full = [name for name, (inside, pixels) in own.items() if inside > FULL * pixels]
        return [
            f"{kind}masks for {len(own)} of {len(images)} {split} images, ".capitalize()
            + f"median area {_percent(share)}",
            *_count(empty, f"{kind}mask", "is empty", "are empty"),
            *_count(single, f"{kind}mask", "is one pixel", "are one pixel"),
            *_count(full, f"{kind}mask", "covers more than 95 %", "cover more than 95 %"),
        ]

    def _unused(self) -> list[str]:
        if not self.unused:
            return []
        kinds = [
            f"{kind} ({counted(paths, 'file', 'files')})"
            if kind.endswith("/")
            else f"{len(paths)} {kind}"
            for kind, paths in self.unused.items()
        ]
        return [f"Not used: {', '.join(kinds)}"]


def _count(images: Sequence[str], noun: str, one: str, many: str) -> list[str]:
    if not images:
        return []
    return [f"{counted(images, f'{noun} {one}', f'{noun}s {many}')}: {some_of(images)}"]


def counted(things: Sequence[object], one: str, many: str) -> str:
    """How many there are, in words.

    Example:
        >>> counted("a", "photo", "photos"), counted("ab", "photo", "photos")
        ('1 photo', '2 photos')
    """
    return f"{len(things)} {one if len(things) == 1 else many}"


def some_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are.

    Example:
        >>> some_of(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.2g} %"
