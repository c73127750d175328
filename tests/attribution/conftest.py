"""A small Keras network and images for it."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def network():
    import keras  # not before the backend is chosen: this file is imported first

    L = keras.layers
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
