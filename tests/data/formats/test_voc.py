"""Pascal VOC: boxes, and masks by color, by labelmap.txt or by index."""

import numpy as np
import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import COLORS, NUMBERS, voc_boxes, voc_labelmap, voc_palette, voc_roboflow
from PIL import Image

from campare.data.formats import voc
from campare.data.formats.items import Files
from campare.errors import DataError


@pytest.mark.parametrize(
    ("writer", "boxes"),
    [(voc_boxes, True), (voc_roboflow, True), (voc_palette, False), (voc_labelmap, False)],
)
def test_shapes_are_the_things_that_were_drawn(writer, boxes, tmp_path):
    assert_shapes_are_the_things(*read_with(voc.read, writer, tmp_path), boxes=boxes)


def test_colors_are_those_of_the_palette_that_voc_publishes():
    """Its own loop shifts three bits of the index at a time; black, maroon, ... differ all."""
    found = [voc.voc_color(index) for index in range(256)]
    assert found[0] == (0, 0, 0)
    assert len(set(found)) == 256
    for name, number in NUMBERS.items():
        assert found[number] == COLORS[name]
    assert found[:7] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128),
                         (128, 0, 128), (0, 128, 128)]  # fmt: skip


def test_the_palette_is_that_of_the_labelmap_where_there_is_one(tmp_path):
    assert voc.palette(Files.below(tmp_path))[1] is None
    path = tmp_path / "labelmap.txt"
    path.write_text("# label:color_rgb:parts:actions\ncat:1,2,3::\ndog:4,5,6::\n", "utf-8")
    colors, source = voc.palette(Files.below(tmp_path))
    assert colors == {(1, 2, 3): "cat", (4, 5, 6): "dog"}
    assert source == "labelmap.txt"
    path.write_text("cat:red::\n", "utf-8")
    with pytest.raises(DataError, match=r"name:r,g,b.* got 'red'\. Try"):
        voc.palette(Files.below(tmp_path))


def test_grey_values_are_indices_and_too_large_ones_are_refused(tmp_path):
    for folder, values in (("JPEGImages", 9), ("SegmentationClass", NUMBERS["cat"])):
        (tmp_path / folder).mkdir()
        pixels = np.zeros((4, 6), np.uint8)
        pixels[1:3, 2:5] = values
        Image.fromarray(pixels).save(tmp_path / folder / "1.png")
    from campare.data.formats.items import Reading

    ((one,),) = (item.annotations for item in voc.read(Files.below(tmp_path), Reading()).items)
    assert (one.label, one.size) == ("cat", (4, 6))
    pixels[0, 0] = 77
    Image.fromarray(pixels).save(tmp_path / "SegmentationClass/1.png")
    with pytest.raises(DataError, match="indices of 21 classes"):
        voc.read(Files.below(tmp_path), Reading())
