"""Known truths on the drawn set, on few networks; benchmarks/known_truths.py is the whole of it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.only("tensorflow", reason="the frameworks' kernels are tested elsewhere"),
]

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SPEC = importlib.util.spec_from_file_location("known_truths", BENCHMARKS / "known_truths.py")
assert SPEC is not None
assert SPEC.loader is not None
truths = importlib.util.module_from_spec(SPEC)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)  # it imports the files beside it
        SPEC.loader.exec_module(truths)


def test_an_accurate_network_looks_at_what_tells_the_classes_apart():
    found = truths.parts(seeds=1)
    assert found["accuracy"][0] >= truths.ACCURATE
    assert found["difference"]["low"] > 0, found


MOSAICS = ("focus", "grid-pointing-game", "class-discrimination")
#: At the value of a uniform map, as far as six networks tell; twenty find the pointing game above.
AS_DECLARED = (
    "energy", "lift", "pointing-game", "rank-accuracy", "top-intersection", "pixel-precision",
    *MOSAICS,
)  # fmt: skip
BY_CHANCE = ("iou", "max-box-accuracy")


@pytest.fixture(scope="module")
def random():
    """name -> measures of six networks with random weights."""
    return {
        name: truths.random_networks(networks=6, test=100, names=[name])[name]
        for name in ("A", "scratch")
    }


def test_a_network_with_random_weights_finds_nothing(random):
    found = random["scratch"]
    for metric in AS_DECLARED:
        assert truths.holds(found[metric]["over-declared"]), (metric, found[metric])
    for metric in BY_CHANCE:
        assert truths.holds(found[metric]["over-chance"]), (metric, found[metric])
        assert found[metric]["over-declared"]["high"] < 0, (metric, found[metric])


@pytest.mark.parametrize("name", ["A", "scratch"])
def test_a_network_with_random_weights_tells_no_class(random, name):
    for metric in MOSAICS:
        assert truths.holds(random[name][metric]["over-declared"]), (metric, random[name][metric])


@pytest.mark.parametrize("name", ["A", "scratch"])
def test_what_it_sees_of_objects_is_gone_with_the_object(random, name):
    """A random network sees what stands out (Cao & Wu 2022), by these measures most."""
    for metric in ("energy", "lift", "pointing-game", "top-intersection", "average-precision"):
        found = random[name][metric]
        assert found["without"]["mean"] < found["over-chance"]["mean"], (metric, found)
        assert found["without"]["mean"] < 0.01, (metric, found)


def test_a_planted_shortcut_is_flagged_and_its_absence_is_not():
    found = truths.shortcut(seeds=[2000, 2001])
    assert (np.array(found["1"]) > truths.FLAG).all()
    assert (np.array(found["0.5"]) <= truths.FLAG).all()
