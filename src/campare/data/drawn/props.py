"""Props: distractor objects that stand behind, beside or in front of whatever is drawn."""

from collections.abc import Callable

import numpy as np

from campare.data.drawn.canvas import BACKGROUND, Canvas, Pen, Skin
from campare.data.drawn.geometry import box, ellipse, flipped, limb, rounded, smooth
from campare.data.drawn.scenes import Rng, tint

Prop = Callable[[Pen, Rng], None]  # in the unit box round the origin


def ball(pen: Pen, rng: Rng) -> None:
    """A ball with a stripe."""
    pen.fill(ellipse(0, 0, 0.4, 0.4), skin="one")
    pen.bare(ellipse(0, 0, 0.39, 0.12, rng.uniform(0, 3)), skin="two")


def crate(pen: Pen, rng: Rng) -> None:
    """A box with a lid."""
    pen.fill(box(-0.42, -0.25, 0.42, 0.45), skin="one")
    pen.fill(box(-0.46, -0.4, 0.46, -0.22), skin="one")
    half = rng.uniform(0.05, 0.1)
    pen.bare(box(-half, -0.4, half, 0.45), skin="two")


def potted(pen: Pen, rng: Rng) -> None:
    """A potted plant."""
    for lean in np.linspace(-0.9, 0.9, 5) + rng.uniform(-0.15, 0.15, 5):
        tip = (0.45 * lean, -0.5 + 0.25 * abs(lean))
        middle = (0.3 * lean, -0.1)
        pen.fill(limb([(0, 0.2), middle, tip], (0.07, 0.19, 0.03)), skin="two")
    pen.fill(rounded([(-0.25, 0.1), (0.25, 0.1), (0.18, 0.48), (-0.18, 0.48)], 1), skin="one")


def lamp(pen: Pen, rng: Rng) -> None:
    """A standing lamp."""
    pen.fill(box(-0.035, -0.1, 0.035, 0.45), ellipse(0, 0.46, 0.2, 0.05), skin="two")
    half = rng.uniform(0.1, 0.22)
    pen.fill(rounded([(-half, -0.5), (half, -0.5), (0.32, -0.08), (-0.32, -0.08)], 1), skin="one")


def cushion(pen: Pen, rng: Rng) -> None:
    """A cushion with a button."""
    corner = np.array([(0.0, -0.24), (0.44, -0.3), (rng.uniform(0.34, 0.4), 0.0), (0.44, 0.3)])
    pen.fill(smooth([*corner, (0.0, 0.24), *flipped(corner[1:])[::-1]]), skin="one")
    pen.flat(ellipse(0, 0, 0.05, 0.05), skin="two")


def books(pen: Pen, rng: Rng) -> None:
    """A pile of books."""
    for i, shift in enumerate(rng.uniform(-0.1, 0.1, 3)):
        y = 0.4 - 0.2 * i
        pen.fill(box(-0.38 + shift, y - 0.18, 0.38 + shift, y), skin=("one", "two")[i % 2])


def stone(pen: Pen, rng: Rng) -> None:
    """A boulder."""
    x = np.linspace(0.5, -0.5, 6)
    y = -0.32 * np.sqrt(1 - (2 * x * 0.98) ** 2) * rng.uniform(0.75, 1.15, 6) + 0.2
    pen.fill(rounded([*zip(x, y, strict=True), (-0.4, 0.3), (0.4, 0.3)]), skin="one")


def bush(pen: Pen, rng: Rng) -> None:
    """A round bush."""
    top = rng.uniform(-0.12, 0)
    puffs = [(-0.26, 0.16, 0.24), (0.26, 0.16, 0.24), (0, top, 0.3), (0, 0.2, 0.25)]
    pen.fill(*(ellipse(x, y, r, r) for x, y, r in puffs), skin="two")


def blocks(pen: Pen, rng: Rng) -> None:
    """Toy blocks."""
    pen.fill(box(-0.42, 0.05, -0.02, 0.45), skin="one")
    pen.fill(box(0.02, 0.05, 0.42, 0.45), skin="two")
    x = rng.uniform(-0.25, 0.25)
    pen.fill(box(x - 0.2, -0.37, x + 0.2, 0.03), skin="one")


PROPS: tuple[Prop, ...] = (ball, crate, potted, lamp, cushion, books, stone, bush, blocks)


def put(canvas: Canvas, rng: Rng, x: float, y: float, size: float) -> None:
    """One prop at (x, y), `size` tall (shares of the canvas)."""
    looks = {name: Skin.plain(tint(rng, 0.35, 0.95)) for name in ("one", "two")}
    pen = Pen(canvas, canvas.frame, looks, BACKGROUND)
    canvas.shadow(canvas.frame(ellipse(x, y + 0.45 * size, 0.45 * size, 0.12 * size)), 0.4)
    PROPS[rng.integers(len(PROPS))](pen.within((x, y), size, rng.uniform(-0.15, 0.15)), rng)
