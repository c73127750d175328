"""Maps of a layer that the score ignores: of another by default, with a status where chosen."""

import branches
import keras
import numpy as np
import pytest

from campare import explain
from campare.errors import LayerError
from campare.models import wrap

IMAGES = np.random.default_rng(0).uniform(0, 1, (3, *branches.SHAPE)).astype(np.float32)


beside = pytest.mark.filterwarnings("ignore:Expected a layer that all")


def ignoring(branch):
    """Two networks side by side, one of which the classes ignore by their weights."""
    model = branches.side_by_side()
    kernel = np.random.default_rng(0).normal(size=(11, 3))
    kernel[{"left": slice(0, 5), "right": slice(5, 11)}[branch]] = 0
    model.get_layer("classes").kernel.assign(kernel)
    return model, kernel


@beside
@pytest.mark.parametrize(("ignored", "right"), [("left", "right"), ("right", "left")])
def test_the_default_is_a_layer_that_the_score_depends_on(ignored, right):
    """Grad-CAM of features behind a mean and a linear layer is max(A w, 0) / (h w)."""
    model, kernel = ignoring(ignored)
    found = explain(model, IMAGES, target=1)
    assert found.layer == right
    A = wrap(model).tap(IMAGES, 1, layer=right).activations
    w = kernel[:5] if right == "left" else kernel[5:]
    expected = np.maximum(A @ w[:, 1], 0) / A[0, ..., 0].size
    np.testing.assert_allclose(found.maps, expected, rtol=1e-4, atol=1e-6)


@beside
@pytest.mark.parametrize("method", ["grad-cam", "hires-cam", "layer-cam", "eigen-cam", "score-cam"])
def test_a_chosen_layer_that_the_score_ignores_is_unconnected(method):
    model, _ = ignoring("left")
    found = explain(model, IMAGES, target=1, layer="left", method=method)
    assert found.status.tolist() == ["unconnected"] * 3
    found = explain(model, IMAGES, target=1, layer="right", method=method)
    assert "ok" in found.counts()
    assert "unconnected" not in found.counts()


def test_one_image_may_be_unconnected_while_the_others_are_not():
    """A rectified unit is dead for a dark image alone; evidence below zero is another matter."""
    L = keras.layers
    model = keras.Sequential([
        keras.Input(branches.SHAPE),
        L.Conv2D(1, 1, kernel_initializer="ones", name="conv"),
        L.GlobalAveragePooling2D(),
        L.Dense(1, "relu", kernel_initializer="ones", name="unit"),
        L.Dense(2, name="classes"),
    ])  # fmt: skip
    model.get_layer("unit").bias.assign([-0.3])
    model.get_layer("classes").kernel.assign([[1, -1]])
    images = np.ones((3, *branches.SHAPE), np.float32) * np.reshape([0, 0.5, 1], (3, 1, 1, 1))
    images[:, 0] += 0.01
    assert explain(model, images, target=0).status.tolist() == ["unconnected", "ok", "ok"]
    against = explain(model, images, target=1, batch_size=1, layer="conv")
    assert against.status.tolist() == ["unconnected", "all-negative", "all-negative"]


@pytest.mark.parametrize("method", ["grad-cam", "hires-cam", "layer-cam", "eigen-grad-cam"])
@pytest.mark.parametrize(
    ("channel", "sign", "status"),
    [(1, 1, "ok"), (1, -1, "all-negative"), (0, -1, "flat"), (None, 1, "unconnected")],
)
def test_a_map_of_zeros_says_why(channel, sign, status, method):
    """Channel 0 is zero in every image: its weight leaves nothing, and nothing against a class."""
    L, kernel = keras.layers, np.zeros((1, 1, 3, 2), np.float32)
    kernel[..., 1] = 1
    model = keras.Sequential([
        keras.Input(branches.SHAPE), L.Conv2D(2, 1, name="conv"), L.GlobalAveragePooling2D(),
        L.Dense(2, name="classes"),
    ])  # fmt: skip
    model.get_layer("conv").kernel.assign(kernel)
    weights = np.zeros((2, 2))
    if channel is not None:
        weights[channel] = sign
    model.get_layer("classes").kernel.assign(weights)
    found = explain(model, IMAGES, target=1, layer="conv", method=method)
    signed = method == "eigen-grad-cam" and status in ("ok", "all-negative")
    assert set(found.status) == {"ok" if signed else status}
    fused = explain(model, IMAGES, target=1, layer=["conv", "conv"], method=method)
    assert fused.status.tolist() == found.status.tolist()


@beside
def test_no_layer_to_depend_on_is_an_error_whose_advice_works():
    model, kernel = ignoring("left")
    model.get_layer("classes").kernel.assign(0 * kernel)
    with pytest.raises(LayerError, match=r"gradient of zero everywhere at .*left") as error:
        explain(model, IMAGES, target=1)
    layer = str(error.value).split("layer='")[1].split("'")[0]
    found = explain(model, IMAGES, target=1, layer=layer)
    assert found.counts() == {"unconnected": 3}


@beside
def test_the_data_decides_which_of_two_ways_is_explained():
    networks = pytest.importorskip("torch_branches")
    networks.torch.manual_seed(0)
    model = networks.Switched()
    for brightness, layer in ((0.1, "dark"), (0.9, "bright")):
        images = np.full((2, *branches.SHAPE), brightness, np.float32) + IMAGES[:2] / 10
        found = explain(model, images, target=1)
        assert found.layer == layer
        assert "unconnected" not in found.counts()
