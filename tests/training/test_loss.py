"""Losses against their formulas, and what explains a model that ends in sigmoids."""

import keras
import numpy as np
import pytest

from campare import wrap
from campare.training import fit, loss
from campare.training.recipe import Recipe

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 3)).astype("float32")
LABELS = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]]


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def value(recipe, outputs):
    return float(loss.of(recipe)(LABELS, outputs.astype("float32")))


def test_focal_loss_is_that_of_its_equation():
    p = softmax(LOGITS)
    of_label = p[LABELS == 1]
    for gamma in (0.0, 1.0, 2.0):
        expected = np.mean(-((1 - of_label) ** gamma) * np.log(of_label))
        recipe = Recipe("focal", loss="focal", focal_gamma=gamma)
        assert value(recipe, p) == pytest.approx(expected, rel=1e-5)


def test_binary_cross_entropy_asks_each_class():
    p = 1 / (1 + np.exp(-LOGITS))
    for s in (0.0, 0.2):
        y = LABELS * (1 - s) + s / 2
        expected = np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p)))
        recipe = Recipe("each", loss="bce", label_smoothing=s)
        assert value(recipe, p) == pytest.approx(expected, rel=1e-5)


def test_smoothed_cross_entropy():
    p = softmax(LOGITS)
    y = LABELS * 0.9 + 0.1 / 3
    expected = np.mean(-(y * np.log(p)).sum(-1))
    found = value(Recipe("smooth", label_smoothing=0.1), p)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_model_of_sigmoids_is_explained_by_its_logits():
    recipe = Recipe("each", backbone="article-cnn", weights="random", hidden=4, loss="bce")
    model = fit.build(recipe, 3, size=8, seed=0)
    assert model.layers[-1].activation is keras.activations.sigmoid
    images = RNG.integers(0, 256, (2, 8, 8, 3)).astype("float32")
    classifier = wrap(model)
    assert classifier.bypassed == "sigmoid"
    logits = classifier.predict(images)
    p = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), p, rtol=1e-4)
