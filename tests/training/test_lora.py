"""Low-rank updates: of the rank that is wanted, merged into a model as any other."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from campare.data import Images
from campare.errors import RecipeError
from campare.training import depth, fit, lora
from campare.training.recipe import Recipe

RECIPE = Recipe(
    "lora", backbone="embedded", weights="random", trainable="lora", hidden=4, lora_rank=2, epochs=2
)
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
IMAGES = Images(PIXELS, np.arange(8) % 2, tuple(f"{i}.png" for i in range(8)), {}, ("a", "b"))


def outputs(model):
    return keras.ops.convert_to_numpy(model(PIXELS, training=False))


def as_matrix(kernel):
    return kernel.reshape(-1, kernel.shape[-1])


def test_an_update_that_is_zero_changes_nothing_and_alone_is_trained():
    model = fit.build(RECIPE, 2, size=16, seed=0)
    before = outputs(model)
    lora.adapt(model, RECIPE, seed=0)
    np.testing.assert_array_equal(outputs(model), before)
    names = [weight.name for weight in model.trainable_weights]
    assert names[:-4] == ["lora_kernel_a", "lora_kernel_b"] * 13
    assert names[-4:] == ["kernel", "bias", "kernel", "bias"]


def test_training_changes_kernels_by_the_rank_and_gives_a_plain_model(tmp_path):
    recipe = replace(RECIPE, backbone="article-cnn", learning_rate=0.05)
    start = fit.build(recipe, 2, size=16, seed=0)
    model = fit.train(recipe, IMAGES, seed=0).model
    for old, new in zip(depth.backbone_layers(start), depth.backbone_layers(model), strict=True):
        assert not getattr(new, "lora_enabled", False)
        for i, (a, b) in enumerate(zip(old.get_weights(), new.get_weights(), strict=True)):
            if i:  # a bias
                np.testing.assert_array_equal(a, b)
            else:
                change = as_matrix(b) - as_matrix(a)
                assert np.linalg.matrix_rank(change, tol=1e-5 * np.linalg.norm(change)) == 2
    fit.save(model, tmp_path / "model.keras")
    assert "lora" not in fit.load(tmp_path / "model.keras").to_json()


def test_the_merged_model_is_the_adapted_one():
    model, plain = (fit.build(RECIPE, 2, size=16, seed=seed) for seed in (0, 1))
    lora.adapt(model, RECIPE, seed=0)
    for layer in depth.backbone_layers(model):
        if getattr(layer, "lora_enabled", False):
            layer.lora_kernel_b.assign(RNG.normal(0, 0.1, layer.lora_kernel_b.shape))
    lora.merge(model, plain)
    np.testing.assert_allclose(outputs(plain), outputs(model), rtol=1e-4, atol=1e-5)


def test_a_backbone_that_has_no_such_kernel():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.DepthwiseConv2D(3)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x))
    with pytest.raises(RecipeError, match=r"got 'embedded'\. Try trainable: last-block\.$"):
        lora.adapt(model, RECIPE, seed=0)
