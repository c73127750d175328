"""One image of a folder with its masks: read as they are, checked once, refused in one line."""

import hashlib

import numpy as np
import pytest
from painting import paint, paint_mask
from PIL import Image

from campare.data.reader import FolderReader
from campare.data.samples import Sample
from campare.errors import DataError

CAT = Sample("cat/1.png", 0, "test")


@pytest.fixture
def root(tmp_path):
    """A painted image of 12 x 8 pixels with two masks, left and right."""
    paint(tmp_path / "cat/1.png")
    paint_mask(tmp_path / "masks/left.png", (1, 2, 4, 6))
    paint_mask(tmp_path / "masks/right.png", (8, 1, 11, 3))
    return tmp_path


def reader(root, *masks, region="object", **options):
    return FolderReader(root, {"cat/1.png": {region: masks}} if masks else {}, {}, **options)


def test_the_picture_is_the_file_and_its_masks_united(root):
    found = reader(root, "masks/left.png", "masks/right.png")(CAT)
    np.testing.assert_array_equal(found.image, np.asarray(Image.open(root / "cat/1.png")))
    expected = np.zeros((8, 12), bool)
    expected[2:6, 1:4] = True
    expected[1:3, 8:11] = True
    np.testing.assert_array_equal(found.regions["object"], expected)
    assert reader(root)(CAT).regions == {}


def test_a_check_knows_hashes_areas_and_the_value_inside(root):
    paths = ("masks/left.png", "masks/right.png")
    found = reader(root, *paths).check(CAT.image)
    assert found.hashes == {
        path: hashlib.sha256((root / path).read_bytes()).hexdigest() for path in (CAT.image, *paths)
    }
    assert found.areas == {"object": (3 * 4 + 3 * 2, 8 * 12)}
    assert found.levels == {"masks/left.png": 1}
    assert (found.reason, found.is_ambiguous) == ("", False)


def test_what_was_checked_is_not_read_again(root):
    one = reader(root, "masks/left.png")
    one.check(CAT.image)
    before = one(CAT)
    (root / CAT.image).unlink()
    np.testing.assert_array_equal(one(CAT).image, before.image)
    with pytest.raises(DataError, match=r"image cat/1\.png to be as it was .*, got No such file"):
        reader(root, "masks/left.png")(CAT)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "no image that Pillow can read"), (None, "No such file")]
)
def test_an_image_that_cannot_be_used_has_a_reason(root, content, reason):
    (root / CAT.image).unlink()
    if content is not None:
        (root / CAT.image).write_bytes(content)
    found = reader(root, "masks/left.png").check(CAT.image)
    assert found.reason.startswith(reason)
    assert found.areas == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_of_the_stored_size_is_turned_with_its_image(root, orientation):
    """Against Pillow's own way of turning a photo upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    paint(root / CAT.image, exif=exif)
    stored = Image.open(root / "masks/left.png")
    stored.getexif()[0x0112] = orientation
    turned = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
    }[orientation]  # fmt: skip
    expected = np.asarray(stored if turned is None else stored.transpose(turned)) > 0
    found = reader(root, "masks/left.png")(CAT)
    assert found.image.shape[:2] == expected.shape
    np.testing.assert_array_equal(found.regions["object"], expected)


def test_on_the_displayed_grid_a_mask_is_left_as_it_is(root):
    """Turned by half, a photo has one size on both grids: nothing but the user tells."""
    exif = Image.Exif()
    exif[0x0112] = 3
    paint(root / CAT.image, exif=exif)
    stored, shown = (
        reader(root, "masks/left.png", displayed=displayed)(CAT).regions["object"]
        for displayed in (False, True)
    )
    np.testing.assert_array_equal(stored, shown[::-1, ::-1])
    assert shown[2:6, 1:4].all()
    assert reader(root, "masks/left.png").check(CAT.image).is_ambiguous


def test_masks_that_do_not_fit_are_refused_with_a_way_out(root):
    paint_mask(root / "masks/small.png", (0, 0, 2, 2), width=5, height=5)
    with pytest.raises(DataError, match=r"masks/small\.png .* 12 x 8 pixels, got 5 x 5 pixels"):
        reader(root, "masks/small.png")(CAT)
    (root / "masks/torn.png").write_bytes((root / "masks/left.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"readable mask in masks/torn\.png, got .* Try to save"):
        reader(root, "masks/torn.png")(CAT)


def test_several_values_need_to_be_named_and_may_be_for_the_object_alone(root):
    classes = np.zeros((8, 12), np.uint8)
    classes[:, :4], classes[:, 4:8] = 1, 2
    Image.fromarray(classes).save(root / "masks/classes.png")
    with pytest.raises(DataError, match=r"Try --mask-values .* mask_values=\[1\]"):
        reader(root, "masks/classes.png")(CAT)
    with pytest.raises(DataError, match="black outside and white inside"):
        reader(root, "masks/classes.png", region="parts", values={CAT.image: (2,)})(CAT)
    found = reader(root, "masks/classes.png", values={CAT.image: (2,)})(CAT)
    np.testing.assert_array_equal(found.regions["object"], classes == 2)
