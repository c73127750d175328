"""Images that are held out: others by another seed, and some on both sides."""

import numpy as np
import pytest

from campare.data.holdout import held_out
from campare.errors import DataError


def test_another_seed_holds_out_others():
    labels = np.repeat([0, 1], 50)
    assert not np.array_equal(held_out(labels, 0.2, 0), held_out(labels, 0.2, 1))
    drawn = np.mean([held_out(labels, 0.2, seed) for seed in range(400)], axis=0)
    assert np.abs(drawn - 0.2).max() < 0.1  # each image equally often; 5 standard errors


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, float("nan")])
def test_a_fraction_must_leave_something_on_both_sides(fraction):
    with pytest.raises(DataError) as caught:
        held_out(np.array([0, 1]), fraction, 0)
    assert str(caught.value) == (f"Expected a fraction between 0 and 1, got {fraction}. Try 0.25.")
