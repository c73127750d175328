"""`campare explain`: overlays and raw maps of images."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from campare.__main__ import main
from command_line import Failing


def test_overlays_and_raw_maps(
    models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
):
    words = ["explain", models / "fixed.keras", *photos[:2], "--out", "maps"]
    assert main([str(word) for word in words]) == 0
    names = sorted(path.name for path in Path("maps").iterdir())
    assert names == [
        "one-grad-cam.npy",
        "one-grad-cam.png",
        "two-grad-cam.npy",
        "two-grad-cam.png",
    ]
    assert np.load("maps/one-grad-cam.npy").shape == (12, 12)
    with Image.open("maps/one-grad-cam.png") as overlay:
        assert overlay.size == (16, 16)
    out = capsys.readouterr().out
    assert "grad-cam at layer last" in out
    assert "cat" in out or "dog" in out  # names from the record beside the model


def test_a_layer_a_target_and_a_method(models: Path, photos: list[Path]):
    words = f"--out maps --layer first --target dog --method layer-cam {photos[0]}"
    assert main(["explain", str(models / "fixed.keras"), *words.split()]) == 0
    assert np.load("maps/one-layer-cam.npy").shape == (14, 14)


def test_one_class_against_another_at_fused_layers(models: Path, photos: list[Path]):
    words = f"--out maps --layer first,last --target dog --against cat {photos[0]}"
    assert main(["explain", str(models / "fixed.keras"), *words.split()]) == 0
    assert np.load("maps/one-grad-cam.npy").shape == (14, 14)


def test_a_model_of_oblong_images(tmp_path: Path, photos: list[Path]):
    keras = pytest.importorskip("keras")
    network = keras.Sequential(
        [
            keras.Input((12, 20, 3)),
            keras.layers.Conv2D(2, 3),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(2),
        ]
    )
    network.save(tmp_path / "oblong.keras")
    words = ["explain", str(tmp_path / "oblong.keras"), str(photos[1]), "--out", "maps"]
    assert main(words) == 0
    assert np.load("maps/two-grad-cam.npy").shape == (10, 18)


def test_a_model_of_any_size_wants_a_size(models: Path, photos: list[Path], failing: Failing):
    words = ["explain", models / "free.keras", photos[0], "--out", "maps"]
    assert failing(*words).startswith("Expected --size for a model that takes images of any")
    assert main([str(word) for word in [*words, "--size", "32"]]) == 0
    assert np.load("maps/one-grad-cam.npy").shape == (28, 28)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("fixed.keras broken.jpg", "Expected an image file, got 'broken.jpg', which cannot be"),
        ("fixed.keras absent.jpg", "Expected an image file, got 'absent.jpg', which cannot be"),
        ("absent.keras one.png", "Expected a saved Keras model, got no file"),
        ("flat.keras one.png", "Expected "),
        ("fixed.keras one.png --target 2", "Expected "),
        ("fixed.keras one.png --target horse", "Expected a class of 'fixed', got 'horse'."),
        ("fixed.keras one.png --layer nope", "Expected "),
        ("fixed.keras one.png --against cat", "Expected --target with --against cat, got none"),
        ("fixed.keras one.png --method nope", "Expected a CAM method, got 'nope'."),
    ],
)
@pytest.mark.usefixtures("photos")
def test_mistakes_write_nothing(options: str, expected: str, models: Path, failing: Failing):
    model, *rest = options.split()
    assert failing("explain", models / model, *rest, "--out", "maps").startswith(expected)
    assert not Path("maps").exists()


def test_tensorflow_says_nothing(models: Path, photos: list[Path]):
    words = ["explain", models / "fixed.keras", photos[0], "--target", "2", "--out", "maps"]
    quiet = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "campare", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 2
    assert done.stderr.startswith("campare: error: Expected ")
    assert done.stderr.count("\n") == 1
