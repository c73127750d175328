"""Maps as the run keeps them, by every method, of the images of a page that one can look into.

A gallery draws grids of bytes. Here are float32 values, for numbers under the pointer and for
downloads: of the images chosen by rule, and of others as they fit. Maps that are too large for
that are pooled; the page says so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campare.attribution import maps as cam_maps
from campare.report import packing

FLOATS = 1_000_000  # bytes for all of them; base64 adds a third

#: Method and metric -> of each arm a value an image, None where there is none.
Scores = Callable[[str, str], list[list[float | None]]]


def closer(
    maps: Sequence[Mapping[str, NDArray[Any]]],
    index: NDArray[np.int64],
    chosen: int,
    scores: Scores,
    metrics: Sequence[str],
    *,
    most: int = FLOATS,
) -> dict[str, Any]:
    """What the page's script reads of the first images of `index`, of which `chosen` must be there.

    `maps` are those of each arm, method -> (N, h, w). The result: how many `images` it is of, and
    for each of `methods` its name, the `scores` metric -> arm -> image, and an arm's grid, the grid
    in the run, and the values in base64, little-endian.

    Example:
        >>> found = closer([{"grad-cam": np.ones((3, 2, 2))}], np.array([2, 0]), 1,
        ...     lambda method, metric: [[0.5, None]], ["iou"])
        >>> found["images"], found["methods"][0]["arms"][0]["grid"]
        (2, [2, 2])
    """
    names = list(dict.fromkeys(name for of in maps for name in of if _flat(of[name])))
    stored = [of[name].shape[1:] for of in maps for name in names if name in of]
    n = min(len(index), chosen)
    for side in (10**6, *packing.CELLS):
        cells = sum(min(h, side) * min(w, side) for h, w in stored)
        if n * cells * 4 <= most:
            break
    n = min(len(index), most // max(1, 4 * cells))
    return {
        "images": n,
        "methods": [
            {
                "name": name,
                "arms": [_arm(of.get(name), index[:n], side) for of in maps],
                "scores": [[row[:n] for row in scores(name, metric)] for metric in metrics],
            }
            for name in names
        ],
    }


def _flat(maps: NDArray[Any]) -> bool:
    return maps.ndim == 3


def _arm(maps: NDArray[Any] | None, index: NDArray[np.int64], side: int) -> dict[str, Any] | None:
    """One method's maps of an arm; None where it has none."""
    if maps is None:
        return None
    h, w = maps.shape[1:]
    grid = (min(h, side), min(w, side))
    shown = maps[index] if grid == (h, w) else cam_maps.pool(maps[index], grid)
    values = np.ascontiguousarray(shown, "<f4")
    return {"grid": [*grid], "stored": [h, w], "values": packing.text(values.tobytes())}
