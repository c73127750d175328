"""The canvas: paint and, pixel for pixel, what it shows: background, object, class-telling part.

Shapes are drawn without antialiasing on a canvas several times finer than the picture; averaging
it down gives smooth edges and the exact coverage of every pixel by object and parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from campare.data.drawn.geometry import Frame, Points, Shape, area, curve, expand, limb
from campare.types import Bools, Floats

Color = tuple[int, int, int]
Paint = Color | Image.Image

BACKGROUND, OBJECT, PART = 0, 1, 2

#: A pixel belongs to a region when at least this share of it is covered.
COVERAGE = 1 / 3


def darker(color: Color, by: float = 0.5) -> Color:
    """The color in shade: darker and a little bluer."""
    r, g, b = color
    return int(r * by), int(g * by), min(255, int(b * (by + 0.03)))


@dataclass(frozen=True)
class Skin:
    """What a surface is painted with on its lit side, on its shaded side, and its outline."""

    lit: Paint
    shade: Paint
    line: Color

    @classmethod
    def plain(cls, color: Color, line: Color | None = None) -> "Skin":
        """One color; its shade and outline follow from it."""
        return cls(color, darker(color, 0.72), line or darker(color, 0.38))

    def shaded(self) -> "Skin":
        """The same surface turned away from the light."""
        return replace(self, lit=self.shade)


class Canvas:
    """A square of `side` pixels; `light` is the unit vector towards the light."""

    def __init__(self, side: int, light: tuple[float, float]) -> None:
        self.side = side
        self.light = np.array(light)
        self.frame = Frame(side * np.eye(2), np.zeros(2))  # the whole canvas is the unit square
        self.paint = Image.new("RGB", (side, side))
        self.labels = Image.new("L", (side, side))
        self.brush = ImageDraw.Draw(self.paint)
        self._label = ImageDraw.Draw(self.labels)

    def flat(self, shape: Shape, color: Color, label: int) -> None:
        """A shape in one color without light."""
        points = shape.ravel().tolist()
        self.brush.polygon(points, color)
        self._label.polygon(points, label)

    def solid(self, shape: Shape, skin: Skin, label: int) -> None:
        """A shape rounded by light: its shade first, then its lit side with a soft edge."""
        self._label.polygon(shape.ravel().tolist(), label)
        low = np.clip(np.floor(shape.min(0)), 0, self.side).astype(int)
        high = np.clip(np.ceil(shape.max(0)) + 1, 0, self.side).astype(int)
        width, height = (int(v) for v in high - low)
        if width <= 0 or height <= 0:
            return
        depth = 0.17 * sqrt(abs(area(shape)))
        shape = shape - low
        inside = _mask(shape, width, height)
        lit = _mask(shape + depth * self.light, width, height)
        lit = ImageChops.multiply(lit.filter(ImageFilter.BoxBlur(0.7 * depth)), inside)
        box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        for paint, mask in ((skin.shade, inside), (skin.lit, lit)):
            self.paint.paste(paint if isinstance(paint, tuple) else paint.crop(box), box, mask)

    def shadow(self, shape: Shape, strength: float) -> None:
        """A soft shadow on what was painted so far; it belongs to the background."""
        cell, soft = self.side // 48, 2  # blurred on a coarse grid
        low = np.floor(shape.min(0) / cell).astype(int) - 2 * soft
        width, height = (int(v) for v in np.ceil(shape.max(0) / cell).astype(int) + 2 * soft - low)
        mask = Image.new("L", (width, height))
        points = shape / cell - low
        ImageDraw.Draw(mask).polygon(points.ravel().tolist(), int(255 * strength))
        mask = mask.filter(ImageFilter.BoxBlur(soft))
        mask = mask.resize((width * cell, height * cell), Image.Resampling.BILINEAR)
        x, y = (int(v) * cell for v in low)
        self.paint.paste((26, 22, 40), (x, y), mask)

    def picture(self, size: int) -> tuple[Floats, Bools, Bools]:
        """Paint (size, size, 3) in 0..255, the object (size, size), its telling parts."""
        factor = self.side // size
        color = np.asarray(self.paint.reduce(factor), np.float32)
        masks = []
        for label in (OBJECT, PART):
            covered = self.labels.point([0] * label + [255] * (256 - label)).reduce(factor)
            masks.append(np.asarray(covered) >= 255 * COVERAGE)
        return color, masks[0], masks[1]


def _mask(shape: Shape, width: int, height: int) -> Image.Image:
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).polygon(shape.ravel().tolist(), 255)
    return mask


@dataclass(frozen=True)
class Pen:
    """Draws local shapes in a frame, with named skins, as background, object or part."""

    canvas: Canvas
    frame: Frame
    skins: Mapping[str, Skin]
    label: int = OBJECT
    outline: float = 0.007  # share of the canvas

    def within(
        self,
        centre: tuple[float, float],
        scale: float,
        angle: float = 0.0,
        *,
        mirrored: bool = False,
    ) -> "Pen":
        """The same pen in a frame inside its own."""
        return replace(self, frame=self.frame.within(centre, scale, angle, mirrored=mirrored))

    @property
    def telling(self) -> "Pen":
        """The same pen, drawing parts that tell the class."""
        return replace(self, label=PART)

    def fill(self, *shapes: Shape, skin: str = "coat", shaded: bool = False) -> None:
        """Shapes of one body: a common outline, then each rounded by light."""
        own = self.skins[skin].shaded() if shaded else self.skins[skin]
        placed = [self.frame(shape) for shape in shapes]
        for shape in placed:
            self.canvas.flat(expand(shape, self.outline * self.canvas.side), own.line, self.label)
        for shape in placed:
            self.canvas.solid(shape, own, self.label)

    def bare(self, *shapes: Shape, skin: str = "coat") -> None:
        """Shapes rounded by light, without an outline."""
        for shape in shapes:
            self.canvas.solid(self.frame(shape), self.skins[skin], self.label)

    def flat(self, *shapes: Shape, skin: str = "dark") -> None:
        """Shapes in the plain color of a skin: eyes, noses, marks."""
        lit = self.skins[skin].lit
        color = lit if isinstance(lit, tuple) else self.skins[skin].line
        for shape in shapes:
            self.canvas.flat(self.frame(shape), color, self.label)

    def line(self, path: Points, width: float, skin: str = "dark") -> None:
        """A thin line of local `width`, but at least 0.7 % of the canvas."""
        width = max(width, 0.007 * self.canvas.side / self.frame.scale)
        self.flat(limb(path, (width,)), skin=skin)

    def arc(self, points: Points, width: float, skin: str = "dark") -> None:
        """A line through points already dense enough (an ellipse's part, a spiral)."""
        self.line(curve(points, 2), width, skin)


def spread(shapes: Sequence[Shape]) -> tuple[Shape, Shape]:
    """Lower and upper corner of the box round all shapes."""
    points = np.concatenate(list(shapes))
    return points.min(0), points.max(0)
