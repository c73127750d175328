import numpy as np
import pytest

from campare.data.drawn.canvas import (
    BACKGROUND,
    OBJECT,
    PART,
    Canvas,
    Pen,
    Skin,
    darker,
    spread,
)
from campare.data.drawn.geometry import box, ellipse


def test_the_mask_is_where_the_object_was_drawn():
    """Against supersampled coverage of a disc, computed from its equation."""
    canvas = Canvas(3 * 64, (0.0, -1.0))
    skins = {"coat": Skin.plain((200, 100, 50))}
    pen = Pen(canvas, canvas.frame, skins, outline=0.0)
    pen.fill(ellipse(0.4, 0.55, 0.3, 0.3, n=200))
    pen.telling.fill(ellipse(0.4, 0.55, 0.1, 0.1, n=200))
    _, inside, parts = canvas.picture(64)
    fine = (np.arange(64 * 8) + 0.5) / (64 * 8)
    distance = np.hypot(fine[None, :] - 0.4, fine[:, None] - 0.55)
    for mask, radius in ((inside, 0.3), (parts, 0.1)):
        covered = (distance < radius).reshape(64, 8, 64, 8).mean((1, 3))
        assert mask[covered > 0.75].all()
        assert not mask[covered < 0.05].any()


def test_what_is_drawn_in_front_is_not_object():
    canvas = Canvas(96, (0.0, -1.0))
    pen = Pen(canvas, canvas.frame, {"coat": Skin.plain((9, 99, 9))}, outline=0.0)
    pen.fill(box(0.25, 0.25, 0.75, 0.75))
    Pen(canvas, canvas.frame, pen.skins, BACKGROUND, 0.0).fill(box(0.5, 0, 1, 1))
    _, inside, parts = canvas.picture(32)
    assert inside[10:22, 10:15].all()
    assert not inside[:, 16:].any()
    assert not parts.any()


def test_areas_are_those_of_the_shapes():
    canvas = Canvas(1200, (0.0, -1.0))  # a polygon covers the pixels of its edge, too
    skin = Skin.plain((200, 100, 50))
    canvas.solid(canvas.frame(ellipse(0.3, 0.3, 0.2, 0.1, n=200)), skin, OBJECT)
    canvas.flat(canvas.frame(box(0.6, 0.6, 0.9, 0.8)), (1, 2, 3), PART)
    labels = np.asarray(canvas.labels)
    assert (labels == OBJECT).mean() == pytest.approx(np.pi * 0.2 * 0.1, rel=0.02)
    assert (labels == PART).mean() == pytest.approx(0.3 * 0.2, rel=0.02)
    assert (np.asarray(canvas.paint)[labels == PART] == (1, 2, 3)).all()


def test_a_ball_is_brightest_where_the_light_comes_from():
    angles = np.arange(8) * np.pi / 4
    for light in zip(np.cos(angles), np.sin(angles), strict=True):
        canvas = Canvas(96, light)
        canvas.solid(canvas.frame(ellipse(0.5, 0.5, 0.4, 0.4)), Skin.plain((200,) * 3), OBJECT)
        y, x = np.mgrid[:96, :96] / 96 - 0.5
        side = x * light[0] + y * light[1]
        bright = np.asarray(canvas.paint)[..., 0].astype(float)
        inside = np.asarray(canvas.labels) == OBJECT
        assert bright[inside & (side > 0.2)].mean() > bright[inside & (side < -0.2)].mean() + 10


def test_a_shadow_darkens_and_hides_nothing():
    canvas = Canvas(96, (0.0, -1.0))
    canvas.flat(canvas.frame(box(0, 0, 1, 1)), (240, 240, 240), OBJECT)
    canvas.shadow(canvas.frame(ellipse(0.5, 0.5, 0.3, 0.2)), 0.5)
    paint = np.asarray(canvas.paint)
    assert (np.asarray(canvas.labels) == OBJECT).all()
    assert (paint[48, 48] < 150).all()
    assert (paint[:10] == 240).all()


def test_shade_is_darker_and_lines_are_never_lost():
    for color in ((200, 100, 50), (0, 0, 0), (255, 255, 255)):
        assert all(dark <= light for dark, light in zip(darker(color, 0.6), color, strict=True))
    canvas = Canvas(300, (0.0, -1.0))
    pen = Pen(canvas, canvas.frame, {"dark": Skin.plain((1, 1, 1))})
    pen.within((0.5, 0.5), 0.01).line([(-30, 0), (30, 0)], 0.001)
    column = np.asarray(canvas.labels)[:, 150]
    assert (column > 0).sum() >= 2  # 0.7 % of 300 pixels


def test_spread_is_the_box_round_everything():
    low, high = spread([box(0, 1, 2, 3), box(-1, 2, 1, 2.5)])
    assert low.tolist() == [-1, 1]
    assert high.tolist() == [2, 3]
