"""Pictures of maps: colored heatmaps, overlays on the image, outlines of a mask.

An image is drawn as it is, a volume as the three planes through the maximum of its map, a signal as
a curve that its map colors.

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

#: Pixels between the planes of a volume.
_GAP = 2
#: Height of a channel of a signal and least width of its curve, in pixels; room above and below.
_CURVE, _MARGIN = (64, 512), 6
#: The ground of a curve, on which all of its colors can be told.
_GROUND = 24


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


def planes(volume: Array, one: Array, alpha: float = 0.5, *, colors: str = "inferno") -> Pixels:
    """Overlays of three planes of a volume, those through the maximum of its map, side by side.

    Shapes: volume (D, H, W, 3) in 0..255, map (d, h, w) -> (max(H, D), 2 W + H + gaps, 3): across
    the first side (H, W), the second (D, W) and the third (D, H). Of a video these are a frame and
    two slices along the time.

    Example:
        >>> planes(np.zeros((2, 3, 4, 3)), np.ones((1, 1, 1)), 0.0).shape
        (3, 15, 3)
    """
    volume = np.asarray(volume)
    heat = resize(np.nan_to_num(positive(one), posinf=0), volume.shape[:-1])
    top = np.unravel_index(heat.argmax(), heat.shape)
    cuts = [
        overlay(volume.take(at, axis), np.asarray(heat.take(at, axis)), alpha, colors=colors)
        for axis, at in enumerate(top)
    ]
    height = max(cut.shape[0] for cut in cuts)
    gap = np.zeros((height, _GAP, 3), np.uint8)
    cuts = [np.pad(cut, ((0, height - len(cut)), (0, 0), (0, 0))) for cut in cuts]
    return np.concatenate([cuts[0], gap, cuts[1], gap, cuts[2]], axis=1)


def curve(signal: Array, one: Array, *, colors: str = "plasma") -> Pixels:
    """A signal as a curve, colored by its map; its channels one below the other.

    Shapes: signal (T, C) of any range, map (t,) -> (C x 64, max(T, 512), 3). Each channel has a
    scale of its own.

    Example:
        >>> curve(np.ones((30, 2)), np.ones(10)).shape
        (128, 512, 3)
    """
    signal = np.nan_to_num(np.asarray(signal, np.float32), posinf=0, neginf=0)
    width = max(len(signal), _CURVE[1])
    color = heatmap(
        resize(np.nan_to_num(one, posinf=0), (width,))[None], colors=colors
    )  # (1, width, 3)
    rows = []
    for channel in resize(signal.T, (width,)):
        low, high = float(channel.min()), float(channel.max())
        share = (channel - low) / (high - low) if high > low else np.full(width, 0.5)
        y = (1 - share) * (_CURVE[0] - 1 - 2 * _MARGIN) + _MARGIN
        after = np.append(y[1:], y[-1])  # so that steep parts are no dots
        row = np.arange(_CURVE[0])[:, None]
        line = (row >= np.minimum(y, after) - 1) & (row <= np.maximum(y, after) + 1)
        rows.append(np.where(line[..., None], color, np.uint8(_GROUND)))
    return np.concatenate(rows)


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
