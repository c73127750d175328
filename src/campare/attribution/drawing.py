"""Pictures of maps: colored heatmaps, overlays on the image, outlines of a mask.

Only here is a map normalized, each by its own maximum, and only to be looked at.
"""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from campare.attribution.maps import positive, resize, within
from campare.errors import CampareError
from campare.types import Array, Bools, Floats

Pixels = NDArray[np.uint8]


def heatmap(maps: Array, *, colors: str = "inferno") -> Pixels:
    """Color the positive part of maps, each scaled by its own maximum.

    Shapes: (..., h, w) -> (..., h, w, 3). 'inferno' is perceptually uniform and readable by the
    color-blind; any other name of a matplotlib color map works, such as 'turbo'. Pixels that are
    not finite count as zero. Raises CampareError for an unknown color map.

    Example:
        >>> heatmap(np.array([[0.0, 5.0]])).tolist()
        [[[0, 0, 3], [252, 254, 164]]]
    """
    return _lut(colors)[np.round(255 * shown(maps)).astype(np.uint8)]


def overlay(images: Array, maps: Array, alpha: float = 0.5, *, colors: str = "inferno") -> Pixels:
    """Blend heatmaps over images; maps are enlarged to the images first.

    Shapes: images (..., H, W, 3) in 0..255, maps (..., h, w) -> (..., H, W, 3). `alpha` is the
    share of the heatmap, 0 to 1.

    Example:
        >>> overlay(np.full((1, 2, 2, 3), 200, np.uint8), np.zeros((1, 1, 1)), 0.0).max()
        np.uint8(200)
    """
    images = np.asarray(images)
    height, width = images.shape[-3:-1]
    colored = heatmap(
        resize(np.nan_to_num(positive(maps), posinf=0), (height, width)), colors=colors
    )
    return np.round((1 - alpha) * images + alpha * colored.astype(np.float32)).astype(np.uint8)


def overlay_within(
    picture: Array, one: Array, window: Sequence[float], alpha: float = 0.5
) -> Pixels:
    """Blend a map over the part of a picture that it is of; the rest stays as it is.

    Shapes: picture (H, W, 3) in 0..255, map (h, w) -> (H, W, 3). `window` as of `maps.within`.

    Example:
        >>> picture = np.full((2, 4, 3), 200, np.uint8)
        >>> overlay_within(picture, np.zeros((1, 1)), (0, 0.5, 1, 1))[0, :, 0].tolist()
        [200, 200, 100, 100]
    """
    covered = ~np.isnan(within(np.zeros((1, 1)), window, (picture.shape[0], picture.shape[1])))
    placed = within(np.nan_to_num(one), window, (picture.shape[0], picture.shape[1]))
    drawn = overlay(picture, np.nan_to_num(placed), alpha)
    drawn[~covered] = picture[~covered]
    return drawn


def outline(
    image: Array, mask: Bools, *, color: tuple[int, int, int] = (0, 255, 255), width: int = 1
) -> Pixels:
    """Draw the border of a mask: a line inside it and a black one outside, seen on any ground.

    Shapes: image (H, W, 3) uint8, mask (H, W) -> (H, W, 3), a copy. `width` is in pixels; where
    the mask touches the border of the image, the line runs along that border.

    Example:
        >>> mask = np.zeros((5, 5), bool)
        >>> mask[1:4, 1:4] = True
        >>> outline(np.full((5, 5, 3), 9, np.uint8), mask)[2, :, 0].tolist()
        [0, 0, 9, 0, 0]
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    drawn = np.array(image, dtype=np.uint8)
    around = np.ones((3, 3), bool)
    drawn[mask & ~binary_erosion(mask, around, iterations=width)] = color
    drawn[binary_dilation(mask, around, iterations=width) & ~mask] = 0
    return drawn


def png_data_uri(picture: Pixels) -> str:
    """A picture (H, W, 3) as a PNG in a `data:` address, to embed in a page.

    Example:
        >>> png_data_uri(np.zeros((1, 1, 3), np.uint8))[:22]
        'data:image/png;base64,'
    """
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode("ascii")


def shown(maps: Array) -> Floats:
    """The positive part of each map divided by its maximum, in [0, 1]; an empty map stays zero.

    Example:
        >>> shown(np.array([[-1.0, 1.0, 2.0]])).tolist()
        [[0.0, 0.5, 1.0]]
    """
    maps = np.nan_to_num(positive(maps), posinf=0)
    top = maps.max(axis=(-2, -1), keepdims=True)
    scaled: Floats = np.divide(maps, top, out=np.zeros_like(maps), where=top > 0)
    return scaled


@cache
def _lut(colors: str) -> Pixels:
    """(256, 3): the colors of a matplotlib color map."""
    from matplotlib import colormaps

    if colors not in colormaps:
        raise CampareError(
            f"Expected the name of a matplotlib color map, got {colors!r}. "
            "Try 'inferno', 'viridis' or 'turbo'."
        )
    table: Pixels = colormaps[colors](np.arange(256), bytes=True)[:, :3]
    return table
