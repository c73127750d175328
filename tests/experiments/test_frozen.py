"""A frozen backbone is run once for all networks that have it, and what they say is the same."""

import keras
import numpy as np
import pytest

from campare.experiments.frozen import Frozen, Kept, stem_of
from campare.models import wrap

IMAGES = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 3)).astype("float32")
TARGETS = np.array([0, 1, 1, 0, 1])


def network(seed, stem=0):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.RandomFlip("horizontal", seed=seed),
            layers.Conv2D(4, 3, name="conv"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(2, name="classes"),
        ]
    )
    for layer, draw in ((model.get_layer("conv"), stem), (model.get_layer("classes"), 10 + seed)):
        rng = np.random.default_rng(draw)
        layer.set_weights([rng.normal(size=w.shape) / 9 for w in layer.get_weights()])
    return model


def frozen(model, kept):
    classifier = wrap(model)
    return classifier, Frozen(classifier, "conv", stem_of(model, "conv"), kept)


def everything(tap):
    return tap.activations, tap.gradients, tap.scores, tap.logits


def test_taps_and_logits_are_those_of_the_classifier_bit_for_bit():
    kept = Kept()
    for seed in range(2):
        plain, shared = frozen(network(seed), kept)
        for target in (TARGETS, 1, None):
            expected = plain.start(IMAGES, target, read=everything, layer="conv")()
            found = shared.start(IMAGES, target, read=everything, layer="conv")()
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(shared.predict(IMAGES), plain.predict(IMAGES))
    assert len(kept._where) == 1  # the images of both networks


def test_other_weights_or_images_are_not_mistaken_for_those_that_are_kept():
    kept = Kept()
    for stem in (0, 1):
        plain, shared = frozen(network(0, stem), kept)
        for images in (IMAGES, IMAGES[::-1], IMAGES[:3]):
            np.testing.assert_array_equal(shared.predict(images), plain.predict(images))
    assert len(kept._where) == 6


def test_weights_that_are_drawn_anew_are_not_those_that_are_kept():
    plain, shared = frozen(network(0), Kept())
    before = shared.predict(IMAGES)
    with shared.randomized(("conv",), np.random.default_rng(0)):
        drawn = shared.predict(IMAGES)
        np.testing.assert_array_equal(drawn, plain.predict(IMAGES))
    assert not np.allclose(drawn, before)
    np.testing.assert_array_equal(shared.predict(IMAGES), before)


def test_what_does_not_fit_is_computed_each_time():
    calls, kept = [], Kept(limit=8)
    for _ in range(2):
        found = kept.get("key", lambda: calls.append(1) or np.ones(3, np.float32))
        np.testing.assert_array_equal(found, 1)
    assert len(calls) == 2


def test_a_target_for_each_row_of_one_image_that_is_repeated():
    classifier = wrap(network(0))
    rng = np.random.default_rng(0)
    eps = rng.normal(size=(5, 6, 6, 4)).astype("float32")
    rows = classifier.tap(IMAGES[:1], TARGETS, layer="conv", eps=eps, repeat=5)
    for n, target in enumerate(TARGETS):
        one = classifier.tap(IMAGES[:1], int(target), layer="conv", eps=eps[n : n + 1])
        np.testing.assert_allclose(rows.gradients[n], one.gradients[0], rtol=1e-5)
    with pytest.raises(Exception, match="one class index"):
        classifier.tap(IMAGES[:1], TARGETS[:3], layer="conv", repeat=5)
