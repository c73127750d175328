"""The grid of features in a layer's output: found from shapes, read as (N, *grid, C), written back.

    channels last    (N, *grid, C)        as it is
    channels first   (N, C, *grid)        the axis moved
    tokens           (N, skip + h w, C)   class and register tokens set aside, the rest a grid
    tokens last, first   (N, C, T), (T, N, C)   the same, the axis moved

A vision transformer says nowhere how its tokens lie. They lie as the grid did that they were made
of, where a layer has shown it, or as that grid does after patches were merged. Else they lie as
patches do: an image H x W cut into patches of p pixels has H/p x W/p of them. What is left over at
the front are the tokens without a place. All of that are guesses, which `placement` proves.
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from campare.models.arrays import cast, namespace, take
from campare.types import Grid

#: Class token, distillation token and registers: more than these are prompts.
MOST_SKIPPED = 9
_PATCHES = range(1, 129)

#: Layouts of a sequence.
TOKENS = ("tokens", "tokens-last", "tokens-first")


def find_grid(
    shape: tuple[int | None, ...],
    image: tuple[int | None, ...],
    *,
    channels_first: bool | None = False,
    before: Sequence[tuple[int, ...]] = (),
) -> Grid | None:
    """The grid in an output of `shape` (without the batch axis), or None.

    `image` are the sides of the input, (H, W) of an image; a grid has as many. `channels_first`
    None: the output of an image may be either, and is what fits its sides.
    `before` are the grids of the layers before, of which tokens have the last that fits.

    Example:
        >>> find_grid((197, 768), (224, 224)) == Grid((14, 14), "tokens", skip=1)
        True
        >>> find_grid((7, 7, 512), (224, 224)).layout
        'channels-last'
        >>> find_grid((10,), (224, 224)) is None
        True
        >>> find_grid((29, 32), (56, 84), before=[(4, 6)]) == Grid((4, 6), "tokens", skip=5)
        True
        >>> find_grid((100, 8), (400,)).shape, find_grid((4, 8, 8, 16), (8, 32, 32)).shape
        ((100,), (4, 8, 8))
    """
    return next(iter(find_grids(shape, image, channels_first=channels_first, before=before)), None)


def find_grids(
    shape: tuple[int | None, ...],
    image: tuple[int | None, ...],
    *,
    channels_first: bool | None = False,
    before: Sequence[tuple[int, ...]] = (),
) -> list[Grid]:
    """All grids that an output of `shape` may hold, the likeliest first: as `find_grid`.

    A sequence may be (T, C), or, with `channels_first`, (C, T).

    Example:
        >>> find_grids((32, 64), (64, 64), channels_first=True) == [Grid((8, 8), "tokens-last")]
        True
    """
    if len(shape) == len(image) + 1:
        first = channels_first
        if first is None:
            as_first, as_last = (part in (image, *before) for part in (shape[1:], shape[:-1]))
            first = as_first or not as_last
            if as_first == as_last and len(image) == 2:
                first = _is_channels_first(shape, image)
        readings = [first] if channels_first is not None else [first, not first]
        return [features_grid(shape, first) for first in readings]
    if not len(shape) == len(image) == 2 or None in (*shape, *image):
        return []
    shown = [(grid[0], grid[1]) for grid in before]
    tokens, channels = (int(side or 0) for side in shape)
    found = []
    if not channels_first:
        found += [Grid(*each) for each in _token_grids(tokens, image, shown, "tokens")]
    if channels_first is not False:
        found += [Grid(*each) for each in _token_grids(channels, image, shown, "tokens-last")]
    return found


def features_grid(shape: tuple[int | None, ...], channels_first: bool) -> Grid:
    """The grid of features of `shape` (without the batch axis), whose channels come first or last.

    Example:
        >>> features_grid((64, 14, 14), True).shape, features_grid((14, 14, 64), False).shape
        ((14, 14), (14, 14))
    """
    if channels_first:
        return Grid(shape[1:], "channels-first")
    return Grid(shape[:-1], "channels-last")


def read_grid(output: Any, grid: Grid) -> Any:
    """A layer's output as float32 (N, *grid, C)."""
    output = cast(output, "float32")
    if grid.layout in TOKENS:
        tokens = read_tokens(output, grid)
        tokens = (
            tokens[:, grid.skip : grid.skip + _cells(grid)]
            if grid.order is None
            else take(tokens, grid.order)
        )
        return namespace(output).reshape(tokens, (-1, *grid.shape, tokens.shape[-1]))
    if grid.layout == "channels-first":
        return namespace(output).moveaxis(output, 1, -1)
    return output


def read_tokens(output: Any, grid: Grid) -> Any:
    """A sequence of any layout as (N, T, C); several axes of tokens become one."""
    if grid.layout != "tokens":
        here, there = (1, -1) if grid.layout == "tokens-last" else (0, 1)
        output = namespace(output).moveaxis(output, here, there)
    if len(output.shape) > 3:
        return namespace(output).reshape(output, (-1, prod(output.shape[1:-1]), output.shape[-1]))
    return output


def write_grid(features: Any, output: Any, grid: Grid) -> Any:
    """Features (N, *grid, C) in the place of those that `output` holds; its other tokens stay."""
    xp = namespace(features)
    features = cast(features, output.dtype)
    if grid.layout == "channels-first":
        return xp.moveaxis(features, -1, 1)
    if grid.layout not in TOKENS:
        return features
    before, n = read_tokens(output, grid), _cells(grid)
    tokens = xp.reshape(features, (-1, n, before.shape[-1]))
    if grid.order is not None:
        tokens = take(xp.concatenate([tokens, before], axis=1), _back(grid.order, before.shape[1]))
    elif before.shape[1] != n:
        parts = [before[:, : grid.skip], tokens, before[:, grid.skip + n :]]
        tokens = xp.concatenate([part for part in parts if part.shape[1] != 0], axis=1)
    if grid.layout == "tokens":
        return tokens if len(output.shape) == 3 else xp.reshape(tokens, (-1, *output.shape[1:]))
    if len(output.shape) > 3:  # (N, C, several axes)
        tokens = xp.reshape(tokens, (-1, *output.shape[2:], output.shape[1]))
    here, there = (-1, 1) if grid.layout == "tokens-last" else (1, 0)
    return xp.moveaxis(tokens, here, there)


def _back(order: Sequence[int], tokens: int) -> list[int]:
    """Where each of a number of tokens is among the cells in that order, and all tokens again."""
    found = {token: cell for cell, token in enumerate(order)}
    return [found.get(token, len(order) + token) for token in range(tokens)]


def are_alike(grid: Sequence[Any], image: Sequence[Any]) -> bool:
    """Whether a grid is about as oblong as the image.

    Example:
        >>> are_alike((7, 7), (224, 224)), are_alike((4, 196), (224, 224))
        (True, False)
    """
    if len(grid) != 2 or None in (*grid, *image):
        return True
    return bool(0.5 <= (grid[0] / grid[1]) / (image[0] / image[1]) <= 2)


def others_beside(grid: Grid, shape: tuple[int | None, ...]) -> int:
    """How many tokens of an output of `shape` (without the batch) are no part of the grid.

    Example:
        >>> others_beside(Grid((14, 14), "tokens", 1), (197, 768))
        1
    """
    if grid.layout not in TOKENS:
        return 0
    return int(shape[1 if grid.layout == "tokens-last" else 0] or 0) - _cells(grid)


def tokens_of(grid: Grid, shape: tuple[int | None, ...]) -> int:
    """How many tokens an output of `shape` (without the batch) is; of several axes, all.

    Example:
        >>> tokens_of(Grid((14, 14), "tokens", 1), (197, 768))
        197
    """
    axes = shape[1:] if grid.layout == "tokens-last" else shape[:-1]
    return prod(int(side or 0) for side in axes)


def _cells(grid: Grid) -> int:
    return prod(int(side or 0) for side in grid.shape)


def _token_grids(
    tokens: int, image: Any, before: Sequence[tuple[int, int]], layout: Any
) -> Iterator[tuple[tuple[int, int], Any, int]]:
    """(grid, layout, skip) of all grids that so many tokens may have, the likeliest first."""
    shown = [
        grid
        for grid in dict.fromkeys(reversed(before))
        if are_alike(grid, image) and prod(grid) > 1
    ]
    for grid in shown:
        if 0 <= tokens - prod(grid) <= MOST_SKIPPED:
            yield grid, layout, tokens - prod(grid)
    smaller = list(_merged(shown)) if shown else list(_patchings(image))
    for skip in range(MOST_SKIPPED + 1):
        for grid in dict.fromkeys(smaller):
            if prod(grid) == tokens - skip and prod(grid) > 1:
                yield grid, layout, skip
    for grid in shown:
        if tokens - prod(grid) > MOST_SKIPPED:  # prompts
            yield grid, layout, tokens - prod(grid)
    if 1 in image and tokens > 1:  # a signal as an image of one row or column
        yield (1, tokens) if image[0] == 1 else (tokens, 1), layout, 0


def _merged(grids: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The grids that are left of others after patches were merged; halves are rounded up."""
    for height, width in grids:
        for factor in range(2, max(height, width) + 1):
            if factor in (2, 4, 8) or height % factor == width % factor == 0:
                yield -(-height // factor), -(-width // factor)


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
