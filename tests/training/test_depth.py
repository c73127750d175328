"""Which layers are trained: counted on networks whose layers are known."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from campare.errors import RecipeError
from campare.training import depth, fit
from campare.training.recipe import Recipe

SMALL = Recipe("small", backbone="embedded", weights="random", hidden=4)
CNN = Recipe("cnn", backbone="article-cnn", weights="random", hidden=4)
STAGES = [(3, 0), (3, 5), (3, 9), (3, None)]


@pytest.fixture(scope="module")
def model():
    return fit.build(SMALL, 2, size=16, seed=0)


def trained(recipe, model):
    """Names of the backbone's layers with a kernel, and of its normalizations, that are trained."""
    depth.set_trained(model, recipe, depth.trained(model, recipe))
    layers = [layer for layer in depth.backbone_layers(model) if layer.trainable_weights]
    normalizing = [isinstance(layer, keras.layers.BatchNormalization) for layer in layers]
    names = [layer.name for layer in layers]
    return (
        [name for name, is_norm in zip(names, normalizing, strict=True) if not is_norm],
        [name for name, is_norm in zip(names, normalizing, strict=True) if is_norm],
    )


def test_layers_with_a_kernel_are_the_convolutions(model):
    names = [layer.name for layer in depth.with_kernel(model)]
    assert len(names) == 1 + 3 + 3 + 3 + 3
    assert all(name.endswith("_conv") for name in names)
    assert names[0] == "stem_conv"


def test_the_last_block_has_the_resolution_of_the_last_maps(model):
    kernels, _ = trained(replace(SMALL, trainable="last-block"), model)
    assert len(kernels) == depth.last_block(model) == 9  # blocks 2, 3 and 4: stride 8
    assert {name.split("_")[0] for name in kernels} == {"block2", "block3", "block4"}
    assert depth.last_block(fit.build(CNN, 2, size=8, seed=0)) == 1  # conv2 behind a pooling


def test_the_last_n_bring_their_normalization(model):
    kernels, normalizations = trained(replace(SMALL, trainable="last-2"), model)
    assert kernels == ["block4_skip_conv", "block4_2_conv"]
    assert normalizations == ["block4_skip_bn", "block4_2_bn"]
    kernels, normalizations = trained(
        replace(SMALL, trainable="last-2", batch_norm_momentum=None), model
    )
    assert (len(kernels), normalizations) == (2, [])


def test_all_head_and_lora(model):
    assert [len(names) for names in trained(SMALL, model)] == [13, 13]
    for part in ("head", "lora"):
        assert trained(replace(SMALL, trainable=part), model) == ([], [])
    assert len(model.trainable_weights) == 4  # the two Dense layers


def test_more_layers_than_there_are(model):
    last = replace(SMALL, trainable="last-13")
    assert depth.trained(model, last) == 13
    with pytest.raises(
        RecipeError,
        match=r"^Expected at most the 13 layers with a kernel of backbone 'embedded' in recipe "
        r"'small', got 'last-14'\. Try last-13, or all\.$",
    ):
        depth.trained(model, replace(SMALL, trainable="last-14"))


def test_gradual_unfreezing_counts_the_layers_of_the_model(model):
    gradual = replace(SMALL, trainable="gradual", epochs=12)
    assert depth.stages(model, gradual) == tuple(STAGES)


def test_dropout_is_off_where_nothing_is_ever_trained():
    inputs = keras.Input((8, 8, 3))
    x = inputs
    for i in (1, 2):
        x = keras.layers.Conv2D(2, 3, name=f"conv{i}")(x)
        x = keras.layers.Dropout(0.5, name=f"drop{i}")(x)
    outputs = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    for part, rates in (("last-1", [0.0, 0.5]), ("gradual", [0.5, 0.5]), ("head", [0.0, 0.0])):
        model = keras.models.clone_model(keras.Model(inputs, outputs))
        depth.set_trained(model, replace(SMALL, trainable=part), 0)
        assert [model.get_layer(f"drop{i}").rate for i in (1, 2)] == rates


def test_what_is_not_trained_stays(model):
    recipe = replace(SMALL, trainable="last-2", batch_norm_momentum=0.5)
    depth.set_trained(model, recipe, 2)
    moved = model.get_layer("embedded")
    before = {layer.name: layer.get_weights() for layer in moved.layers}
    model(np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3)), training=True)
    followed = {
        layer.name
        for layer in moved.layers
        if not all(map(np.array_equal, before[layer.name], layer.get_weights()))
    }
    assert followed == {"block4_2_bn", "block4_skip_bn"}
