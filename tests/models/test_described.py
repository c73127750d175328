"""Preprocessing as libraries describe it, from the descriptions alone.

tests/models/loaders compare each with the library's own transform, where it is installed.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from campare.data.framing import Framing
from campare.data.pixels import Normalization
from campare.models.described import (
    differs,
    of_keras,
    of_open_clip,
    of_timm,
    of_torchvision,
    of_transformers,
)
from campare.models.preprocessing import Preprocessing

HALF = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
TIMM = {"input_size": (3, 8, 10), "interpolation": "bicubic", "crop_pct": 0.9, **HALF}
HF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def test_timm():
    found = of_timm(TIMM, "timm")
    half = Normalization((0.5,) * 3, (0.5,) * 3)
    assert found == Preprocessing(half, Framing("center-crop", 0.9, "bicubic"), (8, 10), "timm")
    assert of_timm({**TIMM, "crop_mode": "squash"}, "").framing.fit == "stretch"
    border = of_timm({**TIMM, "crop_mode": "border"}, "").framing
    assert (border.fit, border.fill) == ("pad", (128, 128, 128))


def test_torchvision():
    half = Normalization((0.5,) * 3, (0.5,) * 3)
    common = {**HALF, "resize_size": [8], "interpolation": SimpleNamespace(value="bilinear")}
    classifier = of_torchvision(SimpleNamespace(crop_size=[7], **common), "tv")
    assert classifier == Preprocessing(half, Framing("center-crop", 0.875), (7, 7), "tv")
    segmentation = of_torchvision(SimpleNamespace(**common), "tv")
    assert segmentation == Preprocessing(half, Framing("center-crop"), (8, 8), "tv")
    assert of_torchvision(SimpleNamespace(), "tv") == Preprocessing("0..1", source="tv")


def test_open_clip():
    config = {"size": 8, "interpolation": "bicubic", "resize_mode": "shortest", **HALF}
    assert of_open_clip(config, "").framing == Framing("center-crop", 1.0, "bicubic")
    padded = of_open_clip({**config, "resize_mode": "longest", "fill_color": 7}, "")
    assert padded.framing == Framing("pad", 1.0, "bicubic", (7, 7, 7))


@pytest.mark.parametrize(
    ("config", "framing", "size"),
    [
        ({"size": {"height": 8, "width": 10}, "resample": 3}, ("stretch", 1.0, "bicubic"), (8, 10)),
        (
            {"size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": 224},
            ("center-crop", 0.875, "bilinear"),
            (224, 224),
        ),
        (  # DeiT
            {
                "size": {"height": 256, "width": 256},
                "do_center_crop": True,
                "crop_size": {"height": 224, "width": 224},
            },
            ("stretch", 0.875, "bilinear"),
            (224, 224),
        ),
        (
            {
                "size": {"shortest_edge": 224},
                "crop_pct": 0.875,
                "image_processor_type": "ConvNextImageProcessor",
            },
            ("center-crop", 0.875, "bilinear"),
            (224, 224),
        ),
        (
            {
                "size": {"shortest_edge": 384},
                "crop_pct": 0.875,
                "image_processor_type": "ConvNextImageProcessor",
            },
            ("stretch", 1.0, "bilinear"),
            (384, 384),
        ),
    ],
)
def test_transformers(config, framing, size):
    found = of_transformers({**HF, **config}, "hf")
    assert (found.framing, found.size) == (Framing(*framing, half_down=True), size)


def test_numbers_of_transformers():
    size = {"size": {"height": 2, "width": 2}}
    white = np.full((1, 1, 1, 3), 255.0)
    plain = of_transformers({**HF, **size}, "")
    np.testing.assert_allclose(plain.numbers(white), 1, atol=1e-6)
    raw = of_transformers({**size, "do_normalize": False, "do_rescale": False}, "")
    np.testing.assert_allclose(raw.numbers(white), 255)
    offset = {"do_normalize": False, "rescale_factor": 1 / 127.5, "rescale_offset": True}
    np.testing.assert_allclose(of_transformers({**size, **offset}, "").numbers(white), 1, atol=1e-5)
    flipped = {"do_normalize": False, "do_flip_channel_order": True}
    red = np.array([[[[255.0, 0, 0]]]])
    turned = of_transformers({**size, **flipped}, "").numbers(red)
    np.testing.assert_allclose(turned.ravel(), [0, 0, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("resnet50", "caffe"),
        ("resnet50v2", "-1..1"),
        ("vgg16", "caffe"),
        ("densenet121", "imagenet"),
        ("mobilenet_1.00_224", "-1..1"),
        ("mobilenetv2_0.35_96", "-1..1"),
        ("xception", "-1..1"),
    ],
)
def test_keras_applications(name, pixels):
    found = of_keras(name)
    assert found is not None
    assert (found.pixels, found.framing) == (pixels, Framing())
    assert found.source == f"as keras.applications has it for {name}"


def test_keras_models_of_other_names_say_nothing():
    for name in ("functional", "resnet50_mine", "mobilenet", "efficientnetb0", "MobileNetV3Small"):
        assert of_keras(name) is None


def test_a_description_is_compared_with_the_transform():
    found = of_timm({**TIMM, "input_size": (3, 16, 16)}, "timm")

    def same(image):
        return found([np.array(image)])[0].transpose(2, 0, 1)

    assert differs(found, same) == ""
    assert differs(found, lambda image: same(image) + 0.5 / 255) == ""  # half a level of gray
    assert differs(found, lambda image: np.roll(same(image), 1, 2)) == "it gives other pixels"
    assert differs(found, lambda image: same(image)[::-1]) == "it gives other pixels"
    assert differs(found, lambda image: same(image)[:, :8]) == "it gives 8 x 16 pixels"
