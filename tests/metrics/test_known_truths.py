"""Known truths on the drawn set, on few networks; benchmarks/known_truths.py is the whole of it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.only("tensorflow", reason="the frameworks' kernels are tested elsewhere"),
]

SPEC = importlib.util.spec_from_file_location(
    "known_truths", Path(__file__).resolve().parents[2] / "benchmarks/known_truths.py"
)
assert SPEC is not None
assert SPEC.loader is not None
truths = importlib.util.module_from_spec(SPEC)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    SPEC.loader.exec_module(truths)


def test_an_accurate_network_looks_at_what_tells_the_classes_apart():
    found = truths.parts(seeds=1)
    assert found["accuracy"][0] >= truths.ACCURATE
    assert found["difference"]["low"] > 0, found


MOSAICS = ("focus", "grid-pointing-game", "class-discrimination")
#: A random network sees objects that stand out (Cao & Wu 2022), by these measures most.
SEEN = ("energy", "lift", "pointing-game", "top-intersection", "average-precision")


@pytest.mark.parametrize("name", ["A", "scratch"])
def test_a_network_with_random_weights_tells_no_class_and_sees_what_stands_out(name):
    found = truths.random_networks(networks=6, test=100, names=[name])[name]
    for metric in MOSAICS:
        assert truths.holds(found[metric]["over-declared"]), (metric, found[metric])
    for metric in SEEN:  # ... as long as there is an object
        assert found[metric]["without"]["mean"] < 0.01, (metric, found[metric])
        assert found[metric]["without"]["mean"] < found[metric]["over-chance"]["mean"]
    for metric in truths.OBJECT:
        assert found[metric]["without"]["low"] < 0.02, (metric, found[metric])
    for metric in ("iou", "max-box-accuracy"):  # what only a map without a shape reaches
        assert found[metric]["over-declared"]["mean"] < 0, (metric, found[metric])


def test_a_planted_shortcut_is_flagged_and_its_absence_is_not():
    found = truths.shortcut(seeds=[2000, 2001])
    assert (np.array(found["1"]) > truths.FLAG).all()
    assert (np.array(found["0.5"]) <= truths.FLAG).all()
