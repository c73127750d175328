"""Folded batch normalization in a TensorFlow graph: the same logits, taps where they were."""

import keras
import numpy as np
import pytest
from keras_zoo import L, settle

from campare.models import wrap

pytestmark = pytest.mark.only("tensorflow", reason="only TensorFlow's graphs are folded")

CONVOLUTIONS = {
    "plain": lambda: L.Conv2D(6, 3, use_bias=False, name="conv"),
    "bias, stride, dilation": lambda: L.Conv2D(6, 3, padding="same", dilation_rate=2, name="conv"),
    "groups": lambda: L.Conv2D(6, 3, strides=2, groups=3, name="conv"),
    "depthwise": lambda: L.DepthwiseConv2D(3, depth_multiplier=2, name="conv"),
    "an activation": lambda: L.Conv2D(6, 3, activation="relu", name="conv"),
    "separable": lambda: L.SeparableConv2D(6, 3, name="conv"),
}
NORMS = {
    "plain": {},
    "no scale": {"scale": False},
    "no center": {"center": False},
    "another axis": {"axis": 2},
}


def network(conv, skip=False, **norm):
    inputs = keras.Input((12, 12, 3))
    y = CONVOLUTIONS[conv]()(inputs)
    z = L.BatchNormalization(name="norm", **norm)(y)
    z = L.ReLU(name="relu")(L.Add()([y, z]) if skip else z)
    z = L.Dense(3)(L.GlobalAveragePooling2D()(z))
    model = settle(keras.Model(inputs, z))
    rng = np.random.default_rng(0)
    for weight in model.get_layer("norm").weights:
        weight.assign(rng.uniform(0.5, 2, weight.shape))
    return model


@pytest.fixture
def images():
    return np.random.default_rng(1).normal(size=(3, 12, 12, 3)).astype(np.float32)


def as_it_is(model, images):
    return np.asarray(model(images, training=False))


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("conv", CONVOLUTIONS)
def test_logits_stay(conv, skip, images):
    model = network(conv, skip)
    expected = as_it_is(model, images)
    np.testing.assert_allclose(wrap(model).predict(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_logits_stay_with_every_normalization(norm, images):
    model = network("plain", **NORMS[norm])
    expected = as_it_is(model, images)
    np.testing.assert_allclose(wrap(model).predict(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("conv", ["plain", "depthwise"])
def test_no_normalization_is_left_in_the_graph(conv):
    """The normalization subtracts the mean from the bias, and multiplies the kernel."""
    import tensorflow as tf

    from campare.models.backends.tensorflow_fold import folded

    model = network(conv)

    def forward(x):
        with folded(model):
            return model(x, training=False)

    graph = tf.function(forward).get_concrete_function(tf.TensorSpec((None, 12, 12, 3))).graph
    images = [op for op in graph.get_operations() if op.type in ("Mul", "AddV2", "Sub")]
    assert all(op.outputs[0].shape.rank < 4 or op.outputs[0].shape[0] == 3 for op in images)


@pytest.mark.parametrize("layer", ["conv", "norm", "relu"])
def test_taps_see_what_the_layer_gives(layer, images):
    model = network("plain")
    expected = keras.Model(model.input, model.get_layer(layer).output)(images)
    found = wrap(model).tap(images, 0, layer=layer).activations
    np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-5, atol=1e-5)


def test_gradients_pass_a_folded_normalization(images):
    """From a tap on the images: equal to those of the model in XLA, which is not folded."""
    model = network("plain", skip=True)
    found = wrap(model).input_gradients(images, 1)
    expected = wrap(model, compile=True).input_gradients(images, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["kernel", "gamma", "moving_mean", "moving_variance"])
def test_weights_are_read_at_each_call(name, images):
    model = network("plain")
    classifier = wrap(model)
    before = classifier.predict(images)
    weight = next(weight for weight in model.weights if weight.name == name)
    weight.assign(2 * np.asarray(weight))
    after = classifier.predict(images)
    np.testing.assert_allclose(after, as_it_is(model, images), rtol=1e-5, atol=1e-5)
    assert np.abs(after - before).max() > 1e-3


def test_what_xla_runs_slowly_is_not_compiled():
    assert wrap(network("plain"), compile=True).compiled
    assert not wrap(network("depthwise"), compile=True).compiled


class Whole(keras.layers.Layer):
    """A block whose output is that of its convolution, the very tensor."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.conv = L.Conv2D(6, 3, name="conv")

    def call(self, x):
        return self.conv(x)


def test_a_tapped_block_that_ends_in_a_convolution_is_not_folded_around():
    inputs = keras.Input((12, 12, 3))
    y = L.BatchNormalization(name="norm")(Whole(name="block")(inputs))
    z = L.Dense(3)(L.GlobalAveragePooling2D()(L.Activation("tanh")(y)))
    classifier = wrap(settle(keras.Model(inputs, z)))
    images = np.random.default_rng(0).normal(size=(3, 12, 12, 3)).astype(np.float32)
    tap = classifier.tap(images, 1, layer="block")
    direction = np.random.default_rng(1).normal(size=tap.activations.shape).astype(np.float32)
    up, down = (
        classifier.tap(images, 1, layer="block", eps=step * direction).scores.astype(np.float64)
        for step in (1e-2, -1e-2)
    )
    expected = (up - down) / 2e-2
    assert np.abs(expected).min() > 1e-3
    found = (tap.gradients * direction).sum((1, 2, 3))
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-4)


class Training(keras.Model):
    """A normalization that always takes the statistics of the batch."""

    def __init__(self):
        super().__init__()
        self.conv = L.Conv2D(4, 3, name="conv")
        self.norm = L.BatchNormalization(name="norm", momentum=1.0)  # which then stay as they are
        self.head = keras.Sequential([L.ReLU(), L.GlobalAveragePooling2D(), L.Dense(3)])

    def call(self, x):
        return self.head(self.norm(self.conv(x), training=True))


def test_a_normalization_told_to_train_keeps_its_own_statistics():
    images = np.random.default_rng(0).normal(2, 3, size=(3, 12, 12, 3)).astype(np.float32)
    model = Training()
    expected = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_allclose(wrap(model).predict(images), expected, rtol=1e-4, atol=1e-5)
