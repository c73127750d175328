"""Guidance against closed forms, against campare's own maps, and on images with a planted cue."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from campare import explain, wrap
from campare.attribution.maps import positive, resize
from campare.errors import RecipeError
from campare.metrics.localization import energy
from campare.training import fit, guidance
from campare.training.recipe import Augment, Recipe
from training.cued import cued, share_inside

ENERGY = Recipe(
    "guided", backbone="article-cnn", weights="random", hidden=8, epochs=12, batch_size=8,
    learning_rate=3e-3, guidance="energy",
)  # fmt: skip
RNG = np.random.default_rng(0)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_energy_outside_is_one_minus_the_energy_of_the_metric():
    maps = RNG.normal(size=(5, 4, 4)).astype("float32")
    masks = RNG.random((5, 16, 16)) < 0.3
    found = numpy(guidance.energy_outside(maps, masks, leak=0.0))
    large = positive(resize(maps, (16, 16)))
    np.testing.assert_allclose(found, 1 - energy(large, masks).values, rtol=1e-5)


def test_what_is_negative_counts_a_tenth():
    maps, masks = np.array([[[3.0, -5.0]], [[-2.0, -2.0]]]), np.array([[[True, False]]] * 2)
    found = numpy(guidance.energy_outside(maps, masks))
    np.testing.assert_allclose(found, [1 - 3 / 3.5, 1 + 0.2 / 0.4], rtol=1e-6)


def test_the_map_that_is_guided_is_the_one_that_is_explained():
    images = cued(4)
    model = fit.build(ENERGY, 2, size=16, seed=0)
    guided = guidance.Guided(model, ENERGY)
    label = keras.utils.to_categorical(images.labels, 2)
    masks = images.regions["object"]
    outputs, term = guided._energy(images.images, masks, label, False)
    np.testing.assert_allclose(numpy(outputs), numpy(model(images.images)), rtol=1e-5)
    tap = wrap(model).tap(images.images.astype("float32"), images.labels)
    maps = (tap.gradients.mean((1, 2), keepdims=True) * tap.activations).sum(-1)
    explained = explain(model, images.images.astype("float32"), target=images.labels).maps
    np.testing.assert_allclose(np.maximum(maps, 0), explained, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(numpy(term), numpy(guidance.energy_outside(maps, masks)), rtol=1e-4)


def linear(weights):
    """Softmax of x @ weights, for images (1, 2, 3): layers as those of a recipe's model."""
    inputs = keras.Input((1, 2, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(3, 1, use_bias=False, name="conv")(x)
    x = keras.layers.Flatten(name="pool")(x)
    outputs = keras.layers.Dense(2, activation="softmax", use_bias=False, name="classes")(x)
    model = keras.Model(inputs, outputs)
    model.get_layer("conv").set_weights([np.eye(3)[None, None]])
    model.get_layer("classes").set_weights([weights])
    return model


def test_right_for_the_right_reasons_is_that_of_its_equation():
    weights = RNG.normal(size=(6, 2)).astype("float32")
    pixels = RNG.integers(0, 256, (3, 1, 2, 3)).astype("float32")
    mask = np.array([[[True, False]]] * 3)
    guided = guidance.Guided(linear(weights), replace(ENERGY, guidance="rrr"))
    outputs, term = guided._rrr(pixels, mask, None, False)
    # d/dx sum_k log p_k = sum_k W_k - K sum_j p_j W_j
    gradient = weights.sum(1) - 2 * numpy(outputs) @ weights.T
    outside = gradient.reshape(3, 2, 3)[:, 1]
    np.testing.assert_allclose(numpy(term), (outside**2).sum(1), rtol=1e-4)


def test_a_gradient_can_be_differentiated_again():
    class Cubic(keras.Model):
        """x -> x, with the loss d/dx (w x^3) = 3 w x^2, whose derivative by w is 3 x^2."""

        def __init__(self):
            super().__init__()
            self.w = self.add_weight(shape=(), initializer="ones")
            self.built = True

        def call(self, x):
            found, _ = guidance.gradient(lambda at: (keras.ops.sum(self.w * at**3), None), x, self)
            self.add_loss(keras.ops.sum(found))
            return x

    model = Cubic()
    model.compile(keras.optimizers.SGD(0.1), loss=lambda _, x: 0 * keras.ops.sum(x))
    model.fit(np.array([[2.0]], "float32"), np.zeros((1, 1)), verbose=0)
    assert float(numpy(model.w)) == pytest.approx(1 - 0.1 * 12, rel=1e-5)


def test_images_without_a_mask_do_not_contribute():
    images, label = cued(4), np.eye(2, dtype="float32")[[0, 1, 0, 1]]
    guided = guidance.Guided(fit.build(ENERGY, 2, size=16, seed=0), ENERGY)

    def added(masks):
        guided({"pixels": images.images, "mask": masks, "label": label})
        return float(numpy(guided.losses[0]))

    masks = images.regions["object"]
    half = masks & (np.arange(4) < 2)[:, None, None]
    _, term = guided._energy(images.images, masks, label, False)
    assert added(masks) == pytest.approx(float(numpy(term).mean()), rel=1e-5)
    assert added(half) == pytest.approx(float(numpy(term)[:2].sum()) / 4, rel=1e-5)
    assert added(np.zeros_like(masks)) == 0


def test_guidance_moves_the_maps_from_the_cue_to_the_object():
    images, test = cued(), cued(seed=1)
    free, guided = (
        fit.train(recipe, images, seed=0, validation_fraction=0).model
        for recipe in (replace(ENERGY, guidance=None), ENERGY)
    )
    assert share_inside(guided, test) > share_inside(free, test) + 0.2
    predictions = numpy(guided(test.images)).argmax(1)
    assert (predictions == test.labels).mean() > 0.9


@pytest.mark.slow
def test_right_for_the_right_reasons_lowers_gradients_outside():
    images, test = cued(), cued(seed=1)
    rrr = replace(ENERGY, guidance="rrr", guidance_strength=0.1)
    label, masks = np.eye(2)[test.labels], test.regions["object"]
    found = []
    for recipe in (replace(rrr, guidance_strength=0.0), rrr):
        model = fit.train(recipe, images, seed=0, validation_fraction=0).model
        _, term = guidance.Guided(model, rrr)._rrr(test.images, masks, label, False)
        found.append(float(numpy(term).mean()))
    assert found[1] < 0.5 * found[0]


@pytest.mark.slow
def test_a_frozen_backbone_stays_and_its_head_is_guided():
    recipe = replace(ENERGY, backbone="embedded", weights="embedded", trainable="head", epochs=20)
    images = cued(size=32)
    start = fit.build(recipe, 2, size=32, seed=0)
    models = [
        fit.train(one, images, seed=0, validation_fraction=0).model
        for one in (replace(recipe, guidance=None), recipe)
    ]
    for model in models:
        pairs = zip(*(m.get_layer("embedded").get_weights() for m in (start, model)), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
    assert share_inside(models[1], images) > share_inside(models[0], images)


def test_no_masks_at_all_are_told_before_training():
    with pytest.raises(RecipeError, match="Expected masks or boxes of training images"):
        fit.train(ENERGY, cued(masks=False), seed=0)


def test_masks_must_stay_where_they_are():
    message = r"which has guidance, got flip\. Try contrast, brightness or noise\.$"
    with pytest.raises(RecipeError, match=message):
        replace(ENERGY, augment=Augment(flip="horizontal"))
    with pytest.raises(RecipeError, match="got mixup"):
        replace(ENERGY, augment=Augment(mixup=0.2))
    replace(ENERGY, augment=Augment(contrast=0.1, brightness=0.1, noise=0.1))


SAME = """
import sys, keras, numpy as np
from campare.training import fit, guidance
from campare.training.recipe import Recipe
sys.path.insert(0, {tests!r})
from training.cued import cued
from training.test_guidance import ENERGY
from dataclasses import replace
values, rng = [], np.random.default_rng(0)
for kind in ("energy", "rrr"):
    recipe = replace(ENERGY, backbone="embedded", guidance=kind, guidance_strength=1.0)
    model = fit.build(recipe, 2, size=16, seed=0)
    model.set_weights([
        np.abs(rng.normal(0.5, 0.1, w.shape)) if w.ndim == 1 else rng.normal(0, 0.2, w.shape)
        for w in model.get_weights()
    ])
    guided, images = guidance.Guided(model, recipe), cued(8)
    guided.compile(keras.optimizers.SGD(0.01), loss="categorical_crossentropy", jit_compile=False)
    label = np.eye(2, dtype="float32")[images.labels]
    x = dict(pixels=images.images, mask=images.regions["object"], label=label)
    values += [guided.train_on_batch(x, label), guided.train_on_batch(x, label)]
    values += [float(np.abs(w).sum()) for w in model.get_weights()]
print(*values)
"""


@pytest.mark.slow
def test_every_backend_takes_the_same_steps():
    """Loss of two steps and the weights after them, batch normalization in training included."""
    code = SAME.format(tests=str(Path(__file__).parents[1]))
    found = []
    for backend in ("tensorflow", "jax", "torch"):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False,
            env={**os.environ, "KERAS_BACKEND": backend},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        found.append([float(x) for x in run.stdout.split()])
    np.testing.assert_allclose(found[1], found[0], rtol=2e-3)
    np.testing.assert_allclose(found[2], found[0], rtol=2e-3)
