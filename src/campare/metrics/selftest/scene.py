"""A scene whose truth is known, a network that reads it, and maps that know or do not know it.

Every image shows two patches of a checkerboard on a gray ground, one in red and one in blue, of
which one is stronger. The network measures the texture of both colors and is therefore right about
the stronger one; it looks at nothing else, wherever the patches lie. So the perfect map is known.
With little texture of either color it sees neither, a third class.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campare.attribution.baselines import edges
from campare.attribution.maps import pool, resize
from campare.metrics.metric import Explain
from campare.types import Array, Bools, Floats, Ints

SIDE = 32
PATCH = 10
GRID = (8, 8)  # of the maps that a network with layers would make

#: Red and blue over green, and how strong the two patches are.
_COLORS = (0, 2)
_STRONG, _WEAK = 100.0, 40.0
_GAIN = 0.8  # of the logits
_NEITHER = 3.0  # the logit of neither


@dataclass(frozen=True, eq=False)
class Scene:
    """N images with two patches each, of which the target's is the stronger.

    Attributes:
        images: (N, SIDE, SIDE, 3) float32 in 0..255. targets: (N,) 0 for red, 1 for blue.
        own: (N, SIDE, SIDE) the patch of the target. other: that of the other class.
    """

    images: Floats
    targets: Ints
    own: Bools
    other: Bools


def scene(count: int, rng: np.random.Generator) -> Scene:
    """Draw a scene of `count` images.

    Example:
        >>> made = scene(8, np.random.default_rng(0))
        >>> predict(made.images).argmax(axis=1).tolist() == made.targets.tolist()
        True
    """
    ground = 110 + 12 * rng.random((count, *GRID))
    images = np.repeat(resize(ground, (SIDE, SIDE))[..., None], 3, axis=-1)
    targets = np.arange(count) % 2
    masks = np.zeros((2, count, SIDE, SIDE), bool)  # target's, other's
    checker = (np.indices((SIDE, SIDE)).sum(axis=0) % 2) - 0.5
    for i, target in enumerate(targets):
        left = rng.permutation(2)  # which half shows the target
        for which, strength in enumerate((_STRONG, _WEAK)):
            y = rng.integers(1, SIDE - PATCH)
            x = rng.integers(1, SIDE // 2 - PATCH + 1) + SIDE // 2 * left[which] - 1
            masks[which, i, y : y + PATCH, x : x + PATCH] = True
            color = _COLORS[target if which == 0 else 1 - target]
            images[i, ..., color] += masks[which, i] * strength * checker
    return Scene(images.astype(np.float32), targets.astype(np.int64), *masks)


def evidence(images: Array) -> NDArray[np.float64]:
    """Texture of red and of blue over green, at every pixel: (N, H, W, 3) -> (N, H, W, 2).

    Example:
        >>> evidence(np.zeros((1, 4, 4, 3))).shape
        (1, 4, 4, 2)
    """
    images = np.asarray(images, np.float64)
    over = images[..., list(_COLORS)] - images[..., 1:2]
    across = np.abs(np.diff(over, axis=2, append=over[:, :, -1:]))
    down = np.abs(np.diff(over, axis=1, append=over[:, -1:]))
    return np.minimum(across, down)  # an edge has one of them, a texture has both


def predict(images: Array) -> NDArray[np.float64]:
    """Logits (N, 3) of the network that reads the texture of both colors: red, blue, neither.

    Example:
        >>> predict(np.zeros((1, 4, 4, 3))).tolist()
        [[0.0, 0.0, 3.0]]
    """
    of_colors = _GAIN * evidence(images).mean(axis=(1, 2))
    return np.column_stack([of_colors, np.full(len(of_colors), _NEITHER)])


def predict_untrained(images: Array) -> NDArray[np.float64]:
    """Logits (N, 3) of a network with random weights: random sums of the brightness of regions.

    Example:
        >>> predict_untrained(np.zeros((1, 8, 8, 3))).shape
        (1, 3)
    """
    gray = pool(np.asarray(images, np.float32).mean(axis=-1) / 255, GRID)
    weights = np.random.default_rng(7).normal(size=(GRID[0] * GRID[1], 3))
    return gray.reshape(len(gray), -1).astype(np.float64) @ weights


def explainers(rng: np.random.Generator) -> Mapping[str, Explain]:
    """The maps by name, as functions (images, targets) -> maps.

    'perfect' knows the patch of the target, 'inverted' is its opposite, and 'grad-cam' is what the
    network sees on a coarse grid, an honest map. 'random', 'constant', 'edge' and 'fake-cam', which
    is one but in a corner, know nothing of the network; 'untrained' explains random weights.

    Example:
        >>> made = scene(8, np.random.default_rng(0))
        >>> maps = explainers(np.random.default_rng(0))["perfect"](made.images, made.targets)
        >>> bool(((maps > 0) == made.own).mean() > 0.95)
        True
    """
    weights = np.random.default_rng(7).normal(size=3)

    def evidence_of(images: Array, targets: Ints) -> NDArray[np.float64]:
        of_classes = np.pad(evidence(images), [(0, 0)] * 3 + [(0, 1)])  # nothing shows neither
        return np.take_along_axis(of_classes, targets[:, None, None, None], axis=-1)[..., 0]

    def perfect(images: Array, targets: Ints) -> Array:
        return (evidence_of(images, targets) > _WEAK / 4).astype(np.float32)

    def fake(images: Array, targets: Ints) -> Array:  # noqa: ARG001
        maps = np.ones((len(images), *GRID), np.float32)
        maps[:, 0, 0] = 0
        return maps

    return {
        "perfect": perfect,
        "grad-cam": lambda images, targets: pool(evidence_of(images, targets), GRID),
        "inverted": lambda images, targets: 1 - perfect(images, targets),
        "random": lambda images, _: rng.random((len(images), *GRID), dtype=np.float32),
        "constant": lambda images, _: np.ones((len(images), *GRID), np.float32),
        "edge": lambda images, _: edges(images, GRID),
        "fake-cam": fake,
        "untrained": lambda images, _: pool(np.maximum(np.asarray(images) @ weights, 0), GRID),
    }
