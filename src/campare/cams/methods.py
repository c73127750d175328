"""The CAM methods, each reading like its equation.

A are a layer's activations, G = dS/dA the gradients of the score, both (N, h, w, C).
All return raw float32 maps (N, h, w), never normalized.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from campare.errors import CampareError
from campare.types import Array, Floats


def relu(x: Array) -> Floats:
    """max(0, x); NaN stays NaN."""
    return np.maximum(x, 0, dtype=np.float32)


def grad_cam(A: Array, G: Array) -> Floats:
    """Grad-CAM: relu(sum_k alpha_k A_k), alpha_k the mean gradient of channel k.

    Selvaraju et al. 2017, Grad-CAM, eq. 1 and 2. Shapes (N, h, w, C) -> (N, h, w), values >= 0.

    Example:
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> grad_cam(A, A).tolist()
        [[[3.0, 3.0], [3.0, 3.0]]]
    """
    alpha = G.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)  # (N, C)
    return relu(np.einsum("nhwc,nc->nhw", A, alpha))


def hires_cam(A: Array, G: Array) -> Floats:
    """HiResCAM: relu(sum_k A_k G_k), the gradient kept where it is.

    Draelos and Carin 2020, Use HiResCAM instead of Grad-CAM, eq. 5.

    Example:
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> hires_cam(A, -A).max()
        np.float32(0.0)
    """
    return relu(np.einsum("nhwc,nhwc->nhw", A, G))


def grad_cam_elementwise(A: Array, G: Array) -> Floats:
    """Grad-CAM element-wise: sum_k relu(A_k G_k).

    Pillai and Pirsiavash 2021, Explainable models with consistent interpretations, sec. 3.

    Example:
        >>> A = np.ones((1, 1, 1, 2), np.float32)
        >>> grad_cam_elementwise(A, A).item()
        2.0
    """
    return np.asarray(relu(A * G).sum(axis=-1), np.float32)


def layer_cam(A: Array, G: Array) -> Floats:
    """LayerCAM: relu(sum_k A_k relu(G_k)).

    Jiang et al. 2021, LayerCAM, eq. 6 and 7.

    Example:
        >>> A = np.ones((1, 1, 1, 2), np.float32)
        >>> layer_cam(A, -A).item()
        0.0
    """
    return relu(np.einsum("nhwc,nhwc->nhw", A, relu(G)))


def xgrad_cam(A: Array, G: Array) -> Floats:
    """XGrad-CAM: relu(sum_k alpha_k A_k), alpha_k = sum(A_k G_k) / sum(A_k).

    Fu et al. 2020, Axiom-based Grad-CAM, eq. 8. A channel whose activations sum to 0 weighs 0.

    Example:
        >>> A = np.ones((1, 2, 2, 3), np.float32)
        >>> xgrad_cam(A, A).max()
        np.float32(3.0)
    """
    total = A.sum(axis=(1, 2))  # (N, C)
    weighted = np.einsum("nhwc,nhwc->nc", A, G)
    alpha = np.divide(weighted, total, out=np.zeros_like(weighted), where=total != 0)
    return relu(np.einsum("nhwc,nc->nhw", A, alpha))


class Method(NamedTuple):
    """A CAM method with its name in full and where it comes from."""

    function: Callable[[Any, Any], Floats]
    title: str
    paper: str


METHODS: dict[str, Method] = {
    "grad-cam": Method(grad_cam, "Grad-CAM", "Selvaraju et al. 2017"),
    "hires-cam": Method(hires_cam, "HiResCAM", "Draelos and Carin 2020"),
    "grad-cam-elementwise": Method(
        grad_cam_elementwise, "Grad-CAM element-wise", "Pillai and Pirsiavash 2021"
    ),
    "layer-cam": Method(layer_cam, "LayerCAM", "Jiang et al. 2021"),
    "xgrad-cam": Method(xgrad_cam, "XGrad-CAM", "Fu et al. 2020"),
}


def method(name: str) -> Method:
    """The method called `name`.

    Raises:
        CampareError: there is none of that name.

    Example:
        >>> method("grad-cam").title
        'Grad-CAM'
    """
    if name not in METHODS:
        raise CampareError(f"Expected a CAM method, got {name!r}. Try: {', '.join(METHODS)}")
    return METHODS[name]
