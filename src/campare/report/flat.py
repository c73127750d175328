"""Volumes and signals as pictures, so that a gallery of pictures shows them with maps and masks.

    volume (D, H, W, C)    the three planes through the maximum of the arms' mean map, on a square
    signal (T, C)          its curves, each channel below the one before; maps are bands over them
    image (H, W, C)        gray, or its colors where it has three channels

All arms show the same planes: those through the maximum of the mean over arms of their maps, each
divided by its own maximum. They are chosen to be looked at; nothing is measured on them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from campare.attribution import maps as cam_maps
from campare.data.samples import Images
from campare.types import Array, Bools, Floats

#: Least pixels a side of a picture, and those of a picture of curves.
LEAST, CURVES = 160, 320
#: Pixels between planes.
GAP = 2
#: The ground and the line of a curve.
GROUND, LINE = 24, 235

#: (H, W) of values on a grid of any rank (*grid) of one image.
Laid = Callable[[int, Array], Array]


@dataclass(frozen=True)
class Flat:
    """Images that a gallery can show, how their maps are laid out like them, and what to say."""

    images: Images
    maps: Callable[[Floats], Floats]
    says: str

    def grid(self, maps: Floats) -> tuple[int, int]:
        """(h, w) of maps once they are laid out."""
        height, width = self.maps(maps[:1]).shape[1:]
        return height, width

    def every(self, maps: Mapping[str, Floats]) -> dict[str, Floats]:
        """Maps by method, laid out."""
        return {method: self.maps(each) for method, each in maps.items()}


def flat(images: Images, maps: Sequence[Floats]) -> Flat:
    """Images of any rank as pictures; `maps` are those of each arm (N, *grid), by one method.

    Example:
        >>> beat = Images.from_arrays(np.zeros((1, 50, 2)), masks=[[(10, 20)]])
        >>> found = flat(beat, [np.ones((1, 10))])
        >>> found.images.images.shape, found.maps(np.ones((1, 10))).shape
        ((1, 320, 320, 3), (1, 320, 320))
    """
    if images.pictures:
        return Flat(images, lambda given: given, "")
    rank = len(images.grid)
    if rank == 1:
        return _laid(images, _bands, _curves(images.images), "Signals are drawn as curves.")
    if rank == 2:
        return _laid(images, lambda _, one: _square(one), _gray(images.images), "")
    places = _places(images, maps)

    def planes(at: int, one: Array) -> Array:
        return _planes(one, places[at])

    says = (
        "Volumes are shown by the three planes through the maximum of the mean map, which are the "
        "same for all."
    )
    if rank > 3:
        says = f"Of arrays of {rank} axes the first three are shown, in the middle of the others."
        middle = tuple(side // 2 for side in images.grid[3:])

        def planes(at: int, one: Array) -> Array:
            return _planes(one[(slice(None),) * 3 + middle], places[at][:3])

    return _laid(images, planes, _gray(images.images), says)


def _laid(images: Images, layout: Laid, pictures: Array, says: str) -> Flat:
    """Pictures (N, *grid, 3), or already (N, S, S, 3), maps and masks by one layout."""
    drawn = pictures
    if pictures.shape[1:-1] == images.grid and len(images.grid) > 1:
        drawn = np.stack(
            [
                np.stack([layout(at, one[..., k]) for k in range(3)], axis=-1)
                for at, one in enumerate(pictures)
            ]
        )
    side = drawn.shape[1]
    times = -(-LEAST // side)
    drawn = drawn.repeat(times, axis=1).repeat(times, axis=2)

    def maps(given: Floats) -> Floats:
        positive = np.nan_to_num(cam_maps.positive(given), posinf=0)
        laid = (layout(at, cam_maps.resize(one, images.grid)) for at, one in enumerate(positive))
        return np.stack([np.asarray(one, np.float32) for one in laid])

    def masks(given: Bools) -> Bools:
        found = np.stack([layout(at, one) for at, one in enumerate(given)])
        return np.asarray(found.repeat(times, axis=1).repeat(times, axis=2), bool)

    regions = {name: masks(each) for name, each in images.regions.items()}
    return Flat(replace(images, images=drawn, regions=regions), maps, says)


def _places(images: Images, maps: Sequence[Floats]) -> list[tuple[int, ...]]:
    """Of each image the cell where the mean over arms of their maps is largest."""
    found = []
    for at in range(len(images)):
        mean = np.zeros(images.grid, np.float64)
        for of_arm in maps:
            one = np.nan_to_num(cam_maps.positive(of_arm[at]), posinf=0)
            top = float(one.max())
            mean += cam_maps.resize(one / (top or 1.0), images.grid)
        places = np.unravel_index(int(mean.argmax()), images.grid)
        found.append(tuple(int(place) for place in places))
    return found


def _planes(volume: Array, place: tuple[int, ...]) -> Array:
    """(D, H, W) -> a square with (H, W) and, to its right and below, (H, D) and (D, W)."""
    depth, height, width = volume.shape
    d, y, x = place
    side = max(height + GAP + depth, width + GAP + depth)
    found = np.zeros((side, side), volume.dtype)
    found[:height, :width] = volume[d]
    found[:height, width + GAP : width + GAP + depth] = volume[:, :, x].T
    found[height + GAP : height + GAP + depth, :width] = volume[:, y]
    return found


def _square(one: Array) -> Array:
    """(H, W) -> (S, S), with zeros at the end of the shorter side."""
    side = max(one.shape)
    found = np.zeros((side, side), one.dtype)
    found[: one.shape[0], : one.shape[1]] = one
    return found


def _bands(_: int, one: Array) -> Array:
    """(T,) -> a square whose columns have its values."""
    columns = (np.arange(CURVES) * len(one)) // CURVES
    return np.broadcast_to(one[columns], (CURVES, CURVES))


def _curves(signals: Floats) -> Array:
    """(N, T, C) -> (N, S, S, 3): a curve for each channel, one below the other."""
    return np.stack([_curve(one) for one in signals])


def _curve(signal: Floats) -> Array:
    channels = min(signal.shape[1], CURVES // 8)
    height = CURVES // channels
    found = np.full((CURVES, CURVES), GROUND, np.uint8)
    row = np.arange(height)[:, None]
    for at in range(channels):
        values = cam_maps.resize(signal[:, at], (CURVES,))
        low, high = float(values.min()), float(values.max())
        share = (values - low) / (high - low) if high > low else np.full(CURVES, 0.5)
        y = (1 - share) * (height - 5) + 2
        after = np.append(y[1:], y[-1])  # so that steep parts are no dots
        line = (row >= np.minimum(y, after) - 1) & (row <= np.maximum(y, after) + 1)
        found[at * height : (at + 1) * height][line] = LINE
    return np.repeat(found[..., None], 3, axis=-1)


def _gray(arrays: Floats) -> Array:
    """(N, *grid, C) -> (N, *grid, 3) uint8, each between its own lowest and highest value."""
    shades = arrays if arrays.shape[-1] == 3 else arrays.mean(axis=-1, keepdims=True)
    axes = tuple(range(1, shades.ndim))
    low, high = shades.min(axis=axes, keepdims=True), shades.max(axis=axes, keepdims=True)
    scaled = (shades - low) / np.where(high > low, high - low, 1)
    return np.broadcast_to(np.rint(255 * scaled).astype(np.uint8), (*arrays.shape[:-1], 3))
