"""Grids: found from shapes, read and written back without loss in every framework."""

import numpy as np
import pytest
from frameworks import array_of, every_framework
from hypothesis import given
from hypothesis import strategies as st

from campare.models.grids import MOST_SKIPPED, find_grid, read_grid, write_grid
from campare.types import Grid

GRIDS = {
    "channels-last": (Grid((2, 3), "channels-last"), (2, 3, 4)),
    "channels-first": (Grid((2, 3), "channels-first"), (4, 2, 3)),
    "tokens": (Grid((2, 3), "tokens"), (6, 4)),
    "tokens behind others": (Grid((2, 3), "tokens", 5), (11, 4)),
}


@every_framework
@pytest.mark.parametrize("layout", GRIDS)
def test_what_is_read_can_be_written_back(layout, framework):
    grid, shape = GRIDS[layout]
    output = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    given_ = array_of(framework)(output)
    features = read_grid(given_, grid)
    assert tuple(features.shape) == (2, 2, 3, 4)
    np.testing.assert_array_equal(np.asarray(write_grid(features, given_, grid)), output)


@pytest.mark.parametrize("layout", GRIDS)
def test_a_cell_is_where_the_layout_says(layout):
    grid, shape = GRIDS[layout]
    output = np.arange(2 * np.prod(shape), dtype=np.float32).reshape(2, *shape)
    for i in range(2):
        for j in range(3):
            cell = {
                "channels-last": lambda i, j: output[:, i, j],
                "channels-first": lambda i, j: output[:, :, i, j],
                "tokens": lambda i, j: output[:, 3 * i + j],
                "tokens behind others": lambda i, j: output[:, 5 + 3 * i + j],
            }[layout](i, j)
            np.testing.assert_array_equal(read_grid(output, grid)[:, i, j], cell)


def test_tokens_in_front_stay_as_they_were():
    grid, shape = GRIDS["tokens behind others"]
    output = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float16)
    written = write_grid(np.zeros((2, 2, 3, 4), np.float32), output, grid)
    np.testing.assert_array_equal(written[:, :5], output[:, :5])
    assert not written[:, 5:].any()
    assert written.dtype == np.float16  # what follows goes on in its own precision


SIDES = st.integers(1, 20)


@given(h=SIDES, w=SIDES, skip=st.integers(0, MOST_SKIPPED), patch=st.integers(4, 32))
def test_tokens_lie_as_the_grid_before_them(h, w, skip, patch):
    """Whatever else a number of tokens might mean, the grid that came before decides."""
    if h * w < 2:
        return
    found = find_grid((skip + h * w, 8), (h * patch, w * patch), before=[(h, w)])
    assert found == Grid((h, w), "tokens", skip)


@pytest.mark.parametrize("side", [224, 256, 384, 518])
@pytest.mark.parametrize("patch", [8, 14, 16, 32])
@pytest.mark.parametrize("skip", [0, 1, 2, 5])
def test_square_images_need_no_grid_before(side, patch, skip):
    n = side // patch
    found = find_grid((skip + n * n, 8), (side, side))
    assert found == Grid((n, n), "tokens", skip)


@pytest.mark.parametrize(
    ("shape", "image", "first", "expected"),
    [
        ((14, 14, 256), (224, 224), None, "channels-last"),
        ((256, 14, 14), (224, 224), None, "channels-first"),
        ((7, 10, 64), (224, 320), None, "channels-last"),
        ((64, 7, 10), (224, 320), None, "channels-first"),
        ((7, 10, 64), (224, 320), True, "channels-first"),
        ((64, 7, 10), (224, 320), False, "channels-last"),
        ((8, 5, 5), (None, None), None, "channels-first"),
    ],
)
def test_channels_first_or_last(shape, image, first, expected):
    grid = find_grid(shape, image, channels_first=first)
    assert grid.layout == expected
    sides = shape[1:] if expected == "channels-first" else shape[:2]
    assert grid.shape == sides


@pytest.mark.parametrize(
    ("shape", "sides", "first", "expected"),
    [
        ((50, 8), (200,), False, (50,)),
        ((8, 50), (200,), True, (50,)),
        ((4, 6, 6, 16), (8, 24, 24), False, (4, 6, 6)),
        ((16, 4, 6, 6), (8, 24, 24), True, (4, 6, 6)),
        ((None, 8), (None,), None, (None,)),
    ],
)
def test_signals_and_volumes_have_grids_of_their_own_rank(shape, sides, first, expected):
    grid = find_grid(shape, sides, channels_first=first)
    assert grid.shape == expected
    if None not in shape:
        output = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
        features = read_grid(output, grid)
        assert features.shape[1:-1] == expected
        np.testing.assert_array_equal(write_grid(features, output, grid), output)


@pytest.mark.parametrize("shape", [(10,), (), (3, 8), (None, 8), (1, 8), (2, 3, 4, 5)])
def test_what_is_no_grid(shape):
    assert find_grid(shape, (224, 224)) is None


def test_a_grid_that_lies_across_the_image_is_not_taken():
    """Queries (N, 17 tokens, 1 head, C) before 17 tokens of a square image."""
    assert find_grid((17, 8), (64, 64), before=[(17, 1)]) == Grid((4, 4), "tokens", 1)
