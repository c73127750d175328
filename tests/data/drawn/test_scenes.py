from colorsys import rgb_to_hsv

import numpy as np
import pytest

from campare.data.drawn.canvas import BACKGROUND, Canvas
from campare.data.drawn.scenes import near, scene, tint


def painted(seed, side=48):
    canvas = Canvas(side, (0.0, -1.0))
    horizon = scene(canvas, np.random.default_rng(seed))
    return np.asarray(canvas.paint), np.asarray(canvas.labels), horizon


def test_a_tint_keeps_its_bounds():
    for seed in range(100):
        color = tint(np.random.default_rng(seed), 0.4, 0.8, (0.2, 0.5))
        hue, gray, value = rgb_to_hsv(*np.array(color) / 255)
        assert 0.4 - 0.01 <= value <= 0.8
        assert 0.0 < gray < 0.5
        assert hue == pytest.approx(0.35, abs=0.2)  # of whole numbers: a gray hue is not exact


def test_near_makes_all_channels_lighter_or_darker_by_one_share():
    for seed in range(50):
        changed = np.array(near(np.random.default_rng(seed), (200, 100, 50), 0.2))
        shares = (changed + 0.5) / (200, 100, 50)
        assert np.ptp(shares) < 0.03
        assert 0.78 < shares[0] < 1.22
    assert max(near(np.random.default_rng(s), (250, 250, 250), 0.5)[0] for s in range(9)) == 255


def test_a_scene_fills_the_picture_and_is_background():
    horizons = []
    for seed in range(60):
        paint, labels, horizon = painted(seed)
        assert (paint.max(-1) > 0).all()  # a canvas is black at first
        assert (labels == BACKGROUND).all()
        assert horizon in (0.0, 1.0) or 0.3 <= horizon <= 0.68
        horizons.append(horizon)
    assert horizons.count(0.0) == pytest.approx(60 * 0.2, abs=9)  # three standard errors
    assert horizons.count(1.0) == pytest.approx(60 * 0.12, abs=8)


def test_one_seed_is_one_scene_and_another_seed_another():
    scenes = [painted(seed)[0].tobytes() for seed in (*range(20), 0)]
    assert scenes[0] == scenes[-1]
    assert len(set(scenes)) == 20
