"""CAM methods against their equations written as loops, and properties that follow from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from campare.cams.methods import METHODS, grad_cam, hires_cam, method
from campare.errors import CampareError

LOOPED = ("grad-cam", "hires-cam", "grad-cam-elementwise", "layer-cam", "xgrad-cam")
VALUES = st.floats(-10, 10, width=32)
TENSORS = arrays(np.float32, (2, 3, 4, 5), elements=VALUES)


def by_loops(name, A, G):
    """Each method as its paper writes it, one image, cell and channel at a time."""
    n, h, w, c = A.shape
    out = np.zeros((n, h, w))
    for i in range(n):
        for k in range(c):
            a, g = A[i, :, :, k].astype(float), G[i, :, :, k].astype(float)
            if name == "grad-cam":
                out[i] += g.sum() / (h * w) * a
            elif name == "hires-cam":
                out[i] += g * a
            elif name == "grad-cam-elementwise":
                out[i] += np.maximum(g * a, 0)
            elif name == "layer-cam":
                out[i] += np.maximum(g, 0) * a
            elif name == "xgrad-cam" and a.sum() != 0:
                out[i] += (g * a).sum() / a.sum() * a
    return np.maximum(out, 0)


@pytest.mark.parametrize("name", LOOPED)
def test_methods_equal_their_equations(name):
    rng = np.random.default_rng(0)
    A = np.maximum(rng.normal(size=(3, 5, 6, 7)), 0).astype(np.float32)
    A[:, :, :, 2] = 0  # a dead channel
    G = rng.normal(size=A.shape).astype(np.float32)
    found = METHODS[name].function(A, G)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_loops(name, A, G), rtol=1e-5, atol=1e-5)
    assert found.max() > 0


@pytest.mark.parametrize("name", LOOPED)
@given(A=TENSORS, G=TENSORS)
def test_maps_are_never_negative_and_scale_with_the_score(name, A, G):
    function = METHODS[name].function
    maps = function(A, G)
    assert maps.shape == A.shape[:3]
    assert (maps >= 0).all()
    np.testing.assert_allclose(function(A, 4 * G), 4 * maps, rtol=1e-4, atol=1e-3)


@given(A=TENSORS, alpha=arrays(np.float32, (2, 1, 1, 5), elements=VALUES))
def test_with_constant_gradients_grad_cam_and_hires_cam_agree(A, alpha):
    G = np.broadcast_to(alpha, A.shape)
    np.testing.assert_allclose(grad_cam(A, G), hires_cam(A, G), rtol=1e-4, atol=1e-2)


def test_nan_stays_nan():
    A = np.ones((1, 2, 2, 1), np.float32)
    A[0, 0, 0, 0] = np.nan
    assert np.isnan(grad_cam(A, np.ones_like(A))[0, 0, 0])


def test_an_unknown_method_lists_the_known():
    with pytest.raises(CampareError, match=r"got 'gradcam'\. Try: grad-cam, "):
        method("gradcam")
