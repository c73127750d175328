"""Saved Keras models, and what keras.applications has for its own.

Refusals of files are in tests/test_wrappers.py, where their advice is followed.
"""

import json
import os
import zipfile

import h5py
import keras
import numpy as np
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


def test_a_lambda_of_an_older_file_is_not_run_either(tmp_path, monkeypatch):
    file, ran = tmp_path / "lambda.h5", tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w').close() or x"
    small(L.Lambda(eval(f"lambda x: {code}"), output_shape=(12, 12, 3))).save(file)
    ran.unlink(missing_ok=True)
    with pytest.raises(ModelError, match=r"may run only if you trust it \(--trust\)"):
        load(file)
    assert not ran.exists()


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_an_archive_that_grows_is_refused(tmp_path, member):
    file = tmp_path / "bomb.keras"
    small().save(tmp_path / "net.keras")
    with (
        zipfile.ZipFile(tmp_path / "net.keras") as source,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb,
    ):
        for name in source.namelist():
            bomb.writestr(name, source.read(name) + b" " * (2**27 if name == member else 0))
    assert file.stat().st_size < 2**20
    with pytest.raises(ModelError, match=r"got: an archive of [\d,]+ bytes that becomes 134,2"):
        load(file)


@pytest.mark.parametrize(
    ("notes", "text"),
    [
        (
            '{"keras_version": "2.21.0"}',
            r"that Keras 2\.21\.0 wrote, .*locate class 'Functional'.*network\.load_weights",
        ),
        ("[]", "a class of somebody's own"),
        ("{" * 20_000, "a class of somebody's own"),
    ],
)
def test_an_archive_of_keras_2_is_told_and_its_weights_are_loaded_as_advised(tmp_path, notes, text):
    network, file = small(), tmp_path / "old.keras"
    network.save(tmp_path / "net.keras")
    with (
        zipfile.ZipFile(tmp_path / "net.keras") as source,
        zipfile.ZipFile(file, "w") as archive,
    ):
        config = json.loads(source.read("config.json"))
        config |= {"module": "tf_keras.src.engine.functional", "class_name": "Functional"}
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", notes)
        archive.writestr("model.weights.h5", source.read("model.weights.h5"))
    with pytest.raises(ModelError, match=text):
        load(file)
    fresh = small()
    fresh.load_weights(file)
    for found, expected in zip(fresh.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_weights_in_another_file_are_not_read(tmp_path):
    small().save_weights(tmp_path / "net.weights.h5")
    (tmp_path / "secret").write_bytes(bytes(8))
    with h5py.File(tmp_path / "net.weights.h5", "a") as file:
        holder = next(group for name, group in file["layers"].items() if "dense" in name)["vars"]
        del holder["1"]
        holder.create_dataset("1", (2,), "f4", external=[(tmp_path / "secret", 0, 8)])
    small().save(tmp_path / "net.keras")
    with (
        zipfile.ZipFile(tmp_path / "net.keras") as source,
        zipfile.ZipFile(tmp_path / "reads.keras", "w") as archive,
    ):
        for name in ("metadata.json", "config.json"):
            archive.writestr(name, source.read(name))
        archive.write(tmp_path / "net.weights.h5", "model.weights.h5")
    with pytest.raises(ModelError, match=r"^Expected a Keras 3 model in .*external"):
        load(tmp_path / "reads.keras")


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.pt", "a.safetensors", "a.pth", "a.onnx"])
def test_a_pipe_is_no_model(tmp_path, name):
    if not name.endswith((".keras", ".h5", ".onnx")):
        pytest.importorskip("torch")
    os.mkfifo(tmp_path / name)
    with pytest.raises(ModelError, match=r"got no file .*\. Try: "):
        load(tmp_path / name)


@pytest.mark.parametrize(
    "notes",
    [
        b"{",
        b"[" * 10_000,
        b'{"classes": 3}',
        b'{"classes": [1]}',
        b"\xff",
        b"[]",
        b'{"classes": []}',
    ],
)
def test_notes_that_say_no_classes(tmp_path, notes):
    small().save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_bytes(notes)
    assert load(tmp_path / "net.keras").class_names is None


def test_a_file_that_is_cut_off_is_told_as_such(tmp_path):
    file = tmp_path / "net.keras"
    small().save(file)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ModelError, match=r"net\.keras, got a file that is cut off\. Try: model\.s"):
        load(file)
