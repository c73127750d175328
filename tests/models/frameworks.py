"""The arrays of every framework that is installed, made of NumPy's and turned back."""

import numpy as np
import pytest

NAMES = ("numpy", "tensorflow", "jax", "torch")


def array_of(name):
    """A function that makes an array of the framework; the test is skipped where it is absent."""
    if name == "numpy":
        return np.asarray
    module = pytest.importorskip({"jax": "jax.numpy"}.get(name, name))
    if name == "torch":
        pytest.importorskip("array_api_compat")
        return lambda x: module.from_numpy(np.array(x))
    return module.constant if name == "tensorflow" else module.asarray


every_framework = pytest.mark.parametrize("framework", NAMES)
