"""The words of campare as types: classifiers of every framework and tables keep to them."""

import inspect

import keras
import numpy as np
import pytest

from campare import wrap
from campare.data import Images
from campare.metrics.evaluate import measure_predictions
from campare.types import NEEDED_COLUMNS, SCORE_COLUMNS, Classifier, Grid, LayerInfo, Tap


def a_keras_classifier():
    layers = [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    return wrap(keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Dense(4)]))


def a_torch_classifier():
    nn = pytest.importorskip("torch").nn
    layers = [nn.Conv2d(3, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return wrap(nn.Sequential(*layers, nn.Linear(2, 4)), input_shape=(8, 8, 3))


PROMISED = {
    name: member
    for name, member in vars(Classifier).items()
    if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
}


@pytest.fixture(scope="module", params=[a_keras_classifier, a_torch_classifier])
def one(request):
    return request.param()


def test_a_classifier_takes_what_the_protocol_says(one):
    """Each parameter of the protocol is one of the classifier, and what it has more may be left."""
    for name in Classifier.__annotations__:
        assert hasattr(one, name), name
    for name, member in PROMISED.items():
        found = inspect.getattr_static(type(one), name)
        if isinstance(member, property):
            assert isinstance(found, property), name
            continue
        promised = inspect.signature(member).parameters
        own = inspect.signature(found).parameters
        for each, parameter in promised.items():
            assert own[each].kind == parameter.kind, (name, each)
            assert own[each].default == parameter.default, (name, each)
        assert all(
            own[each].default is not inspect.Parameter.empty for each in own.keys() - promised
        )


def test_what_a_classifier_gives_has_the_types_of_the_protocol(one):
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    assert (one.n_classes, one.bypassed) == (4, None)
    assert all(isinstance(layer, LayerInfo) for layer in one.layers)
    assert one.layer().path == one.default_layer
    assert one.layer().spatial
    assert one.predict(images).shape == (2, 4)
    tap = one.tap(images, 1)
    assert isinstance(tap, Tap)
    assert (
        tap.activations.shape
        == tap.gradients.shape
        == (2, *one.layer(shape=(8, 8, 3)).grid.shape, 2)
    )
    assert tap.scores.shape == (2,)
    assert tap.curvature is None
    assert one.input_gradients(images, 1).shape == images.shape
    assert one.bottleneck(shape=(8, 8, 3))


def test_the_columns_are_those_of_a_real_table():
    images = Images(np.zeros((2, 8, 8, 3), np.uint8), np.array([0, 1]), ("a", "b"), {}, ("x", "y"))
    table = measure_predictions(np.eye(2), images, recipe="A", seed=0, split="test")
    assert tuple(table.columns) == SCORE_COLUMNS
    assert set(SCORE_COLUMNS) - set(NEEDED_COLUMNS) == {"group"}
    assert [name for name in SCORE_COLUMNS if name != "group"] == list(NEEDED_COLUMNS)


@pytest.mark.parametrize(
    ("grid", "spatial"),
    [((7, 7), True), ((1, 7), True), ((1, 1), False), ((None, None), True), ((9,), True)],
)
def test_a_grid_of_more_than_a_cell_is_spatial(grid, spatial):
    info = LayerInfo("top", "Conv2D", (*grid, 3), Grid(grid, "channels-last"))
    assert info.spatial is spatial
    assert not info._replace(grid=None).spatial
