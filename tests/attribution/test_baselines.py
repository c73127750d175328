import numpy as np
import pytest
from scipy import ndimage

from campare.attribution.baselines import BASELINES, centre, edge, random
from campare.attribution.maps import pool, status

RNG = np.random.default_rng(1)
IMAGES = RNG.integers(0, 256, (3, 20, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", BASELINES)
def test_one_positive_map_an_image_on_the_grid_of_the_layer(name):
    made = BASELINES[name](IMAGES, (5, 4), np.random.default_rng(0))
    assert made.shape == (3, 5, 4)
    assert made.dtype == np.float32
    assert (made >= 0).all()
    assert made.max() > 0
    assert BASELINES[name](IMAGES[:0], (5, 4), np.random.default_rng(0)).shape == (0, 5, 4)


def test_centre_is_a_gaussian_of_a_quarter_of_the_side():
    made = centre(IMAGES, (101, 41), RNG)[0].astype(float)
    assert made[50, 20] == 1
    assert np.array_equal(made, made[::-1, ::-1])
    # one sigma down from the middle: a quarter of 101 pixels
    assert np.interp(50 + 25.25, np.arange(101), made[:, 20]) == pytest.approx(
        np.exp(-0.5), abs=1e-3
    )
    assert np.interp(20 + 10.25, np.arange(41), made[50]) == pytest.approx(np.exp(-0.5), abs=1e-3)


def test_edge_is_scipys_sobel_of_the_luminance():
    gray = IMAGES.astype(float) @ [0.299, 0.587, 0.114]
    sobel = [[ndimage.sobel(g, axis=a, mode="nearest") for g in gray] for a in (0, 1)]
    expected = pool(np.hypot(*np.array(sobel)), (5, 4))
    np.testing.assert_allclose(edge(IMAGES, (5, 4), RNG), expected, rtol=1e-4)


def test_edge_of_a_blank_image_is_flat():
    blank = np.full((1, 8, 8, 3), 77, np.uint8)
    assert status(edge(blank, (4, 4), RNG)).tolist() == ["flat"]


def test_random_is_seeded():
    first, again, other = (random(IMAGES, (4, 4), np.random.default_rng(s)) for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
