import numpy as np
import pytest
from sketch import SIDE, assert_things_in_their_unit_box, asymmetry, sketch

from campare.data.drawn import nature as n

ALL = (
    n.tree, n.fir, n.flower, n.mushroom, n.cactus, n.apple, n.pear, n.banana, n.carrot, n.star,
    n.heart, n.moon, n.snowman,
)  # fmt: skip


def area(labels):
    """In local units; a pixel is (2 / SIDE) of one."""
    return (labels > 0).sum() * (2 / SIDE) ** 2


def test_everything_fills_the_unit_box_and_follows_its_seed():
    assert_things_in_their_unit_box(ALL, margin=0.1)


def test_signs_are_symmetric():
    for sign in (n.star, n.heart, n.fir):
        assert asymmetry(sketch(sign)[1]) < 0.01, sign.__name__


def test_a_star_has_the_area_of_its_ten_triangles_and_five_points():
    for seed in range(3):
        inner = np.random.default_rng(seed).uniform(0.2, 0.27)
        _, labels = sketch(n.star, seed)
        triangles = 5 * 0.5 * inner * np.sin(np.pi / 5)
        edge = np.sqrt(0.5**2 + inner**2 - 2 * 0.5 * inner * np.cos(np.pi / 5))
        outline = 10 * edge * 2 * 0.007
        assert area(labels) == pytest.approx(triangles + outline, rel=0.06)  # corners are cut
        turns = np.linspace(0, 2 * np.pi, 360, endpoint=False)
        x, y = (SIDE / 2 + 0.4 * SIDE / 2 * f(turns) for f in (np.cos, np.sin))
        around = labels[y.astype(int), x.astype(int)] > 0
        assert (around & ~np.roll(around, 1)).sum() == 5


def test_a_moon_is_a_crescent():
    _, labels = sketch(n.moon)
    middle = labels[SIDE // 2] > 0
    assert middle[: SIDE // 2].any()
    assert not middle[SIDE // 2 + SIDE // 8 :].any()
    assert area(labels) < np.pi * 0.5**2 / 1.3
