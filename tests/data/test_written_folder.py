"""A set written as a folder reads back the same, and is whole or absent."""

import pickle
import shutil

import numpy as np
import pytest
from painting import paint, paint_mask, picture
from PIL import Image

from campare.data import ImageSet, Picture, Sample
from campare.data.folder import write_folder
from campare.errors import DataError


def same_pictures(before: ImageSet, after: ImageSet, path_of) -> None:
    for sample in before.samples:
        old, new = before.read(sample), picture(after, path_of(sample))
        assert np.array_equal(old.image, new.image)
        assert old.regions.keys() == new.regions.keys()
        for name, mask in old.regions.items():
            assert np.array_equal(mask, new.regions[name])


def test_a_written_folder_reads_back_the_same(split_folder, tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    paint(split_folder / "train/cat/turned.jpg", exif=turned)
    paint_mask(split_folder / "masks/train/cat/1.png", (0, 0, 3, 2))
    paint_mask(split_folder / "parts/train/cat/2.png", (4, 4, 6, 6))
    paint_mask(split_folder / "cues/test/cat/3.png", (0, 0, 0, 0))  # known to be empty
    before = ImageSet.from_folder(split_folder)
    progress = []
    out = write_folder(before, tmp_path / "a" / "out", lambda *step: progress.append(step))
    after = ImageSet.from_folder(out)
    assert after.counts() == before.counts()
    same_pictures(before, after, lambda s: s.image.replace(".jpg", ".png"))
    assert progress[-1] == (7, 7)
    assert list((tmp_path / "a").iterdir()) == [out]


def test_a_split_by_seed_is_written_as_a_split(flat_folder, tmp_path):
    shutil.copy(flat_folder / "cat/0.png", flat_folder / "cat/0.bmp")
    paint(flat_folder / "cat/0.bmp")  # the same stem as 0.png
    before = ImageSet.from_folder(flat_folder, seed=3)
    (tmp_path / "out").mkdir()  # an empty folder is fine
    after = ImageSet.from_folder(write_folder(before, tmp_path / "out"), seed=99)
    assert after.counts() == before.counts()
    split_of = {s.image: s.split for s in before.samples}
    if split_of["cat/0.bmp"] == split_of["cat/0.png"]:
        names = {"cat/0.bmp": "cat/0.bmp.png", "cat/0.png": "cat/0.png.png"}
    else:
        names = {"cat/0.bmp": "cat/0.png"}
    same_pictures(before, after, lambda s: f"{s.split}/{names.get(s.image, s.image)}")


def test_stems_that_collide_are_kept_apart(tmp_path):
    pixels = {f"cat/a.{kind}": np.full((2, 2, 3), i, np.uint8) for i, kind in enumerate("xy")}
    pixels |= {"dog/a.x": np.full((2, 2, 3), 9, np.uint8)}
    samples = tuple(Sample(name, int(name.startswith("dog")), "train") for name in pixels)
    mask = np.ones((2, 2), np.bool_)
    images = ImageSet(
        "collide", ("cat", "dog"), samples, lambda s: Picture(pixels[s.image], {"object": mask}), ""
    )
    write_folder(images, tmp_path / "out")
    found = sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*.png"))
    assert found == [
        f"{top}train/{name}"
        for top in ("masks/", "")
        for name in ("cat/a.x.png", "cat/a.y.png", "dog/a.png")
    ]


def test_writing_refuses_what_is_there(flat_folder, tmp_path):
    images = ImageSet.from_folder(flat_folder)
    with pytest.raises(DataError) as caught:
        write_folder(images, flat_folder)
    assert str(caught.value) == (
        f"Expected a new folder at {flat_folder}, got one that is not empty. Try another path."
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="got a file"):
        write_folder(images, tmp_path / "file")


def test_writing_leaves_nothing_half_done(flat_folder, tmp_path):
    images = pickle.loads(pickle.dumps(ImageSet.from_folder(flat_folder)))  # nothing is kept
    (flat_folder / "dog/7.png").unlink()
    with pytest.raises(DataError):
        write_folder(images, tmp_path / "new" / "out")
    assert list((tmp_path / "new").iterdir()) == []


def test_objects_of_other_classes_are_written_and_read_back(split_folder, tmp_path):
    (split_folder / "boxes.csv").write_text(
        "image,xmin,ymin,xmax,ymax,label\n"
        "train/cat/1.png,0,0,4,2,cat\n"
        "train/cat/1.png,3,1,9,5,dog\n"  # they overlap
        "train/dog/1.png,0,0,4,2,dog\n"
    )
    before = ImageSet.from_folder(split_folder)
    after = ImageSet.from_folder(write_folder(before, tmp_path / "out"))
    assert after.regions == before.regions == ("object", "other")
    same_pictures(before, after, lambda s: s.image.replace(".jpg", ".png"))
    assert picture(after, "train/cat/1.png").regions["other"].sum() == 24
