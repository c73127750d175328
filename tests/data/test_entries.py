"""An item's parts, and its image, label and mask of any kind as pixels, class and area."""

import io

import numpy as np
import pytest
from PIL import Image

from campare.data.decode import Decoded
from campare.data.entries import (
    class_of,
    columns_of,
    entry_of,
    inside_of,
    pixels_of,
    white_of,
)
from campare.errors import DataError

PICTURE = np.arange(30, dtype=np.uint8).reshape(2, 5, 3) * 8


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_parts_are_found_by_name_and_by_what_is_given():
    item = {"img": 0, "fine": 1, "mask": 2, "__key__": 3, "more": 4}
    assert columns_of(item, {"label": "fine"}) == {
        "image": "img", "label": "fine", "mask": "mask", "name": "__key__",
    }  # fmt: skip
    assert columns_of((0, 1, 2), {"mask": 2}) == {"image": 0, "label": 1, "mask": 2}


def test_an_item_without_a_part_is_an_error():
    with pytest.raises(DataError, match="one without: KeyError"):
        entry_of({"image": 1}, {"image": "image", "label": "label"})


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (np.int64(3), 3), (np.array([[1.0]]), 1), (np.str_(" cat "), "cat"), (np.bytes_(b"a"), "a"),
        (np.array(["dog"]), "dog"), ([0, 0, 1], 2), (float("nan"), None), ("", None), (True, 1),
    ],
)  # fmt: skip
def test_labels(label, expected):
    assert class_of(label) == expected


@pytest.mark.parametrize("label", [-2, 1.5, [1, 1], [0.5, 0.5], {"a": 1}])
def test_labels_that_are_no_class(label):
    with pytest.raises(DataError, match="one class for each image"):
        class_of(label)


@pytest.mark.parametrize(
    "image",
    [
        PICTURE,
        PICTURE / 255,
        np.moveaxis(PICTURE, -1, 0),
        png(PICTURE),
        {"bytes": png(PICTURE), "path": None},
        Image.fromarray(PICTURE),
        np.concatenate([PICTURE, np.full_like(PICTURE[..., :1], 255)], -1),
    ],
)
def test_pixels_of_any_kind_are_the_same(image):
    np.testing.assert_array_equal(pixels_of(image, white_of([image])).image, PICTURE)


def test_alpha_is_on_white_and_one_channel_is_gray():
    clear = np.zeros((2, 3, 4), np.uint8)
    assert (pixels_of(clear, 255).image == 255).all()
    assert pixels_of(np.full((2, 3, 1), 7, np.uint8), 255).image.tolist() == [[[7] * 3] * 3] * 2
    assert pixels_of(np.full((2, 2), 65535, np.uint16), 65535).image.max() == 255


def test_white_is_what_holds_all_values():
    assert white_of([PICTURE]) == 255
    assert white_of([PICTURE.astype(np.float32)]) == 255
    assert white_of([np.full((2, 2), 300)]) == 65535
    assert white_of([b"...", "a.png"]) == 255
    for odd in (-PICTURE.astype(int), PICTURE * np.nan, PICTURE * 10.0):
        with pytest.raises(DataError, match="normalization"):
            white_of([odd])


def test_an_image_beyond_the_first_ones_is_an_error():
    with pytest.raises(DataError, match=r"0\.\.1, as the first images have them, got 0 to 232"):
        pixels_of(PICTURE.astype(np.float32), 1)


@pytest.mark.parametrize("kind", ["bool", "0..1", "file", "pillow", "channel", "first"])
def test_masks_of_any_kind_are_the_same(kind: str):
    inside = np.array([[True, False, False, True, True], [False, True, True, False, False]])
    mask = {
        "bool": inside,
        "0..1": inside.astype(np.float32),
        "file": png(inside.astype(np.uint8) * 255),
        "pillow": Image.fromarray(inside.astype(np.uint8) * 7),
        "channel": inside[..., None].astype(int),
        "first": inside[None],
    }[kind]
    np.testing.assert_array_equal(inside_of(mask, Decoded(PICTURE, 1), None), inside)


def test_a_mask_of_the_stored_size_is_turned_with_its_image():
    turned = Decoded(np.zeros((4, 2, 3), np.uint8), 6)
    mask = np.zeros((2, 4), bool)
    mask[0, 0] = True  # at the top left of what is stored: at the top right of what is shown
    assert np.argwhere(inside_of(mask, turned, None)).tolist() == [[0, 1]]


@pytest.mark.parametrize("mask", [np.zeros((2, 2, 2)), np.array([["a"]]), np.ones((3, 4), bool)])
def test_what_is_no_mask_of_the_image(mask):
    with pytest.raises(DataError, match="Expected "):
        inside_of(mask, Decoded(PICTURE, 1), None)
