"""Activation methods against slow references.

What they share with the gradient methods (frameworks, NaN) is tested in test_gradient.py, how they
compare with other libraries in test_peers.py.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from campare.attribution.activation import eigen_cam, fem, kpca_cam

RNG = np.random.default_rng(0)


def activations(shape=(3, 5, 6, 7)):
    return np.maximum(np.random.default_rng(1).normal(size=shape), 0).astype(np.float32)


@pytest.mark.parametrize("shape", [(3, 5, 6, 7), (3, 2, 3, 20)], ids=["cells", "channels"])
@pytest.mark.parametrize("method", [eigen_cam, kpca_cam, fem])
def test_methods_equal_their_equations(method, shape):
    A = activations(shape)
    A[:, :, :, 1] = 0
    A[:, :, :, 2] = 0.1  # constant: nothing in it is rare, also after rounding
    expected = [getattr(reference, method.__name__)(a) for a in A]
    found = method(A)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("grid", [(30,), (3, 2, 5)], ids=["line", "volume"])
@pytest.mark.parametrize("channels", [7, 40], ids=["cells", "channels"])
@pytest.mark.parametrize("method", [eigen_cam, kpca_cam, fem])
def test_a_grid_of_any_rank_gives_the_map_of_its_cells(method, channels, grid):
    A = activations((3, 5, 6, channels))
    found = method(A.reshape(3, *grid, channels))
    np.testing.assert_allclose(found, method(A).reshape(3, *grid), rtol=1e-5, atol=1e-5)


def test_behind_a_relu_eigen_cam_is_never_negative():
    for seed in range(20):
        A = np.maximum(np.random.default_rng(seed).normal(size=(2, 4, 4, 5)), 0)
        assert (eigen_cam(A) > -1e-6).all()


@given(A=arrays(np.float32, (1, 3, 4, 5), elements=st.floats(-10, 10, width=32)))
def test_the_sign_agrees_with_the_sum_of_the_channels(A):
    found = eigen_cam(A).astype(float)
    assert (found * A.sum(axis=-1)).sum() >= -1e-3


@given(
    A=arrays(np.float64, (2, 3, 4, 5), elements=st.floats(0, 10)),
    scale=st.sampled_from([0.25, 2.0, 8.0]),
)
def test_eigen_cam_scales_with_the_activations(A, scale):
    assert np.allclose(
        np.abs(eigen_cam(scale * A)).sum(), scale * np.abs(eigen_cam(A)).sum(), rtol=1e-2, atol=1e-3
    )


def test_rank_one_activations_give_their_own_picture():
    place = RNG.random((4, 5))
    A = place[None, :, :, None] * np.array([3.0, 0.0, 4.0])
    np.testing.assert_allclose(eigen_cam(A)[0], 5 * place, rtol=1e-5)


def test_kpca_cam_has_mean_zero():
    assert np.abs(kpca_cam(activations()).mean(axis=(1, 2))).max() < 1e-6


def test_fem_marks_what_is_rare_with_the_mean_of_its_channel():
    A = np.zeros((1, 4, 4, 2), np.float32)
    A[0, 1, 2, 0] = 16
    assert fem(A)[0, 1, 2] == 1
    assert fem(A).sum() == 1


def test_dead_activations_give_flat_maps():
    for method in (eigen_cam, kpca_cam, fem):
        assert np.ptp(method(np.zeros((1, 3, 3, 4), np.float32))) < 1e-6
