"""CAM methods that run the model many times: on masked or noisy images, or on changed features.

A function (classifier, images, target, *, layer, batch_size, rng) -> maps, NumPy in and out. At
most `batch_size` images or grids of features run at once, always as many, so that a compiled model
is compiled once. The target None is each image's predicted class, fixed before anything changes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from campare.attribution.gradient import channel_sum, grad_cam, quotient, relu, weighted
from campare.attribution.maps import resize
from campare.attribution.passes import changed, chunks, fixed_target, slices, tapped
from campare.errors import CampareError
from campare.models.arrays import grid_axes, map_axes
from campare.models.several import exchanged, explained
from campare.targets import part_of
from campare.types import Array, Bools, Floats, Tap, Target

#: SmoothGrad-CAM++: noisy copies an image, and their noise as a share of the image's range.
SAMPLES, NOISE = 16, 0.15
#: Layer integrated gradients: steps from zero features to the image's.
STEPS = 32
#: Factors of brightness of test-time augmentation.
BRIGHTNESS = (0.9, 1.0, 1.1)


def score_cam(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
    channels: int | None = None,
) -> Floats:
    """Score-CAM: relu(sum_k w_k A_k), w the softmax over channels of S(X * mask_k).

    mask_k is A_k enlarged bilinearly to the image, then scaled to [0, 1] by its own minimum and
    maximum. S is the target's logit; subtracting that of a baseline image would change nothing in
    the softmax. Channels that are flat make no mask and have no weight; the softmax is over the
    others. `channels` takes of each image so many alone, those that vary most; None: all of them.
    Masked pixels tend to 0 in what the model takes. Shapes (N, H, W, C) -> (N, h, w), >= 0.

    Wang et al. 2020, Score-CAM, algorithm 1. Cost: a forward pass for each channel of each image.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> score_cam(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 6, 6)
    """
    index = fixed_target(classifier, images, target, batch_size)
    where: dict[str, Any] = {"layer": layer, "batch_size": batch_size, "gradients": False}
    (A,) = tapped(classifier, images, index, _features, **where)
    low, high = A.min(axis=grid_axes(A)), A.max(axis=grid_axes(A))
    image, channel = np.nonzero((low < high) & _most_varied(A, channels))
    scores = np.full(low.shape, -np.inf)  # (N, C)
    for rows, n in chunks(len(image), batch_size):
        i, k = image[rows], channel[rows]
        copies = masked(explained(images[i]), masks(A[i, ..., k], images.shape[1:-1]))
        copies = exchanged(images[i], copies)
        (found,) = classifier.start(copies, part_of(index, i), read=_scores, gradients=False)()
        scores[i[:n], k[:n]] = found[:n]
    return np.asarray(relu(weighted(A, _softmax(scores))), np.float32)


def masks(A: Array, shape: tuple[int, ...]) -> Floats:
    """Channels (M, h, w), none flat, as masks (M, H, W) from 0 to 1.

    Example:
        >>> masks(np.array([[[1.0, 3.0]]]), (1, 4)).tolist()
        [[[0.0, 0.25, 0.75, 1.0]]]
    """
    scaled = resize(A, shape)
    scaled -= scaled.min(axis=map_axes(scaled), keepdims=True)
    most = scaled.max(axis=map_axes(scaled), keepdims=True)
    scaled /= np.where(most > 0, most, 1)
    return scaled


def masked(image: Array, masks: Array) -> Floats:
    """Images (M, H, W, C) times masks (M, H, W), a color at a time, which NumPy does faster.

    Example:
        >>> masked(np.array([[[[1.0, 3.0]]]]), np.array([[[0.5]]])).tolist()
        [[[[0.5, 1.5]]]]
    """
    products = np.empty((len(masks), *image.shape[1:]), np.float32)
    for c in range(image.shape[-1]):
        np.multiply(image[..., c], masks, out=products[..., c])
    return products


def ablation_cam(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
) -> Floats:
    """Ablation-CAM: relu(sum_k w_k A_k), w_k = (S - S_k) / |S|, S_k the score without channel k.

    Channel k is set to 0 in the layer's output; what comes before the layer runs once for
    `batch_size` channels. Where S is positive this is the paper's (S - S_k) / S; where it is
    negative, the paper's quotient would turn the map around. S = 0 gives NaN.
    Shapes (N, H, W, C) -> (N, h, w), >= 0.

    Desai and Ramaswamy 2020, Ablation-CAM, eq. 2 and 3. Cost: a pass through the head for each
    channel.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> ablation_cam(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 6, 6)
    """
    index = fixed_target(classifier, images, target, batch_size)
    where: dict[str, Any] = {"layer": layer, "batch_size": batch_size, "gradients": False}
    A, S = tapped(classifier, images, index, _features_scores, **where)
    kept = 1 - np.eye(A.shape[-1], dtype=np.float32)  # (C, C), as (C, 1, 1, C) on a plane
    kept = kept.reshape(len(kept), *[1] * len(grid_axes(A)), len(kept))
    without = changed(classifier, images, index, kept, _scores, **where)
    with np.errstate(invalid="ignore", divide="ignore"):
        w = (S[:, None] - without) / np.abs(S[:, None])  # (N, C)
    return np.asarray(relu(weighted(A, w)), np.float32)


def layer_integrated_gradients(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
    steps: int = STEPS,
) -> Floats:
    """Integrated gradients at the layer: sum_k A_k times the mean gradient on the way from 0 to A.

    The gradient is taken at alpha A for alpha in the middle of each of `steps` equal parts of
    [0, 1]. The values of a map sum to S(A) - S(0), up to the error of that rule.
    Shapes (N, H, W, C) -> (N, h, w), of both signs.

    Sundararajan et al. 2017, Axiomatic attribution, eq. 1, applied to a layer's output, with zero
    features as its baseline. Cost: `steps` passes through the head, forward and backward.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> layer_integrated_gradients(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 6, 6)
    """
    index = fixed_target(classifier, images, target, batch_size)
    sides = images.ndim - 1  # of the layer's grid, and its channels
    alpha = ((np.arange(steps, dtype=np.float32) + 0.5) / steps).reshape(-1, *[1] * sides)
    products = changed(
        classifier, images, index, alpha, _products, layer=layer, batch_size=batch_size
    )  # (N, steps, h, w): the features are alpha A
    return np.asarray((products / alpha[..., 0]).mean(axis=1), np.float32)


def smooth_grad_cam_plus_plus(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,
    samples: int = SAMPLES,
    noise: float = NOISE,
) -> Floats:
    """Smooth Grad-CAM++: Grad-CAM++ with G, G^2 and G^3 averaged over noisy copies of the image.

    alpha_ij = mean(G^2) / (2 mean(G^2) + (sum_ab A_ab) mean(G^3)), weights sum_ij alpha_ij
    relu(mean(G)); A is that of the clean image. The noise is normal, its standard deviation
    `noise` times the image's range; without noise this is Grad-CAM++. Each image draws from a
    stream of its own, whatever batch it is in. The paper's alpha has mean(G) above the line, which
    is not what Grad-CAM++ differentiates to.
    Shapes (N, H, W, C) -> (N, h, w), >= 0.

    Omeiza et al. 2019, Smooth Grad-CAM++, eq. 6 to 9. Cost: `samples` + 1 taps.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> smooth_grad_cam_plus_plus(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 6, 6)
    """
    index = fixed_target(classifier, images, target, batch_size)
    where: dict[str, Any] = {"layer": layer, "batch_size": batch_size}
    (A,) = tapped(classifier, images, index, _features, **where, gradients=False)
    streams = (rng or np.random.default_rng(0)).spawn(len(images))  # noise knows no neighbors
    clean, pixels = np.asarray(explained(images), np.float32), tuple(range(1, images.ndim))
    span = clean.max(axis=pixels, keepdims=True) - clean.min(axis=pixels, keepdims=True)
    powers = np.zeros((3, *A.shape), np.float32)
    for _ in range(samples):
        normal = np.stack([each.standard_normal(images.shape[1:], np.float32) for each in streams])
        noisy = exchanged(images, clean + noise * span * normal)
        (G,) = tapped(classifier, noisy, index, _gradients, **where)
        powers += np.stack([G, G**2, G**3]) / samples
    D1, D2, D3 = powers
    grid = grid_axes(A)
    alpha = quotient(D2, 2 * D2 + A.sum(axis=grid, keepdims=True) * D3)
    return np.asarray(relu(weighted(A, (alpha * relu(D1)).sum(axis=grid))), np.float32)


def guided_grad_cam_attributions(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
) -> Floats:
    """Guided Grad-CAM: guided backpropagation times Grad-CAM enlarged: (N, H, W, C), both signs.

    Selvaraju et al. 2017, Grad-CAM, sec. 3.2. The map is enlarged bilinearly.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> guided_grad_cam_attributions(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 8, 8, 3)
    """
    index = fixed_target(classifier, images, target, batch_size)
    (maps,) = tapped(classifier, images, index, _grad_cam, layer=layer, batch_size=batch_size)
    guided = [
        classifier.input_gradients(images[part], part_of(index, part), guided=True)
        for part in slices(len(images), batch_size)
    ]
    enlarged = resize(maps, images.shape[1:-1])[..., None]
    return np.asarray(np.concatenate(guided) * enlarged, np.float32)


def guided_grad_cam(
    classifier: Any,
    images: Array,
    target: Target = None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
    rng: np.random.Generator | None = None,  # noqa: ARG001
) -> Floats:
    """Guided Grad-CAM as a map: its attributions summed over the colors, (N, H, W), both signs.

    The map has the resolution of the image. Selvaraju et al. 2017, Grad-CAM, sec. 3.2.

    Example:
        >>> import keras
        >>> from campare import wrap
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> guided_grad_cam(wrap(network), np.ones((1, 8, 8, 3)), 1).shape
        (1, 8, 8)
    """
    attributions = guided_grad_cam_attributions(
        classifier, images, target, layer=layer, batch_size=batch_size
    )
    summed: Floats = attributions.sum(axis=-1)
    return summed


def smoothed(
    map_function: Callable[[Array], Array],
    images: Array,
    *,
    flip: bool = True,
    brightness: tuple[float, ...] = BRIGHTNESS,
) -> Floats:
    """Maps averaged over changed copies of the images: brighter, darker, and mirrored back.

    The last side is mirrored: left and right of an image, the time of a signal.

    `map_function` takes images (N, H, W, C) and returns maps (N, h, w); let it explain fixed
    classes, or a copy that is classified otherwise is explained for another class. Brightness is a
    factor on the values that the model takes.

    Gildenblat 2021, pytorch-grad-cam, `aug_smooth`; it averages maps after normalizing each, this
    the raw ones.

    Example:
        >>> smoothed(lambda x: x[..., 0], np.array([[[[1.0], [3.0]]]])).round(2).tolist()
        [[[1.0, 3.0]]]
    """

    def map_of(pixels: Array, b: float) -> Array:
        return np.asarray(map_function(exchanged(images, pixels * np.float32(b))))

    pixels = explained(images)
    copies = [map_of(pixels, b) for b in brightness]
    if flip:
        mirrored = np.flip(pixels, -2)
        copies += [np.flip(map_of(mirrored, b), -1) for b in brightness]
    return np.asarray(np.mean(copies, axis=0), np.float32)


def _most_varied(A: Array, channels: int | None) -> Bools:
    """Which channels (N, C) of features (N, *grid, C) have the largest standard deviations."""
    if channels is None:
        return np.ones((len(A), A.shape[-1]), np.bool_)
    if channels < 1:
        raise CampareError(f"Expected at least 1 channel, got {channels}. Try: channels=64")
    spread = A.std(axis=grid_axes(A))
    rank = (-spread).argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable")
    return np.asarray(rank < channels)


def _softmax(x: Array) -> Floats:
    """Along the last axis; -inf weighs 0, and rows of nothing else weigh 0 throughout."""
    top = x.max(axis=-1, keepdims=True)
    e = np.exp(x - np.where(np.isneginf(top), 0, top))
    return np.asarray(quotient(e, e.sum(axis=-1, keepdims=True)), np.float32)


# What is read on the device. A classifier compiles each once, so they are named functions.


def _features(tap: Tap) -> tuple[Any, ...]:
    return (tap.activations,)


def _scores(tap: Tap) -> tuple[Any, ...]:
    return (tap.scores,)


def _features_scores(tap: Tap) -> tuple[Any, ...]:
    return tap.activations, tap.scores


def _gradients(tap: Tap) -> tuple[Any, ...]:
    return (tap.gradients,)


def _products(tap: Tap) -> tuple[Any, ...]:
    return (channel_sum(tap.activations * tap.gradients),)


def _grad_cam(tap: Tap) -> tuple[Any, ...]:
    return (grad_cam(tap.activations, tap.gradients),)
