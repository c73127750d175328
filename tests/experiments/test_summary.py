"""The one screen of a finished run: no mean without its reason, its n and its interval."""

import io

import keras
import pytest
from rich.console import Console

from campare import audit
from campare.data import ImageSet
from campare.experiments.summary import summary
from campare.runs.run import Run

K = keras.layers


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((16, 16, 3)), K.Conv2D(4, 3), K.GlobalAveragePooling2D(), K.Dense(2)]
    )


def printed(network, images, path, **options) -> str:
    audit({"m": network}, images, out=path, **options)
    out = io.StringIO()
    Console(file=out, width=400).print(summary(Run.open(path)))
    assert "nan" not in out.getvalue()
    return out.getvalue()


def with_masks(few: int):
    """Six drawn images, of which only a few have masks."""
    images = ImageSet.drawn(train=4, test=6, size=16).load("test", 16)
    images.regions["object"][few:] = False
    return images


def test_a_mean_of_some_images_says_of_how_many_and_why(network, tmp_path):
    text = printed(network, with_masks(3), tmp_path / "r", metrics=["energy"])
    assert "No value: no-mask on 3 of 6 images: energy\n" in text


def test_a_mean_of_one_image_has_no_interval(network, tmp_path):
    text = printed(network, with_masks(1), tmp_path / "r", metrics=["energy"])
    assert "(no interval from 1 image)" in text
    assert "No value: no-mask on 5 of 6 images: energy\n" in text


def test_a_mean_of_nothing_is_its_reason(network, tmp_path):
    flat = with_masks(0)
    flat.regions["object"][:] = True  # masks that cover the image leave nothing to find
    text = printed(network, flat, tmp_path / "r", metrics=["energy"])
    assert "No value: full-mask on 6 of 6 images: energy\n" in text
