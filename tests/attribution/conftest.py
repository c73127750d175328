"""A small Keras network and images for it."""

import keras
import numpy as np
import pytest

L = keras.layers


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((12, 12, 3)), L.Rescaling(1 / 255),
        L.Conv2D(4, 3, activation="relu", name="early"),
        L.Conv2D(4, 3, strides=2, activation="relu", name="conv"),
        L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax"),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 12, 12, 3), dtype=np.uint8)
