"""One NumPy-like namespace for the arrays of any framework, so that an equation is written once.

    xp = namespace(A)
    alpha = xp.mean(G, axis=(1, 2))

NumPy, JAX, TensorFlow (its `tf.experimental.numpy`) and torch (through `array_api_compat`) agree on
the functions that the CAM methods and the scores need; `eigh` is here because one of them lacks it.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from campare.optional import require

_HOME = {
    "tensorflow": "tensorflow.experimental.numpy",
    "torch": "array_api_compat.torch",
    "jax": "jax.numpy",
    "jaxlib": "jax.numpy",
}


def namespace(x: Any) -> Any:
    """The module whose functions (`mean`, `einsum`, `where`, ...) take arrays like `x`.

    Example:
        >>> import numpy as np
        >>> namespace(np.ones(2)) is np
        True
    """
    family = type(x).__module__.partition(".")[0]
    home = _HOME.get(family, "numpy")
    return require(home, extra=family) if home.startswith("array_api") else import_module(home)


def eigh(x: Any) -> tuple[Any, Any]:
    """Eigenvalues, ascending, and eigenvectors as columns of symmetric matrices (..., n, n).

    Example:
        >>> import numpy as np
        >>> eigh(np.diag([2.0, 1.0]))[0].tolist()
        [1.0, 2.0]
    """
    xp = namespace(x)
    if xp.__name__.startswith("tensorflow"):
        values, vectors = import_module("tensorflow").linalg.eigh(x)
    else:
        values, vectors = xp.linalg.eigh(x)
    return values, vectors


def columns(x: Any, indices: Sequence[int]) -> Any:
    """The columns of x (N, K) at `indices`, in their order.

    Example:
        >>> import numpy as np
        >>> columns(np.array([[1.0, 2.0, 3.0]]), [2, 0]).tolist()
        [[3.0, 1.0]]
    """
    if type(x).__module__.partition(".")[0] == "tensorflow":
        return import_module("tensorflow").gather(x, list(indices), axis=-1)
    return x[:, np.asarray(indices)]


def cast(x: Any, dtype: Any) -> Any:
    """`x` with another dtype, by its name or as the framework has it; `x` itself if it has it.

    Example:
        >>> import numpy as np
        >>> cast(np.ones(2), "float32").dtype
        dtype('float32')
    """
    family = type(x).__module__.partition(".")[0]
    if family == "tensorflow":
        return import_module("tensorflow").cast(x, dtype)
    if family == "torch":
        return x.to(getattr(import_module("torch"), dtype) if isinstance(dtype, str) else dtype)
    return x if x.dtype == dtype else x.astype(dtype)


def leaves(output: Any) -> list[Any]:
    """The arrays in a dict, list or tuple of them, nested or not; an array is its own only one.

    Example:
        >>> import numpy as np
        >>> [leaf.shape for leaf in leaves({"boxes": np.ones((2, 4)), "more": [np.ones(2), None]})]
        [(2, 4), (2,)]
    """
    if hasattr(output, "shape"):
        return [output]
    parts = output.values() if isinstance(output, Mapping) else output
    return [leaf for part in parts or () if not isinstance(part, str) for leaf in leaves(part)]


def is_by_image(output: Any) -> bool:
    """Whether a raw output is a list of dicts, one for each image, as detectors give.

    Example:
        >>> is_by_image([{"boxes": 1}, {"boxes": 2}]), is_by_image({"boxes": 1}), is_by_image([])
        (True, False, False)
    """
    return (
        isinstance(output, list | tuple)
        and len(output) > 0
        and all(isinstance(one, Mapping) for one in output)
    )


def structure(output: Any) -> str:
    """What a raw output is, in words: its kind and shapes.

    Example:
        >>> import numpy as np
        >>> structure(np.ones((2, 5))), structure(1.0), structure(None)
        ('shape (2, 5)', '1.0', 'None')
        >>> structure([{"boxes": np.ones((3, 4)), "scores": np.ones(3)}] * 2)
        'a list of 2, the first a dict of boxes: shape (3, 4); scores: shape (3,)'
    """
    if hasattr(output, "shape"):
        return f"shape {tuple(output.shape)}"
    kind = type(output).__name__
    if isinstance(output, Mapping):
        parts = "; ".join(f"{name}: {structure(part)}" for name, part in output.items())
        return f"a {kind} of {parts or 'nothing'}"
    if isinstance(output, list | tuple):
        first = f", the first {structure(output[0])}" if output else ""
        return f"a {kind} of {len(output)}{first}"
    return repr(output) if output is None or isinstance(output, int | float) else f"a {kind}"


def flat(output: Any) -> Any:
    """All numbers of each image in one row: (N, ...), or a structure of them, -> (N, M) float32.

    Where each image has a dict of its own, rows that have fewer numbers end in zeros.

    Example:
        >>> import numpy as np
        >>> flat([np.ones((2, 3, 4)), np.ones(2)]).shape
        (2, 13)
        >>> flat([{"scores": np.ones(2)}, {"scores": np.ones(0)}]).tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """
    if is_by_image(output):
        return _padded([_numbers(one) for one in output])
    found = [leaf for leaf in leaves(output) if len(leaf.shape) > 0]
    xp = namespace(found[0])
    rows = [cast(xp.reshape(leaf, (sizes(leaf)[0], -1)), "float32") for leaf in found]
    return rows[0] if len(rows) == 1 else xp.concatenate(rows, axis=-1)


def _numbers(output: Any) -> Any:
    """All numbers of one image (M,), float32."""
    found = leaves(output)
    xp = namespace(found[0])
    return xp.concatenate([cast(xp.reshape(leaf, (-1,)), "float32") for leaf in found])


def _padded(rows: Sequence[Any]) -> Any:
    """Rows of several lengths -> (N, M), with zeros at the end."""
    xp = namespace(rows[0])
    zeros = xp.zeros_like(max(rows, key=len))
    return xp.stack([xp.concatenate([row, zeros[len(row) :]]) for row in rows])


def take(x: Any, index: Sequence[int]) -> Any:
    """x[:, index], differentiable in every framework.

    Example:
        >>> import numpy as np
        >>> take(np.array([[5, 6, 7]]), [2, 0]).tolist()
        [[7, 5]]
    """
    family = type(x).__module__.partition(".")[0]
    if family == "tensorflow":
        return import_module("tensorflow").gather(x, list(index), axis=1)
    return x[:, list(index)] if family == "torch" else x[:, np.asarray(index)]


def positions(x: Any) -> Any:
    """0, 1, ... along the last axis of `x`, int32, on the device of `x`.

    Example:
        >>> import numpy as np
        >>> positions(np.zeros((2, 3))).tolist()
        [0, 1, 2]
    """
    xp, n = namespace(x), x.shape[-1]
    if xp.__name__.endswith("torch"):
        return xp.arange(n, dtype=xp.int32, device=x.device)
    return cast(xp.arange(n), "int32")


def grid_axes(x: Any) -> tuple[int, ...]:
    """The axes of the grid in features (N, *grid, C), of any rank: (1, 2) for (N, h, w, C).

    Example:
        >>> import numpy as np
        >>> grid_axes(np.ones((1, 2, 2, 3))), grid_axes(np.ones((1, 4, 3)))
        ((1, 2), (1,))
    """
    return tuple(range(1, len(x.shape) - 1))


def map_axes(maps: Any) -> tuple[int, ...]:
    """The axes of the grid in maps (N, *grid), of any rank: (1, 2) for (N, h, w).

    Example:
        >>> import numpy as np
        >>> map_axes(np.ones((1, 2, 2))), map_axes(np.ones((1, 4)))
        ((1, 2), (1,))
    """
    return tuple(range(1, len(maps.shape)))


def grid_letters(x: Any) -> str:
    """What an einsum calls the grid of features (N, *grid, C): 'hw' for (N, h, w, C).

    Example:
        >>> import numpy as np
        >>> grid_letters(np.ones((1, 2, 2, 3))), grid_letters(np.ones((1, 4, 3)))
        ('hw', 'h')
    """
    return "hwxyz"[: len(x.shape) - 2]


def sizes(x: Any) -> tuple[Any, ...]:
    """The shape of `x` to reshape by: numbers, and tensors where a TensorFlow graph knows none.

    Example:
        >>> import numpy as np
        >>> sizes(np.ones((2, 3)))
        (2, 3)
    """
    known = tuple(x.shape)
    if None not in known:
        return known
    dynamic = import_module("tensorflow").shape(x)
    return tuple(dynamic[i] if n is None else n for i, n in enumerate(known))
