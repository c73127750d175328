import numpy as np
import pytest

from campare.data.drawn.light import lit, towards

GRAY = np.full((48, 48, 3), 128, np.float32)


def picture(light, seed, grain=0, color=GRAY):
    return lit(color, np.array(light), np.random.default_rng(seed), np.random.default_rng(grain))


def test_light_is_a_unit_vector_from_above_left_or_right():
    found = np.array([towards(np.random.default_rng(seed)) for seed in range(200)])
    assert np.allclose(np.hypot(*found.T), 1)
    assert (found[:, 1] < -np.cos(1.1) + 1e-9).all()
    assert found[:, 0].mean() == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("light", [(1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.6, -0.8)])
def test_a_gray_picture_grows_brighter_towards_the_light(light):
    """The slope of the plane fitted to the mean of 40 pictures, against the direction."""
    mean = np.mean([picture(light, seed).mean(-1) for seed in range(40)], axis=0)
    y, x = (np.mgrid[:48, :48] + 0.5) / 48 - 0.5
    design = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    slope = np.linalg.lstsq(design, mean.ravel(), rcond=None)[0][:2]
    assert slope / np.hypot(*slope) @ light > 0.95
    assert 0.1 < np.hypot(*slope) / mean.mean() < 0.3  # 0.2 in the mean


def test_light_and_grain_come_from_streams_of_their_own():
    one, same = picture((0.0, -1.0), 3), picture((0.0, -1.0), 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, same)
    assert not np.array_equal(one, picture((0.0, -1.0), 4))
    grainy = picture((0.0, -1.0), 3, grain=1)
    assert not np.array_equal(one, grainy)
    assert np.abs(one.astype(int) - grainy).mean() < 5


def test_what_is_too_bright_is_white_and_black_stays_dark():
    bright = [picture((0.0, -1.0), seed, color=2 * GRAY) for seed in range(20)]
    assert max(image.max() for image in bright) == 255
    assert picture((0.0, -1.0), 0, color=0 * GRAY).max() < 20
