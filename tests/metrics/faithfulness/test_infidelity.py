"""Infidelity where the truth is known."""

import numpy as np
import pytest
from faithful import IMAGES, RNG, SIDE, N

from campare.metrics import faithfulness


def test_infidelity_of_what_foretells_everything_is_zero():
    weight = RNG.random((SIDE, SIDE))

    def linear(images):
        score = (images.sum(axis=-1) * weight).sum(axis=(1, 2)) / 100
        return np.column_stack([np.zeros(len(images)), score])

    maps, ones = np.repeat(weight[None], N, axis=0), np.ones(N, int)
    perfect = faithfulness.infidelity(linear, IMAGES, maps, ones).values
    inverted = faithfulness.infidelity(linear, IMAGES, 1 - maps, ones).values
    scaled = faithfulness.infidelity(linear, IMAGES, maps / 100, ones, scaled=False).values
    assert perfect == pytest.approx(0, abs=1e-6)
    assert scaled == pytest.approx(0, abs=1e-6)
    assert (inverted > 0.01).all()
