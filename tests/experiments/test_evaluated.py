"""A model under evaluation: pixels as it takes them, outputs as the data has them."""

import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

import campare
from campare.attribution.method import METHODS
from campare.data import stored
from campare.errors import CampareError, ModelError
from campare.experiments.evaluated import evaluated, of_model
from campare.metrics.metric import Observer
from resident import resident

K = keras.layers
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), dtype=np.uint8)
CLASSES = {"cat": 2, "dog": 0}
GRAD_CAM = METHODS["grad-cam"]


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((12, 12, 3)), K.Conv2D(4, 3, activation="relu", name="top"),
        K.GlobalAveragePooling2D(), K.Dense(3),
    ])  # fmt: skip


def under_evaluation(network, **changes):
    settings = {
        "layer": None, "layer_grid": None, "size": None, "pixels": None, "classes": CLASSES,
        "target": "label", "batch_size": 2, "seed": 0,
    }  # fmt: skip
    return evaluated("net", network, ("cat", "dog"), **settings | changes)


@pytest.fixture(scope="module")
def model(network):
    return under_evaluation(network)


def test_logits_have_the_classes_of_the_data_first(model, network):
    plain = campare.wrap(network).predict(IMAGES.astype(np.float32))
    np.testing.assert_allclose(model.predict(IMAGES), plain[:, [2, 0, 1]], rtol=1e-4, atol=1e-3)


def test_maps_are_of_the_output_of_the_class(model, network):
    targets = np.array([0, 1, 1, 0, 0])  # of the data
    found = campare.explain(network, IMAGES, target=np.array([2, 0, 0, 2, 2]))
    logits, maps = model.observe(IMAGES, targets, (GRAD_CAM,))
    np.testing.assert_allclose(maps["grad-cam"], found.maps, rtol=1e-3, atol=1e-6)
    explainer = model.explain(GRAD_CAM)
    assert isinstance(explainer, Observer)
    np.testing.assert_array_equal(explainer(IMAGES, targets), maps["grad-cam"])
    np.testing.assert_array_equal(explainer.observe(IMAGES, targets)[0], logits)
    _, predicted = model.observe(IMAGES, None, (GRAD_CAM,))
    own = campare.explain(network, IMAGES).maps
    np.testing.assert_allclose(predicted["grad-cam"], own, rtol=1e-3, atol=1e-6)


def test_images_of_each_batch_are_counted(model):
    counted = []
    watched = replace(model, progress=counted.append)
    watched.predict(IMAGES)
    watched.observe(IMAGES, np.zeros(5, int), (GRAD_CAM,))
    assert counted == [2, 2, 1] * 2


def test_what_is_said_of_it(model):
    assert (model.shape, model.layer) == ((12, 12, 3), "top")
    assert [layer.path for layer in model.layers if layer.spatial] == ["top"]
    assert model.facts == {
        "name": "net", "title": "Sequential", "input": "12 x 12 x 3", "pixels": "0..255",
        "layer": "top", "outputs": 3, "classes": "given: cat 2, dog 0",
    }  # fmt: skip


def test_how_it_is_read_is_said_where_it_was_given(network):
    def upright(tokens):
        return tokens

    given = under_evaluation(network, layer_grid=upright, task="binary").facts
    assert (given["layer_grid"], given["task"]) == ("upright", "binary")
    assert under_evaluation(network, layer_grid=(4, 4)).facts["layer_grid"] == "(4, 4)"
    assert "layer_grid" not in under_evaluation(network).facts


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (None, lambda x: x),
        ("0..1", lambda x: x / 255),
        ("-1..1", lambda x: x / 127.5 - 1),
        (np.sqrt, np.sqrt),
    ],
)
def test_pixels_are_those_that_the_model_takes(model, pixels, expected):
    found = replace(model, pixels=pixels or "0..255").prepare(IMAGES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(IMAGES.astype(np.float64)), rtol=1e-5, atol=1e-6)


def test_where_the_prediction_is_explained_outputs_need_no_class(network):
    found = under_evaluation(network, classes=None, target="prediction")
    assert not found.classes.known
    with pytest.raises(CampareError, match="with 3 outputs"):
        under_evaluation(network, classes=None)


def test_a_network_of_any_size_needs_one(network):
    keras.utils.set_random_seed(0)
    free = keras.Sequential([
        keras.Input((None, None, 3)), K.Conv2D(4, 3, activation="relu"),
        K.GlobalAveragePooling2D(), K.Dense(3),
    ])  # fmt: skip
    with pytest.raises(ModelError, match=r"Expected a size for 'net', .* Try: size=224"):
        under_evaluation(free)
    assert under_evaluation(free, size=20).size == (20, 20)
    assert under_evaluation(network, size=99).size == (12, 12)  # its own goes first


def test_weights_drawn_anew_are_put_back(model):
    before = model.predict(IMAGES)
    with model.randomized(None, np.random.default_rng(0)):
        assert not np.allclose(model.predict(IMAGES), before)
    np.testing.assert_array_equal(model.predict(IMAGES), before)


@pytest.mark.parametrize(
    ("option", "value", "found"),
    [
        ("layer", {"a": "x", "b": "y"}, "y"),
        ("layer", {"a": "x"}, None),
        ("pixels", "0..1", "0..1"),
        ("classes", {"cat": 1}, {"cat": 1}),  # a mapping of its own
        ("classes", {"a": {"cat": 1}, "b": {"cat": 2}}, {"cat": 2}),
    ],
)
def test_an_option_is_for_all_models_or_for_each(option, value, found):
    assert of_model(option, value, "b", ["a", "b"]) == found
    with pytest.raises(CampareError, match=r"names of models in layer=\.\.\., got 'c'. Try: a, b"):
        of_model("layer", {"c": "x"}, "b", ["a", "b"])


@pytest.mark.skipif(sys.platform != "linux", reason="pages of a process, as Linux tells them")
def test_images_whose_maps_are_blank_leave_the_memory_once_they_were_looked_at(
    model, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stored, "LIMIT", 0)
    images = stored.zeros(IMAGES.shape, np.uint8)
    images[:] = IMAGES
    assert resident(images) > 0
    blank = {"grad-cam": np.zeros((5, 10, 10), np.float32)}
    found = model.reasons(images, np.array([0, 1, 1, 0, 0]), (GRAD_CAM,), blank)
    assert found["grad-cam"].shape == (5,)
    assert resident(images) == 0
