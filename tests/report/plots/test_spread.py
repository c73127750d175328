"""Quantile dots stand for all images."""

import numpy as np
import pytest

from campare.report.plots import spread
from campare.report.view import Arm

ARMS = tuple(Arm(name, name, index, (12, 12), (0.9,), ()) for index, name in enumerate("AB"))
NAN = float("nan")


def test_dots_are_quantiles_in_bins_within_their_row():
    values = np.random.default_rng(0).beta(2, 5, 5000)
    one = spread.spread({"A": values, "B": np.ones(900)}, "energy", ARMS)
    first, second = one.rows
    assert len(first.dots) == len(second.dots) == spread.DOTS
    assert np.mean([dot.x for dot in first.dots]) / 100 == pytest.approx(values.mean(), abs=0.02)
    for row in one.rows:
        assert all(0 <= dot.y <= spread.HEIGHT for dot in row.dots)
        assert len(set(row.dots)) == len(row.dots)  # none hides another
    (half,) = first.lines
    assert (half.low, half.high) == pytest.approx(100 * np.quantile(values, (0.25, 0.75)), abs=0.01)
    assert second.number == "1.000"


def test_missing_values_have_no_dots():
    (row,) = spread.spread({"A": np.array([NAN])}, "energy", ARMS[:1]).rows
    assert (row.dots, row.lines, row.number) == ((), (), "–")
    assert row.missing == "no defined value"
