"""The same weights give the same maps on TensorFlow, JAX and torch, to 1e-4 of a map's maximum."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras_zoo import SIZE, L, settle
from kinds import KINDS
from other_backend import make, tapped

pytestmark = pytest.mark.only("tensorflow", reason="compares the backends by itself")

FEW = ("keras nested, frozen", "keras normalization")
MORE = (
    "keras transformer", "keras flat", "keras subclassed", "keras residual",
    "keras softmax in keras.ops", "keras grayscale", "keras any size", "keras sigmoid",
    "keras rematerialized",
)  # fmt: skip
OTHERS = ("jax", "torch")


def elsewhere(folder, images, models):
    """Save weights and images, and tap the models on the other backends, all at once."""
    np.savez(folder / "images.npz", **images)
    for name, model in models.items():
        model.save_weights(folder / f"{name}.weights.h5")
    script = Path(__file__).with_name("other_backend.py")
    running = [
        subprocess.Popen(
            [sys.executable, script, folder, *models],
            env=os.environ | {"KERAS_BACKEND": backend},
            stderr=subprocess.PIPE,
            text=True,
        )
        for backend in OTHERS
    ]
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors[-3000:]


def assert_close(found, expected, what):
    """To 1e-4 of the largest value."""
    for key, value in expected.items():
        assert found[key].dtype == np.float32
        off = np.abs(found[key].astype(float) - value).max() / np.abs(value).max()
        assert off < 1e-4, (what, key, off)
    assert expected["grad-cam"].max() > 0 or expected["hires-cam"].max() > 0


def assert_agreement(folder, images, models):
    elsewhere(folder, images, models)
    for name, model in models.items():
        here = tapped(model, images[name])
        for backend in OTHERS:
            assert_close(np.load(folder / f"{name}-{backend}.npz"), here, (name, backend))


@pytest.mark.parametrize("names", [FEW, pytest.param(MORE, marks=pytest.mark.slow)])
def test_backends_agree(tmp_path, names):
    pytest.importorskip("jax")
    pytest.importorskip("torch")
    models = {name: make(name) for name in names}
    assert_agreement(tmp_path, {name: KINDS[name].images() for name in names}, models)


@pytest.mark.real
def test_backends_agree_on_mobilenet_and_photographs(tmp_path, real):
    from test_keras_layers import mobilenet, pets

    assert_agreement(tmp_path, {"mobilenet": pets(real, 8)}, {"mobilenet": mobilenet(real)})


def test_a_torch_module_with_the_weights_of_a_keras_model():
    torch = pytest.importorskip("torch")
    from torch_zoo import Plain

    model = settle(keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        L.Conv2D(6, 3, padding="same", activation="relu", name="conv"),
        L.BatchNormalization(epsilon=1e-5, name="norm"),
        L.Activation("gelu"),
        L.GlobalAveragePooling2D(),
        L.Dense(3, activation="softmax", name="fc"),
    ]))  # fmt: skip
    conv, norm, fc = (model.get_layer(name).get_weights() for name in ("conv", "norm", "fc"))
    module = Plain().eval()
    state = {
        "conv.weight": conv[0].transpose(3, 2, 0, 1), "conv.bias": conv[1],
        "norm.weight": norm[0], "norm.bias": norm[1],
        "norm.running_mean": norm[2], "norm.running_var": norm[3],
        "fc.weight": fc[0].T, "fc.bias": fc[1],
    }  # fmt: skip
    tensors = {key: torch.from_numpy(value.copy()) for key, value in state.items()}
    module.load_state_dict(tensors, strict=False)
    images = np.random.default_rng(0).uniform(-1, 1, (4, SIZE, SIZE, 3)).astype(np.float32)
    assert_close(tapped(module, images), tapped(model, images), "torch module")
