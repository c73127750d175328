"""Columns of a box, by their names."""

import pytest

from campare.data.columns import BOXES, box_columns, plain_name


@pytest.mark.parametrize("names", BOXES)
def test_a_box_is_found_however_its_columns_are_written_and_ordered(names):
    written = [f" {name[0].upper()}_{name[1:]} " for name in names]
    found = box_columns(["image", *reversed(written), "label"])
    assert found == tuple(written)
    assert tuple(map(plain_name, found)) in BOXES


def test_edges_are_before_sides_and_four_columns_before_a_list():
    """The numbers of a list, or of x and y, can mean several things."""
    edges, sides = ("xmin", "ymin", "xmax", "ymax"), ("x", "y", "width", "height")
    assert box_columns([*sides, *edges]) == edges
    assert box_columns([*sides, "x_center", "y_center"])[:2] == ("x_center", "y_center")
    assert box_columns(["bbox", *sides]) == sides


def test_three_columns_are_no_box_nor_is_the_size_of_an_image():
    assert box_columns(["xmin", "ymin", "xmax"]) == ()
    assert box_columns(["image", "width", "height", "label"]) == ()
