"""Groups of images: where they are found, how splits keep them apart, and what is said of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from campare.data import Images, ImageSet
from campare.data.cue import plant
from campare.data.folder import write_folder
from campare.data.groups import groups_by, read_groups
from campare.data.holdout import held_out
from campare.errors import DataError


def folder(root, names):
    """An image of its own shade of gray for each name."""
    for shade, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (shade, shade, shade)).save(path)
    return root


PATIENTS = [
    f"{c}/p{p}_{i}.png" for c in ("benign", "malignant") for p in range(4) for i in range(3)
]


def test_groups_come_from_a_table_a_folder_or_a_regular_expression(tmp_path):
    folder(tmp_path, ["cat/p1/a.png", "cat/p1/b.png", "cat/c.png", "dog/p2/a.png", "dog/p2/b.png"])
    expected = {"cat/p1/a.png": "p1", "cat/p1/b.png": "p1", "cat/c.png": None,
                "dog/p2/a.png": "p2", "dog/p2/b.png": "p2"}  # fmt: skip

    def found(**settings):
        images = ImageSet.from_folder(tmp_path, **settings)
        return images, {sample.image: sample.group for sample in images.samples}

    ungrouped, none = found(training=False)
    assert set(none.values()) == {None}
    for pattern in ("folder", r"/(p\d)/", r"p\d"):
        images, groups = found(training=False, group=pattern)
        assert groups == expected
        assert images.inventory.lines([]) == [
            "1 image belongs to no group and is a unit by itself: cat/c.png"
        ]
    (tmp_path / "groups.csv").write_text(
        "group, image\np1,cat/p1/a.png\np1,cat/p1/b\n,cat/c.png\np2,dog/p2/a.png\np2,dog/p2/b.png\n"
    )
    images, groups = found(training=False)
    assert groups == expected
    assert images.fingerprint != ungrouped.fingerprint


def test_a_drawn_split_keeps_groups_apart(tmp_path):
    images = ImageSet.from_folder(folder(tmp_path, PATIENTS), group=r"\w+/(p\d)", test_fraction=0.5)
    sides = {split: {s.group for s in images.of(split)} for split in ("train", "test")}
    assert not sides["train"] & sides["test"]
    assert images.counts() == {split: {"benign": 6, "malignant": 6} for split in ("train", "test")}
    loaded = images.load("train", 8)
    assert loaded.groups == tuple(s.group for s in images.of("train"))
    rest, held = loaded.stratified_split(0.5, seed=1)
    assert not set(rest.groups) & set(held.groups)
    assert {len(rest), len(held)} == {6}


@given(st.integers(0, 50), st.integers(1, 12))
def test_shares_of_held_out_groups_are_as_near_as_they_can_be(seed, size):
    labels = np.arange(60) % 3
    groups = [f"g{i // size}" for i in range(60)]
    held = held_out(labels, 0.3, seed, groups)
    assert all(len({held[i] for i in range(60) if groups[i] == g}) == 1 for g in set(groups))
    assert np.abs(np.bincount(labels[held], minlength=3) - 6).max() <= (size + 2) // 3
    alone = held_out(labels, 0.3, seed, [None] * 60)
    assert np.array_equal(alone, held_out(labels, 0.3, seed))


def test_groups_in_both_splits_or_of_several_labels_and_duplicates_are_said(tmp_path):
    names = [f"{split}/{c}/{i}.png" for split in ("train", "test") for c in ("a", "b")
             for i in range(2)]  # fmt: skip
    folder(tmp_path, names)
    copied = (tmp_path / "train/a/0.png").read_bytes()
    (tmp_path / "test/b/1.png").write_bytes(copied)
    rows = {"train/a/0.png": "x", "train/b/0.png": "x", "train/a/1.png": "y", "test/a/1.png": "y"}
    table = "".join(f"{image},{group}\n" for image, group in rows.items())
    (tmp_path / "groups.csv").write_text(f"image,group\n{table}")
    for training in (True, False):
        images = ImageSet.from_folder(tmp_path, training=training)
        assert images.inventory.lines([]) == [
            "4 images belong to no group, each a unit by itself: test/a/0.png, test/b/0.png, "
            "test/b/1.png and 1 more",
            "1 group has several labels: x",
            "1 group has images in train and test: y",
            "1 test image is in train, too, byte for byte: test/b/1.png is train/a/0.png",
        ]


def test_groups_that_cannot_be_used_are_refused_with_what_would_do(tmp_path):
    folder(tmp_path, PATIENTS)

    def refused(**settings):
        with pytest.raises(DataError) as caught:
            ImageSet.from_folder(tmp_path, **settings)
        return str(caught.value)

    assert "Try a regular expression such as '([^/]+)_" in refused(group="patient")
    assert refused(group=3).startswith("Expected groups as a regular expression or a mapping")
    assert refused(group="(p").startswith("Expected a regular expression for groups, got '(p': ")
    assert groups_by(r"([^/]+)_\d+\.png", {"cat/p1_3.png": "cat"}) == {"cat/p1_3.png": "p1"}
    table = tmp_path / "groups.csv"
    table.write_text("name,patient\n")
    assert refused() == (
        "Expected columns image and group in groups.csv, got name, patient. "
        "Try a first line image,group."
    )
    table.write_text("image,group\nbenign/p0_0.png,a\nbenign/p0_0,b\n")
    assert "got a and b. Try to remove one." in refused()
    table.write_text("image,group\nno/such.png,a\n")
    assert "groups.csv line 2 to belong to an image" in refused()
    table.write_bytes(b"image,group\n\xff\xfe,a\n")
    assert refused().endswith("Try to save it as CSV in UTF-8.")
    assert read_groups(b"image;group\na;x\n", lambda name, _: name) == {"a": "x"}
    assert read_groups(b"\xef\xbb\xbfimage,group,age\na, x ,3\n", lambda name, _: name) == {
        "a": "x"
    }


def test_groups_stay_with_a_set_that_is_planted_written_or_in_memory(tmp_path):
    images = ImageSet.from_folder(folder(tmp_path / "data", PATIENTS), group=r"p\d")
    written = ImageSet.from_folder(write_folder(plant(images, p=0.9), tmp_path / "out"))
    assert {s.image.rsplit("/", 1)[-1]: s.group for s in written.samples} == {
        s.image.rsplit("/", 1)[-1]: s.group for s in images.samples
    }
    loaded = images.load("test", 8)
    assert [s.group for s in ImageSet.from_images(loaded).samples] == list(loaded.groups)
    assert loaded.subset([1, 0]).groups == loaded.groups[1::-1]
    bare = Images(loaded.images, loaded.labels, loaded.names, {}, loaded.class_names)
    assert ImageSet.from_images(bare).load("test", 8).groups == ()


def test_a_set_takes_groups_by_image_too(tmp_path):
    folder(tmp_path, PATIENTS)
    given = {name: name[:-6] for name in PATIENTS if name != PATIENTS[0]}
    read = ImageSet.from_folder(tmp_path, group=given)
    images = ImageSet.from_folder(tmp_path).with_groups(given)
    for one in (read, images):
        assert {s.image: s.group for s in one.samples} == {PATIENTS[0]: None, **given}
        assert one.inventory.notes[0].startswith("1 image belongs to no group")
    assert "groups have images in train and test: benign/p0" in images.inventory.notes[-1]
    assert images.fingerprint not in (read.fingerprint, ImageSet.from_folder(tmp_path).fingerprint)
    with pytest.raises(DataError) as caught:
        images.with_groups({"x.png": "p"})
    assert str(caught.value) == (
        "Expected groups of images of the set, got one of x.png. "
        "Try the path below the data folder, such as benign/p0_0.png."
    )


def test_folders_are_groups_also_where_classes_are_none():
    images = {"images/p1/a.png": "cat", "images/p1/b.png": "dog", "images/p2/c.png": "cat"}
    found = groups_by("folder", images)
    assert [*found.values()] == ["images/p1", "images/p1", "images/p2"]
    with pytest.raises(DataError, match="Expected groups that 'folder' finds"):
        groups_by("folder", {"0000": "cat"})  # of a program's arrays
