"""Preprocessing: what is given over what was found over the default."""

import numpy as np
import pytest

from campare.data.framing import Framing
from campare.data.pixels import Normalization
from campare.errors import DataError
from campare.models.preprocessing import Preprocessing, preprocessing

FOUND = Preprocessing("imagenet", Framing("center-crop", 0.875, "bicubic"), (8, 8), "timm")
PICTURE = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)


def test_nothing_given_is_what_was_found_or_the_default():
    assert preprocessing(None, FOUND) is FOUND
    default = preprocessing(None)
    assert default == Preprocessing("0..255")
    assert default.facts == {}
    assert default.words == "0..255"


def test_what_is_given_replaces_its_part():
    named = preprocessing("caffe", FOUND)
    assert (named.pixels, named.framing, named.size) == ("caffe", FOUND.framing, (8, 8))
    assert preprocessing("torch").pixels == "imagenet"
    cropped = preprocessing({"crop_pct": 0.9}, FOUND)
    assert (cropped.pixels, cropped.framing) == ("imagenet", Framing("center-crop", 0.9, "bicubic"))
    assert preprocessing({"crop_pct": 0.9}).framing.fit == "center-crop"
    stretched = preprocessing({"fit": "stretch", "crop_pct": 1}, FOUND)
    assert stretched.framing == Framing(interpolation="bicubic")
    sized = preprocessing({"mean": [0.5] * 3, "std": 0.25, "size": 224})
    assert sized.pixels == Normalization((0.5,) * 3, (0.25,))
    assert sized.size == (224, 224)
    assert preprocessing({"range": "-1..1", "size": [4, 6]}).size == (4, 6)
    assert preprocessing({"fit": "pad", "fill": [1, 2, 3]}).framing == Framing(
        "pad", fill=(1, 2, 3)
    )


def test_a_function_and_the_values_themselves():
    def halved(images):
        return images / 2

    assert preprocessing(halved).words == "halved"
    assert not preprocessing(halved).known
    assert preprocessing("0..1").known
    np.testing.assert_allclose(preprocessing(halved)([PICTURE], (12, 17))[0], PICTURE / 2)
    assert preprocessing(FOUND, Preprocessing()) is FOUND
    assert preprocessing(Framing("pad"), FOUND).pixels == "imagenet"
    assert preprocessing(Normalization((0.5,)), FOUND).words == "mean [0.5], std [1]"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"means": [0.5]}, r"Expected range, mean, .* of pixels, got 'means'\. Try: \{mean: "),
        ({}, r"got 'nothing'"),
        ({"mean": "a"}, r"Expected numbers in pixels, got \{'mean': 'a'\}\. Try: \{mean: "),
        ({"size": "big"}, r"Expected numbers in pixels"),
        ({"range": "0..1", "mean": 0.5}, r"got range and mean\. Try: range: 0\.\.1 alone"),
        ("0-1", r"Expected a range of pixels, got '0-1'"),
        (7, r"Expected pixels as a name, mean and std, or a function, got 7\. Try: pixels='imag"),
    ],
)
def test_what_cannot_be_read(given, text):
    with pytest.raises(DataError, match=text):
        preprocessing(given)


def test_pictures_of_any_shape_become_what_the_model_takes():
    images = FOUND([PICTURE, PICTURE.swapaxes(0, 1)])
    assert images.shape == (2, 8, 8, 3)
    assert images.dtype == np.float32
    framed = FOUND.framing.image(PICTURE, (8, 8)) / 255
    expected = (framed - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(images[0], expected, atol=1e-5)
    with pytest.raises(
        DataError, match=r"Expected a size for the pictures, got none\. Try: size=2"
    ):
        preprocessing("0..1")([PICTURE])
    assert preprocessing("0..1")([PICTURE], size=5).shape == (1, 5, 5, 3)


def test_one_channel_is_luminance_before_its_numbers():
    gray = preprocessing({"mean": [0.5], "std": [0.5]}).numbers(PICTURE[None], channels=1)
    assert gray.shape == (1, 12, 17, 1)
    white = np.full((1, 2, 2, 3), 255)
    np.testing.assert_allclose(preprocessing("-1..1").numbers(white, channels=1), 1, atol=1e-6)


def test_facts_say_the_framing_and_who_said_it():
    assert FOUND.facts == {"framing": "center crop of 0.875, bicubic", "preprocessing": "timm"}
    assert preprocessing("0..1").facts == {}
