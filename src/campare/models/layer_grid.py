"""Grids that the user gives as `layer_grid`, by their size or by a function of a layer's output.

(14, 14), (14, 14, 1)                                   height, width, tokens in front
lambda x: x[:, 1:].reshape(len(x), 14, 14, x.shape[-1])       output -> (N, h, w, C)
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from campare.errors import LayerError
from campare.models.grids import MOST_SKIPPED
from campare.types import Array, Grid, LayerInfo


def given_grids(
    layer_grid: Sequence[int] | Callable[[Array], Array],
    layers: Mapping[str, LayerInfo],
    batch_axes: Mapping[str, int],
    images: int,
) -> tuple[dict[str, Grid], dict[str, str]]:
    """The grids of layers of which none is known, and by path why `layer_grid` fits others not.

    A function is one of NumPy's arrays here, and gets so many `images`, which lie along the axis
    of `batch_axes` in an output.

    Example:
        >>> layers = {"mix": LayerInfo("mix", "Mix", (17, 8)), "fc": LayerInfo("fc", "", (5,))}
        >>> given_grids((4, 4), layers, {"mix": 0, "fc": 0}, 2)
        ({'mix': Grid(shape=(4, 4), layout='tokens', skip=1, order=None)}, {})
    """
    given: dict[str, Grid] = {}
    failed: dict[str, str] = {}
    for path, batch in batch_axes.items():
        info = layers[path]
        if info.grid is not None or len(info.shape) < 2:
            continue
        if callable(layer_grid):
            shape = [int(side or 1) for side in info.shape]
            shape.insert(batch, images)
            try:
                given[path] = _ordered_grid(layer_grid, shape, batch, path)
            except LayerError as error:
                failed[path] = str(error)
        elif grid := _sized_grid(layer_grid, info.shape, ("tokens", "tokens-first")[batch]):
            given[path] = grid
    return given, failed


def _sized_grid(given: Sequence[int], shape: Sequence[Any], layout: Any) -> Grid | None:
    """The grid (height, width[, skip]) that a user says a sequence of `shape` (T, C) holds.

    None where it has too few tokens, or too many. Without `skip` all others are in front.

    Example:
        >>> _sized_grid((14, 14, 101), (297, 24), "tokens").skip
        101
        >>> _sized_grid((14, 14), (100, 24), "tokens") is None
        True
    """
    height, width, *more = given
    rest = int(shape[1 if layout == "tokens-last" else 0] or 0) - height * width
    skip = more[0] if more else rest
    fits = len(shape) == 2 and 0 <= skip <= rest <= skip + MOST_SKIPPED
    return Grid((height, width), layout, skip) if fits else None


def _ordered_grid(
    function: Callable[[Array], Array], shape: Sequence[int], batch: int, path: str
) -> Grid:
    """The grid that a user's function makes of an output of `shape`, whose axis `batch` are images.

    Of images (N, h, w, C); of other inputs the grid has as many sides as they have.

    The function, on NumPy here, only moves tokens, so that where it puts numbers tells all.

    Raises:
        LayerError: it does not make (N, h, w, C) of the output of the layer `path`, or changes it.

    Example:
        >>> rows_first = lambda x: x[:, 1:].reshape(len(x), 2, 3, 4)
        >>> _ordered_grid(rows_first, (2, 7, 4), 0, "block").order
        (1, 2, 3, 4, 5, 6)
    """
    one = [n for axis, n in enumerate(shape) if axis != batch]
    numbers = np.arange(prod(one), dtype=np.float32).reshape(one)
    try:
        found = function(np.stack([numbers] * shape[batch], axis=batch))
        _, *sides, channels = found.shape
        tokens = prod(one) // channels
        cells = found[0].reshape(prod(sides), channels)
        if len(sides) not in (1, 2, 3):
            raise ValueError(f"shape {found.shape}")
    except Exception as error:
        got = " ".join(str(error).split())[:200] or type(error).__name__
        raise LayerError(
            f"Expected layer_grid to make (N, h, w, C) of the output {tuple(one)} of {path!r}, "
            f"got: {got}. Try: lambda x: x[:, 1:].reshape(len(x), 14, 14, x.shape[-1])"
        ) from error
    layouts: dict[Any, Any] = {"tokens-first": (channels, 1)} if batch else {
        "tokens": (channels, 1), "tokens-last": (1, tokens),
    }  # fmt: skip
    for layout, (token, channel) in layouts.items():
        order = cells[:, 0].astype(int) // token
        if np.array_equal(cells, order[:, None] * token + np.arange(channels) * channel):
            return Grid(tuple(sides), layout, 0, tuple(order.tolist()))
    raise LayerError(
        f"Expected layer_grid to move tokens of {path!r} and change none, got other numbers than "
        "it was given. Try: indexing, reshape and permute alone"
    )
