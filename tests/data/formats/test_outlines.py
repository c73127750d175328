"""Ellipses and turned boxes as polygons, against their areas and corners."""

from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.data.formats.outlines import ellipse, turned_box
from campare.data.shapes import Box, area_of

TURNS = st.floats(-360, 360)


@given(x=st.floats(0, 50), y=st.floats(0, 50), a=st.floats(1, 20), b=st.floats(1, 20), turn=TURNS)
def test_an_ellipse_has_its_area_and_center_however_it_is_turned(x, y, a, b, turn):
    shape = ellipse(x, y, a, b, turn)
    assert area_of(shape) == pytest.approx(pi * a * b, rel=2e-4)
    (ring,) = shape.rings
    assert np.mean(ring, axis=0) == pytest.approx((x, y), abs=1e-6)


@given(w=st.floats(1, 20), h=st.floats(1, 20), turn=st.floats(1, 359))
def test_a_turned_box_keeps_its_area_and_the_corner_it_turns_around(w, h, turn):
    shape = turned_box(3, 4, w, h, turn)
    (ring,) = shape.rings
    assert area_of(shape) == pytest.approx(w * h)
    assert ring[0] == pytest.approx((3, 4))
    along = complex(*np.subtract(ring[1], ring[0]))
    assert along == pytest.approx(w * np.exp(1j * np.radians(turn)))  # y down: clockwise


def test_a_whole_turn_is_none():
    for turn in (0, 360, -720):
        assert turned_box(1, 2, 3, 4, turn) == Box(1, 2, 4, 6)
