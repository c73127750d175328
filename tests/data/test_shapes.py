"""Boxes, polygons and run lengths fill the pixels whose centres they hold."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from campare.data.shapes import Box, Polygons, Rle, area_of, fill, runs_of

edge = st.integers(0, 40).map(lambda quarters: quarters / 4)


def centres_in_box(box: Box, height: int, width: int) -> list[list[bool]]:
    return [
        [box.left <= x + 0.5 < box.right and box.top <= y + 0.5 < box.bottom for x in range(width)]
        for y in range(height)
    ]


def winding_angle(ring: np.ndarray, x: float, y: float) -> float:
    """How far a point on the ring turns around (x, y), in whole turns."""
    angles = np.arctan2(ring[:, 1] - y, ring[:, 0] - x)
    steps = np.diff(np.append(angles, angles[0]))
    return float(((steps + np.pi) % (2 * np.pi) - np.pi).sum() / (2 * np.pi))


@settings(max_examples=200, deadline=None)
@given(edge, edge, edge, edge)
def test_a_box_fills_the_centres_it_holds(x0, x1, y0, y1):
    if x0 == x1 or y0 == y1:
        return
    box = Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    expected = np.array(centres_in_box(box, 10, 10))
    mask = fill(box, (10, 10))
    assert np.array_equal(mask, expected) or (not expected.any() and mask.sum() == 1)


def test_a_thin_shape_keeps_the_pixel_under_its_middle():
    mask = fill(Box(3.6, 2.6, 3.8, 2.9), (6, 6))
    assert np.argwhere(mask).tolist() == [[2, 3]]
    sliver = Polygons((((0.0, 1.1), (5.0, 1.2), (5.0, 1.1)),))
    assert np.argwhere(fill(sliver, (6, 6))).tolist() == [[1, 3]]


def test_an_overshoot_of_a_pixel_is_clipped():
    mask = fill(Box(-1.0, -0.4, 5.0, 4.9), (4, 4))
    assert mask.all()
    with pytest.raises(ValueError, match=r"y from 0 to 5\.1, outside the image of 4 x 4 pixels"):
        fill(Box(0.0, 0.0, 4.0, 5.1), (4, 4))
    with pytest.raises(ValueError, match=r"x from -1\.5 to 4"):
        fill(Box(-1.5, 0.0, 4.0, 4.0), (4, 4))


def test_a_box_beside_the_image_by_a_pixel_is_at_its_edge():
    assert np.argwhere(fill(Box(4.1, 0.0, 4.9, 1.0), (4, 4))).tolist() == [[0, 3]]


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (Box(2.0, 0.0, 2.0, 4.0), "an empty box, x 2 to 2, y 0 to 4"),
        (Box(0.0, 3.0, 2.0, 1.0), "an empty box"),
        (Box(0.0, 0.0, math.nan, 4.0), "not finite"),
        (Box(0.0, 0.0, math.inf, 4.0), "not finite"),
        (Polygons((((0.0, 0.0), (1.0, 1.0)),)), "a polygon of 2 points"),
        (Polygons((((0.0, 0.0), (9.0, 1.0), (1.0, 1.0)),)), "a polygon with x from 0 to 9"),
        (Rle((2, 2), (4,)), "run lengths of a mask of 2 x 2 pixels for 4 x 4 pixels"),
        (Rle((4, 4), (4,)), "run lengths of 4 pixels for 4 x 4 pixels"),
    ],
)
def test_what_cannot_be_filled_says_why(shape, text):
    with pytest.raises(ValueError, match=text):
        fill(shape, (4, 4))


@settings(max_examples=100, deadline=None)
@given(st.integers(3, 9), st.integers(0, 10_000))
def test_a_simple_polygon_fills_the_centres_it_winds_around(corners, seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radius = rng.uniform(2, 9, corners)
    ring = np.stack([10 + radius * np.cos(angles), 12 + radius * np.sin(angles)], axis=1)
    mask = fill(Polygons((tuple(map(tuple, ring.tolist())),)), (24, 20))
    turns = [[round(winding_angle(ring, x + 0.5, y + 0.5)) for x in range(20)] for y in range(24)]
    expected = np.array(turns) % 2 == 1
    assert np.array_equal(mask, expected) or (not expected.any() and mask.sum() == 1)


def test_polygons_are_united():
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    moved = tuple((x + 1, y + 1) for x, y in square)
    assert fill(Polygons((square, moved)), (3, 3)).sum() == 7  # the overlap is inside, not a hole


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_run_lengths_go_down_the_columns(mask):
    runs, inside = [0], False
    for pixel in mask.T.ravel():
        if pixel != inside:
            runs.append(0)
            inside = pixel
        runs[-1] += 1
    assert np.array_equal(fill(Rle(mask.shape, runs_of(runs)), mask.shape), mask)


def test_compressed_run_lengths_are_those_of_cocos_own_tool():
    # strings written by pycocotools 2.0 for these masks
    small = np.zeros((5, 7), np.bool_)
    small[1:4, 2:5] = True
    small[2, 3] = False
    assert np.array_equal(fill(Rle((5, 7), runs_of(";32NO0129")), (5, 7)), small)
    rows, columns = np.indices((40, 30))
    disk = np.hypot(rows - 18, columns - 14) < 11
    disk[:, 12] = False
    disk[5:30, 20:22] = True
    runs = runs_of("^59m04M2N2N2O0O2O0X10hN0000000001NM6N06F5N3Ll5")
    assert np.array_equal(fill(Rle((40, 30), runs), (40, 30)), disk)


def test_broken_run_lengths_are_refused():
    with pytest.raises(ValueError, match="end within a number"):
        runs_of("1P")
    with pytest.raises(ValueError, match="negative"):
        runs_of([3, -1])


@pytest.mark.parametrize(
    ("text", "reason"),
    [("o" * 100_000 + "0", "beyond any image"), ("1\u4e00", "run lengths with"), ("!", "with '!'"),
     ("oooooooo0", "a run length beyond any image")],
)  # fmt: skip
def test_run_lengths_that_would_take_forever_are_refused(text, reason):
    started = time.process_time()
    with pytest.raises(ValueError, match=reason):
        runs_of(text)
    assert time.process_time() - started < 0.1


def test_a_polygon_that_crosses_an_image_without_end_is_refused():
    ring = tuple((x, 2000.0 * (index % 2)) for index, x in enumerate(np.linspace(0, 2000, 9000)))
    with pytest.raises(ValueError, match=r"cross 18,000,000 rows of pixels"):
        fill(Polygons((ring,)), (2000, 2000))


def test_an_outline_of_fifty_thousand_points_is_quick():
    turns = np.linspace(0, 2 * np.pi, 50_000, endpoint=False)
    ring = np.stack([500 + 400 * np.cos(turns), 500 + 400 * np.sin(turns)], axis=1)
    started = time.process_time()
    inside = fill(Polygons((tuple(map(tuple, ring.tolist())),)), (1000, 1000))
    assert time.process_time() - started < 2
    assert inside.sum() == pytest.approx(np.pi * 400**2, rel=1e-3)


def test_an_area_beyond_any_number_is_infinite_without_a_warning():
    far = 1e308
    for ring in ([(0, 0), (far, 0), (far, far)], [(-far, -far), (far, -far), (far, far)]):
        assert area_of(Polygons((tuple(ring),))) == math.inf
    assert area_of(Box(-far, -far, far, far)) == math.inf
    assert area_of(Polygons((((0, 0), (2, 0), (2, 2)),))) == 2
