"""CAM methods that look at the activations alone: without gradients, the same for every class.

A function (A, G) -> maps like the gradient methods, on the arrays of any framework, so that all are
called alike; G is not looked at.
"""

from math import prod
from typing import Any

from campare.attribution.spectral import leading_component, leading_projection, oriented
from campare.models.arrays import cast, grid_axes, namespace, sizes

#: FEM: an activation counts when it lies this many standard deviations above its channel's mean.
FEM_SIGMAS = 2.0
#: What rounding can lift above the mean of a channel that is constant, relative to that mean.
ROUNDING = 1e-5


def eigen_cam(A: Any, G: Any = None) -> Any:  # noqa: ARG001
    """EigenCAM: A projected on its first right singular vector, A v_1.

    Muhammad and Yeasin 2020, Eigen-CAM: A is not centered first. The sign, which the
    decomposition leaves open, is the one that agrees with the sum of the channels: behind a ReLU
    no value is negative. Shapes (N, h, w, C) -> (N, h, w).

    Example:
        >>> import numpy as np
        >>> eigen_cam(np.array([[[[3.0, 4.0], [0.0, 0.0]]]], np.float32)).round(4).tolist()
        [[[5.0, 0.0]]]
    """
    return leading_projection(cast(A, "float32"))


def kpca_cam(A: Any, G: Any = None) -> Any:  # noqa: ARG001
    """KPCA-CAM: the cells on their first principal component under a sigmoid kernel.

    k(x, y) = tanh(x.y / C + 1) of two cells' features x, y, channels centered over the cells. The
    kernel matrix is centered, and the map is sqrt(lambda) u of its largest eigenvalue, the sign
    chosen as in `eigen_cam`. The matrix has a side of h w: large grids are slow.
    Shapes (N, h, w, C) -> (N, h, w); values of both signs, with mean 0.

    Karmani et al. 2024, KPCA-CAM (arXiv 2410.00267).

    Example:
        >>> import numpy as np
        >>> kpca_cam(np.array([[[[1.0], [0.0], [0.0]]]], np.float32)).round(2)
        array([[[ 0.42, -0.21, -0.21]]], dtype=float32)
    """
    A = cast(A, "float32")
    xp = namespace(A)
    X = A - xp.mean(A, axis=grid_axes(A), keepdims=True)
    n, *grid, channels = sizes(X)
    cells = xp.reshape(X, (n, prod(grid), channels))
    kernel = xp.tanh(xp.einsum("nic,njc->nij", cells, cells) / channels + 1)
    return oriented(xp.reshape(leading_component(_centered(kernel)), (n, *grid)), X)


def fem(A: Any, G: Any = None, *, sigmas: float = FEM_SIGMAS) -> Any:  # noqa: ARG001
    """FEM: sum_k mean(A_k) [A_k > mean(A_k) + 2 std(A_k)], what is rare in each channel.

    Fuad et al. 2020, Features understanding in 3D CNNs (the K-sigma rule, K = 2): binary maps
    weighted by the channel means. Shapes (N, h, w, C) -> (N, h, w); values >= 0 behind a ReLU.

    Example:
        >>> import numpy as np
        >>> A = np.array([6.0] + [0.0] * 5, np.float32).reshape(1, 1, 6, 1)
        >>> fem(A).tolist()
        [[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]]]
    """
    A = cast(A, "float32")
    xp, grid = namespace(A), grid_axes(A)
    mean = xp.mean(A, axis=grid, keepdims=True)
    deviation = A - mean
    std = xp.sqrt(xp.mean(deviation * deviation, axis=grid, keepdims=True))
    rare = deviation > sigmas * std + ROUNDING * xp.abs(mean)
    return xp.sum(cast(rare, "float32") * mean + 0 * A, axis=-1)  # 0 A: NaN stays NaN


def _centered(K: Any) -> Any:
    """A kernel matrix (N, n, n) as if its features had mean 0: rows and columns sum to 0."""
    xp = namespace(K)
    rows = xp.mean(K, axis=1, keepdims=True)
    columns = xp.mean(K, axis=2, keepdims=True)
    return K - rows - columns + xp.mean(rows, axis=2, keepdims=True)
