"""boxes.csv, COCO and Pascal VOC: what each means in pixels, and what it says when malformed."""

import json

import numpy as np
import pytest

from campare.data.annotations import (
    Annotation,
    object_mask,
    read_boxes_csv,
    read_coco,
    read_voc,
    size_of,
)
from campare.data.decode import Decoded
from campare.data.shapes import Box, Polygons, Rle
from campare.errors import DataError


def coco(instance: dict, **image) -> bytes:
    listed = {"id": 3, "file_name": "cat/1.png", **image}
    categories = [{"id": 1, "name": "cat"}]
    return json.dumps(
        {"images": [listed], "annotations": [instance], "categories": categories}
    ).encode()


def voc(box: str = "", extra: str = "") -> bytes:
    return f"<annotation>{extra}<object><name>cat</name>{box}</object></annotation>".encode()


VOC_BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"


def test_csv_rows_in_any_column_order_with_a_byte_order_mark():
    text = "\ufeffxmin, ymin,xmax,ymax,label,image\r\n1,2.5,3,4,,a.png\r\n0,0,1,1,cat,a.png\r\n"
    first, second = read_boxes_csv(text.encode())
    assert first.shape == Box(1.0, 2.5, 3.0, 4.0)
    assert first.images == ("a.png",)
    assert first.label is None
    assert second.label == "cat"
    assert second.where == "boxes.csv line 3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "image,x,y\n",
            "Expected the columns image,xmin,ymin,xmax,ymax in boxes.csv, got no xmin, ymin, xmax, "
            "ymax. Try that header as the first line.",
        ),
        ("", "got no image, xmin, ymin, xmax, ymax"),
        (
            "image,xmin,ymin,xmax,ymax\na.png,1,2,wide,4\n",
            "Expected a number for xmax in boxes.csv line 2, got 'wide'. Try to correct it.",
        ),
        ("image,xmin,ymin,xmax,ymax\na.png,1,2\n", "xmax in boxes.csv line 2, got nothing"),
        ("image,xmin,ymin,xmax,ymax\n,1,2,3,4\n", "the name of an image in boxes.csv line 2"),
        ('image,xmin,ymin,xmax,ymax\n"a.png,1,2,3,4\n', "Expected CSV in boxes.csv, got: unexp"),
    ],
)
def test_malformed_csv(text, message):
    with pytest.raises(DataError) as caught:
        read_boxes_csv(text.encode())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("parted", [";", "\t"])
def test_csv_by_other_signs_is_the_same(parted):
    text = "image,xmin,ymin,xmax,ymax,label\ncat/1.png,0,0,4,2.5,cat\n"
    assert read_boxes_csv(text.replace(",", parted).encode()) == read_boxes_csv(text.encode())


def test_csv_that_is_no_text():
    with pytest.raises(DataError, match=r"Expected UTF-8 in boxes\.csv"):
        read_boxes_csv(b"image\xff\xfe")


def test_coco_prefers_the_outline_to_the_box():
    box = {"image_id": 3, "bbox": [1, 2, 3, 4], "category_id": 1}
    (found,) = read_coco(coco(box, height=9, width=8))
    assert found == Annotation(
        ("cat/1.png",), Box(1.0, 2.0, 4.0, 6.0), "instances.json annotations[0]", "cat", (9, 8)
    )
    (found,) = read_coco(coco({**box, "segmentation": [[0, 0, 4, 0, 4, 4]]}))
    assert found.shape == Polygons((((0.0, 0.0), (4.0, 0.0), (4.0, 4.0)),))
    assert found.size is None
    (found,) = read_coco(coco({**box, "segmentation": {"size": [2, 3], "counts": [1, 2, 3]}}))
    assert found.shape == Rle((2, 3), (1, 2, 3))
    (found,) = read_coco(coco({**box, "segmentation": {"size": [5, 7], "counts": ";32NO0129"}}))
    assert sum(found.shape.runs) == 35
    (found,) = read_coco(coco({**box, "segmentation": []}))
    assert isinstance(found.shape, Box)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Expected JSON in instances.json, got: Expecting property name"),
        (b"[]", "Expected COCO's lists images and annotations in instances.json, got"),
        (b'{"images": []}', "got no 'annotations'"),
        (
            coco({"image_id": 9, "bbox": [1, 2, 3, 4]}),
            "Expected the image_id of a listed image and a bbox or segmentation in "
            "instances.json annotations[0], got no 9.",
        ),
        (coco({"image_id": 3}), "annotations[0], got no 'bbox'"),
        (coco({"image_id": 3, "bbox": [1, 2, 3]}), "annotations[0], got a bbox of 3 numbers"),
        (coco({"image_id": 3, "segmentation": [[1, 2, 3]]}), "got a polygon of 3 numbers"),
        (coco({"image_id": 3, "segmentation": {"size": [1, 1], "counts": "P"}}), "end within"),
    ],
)
def test_malformed_coco(content, message):
    with pytest.raises(DataError) as caught:
        read_coco(content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_voc_counts_from_one_and_includes_both_ends():
    extra = "<filename>x.jpg</filename><size><width>8</width><height>9</height></size>"
    (found,) = read_voc(voc(VOC_BOX, extra), "annotations/train/cat/1.xml")
    assert found.shape == Box(0.0, 1.0, 3.0, 4.0)  # 3 columns, 3 rows
    assert found.images == ("train/cat/1", "x.jpg")
    assert found.label == "cat"
    assert found.size == (9, 8)
    assert object_mask([found], "i", decoded(9, 8)).sum() == 9


def test_voc_without_a_size_or_with_zeros():
    zeros = "<size><width>0</width><height>0</height></size>"
    assert read_voc(voc(VOC_BOX, zeros), "annotations/1.xml")[0].size is None
    assert read_voc(voc(VOC_BOX), "annotations/1.xml")[0].images == ("1",)
    assert read_voc(b"<annotation/>", "annotations/1.xml") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<annotation>", "Expected Pascal VOC's XML in annotations/1.xml, got: no element"),
        (voc(), "Expected a number for xmin in annotations/1.xml object 1, got nothing"),
        (voc(VOC_BOX.replace(">3<", ">x<")), "Expected a number for xmax in annotations/1.xml"),
        (voc(VOC_BOX, "<size><width>x</width><height>1</height></size>"), "Pascal VOC's XML"),
    ],
)
def test_malformed_voc(content, message):
    with pytest.raises(DataError) as caught:
        read_voc(content, "annotations/1.xml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def decoded(height: int, width: int, orientation: int = 1) -> Decoded:
    shown = (width, height) if orientation >= 5 else (height, width)
    return Decoded(np.zeros((*shown, 3), np.uint8), orientation)


def test_several_shapes_are_united():
    boxes = [Annotation((), Box(0, 0, 2, 2), "a"), Annotation((), Box(1, 1, 3, 3), "b")]
    assert object_mask(boxes, "i", decoded(4, 4)).sum() == 7


def test_shapes_are_in_the_stored_grid_and_turned_with_it():
    corner = Annotation((), Box(0, 0, 1, 1), "a")
    assert np.argwhere(object_mask([corner], "i", decoded(2, 3, 6))).tolist() == [[0, 1]]
    assert np.argwhere(object_mask([corner], "i", decoded(2, 3, 3))).tolist() == [[1, 2]]


def test_shapes_that_state_the_displayed_size_are_not_turned():
    corner = Annotation((), Box(0, 0, 1, 1), "a", size=(3, 2))
    assert np.argwhere(object_mask([corner], "i", decoded(2, 3, 6))).tolist() == [[0, 0]]


def test_a_shape_outside_names_row_and_image():
    outside = Annotation((), Box(0, 0, 9, 1), "boxes.csv line 7")
    with pytest.raises(DataError) as caught:
        object_mask([outside], "cat/1.png", decoded(4, 5))
    assert str(caught.value) == (
        "Expected a shape inside image cat/1.png of 5 x 4 pixels in boxes.csv line 7, got a box "
        "with x from 0 to 9 and y from 0 to 1, outside the image of 5 x 4 pixels. Try to correct "
        "it; coordinates are pixels of the stored image."
    )


def test_a_shape_for_another_size_is_refused():
    other = Annotation((), Box(0, 0, 1, 1), "1.xml object 1", size=(40, 50))
    with pytest.raises(DataError) as caught:
        object_mask([other], "cat/1.png", decoded(4, 5))
    assert str(caught.value) == (
        "Expected 1.xml object 1 to be made for image cat/1.png of 5 x 4 pixels, got one made for "
        "50 x 40 pixels. Try the images at the size that was annotated."
    )


def test_a_cell_without_a_column_is_no_word():
    """The first row has more cells than the header, the others have not."""
    rows = b"image,xmin,ymin,xmax,ymax\na.png,0,0,1,1,2\nb.png,0,0,1,1\n"
    assert len(read_boxes_csv(rows)) == 2


@pytest.mark.parametrize(
    "instance",
    [{"bbox": [0, 0, 10**18, 1]}, {"bbox": [0, 0, True, None]}, {"segmentation": [[1e308] * 6]},
     {"segmentation": {"size": [1e300, 2], "counts": []}}, {"bbox": {"a": 1}},
     {"segmentation": {"size": [2, 2], "counts": {"a": 1}}}, {"segmentation": "x"}],
)  # fmt: skip
def test_shapes_of_odd_values_are_refused_or_fill_nothing_outside(instance):
    image = Decoded(np.zeros((8, 12, 3), np.uint8), 1)
    with pytest.raises(DataError, match=r"^Expected .*, got .*\. Try"):
        object_mask(read_coco(coco({"image_id": 3, **instance})), "cat/1.png", image)


@pytest.mark.parametrize("size", [(10**6, 10**6), ("x", 3), ([1], 2), (1e300, 2)])
def test_a_size_that_no_image_has(size):
    with pytest.raises(ValueError, match=r"pixels|size|invalid"):
        size_of(*size)
