"""The first principal component of a grid of features, the same on every framework.

Features (N, h, w, C), or on a grid of another rank, are one matrix X (h w, C) for each image. Its
largest singular value s and vectors u (cells), v (channels) give the map X v = s u. They come from
the symmetric matrix on the smaller side, X X' or X' X. A decomposition leaves the sign open;
`oriented` fixes it.
"""

from math import prod
from typing import Any

from campare.models.arrays import eigh, grid_letters, map_axes, namespace


def leading_projection(X: Any) -> Any:
    """X v, v the first right singular vector of each image: (N, h, w, C) -> (N, h, w).

    Example:
        >>> import numpy as np
        >>> leading_projection(np.array([[[[3.0, 4.0], [0.0, 0.0]]]])).round(6).tolist()
        [[[5.0, 0.0]]]
    """
    xp = namespace(X)
    _, *grid, channels = X.shape
    if None in grid or prod(grid) > channels:
        axes = grid_letters(X)
        _, first = largest(xp.einsum(f"n{axes}c,n{axes}d->ncd", X, X))
        maps = xp.einsum(f"n{axes}c,nc->n{axes}", X, first)
    else:
        cells = xp.reshape(X, (-1, prod(grid), channels))
        maps = xp.reshape(leading_component(xp.einsum("nic,njc->nij", cells, cells)), (-1, *grid))
    return oriented(maps, X)


def leading_component(K: Any) -> Any:
    """sqrt(lambda) u of the largest eigenvalue of symmetric matrices: (N, n, n) -> (N, n).

    Example:
        >>> import numpy as np
        >>> abs(leading_component(np.diag([4.0, 1.0])[None])).tolist()
        [[2.0, 0.0]]
    """
    xp = namespace(K)
    value, vector = largest(K)
    return vector * xp.sqrt(xp.maximum(value, 0))[:, None]


def largest(K: Any) -> tuple[Any, Any]:
    """Largest eigenvalue (N,) and its vector (N, n) of symmetric matrices (N, n, n).

    A matrix that is not finite, which a decomposition refuses or never ends on, gives NaN.

    Example:
        >>> import numpy as np
        >>> value, vector = largest(np.diag([4.0, 1.0])[None])
        >>> value.tolist(), abs(vector).tolist()
        ([4.0], [[1.0, 0.0]])
    """
    xp = namespace(K)
    whole = xp.all(xp.isfinite(K), axis=(1, 2))
    values, vectors = eigh(xp.where(whole[:, None, None], K, xp.zeros_like(K)))
    return (
        xp.where(whole, values[:, -1], float("nan")),
        xp.where(whole[:, None], vectors[:, :, -1], float("nan")),
    )


def oriented(maps: Any, X: Any) -> Any:
    """Maps with their sign chosen: they agree with the sum of X over channels, cell by cell.

    The inner product of map and channel sum is not negative. For activations of a ReLU, which are
    never negative, neither is then the uncentered first component. Where the product is exactly 0
    nothing tells the signs apart, and the map stays as it is.

    Example:
        >>> import numpy as np
        >>> oriented(np.array([[[-1.0, 0.0]]]), np.array([[[[2.0], [0.0]]]])).tolist()
        [[[1.0, -0.0]]]
    """
    xp = namespace(maps)
    agreement = xp.sum(maps * xp.sum(X, axis=-1), axis=map_axes(maps), keepdims=True)
    return xp.where(agreement < 0, -maps, maps)
