import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_faithfulness as slow
from campare.attribution import maps as m
from campare.errors import DataError
from campare.metrics.faithfulness import imputation
from campare.metrics.faithfulness.imputation import impute

RNG = np.random.default_rng(0)
SIDE = 40
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]
COARSE = m.resize(RNG.random((1, 5, 5)), (SIDE, SIDE))[0]

HOLES = {
    "blob of half": np.median(COARSE) < COARSE,
    "all but a blob": np.quantile(COARSE, 0.1) < COARSE,
    "scattered half": RNG.random((SIDE, SIDE)) < 0.5,
    "scattered nine tenths": RNG.random((SIDE, SIDE)) < 0.9,
    "all but one pixel": (ROWS != 7) | (COLUMNS != 30),
    "all but a line": COLUMNS != 20,
    "all but a border": (ROWS > 0) & (COLUMNS > 0),
    "every second pixel": (ROWS + COLUMNS) % 2 == 0,
    "one pixel": (ROWS == 0) & (COLUMNS == 0),
    "none": np.zeros((SIDE, SIDE), bool),
}


@pytest.mark.parametrize("missing", HOLES.values(), ids=HOLES)
def test_equals_the_factorization(missing):
    image = (255 * RNG.random((SIDE, SIDE, 3))).astype(np.float32)
    expected = slow.impute(image, missing)
    assert impute(image[None], missing[None])[0] == pytest.approx(expected, abs=1)  # of white noise
    exact = impute(image[None], missing[None], tolerance=1e-6)[0]
    assert exact == pytest.approx(expected, abs=0.01)  # float32 of 255


@given(
    height=st.integers(1, 23),
    width=st.integers(1, 23),
    share=st.floats(0, 0.98),
    seed=st.integers(0, 999),
)
def test_any_size_equals_the_factorization(height, width, share, seed):
    rng = np.random.default_rng(seed)
    image = rng.random((height, width, 2)).astype(np.float32)
    missing = rng.random((height, width)) < share
    missing.flat[rng.integers(missing.size)] = False
    found = impute(image[None], missing[None], tolerance=1e-6)[0]
    assert found == pytest.approx(slow.impute(image, missing), abs=1e-4)


def test_images_of_a_batch_do_not_meet(monkeypatch):
    images = RNG.random((7, 20, 24, 3)).astype(np.float32)
    missing = RNG.random((7, 20, 24)) < np.linspace(0.05, 0.95, 7)[:, None, None]
    together = impute(images, missing, tolerance=1e-6)
    alone = [
        impute(image[None], hole[None], tolerance=1e-6)[0]
        for image, hole in zip(images, missing, strict=True)
    ]
    assert together == pytest.approx(np.stack(alone), abs=1e-5)
    monkeypatch.setattr(imputation, "_SLICE", 1)
    assert impute(images, missing, tolerance=1e-6) == pytest.approx(together, abs=1e-5)


def test_a_plane_is_filled_by_itself_inside_and_known_pixels_stay():
    plane = (2.0 * ROWS + 3 * COLUMNS)[..., None].astype(np.float32)
    hole = (abs(ROWS - 20) < 12) & (abs(COLUMNS - 18) < 9)
    found = impute(np.where(hole[..., None], -99, plane)[None], hole[None], tolerance=1e-6)[0]
    assert found == pytest.approx(plane, abs=0.01)
    assert np.array_equal(found[~hole], plane[~hole])


def test_an_offset_is_as_good_as_none():
    image = RNG.random((1, 16, 16, 1)).astype(np.float32)
    hole = RNG.random((1, 16, 16)) < 0.6
    assert impute(image + 1000, hole) - 1000 == pytest.approx(impute(image, hole), abs=0.01)


def test_what_was_in_the_hole_does_not_matter():
    image = RNG.random((1, 16, 16, 1)).astype(np.float32)
    hole = RNG.random((1, 16, 16)) < 0.6
    other = np.where(hole[..., None], np.nan, image)
    assert np.array_equal(impute(other, hole), impute(image, hole))


def test_few_cycles_are_needed(monkeypatch):
    count = []
    cycle = imputation._cycle

    def counted(levels, r, depth=0):
        count.append(depth)
        return cycle(levels, r, depth)

    monkeypatch.setattr(imputation, "_cycle", counted)
    side = 128
    coarse = m.resize(RNG.random((1, 4, 4)), (side, side))
    image = (255 * RNG.random((1, side, side, 3))).astype(np.float32)
    impute(image, coarse > np.quantile(coarse, 0.1))
    assert count.count(0) == 3


def test_equals_quantus():
    recorded = np.load(Path(__file__).parents[2] / "fixtures" / "quantus_faithfulness.npz")
    maps = recorded["maps"]
    ranks = np.argsort(np.argsort(-maps.reshape(len(maps), -1), axis=1), axis=1)
    for share, expected in zip(recorded["shares"], recorded["imputed"], strict=True):
        missing = ranks.reshape(maps.shape) < int(share * maps[0].size)
        found = impute(recorded["images"], missing, tolerance=1e-6)
        assert found == pytest.approx(expected, abs=1e-5)


def test_nothing_to_fill_from_is_one_line():
    with pytest.raises(DataError) as error:
        impute(np.zeros((1, 4, 4, 3)), np.ones((1, 4, 4), bool))
    assert str(error.value) == (
        "Expected at least one pixel to fill from, got an image with all of them missing. "
        "Try shares below 1."
    )


def test_all_calls_run_in_the_same_threads(monkeypatch):
    """New threads for each call left up to 64 MB each behind: 1,000 images took 1 GB."""
    threads, solved = set(), imputation._solved

    def noted(*given):
        threads.add(threading.current_thread())
        return solved(*given)

    monkeypatch.setattr(imputation, "_solved", noted)
    for _ in range(5):
        impute(np.ones((8, 4, 4, 1)), np.eye(4)[None].repeat(8, axis=0))
    assert 1 <= len(threads) <= os.cpu_count()
