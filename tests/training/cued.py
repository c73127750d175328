"""Images on which a network may look at the object, or at a cue beside it."""

import numpy as np

from campare import explain
from campare.attribution.maps import positive, resize
from campare.data import Images
from campare.metrics.localization import energy


def cued(n=16, size=16, seed=0, masks=True):
    """The class is the color of a square with a mask, and that of a brighter one in the corner."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (n, size, size, 3), dtype=np.uint8)
    labels, inside = np.arange(n) % 2, np.zeros((n, size, size), bool)
    for i, label in enumerate(labels):
        top, left = rng.integers(5, size - 6, 2)
        inside[i, top : top + 6, left : left + 6] = True
        pixels[i, inside[i], label] = 160
        pixels[i, :4, :4, label] = 250
    names = tuple(f"{i}.png" for i in range(n))
    return Images(pixels, labels, names, {"object": inside & masks}, ("a", "b"))


def share_inside(model, images):
    """The mean energy of the maps of the labels inside the masks."""
    maps = explain(model, images.images.astype("float32"), target=images.labels).maps
    values = energy(positive(resize(maps, images.images.shape[1:3])), images.regions["object"])
    return np.nanmean(values.values)
