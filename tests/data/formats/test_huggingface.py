"""Hugging Face's metadata.jsonl: boxes, labels of images, and names of numbers."""

import json

import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import huggingface as written
from foreign import save, scenes, write

from campare.data.formats import huggingface
from campare.data.formats.items import Files, Reading
from campare.data.shapes import Box
from campare.errors import DataError


def test_boxes_are_those_of_the_things_that_were_drawn(tmp_path):
    assert_shapes_are_the_things(*read_with(huggingface.read, written, tmp_path), boxes=True)


def test_numbers_without_one_list_of_names_are_the_names(tmp_path):
    for text in ("# Pets", "---\n: [\n---\n", "---\na: {class_label: {names: [x]}}\n"
                 "b: {class_label: {names: [y]}}\n---\n"):  # fmt: skip
        written(tmp_path, scenes(1), text)
        found = huggingface.read(Files.below(tmp_path), Reading())
        assert {one.label for item in found.items for one in item.annotations} == {"0", "1"}
        assert "README.md" not in found.files


def read_line(tmp_path, line):
    import numpy as np

    save(np.zeros((8, 8, 3), np.uint8), tmp_path / "1.png")
    write(tmp_path / "metadata.jsonl", line if isinstance(line, str) else json.dumps(line))
    return huggingface.read(Files.below(tmp_path), Reading())


def test_objects_as_a_list_labels_of_the_image_and_images_that_are_not_there(tmp_path):
    objects = [{"bbox": [1, 2, 3, 4], "label": "eye"}, {"bbox": [0, 0, 1, 1]}]
    (item,) = read_line(tmp_path, {"file_name": "1.png", "label": 3, "objects": objects}).items
    assert item.labels == ("3",)
    assert [one.label for one in item.annotations] == ["eye", None]
    assert item.annotations[0].shape == Box(1.0, 2.0, 4.0, 6.0)
    found = read_line(tmp_path, {"file_name": "2.png"})
    assert dict(found.left_out.images) == {"named in annotations, not there": ["2.png"]}
    assert [item.name for item in found.items] == ["1.png"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "3",
        {"file_name": "1.png", "objects": {"bbox": [[1, 2, 3]]}},
        {"file_name": "1.png", "objects": {"bbox": [[1, 2, 3, 4]], "categories": []}},
        {"file_name": "1.png", "objects": [{"label": 1}]},
    ],
)
def test_a_line_that_is_none_is_refused_by_its_number(tmp_path, line):
    with pytest.raises(DataError, match=r"in metadata\.jsonl line 1, got:? .*\. Try to "):
        read_line(tmp_path, line)
