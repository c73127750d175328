"""Folders of images: layouts, fingerprint, skipped files, real photographs."""

import csv
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from painting import error_of, paint, paint_mask, picture
from PIL import Image

from campare.data import ImageSet, Sample
from campare.errors import DataError

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "real"
real = pytest.mark.skipif(not REAL.is_dir(), reason="needs the photographs of ../shared/real")


def test_a_folder_with_train_and_test(split_folder):
    images = ImageSet.from_folder(split_folder)
    assert images.name == "pets"
    assert images.class_names == ("cat", "dog")
    assert images.counts() == {"train": {"cat": 2, "dog": 2}, "test": {"cat": 1, "dog": 1}}
    assert images.samples[-1] == Sample("train/dog/2.jpg", 1, "train")
    assert images.regions == ()
    assert images.skipped == ()
    assert images.default_size is None
    stored = np.array(Image.open(split_folder / "train/cat/1.png"))
    assert np.array_equal(picture(images, "train/cat/1.png").image, stored)
    assert images.load("train", 8).images.shape == (4, 8, 8, 3)


def test_a_folder_without_split_is_split_by_seed(flat_folder):
    images = ImageSet.from_folder(flat_folder, seed=1)
    assert images.counts() == {"train": {"cat": 6, "dog": 6}, "test": {"cat": 2, "dog": 2}}
    assert {s.image for s in images.samples} == {
        f"{name}/{index}.png" for name in ("cat", "dog") for index in range(8)
    }
    assert ImageSet.from_folder(flat_folder, seed=1).samples == images.samples
    other = ImageSet.from_folder(flat_folder, seed=2)
    assert other.samples != images.samples
    assert other.fingerprint == images.fingerprint
    half = ImageSet.from_folder(flat_folder, test_fraction=0.5)
    assert half.counts()["test"] == {"cat": 4, "dog": 4}


def test_hidden_and_other_files_are_ignored(split_folder):
    before = ImageSet.from_folder(split_folder)
    for path in (".git/1.png", "train/.DS_Store", "train/cat/._1.png", "train/cat/.x/4.png"):
        paint(split_folder / "a.png")
        (split_folder / path).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(split_folder / "a.png", split_folder / path)
    (split_folder / "train" / "cat" / "notes.txt").write_text("a")
    (split_folder / "README.md").write_text("a")
    (split_folder / "__MACOSX").mkdir()
    after = ImageSet.from_folder(split_folder)
    assert after.samples == before.samples
    assert after.fingerprint == before.fingerprint


def test_nested_folders_belong_to_their_class(flat_folder):
    paint(flat_folder / "cat" / "more" / "deep" / "x.png")
    images = ImageSet.from_folder(flat_folder)
    assert Sample("cat/more/deep/x.png", 0, "train") in images.samples or (
        Sample("cat/more/deep/x.png", 0, "test") in images.samples
    )


def test_the_fingerprint_is_of_contents_only(split_folder, tmp_path):
    paint_mask(split_folder / "masks/train/cat/1.png", (0, 0, 3, 3))
    (split_folder / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\ntest/cat/3.png,0,0,4,4\n")
    original = ImageSet.from_folder(split_folder).fingerprint
    assert len(original) == 64
    moved = tmp_path / "elsewhere" / "copy"
    moved.mkdir(parents=True)
    for path in sorted(split_folder.rglob("*"), reverse=True):  # another order on the disk
        if path.is_file():
            target = moved / path.relative_to(split_folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    assert ImageSet.from_folder(moved).fingerprint == original

    changes = {
        "image": lambda: paint(moved / "train/cat/1.png", seed=1),
        "mask": lambda: paint_mask(moved / "masks/train/cat/1.png", (0, 0, 3, 4)),
        "boxes": lambda: (moved / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\n"),
        "name": lambda: (moved / "train/dog/1.png").rename(moved / "train/dog/9.png"),
    }
    seen = {original}
    for change in changes.values():
        change()
        seen.add(ImageSet.from_folder(moved).fingerprint)
    assert len(seen) == 1 + len(changes)


def test_broken_images_are_skipped_counted_and_named(split_folder):
    paint(split_folder / "train/cat/big.jpg", 200, 200)
    content = (split_folder / "train/cat/big.jpg").read_bytes()
    (split_folder / "train/cat/big.jpg").write_bytes(content[: len(content) // 2])
    (split_folder / "train/dog/text.png").write_text("no image")
    (split_folder / "train/dog/empty.png").write_bytes(b"")
    (split_folder / "boxes.csv").write_text(
        "image,xmin,ymin,xmax,ymax\ntrain/cat/big.jpg,0,0,900,900\n"
    )  # a box of a skipped image does no harm
    progress = []
    images = ImageSet.from_folder(split_folder, progress=lambda *step: progress.append(step))
    skipped = dict(images.skipped)
    assert sorted(skipped) == ["train/cat/big.jpg", "train/dog/empty.png", "train/dog/text.png"]
    assert "truncated" in skipped["train/cat/big.jpg"]
    assert skipped["train/dog/text.png"] == "no image that Pillow can read"
    assert images.counts()["train"] == {"cat": 2, "dog": 2}
    assert progress[-1] == (9, 9)
    assert len(images.load("train", 8)) == 4


def test_an_unreadable_file_is_skipped(split_folder):
    (split_folder / "train/cat/gone.png").symlink_to("nowhere.png")
    images = ImageSet.from_folder(split_folder)
    assert images.skipped == (("train/cat/gone.png", "No such file or directory"),)


def test_all_images_of_a_class_broken(split_folder):
    for name in ("1.png", "2.jpg"):
        (split_folder / "train/dog" / name).write_bytes(b"x")
    assert error_of(split_folder) == (
        "Expected a readable image of class 'dog' for train, got 2 that cannot be used, such as "
        "train/dog/1.png: no image that Pillow can read. Try to replace them."
    )


def test_a_file_that_changes_later_is_an_error(split_folder):
    images = pickle.loads(pickle.dumps(ImageSet.from_folder(split_folder)))  # nothing is kept
    (split_folder / "train/cat/1.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"^Expected image train/cat/1\.png to be as it was"):
        images.load("train", 8)


def test_a_set_travels_to_another_process(split_folder):
    images = ImageSet.from_folder(split_folder)
    there = pickle.loads(pickle.dumps(images))
    assert there == images
    assert np.array_equal(there.load("test", 8).images, images.load("test", 8).images)


@pytest.mark.real
@real
def test_fruits_with_boxes():
    images = ImageSet.from_folder(REAL / "fruits")
    assert images.counts() == {
        "train": {"apple": 75, "banana": 73, "orange": 72},
        "test": {"apple": 19, "banana": 18, "orange": 18},
    }
    assert images.skipped == ()
    assert images.regions == ("object",)
    loaded = images.load("test", 128)
    share = loaded.regions["object"].mean((1, 2))
    assert share.min() > 0
    assert share.mean() == pytest.approx(0.508, abs=0.005)
    # the union by the corners of the boxes, on the unit square, from the csv alone
    with (REAL / "fruits" / "boxes.csv").open() as file:
        boxes = [row for row in csv.DictReader(file) if row["image"] == loaded.names[0]]
    with Image.open(REAL / "fruits" / loaded.names[0]) as stored:
        width, height = stored.size
    at = (np.arange(128) + 0.5) / 128
    union = np.zeros((128, 128), np.bool_)
    for row in boxes:
        columns = (at >= float(row["xmin"]) / width) & (at < float(row["xmax"]) / width)
        rows = (at >= float(row["ymin"]) / height) & (at < float(row["ymax"]) / height)
        union |= rows[:, None] & columns
    assert (union != loaded.regions["object"][0]).mean() < 0.02


@pytest.mark.real
@real
def test_pets_without_masks():
    images = ImageSet.from_folder(REAL / "pets")
    assert images.counts() == {
        "train": {"cat": 400, "dog": 400},
        "test": {"cat": 200, "dog": 200},
    }
    assert images.regions == ()
    assert images.skipped == ()
    assert images.load("test", 64).images.std() > 30
