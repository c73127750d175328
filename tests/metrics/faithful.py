"""Images, maps, masks and a network of two dense layers for the tests of faithfulness."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

import reference_faithfulness as slow
from campare.attribution import maps as m
from campare.metrics import faithfulness

SIDE, CHANNELS, CLASSES, N = 8, 3, 4, 5
RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(SIDE * SIDE * CHANNELS, 6), scale=0.02)
LAST = RNG.normal(size=(6, CLASSES), scale=2)
IMAGES = RNG.integers(0, 256, (N, SIDE, SIDE, CHANNELS)).astype(np.float32)
TARGETS = np.array([0, 1, 2, 3, 1])
LABELS = RNG.integers(0, 5, (N, SIDE, SIDE))
LABELS[:, 0, :5] = np.arange(5)  # every label occurs


def predict(images):
    """Two dense layers."""
    return np.tanh(images.reshape(len(images), -1) / 10 @ FIRST) @ LAST


def one(image):
    return predict(image[None])[0]


def odds(image):
    return slow.softmax(one(image))


def explain_as(size):
    return lambda images, _: m.pool(images[..., 0], (size, size))


MEASURES = {
    "insertion": faithfulness.insertion,
    "deletion": faithfulness.deletion,
    "pixel_flipping": faithfulness.pixel_flipping,
    "comprehensiveness": faithfulness.comprehensiveness,
    "sufficiency": faithfulness.sufficiency,
    "road": faithfulness.road,
    "road_most_first": faithfulness.road_most_first,
    "road_least_first": faithfulness.road_least_first,
    "average_drop": faithfulness.average_drop,
    "increase": faithfulness.increase,
    "average_gain": faithfulness.average_gain,
    "adcc": lambda *given, **options: faithfulness.adcc(
        *given, explain=explain_as(given[2].shape[1]), **options
    ),
    "irof": partial(faithfulness.irof, superpixels=LABELS),
    "infidelity": faithfulness.infidelity,
}
MULTIPLY = ("average_drop", "increase", "average_gain", "adcc", "infidelity")
RANK = tuple(name for name in MEASURES if name not in MULTIPLY)
each = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)

KINDS = {
    "random": RNG.random((N, SIDE, SIDE)),
    "signed": RNG.normal(size=(N, SIDE, SIDE)),
    "ties": RNG.integers(0, 3, (N, SIDE, SIDE)).astype(float),
    "dot": np.eye(SIDE * SIDE)[[3, 9, 0, 63, 30]].reshape(N, SIDE, SIDE),
}
kinds = pytest.mark.parametrize("maps", KINDS.values(), ids=KINDS)
in_order = {"ties": "reading-order"}


QUANTUS = np.load(Path(__file__).parents[1] / "fixtures" / "quantus_faithfulness.npz")


def recorded(images):
    hidden = np.tanh(images.reshape(len(images), -1) @ QUANTUS["first"].T)
    return hidden @ QUANTUS["last"].T
