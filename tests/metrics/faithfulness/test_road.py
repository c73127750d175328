"""ROAD against the slow one."""

import numpy as np
import pytest
from faithful import IMAGES, KINDS, SIDE, TARGETS, N, kinds, odds, predict

import reference_faithfulness as slow
from campare.metrics import faithfulness


@kinds
def test_road_equals_the_slow_one(maps):
    distinct = maps + np.linspace(0, 1e-3, SIDE * SIDE).reshape(SIDE, SIDE)  # no ties
    shares = (0.1, 0.5, 0.9)
    options = {"shares": shares, "noise": 0}
    given = (predict, IMAGES, distinct, TARGETS)
    most = faithfulness.road_most_first(*given, **options).values
    least = faithfulness.road_least_first(*given, **options).values
    both = faithfulness.road(*given, **options).values
    for i in range(N):
        expected = slow.road(odds, IMAGES[i], distinct[i], TARGETS[i], shares)
        assert (most[i], least[i]) == pytest.approx(expected, abs=1e-3)
        assert both[i] == pytest.approx((expected[1] - expected[0]) / 2, abs=1e-3)


def test_the_noise_of_road_is_seeded_and_small():
    found = [
        faithfulness.road(
            predict, IMAGES, KINDS["random"], TARGETS, rng=np.random.default_rng(seed), noise=noise
        ).values
        for seed, noise in ((0, 0.01), (0, 0.01), (1, 0.01), (0, 0))
    ]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert found[0] == pytest.approx(found[3], abs=0.05)
