"""Values: undefined is NaN with a status, in the order of the reasons."""

import numpy as np
import pytest

from campare.errors import DataError
from campare.metrics.values import Values, average, inside, pixels, unless, with_reasons


def test_the_first_reason_that_holds_is_the_status():
    reasons = {"flat": np.array([False, True, True]), "no-mask": np.array([False, False, True])}
    found = with_reasons(np.array([1.0, 2.0, 3.0]), reasons)
    assert found.status.tolist() == ["ok", "flat", "flat"]
    np.testing.assert_array_equal(found.values, [1.0, np.nan, np.nan])


def test_a_reason_comes_before_the_values_own():
    own = Values(np.array([np.nan, 1.0]), np.array(["flat", "ok"]))
    found = unless(own, {"changed": np.array([True, False])})
    assert found.status.tolist() == ["changed", "ok"]
    assert unless(own, {"changed": np.array([False, False])}).status.tolist() == ["flat", "ok"]


def test_a_mean_is_over_what_is_defined():
    one = Values(np.array([1.0, np.nan, np.nan]), np.array(["ok", "flat", "flat"]))
    two = Values(np.array([0.0, 0.5, np.nan]), np.array(["ok", "ok", "no-mask"]))
    found = average([one, two])
    np.testing.assert_array_equal(found.values, [0.5, 0.5, np.nan])
    assert found.status.tolist() == ["ok", "ok", "flat"]


def test_a_running_mean_is_that_of_all_at_once():
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(9):
        values = np.where(rng.random(20) < 0.3, np.nan, rng.random(20))
        parts.append(Values(values, np.where(np.isnan(values), "flat", "ok")))
    found = average(iter(parts))
    assert np.array_equal(found.values, np.nanmean([part.values for part in parts], axis=0))
    assert set(found.status) == {"ok"}


def test_maps_of_any_rank_become_rows_with_their_reasons():
    maps = np.stack([np.ones((2, 3)), np.zeros((2, 3)), -np.ones((2, 3)), np.full((2, 3), np.nan)])
    maps[2, 0, 0] = -2
    for shape in ((2, 3), (6,), (1, 2, 3)):
        rows, reasons = pixels(maps.reshape(4, *shape))
        assert rows.shape == (4, 6)
        assert reasons["flat"].tolist() == [False, True, False, False]
        assert reasons["all-negative"].tolist() == [False, False, True, False]
        assert reasons["non-finite"].tolist() == [False, False, False, True]
    assert pixels(maps[:0])[0].shape == (0, 6)


def test_masks_fit_their_maps():
    maps = np.ones((2, 2, 3))
    rows, reasons = inside(maps, np.stack([np.zeros((2, 3)), np.ones((2, 3))]))
    assert rows.sum(axis=1).tolist() == [0, 6]
    assert (reasons["no-mask"].tolist(), reasons["full-mask"].tolist()) == (
        [True, False],
        [False, True],
    )
    with pytest.raises(DataError, match="Expected masks of the shape of the maps"):
        inside(maps, np.ones((2, 3, 3)))
