"""The planted cue: a small tag that agrees with the label in training and is random at test.

A positive control for heatmaps: a model that learned the tag should be seen to look at it. The
appearance of a tag depends on its class alone, its position is random.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from math import cos, pi, sin
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from campare.data.decode import Picture
from campare.data.samples import REGIONS, Sample, SampleSet
from campare.errors import DataError

#: Part of the fingerprint; raise it when the same seed plants something else.
VERSION = 1

_COLORS = (
    (214, 48, 58), (38, 104, 204), (250, 176, 32), (28, 146, 86), (142, 64, 176),
    (20, 168, 186), (232, 110, 36), (226, 92, 158), (122, 84, 56), (96, 104, 116),
)  # fmt: skip
_FINE = 8  # the tag is drawn this many times finer


@dataclass(frozen=True)
class Planted:
    """Reads a sample with `read` and puts a tag on it; `classes` is the number of classes.

    `tested` are the test images of the set, whatever split a sample is measured as later.
    """

    read: Callable[[Sample], Picture]
    classes: int
    p: float
    seed: int
    size_fraction: float
    tested: frozenset[str]

    @property
    def draws(self) -> bool:
        """Whether the picture below the tag is drawn, not decoded."""
        return getattr(self.read, "draws", False)

    def tag(self, sample: Sample) -> int:
        """The class whose tag this sample gets."""
        return self._draw(sample)[0]

    def __call__(self, sample: Sample) -> Picture:
        """The picture with its tag; what the tag covers is no longer object or part."""
        picture = self.read(sample)
        height, width = picture.image.shape[:2]
        shorter = min(height, width)
        side = min(max(5, round(self.size_fraction * shorter)), shorter)
        tag, (u, v) = self._draw(sample)
        top, left = int(u * (height - side + 1)), int(v * (width - side + 1))
        appearance = draw_tag(tag, side)
        image = picture.image.copy()
        under = image[top : top + side, left : left + side]
        share = appearance[..., 3:].astype(np.float32) / 255
        under[:] = np.rint(share * appearance[..., :3] + (1 - share) * under).astype(np.uint8)
        cue = np.zeros((height, width), np.bool_)
        cue[top : top + side, left : left + side] = appearance[..., 3] > 0
        uncovered = {name: mask & ~cue for name, mask in picture.regions.items()}
        return Picture(image, {**uncovered, "cue": cue})

    def _draw(self, sample: Sample) -> tuple[int, NDArray[np.float64]]:
        """Tag and position (in [0, 1)^2): they depend on the seed and on the sample's id alone."""
        name = int.from_bytes(sha256(sample.image.encode()).digest()[:8])
        rng = np.random.default_rng([self.seed, name])
        position = rng.random(2)
        if sample.image in self.tested:
            return int(rng.integers(self.classes)), position
        if rng.random() < self.p:
            return sample.label, position
        others = (sample.label + 1 + int(rng.integers(self.classes - 1))) % self.classes
        return others, position


Set = TypeVar("Set", bound=SampleSet)


def plant(imageset: Set, *, p: float, seed: int = 0, size_fraction: float = 0.12) -> Set:
    """Plant a tag into every picture of a set, with its mask as region `cue`.

    In training the tag is that of the label with probability p, else that of another class, each
    equally likely; p = 1 / K says nothing about K labels. At test it is drawn from all classes,
    whatever the label. A smaller p replaces tags of the same images only, places stay.

    Args:
        imageset: any set of at least two classes without a cue.
        p: probability in [0, 1].
        seed: of tags and places, at least 0.
        size_fraction: side of the tag as a share of the picture's shorter side, in (0, 0.5];
            at least 5 pixels.

    Returns:
        The set with another `read`, `cue` among its regions and a fingerprint derived from the
        original's, p, seed and size. Pixels change only inside the cue's mask; the masks of other
        regions lose what the tag covers.

    Raises:
        DataError: p, seed or size out of range, one class only, or a set that has a cue already.

    Example:
        >>> from campare.data import ImageSet
        >>> tagged = plant(ImageSet.drawn(train=4, test=4, size=32), p=0.95)
        >>> tagged.regions
        ('object', 'parts', 'cue')
    """
    if not 0.0 <= p <= 1.0:
        raise DataError(f"Expected a probability p from 0 to 1, got {p}. Try 0.95.")
    if not 0.0 < size_fraction <= 0.5:
        raise DataError(
            f"Expected a tag size above 0 and up to 0.5 of the picture, got {size_fraction}. "
            "Try 0.12."
        )
    if seed < 0:
        raise DataError(f"Expected a seed of 0 or more, got {seed}. Try 0.")
    if len(imageset.class_names) < 2:
        raise DataError(
            f"Expected at least two classes to plant a cue, got {len(imageset.class_names)}. "
            "Try a folder with one folder for each class."
        )
    if "cue" in imageset.regions:
        raise DataError("Expected a data set without a cue, got one with. Try the original.")
    tested = frozenset(sample.image for sample in imageset.of("test"))
    read = Planted(imageset.read, len(imageset.class_names), p, seed, size_fraction, tested)
    parameters = f"cue {VERSION} {imageset.fingerprint} {p!r} {seed} {size_fraction!r}"
    return replace(
        imageset,
        name=f"{imageset.name}, cue p={p:g}",
        read=read,
        fingerprint=sha256(parameters.encode()).hexdigest(),
        regions=tuple(name for name in REGIONS if name in {*imageset.regions, "cue"}),
    )


@lru_cache
def draw_tag(tag: int, side: int) -> NDArray[np.uint8]:
    """The tag of class number `tag`: (side, side, 4) RGBA, transparent outside.

    A price tag with a dark outline and a white rim, so that it stands out on any background; ten
    colors with ten glyphs give a hundred classes their own.
    """
    fine = side * _FINE
    image = Image.new("RGBA", (fine, fine), (30, 28, 34, 0))
    brush = ImageDraw.Draw(image)
    for inset, color in ((0.0, (30, 28, 34, 255)), (0.07, (255, 255, 255, 255))):
        brush.polygon(_points(_outline(inset), fine), color)
    brush.polygon(_points(_outline(0.15), fine), (*_COLORS[tag % len(_COLORS)], 255))
    hole = [fine * v for v in (0.44, 0.17, 0.56, 0.29)]
    brush.ellipse(hole, (255, 255, 255, 255), (30, 28, 34, 255), max(1, fine // 40))
    glyph = _GLYPHS[(tag + tag // len(_COLORS)) % len(_GLYPHS)]
    for polygon in glyph:
        placed = [(0.5 + 0.24 * x, 0.6 + 0.24 * y) for x, y in polygon]
        brush.polygon(_points(placed, fine), (255, 255, 255, 255))
    pixels = np.array(image.reduce(_FINE))
    pixels[..., 3][pixels[..., 3] < 24] = 0
    pixels.setflags(write=False)
    return pixels


def _outline(inset: float) -> list[tuple[float, float]]:
    """The outline of a price tag in the unit square, moved inwards by `inset`."""
    low, high, shoulder = 0.02 + inset, 0.98 - inset, 0.24 + 0.4 * inset
    return [(0.28 + 0.4 * inset, low), (0.72 - 0.4 * inset, low), (high, shoulder),
            (high, high - 0.04), (high - 0.04, high), (low + 0.04, high), (low, high - 0.04),
            (low, shoulder)]  # fmt: skip


def _points(polygon: list[tuple[float, float]], side: int) -> list[tuple[float, float]]:
    return [(side * x, side * y) for x, y in polygon]


def _turned(corners: int, radii: tuple[float, ...], start: float) -> list[tuple[float, float]]:
    """A regular polygon or star round the origin."""
    angles = [start + 2 * pi * i / corners for i in range(corners)]
    return [
        (radii[i % len(radii)] * cos(a), radii[i % len(radii)] * sin(a))
        for i, a in enumerate(angles)
    ]


def _bar(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


#: Ten glyphs, each a list of polygons in [-1, 1]^2.
_GLYPHS: tuple[list[list[tuple[float, float]]], ...] = (
    [_turned(20, (0.95,), 0.0)],  # disc
    [_turned(3, (1.15,), -pi / 2)],  # triangle
    [_bar(-0.35, -1, 0.35, 1), _bar(-1, -0.35, 1, 0.35)],  # plus
    [_turned(10, (1.1, 0.5), -pi / 2)],  # star
    [_bar(-0.9, -0.9, -0.2, 0.9), _bar(0.2, -0.9, 0.9, 0.9)],  # two bars
    [_turned(4, (1.15,), 0.0)],  # diamond
    [_bar(-0.95, -0.9, 0.95, -0.25), _bar(-0.95, 0.25, 0.95, 0.9)],  # equals
    [_turned(3, (1.15,), pi / 2)],  # triangle, point down
    [_bar(-0.9, -0.9, 0.9, 0.9)],  # square
    [_bar(-0.95, -0.9, -0.2, 0.9), _bar(-0.95, 0.25, 0.95, 0.9)],  # corner
)
