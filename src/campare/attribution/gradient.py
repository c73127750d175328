"""CAM methods that weigh activations by gradients, each reading like its equation.

A are a layer's activations and G = dS/dA the gradients of the score, both (N, h, w, C); a method is
a function (A, G) -> maps (N, h, w), raw and never normalized. A grid of another rank, as (N, L, C)
or (N, d, h, w, C), gives maps of its own shape. The arrays are NumPy's, JAX's,
TensorFlow's or torch's: the same lines run on the host and inside a compiled graph on the device.
"""

from collections.abc import Sequence
from typing import Any

from campare.attribution.maps import positive, resize
from campare.attribution.spectral import leading_projection
from campare.errors import CampareError
from campare.models.arrays import cast, grid_axes, grid_letters, map_axes, namespace
from campare.models.targets import one_hot, pick, resolve
from campare.types import Array, Floats

#: Finer-CAM: how strongly, and with how many of the most similar classes, a class is compared.
FINER_GAMMA = 0.6
FINER_CLASSES = 3


def relu(x: Any) -> Any:
    """max(0, x) as float32; NaN stays NaN.

    Example:
        >>> import numpy as np
        >>> relu(np.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return namespace(x).maximum(cast(x, "float32"), 0)


def weighted(A: Any, alpha: Any) -> Any:
    """sum_k alpha_k A_k: activations (N, h, w, C), channel weights (N, C) -> (N, h, w).

    Example:
        >>> import numpy as np
        >>> weighted(np.ones((1, 1, 1, 2)), np.array([[1.0, 2.0]])).item()
        3.0
    """
    grid = grid_letters(A)
    return namespace(A).einsum(f"n{grid}c,nc->n{grid}", A, alpha)


def channel_sum(x: Any) -> Any:
    """Sum over the channels: (N, h, w, C) -> (N, h, w).

    Example:
        >>> import numpy as np
        >>> channel_sum(np.ones((1, 1, 1, 2))).item()
        2.0
    """
    return namespace(x).sum(x, axis=-1)


def grad_cam(A: Any, G: Any) -> Any:
    """Grad-CAM: relu(sum_k alpha_k A_k), alpha_k the mean gradient of channel k.

    Selvaraju et al. 2017, Grad-CAM, eq. 1 and 2. Shapes (N, h, w, C) -> (N, h, w), values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> grad_cam(A, A).tolist()
        [[[3.0, 3.0], [3.0, 3.0]]]
    """
    return relu(weighted(A, _mean(G)))


def grad_cam_counterfactual(A: Any, G: Any) -> Any:
    """Counterfactual Grad-CAM: relu(sum_k -alpha_k A_k), where the image speaks against the class.

    Selvaraju et al. 2017, Grad-CAM, sec. 3.3, eq. 3. Values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> grad_cam_counterfactual(A, -A).max().item()
        3.0
    """
    return grad_cam(A, -G)


def hires_cam(A: Any, G: Any) -> Any:
    """HiResCAM: relu(sum_k A_k G_k), the gradient kept where it is.

    Draelos and Carin 2020, Use HiResCAM instead of Grad-CAM, eq. 5. Values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> hires_cam(A, -A).max().item()
        0.0
    """
    return relu(channel_sum(A * G))


def grad_cam_elementwise(A: Any, G: Any) -> Any:
    """Grad-CAM element-wise: sum_k relu(A_k G_k).

    Pillai and Pirsiavash 2021, Explainable models with consistent interpretations, sec. 3.
    Values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 1, 1, 2), np.float32)
        >>> grad_cam_elementwise(A, A).item()
        2.0
    """
    return channel_sum(relu(A * G))


def grad_cam_plus_plus(A: Any, G: Any) -> Any:
    """Grad-CAM++: relu(sum_k w_k A_k), w_k = sum_ij alpha_ij relu(G_ij).

    alpha_ij = G_ij^2 / (2 G_ij^2 + (sum_ab A_ab) G_ij^3), and 0 where the gradient is 0.

    Chattopadhay et al. 2018, Grad-CAM++, eq. 5 to 7 and 19. The paper differentiates Y = exp(S).
    Its derivatives are exp(S) G, exp(S) G^2 and exp(S) G^3, so exp(S) cancels in alpha and scales
    w_k, and with it the map of an image, by one positive number. It is left out: exp of a logit
    overflows, and the map keeps its shape. Values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 1, 2, 1), np.float32)
        >>> grad_cam_plus_plus(A, A).tolist()  # alpha = 1 / (2 + 2), w = 2 alpha
        [[[0.5, 0.5]]]
    """
    return relu(weighted(A, plus_plus_weights(A, G)))


def plus_plus_weights(A: Any, G: Any) -> Any:
    """The channel weights (N, C) of Grad-CAM++, without the factor exp(S).

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 1, 2, 1), np.float32)
        >>> plus_plus_weights(A, A).tolist()
        [[0.5]]
    """
    xp = namespace(A)
    total = xp.sum(A, axis=grid_axes(A), keepdims=True)  # (N, 1, 1, C)
    up = relu(G)  # alpha relu(G) with G^2 canceled, which would underflow where G is small
    return xp.sum(quotient(up, 2 + total * up), axis=grid_axes(A))


def xgrad_cam(A: Any, G: Any) -> Any:
    """XGrad-CAM: relu(sum_k alpha_k A_k), alpha_k = sum(A_k G_k) / sum(A_k).

    Fu et al. 2020, Axiom-based Grad-CAM, eq. 8. A channel whose activations sum to 0 weighs 0.
    Values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> xgrad_cam(A, A).max().item()
        3.0
    """
    xp, grid = namespace(A), grid_axes(A)
    alpha = quotient(xp.sum(A * G, axis=grid), xp.sum(A, axis=grid))
    return relu(weighted(A, alpha))


def layer_cam(A: Any, G: Any) -> Any:
    """LayerCAM: relu(sum_k A_k relu(G_k)).

    Jiang et al. 2021, LayerCAM, eq. 6 and 7. Values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 1, 1, 2), np.float32)
        >>> layer_cam(A, -A).item()
        0.0
    """
    return relu(channel_sum(A * relu(G)))


def eigen_grad_cam(A: Any, G: Any) -> Any:
    """EigenGrad-CAM: A G projected on its first principal component over the cells.

    It has no paper; Gildenblat 2021 (pytorch-grad-cam) defines it, channels centered over the
    cells. There the sign is what the decomposition happens to give; here the map is positive where
    sum_k A_k G_k is above its mean. Values of both signs, with mean 0.

    Example:
        >>> import numpy as np
        >>> A = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
        >>> eigen_grad_cam(A, np.ones_like(A)).round(4).tolist()
        [[[-1.5, -0.5, 0.5, 1.5]]]
    """
    X = A * G
    return leading_projection(X - namespace(X).mean(X, axis=grid_axes(X), keepdims=True))


def shapley_cam(A: Any, G: Any, curvature: Any) -> Any:
    """Shapley-CAM: relu(sum_k alpha_k A_k), alpha_k the mean of G - (H A) / 2 over channel k.

    `curvature` (N, h, w, C) is the Hessian H of the score times A. Where the score is linear in A,
    as a logit behind global average pooling and one dense layer, H A = 0 and the map is Grad-CAM's;
    the paper differentiates `rest_score`, which is not linear.

    Cai 2025, CAMs as Shapley Value-based Explainers (arXiv 2501.06261). Values >= 0.

    Example:
        >>> import numpy as np
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> shapley_cam(A, A, A).max().item()
        1.5
    """
    return grad_cam(A, G - curvature / 2)


def rest_score(logits: Any, index: Any) -> Any:
    """Shapley-CAM's score ReST, residual softmax: y_c + log softmax(y)_c. (N, K), (N,) -> (N,).

    Cai 2025, CAMs as Shapley Value-based Explainers (arXiv 2501.06261).

    Example:
        >>> import numpy as np
        >>> rest_score(np.array([[0.0, 0.0]]), np.array([0])).round(4).tolist()
        [-0.6931]
    """
    xp = namespace(logits)
    top = xp.max(logits, axis=-1)
    total = top + xp.log(xp.sum(xp.exp(logits - top[:, None]), axis=-1))
    return 2 * pick(logits, resolve(logits, index)) - total


def finer_score(logits: Any, index: Any) -> Any:
    """Finer-CAM's score: y_c - gamma mean_d y_d over the classes d most similar to c.

    Similar are the 3 classes whose logits are closest to that of c (all others, where there are
    fewer; classes at the same distance as the third count, too); gamma = 0.6. Grad-CAM of this
    score is Finer-CAM. Shapes (N, K), (N,) -> (N,).

    Zhang et al. 2025, Finer-CAM (arXiv 2501.11309), sec. 3; the mean over classes is taken before
    the relu. With one class alone there is nothing to compare: the score is y_c.

    Example:
        >>> import numpy as np
        >>> finer_score(np.array([[3.0, 2.0, 1.0, 0.0, -9.0]]), np.array([0])).round(4).tolist()
        [2.4]
    """
    xp = namespace(logits)
    index = resolve(logits, index)
    score = pick(logits, index)
    others = min(FINER_CLASSES, logits.shape[-1] - 1)
    if others == 0:
        return score
    distance = xp.abs(logits - score[:, None])
    distance = xp.where(one_hot(index, logits) > 0, float("inf"), distance)
    furthest = xp.sort(distance, axis=-1)[:, others - 1, None]
    similar = cast(distance <= furthest, logits.dtype)
    return score - FINER_GAMMA * xp.sum(similar * logits, axis=-1) / xp.sum(similar, axis=-1)


def fuse(
    maps: Sequence[Array], shape: tuple[int, int] | None = None, *, gamma: float = 2.0
) -> Floats:
    """Fuse LayerCAM maps of several layers, shallow to deep: scale, enlarge, take the maximum.

    Each map M becomes tanh(gamma M / max M), so that shallow maps, whose few high values would
    hide the rest, can stand beside deep ones; a map that is 0 stays 0. All are enlarged bilinearly
    to `shape`, by default the largest among them. Shapes [(N, h_l, w_l)] -> (N, H, W), in [0, 1).

    Jiang et al. 2021, LayerCAM, eq. 9 and the maximum after it; there gamma is 2 and only shallow
    maps are scaled, here all are, so that none wins by its units.

    Raises:
        CampareError: no maps, or maps of different numbers of images.

    Example:
        >>> import numpy as np
        >>> fuse([np.array([[[0.0, 5.0]]]), np.array([[[1.0]]])]).round(2)
        array([[[0.96, 0.96]]], dtype=float32)
    """
    import numpy as np

    if not maps or len({len(m) for m in maps}) > 1:
        raise CampareError(
            f"Expected maps of the same images at one or more layers, got {[len(m) for m in maps]} "
            "images. Try: fuse([explain(model, images, layer=name).maps for name in layers])"
        )
    sides = zip(*(m.shape[1:] for m in maps), strict=True)
    height, width = shape or tuple(max(side) for side in sides)
    scaled = [np.tanh(gamma * _by_maximum(positive(m))) for m in maps]
    fused: Floats = np.maximum.reduce([resize(m, (height, width)) for m in scaled])
    return fused


def quotient(x: Any, y: Any) -> Any:
    """x / y, and 0 where y is 0.

    Example:
        >>> import numpy as np
        >>> quotient(np.ones(2), np.array([0.0, 2.0])).tolist()
        [0.0, 0.5]
    """
    some = cast(y != 0, y.dtype)
    return some * x / (y + (1 - some))


def _by_maximum(maps: Floats) -> Floats:
    scaled: Floats = quotient(maps, maps.max(axis=map_axes(maps), keepdims=True))
    return scaled


def _mean(G: Any) -> Any:
    """The mean gradient of each channel, (N, C); NumPy adds in turn, so in double precision."""
    xp = namespace(G)
    double = {"dtype": xp.float64} if xp.__name__ == "numpy" else {}
    return cast(xp.mean(G, axis=grid_axes(G), **double), "float32")
