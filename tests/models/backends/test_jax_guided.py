"""ReLUs by any name in a program of JAX's; what is none, and what is refused."""

import numpy as np
import pytest
from relus import WEIGHTS, X, passes_what_is_positive

pytest.importorskip("jax")
import jax
import jax.numpy as jnp

from campare.errors import ModelError
from campare.models.backends.jax_guided import guided


def gradient(function, told=None):
    """The gradient of the weighted sum of a function of X; guided where `told` is a list."""

    def score(x):
        output = function(x * 1)
        return (WEIGHTS * output).sum(), {"aside": output}

    differentiated = score if told is None else guided(score, told.append)
    found, aside = jax.jit(jax.grad(differentiated, has_aux=True))(X)
    np.testing.assert_allclose(aside["aside"], function(jnp.asarray(X)), rtol=1e-6)
    return np.asarray(found)


@pytest.mark.parametrize(
    "relu",
    [
        jax.nn.relu, jax.nn.relu6, jax.jit(jax.nn.relu), jax.checkpoint(jax.nn.relu),
        lambda x: jnp.maximum(x, 0), lambda x: jnp.maximum(jnp.zeros_like(x), x),
        lambda x: jnp.clip(x, 0, 6), lambda x: jax.lax.clamp(0.0, x, 6.0),
        lambda x: jnp.where(x > 0, x, 0), lambda x: jnp.where(x >= 0, x, jnp.zeros(3)),
    ],
)  # fmt: skip
def test_a_relu_by_any_name_passes_what_is_positive_both_ways(relu):
    passes_what_is_positive(gradient, relu)


@pytest.mark.parametrize(
    "function",
    [
        jnp.tanh, jax.nn.gelu, jax.nn.leaky_relu, jax.nn.softmax, lambda x: jnp.clip(x, -1, 1),
        lambda x: jnp.where(x > 0, x, 1), lambda x: jnp.where(x < 0, x, 0),
        lambda x: jax.lax.cond(True, jnp.tanh, jnp.sin, x),
    ],
)  # fmt: skip
def test_what_is_no_relu_has_its_own_gradient(function):
    found = gradient(function, told := [])
    np.testing.assert_allclose(found, gradient(function), rtol=1e-5, atol=1e-7)
    assert told == [0]


def test_a_relu_in_a_branch_is_refused():
    with pytest.raises(ModelError, match="got one in a cond of the network"):
        gradient(lambda x: jax.lax.cond(True, jax.nn.relu, jnp.sin, x), [])
