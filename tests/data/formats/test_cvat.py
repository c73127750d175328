"""CVAT: the shapes beside boxes and polygons, each with its area."""

from math import pi
from pathlib import Path

import numpy as np
import pytest
from foreign import save, write

from campare.data import ImageSet

pytest.importorskip("datumaro")


def export(root: Path, shapes: dict[str, str]) -> None:
    """An image of 160 x 120 pixels for each shape, and two of class b."""
    entries = {**shapes, "b1": BOX.replace('"a"', '"b"'), "b2": BOX.replace('"a"', '"b"')}
    images = "".join(
        f'<image id="{index}" name="{name}.png" width="160" height="120">{shape}</image>'
        for index, (name, shape) in enumerate(entries.items())
    )
    labels = "".join(f"<label><name>{name}</name><attributes/></label>" for name in "ab")
    meta = f"<meta><task><size>{len(entries)}</size><labels>{labels}</labels></task></meta>"
    write(
        root / "annotations.xml", f"<annotations><version>1.1</version>{meta}{images}</annotations>"
    )
    for name in entries:
        save(np.full((120, 160, 3), len(name), np.uint8), root / "images" / f"{name}.png")


BOX = '<box label="a" occluded="0" xtl="10" ytl="20" xbr="50" ybr="40" z_order="0"/>'
SHAPES = {
    "turned": BOX.replace("<box", '<box rotation="30"'),
    "ellipse": '<ellipse label="a" occluded="0" cx="70" cy="60" rx="50" '
    'ry="20" rotation="45" z_order="0"/>',
    "mask": '<mask label="a" occluded="0" rle="2, 3, 1, 4" left="30" '
    'top="10" width="5" height="2" z_order="0"/>',
}
AREAS = {"turned": 800, "ellipse": pi * 50 * 20, "mask": 7}


def test_areas_of_turned_boxes_ellipses_and_masks(tmp_path: Path):
    export(tmp_path, SHAPES)
    images = ImageSet.from_dataset(tmp_path)
    found = {Path(s.image).stem: images.read(s).regions["object"] for s in images.samples}
    for name, area in AREAS.items():
        assert found[name].sum() == pytest.approx(area, rel=0.01)
    assert np.argwhere(found["mask"]).tolist() == [
        [10, 32], [10, 33], [10, 34], [11, 31], [11, 32], [11, 33], [11, 34],
    ]  # fmt: skip
    y, x = np.argwhere(found["turned"]).mean(0) + 0.5
    assert (x, y) == pytest.approx((30, 30), abs=0.3)  # a box turns around its middle
    assert found["ellipse"][90, 100]  # turned clockwise, from the upper left to the lower right
    assert not found["ellipse"][30, 100]


def test_shapes_without_an_area_are_counted_and_tags_are_labels(tmp_path: Path):
    skeleton = '<skeleton label="a" z_order="0"><points label="a" points="1,1"/></skeleton>'
    line = '<polyline label="a" occluded="0" points="1,1;5,5" z_order="0"/>'
    export(
        tmp_path, {"skeleton": BOX + skeleton, "line": line, "tag": '<tag label="a"/>', "none": ""}
    )
    images = ImageSet.from_dataset(tmp_path)
    said = images.inventory.lines([])
    assert any(x.startswith("Not imported, 1 annotation skeleton, no area") for x in said)
    assert any(x.startswith("Not imported, 1 annotation polyline, no area") for x in said)
    assert "Not imported, 2 images without a label: images/line.png, images/none.png" in said
    (tagged,) = [s for s in images.samples if "tag" in s.image]
    assert images.class_names[tagged.label] == "a"
    assert images.read(tagged).regions == {}
