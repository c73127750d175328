"""COCO in any folder: shapes, and labels of annotations without one."""

import json

import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import coco_2017, coco_flat, coco_roboflow, save

from campare.data.formats import coco
from campare.data.formats.items import Files, Reading
from campare.errors import DataError


@pytest.mark.parametrize("writer", [coco_2017, coco_flat, coco_roboflow])
def test_shapes_are_the_things_that_were_drawn(writer, tmp_path):
    from foreign import LAYOUTS

    boxes = next(kind for each, kind in LAYOUTS.values() if each is writer) == "boxes"
    assert_shapes_are_the_things(*read_with(coco.read, writer, tmp_path), boxes=boxes)


def test_without_a_shape_a_category_is_a_label_and_the_rest_is_counted(tmp_path):
    import numpy as np

    save(np.zeros((4, 4, 3), np.uint8), tmp_path / "1.png")
    data = {
        "images": [{"id": 7, "file_name": "1.png"}, {"id": 8, "file_name": "gone.png"}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [
            {"image_id": 7, "category_id": 3},
            {"image_id": 7, "category_id": 9},
            {"image_id": 8, "category_id": 3, "bbox": [0, 0, 1, 1]},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(data), "utf-8")
    found = coco.read(Files.below(tmp_path), Reading())
    assert [(item.name, item.labels) for item in found.items] == [("1.png", ("cat",))]
    assert dict(found.left_out.annotations) == {
        "without a shape or a category": ["a.json annotations[1]"],
        "of an image that is not there": ["a.json annotations[2]"],
    }
    assert dict(found.left_out.images) == {"named in annotations, not there": ["gone.png"]}


def test_broken_json_is_named_and_other_json_is_none_of_cocos(tmp_path):
    (tmp_path / "a.json").write_text("{", "utf-8")
    with pytest.raises(DataError, match=r"Expected JSON in .*a\.json, got: .* Try to export"):
        coco.parsed(Files.below(tmp_path), "a.json")
    assert coco.is_coco({"images": [{"id": 1, "file_name": "1.png"}], "annotations": []})
    for other in ({"images": [{"id": 1}], "annotations": []}, {"images": {}}, [], None):
        assert not coco.is_coco(other)
