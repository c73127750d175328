"""Attributions of the input itself: maps at the resolution of the image, from scores and gradients.

    gradient              max_c |dS/dx_c|
    gradient x input      sum_c x_c dS/dx_c
    integrated gradients  sum_c (x - x0)_c  mean of dS/dx_c on the way from x0 to x
    SmoothGrad            max_c |mean of dS/dx_c over noisy copies of x|
    occlusion             mean of S(x) - S(x without a window) over the windows at a pixel
    RISE                  mean of P(x m) m / E[m] over random masks m

Functions as in `perturbation`: (classifier, images, target, *, layer, batch_size, rng) -> maps, for
images, signals and volumes alike. `layer` is not looked at. The `..._attributions` keep the colors.
"""

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np

from campare.attribution.maps import resize
from campare.attribution.passes import chunks, fixed_target
from campare.attribution.perturbation import NOISE, SAMPLES, STEPS, masked
from campare.errors import CampareError
from campare.models.several import exchanged, explained
from campare.targets import part_of
from campare.types import Array, Floats, Tap, Target

#: RISE: masks an image, cells of a mask along each side, and how many of them are kept.
MASKS, CELLS, KEPT = 512, 7, 0.5
#: Occlusion: windows are this part of each side, and half a window apart.
WINDOW = 8

#: Copies of images by which image (B,) and which copy of it (B,): (B, *sides, C).
Copies = Callable[[Array, Array], Array]


def gradient(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,  # noqa: ARG001
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
) -> Floats:
    """The gradient of the score: max_c |dS/dx_c|, how much each pixel could change it.

    Shapes (N, H, W, C) -> (N, H, W), >= 0. Simonyan et al. 2014, Deep inside convolutional
    networks, section 3.1. Cost: a pass forward and backward.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> gradient(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 8, 8)
    """
    return _largest(gradient_attributions(classifier, images, target, batch_size=batch_size))


def gradient_attributions(
    classifier: Any, images: Array, target: Target = None, *, batch_size: int = 32
) -> Floats:
    """dS/dx (N, *sides, C), both signs."""
    shown = np.asarray(explained(images), np.float32)
    return _mean_gradients(classifier, images, target, 1, lambda i, _: shown[i], batch_size)


def gradient_x_input(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,  # noqa: ARG001
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
) -> Floats:
    """Gradient times input: sum_c x_c dS/dx_c, of both signs.

    Shapes (N, H, W, C) -> (N, H, W). Shrikumar et al. 2016, Not just a black box, section 3. The
    input is what the model takes. Cost: a pass forward and backward.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> gradient_x_input(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 8, 8)
    """
    found = gradient_attributions(classifier, images, target, batch_size=batch_size)
    return _summed(found * np.asarray(explained(images), np.float32))


def integrated_gradients(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,  # noqa: ARG001
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
    steps: int = STEPS,
    baseline: float = 0.0,
) -> Floats:
    """Integrated gradients: sum_c (x - x0)_c times the mean gradient on the way from x0 to x.

    x0 is `baseline` everywhere, in what the model takes; the gradient is taken in the middle of
    each of `steps` equal parts of the way. The values of a map sum to S(x) - S(x0), up to the error
    of that rule. Shapes (N, H, W, C) -> (N, H, W), of both signs.

    Sundararajan et al. 2017, Axiomatic attribution, eq. 1 and 3. Cost: `steps` passes forward and
    backward.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> integrated_gradients(wrap(network), np.ones((1, 8, 8, 3)), 1, steps=4).shape
        (1, 8, 8)
    """
    return _summed(
        integrated_gradients_attributions(
            classifier, images, target, batch_size=batch_size, steps=steps, baseline=baseline
        )
    )


def integrated_gradients_attributions(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    batch_size: int = 32,
    steps: int = STEPS,
    baseline: float = 0.0,
) -> Floats:
    """Integrated gradients (N, *sides, C), both signs."""
    _require_some("steps", steps)
    way = np.asarray(explained(images), np.float32) - np.float32(baseline)
    alpha = ((np.arange(steps) + 0.5) / steps).astype(np.float32)

    def on_the_way(i: Array, k: Array) -> Array:
        return np.asarray(baseline + way[i] * alpha[k].reshape(-1, *[1] * (way.ndim - 1)))

    return way * _mean_gradients(classifier, images, target, steps, on_the_way, batch_size)


def smooth_grad(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,  # noqa: ARG001
    batch_size: int = 32,
    rng: np.random.Generator | None = None,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> Floats:
    """SmoothGrad: max_c |mean of dS/dx_c over noisy copies|.

    The noise is normal, its standard deviation `noise` times the image's range. Each image draws
    from a stream of its own, whatever batch it is in. Shapes (N, H, W, C) -> (N, H, W), >= 0.

    Smilkov et al. 2017, SmoothGrad, section 2.1; the colors as in `gradient`. Cost: `samples`
    passes forward and backward.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> smooth_grad(wrap(network), np.ones((1, 8, 8, 3)), 1, samples=2).shape
        (1, 8, 8)
    """
    return _largest(
        smooth_grad_attributions(
            classifier, images, target, batch_size=batch_size, rng=rng, samples=samples, noise=noise
        )
    )


def smooth_grad_attributions(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> Floats:
    """The mean gradient over noisy copies (N, *sides, C), both signs."""
    _require_some("samples", samples)
    clean = np.asarray(explained(images), np.float32)
    span = np.ptp(clean.reshape(len(clean), -1), axis=1)
    streams = (rng or np.random.default_rng(0)).spawn(len(clean))

    def noisy(i: Array, _: Array) -> Array:
        shape = clean.shape[1:]
        drawn = (noise * span[j] * streams[j].standard_normal(shape, np.float32) for j in i)
        return np.asarray(clean[i] + np.stack(list(drawn)))

    return _mean_gradients(classifier, images, target, samples, noisy, batch_size)


def occlusion(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,  # noqa: ARG001
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
    window: int | None = None,
    stride: int | None = None,
    baseline: float = 0.0,
) -> Floats:
    """Occlusion: how far the score falls where a window is covered, averaged over the windows.

    A window has `window` pixels along each side (None: an eighth of it) and is moved by `stride`
    (None: half a window); the last ones are cut by the border, and pixels that none covers have
    zero. Covered pixels have the value `baseline` in what the model takes.
    Shapes (N, H, W, C) -> (N, H, W), of both signs.

    Zeiler and Fergus 2014, Visualizing and understanding convolutional networks, section 4.2. Cost:
    a forward pass for each window.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> occlusion(wrap(network), np.ones((1, 8, 8, 3)), 1, window=4).shape
        (1, 8, 8)
    """
    shown = np.asarray(explained(images), np.float32)
    index = fixed_target(classifier, images, target, batch_size)
    places = windows(shown.shape[1:-1], window, stride)
    whole = _scores(classifier, images, index, batch_size)
    fall, covered = np.zeros(shown.shape[:-1]), np.zeros(shown.shape[1:-1])
    for place in places:
        covered[place] += 1
    for rows, n in chunks(len(shown) * len(places), batch_size):
        i, k = np.divmod(rows, len(places))
        copies = shown[i]
        for copy, which in zip(copies, k, strict=True):
            copy[places[which]] = baseline
        found = _scores(classifier, exchanged(images[i], copies), part_of(index, i), batch_size)
        for j, which, score in zip(i[:n], k[:n], found[:n], strict=True):
            fall[(j, *places[which])] += whole[j] - score
    return (fall / np.maximum(covered, 1)).astype(np.float32)


def windows(
    sides: tuple[int, ...], window: int | None = None, stride: int | None = None
) -> list[tuple[slice, ...]]:
    """The windows of `occlusion` over the sides of an image.

    Example:
        >>> windows((5,), 2, 2)
        [(slice(0, 2, None),), (slice(2, 4, None),), (slice(4, 6, None),)]
    """
    if window is not None:
        _require_some("window", window)
    if stride is not None:
        _require_some("stride", stride)
    sizes = [min(window or max(side // WINDOW, 1), side) for side in sides]
    steps = [stride or max(size // 2, 1) for size in sizes]
    counts = [
        ceil((side - size) / step) + 1 for side, size, step in zip(sides, sizes, steps, strict=True)
    ]
    return [
        tuple(
            slice(at * step, at * step + size)
            for at, step, size in zip(place, steps, sizes, strict=True)
        )
        for place in np.ndindex(*counts)
    ]


def rise(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,  # noqa: ARG001
    batch_size: int = 32,
    rng: np.random.Generator | None = None,
    masks: int = MASKS,
    cells: int = CELLS,
    kept: float = KEPT,
) -> Floats:
    """RISE: random masks, averaged by the probability that the masked image has for the class.

    1 / (E[m] M) sum_m P(x m) m over M `masks`, of `cells` cells along each side, each 1 with
    probability `kept`, enlarged bilinearly and moved by a part of a cell. P is the softmax of the
    logits; of any other target it is the score itself. All images of a call have the same masks.
    Masked pixels tend to 0 in what the model takes. Shapes (N, H, W, C) -> (N, H, W).

    Petsiuk et al. 2018, RISE, eq. 6 and section 3.2; 4000 to 8000 masks there. Cost: a forward pass
    for each mask.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> rise(wrap(network), np.ones((1, 8, 8, 3)), 1, masks=4).shape
        (1, 8, 8)
    """
    _require_some("masks", masks)
    _require_some("cells", cells)
    shown = np.asarray(explained(images), np.float32)
    index = fixed_target(classifier, images, target, batch_size)
    seeds: Any = rng.bit_generator.seed_seq if rng is not None else 0
    drawing = np.random.default_rng(seeds)  # so that every batch has the same masks
    maps = np.zeros(shown.shape[:-1], np.float64)
    coarse = random_cells(masks, shown.ndim - 2, drawing, cells=cells, kept=kept)
    moves = drawing.random((masks, shown.ndim - 2))
    for rows, n in chunks(masks, batch_size):
        drawn = enlarged(coarse[rows], moves[rows], shown.shape[1:-1])
        for i in range(len(shown)):
            same = np.full(len(drawn), i)
            copies = exchanged(images[same], masked(shown[same], drawn))
            weight = _probabilities(classifier, copies, part_of(index, same), batch_size)
            maps[i] += np.tensordot(weight[:n], drawn[:n], 1)
    return (maps / (masks * kept)).astype(np.float32)


def random_cells(n: int, rank: int, rng: np.random.Generator, *, cells: int, kept: float) -> Floats:
    """The cells of n masks of RISE, of as many along each of `rank` sides, 0 or 1.

    Example:
        >>> random_cells(2, 2, np.random.default_rng(0), cells=3, kept=0.5).shape
        (2, 3, 3)
    """
    if not 0 < kept < 1:
        raise CampareError(f"Expected a share of kept cells from 0 to 1, got {kept}. Try: kept=0.5")
    return np.asarray(rng.random((n, *[cells] * rank)) < kept, np.float32)


def enlarged(coarse: Floats, moves: Array, sides: tuple[int, ...]) -> Floats:
    """Masks (n, *sides) of cells (n, ...), moved by parts of a cell (n, rank): from 0 to 1.

    Example:
        >>> enlarged(np.ones((2, 3, 3)), np.zeros((2, 2)), (8, 8)).shape
        (2, 8, 8)
    """
    cells = coarse.shape[-1]
    cell = [ceil(side / cells) for side in sides]
    large = resize(coarse, tuple((cells + 1) * size for size in cell))
    found = np.empty((len(coarse), *sides), np.float32)
    for one, whole, move in zip(found, large, moves, strict=True):
        start = [int(part * size) for part, size in zip(move, cell, strict=True)]
        one[...] = whole[tuple(slice(a, a + m) for a, m in zip(start, sides, strict=True))]
    return found


def _mean_gradients(
    classifier: Any, images: Array, target: Target, number: int, copies: Copies, batch_size: int
) -> Floats:
    """The mean of dS/dx over a number of copies of each image: (N, *sides, C)."""
    index = fixed_target(classifier, images, target, batch_size)
    total = np.zeros(images.shape, np.float32)
    for rows, n in chunks(len(images) * number, batch_size):
        i, k = np.divmod(rows, number)
        given = copies(i[:n], k[:n])
        if n < len(rows):  # filled up with the last
            given = given[np.minimum(np.arange(len(rows)), n - 1)]
        found = classifier.input_gradients(exchanged(images[i], given), part_of(index, i))
        which, first = np.unique(i[:n], return_index=True)
        total[which] += np.add.reduceat(found[:n], first, axis=0)
    return total / np.float32(number)


def _scores(classifier: Any, images: Any, index: Any, batch_size: int) -> Array:
    """S (N,)."""
    found = []
    for rows, n in chunks(len(images), batch_size):
        (scores,) = classifier.start(
            images[rows], part_of(index, rows), read=_read_scores, gradients=False
        )()
        found.append(scores[:n])
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _probabilities(classifier: Any, images: Any, index: Any, batch_size: int) -> Array:
    """The softmax of each image's class (N,); of any other target its score."""
    if callable(index):
        return _scores(classifier, images, index, batch_size)
    logits = classifier.predict(images)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e[np.arange(len(e)), index] / e.sum(axis=1))


def _read_scores(tap: Tap) -> tuple[Any, ...]:
    return (tap.scores,)


def _largest(attributions: Floats) -> Floats:
    return np.asarray(np.abs(attributions).max(axis=-1), np.float32)


def _summed(attributions: Floats) -> Floats:
    return np.asarray(attributions.sum(axis=-1), np.float32)


def _require_some(name: str, number: int) -> None:
    if number < 1:
        raise CampareError(f"Expected {name} of 1 or more, got {number}. Try: {name}=16")
