"""What TensorFlow registers for a graph does not stay when the graph is gone."""

import gc
import weakref

import numpy as np
import pytest

from campare.data import Images
from campare.training import fit
from campare.training.recipe import Recipe
from campare.training.registered import _registry, forgotten

tf = pytest.importorskip("tensorflow")


class Held:
    """Something that a graph holds."""


def traced():
    """A function with a gradient of its own, traced; and what its graph holds."""
    held = Held()

    @tf.custom_gradient
    def square(x):
        return x * x, lambda upstream: held and 2 * x * upstream

    function = tf.function(lambda x: tf.gradients(square(x), x))
    assert float(function(tf.constant(3.0))[0]) == 6
    return weakref.ref(held)


def test_graphs_go_with_their_functions():
    kept = traced()
    gc.collect()
    assert kept() is not None  # else this is not needed any more
    before = dict(_registry())
    with forgotten():
        gone = traced()
        assert len(_registry()) > len(before)
    gc.collect()
    assert gone() is None
    assert _registry() == before


def test_other_gradients_stay():
    function = tf.function(lambda x: tf.gradients(tf.sin(x), x))
    with forgotten():
        function(tf.constant(0.0))
    assert float(function(tf.constant(0.0))[0]) == 1


def test_a_training_leaves_nothing_registered():
    kept = []

    def progress(_):
        if not kept:
            kept.append(traced())

    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    images = Images(pixels, np.arange(8) % 2, tuple("abcdefgh"), {}, ("a", "b"))
    recipe = Recipe("flat", backbone="article-cnn", weights="random", hidden=8, epochs=1)
    before = set(_registry())
    fit.train(recipe, images, seed=0, progress=progress)
    gc.collect()
    assert kept[0]() is None
    assert set(_registry()) == before
