"""Softmaxes in a graph of TensorFlow's, with their gradients."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from tensorflow.python.framework import ops  # noqa: E402

from campare.errors import ModelError  # noqa: E402
from campare.models.backends.tensorflow_attention import attended  # noqa: E402

X = np.linspace(-1, 1, 120).reshape(2, 3, 4, 5).astype(np.float32)


def found(function):
    """The attention between X and the sum of a function of it, on the host."""

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_sum(function(x))
        pairs = []
        with attended(pairs):
            tape.gradient(score, x)
        return pairs

    graph = tf.function(run, autograph=False)
    return [(A.numpy(), G.numpy()) for A, G in graph(tf.constant(X))]


def test_of_a_softmax_the_value_and_the_gradient_are_found():
    ((A, G),) = found(lambda x: tf.nn.softmax(x) ** 2)
    np.testing.assert_allclose(A.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(G, 2 * A, rtol=1e-5)


def test_only_those_between_image_and_score_count_and_of_several_axes():
    assert not found(lambda x: tf.nn.softmax(tf.reshape(x, (2, -1))))
    assert not found(lambda x: x + tf.nn.softmax(tf.stop_gradient(x)))


def test_one_in_a_function_of_the_network_is_refused():
    inner = tf.function(tf.nn.softmax)
    with pytest.raises(ModelError, match=r"in a tf.function .*Try: the function without"):
        found(lambda x: inner(x) ** 2)


def test_the_rule_of_gradients_is_as_before_also_after_an_exception():
    before = ops._gradient_registry._registry["Softmax"]["type"]
    with pytest.raises(KeyError), attended([]):
        raise KeyError
    assert ops._gradient_registry._registry["Softmax"]["type"] is before
