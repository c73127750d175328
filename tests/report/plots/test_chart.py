"""Marks of a chart: their paths lead through the points that they have."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.report.plots.chart import Curve, Panel, Row

PERCENT = st.integers(0, 10000).map(lambda i: i / 100)
PIECES = st.lists(
    st.lists(st.tuples(PERCENT, PERCENT), min_size=1, max_size=5).map(tuple), max_size=3
).map(tuple)


def read(path):
    """The pieces of an SVG path of M and L, by a parser of its own."""
    return tuple(
        tuple(tuple(map(float, point.split())) for point in piece.split("L"))
        for piece in re.findall(r"M([^MZ]+)", path)
    )


@given(pieces=PIECES)
def test_a_path_leads_through_the_points_of_each_piece(pieces):
    curve = Curve(0, "main", pieces)
    assert read(curve.path) == pieces
    assert curve.around == ""


@given(band=st.lists(st.tuples(PERCENT, PERCENT), min_size=3, max_size=6).map(tuple))
def test_a_band_is_one_closed_path(band):
    path = Curve(0, "quiet", (), band).around
    assert read(path) == (band,)
    assert path.endswith("Z")
    assert path.count("M") == path.count("Z") == 1


@pytest.mark.parametrize(("labels", "room", "wide"), [
    (["A vs B"], 12, False), (["A vs B", "a long name vs B"], 12, True), (["A vs B"], 5, True),
    ([], 12, False), (["x" * 12], 12, False),
])  # fmt: skip
def test_a_panel_is_wide_where_a_label_needs_more_room(labels, room, wide):
    rows = tuple(Row(label, "+0.1", "") for label in labels)
    assert Panel("title", (), rows, room=room).wide is wide
