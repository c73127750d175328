"""Coats: one palette of fur colors for all classes, and the patterns drawn with it.

Whatever a thing is, it wears a coat from here, so that color and pattern tell nothing of the class.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from campare.data.drawn.canvas import Canvas, Color, Skin, darker
from campare.data.drawn.geometry import Frame, Shape, ellipse, limb, smooth

Draw = Callable[[np.random.Generator, ImageDraw.ImageDraw, Frame, Color], None]

#: Fur colors of all classes.
PALETTE: tuple[Color, ...] = (
    (226, 138, 62),  # ginger
    (156, 98, 56),  # brown
    (206, 164, 112),  # tan
    (238, 212, 164),  # cream
    (244, 240, 232),  # white
    (150, 152, 160),  # gray
    (104, 112, 124),  # blue gray
    (70, 66, 66),  # charcoal
    (110, 70, 48),  # chocolate
    (228, 182, 96),  # gold
)
EYES: tuple[Color, ...] = ((98, 150, 76), (206, 150, 48), (92, 148, 190), (122, 78, 44))
ACCENTS: tuple[Color, ...] = (
    (206, 70, 62), (66, 122, 186), (88, 158, 92), (238, 190, 70), (146, 92, 168), (234, 128, 96),
)  # fmt: skip


def jitter(rng: np.random.Generator, color: Color, by: float = 12.0) -> Color:
    """The color a little off."""
    r, g, b = np.clip(np.array(color) + rng.uniform(-by, by, 3), 0, 255).astype(int)
    return int(r), int(g), int(b)


def skins(rng: np.random.Generator, canvas: Canvas, frame: Frame) -> dict[str, Skin]:
    """Skins for one object standing in `frame`: coat (with its pattern), second color, details."""
    first, other = rng.choice(len(PALETTE), 2, replace=False)
    base, second = jitter(rng, PALETTE[first]), jitter(rng, PALETTE[other])
    line = darker(base, 0.36) if sum(base) > 240 else (34, 30, 38)
    coat = Image.new("RGB", canvas.paint.size, base)
    marking = darker(base, 0.68) if rng.random() < 0.5 else second
    _PATTERNS[rng.integers(len(_PATTERNS))](rng, ImageDraw.Draw(coat), frame, marking)
    shade = ImageChops.multiply(coat, Image.new("RGB", coat.size, (176, 170, 178)))
    bright = sum(base) > 420
    return {
        "coat": Skin(coat, shade, line),
        "second": Skin(second, darker(second, 0.74), line),
        "base": Skin(base, darker(base, 0.74), line),
        "mark": Skin.plain(marking, line),
        "pale": Skin.plain(jitter(rng, (246, 236, 220), 8), line),
        "dark": Skin.plain((40, 34, 40)),
        "white": Skin.plain((252, 250, 246), line),
        "pink": Skin.plain(jitter(rng, (232, 152, 150)), line),
        "eye": Skin.plain(EYES[rng.integers(len(EYES))]),
        "accent": Skin.plain(jitter(rng, ACCENTS[rng.integers(len(ACCENTS))])),
        "whisker": Skin.plain((62, 54, 58) if bright else (250, 246, 238)),
    }


def _solid(*_: object) -> None:
    """No marking."""


def _stripes(
    rng: np.random.Generator, brush: ImageDraw.ImageDraw, frame: Frame, color: Color
) -> None:
    """Stripes of a tabby: from the back down, tapered, every other one shorter."""
    width, lean = rng.uniform(0.035, 0.06), rng.uniform(-0.15, 0.15)
    for i, x in enumerate(np.arange(-0.8, 0.9, 2.3 * width)):
        low = rng.uniform(0.02, 0.2) - 0.12 * (i % 2)
        sway = rng.uniform(-0.03, 0.03, 4)
        heights = (-0.8, -0.4, 0.5 * (low - 0.4), low)
        path = [(x + lean * y + d, y) for y, d in zip(heights, sway, strict=True)]
        _paint(brush, frame, limb(path, (width, 0.8 * width, width, 0.1 * width), 4), color)


def _patches(
    rng: np.random.Generator, brush: ImageDraw.ImageDraw, frame: Frame, color: Color
) -> None:
    for _ in range(7):
        x, y = rng.uniform((-0.7, -0.7), (0.7, 0.5))
        turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        radius = rng.uniform(0.09, 0.2) * rng.uniform(0.75, 1.25, 8)
        blob = np.stack([x + 1.2 * radius * np.cos(turns), y + radius * np.sin(turns)], axis=1)
        _paint(brush, frame, smooth(blob, 4), color)


def _spots(
    rng: np.random.Generator, brush: ImageDraw.ImageDraw, frame: Frame, color: Color
) -> None:
    for x, y, r in rng.uniform((-0.8, -0.8, 0.022), (0.8, 0.7, 0.055), (46, 3)):
        _paint(brush, frame, ellipse(x, y, 1.15 * r, r, n=10), color)


def _two_tone(
    rng: np.random.Generator, brush: ImageDraw.ImageDraw, frame: Frame, color: Color
) -> None:
    x = np.linspace(-1.3, 1.3, 9)
    edge = rng.uniform(0.0, 0.25) + rng.uniform(-0.06, 0.06, 9)
    below = [*zip(x, edge, strict=True), (1.3, 1.5), (-1.3, 1.5)]
    _paint(brush, frame, np.array(below), color)


def _paint(brush: ImageDraw.ImageDraw, frame: Frame, shape: Shape, color: Color) -> None:
    brush.polygon(frame(shape).ravel().tolist(), color)


_PATTERNS: tuple[Draw, ...] = (_solid, _solid, _stripes, _patches, _spots, _two_tone)
