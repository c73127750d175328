"""Softmaxes in a program of JAX's, with their gradients."""

import numpy as np
import pytest

pytest.importorskip("jax")
import jax
import jax.numpy as jnp

from campare.errors import ModelError
from campare.models.backends.jax_attention import attention_of, plain_attention

X = np.linspace(-1, 1, 120).reshape(2, 3, 4, 5).astype(np.float32)


def found(function):
    """The attention between X and the sum of a function of it."""

    def score(x):
        output = function(x)
        return output.sum(), {"aside": output}

    aside, pairs = jax.jit(lambda x: attention_of(score, x))(X)
    np.testing.assert_allclose(aside["aside"], function(jnp.asarray(X)), rtol=1e-5)
    return pairs


def by_hand(x):
    e = jnp.exp(x)
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    "softmax", [jax.nn.softmax, jax.jit(jax.nn.softmax), jax.checkpoint(jax.nn.softmax), by_hand]
)
def test_of_a_softmax_the_value_and_the_gradient_are_found(softmax):
    ((A, G),) = found(lambda x: softmax(x) ** 2)
    np.testing.assert_allclose(A.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(G, 2 * A, rtol=1e-5)


def test_only_those_over_the_last_of_several_axes_between_image_and_score_count():
    def score(x):
        jax.nn.softmax(x)  # of which nothing is used
        other = jax.nn.softmax(jnp.ones((2, 1, 4, 4)))
        return x + other.sum() + jax.nn.softmax(x, axis=1) + jax.nn.softmax(x.reshape(-1, 5)).sum()

    assert not found(score)


def test_one_in_a_loop_is_refused():
    with pytest.raises(ModelError, match=r"got some in a scan of the network"):
        found(lambda x: jax.lax.scan(lambda c, _: (jax.nn.softmax(c), 0), x, jnp.arange(2))[0])


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}, {"mask": True}])
def test_plain_attention_is_that_of_jax(options):
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 5, heads, 4)).astype(np.float32) for heads in (4, 2, 2))
    if "mask" in options:
        options = {"mask": rng.random((2, 1, 5, 5)) < 0.7, "bias": rng.random((2, 4, 5, 5))}
    expected = jax.nn.dot_product_attention(q, k, v, **options)
    own = jax.nn.dot_product_attention
    with plain_attention():
        found = jax.nn.dot_product_attention(q, k, v, **options)
        lengths = {"query_seq_lengths": np.full(2, 5), "key_value_seq_lengths": np.full(2, 5)}
        whole = jax.nn.dot_product_attention(q, k, v, **options, **lengths)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(whole, expected, rtol=1e-5, atol=1e-6)
    assert jax.nn.dot_product_attention is own
