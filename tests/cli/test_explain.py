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
        assert overlay.size == (30, 20)  # the photo's own
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
        (
            "fixed.keras broken.jpg",
            "Expected an image file, got 'broken.jpg', which cannot be read: ",
        ),
        ("fixed.keras absent.jpg", "Expected an image file, got no such file: 'absent.jpg'. Try"),
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


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (lambda photo: photo[: len(photo) // 2], "image file is truncated"),
        (lambda photo: b"a page" + photo, "it begins as no image does. Try: another copy"),
    ],
)
def test_why_a_photo_cannot_be_read_is_said(content, cause, models: Path, failing: Failing):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (200, 200, 3), np.uint8)).save("whole.jpg")
    Path("cut.jpg").write_bytes(content(Path("whole.jpg").read_bytes()))
    said = failing("explain", models / "fixed.keras", "cut.jpg", "--out", "maps")
    assert f"got 'cut.jpg', which cannot be read: {cause}" in said


def test_tensorflow_says_nothing(models: Path, photos: list[Path]):
    words = ["explain", models / "fixed.keras", photos[0], "--target", "2", "--out", "maps"]
    quiet = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "campare", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 2
    assert done.stderr.startswith("campare: error: Expected ")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A recurrent network over the rows of an image: its steps are no patches."""
    keras = pytest.importorskip("keras")
    L = keras.layers
    inputs = keras.Input((16, 16, 3))
    steps = L.Dense(4, name="into")(L.Reshape((16, 48))(inputs))
    steps = L.LSTM(4, return_sequences=True, name="steps")(steps)
    network = keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling1D()(steps)))
    network.save(tmp_path / "rows.keras")
    return tmp_path / "rows.keras"


def test_where_no_grid_can_be_found_the_user_says_it(
    rows: Path, photos: list[Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    words = ["explain", str(rows), str(photos[0]), "--out", "maps", "--layer", "steps"]
    assert main(words) == 2
    assert "layer_grid=(h, w, tokens in front)" in capsys.readouterr().err
    assert main(["list", "layers", str(rows)]) == 2
    assert "Try: layer='steps' with layer_grid=(h, w" in capsys.readouterr().err
    for grid in ("16x1", "16x1+0", "own_grids:columns"):
        Path("own_grids.py").write_text("def columns(x):\n    return x[:, :, None]\n", "utf-8")
        capsys.readouterr()
        assert main([*words, "--layer-grid", grid]) == 0
        assert np.load("maps/one-grad-cam.npy").shape == (16, 1)
        assert main(["list", "layers", str(rows), "--layer-grid", grid]) == 0
        assert "(16 x 1 of them a grid)" in capsys.readouterr().out
    assert main([*words, "--layer-grid", "sixteen"]) == 2
    assert "--layer-grid as HEIGHTxWIDTH, got 'sixteen'" in capsys.readouterr().err
    assert main(["data", "draw", "toys", "--train", "4", "--test", "4", "--size", "16"]) == 0
    words = f"audit {rows} --data toys --metrics energy --layer steps --layer-grid rows=16x1"
    assert main([*words.split(), "--out", "run"]) == 0


def test_a_cropped_picture_keeps_what_the_model_did_not_see(models: Path, photos: list[Path]):
    crop = "{fit: center-crop, crop_pct: 0.5}"
    words = ["explain", str(models / "fixed.keras"), str(photos[1]), "--pixels", crop]
    assert main([*words, "--out", "maps"]) == 0
    with Image.open(photos[1]) as file:
        photo = np.asarray(file.convert("RGB")).astype(int)
    with Image.open("maps/two-grad-cam.png") as file:
        drawn = np.asarray(file).astype(int)
    assert drawn.shape == photo.shape == (40, 24, 3)
    changed = (drawn != photo).any(-1)
    assert not changed[:13].any()
    assert not changed[:, :5].any()
    assert changed[16:24, 8:16].all()
    assert np.load("maps/two-grad-cam.npy").shape == (12, 12)


def test_maps_of_pixels_are_of_no_layer(
    models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
):
    words = ["explain", models / "fixed.keras", photos[0], "--out", "maps", "--method", "gradient"]
    assert main([str(word) for word in words]) == 0
    out = capsys.readouterr().out
    assert "layer" not in out
    assert out.rstrip().splitlines()[-1] == "gradient"
