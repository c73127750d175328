"""Pixels in the range and the channels that a model takes."""

import numpy as np
import pytest

from campare.data.pixels import (
    ALIASES,
    CONVENTIONS,
    KNOWN,
    RANGES,
    Normalization,
    in_channels,
    in_range,
)
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
        "Try: 0..255, 0..1, -1..1, imagenet, caffe, clip, torch, tf, mean and std, or a function "
        "of images (N, H, W, 3)"
    )


def test_one_channel_is_the_luminance_that_pillow_has():
    from PIL import Image

    gray = in_channels(IMAGES, 1)
    assert gray.shape == (2, 4, 5, 1)
    expected = np.array(Image.fromarray(IMAGES[0]).convert("L"))
    np.testing.assert_allclose(gray[0, ..., 0], expected, atol=1)
    assert in_channels(IMAGES, 3) is IMAGES


@pytest.mark.parametrize(
    ("name", "module"), [("caffe", "resnet"), ("imagenet", "densenet"), ("-1..1", "mobilenet")]
)
def test_conventions_are_those_of_keras(name, module):
    import keras

    theirs = getattr(keras.applications, module).preprocess_input(IMAGES.astype(np.float32))
    np.testing.assert_allclose(in_range(IMAGES, name), theirs, rtol=1e-5, atol=1e-4)


def test_names_of_keras_modes_mean_the_same():
    np.testing.assert_array_equal(in_range(IMAGES, "tf"), in_range(IMAGES, "-1..1"))
    np.testing.assert_array_equal(in_range(IMAGES, "torch"), in_range(IMAGES, "imagenet"))
    assert set(ALIASES.values()) <= {*RANGES, *CONVENTIONS}
    assert set(KNOWN) <= {*RANGES, *CONVENTIONS}


def test_mean_and_deviation():
    found = Normalization((0.5, 0.25, 0.0), (0.5, 1.0, 2.0))
    expected = (IMAGES / 255 - [0.5, 0.25, 0.0]) / [0.5, 1.0, 2.0]
    np.testing.assert_allclose(in_range(IMAGES, found), expected, atol=1e-6)
    turned = Normalization((1.0, 2.0, 3.0), scale=1, order="bgr")
    np.testing.assert_allclose(turned(IMAGES), IMAGES[..., ::-1] - np.array([1.0, 2, 3]))


def test_a_normalization_in_words():
    assert CONVENTIONS["caffe"].words == "caffe"
    assert Normalization((0.5,), (0.25,)).words == "mean [0.5], std [0.25]"
    assert Normalization((5.0,), scale=1, order="bgr").words == "mean [5], std [1], scale 1, BGR"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"mean": (123.68,)},
            "Expected mean in 0..1, as pixels are divided by 255 first, got [123",
        ),
        ({"std": (0.0,)}, "Expected std above 0, got [0]. Try: [0.229, 0.224, 0.225]"),
        ({"order": "grb"}, "Expected order rgb or bgr, got 'grb'. Try: rgb"),
    ],
)
def test_numbers_that_are_none(values, text):
    with pytest.raises(DataError) as error:
        Normalization(**values)
    assert str(error.value).startswith(text)
    Normalization((123.68,), scale=1)  # the advice of the first


def test_means_of_three_channels_for_one():
    with pytest.raises(DataError, match=r"mean of 1 channel, as .* got 3\. Try: mean: \[0\.485\]"):
        CONVENTIONS["imagenet"](in_channels(IMAGES, 1))
    assert Normalization((0.485,), (0.2,))(in_channels(IMAGES, 1)).shape == (2, 4, 5, 1)
