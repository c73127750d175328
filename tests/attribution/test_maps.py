import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import reference
from campare.attribution import maps

SIDES = st.integers(1, 7)
FLOATS = st.floats(-1e3, 1e3, width=32)


@st.composite
def stacks(draw):
    shape = (draw(st.integers(1, 3)), draw(SIDES), draw(SIDES))
    return draw(arrays(np.float32, shape, elements=FLOATS))


@given(stacks(), SIDES, SIDES)
def test_resize_is_the_slow_one(stack, height, width):
    expected = [reference.resize(m.astype(float), (height, width)) for m in stack]
    np.testing.assert_allclose(maps.resize(stack, (height, width)), expected, rtol=1e-5, atol=1e-3)


def test_resize_enlarges_like_pillow():
    stack = np.random.default_rng(0).normal(size=(2, 5, 7)).astype(np.float32)
    pillow = [Image.fromarray(m).resize((30, 24), Image.Resampling.BILINEAR) for m in stack]
    expected = np.stack([np.asarray(m) for m in pillow])
    np.testing.assert_allclose(maps.resize(stack, (24, 30)), expected, atol=1e-5)


@given(stacks(), SIDES, SIDES)
def test_resize_stays_within_the_range(stack, height, width):
    resized = maps.resize(stack, (height, width))
    assert resized.dtype == np.float32
    assert resized.min() >= stack.min()
    assert resized.max() <= stack.max()


@given(stacks(), SIDES, SIDES)
def test_pool_is_the_slow_one_and_keeps_the_mean(stack, height, width):
    pooled = maps.pool(stack, (height, width))
    expected = [reference.pool(m.astype(float), (height, width)) for m in stack]
    np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(
        pooled.mean(axis=(1, 2), dtype=float), stack.mean(axis=(1, 2), dtype=float), atol=1e-3
    )


@given(FLOATS, SIDES, SIDES, SIDES, SIDES)
def test_a_constant_map_stays_exactly_constant(value, h, w, height, width):
    stack = np.full((1, h, w), value, np.float32)
    for change in (maps.resize, maps.pool):
        assert (change(stack, (height, width)) == np.float32(value)).all()


def test_pooling_to_the_same_grid_changes_nothing_and_copies():
    stack = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    pooled = maps.pool(stack, (3, 4))
    assert np.array_equal(pooled, stack)
    assert not np.shares_memory(pooled, stack)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0, 0, 0], "flat"),
        ([3, 3, 3, 3], "flat"),
        ([-1, -1, -1, -1], "flat"),
        ([-1, -2, -3, 0], "all-negative"),
        ([-1, -2, -3, 1e-30], "ok"),
        ([np.nan, 1, 2, 3], "non-finite"),
        ([np.inf, 1, 2, 3], "non-finite"),
        ([-np.inf, 1, 2, 3], "non-finite"),
        ([np.nan] * 4, "non-finite"),
    ],
)
def test_status_says_what_is_wrong(values, expected):
    healthy = [1, 2, 3, 4]
    stack = np.array([healthy, values], np.float32).reshape(2, 2, 2)
    assert maps.status(stack).tolist() == ["ok", expected]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("change", [maps.resize, maps.pool])
def test_a_broken_map_stays_broken_and_alone(bad, change):
    stack = np.ones((2, 3, 3), np.float32)
    stack[1, 1, 1] = bad
    assert maps.status(change(stack, (7, 2)) + 0).tolist() == ["flat", "non-finite"]


def test_positive_keeps_nan():
    assert np.array_equal(
        maps.positive(np.array([[[-1, np.nan, 2]]])), [[[0, np.nan, 2]]], equal_nan=True
    )
