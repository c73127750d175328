"""Saved Keras models, and what keras.applications has for its own.

Refusals of files are in tests/test_wrappers.py, where their advice is followed.
"""

import keras
import pytest

import campare
from campare.errors import ModelError
from campare.models.loaders import load
from campare.models.loaders.keras_files import load as load_keras

L = keras.layers


def small(*first, name=None):
    body = [*first, L.Conv2D(4, 3, name="conv"), L.GlobalAveragePooling2D(), L.Dense(2)]
    return keras.Sequential([keras.Input((12, 12, 3)), *body], name=name)


def test_a_file_is_loaded_with_its_classes(tmp_path):
    small().save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_text('{"classes": ["a", "b"]}')
    found = load(tmp_path / "net.keras")
    assert (found.name, found.class_names, found.source) == ("net", ("a", "b"), "net.keras")
    assert found.preprocessing is None
    assert campare.wrap(str(tmp_path / "net.keras")).name == "net"


def test_a_model_of_keras_applications_says_its_mode(tmp_path):
    file = tmp_path / "mine.keras"
    small(name="vgg16").save(file)
    found = load_keras(file).preprocessing
    assert found is not None
    assert (found.pixels, found.source) == ("caffe", "as keras.applications has it for vgg16")
    functional = keras.Input((12, 12, 3))
    rescaled = L.Rescaling(1 / 255)(functional)
    rows = L.Dense(2)(L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(rescaled)))
    keras.Model(functional, rows, name="vgg16").save(file)
    assert load_keras(file).preprocessing is None


def test_a_lambda_needs_trust(tmp_path):
    file = tmp_path / "lambda.keras"
    small(L.Lambda(lambda x: x / 255)).save(file)
    with pytest.raises(ModelError, match=r"may run only if you trust it \(--trust\)"):
        load(file)
    assert load(file, trust=True).name == "lambda"


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(
        ModelError, match=r"^Expected a saved Keras model, got no file .*no\.keras\."
    ):
        load(tmp_path / "no.keras")
