"""YOLO's lines: boxes and polygons in shares of the image."""

import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import yolo_boxes, yolo_darknet, yolo_in_class_folders, yolo_polygons
from hypothesis import given
from hypothesis import strategies as st

from campare.data.formats import yolo
from campare.data.formats.items import Files
from campare.data.shapes import Box, Polygons, area_of
from campare.errors import DataError


@pytest.mark.parametrize(
    ("writer", "boxes"),
    [
        (yolo_boxes, True),
        (yolo_polygons, False),
        (yolo_darknet, True),
        (yolo_in_class_folders, False),
    ],
)
def test_shapes_are_the_things_that_were_drawn(writer, boxes, tmp_path):
    assert_shapes_are_the_things(*read_with(yolo.read, writer, tmp_path), boxes=boxes)


@given(x=st.floats(0.2, 0.8), y=st.floats(0.2, 0.8), w=st.floats(0.1, 0.4), h=st.floats(0.1, 0.4))
def test_a_box_and_the_polygon_of_its_corners_are_one_area(x, y, w, h):
    box = yolo.shape_of([x, y, w, h], (40, 80))
    left, right, top, bottom = x - w / 2, x + w / 2, y - h / 2, y + h / 2
    ring = yolo.shape_of([left, top, right, top, right, bottom, left, bottom], (40, 80))
    assert isinstance(box, Box)
    assert isinstance(ring, Polygons)
    assert area_of(box) == pytest.approx(w * 80 * h * 40)
    assert area_of(ring) == pytest.approx(area_of(box))


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([0.5] * 3, "3 numbers"), ([0.5] * 5, "a prediction"), ([0.5] * 7, "7 numbers"),
     ([3.0, 0.5, 0.5, 0.5], r"beyond 0\.\.1"), ([], "0 numbers")],
)  # fmt: skip
def test_a_line_that_is_no_shape_says_why(numbers, text):
    with pytest.raises(ValueError, match=text):
        yolo.shape_of(numbers, (10, 10))


def test_names_are_one_list_wherever_they_stand(tmp_path):
    (tmp_path / "data.yaml").write_text("names: {0: cat, 1: dog}", "utf-8")
    (tmp_path / "classes.txt").write_text("cat\ndog\n", "utf-8")
    names, files = yolo.names_of(Files.below(tmp_path))
    assert names == {0: "cat", 1: "dog"}
    assert set(files) == {"data.yaml", "classes.txt"}
    (tmp_path / "other.names").write_text("dog\ncat\n", "utf-8")
    with pytest.raises(DataError, match=r"different ones in .*Try to remove the one"):
        yolo.names_of(Files.below(tmp_path))


@pytest.mark.parametrize("names", ["{cat: 0}", "{.inf: a}", "{1e999: a}"])
def test_names_by_something_else_than_numbers_are_refused(names, tmp_path):
    (tmp_path / "data.yaml").write_text(f"names: {names}")
    with pytest.raises(DataError, match=r"^Expected names of classes by their numbers in data\."):
        yolo.names_of(Files.below(tmp_path))


def test_names_that_older_yaml_reads_as_something_else_are_words(tmp_path):
    (tmp_path / "data.yaml").write_text("names: [no, 010, 2026-11-27, yes]")
    assert yolo.names_of(Files.below(tmp_path))[0] == {0: "no", 1: "010", 2: "2026-11-27", 3: "yes"}
