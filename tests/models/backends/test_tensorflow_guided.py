"""ReLUs by any name in a graph of TensorFlow's; what is none, and what is refused."""

import numpy as np
import pytest
from relus import PLAIN, WEIGHTS, X, passes_what_is_positive

pytest.importorskip("tensorflow")
import tensorflow as tf

from campare.errors import ModelError
from campare.models.backends.tensorflow_guided import guided


def gradient(function, told=None):
    """The gradient of the weighted sum of a function of X; guided where `told` is a list."""

    @tf.function(autograph=False)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_sum(WEIGHTS * function(x))
        if told is None:
            return tape.gradient(score, x)
        with guided(told.append):
            return tape.gradient(score, x)

    return run(tf.constant(X)).numpy()


@tf.function(autograph=False)
def within(x):
    """A function that has its gradient."""
    return tf.nn.relu(x)


@pytest.mark.parametrize(
    "relu",
    [
        tf.nn.relu, tf.nn.relu6, lambda x: tf.raw_ops.Relu(features=x), lambda x: tf.maximum(x, 0),
        lambda x: tf.maximum(0.0, x), lambda x: tf.maximum(x, tf.zeros(3)),
        lambda x: tf.clip_by_value(x, 0, 6), lambda x: tf.where(x > 0, x, 0.0),
    ],
)  # fmt: skip
def test_a_relu_by_any_name_passes_what_is_positive_both_ways(relu):
    passes_what_is_positive(gradient, relu)


@pytest.mark.parametrize(
    "function",
    [
        tf.tanh, tf.nn.gelu, tf.nn.leaky_relu, lambda x: tf.clip_by_value(x, -1, 1),
        lambda x: tf.where(x > 0, x, 1.0), lambda x: tf.where(x < 0, x, 0.0),
    ],
)  # fmt: skip
def test_what_is_no_relu_has_its_own_gradient(function):
    np.testing.assert_array_equal(gradient(function, told := []), gradient(function))
    assert told == [0]


def test_a_function_that_has_its_gradient_already_is_refused():
    gradient(within)
    with pytest.raises(ModelError, match=r"in a tf\.function within the network.*Try: "):
        gradient(within, [])
    np.testing.assert_array_equal(gradient(within), PLAIN)


def test_after_an_exception_the_gradient_is_plain():
    with pytest.raises(KeyError), guided([].append):
        raise KeyError
    np.testing.assert_array_equal(gradient(tf.nn.relu), PLAIN)
