"""Axes hold what they must, with few round ticks."""

import math

from hypothesis import given
from hypothesis import strategies as st

from campare.report import words
from campare.report.plots.axis import Axis, around_zero, digits, holding

NAN = float("nan")


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_few_round_and_within(low, width, most):
    axis = Axis(low, low + width)
    ticks = axis.ticks(most)
    assert 1 <= len(ticks) <= most
    assert all(-1e-6 <= axis.at(tick) <= 100 + 1e-6 for tick in ticks)


@given(st.lists(st.floats(-1e3, 1e3) | st.just(NAN), max_size=6))
def test_axes_hold_all_values(values):
    for axis in (around_zero(values), holding(values)):
        assert axis.low < axis.high
        assert all(0 <= axis.at(v) <= 100 for v in values if math.isfinite(v))
    assert around_zero(values).at(0) == 50


@given(st.floats(-1, 1), st.floats(1e-5, 1e3), st.integers(2, 8))
def test_a_tick_says_where_it_stands(low, width, most):
    ticks = Axis(low, low + width).ticks(most)
    said = [words.number(x, digits(ticks)).replace(words.MINUS, "-") for x in ticks]
    assert len({*said}) == len(ticks)
    assert all(abs(float(text) - x) < 0.01 * width for text, x in zip(said, ticks, strict=True))
