import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.data.drawn.geometry import (
    Frame,
    area,
    box,
    curve,
    ellipse,
    expand,
    flipped,
    limb,
    rounded,
    smooth,
    stroll,
)


def test_shapes_have_the_areas_of_their_formulas():
    assert _shoelace(ellipse(1, 2, 0.5, 0.25, 0.7, n=400)) == pytest.approx(np.pi / 8, rel=1e-3)
    straight = limb([(0, 0), (3, 0)], (1.0,), steps=30)
    assert _shoelace(straight) == pytest.approx(3 + np.pi / 4, rel=0.02)
    corners = [(np.cos(t), np.sin(t)) for t in np.arange(12) * np.pi / 6]
    assert _shoelace(smooth(corners)) == pytest.approx(np.pi, rel=0.01)
    assert 0.8 < _shoelace(rounded(box(0, 0, 1, 1))) < 1.0


@given(x=st.floats(-3, 3), y=st.floats(-3, 3), r=st.floats(0.5, 4), by=st.floats(0.0, 0.5))
def test_expanding_a_disc_either_way_round_gives_a_larger_disc(x, y, r, by):
    disc = ellipse(x, y, r, r, n=64)
    for shape in (disc, disc[::-1]):
        radii = np.hypot(*(expand(shape, by) - (x, y)).T)
        assert np.allclose(radii, r + by)


def test_area_is_signed_by_the_way_round():
    square = box(1, 2, 4, 4)
    assert area(square) == 6.0
    assert area(square[::-1]) == area(flipped(square)) == -6.0


def test_a_curve_passes_through_its_points():
    points = np.array([(0.0, 0.0), (1.0, 2.0), (3.0, 1.0), (4.0, 4.0)])
    assert np.allclose(curve(points, 5)[::5], points)
    assert np.allclose(smooth(points, 5)[::5], points)
    straight = curve([(0, 0), (1, 2), (2, 4)], 8)
    assert np.allclose(straight[:, 1], 2 * straight[:, 0])


def test_a_stroll_takes_equal_steps_and_turns_as_told():
    path = stroll((1, 2), 0.3, 2.0, [0.0, 0.5, -0.2, 0.1])
    steps = np.diff(path, axis=0)
    assert path[0].tolist() == [1, 2]
    assert np.allclose(np.hypot(*steps.T), 0.5)
    assert np.allclose(np.arctan2(steps[:, 1], steps[:, 0]), [0.3, 0.8, 0.6, 0.7])
    ring = stroll((0, 0), 0.0, 1.0, [2 * np.pi / 12] * 12)
    assert np.allclose(ring[-1], ring[0])


@given(
    x=st.floats(-2, 2), y=st.floats(-2, 2), scale=st.floats(0.1, 3), angle=st.floats(-3, 3),
    mirrored=st.booleans(),
)  # fmt: skip
def test_a_frame_inside_a_frame_scales_mirrors_turns_and_moves(x, y, scale, angle, mirrored):
    outer = Frame(np.diag([50.0, 50.0]), np.array([3.0, 4.0]))
    inner = outer.within((x, y), scale, angle, mirrored=mirrored)
    z = np.array([0.4, -0.7])
    turned = complex(-z[0] if mirrored else z[0], z[1]) * scale * np.exp(1j * angle) + x + 1j * y
    assert np.allclose(inner(z), (3 + 50 * turned.real, 4 + 50 * turned.imag))
    assert inner.scale == pytest.approx(50 * scale)


def _shoelace(points):
    x, y = points.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
