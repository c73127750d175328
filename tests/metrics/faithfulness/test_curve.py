"""Shares of pixels as numbers of them."""

import numpy as np

from campare.metrics.faithfulness.curve import counts_of


def test_every_share_above_zero_has_a_pixel():
    assert counts_of([0, 0.001, 0.5, 1], np.zeros((1, 4, 4), int)).tolist() == [0, 1, 8, 16]
