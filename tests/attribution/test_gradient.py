"""Gradient methods against their equations as loops, and in every framework."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from campare.attribution.gradient import (
    eigen_grad_cam,
    finer_score,
    fuse,
    grad_cam,
    grad_cam_counterfactual,
    grad_cam_plus_plus,
    hires_cam,
    rest_score,
    shapley_cam,
)
from campare.attribution.method import METHODS
from campare.errors import CampareError

VALUES = st.floats(-10, 10, width=32)
TENSORS = arrays(np.float32, (2, 3, 4, 5), elements=VALUES)
ON_THE_DEVICE = [name for name, m in METHODS.items() if m.kind in ("gradient", "activation")]
NEVER_NEGATIVE = [
    name for name in ON_THE_DEVICE if METHODS[name].kind == "gradient" and not METHODS[name].signed
]


def tensors(shape=(3, 5, 6, 7), seed=0):
    """A (never negative, one channel dead), G and H A."""
    rng = np.random.default_rng(seed)
    A = np.maximum(rng.normal(size=shape), 0).astype(np.float32)
    A[..., 2] = 0
    G, curvature = rng.normal(size=(2, *shape)).astype(np.float32)
    G[0, 0, 0] = 0
    return A, G, curvature


def inputs(name, *args):
    return args if METHODS[name].needs_curvature else args[:2]


def by_loops(name, A, G, curvature):
    """Each method as its paper writes it, one image, cell and channel at a time."""
    out = np.zeros(A.shape[:3])
    for i in range(len(A)):
        if name == "grad-cam++":
            out[i] = reference.grad_cam_plus_plus(A[i], G[i], 0.0)
            continue
        for k in range(A.shape[3]):
            a, g, h = (x[i, :, :, k].astype(float) for x in (A, G, curvature))
            match name:
                case "grad-cam" | "finer-cam":
                    out[i] += g.mean() * a
                case "grad-cam-counterfactual":
                    out[i] += -g.mean() * a
                case "hires-cam":
                    out[i] += g * a
                case "grad-cam-elementwise":
                    out[i] += np.maximum(g * a, 0)
                case "layer-cam":
                    out[i] += np.maximum(g, 0) * a
                case "xgrad-cam":
                    out[i] += (g * a).sum() / a.sum() * a if a.sum() else 0
                case "shapley-cam":
                    out[i] += (g - h / 2).mean() * a
    return np.maximum(out, 0)


@pytest.mark.parametrize("name", NEVER_NEGATIVE)
def test_methods_equal_their_equations(name):
    found = METHODS[name].function(*inputs(name, *tensors()))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_loops(name, *tensors()), rtol=1e-5, atol=1e-5)
    assert found.max() > 0


@pytest.mark.parametrize("name", NEVER_NEGATIVE)
@given(A=TENSORS, G=TENSORS)
def test_maps_are_never_negative(name, A, G):
    maps = METHODS[name].function(*inputs(name, A, G, A))
    assert maps.shape == A.shape[:3]
    assert (maps >= 0).all()


@pytest.mark.parametrize("name", [n for n in NEVER_NEGATIVE if n != "grad-cam++"])
@given(A=TENSORS, G=TENSORS)
def test_maps_scale_with_the_score(name, A, G):
    function = METHODS[name].function
    maps, scaled = (function(*inputs(name, A, G * s, A * s)) for s in (1, 4))
    np.testing.assert_allclose(scaled, 4 * maps, rtol=1e-4, atol=1e-3)


@given(A=TENSORS, alpha=arrays(np.float32, (2, 1, 1, 5), elements=VALUES))
def test_with_constant_gradients_grad_cam_and_hires_cam_agree(A, alpha):
    G = np.broadcast_to(alpha, A.shape)
    np.testing.assert_allclose(grad_cam(A, G), hires_cam(A, G), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", ON_THE_DEVICE)
def test_nan_stays_nan_in_its_image_alone(name):
    clean = METHODS[name].function(*inputs(name, *tensors()))
    A, G, curvature = tensors()
    A[1, 2, 2, 3] = np.nan
    found = METHODS[name].function(*inputs(name, A, G, curvature))
    assert np.isnan(found[1, 2, 2])
    np.testing.assert_allclose(found[[0, 2]], clean[[0, 2]], rtol=1e-6)


@pytest.mark.parametrize("grid", [(30,), (3, 2, 5)], ids=["line", "volume"])
@pytest.mark.parametrize("name", [n for n in ON_THE_DEVICE if METHODS[n].kind == "gradient"])
def test_a_grid_of_any_rank_gives_the_map_of_its_cells(name, grid):
    function, images = METHODS[name].function, tensors((3, 5, 6, 7))
    expected = function(*inputs(name, *images)).reshape(3, *grid)
    found = function(*inputs(name, *(x.reshape(3, *grid, 7) for x in images)))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


# The same equation in every framework


def _numpy(function, args):
    return function(*args)


def _tensorflow(function, args):
    """A graph that knows neither how many images there are nor their size."""
    tf = pytest.importorskip("tensorflow")
    spec = [tf.TensorSpec((*[None] * (x.ndim - 1), x.shape[-1]), tf.float32) for x in args]
    return tf.function(function, input_signature=spec, autograph=False)(*args).numpy()


def _tensorflow_static(function, args):
    tf = pytest.importorskip("tensorflow")
    spec = [tf.TensorSpec((None, *x.shape[1:]), tf.float32) for x in args]
    graph = tf.function(function, input_signature=spec, autograph=False)
    first = graph.get_concrete_function()(*[tf.constant(x) for x in args])
    return first.numpy()


def _jax(function, args):
    return np.asarray(pytest.importorskip("jax").jit(function)(*args))


def _torch(function, args):
    torch = pytest.importorskip("torch")
    return function(*(torch.from_numpy(x) for x in args)).numpy()


def _torch_graph(function, args):
    torch = pytest.importorskip("torch")
    from torch.fx.experimental.proxy_tensor import make_fx

    args = [torch.from_numpy(x) for x in args]
    graph = make_fx(lambda *xs: function(*xs))(*[x.flip(0) for x in args])  # other values
    return graph(*args).numpy()


FRAMEWORKS = [_numpy, _tensorflow, _tensorflow_static, _jax, _torch, _torch_graph]


@pytest.mark.parametrize(
    "shape",
    [(3, 5, 6, 7), (3, 2, 3, 8), (3, 30, 7), (3, 5, 2, 3, 7)],
    ids=["cells", "channels", "line", "volume"],
)
@pytest.mark.parametrize("run", FRAMEWORKS)
@pytest.mark.parametrize("name", ON_THE_DEVICE)
def test_every_framework_computes_the_same_map(name, run, shape):
    function, args = METHODS[name].function, inputs(name, *tensors(shape))
    expected = function(*(x.astype(np.float64) for x in args))
    found = run(function, args)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("run", FRAMEWORKS)
@pytest.mark.parametrize("score", [finer_score, rest_score])
def test_every_framework_computes_the_same_score(score, run):
    logits = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    index = np.array([0, 4, 2, 1, 3, 0])

    def scored(x):
        return score(x, np.array(index) if run is _numpy else _like(index, x))

    if run in (_tensorflow, _tensorflow_static, _torch_graph):  # images are 4-D there

        def scored_images(x):
            return scored(x[:, 0, 0])

        found = run(scored_images, [logits[:, None, None]])
    else:
        found = run(scored, [logits])
    np.testing.assert_allclose(found, score(logits.astype(float), index), rtol=1e-5, atol=1e-5)


def _like(index, x):
    family = type(x).__module__.partition(".")[0]
    if family == "torch":
        import torch

        return torch.from_numpy(index)
    if family == "tensorflow":
        import tensorflow as tf

        return tf.constant(index)
    import jax.numpy as jnp

    return jnp.asarray(index)


# Grad-CAM++: the factor exp(S)


def test_the_factor_exp_of_the_score_scales_a_map_and_nothing_else():
    A, G, _ = tensors()
    found = grad_cam_plus_plus(A, G)
    for i, score in enumerate((-1.5, 0.0, 3.0)):
        expected = reference.grad_cam_plus_plus(A[i], G[i], score)
        np.testing.assert_allclose(np.exp(score) * found[i], expected, rtol=1e-5, atol=1e-6)


def test_tiny_gradients_do_not_underflow_in_grad_cam_plus_plus():
    A, G, _ = tensors()
    tiny = grad_cam_plus_plus(A, (1e-30 * G).astype(np.float32))
    limit = by_loops("grad-cam", A, np.maximum(G, 0), G) * 30 / 2  # alpha is 1/2, 30 cells
    np.testing.assert_allclose(tiny * 1e30, limit, rtol=1e-4)


# Shapley-CAM, Finer-CAM, EigenGrad-CAM


def test_without_curvature_shapley_cam_is_grad_cam():
    A, G, _ = tensors()
    assert np.array_equal(shapley_cam(A, G, np.zeros_like(A)), grad_cam(A, G))


def test_the_counterfactual_map_is_that_of_the_opposite_score():
    A, G, _ = tensors()
    assert np.array_equal(grad_cam_counterfactual(A, G), grad_cam(A, -G))


@pytest.mark.parametrize("classes", range(1, 7))
def test_finer_score_compares_with_the_three_nearest_classes(classes):
    logits = np.random.default_rng(0).normal(size=(50, classes))
    index = np.arange(50) % classes
    expected = [reference.finer_score(y.tolist(), c) for y, c in zip(logits, index, strict=True)]
    np.testing.assert_allclose(finer_score(logits, index), expected, rtol=1e-9)


def test_finer_score_counts_all_classes_at_the_distance_of_the_third():
    logits = np.array([[0.0, 1.0, 2.0, -3.0, 3.0]])
    assert finer_score(logits, np.array([0])) == pytest.approx(-0.6 * (1 + 2 - 3 + 3) / 4)


def test_rest_score_is_the_logit_plus_its_log_probability():
    logits = np.array([[1.0, 2.0, 800.0], [0.0, 1.0, 2.0]])
    p = np.exp(logits[1]) / np.exp(logits[1]).sum()
    expected = [1600 - 800, 1 + np.log(p[1])]
    np.testing.assert_allclose(rest_score(logits, np.array([2, 1])), expected, rtol=1e-12)


def test_eigen_grad_cam_is_the_first_component_of_the_centered_products():
    A, G, _ = tensors()
    found = eigen_grad_cam(A, G)
    for i in range(len(A)):
        X = (A[i] * G[i]).reshape(-1, A.shape[3])
        expected = reference.first_component(X - X.mean(axis=0)).reshape(A.shape[1:3])
        np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(found.mean(axis=(1, 2))).max() < 1e-6
    evidence = (A * G).sum(axis=-1)
    assert all(
        np.corrcoef(m.ravel(), e.ravel())[0, 1] > 0 for m, e in zip(found, evidence, strict=True)
    )


# Fusion of LayerCAM maps


def test_fusion_equals_its_equation():
    rng = np.random.default_rng(0)
    maps = [rng.random((2, *side)) * scale for side, scale in (((6, 4), 9), ((3, 2), 0.1))]
    maps[0][1] = 0
    for shape in (None, (12, 12)):
        found = fuse(maps, shape)
        for i in range(2):
            expected = reference.layer_cam_fusion([m[i] for m in maps], shape or (6, 4))
            np.testing.assert_allclose(found[i], expected, rtol=1e-5, atol=1e-6)
    assert found.max() < 1


@pytest.mark.parametrize("maps", [[], [np.zeros((2, 3, 3)), np.zeros((1, 3, 3))]])
def test_fusion_of_nothing_or_of_other_images_is_refused(maps):
    with pytest.raises(CampareError, match=r"Expected maps of the same images .*Try: fuse"):
        fuse(maps)
