"""Chance of a network's own maps: exact where all images are alike, and in permutations."""

import numpy as np
import pytest

from campare.errors import DataError
from campare.metrics import METRICS
from campare.metrics.chance import _others, of_other_images

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_every_image_has_the_map_of_another_one(count):
    for _ in range(20):
        others = _others(count, RNG)
        assert sorted(others) == list(range(count))
        assert not (others == np.arange(count)).any()


def test_two_images_exchange_their_maps():
    maps, masks = RNG.random((2, 8, 8)), RNG.random((2, 8, 8)) < 0.4
    energy = METRICS["energy"]
    found = of_other_images(energy, maps, masks, rng=RNG)
    assert found.values == pytest.approx(energy.function(maps[::-1], masks).values)


def test_a_map_that_is_the_same_for_every_image_scores_its_chance():
    maps, masks = np.repeat(RNG.random((1, 8, 8)), 12, axis=0), RNG.random((12, 8, 8)) < 0.4
    for name in ("energy", "lift", "pointing-game", "rank-accuracy", "iou", "average-precision"):
        metric = METRICS[name]
        found = of_other_images(metric, maps, masks, rng=RNG)
        assert found.values == pytest.approx(metric.function(maps, masks).values)


def test_undefined_draws_do_not_count():
    maps, masks = RNG.random((4, 8, 8)), RNG.random((4, 8, 8)) < 0.4
    maps[1] = 0
    masks[3] = False
    found = of_other_images(METRICS["energy"], maps, masks, rng=RNG, draws=9)
    assert found.status.tolist() == ["ok", "ok", "ok", "no-mask"]
    assert np.isfinite(found.values[:3]).all()


def test_one_image_has_no_other():
    with pytest.raises(DataError) as error:
        of_other_images(METRICS["energy"], np.ones((1, 4, 4)), np.ones((1, 4, 4), bool), rng=RNG)
    assert str(error.value) == (
        "Expected several images to exchange maps between, got 1. Try two or more."
    )
