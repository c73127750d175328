"""Preprocessing against keras.applications, weights from files, and every refusal's text."""

import re
import sys

import keras
import numpy as np
import pytest

from campare.errors import ModelError, RecipeError
from campare.training import backbones

APPLICATIONS = [n for n in dir(keras.applications) if n[0].isupper()]
PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 5, 5, 3)).astype("float32")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_preprocessing_equals_that_of_keras(name):
    module = sys.modules[getattr(keras.applications, name).__module__]
    expected = module.preprocess_input(PIXELS.copy())
    inputs = keras.Input((5, 5, 3))
    model = keras.Model(inputs, keras.layers.Identity()(backbones.preprocess(name, inputs)))
    np.testing.assert_allclose(model(PIXELS), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "EfficientNetB0", "MobileNetV3Small"])
def test_networks_without_preprocessing_have_it_inside(name):
    network = backbones.backbone(name, size=32)
    kinds = {type(layer).__name__ for layer in network.layers[:4]}
    assert kinds & {"Rescaling", "Normalization"}


@pytest.mark.parametrize(
    ("written", "plain"),
    [("ResNet50", "resnet50"), ("resnet_50_v2", "resnet50v2"), ("Mobile_Net", "mobilenet"),
     ("embedded", "embedded"), ("article-cnn", "article-cnn")],
)  # fmt: skip
def test_names_are_read_in_any_spelling(written, plain):
    assert backbones.resolve(written) == plain


def test_unknown_backbone():
    message = (
        "Expected the name of a backbone, got 'resnett50'. Try resnet50, resnet50v2, resnet152 "
        "or another name of keras.applications."
    )
    with pytest.raises(RecipeError, match="^" + re.escape(message) + "$"):
        backbones.backbone("resnett50")


@pytest.fixture(scope="module")
def whole():
    """A network with its top, at its native size, with batch statistics that are not trivial."""
    keras.utils.set_random_seed(3)
    model = keras.applications.MobileNet(alpha=0.25, weights=None)
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.uniform(0, 0.1, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def features(whole):
    """Its last feature maps, cut out by Keras itself."""
    return keras.Model(whole.input, whole.get_layer("conv_pw_13_relu").output)


@pytest.mark.parametrize("name", ["top.weights.h5", "top.keras", "bare.weights.h5"])
def test_weights_of_a_file_with_or_without_top(tmp_path, whole, features, name):
    path = tmp_path / name
    source = whole if name.startswith("top") else features
    source.save(path) if name.endswith(".keras") else source.save_weights(path)
    network = backbones.backbone("mobilenet", str(path), 224, {"alpha": 0.25})
    x = np.random.default_rng(1).uniform(-1, 1, (1, 224, 224, 3)).astype("float32")
    found, expected = map(keras.ops.convert_to_numpy, (network(x), features(x)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert network.name == "mobilenet"


def test_file_of_another_width(tmp_path, whole):
    path = tmp_path / "narrow.weights.h5"
    whole.save_weights(path)
    message = (
        "Expected weights of 'mobilenet', which starts with 32 filters, got 'narrow.weights.h5', "
        "which starts with 8. Try backbone option alpha=0.25."
    )
    with pytest.raises(ModelError, match="^" + re.escape(message) + "$"):
        backbones.backbone("mobilenet", str(path), 64)


def test_file_that_is_no_weights(tmp_path):
    path = tmp_path / "text.weights.h5"
    path.write_text("hello")
    with pytest.raises(ModelError, match=r"got 'text.weights.h5', which does not fit. Try the"):
        backbones.backbone("mobilenet", str(path), 64, {"alpha": 0.25})
    path = tmp_path / "text.keras"
    path.write_text("hello")
    with pytest.raises(ModelError, match="got a file that does not load"):
        backbones.backbone("mobilenet", str(path), 64, {"alpha": 0.25})


def test_missing_file_and_other_kinds(tmp_path):
    with pytest.raises(ModelError, match=r"Expected a weights file, got no file 'nowhere.h5'. Try"):
        backbones.backbone("mobilenet", "nowhere.h5", 64)
    other = tmp_path / "weights.pt"
    other.touch()
    with pytest.raises(ModelError, match=r"ending in .weights.h5, .h5 or .keras, got 'weights.pt'"):
        backbones.backbone("mobilenet", str(other), 64)


def test_no_network_names_the_two_ways_out(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        backbones.backbone("mobilenet", "imagenet", 128, {"alpha": 0.25})
    text = str(caught.value)
    assert text.startswith("Expected to download the ImageNet weights of 'mobilenet', got no file")
    assert text.endswith("Try --weights FILE, or --backbone embedded, which needs none.")
    assert "\n" not in text


def test_wrong_combinations():
    with pytest.raises(RecipeError, match=r"or a file for backbone 'mobilenet', got 'embedded'"):
        backbones.backbone("mobilenet", "embedded", 64)
    with pytest.raises(RecipeError, match="for backbone 'embedded', got 'imagenet'"):
        backbones.backbone("embedded", "imagenet", 64)
    with pytest.raises(RecipeError, match=r"takes, got size=64, alfa=0.5"):
        backbones.backbone("mobilenet", "random", 64, {"alfa": 0.5})
    with pytest.raises(RecipeError, match="takes, got size=8"):
        backbones.backbone("mobilenet", "random", 8)
    with pytest.raises(RecipeError, match="Expected no backbone options for 'embedded', got alpha"):
        backbones.backbone("embedded", "random", 64, {"alpha": 0.5})


def test_embedded_network_has_stride_8_and_fits_the_package():
    network = backbones.backbone("embedded", "embedded", 96)
    assert network.output_shape == (None, 12, 12, 128)
    assert backbones.embedded_weights().stat().st_size <= 4_000_000
    fresh = backbones.backbone("embedded", "random", 96)
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(network.get_weights(), fresh.get_weights(), strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["ResNet50", "DenseNet121", "InceptionV3", "Xception", "NASNetMobile", "MobileNetV2"]
)
def test_transfer_from_a_file_with_top_for_branching_networks(tmp_path, name):
    keras.utils.set_random_seed(0)
    whole = getattr(keras.applications, name)(weights=None)
    path = tmp_path / "top.weights.h5"
    whole.save_weights(path)
    size = whole.input_shape[1]
    network = backbones.backbone(name, str(path), size)
    last = next(layer for layer in reversed(whole.layers) if len(layer.output.shape) == 4)
    x = np.random.default_rng(1).uniform(-1, 1, (1, size, size, 3)).astype("float32")
    expected = keras.Model(whole.input, last.output)(x)
    np.testing.assert_allclose(network(x), expected, rtol=1e-4, atol=1e-5)


def test_efficientnet_from_a_file_normalizes_as_its_imagenet_weights_expect(tmp_path):
    """(x / 255 - mean) / std / sqrt(std): Keras adds the last factor to its own download only."""
    whole = keras.applications.EfficientNetB0(weights=None)
    mean, std = np.array(backbones.MEAN) / 255, np.array(backbones.STD) / 255
    layer = next(x for x in whole.layers if isinstance(x, keras.layers.Normalization))
    layer.adapt_mean.assign(mean)
    layer.adapt_variance.assign(std**2)
    path = tmp_path / "top.weights.h5"
    whole.save_weights(path)
    network = backbones.backbone("efficientnetb0", str(path), 64)
    found = next(x for x in network.layers if isinstance(x, keras.layers.Normalization))
    x = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    expected = (x / 255 - mean) / std / np.sqrt(std)
    np.testing.assert_allclose(
        keras.Model(network.input, found.output)(x), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.real
def test_real_weights_with_top_at_another_size(real):
    path = real / "weights" / "mobilenet_v1_0.75_224_imagenet.weights.h5"
    network = backbones.backbone("mobilenet", str(path), 128, {"alpha": 0.75})
    whole = keras.applications.MobileNet(alpha=0.75, weights=None)
    whole.load_weights(path)
    for ours, theirs in zip(network.layers[1:], whole.layers[1:], strict=False):
        for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert network.output_shape == (None, 4, 4, 768)
    with pytest.raises(ModelError, match=r"starts with 24\. Try backbone option alpha=0\.75\."):
        backbones.backbone("mobilenet", str(path), 128)
