"""Pixels in the range and the channels that a model takes."""

import numpy as np
import pytest

from campare.data.pixels import in_channels, in_range
from campare.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("0..255", 0, 255), ("0..1", 0, 1), ("-1..1", -1, 1)]
)
def test_black_and_white_are_the_ends_of_the_range(name, low, high):
    ends = np.array([[[[0, 255, 127.5]]]])
    np.testing.assert_allclose(in_range(ends, name).ravel(), [low, high, (low + high) / 2])
    linear = low + IMAGES / 255 * (high - low)
    np.testing.assert_allclose(in_range(IMAGES, name), linear, atol=1e-6)


def test_a_function_may_change_what_it_gets():
    def halved(images):
        images /= 2
        return images

    before = IMAGES.astype(np.float32)
    given = before.copy()
    np.testing.assert_array_equal(in_range(given, halved), before / 2)
    np.testing.assert_array_equal(given, before)


def test_a_range_without_a_name():
    with pytest.raises(DataError) as error:
        in_range(IMAGES, "0-1")
    assert str(error.value) == (
        "Expected a range of pixels, got '0-1'. "
        "Try: 0..255, 0..1, -1..1, or a function of images (N, H, W, 3)"
    )


def test_one_channel_is_the_luminance_that_pillow_has():
    from PIL import Image

    gray = in_channels(IMAGES, 1)
    assert gray.shape == (2, 4, 5, 1)
    expected = np.array(Image.fromarray(IMAGES[0]).convert("L"))
    np.testing.assert_allclose(gray[0, ..., 0], expected, atol=1)
    assert in_channels(IMAGES, 3) is IMAGES
