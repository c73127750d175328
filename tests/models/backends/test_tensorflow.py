"""The tap on TensorFlow, without Keras: a network in closed form, and layer normalization."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf
import toy_program as toy

from campare.models.backends import tensorflow as backend
from campare.models.backends.tensorflow import twice_differentiable


def test_the_tap_is_the_closed_form():
    toy.assert_tap_is_the_closed_form(backend)
    toy.assert_predictions_are_the_logits(backend)


def test_the_network_runs_in_python_only_while_a_graph_is_made():
    made, calls = toy.calls_of_runs(backend)
    assert (made, calls) == (1, [0, 0, 0, 0])
    assert not backend.FIXED_BATCH
    assert not backend.PATCHES_RUNS


def test_the_flow_is_the_wiring():
    toy.assert_flow_is_the_wiring(backend, tf.stop_gradient)


@pytest.mark.parametrize("keepdims", [True, False])
def test_the_variance_has_its_second_derivative(keepdims):
    """That of mean((x - mean)^2) is 2 / n (I - 1 / n), which TensorFlow's own gets wrong."""
    x = tf.constant(np.random.default_rng(0).normal(size=(1, 5)).astype(np.float32))
    own = tf.nn.moments

    def hessian():
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                _, variance = tf.nn.moments(x, [1], keepdims=keepdims)
            gradient = inner.gradient(variance, x)
        return outer.jacobian(gradient, x).numpy().reshape(5, 5)

    with twice_differentiable():
        mean, variance = tf.nn.moments(x, [1], keepdims=keepdims)
        found = hessian()
    for given, expected in zip((mean, variance), own(x, [1], keepdims=keepdims), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found, 2 / 5 * (np.eye(5) - 1 / 5), atol=1e-5)
    assert tf.nn.moments is own
