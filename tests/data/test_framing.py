"""Pictures framed: where the window lies, and that masks and rectangles follow it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from campare.data.decode import Picture, resize_picture
from campare.data.framing import STRETCH, Framing, Placed, Rectangle
from campare.errors import DataError

RNG = np.random.default_rng(0)
PICTURE = Picture(
    RNG.integers(0, 256, (30, 47, 3), dtype=np.uint8), {"object": RNG.random((30, 47)) > 0.5}
)


def test_the_default_is_what_always_was():
    framed, before = STRETCH.picture(PICTURE, (16, 12)), resize_picture(PICTURE, (16, 12))
    np.testing.assert_array_equal(framed.image, before.image)
    np.testing.assert_array_equal(framed.regions["object"], before.regions["object"])
    assert STRETCH.image(PICTURE.image, (30, 47)) is PICTURE.image


@pytest.mark.parametrize(
    ("framing", "shape", "size", "placed"),
    [  # worked out by hand from the sources of torchvision, timm and transformers
        (Framing("center-crop", 0.875), (300, 400), (224, 224), (256, 341, 16, 58)),
        (Framing("center-crop", 0.875, half_down=True), (300, 400), (224, 224), (256, 341, 16, 58)),
        (Framing("center-crop", 224 / 232), (300, 299), (224, 224), (232, 232, 4, 4)),
        (Framing("center-crop", 0.95), (100, 100), (224, 224), (235, 235, 6, 6)),
        (Framing("center-crop", 0.95, half_down=True), (9, 9), (224, 224), (235, 235, 5, 5)),
        (Framing("stretch", 0.875), (300, 400), (224, 224), (256, 256, 16, 16)),
        (Framing("pad"), (100, 200), (50, 50), (25, 50, -12, 0)),
        (Framing("center-crop"), (100, 100), (50, 25), (50, 50, 0, 12)),
    ],
)
def test_where_the_window_lies(framing, shape, size, placed):
    assert framing.placed(shape, size) == Placed(*placed)


def test_a_crop_is_pillows_resize_and_crop():
    framed = Framing("center-crop", 0.8, "bicubic").picture(PICTURE, (16, 16))
    resized = Image.fromarray(PICTURE.image).resize((31, 20), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(framed.image, np.array(resized.crop((8, 2, 24, 18))))
    mask = resize_picture(PICTURE, (20, 31)).regions["object"]
    np.testing.assert_array_equal(framed.regions["object"], mask[2:18, 8:24])


def test_a_border_has_its_color_and_no_object():
    framed = Framing("pad", fill=(1, 2, 3)).picture(PICTURE, (32, 32))
    assert (framed.image[:6] == (1, 2, 3)).all()
    assert not framed.regions["object"][:6].any()
    assert framed.regions["object"][6:26].any()


def test_an_object_outside_the_window_is_not_there():
    mask = np.zeros((20, 60), bool)
    mask[5:15, :8] = True
    assert not Framing("center-crop").mask(mask, (20, 20)).any()
    assert Framing("stretch").mask(mask, (20, 20)).any()


SIDES = st.integers(5, 60)


@settings(max_examples=20)
@given(SIDES, SIDES, st.sampled_from(["stretch", "center-crop", "pad"]), st.floats(0.6, 1))
def test_the_rectangle_is_where_the_window_is(height, width, fit, crop_pct):
    """A gradient, framed, has the values that the rectangle says, to a pixel of either grid."""
    framing = Framing(fit, crop_pct)
    ramp = np.linspace(0, 1, height * 4)[:, None] * np.ones(width * 4)
    image = np.repeat((ramp * 255).astype(np.uint8)[..., None], 3, -1)
    framed = framing.image(image, (24, 24))[..., 0] / 255
    box = framing.rectangle(image.shape[:2], (24, 24))
    centers = box.top + (np.arange(24) + 0.5) / 24 * (box.bottom - box.top)
    inside = (centers > 0) & (centers < 1)
    assert inside.any()
    slack = 0.02 + 1.5 * (box.bottom - box.top) / 24
    assert np.abs(framed[inside, 12] - centers[inside]).max() <= slack


def test_the_whole_picture_is_a_rectangle_of_one():
    assert Framing().rectangle((5, 9), (3, 3)) == Rectangle(0, 0, 1, 1)
    assert Framing().whole
    assert not Framing(crop_pct=0.9).whole
    assert not Framing("pad").whole


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"fit": "squash"}, "Expected fit stretch, center-crop, pad, got 'squash'. Try: center-cr"),
        ({"crop_pct": 1.5}, "Expected crop_pct above 0 and at most 1, got 1.5. Try: 0.875"),
        ({"interpolation": "cubic"}, "Expected interpolation bilinear, bicubic, lanczos, neares"),
    ],
)
def test_what_is_no_framing(values, text):
    with pytest.raises(DataError) as error:
        Framing(**values)
    assert str(error.value).startswith(text)


def test_in_words():
    assert Framing("center-crop", 224 / 256, "bicubic").words == "center crop of 0.875, bicubic"
    assert Framing("stretch", 0.9).words == "stretched, center 0.9, bilinear"
    assert STRETCH.words == "stretched, bilinear"
