"""What do the same maps score on the objects of other images? Chance for a network's own maps.

The declared null of a measure is that of a uniform map. A network's maps are not uniform: they are
lumpy, and zero padding makes them lean to or away from the border, where objects seldom are. Maps
of other images keep all that, and know nothing of this image.
"""

import numpy as np

from campare.errors import DataError
from campare.metrics.metric import Metric
from campare.metrics.values import Values, average
from campare.types import Array


def of_other_images(
    metric: Metric, maps: Array, *masks: Array, rng: np.random.Generator, draws: int = 3
) -> Values:
    """The mean of a measure over `draws` maps of other images: what this image's mask is worth.

    Shapes: maps (N, H, W) of the size of the masks, each of `masks` (N, H, W). A draw gives every
    image the map of another one, and every map is given once. The mean is that of the draws in
    which the value is defined. Raises DataError for fewer than two images.

    Example:
        >>> from campare.metrics import METRICS
        >>> maps = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
        >>> rng = np.random.default_rng(0)
        >>> of_other_images(METRICS["energy"], maps, maps > 0, rng=rng).values.tolist()
        [0.0, 0.0]
    """
    maps = np.asarray(maps)
    if len(maps) < 2:
        raise DataError(
            f"Expected several images to exchange maps between, got {len(maps)}. Try two or more."
        )
    return average([metric.function(maps[_others(len(maps), rng)], *masks) for _ in range(draws)])


def _others(count: int, rng: np.random.Generator) -> Array:
    """A permutation that leaves nothing in its place: a random circle through all."""
    circle = rng.permutation(count)
    others = np.empty(count, np.int64)
    others[circle] = np.roll(circle, 1)
    return others
