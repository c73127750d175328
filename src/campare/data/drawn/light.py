"""Light and paper: what lies over a whole picture, whatever it shows."""

from functools import lru_cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_TILE = 160


def towards(rng: np.random.Generator) -> tuple[float, float]:
    """The unit vector towards the light: from above, left or right."""
    angle = -pi / 2 + rng.uniform(-1.1, 1.1)
    return cos(angle), sin(angle)


def lit(
    color: NDArray[np.float32],
    light: NDArray[np.float64],
    rng: np.random.Generator,
    grain: np.random.Generator,
) -> NDArray[np.uint8]:
    """Put light on a picture: a gradient towards `light`, brightness, warmth, paper, grain.

    `color` is (S, S, 3) in 0..255; `rng` draws the light, `grain` the noise of the camera.
    """
    size = len(color)
    x = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    slope = rng.uniform(0.0, 0.4)
    right, down = (np.float32(slope * v) for v in light)
    fall = 1 + right * x[None, :] + down * x[:, None]  # (S, S)
    fall *= _paper(rng, size)
    warmth = rng.uniform(-0.09, 0.09)
    cast = rng.uniform(0.9, 1.16) * np.array([1 + warmth, 1.0, 1 - warmth])
    noise = grain.standard_normal((size, size), np.float32) * np.float32(rng.uniform(1.0, 3.0))
    bright = color * fall[..., None] * cast.astype(np.float32) + noise[..., None]
    picture: NDArray[np.uint8] = np.clip(bright, 0, 255).astype(np.uint8)
    return picture


def _paper(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """The texture of paper, (size, size), around 1."""
    tile = _tile(int(rng.integers(2)))
    side = _TILE / rng.uniform(1.3, 2.6)
    x, y = rng.uniform(0, _TILE - side, 2)
    window = (x, y, x + side, y + side)
    return np.asarray(tile.resize((size, size), Image.Resampling.BILINEAR, box=window))


@lru_cache
def _tile(kind: int) -> Image.Image:
    """Noise around 1, fine (0) or cloudy (1); the same in every run."""
    rng = np.random.default_rng(kind)
    total = np.zeros((_TILE, _TILE), np.float32)
    for cells, weight in ((8, 1.0), (20, 0.7), (80, 0.5)) if kind else ((80, 0.7), (160, 1.0)):
        small = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
        total += weight * np.asarray(small.resize((_TILE, _TILE), Image.Resampling.BICUBIC))
    return Image.fromarray(1 + np.clip(0.024 * total / total.std(), -0.1, 0.1))
