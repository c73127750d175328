"""Tables: which column is which, run lengths from 1, and boxes."""

import numpy as np
import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import from_1, table_of_boxes, table_of_flags, table_of_labels, table_of_runs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from campare.data.formats import tables
from campare.data.formats.items import Finder
from campare.data.shapes import fill
from campare.errors import DataError

FINDER = Finder(["1.png", "2.png", "3.png", "4.png"])
MASKS = arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 7))).filter(np.any)


@pytest.mark.parametrize(("writer", "boxes"), [(table_of_runs, False), (table_of_boxes, True)])
def test_shapes_are_the_things_that_were_drawn(writer, boxes, tmp_path):
    drawn, found = read_with(tables.read, writer, tmp_path)
    assert_shapes_are_the_things(drawn, found, boxes=boxes)


@pytest.mark.parametrize("writer", [table_of_labels, table_of_flags])
def test_labels_alone_are_those_of_the_images(writer, tmp_path):
    drawn, found = read_with(tables.read, writer, tmp_path)
    assert sorted(item.labels for item in found.items) == sorted((one.label,) for one in drawn)


@pytest.mark.parametrize(("order", "letter"), [("columns", "F"), ("rows", "C")])
@given(mask=MASKS)
def test_run_lengths_are_read_as_they_were_written(order, letter, mask):
    text = from_1(mask, letter)
    found = tables.runs_from_1(text, mask.shape, "t.csv line 2", order)
    np.testing.assert_array_equal(fill(found, mask.shape), mask)


@pytest.mark.parametrize("text", ["1", "1 2 3", "0 1", "1 99", "1 3 2 2", "a b", "-1 1"])
def test_runs_that_are_none_are_refused(text):
    with pytest.raises(DataError, match=r"4 x 3 pixels in t\.csv line 2, got .* Try the images"):
        tables.runs_from_1(text, (3, 4), "t.csv line 2")


@pytest.mark.parametrize(
    ("header", "cells", "found"),
    [
        ("File Name,Diagnosis", "{}.png,ill", {"image": "File Name", "label": "Diagnosis"}),
        ("id,patient_id,y", "{},p{},1", {"image": "id", "group": "patient_id", "label": "y"}),
        ("a,b", "{}.png,1 2 5 1", {"image": "a", "mask": "b"}),
        ("img;Class;Set", "{};cat;train", {"image": "img", "label": "Class", "split": "Set"}),
        ("path,label,xmin,ymin,xmax,ymax", "{}.png,cat,0,0,1,1",
         {"image": "path", "label": "label", "box": ("xmin", "ymin", "xmax", "ymax")}),
        ("path,label,bbox", '{}.png,cat,"[0, 0, 1, 1]"',
         {"image": "path", "label": "label", "box": ("bbox",)}),
        ("path,old,young", "{}.png,0,1", {"image": "path", "flags": ("old", "young")}),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names_and_values(header, cells, found):
    text = "\n".join([header, *(cells.replace("{}", str(i)) for i in range(1, 5))])
    said = {"label": "b"} if "mask" in found else {}  # masks alone are of no class
    columns = tables.find_columns(tables.rows_of(text, "t.csv"), FINDER, "t.csv", said)
    for what, name in found.items():
        assert getattr(columns, what) == name
    assert columns.group == found.get("group")


def test_a_column_that_is_not_there_is_refused_with_one_that_is():
    rows = tables.rows_of("id,label\n1,cat", "t.csv")
    for chosen in ({"label": "class"}, {"colour": "label"}):
        with pytest.raises(DataError, match=r"t\.csv \(id, label\).* Try --columns image=id"):
            tables.find_columns(rows, FINDER, "t.csv", chosen)
    assert tables.find_columns([], FINDER, "t.csv", {}) is None
    assert tables.find_columns([{"x": "nowhere"}], FINDER, "t.csv", {}) is None
