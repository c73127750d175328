"""The grid of features in a layer's output: found from shapes, read as (N, *grid, C), written back.

    channels last    (N, *grid, C)        as it is
    channels first   (N, C, *grid)        the axis moved
    tokens           (N, skip + h w, C)   class and register tokens set aside, the rest a grid

A vision transformer says nowhere how its tokens lie. They lie as the grid did that they were made
of, where a layer has shown it. Else they lie as patches do: an image H x W cut into patches of p
pixels has H/p x W/p of them. What is left over at the front are the tokens without a place.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from campare.models.arrays import cast, namespace
from campare.types import Grid

#: Class token, distillation token and registers: more than these no known network has in front.
MOST_SKIPPED = 9
_PATCHES = range(1, 129)


def find_grid(
    shape: tuple[int | None, ...],
    image: tuple[int | None, ...],
    *,
    channels_first: bool | None = False,
    seen: Sequence[tuple[int, int]] = (),
) -> Grid | None:
    """The grid in an output of `shape` (without the batch axis), or None.

    `image` are the sides of the input, (H, W) of an image; a grid has as many. `channels_first`
    None: the output of an image may be either, and is what fits its sides.
    `seen` are the grids of the layers before, of which tokens have the last that fits.

    Example:
        >>> find_grid((197, 768), (224, 224))
        Grid(shape=(14, 14), layout='tokens', skip=1)
        >>> find_grid((7, 7, 512), (224, 224)).layout
        'channels-last'
        >>> find_grid((10,), (224, 224)) is None
        True
        >>> find_grid((29, 32), (56, 84), seen=[(4, 6)])
        Grid(shape=(4, 6), layout='tokens', skip=5)
        >>> find_grid((100, 8), (400,)).shape, find_grid((4, 8, 8, 16), (8, 32, 32)).shape
        ((100,), (4, 8, 8))
    """
    if len(shape) == len(image) + 1:
        if channels_first is None:
            channels_first = len(image) == 2 and _is_channels_first(shape, image)
        grid = shape[1:] if channels_first else shape[:-1]
        return Grid(grid, "channels-first" if channels_first else "channels-last")
    if len(shape) == len(image) == 2 and shape[0] is not None and None not in image:
        return _grid_before(shape[0], image, seen) or _token_grid(shape[0], image)
    return None


def read_grid(output: Any, grid: Grid) -> Any:
    """A layer's output as float32 (N, *grid, C)."""
    xp = namespace(output)
    output = cast(output, "float32")
    if grid.layout == "channels-first":
        return xp.moveaxis(output, 1, -1)
    if grid.layout == "tokens":
        return xp.reshape(output[:, grid.skip :], (-1, *grid.shape, output.shape[-1]))
    return output


def write_grid(features: Any, output: Any, grid: Grid) -> Any:
    """Features (N, *grid, C) in the place of those that `output` holds; its other tokens stay."""
    xp = namespace(features)
    features = cast(features, output.dtype)
    if grid.layout == "channels-first":
        return xp.moveaxis(features, -1, 1)
    if grid.layout == "tokens":
        tokens = xp.reshape(features, (-1, output.shape[1] - grid.skip, output.shape[-1]))
        return xp.concatenate([output[:, : grid.skip], tokens], axis=1) if grid.skip else tokens
    return features


def _grid_before(tokens: int, image: Any, seen: Sequence[tuple[int, int]]) -> Grid | None:
    """The last grid before that fits, if it is about as oblong as the image."""
    for height, width in reversed(seen):
        alike = 0.5 <= (height / width) / (image[0] / image[1]) <= 2
        skip = tokens - height * width
        if alike and height * width > 1 and 0 <= skip <= MOST_SKIPPED:
            return Grid((height, width), "tokens", skip)
    return None


def _token_grid(tokens: int, image: Any) -> Grid | None:
    """The grid that patches of some size leave, with as few tokens in front as possible."""
    for skip in range(MOST_SKIPPED + 1):
        for height, width in _patchings(image):
            if height * width == tokens - skip and height * width > 1:
                return Grid((height, width), "tokens", skip)
    return None


def _patchings(image: Any) -> Iterator[tuple[int, int]]:
    """The grids into which patches of 1, 2, ... pixels cut an image: whole ones, or filled up."""
    for patch in _PATCHES:
        yield image[0] // patch, image[1] // patch
        yield -(-image[0] // patch), -(-image[1] // patch)


def _is_channels_first(shape: tuple[int | None, ...], image: Any) -> bool:
    first, second, third = shape
    if None in image:
        return first is not None
    patchings = set(_patchings(image))
    if (second, third) in patchings:
        return True
    if (first, second) in patchings:
        return False
    return second == third or first != second
