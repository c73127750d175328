"""The tap on JAX, without Keras: a network in closed form."""

import numpy as np
import pytest

pytest.importorskip("jax")
import jax
import jax.numpy as jnp
import toy_program as toy

from campare.models.backends import jax as backend


def test_the_tap_is_the_closed_form():
    toy.assert_tap_is_the_closed_form(backend)
    toy.assert_predictions_are_the_logits(backend)


def test_the_network_runs_in_python_when_a_number_of_images_comes_first():
    made, calls = toy.calls_of_runs(backend)
    assert made == calls[1] == calls[3] == 0
    assert calls[0] > 0
    assert calls[2] > 0
    assert backend.FIXED_BATCH
    assert backend.PATCHES_RUNS


def test_the_flow_is_the_wiring():
    toy.assert_flow_is_the_wiring(backend, jax.lax.stop_gradient)


def test_only_positive_gradients_flow_back():
    weights = jnp.array([-2.0, 0.0, 3.0])
    x = jnp.array([1.0, -1.0, -5.0])
    value, gradient = jax.value_and_grad(lambda x: (weights * backend.clip_gradient(x)).sum())(x)
    assert value == (weights * x).sum()
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 3.0])
