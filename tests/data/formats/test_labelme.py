"""LabelMe's JSON: each kind of shape, flags, and what has no area."""

import json
from math import pi

import numpy as np
import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import labelme as write_labelme
from foreign import labelme_masks, save

from campare.data.formats import labelme
from campare.data.formats.items import Files, Reading
from campare.data.shapes import area_of
from campare.errors import DataError


@pytest.mark.parametrize("writer", [write_labelme, labelme_masks])
def test_shapes_are_the_things_that_were_drawn(writer, tmp_path):
    assert_shapes_are_the_things(*read_with(labelme.read, writer, tmp_path))


def written(root, *shapes, **more):
    save(np.zeros((30, 40, 3), np.uint8), root / "1.png")
    data = {"imagePath": "1.png", "imageHeight": 30, "imageWidth": 40, "shapes": list(shapes)}
    (root / "1.json").write_text(json.dumps(data | more), "utf-8")
    return labelme.read(Files.below(root), Reading())


def test_circles_rectangles_flags_and_points(tmp_path):
    circle = {"label": "cat", "shape_type": "circle", "points": [[20, 15], [23, 19]]}
    corner = {"label": "dog", "shape_type": "rectangle", "points": [[9, 8], [1, 2]]}
    point = {"label": "eye", "shape_type": "point", "points": [[3, 3]]}
    found = written(tmp_path, circle, corner, point, flags={"blurred": True, "night": False})
    (item,) = found.items
    areas = [area_of(one.shape) for one in item.annotations]
    assert areas == pytest.approx([pi * 25, 8 * 6], rel=1e-3)
    assert item.labels == ("blurred",)
    assert dict(found.left_out.annotations) == {"point, no area": ["1.json shapes[2]"]}


@pytest.mark.parametrize(
    "shape", [{"shape_type": "cube", "points": [[0, 0], [1, 1]]}, {"points": [[0]]}, {"points": 3}]
)
def test_what_is_no_shape_is_refused_with_its_place(shape, tmp_path):
    with pytest.raises(DataError, match=r"in 1\.json shapes\[0\].*Try to"):
        written(tmp_path, shape)


@pytest.mark.parametrize("mask", ["", "AAAA", "iVBORw0KGgoAAAANSUhEUg==", 7, None])
def test_a_mask_that_cannot_be_read_is_one_line(mask, tmp_path):
    shape = {"shape_type": "mask", "points": [[0, 0], [1, 1]], "mask": mask, "label": "cat"}
    save(np.zeros((8, 8, 3), np.uint8), tmp_path / "1.png")
    whole = {"imagePath": "1.png", "imageHeight": 8, "imageWidth": 8, "shapes": [shape]}
    (tmp_path / "1.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match=r"^Expected a shape of LabelMe in 1\.json shapes\[0\]"):
        labelme.read(Files.below(tmp_path), Reading())
