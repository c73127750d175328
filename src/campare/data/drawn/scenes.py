"""Scenes: walls, skies and floors behind the object, in colors and patterns that tell no class."""

from collections.abc import Callable
from colorsys import hsv_to_rgb
from itertools import pairwise

import numpy as np

from campare.data.drawn.canvas import Canvas, Color
from campare.data.drawn.geometry import Frame, Points, Shape, box, curve, ellipse

Rng = np.random.Generator
Layer = Callable[[Canvas, Rng, float], None]  # down to, or from, the horizon (share of the height)

_WOODEN, _GREEN, _AIRY = (0.05, 0.12), (0.17, 0.4), (0.5, 0.62)


def tint(
    rng: Rng, low: float = 0.5, high: float = 0.97, hues: tuple[float, float] = (0.0, 1.0)
) -> Color:
    """A color soft enough to stand behind: brightness and hue between the given bounds."""
    hue, gray = rng.uniform(*hues), rng.uniform(0.05, 0.46)
    r, g, b = hsv_to_rgb(hue, gray, rng.uniform(low, high))
    return int(255 * r), int(255 * g), int(255 * b)


def near(rng: Rng, color: Color, by: float) -> Color:
    """The color made lighter or darker by up to `by` (a share)."""
    r, g, b = np.clip(np.array(color) * (1 + rng.uniform(-by, by)), 0, 255).astype(int)
    return int(r), int(g), int(b)


def scene(canvas: Canvas, rng: Rng) -> float:
    """Paint a background; returns the horizon (0: floor all over, 1: wall all over)."""
    horizon = float(rng.choice([0.0, 1.0, rng.uniform(0.3, 0.68)], p=[0.2, 0.12, 0.68]))
    if horizon > 0:
        _WALLS[rng.integers(len(_WALLS))](canvas, rng, horizon)
    if horizon < 1:
        _FLOORS[rng.integers(len(_FLOORS))](canvas, rng, horizon)
    return horizon


def _band(canvas: Canvas, top: float, bottom: float, color: Color) -> None:
    side = canvas.side
    canvas.brush.rectangle((0, round(top * side), side, round(bottom * side)), color)


def _poly(canvas: Canvas, points: Points, color: Color) -> None:
    canvas.brush.polygon((canvas.side * np.asarray(points)).ravel().tolist(), color)


# Walls fill the picture down to the horizon.


def _plain(canvas: Canvas, rng: Rng, horizon: float) -> None:
    top, bottom = (np.array(near(rng, base, 0.1)) for base in [tint(rng)] * 2)
    steps = 12
    for i in range(steps):
        r, g, b = (top + (bottom - top) * i / steps).astype(int)
        _band(canvas, horizon * i / steps, horizon * (i + 1) / steps, (int(r), int(g), int(b)))
    _skirting(canvas, rng, horizon)


def _striped(canvas: Canvas, rng: Rng, horizon: float) -> None:
    base = tint(rng)
    _band(canvas, 0, horizon, base)
    width = rng.uniform(0.03, 0.08)
    other = near(rng, base, 0.22) if rng.random() < 0.6 else tint(rng)
    for x in np.arange(rng.uniform(-width, 0), 1, 2 * width):
        _poly(canvas, [(x, 0), (x + width, 0), (x + width, horizon), (x, horizon)], other)
    _skirting(canvas, rng, horizon)


def _dotted(canvas: Canvas, rng: Rng, horizon: float) -> None:
    base = tint(rng)
    _band(canvas, 0, horizon, base)
    step, color = rng.uniform(0.09, 0.16), near(rng, base, 0.3)
    radius = step * rng.uniform(0.16, 0.3)
    for row, y in enumerate(np.arange(step / 2, horizon - radius, step)):
        for x in np.arange((row % 2) * step / 2, 1 + step, step):
            _poly(canvas, ellipse(x, y, radius, radius, n=10), color)
    _skirting(canvas, rng, horizon)


def _bricks(canvas: Canvas, rng: Rng, horizon: float) -> None:
    base, side = tint(rng, 0.5, 0.85, (0.0, 0.14)), canvas.side
    _band(canvas, 0, horizon, near(rng, base, 0.35))
    high, gap = rng.uniform(0.07, 0.11), 0.008
    shades = [near(rng, base, 0.12) for _ in range(4)]
    for row, y in enumerate(np.arange(0, horizon, high)):
        for x in np.arange(-(row % 2) * high, 1, 2 * high):
            block = np.array([x, y, x + 2 * high - gap, min(y + high - gap, horizon)]) * side
            canvas.brush.rectangle(block.round().tolist(), shades[rng.integers(4)])


def _sky(canvas: Canvas, rng: Rng, horizon: float) -> None:
    top = np.array(tint(rng, 0.7, 0.95, _AIRY if rng.random() < 0.7 else (0.0, 1.0)), float)
    for i in range(16):
        r, g, b = (top + (252 - top) * 0.75 * i / 16).astype(int)
        _band(canvas, horizon * i / 16, horizon * (i + 1) / 16, (int(r), int(g), int(b)))
    for _ in range(rng.integers(0, 4)):
        x, y, r = rng.uniform((0, 0.05, 0.04), (1, 0.7, 0.09)) * (1, horizon, 1)
        for dx, dy, s in ((-1.2, 0.2, 0.7), (0, 0, 1.0), (1.1, 0.25, 0.75)):
            _poly(canvas, ellipse(x + dx * r, y + dy * r, 1.3 * s * r, s * r), (248, 248, 250))
    if rng.random() < 0.7:
        for far in (0.0, 1.0):
            color = tint(rng, 0.4 + 0.2 * (1 - far), 0.85, (0.15, 0.65))
            x = np.linspace(-0.1, 1.1, 6)
            y = horizon - rng.uniform(0.02, 0.2 - 0.1 * far, 6) * (0.5 + horizon)
            hill = [*curve(np.stack([x, y], 1)), (1.1, horizon), (-0.1, horizon)]
            _poly(canvas, hill, color)


def _panels(canvas: Canvas, rng: Rng, horizon: float) -> None:
    base = tint(rng)
    _band(canvas, 0, horizon, base)
    line, width = near(rng, base, 0.3), rng.uniform(0.1, 0.22)
    for x in np.arange(rng.uniform(-width, 0), 1, width):
        _poly(canvas, [(x, 0), (x + 0.012, 0), (x + 0.012, horizon), (x, horizon)], line)
    if rng.random() < 0.6:  # a picture or a window
        x, y = rng.uniform((0.05, 0.04), (0.65, 0.3)) * (1, horizon)
        w, h = rng.uniform(0.14, 0.3), min(rng.uniform(0.14, 0.3), 0.75 * horizon)
        hung = Frame(np.diag([w, h]), np.array([x, y]))
        _poly(canvas, hung(box(0, 0, 1, 1)), near(rng, (236, 226, 208), 0.3))
        _poly(canvas, hung(box(0.1, 0.1, 0.9, 0.9)), tint(rng))
        _poly(canvas, hung([(0.1, 0.9), (0.4, 0.4), (0.9, 0.9)]), tint(rng))
    _skirting(canvas, rng, horizon)


def _skirting(canvas: Canvas, rng: Rng, horizon: float) -> None:
    if horizon < 1:
        _band(canvas, horizon - 0.025, horizon, near(rng, tint(rng, 0.8, 0.95), 0.1))


# Floors fill it from the horizon down, in perspective.


def _depths(rng: Rng, horizon: float, rows: int) -> Shape:
    """Heights of lines on the floor at equal distances, seen from above the horizon."""
    near_to_far = np.linspace(0, 1, rows + 1) ** rng.uniform(1.3, 2.0)
    return horizon + (1 - horizon) * near_to_far


def _grass(canvas: Canvas, rng: Rng, horizon: float) -> None:
    base = tint(rng, 0.5, 0.85, _GREEN)
    _band(canvas, horizon, 1, base)
    side, shades = canvas.side, [near(rng, base, 0.25) for _ in range(4)]
    blades = rng.uniform((-0.05, horizon, -0.03, 0.03), (1.05, 1.04, 0.03, 0.08), (130, 4))
    blades = blades[blades[:, 1].argsort()]
    x, y, lean, high = blades.T
    size = 0.4 + 0.8 * (y - horizon) / (1.04 - horizon)
    corners = [x - 0.012 * size, y, x + 0.012 * size, y, x + lean * size, y - high * size]
    for i, blade in enumerate((side * np.stack(corners, axis=1)).tolist()):
        canvas.brush.polygon(blade, shades[i % 4])


def _wood(canvas: Canvas, rng: Rng, horizon: float) -> None:
    base = tint(rng, 0.45, 0.9, _WOODEN)
    _band(canvas, horizon, 1, base)
    rows = _depths(rng, horizon, int(rng.integers(5, 9)))
    for top, bottom in pairwise(rows):
        _band(canvas, top, bottom, near(rng, base, 0.1))
        for _ in range(3):
            y = rng.uniform(top, bottom)
            x = rng.uniform(-0.2, 0.9)
            grain = near(rng, base, 0.14)
            _poly(canvas, [(x, y), (x + rng.uniform(0.1, 0.5), y), (x + 0.2, y + 0.006)], grain)
        _band(canvas, top, top + 0.006, near(rng, (70, 60, 56), 0.2))
        x = rng.uniform(0, 1)
        _poly(canvas, [(x, top), (x + 0.007, top), (x + 0.007, bottom), (x, bottom)], (80, 70, 64))


def _tiles(canvas: Canvas, rng: Rng, horizon: float) -> None:
    light = tint(rng, 0.6, 0.95)
    dark = near(rng, light, 0.25) if rng.random() < 0.5 else tint(rng)
    _band(canvas, horizon, 1, light)
    rows = _depths(rng, horizon, int(rng.integers(4, 7)))
    eye, spread = rng.uniform(0.2, 0.8), rng.uniform(0.12, 0.2)
    for i, (top, bottom) in enumerate(pairwise(rows)):
        wide = spread * (0.55 + 0.9 * (rows[[i, i + 1]] - horizon) / (1 - horizon))
        for j in range(-10 + i % 2, 11, 2):
            a, b = eye + j * wide[0], eye + j * wide[1]
            tile = [(a, top), (a + wide[0], top), (b + wide[1], bottom), (b, bottom)]
            _poly(canvas, tile, dark)


def _carpet(canvas: Canvas, rng: Rng, horizon: float) -> None:
    base = tint(rng)
    _band(canvas, horizon, 1, base)
    colors = [near(rng, base, 0.28), tint(rng)]
    center, wide = rng.uniform(0.3, 0.7), rng.uniform(0.4, 0.6)
    middle, high = (1 + horizon) / 2, 0.42 * (1 - horizon)
    for shrink, color in ((1.0, colors[0]), (0.86, colors[1]), (0.72, colors[0]), (0.3, base)):
        if rng.random() < 0.85:
            rug = ellipse(center, middle, wide * shrink, high * shrink, n=36)
            _poly(canvas, rug, color)


def _speckled(canvas: Canvas, rng: Rng, horizon: float) -> None:
    """Sand, snow, gravel: a ground with small marks."""
    base = tint(rng, 0.5, 0.95)
    _band(canvas, horizon, 1, base)
    marks = rng.uniform((0, horizon, 0.004), (1, 1, 0.014), (60, 3))
    shades = [near(rng, base, 0.2) for _ in range(3)]
    for i, (x, y, r) in enumerate(marks):
        _poly(canvas, ellipse(x, y, 1.5 * r, 0.8 * r, n=8), shades[i % 3])


def _blanket(canvas: Canvas, rng: Rng, horizon: float) -> None:
    """A plaid."""
    base = tint(rng)
    _band(canvas, horizon, 1, base)
    step = rng.uniform(0.12, 0.2)
    across, down = near(rng, base, 0.2), near(rng, base, 0.2)
    for y in np.arange(horizon, 1, step):
        _band(canvas, y, min(y + 0.45 * step, 1), across)
    for x in np.arange(rng.uniform(-step, 0), 1, step):
        stripe = [(x, horizon), (x + 0.3 * step, horizon), (x + 0.4 * step, 1), (x - 0.1 * step, 1)]
        _poly(canvas, stripe, down)


_WALLS: tuple[Layer, ...] = (_plain, _striped, _dotted, _bricks, _sky, _sky, _panels)
_FLOORS: tuple[Layer, ...] = (_grass, _grass, _wood, _tiles, _carpet, _speckled, _blanket)
