"""One namespace for the arrays of any framework: the same results as NumPy's."""

import numpy as np
import pytest
from frameworks import array_of, every_framework

from campare.models.arrays import cast, eigh, namespace, positions, sizes

A = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
CALLS = {
    "mean": lambda xp, x: xp.mean(x, axis=(1, 2)),
    "sum": lambda xp, x: xp.sum(x, axis=-1),
    "sum keepdims": lambda xp, x: xp.sum(x, axis=(1, 2), keepdims=True),
    "maximum": lambda xp, x: xp.maximum(x, 0),
    "einsum": lambda xp, x: xp.einsum("nhwc,nhwd->ncd", x, x),
    "where": lambda xp, x: xp.where(x > 0, x, 0 * x),
    "reshape": lambda xp, x: xp.reshape(x, (2, -1, 5)),
    "moveaxis": lambda xp, x: xp.moveaxis(x, 1, -1),
    "concatenate": lambda xp, x: xp.concatenate([x, x], axis=0),
    "argmax": lambda xp, x: xp.argmax(x, axis=-1),
    "zeros_like": lambda xp, x: xp.zeros_like(x),
    "sqrt, abs": lambda xp, x: xp.sqrt(xp.abs(x)),
    "max, min": lambda xp, x: xp.max(x, axis=-1) - xp.min(x, axis=-1),
}


@every_framework
@pytest.mark.parametrize("name", CALLS)
def test_functions_are_numpys(name, framework):
    x = array_of(framework)(A)
    found = np.asarray(CALLS[name](namespace(x), x))
    np.testing.assert_allclose(found, CALLS[name](np, A), rtol=1e-5, atol=1e-5)


@every_framework
def test_eigenvectors_and_values(framework):
    symmetric = np.einsum("nhwc,nhwd->ncd", A, A)
    values, vectors = map(np.asarray, eigh(array_of(framework)(symmetric)))
    expected = np.linalg.eigvalsh(symmetric.astype(float))
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)
    back = np.einsum("nik,nk,njk->nij", vectors, values, vectors)
    np.testing.assert_allclose(back, symmetric, rtol=1e-4, atol=1e-3)


@every_framework
def test_cast_positions_and_sizes(framework):
    x = array_of(framework)(A)
    half = cast(x, "float16")
    np.testing.assert_allclose(np.asarray(half), A.astype(np.float16))
    np.testing.assert_array_equal(np.asarray(cast(half, x.dtype)), A.astype(np.float16))
    assert cast(x, "float32") is x
    assert np.asarray(positions(x)).tolist() == [0, 1, 2, 3, 4]
    assert np.asarray(positions(x)).dtype == np.int32
    assert sizes(x) == (2, 3, 4, 5)


def test_sizes_that_a_graph_does_not_know():
    tf = pytest.importorskip("tensorflow")
    flat = tf.function(
        lambda x: tf.reshape(x, (sizes(x)[0], -1)),
        input_signature=[tf.TensorSpec([None, 3, 4, 5], tf.float32)],
    )
    assert flat(A).shape == (2, 60)
