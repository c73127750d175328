"""The tap on JAX, without Keras: a network in closed form."""

import pytest

pytest.importorskip("jax")
import jax
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
