"""Label Studio's exports: brushes bit by bit, turned boxes, and the annotator who counts."""

import json

import numpy as np
import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import bits_of_brush, label_studio, label_studio_min, save
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from campare.data.formats import labelstudio
from campare.data.formats.items import Files, Reading


@pytest.mark.parametrize("writer", [label_studio, label_studio_min])
def test_shapes_are_the_things_that_were_drawn(writer, tmp_path):
    drawn, found = read_with(labelstudio.read, writer, tmp_path)
    assert_shapes_are_the_things(drawn, found, splits=False)


@given(mask=arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 9))))
def test_a_brush_is_read_as_it_was_written(mask):
    found = labelstudio.brush(bits_of_brush(mask), mask.shape)
    np.testing.assert_array_equal(found, mask)


def test_a_brush_that_ends_early_is_refused():
    bits = bits_of_brush(np.eye(4, dtype=bool))
    with pytest.raises((ValueError, IndexError)):
        labelstudio.brush(bits[: len(bits) // 2], (4, 4))


def test_the_first_annotation_that_was_not_canceled_counts(tmp_path):
    save(np.zeros((8, 8, 3), np.uint8), tmp_path / "ab.png")

    def said(label, **more):
        value = {"choices": [label]}
        return {"result": [{"type": "choices", "value": value}], **more}

    task = {
        "data": {"image": "/data/upload/1/0a1b2c3d-ab.png"},
        "annotations": [said("dog", was_cancelled=True), said("cat"), said("cow")],
    }
    (tmp_path / "export.json").write_text(json.dumps([task]), "utf-8")
    found = labelstudio.read(Files.below(tmp_path), Reading())
    assert [(item.name, item.labels) for item in found.items] == [("ab.png", ("cat",))]
    assert dict(found.left_out.annotations) == {
        "of a further annotator (1 results)": ["export.json[0]"]
    }


def test_other_lists_are_no_exports():
    for other in ([], {}, [3], [{"image": "1.png"}], None):
        assert not labelstudio.is_export(other)
