"""Tables: which column is which, run lengths from 1, and boxes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import (
    from_1,
    save,
    scenes,
    table_of_boxes,
    table_of_flags,
    table_of_labels,
    table_of_runs,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from campare.data.formats import tables
from campare.data.formats.items import Files, Finder, Reading
from campare.data.shapes import Box, fill
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


def boxes_of(root, header, line, parted=","):
    """What is read of a table of one box for each scene; `line` has the words of its numbers."""
    drawn = [replace(s, things=s.things[:1]) for s in scenes(6)]
    rows = [header]
    for scene in drawn:
        scene.save(root / scene.label / scene.file)
        (x0, y0, x1, y1), (H, W) = scene.things[0].box, scene.size
        words = {"image": scene.file, "x0": x0, "y0": y0, "x1": x1, "y1": y1, "w": x1 - x0,
                 "h": y1 - y0, "cx": (x0 + x1) / 2, "cy": (y0 + y1) / 2}  # fmt: skip
        across = {name: words[name] / W for name in ("x0", "x1", "w", "cx")}
        down = {name: words[name] / H for name in ("y0", "y1", "h", "cy")}
        shares = {f"s{name}": share for name, share in (across | down).items()}
        rows.append(line.format(**words, **shares))
    name = "boxes.tsv" if parted == "\t" else "boxes.csv"
    (root / name).write_text("\n".join(rows).replace(",", parted).replace("|", ","), "utf-8")
    return drawn, tables.read(Files.below(root), Reading())


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("image,left,top,width,height", "{image},{x0},{y0},{w},{h}"),
        ("image,left,top,right,bottom", "{image},{x0},{y0},{x1},{y1}"),
        ("image,bbox_x,bbox_y,bbox_width,bbox_height", "{image},{x0},{y0},{w},{h}"),
        ("image,XMin,XMax,YMin,YMax", "{image},{sx0},{sx1},{sy0},{sy1}"),
        ("image,x_min,y_min,x_max,y_max", "{image},{x0},{y0},{x1},{y1}"),
        ("image,x_center,y_center,width,height", "{image},{scx},{scy},{sw},{sh}"),
        ("image,cx,cy,w,h", "{image},{cx},{cy},{w},{h}"),
        ("image,left,top,width,height", "{image},{sx0},{sy0},{sw},{sh}"),
        ("image,bbox", '{image},"[{x0}|{y0}|{w}|{h}]"'),
    ],
)
@pytest.mark.parametrize("parted", [",", ";", "\t"])
def test_boxes_by_the_names_of_their_columns_and_by_their_values(header, line, parted, tmp_path):
    drawn, found = boxes_of(tmp_path, header, line, parted)
    for scene in drawn:
        (item,) = [item for item in found.items if scene.name in item.name]
        (one,) = item.annotations
        np.testing.assert_array_equal(fill(one.shape, scene.size), scene.boxes)


@pytest.mark.parametrize(
    ("box", "expected", "said"),
    [
        ((12, 11, 18, 19), Box(12, 11, 18, 19), "edges"),  # sides would leave the image
        ((12, 11, 4, 5), Box(12, 11, 16, 16), None),  # no edges: 4 is left of 12
        ((2, 3, 9, 8), Box(2, 3, 11, 11), "x, y, width, height; as edges they would fit, too"),
    ],
)
def test_a_list_of_four_numbers_is_what_fits_and_said_where_both_do(box, expected, said, tmp_path):
    save(np.zeros((20, 20, 3), np.uint8), tmp_path / "cat/1.png")
    (tmp_path / "a.csv").write_text(f'image,bbox\n1.png,"{list(box)}"\n', "utf-8")
    found = tables.read(Files.below(tmp_path), Reading())
    assert [one.shape for one in found.items[0].annotations] == [expected]
    notes = (f"The boxes in column bbox of a.csv are read as {said}",) if said else ()
    assert found.notes == notes


def test_shares_by_a_corner_or_the_middle_are_refused_and_the_advice_works(tmp_path):
    line = "{image},{sx0},{sy0},{sw},{sh}"
    with pytest.raises(
        DataError, match=r"within 0\.\.1, whose x may be .* Try columns (\S+) or"
    ) as e:
        boxes_of(tmp_path, "image,x,y,width,height", line)
    header = re.search(r"Try columns (\S+) or", str(e.value))[1]
    drawn, found = boxes_of(tmp_path, f"image,{header}", line)
    assert len(found.items) == len(drawn)


def test_columns_of_numbers_that_are_not_read_are_said(tmp_path):
    _, found = boxes_of(tmp_path, "image,row0,col0,row1,col1,label",
                        "{image},{y0},{x0},{y1},{x1},thing")  # fmt: skip
    assert found.notes == ("Columns of boxes.csv that are not read: row0, col0, row1, col1",)
    assert not any(item.annotations for item in found.items)


@pytest.mark.parametrize("header", ["image,x,y,width,height", "image,bbox"])
def test_an_image_of_several_boxes_is_opened_once(tmp_path, monkeypatch, header):
    opened = []

    def size(path, **_):
        opened.append(path.name)
        return 20, 20

    monkeypatch.setattr(tables, "read_size", size)
    for name in ("1.png", "2.png"):
        (tmp_path / name).touch()
    box = "2,3,4,5" if header.endswith("height") else '"[2,3,4,5]"'
    lines = [header, *(f"{name},{box}" for name in ("1.png", "2.png", "1.png", "2.png"))]
    (tmp_path / "boxes.csv").write_text("\n".join(lines), "utf-8")
    read = tables.read(Files.below(tmp_path), Reading())
    assert [len(item.annotations) for item in read.items] == [2, 2]
    assert opened == ["1.png", "2.png"]


@pytest.mark.parametrize(
    "text",
    [
        f"1 {10**30}", f"{10**30} 1", f"1 {2**63 - 1}", "1 -1", f"2 3 10 {2**63 - 1}",
        f"{-(2**63)} 1", f"{2**62} {2**62} 1 2",
    ],
)  # fmt: skip
def test_runs_beyond_any_image_are_refused(text):
    with pytest.raises(DataError, match=r"^Expected run lengths 'start length"):
        tables.runs_from_1(text, (8, 12), "a.csv line 2")


def test_run_lengths_of_a_large_mask_fit_into_a_cell():
    text = " ".join(f"{start} 1" for start in range(1, 100_000, 2))
    rows = tables.rows_of(f"id,rle\n1.png,{text}\n", "a.csv")
    assert rows == [{"id": "1.png", "rle": text}]


def test_a_table_without_names_of_columns_names_no_images():
    rows = tables.rows_of(",,\n1.png,2,3\n", "a.csv")
    assert tables.find_columns(rows, FINDER, "a.csv", {}) is None
