"""What a page can carry: photos, heatmaps and outlines of many images in a few megabytes.

A photo is stored once, however many arms there are; a heatmap is a small grid of bytes that the
page enlarges and colors itself. `plan` picks the sides at which everything fits.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from campare.attribution import drawing
from campare.attribution import maps as cam_maps

PHOTOS, HEATMAPS = 3_700_000, 1_600_000  # bytes for all of them; base64 adds a third
#: Sides to try, in pixels and in cells of a map, from the largest.
SIDES = (320, 256, 224, 192, 160, 128, 112, 96, 80, 64)
CELLS = (64, 56, 48, 40, 32, 28, 24, 20, 16, 14, 12, 10, 8)

Grid = tuple[int, int]


class Plan(NamedTuple):
    """How many images a page shows, the side of their photos, and the grid of each arm's maps."""

    images: int
    side: int
    grids: tuple[Grid, ...]


def plan(images: NDArray[np.uint8], grids: Sequence[Grid], *, photos: int = PHOTOS) -> Plan:
    """The largest sides at which all images fit, else as many images as fit at the smallest.

    Shapes: images (N, S, S, 3); `grids` are those of the arms' maps.

    Example:
        >>> plan(np.zeros((2, 96, 96, 3), np.uint8), [(48, 48), (7, 7)])
        Plan(images=2, side=96, grids=((48, 48), (7, 7)))
    """
    n, stored = images.shape[:2]
    few = images[np.linspace(0, n - 1, min(n, 16)).astype(int)]
    sides = [min(stored, SIDES[0]), *(side for side in SIDES if side < stored)]
    for side in dict.fromkeys(sides):
        each = max(1.0, float(np.mean([len(webp(picture, side)) for picture in few])))
        if n * each <= photos:
            break
    n = min(n, int(photos / each))
    for most in CELLS:
        small = tuple((min(h, most), min(w, most)) for h, w in grids)
        if n * sum(h * w for h, w in small) <= HEATMAPS:
            break
    return Plan(n, side, small)


def webp(picture: NDArray[Any], side: int | None = None, quality: int = 80) -> bytes:
    """A picture as WebP.  uint8 (H, W, 3), made smaller to `side` pixels -> bytes"""
    image = Pillow.fromarray(np.ascontiguousarray(picture))
    if side is not None and side < image.width:
        image = image.resize((side, side), Pillow.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "webp", quality=quality, method=2)
    return out.getvalue()


def text(content: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(content).decode("ascii")


def grid_bytes(raw: NDArray[Any], grid: Grid) -> bytes:
    """Maps as one byte a cell, each map scaled by its own maximum.

    Shapes: (N, h, w) -> N * grid[0] * grid[1] bytes, rows first; an empty map is all zero.

    Example:
        >>> list(grid_bytes(np.array([[[0.0, 2.0], [1.0, -3.0]]]), (2, 2)))
        [0, 255, 128, 0]
    """
    positive = np.nan_to_num(cam_maps.positive(raw), posinf=0)
    small = positive if positive.shape[1:] == grid else cam_maps.pool(positive, grid)
    return np.round(255 * drawing.shown(small)).astype(np.uint8).tobytes()


def blended(
    photo: NDArray[np.uint8], raw: NDArray[Any], window: Sequence[float] | None = None
) -> NDArray[np.uint8]:
    """A heatmap over its photo as the page draws it: nearly clear where the map is low.

    Shapes: (H, W, 3), (h, w) -> (H, W, 3). `window` is the part of the photo that the map is of, as
    `maps.within` has it, where that is not all of it: the rest stays as it is.
    """
    height, width = photo.shape[:2]
    positive = np.nan_to_num(cam_maps.positive(raw), posinf=0)
    if window is None:
        big = cam_maps.resize(positive[None], (height, width))[0]
    else:
        big = cam_maps.within(positive, window, (height, width))
    alpha = 0.85 * (0.3 + 0.7 * drawing.shown(big)[..., None])
    mixed = (1 - alpha) * photo + alpha * drawing.heatmap(big)
    drawn = np.asarray(np.round(mixed), np.uint8)
    return np.where(np.isnan(big)[..., None], photo, drawn)


def outlines(regions: Mapping[str, NDArray[np.bool_]], at: int) -> list[list[str]]:
    """[region, SVG path] around the object and the cue of image `at`, in pixels of the image."""
    from skimage.measure import approximate_polygon, find_contours

    paths = []
    for region in ("object", "cue"):
        if region not in regions or not regions[region][at].any():
            continue
        mask = regions[region][at]
        coarse = max(0.4, len(mask) / 250)  # pixels that a line may deviate
        lines = find_contours(np.pad(mask, 1).astype(np.float32), 0.5)
        kept = (approximate_polygon(line, coarse) for line in lines if len(line) > 6)
        paths.append([region, "".join(_closed(line) for line in kept)])
    return paths


def _closed(line: NDArray[Any]) -> str:
    """Corners (n, 2) in rows and columns of a padded mask -> an SVG path in pixels of the image."""
    # The padding moved it by one, and the center of the first pixel lies at half: - 1 + 0.5.
    return "M" + " ".join(f"{x - 0.5:.3g} {y - 0.5:.3g}" for y, x in line) + "Z"
