"""What people get wrong on the command line: one line, exit status 2, nothing half written."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from campare.__main__ import main
from campare.data import ImageSet
from campare.data.folder import write_folder

L = keras.layers


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of twelve images with masks."""
    path = tmp_path / "photos"
    write_folder(ImageSet.drawn(train=8, test=8, size=24), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A saved classifier of two classes."""
    path = tmp_path / "net.keras"
    layers = [L.Conv2D(2, 3), L.GlobalAveragePooling2D(), L.Dense(2, activation="softmax")]
    keras.Sequential([keras.Input((24, 24, 3)), L.Rescaling(1 / 255), *layers]).save(path)
    return path


def first(photos: Path, below: str = "test/cat") -> Path:
    return sorted((photos / below).iterdir())[0]


def empty_class(photos: Path) -> None:
    for path in (photos / "train" / "dog").iterdir():
        path.unlink()


def other_mask(photos: Path) -> None:
    Image.fromarray(np.zeros((7, 9), np.uint8)).save(first(photos, "masks/test/cat"))


def box_outside(photos: Path) -> None:
    import shutil

    shutil.rmtree(photos / "masks")
    (photos / "boxes.csv").write_text(
        f"image,xmin,ymin,xmax,ymax\ntest/cat/{first(photos).name},2,3,40,20\n"
    )


def all_broken(photos: Path) -> None:
    for path in (photos / "train" / "cat").iterdir():
        path.write_bytes(path.read_bytes()[:60])


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "class without an image": (empty_class, "dog"),
    "mask of another size": (other_mask, "9 x 7"),
    "box outside the image": (box_outside, "40"),
    "all images of a class broken": (all_broken, "cat"),
}


def fails(line: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail; its one line."""
    assert main(line) == 2
    said = capsys.readouterr()
    assert said.err.startswith("campare: error: Expected ")
    assert said.err.count("\n") == 1
    assert "Try" in said.err
    return said.err


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_folder(case, photos, capsys):
    spoil, named = SPOILED[case]
    spoil(photos)
    out = photos.parent / "run"
    assert named in fails(["study", str(photos), "--out", str(out)], capsys)
    assert not out.exists()


def test_a_missing_folder(tmp_path, capsys):
    assert "nowhere" in fails(["study", str(tmp_path / "nowhere"), "--out", "x"], capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_image_is_skipped_counted_and_named(photos):
    broken = first(photos)
    broken.write_bytes(broken.read_bytes()[:-200])
    found = ImageSet.from_folder(photos)
    assert [skipped.image for skipped in found.skipped] == [f"test/cat/{broken.name}"]
    assert found.counts()["test"] == {"cat": 3, "dog": 4}


def test_an_unknown_backbone(photos, capsys):
    out = photos.parent / "run"
    line = fails(["study", str(photos), "--backbone", "resnet5", "--out", str(out)], capsys)
    assert "resnet50" in line
    assert not out.exists()


def test_weights_that_are_not_there(photos, capsys):
    words = ["--backbone", "mobilenet", "--weights", "none.weights.h5", "--size", "32"]
    out = photos.parent / "run"
    assert "none.weights.h5" in fails(["study", str(photos), *words, "--out", str(out)], capsys)
    assert not out.exists()


def test_a_model_without_a_spatial_layer(photos, tmp_path, capsys):
    path, out = tmp_path / "flat.keras", tmp_path / "maps"
    keras.Sequential([keras.Input((24, 24, 3)), L.Flatten(), L.Dense(2)]).save(path)
    line = fails(["explain", str(path), str(first(photos)), "--out", str(out)], capsys)
    assert "spatial layer" in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--target", "2"], "from 0 to 1, got 2"),
        (["--target", "cow"], "got 'cow'"),
        (["--layer", "cnov"], "got 'cnov'"),
        (["--method", "gradcam"], "got 'gradcam'"),
    ],
)
def test_what_the_model_does_not_have(words, named, model, photos, tmp_path, capsys):
    out = tmp_path / "maps"
    line = fails(["explain", str(model), str(first(photos)), *words, "--out", str(out)], capsys)
    assert named in line
    assert not out.exists()


def test_what_is_no_image_and_what_is_no_model(model, photos, tmp_path, capsys):
    text, out = tmp_path / "notes.jpg", tmp_path / "maps"
    text.write_text("not an image")
    assert "notes.jpg" in fails(["explain", str(model), str(text), "--out", str(out)], capsys)
    assert "notes.jpg" in fails(["explain", str(text), str(first(photos)), "--out", "x"], capsys)
    assert not out.exists()


def test_a_copy_inside_its_source_would_be_a_class(photos, capsys):
    assert "outside of" in fails(["data", "plant", str(photos), str(photos / "cue")], capsys)
    assert not (photos / "cue").exists()


def test_split_folders_in_upper_case_are_no_classes(photos, capsys):
    for split in ("train", "test"):
        (photos / split).rename(photos / f"{split}ing")
    line = fails(["study", str(photos), "--out", str(photos.parent / "run")], capsys)
    assert line.startswith("campare: error: Expected one folder for each class in")
    advice = line.partition("Try: ")[2] or line.partition("Try ")[2]
    for split in ("train", "test"):
        assert f"{photos / split}ing {photos / split}" in advice


def test_masks_in_another_format_are_not_ignored(photos, capsys):
    mask = first(photos, "masks/test/cat")
    before = ImageSet.from_folder(photos).inventory.areas["object"]
    mask.rename(mask.with_suffix(".bmp"))
    assert ImageSet.from_folder(photos).inventory.areas["object"] == before


def test_an_overlay_never_replaces_the_photograph(model, photos, capsys):
    photo = first(photos)
    before = photo.read_bytes()
    assert main(["explain", str(model), str(photo), "--out", str(photo.parent)]) == 0
    assert photo.read_bytes() == before
    assert (photo.parent / f"{photo.stem}-grad-cam.png").is_file()
    capsys.readouterr()


def test_a_probability_that_is_none(photos, capsys):
    assert main(["data", "plant", str(photos), str(photos.parent / "out"), "--p", "1.5"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (photos.parent / "out").exists()
