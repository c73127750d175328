"""First principal components against the singular value decomposition of NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from campare.attribution.spectral import largest, leading_component, leading_projection, oriented


@pytest.mark.parametrize("channels", [3, 60], ids=["cells", "channels"])
@pytest.mark.parametrize("grid", [(4, 5), (20,), (2, 2, 5)], ids=["image", "line", "volume"])
def test_the_projection_is_that_of_the_singular_value_decomposition(grid, channels):
    X = np.random.default_rng(0).normal(size=(3, *grid, channels)) + 0.3
    found = leading_projection(X)
    assert found.shape == X.shape[:-1]
    for x, one in zip(X, found, strict=True):
        u, s, _ = np.linalg.svd(x.reshape(-1, channels), full_matrices=False)
        expected = (s[0] * u[:, 0]).reshape(grid)
        expected *= np.sign((expected * x.sum(-1)).sum())
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-8)


def test_the_largest_eigenvalue_solves_its_equation():
    B = np.random.default_rng(1).normal(size=(4, 6, 6))
    K = B + B.transpose(0, 2, 1)
    value, vector = largest(K)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", K, vector), value[:, None] * vector)
    np.testing.assert_allclose(value, np.linalg.eigvalsh(K).max(1))


@given(arrays(np.float64, (2, 3, 4, 5), elements=st.floats(-10, 10)))
def test_both_signs_of_a_map_become_the_same(X):
    maps = np.random.default_rng(2).normal(size=(2, 3, 4))
    agreement = (maps * X.sum(-1)).sum((1, 2))
    one, other = oriented(maps, X), oriented(-maps, X)
    clear = agreement != 0
    np.testing.assert_array_equal(one[clear], other[clear])
    assert ((one * X.sum(-1)).sum((1, 2)) >= 0).all()


def test_a_matrix_that_is_not_finite_gives_nan_and_spoils_no_other():
    K = np.stack([np.diag([4.0, 1.0]), np.full((2, 2), np.inf)])
    found = leading_component(K)
    np.testing.assert_allclose(np.abs(found[0]), [2, 0])
    assert np.isnan(found[1]).all()


def test_a_map_that_agrees_with_neither_sign_stays_as_it_is():
    maps = np.array([[[-1.0, 1.0]]])
    assert np.array_equal(oriented(maps, np.ones((1, 1, 2, 3))), maps)
