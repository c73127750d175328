"""One thing on an empty canvas: where it was drawn, and what the tests of drawings ask of it."""

import numpy as np

from campare.data.drawn.canvas import OBJECT, Canvas, Pen, Skin

SIDE = 128
SKINS = {
    name: Skin.plain(color)
    for name, color in {
        "coat": (200, 120, 60), "second": (90, 140, 200), "base": (190, 110, 60),
        "mark": (120, 80, 160), "pale": (240, 230, 210), "dark": (40, 34, 40),
        "white": (250, 250, 246), "pink": (230, 150, 150), "eye": (100, 150, 80),
        "accent": (206, 70, 62), "whisker": (62, 54, 58), "one": (80, 160, 90),
        "two": (220, 190, 80),
    }.items()
}  # fmt: skip


def pen(label=OBJECT):
    """A pen whose local unit is half a canvas, with the origin in the middle."""
    canvas = Canvas(SIDE, (0.0, -1.0))
    return Pen(canvas, canvas.frame.within((0.5, 0.5), 0.5), SKINS, label)


def sketch(draw, seed=0, label=OBJECT):
    """Paint (S, S, 3) and labels (S, S) of `draw(pen, rng)`."""
    one = pen(label)
    draw(one, np.random.default_rng(seed))
    return np.asarray(one.canvas.paint), np.asarray(one.canvas.labels)


def extent(labels):
    """Left, top, right and bottom of what is labelled, in local units."""
    rows, columns = np.flatnonzero(labels.any(1)), np.flatnonzero(labels.any(0))
    edges = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return (edges / SIDE - 0.5) / 0.5


def assert_things_in_their_unit_box(things, seeds=3, margin=0.06):
    """Each thing fills the box (-0.5, 0.5) one way, but for its outline, as its seed has it."""
    for thing in things:
        drawings = [sketch(thing, seed) for seed in range(seeds)]
        for _, labels in drawings:
            left, top, right, bottom = extent(labels)
            assert min(left, top) > -0.5 - margin, thing.__name__
            assert max(right, bottom) < 0.5 + margin, thing.__name__
            assert max(right - left, bottom - top) > 0.75, thing.__name__
            assert set(np.unique(labels)) == {0, OBJECT}, thing.__name__
        assert len({paint.tobytes() for paint, _ in drawings}) == seeds, thing.__name__
        again, _ = sketch(thing, 0)
        assert np.array_equal(again, drawings[0][0]), thing.__name__


def asymmetry(labels):
    """The share of what is drawn that its mirror image does not cover."""
    inside = labels > 0
    return (inside & ~inside[:, ::-1]).sum() / inside.sum()
