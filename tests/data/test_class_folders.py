"""Class folders and splits of a folder; others are refused, and the command advised works."""

import re
import shutil
import subprocess
import sys
from pathlib import PurePosixPath
from types import SimpleNamespace

import pytest
from painting import AREAS, FLAT, error_of, found_masks, masks, paint, photos
from PIL import Image

from campare.__main__ import main
from campare.data import ImageSet
from campare.errors import MissingExtraError


def test_too_few_classes(tmp_path):
    paint(tmp_path / "1.png")
    assert "Expected at least two class folders in ROOT, got none." in error_of(tmp_path)
    paint(tmp_path / "cat" / "1.png")
    assert "Expected at least two class folders in ROOT, got only 'cat'." in error_of(tmp_path)


def test_a_class_without_images(flat_folder):
    (flat_folder / "fox").mkdir()
    (flat_folder / "fox" / "notes.txt").write_text("")
    assert error_of(flat_folder) == (
        "Expected images in class folder ROOT/fox, got none. "
        "Try to add some, or to remove the folder."
    )


@pytest.mark.parametrize("link", ["train", "train/cat"])
def test_a_link_for_a_folder_is_not_followed_and_the_advice_works(split_folder, link):
    elsewhere = split_folder.parent / "else where"
    (split_folder / link).rename(elsewhere)
    (split_folder / link).symlink_to(elsewhere)
    message = error_of(split_folder)
    assert f"got ROOT/{link}, a link, which is not followed. Try rm ROOT/{link} && cp" in message
    commands = message[message.index("rm ") :].replace("ROOT", str(split_folder))
    subprocess.run(commands, shell=True, check=True)
    assert ImageSet.from_folder(split_folder).class_names == ("cat", "dog")


def test_a_link_in_a_circle_is_to_be_removed(flat_folder):
    (flat_folder / "again").symlink_to(".")
    assert error_of(flat_folder).endswith("a link, which is not followed. Try rm ROOT/again")


def test_a_class_missing_in_one_split(split_folder):
    shutil.rmtree(split_folder / "test" / "dog")
    assert error_of(split_folder) == (
        "Expected images of class 'dog' for test, got none. "
        "Try to add some: every class needs at least one in train and one in test."
    )


def test_train_without_test(split_folder):
    shutil.rmtree(split_folder / "test")
    assert error_of(split_folder) == (
        "Expected both train and test in ROOT, got train. Try to add the missing one, or to put "
        "the class folders straight into DATA for a split by seed."
    )


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev"])
def test_validation_beside_train_and_test_is_trained_with_and_not_audited(split_folder, name):
    for class_name in ("cat", "dog"):
        paint(split_folder / name / class_name / "4.png")
    images = ImageSet.from_folder(split_folder)
    assert images.counts() == {
        "train": {"cat": 2, "dog": 2},
        "test": {"cat": 1, "dog": 1},
        "val": {"cat": 1, "dog": 1},
    }
    assert repr(images) == "ImageSet('pets', cat/dog, 4 train, 2 test, 2 val)"
    assert images.load("val", 8).names == (f"{name}/cat/4.png", f"{name}/dog/4.png")
    audited = ImageSet.from_folder(split_folder, training=False)
    assert set(audited.counts()) == {"train", "test"}
    assert audited.inventory.lines([]) == [f"Not used: {name}/ (2 files)"]
    shutil.rmtree(split_folder / "train")
    assert ImageSet.from_folder(split_folder, training=False).counts()["test"]["cat"] == 1


def test_an_empty_validation_folder_is_none(split_folder):
    (split_folder / "val").mkdir()
    assert set(ImageSet.from_folder(split_folder).counts()) == {"train", "test"}


def test_what_is_not_trained_on_needs_no_train(split_folder, flat_folder):
    shutil.rmtree(split_folder / "train")
    shutil.rmtree(split_folder / "test" / "dog")
    paint(split_folder / "test" / "fox" / "1.png")
    images = ImageSet.from_folder(split_folder, training=False)
    assert images.counts() == {"train": {"cat": 0, "fox": 0}, "test": {"cat": 1, "fox": 1}}
    paint(flat_folder / "fox" / "1.png")
    flat = ImageSet.from_folder(flat_folder, training=False)
    assert flat.counts()["test"] == {"cat": 8, "dog": 8, "fox": 1}
    assert not flat.of("train")


def test_train_and_test_are_kept_for_an_audit(split_folder):
    assert ImageSet.from_folder(split_folder, training=False).counts() == {
        "train": {"cat": 2, "dog": 2},
        "test": {"cat": 1, "dog": 1},
    }


def test_a_class_called_train_or_parts(tmp_path):
    photos(tmp_path / "a", "bus/1", "bus/2", "car/1", "car/2", "train/1", "train/2")
    assert ImageSet.from_folder(tmp_path / "a").class_names == ("bus", "car", "train")
    photos(tmp_path / "b", "nuts/1", "nuts/2", "bolts/1", "bolts/2", "parts/3", "parts/4")
    message = error_of(tmp_path / "b")
    assert message == (
        "Expected masks in ROOT/parts, got photographs, such as parts/3.jpg. Try another name, if "
        "it is a class: mv ROOT/parts ROOT/parts-class"
    )
    follow(message, tmp_path / "b")
    assert len(ImageSet.from_folder(tmp_path / "b").class_names) == 3


def follow(message: str, root) -> None:
    """Run the commands that a message advises."""
    commands = message[message.index("mv ") :].replace("ROOT", str(root))
    subprocess.run(commands, shell=True, check=True)


@pytest.mark.parametrize(
    "names",
    [
        ("seg_train", "seg_test"),
        ("train2017", "val2017"),
        ("Train", "Test"),
        ("train_images", "test_images"),
        ("training set", "testing set"),
        ("train", "valid"),
    ],
)
def test_folders_of_splits_are_no_classes(tmp_path, names):
    for name in names:
        photos(tmp_path, *(f"{name}/{each}" for each in FLAT))
    for training in (True, False):
        message = error_of(tmp_path, training=training)
        assert ". Try mv " in message
    follow(message, tmp_path)
    assert ImageSet.from_folder(tmp_path).counts() == {
        "train": {"cat": 2, "dog": 2},
        "test": {"cat": 2, "dog": 2},
    }


@pytest.mark.parametrize(
    "names",
    [("images", "segmentations"), ("color", "grayscale", "segmented"), ("fold_0", "fold_1")],
)
def test_folders_of_sets_are_no_classes(tmp_path, names):
    for name in names:
        photos(tmp_path, *(f"{name}/{each}" for each in FLAT))
    message = error_of(tmp_path)
    assert message.endswith(f"Try ROOT/{names[0]} as DATA, if its folders are the classes.")
    assert ImageSet.from_folder(tmp_path / names[0]).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    "names", [("good_images", "bad_images"), ("set", "game"), ("left", "right"), ("0", "1")]
)
def test_folders_of_classes_with_folders_below(tmp_path, names):
    for name in names:
        photos(tmp_path, *(f"{name}/{each}" for each in FLAT))
    assert ImageSet.from_folder(tmp_path).class_names == tuple(sorted(names))


def test_images_below_a_split_are_no_class(tmp_path):
    photos(tmp_path, "train/cat/1", "train/dog/1", "test/images/1", "test/images/2")
    assert error_of(tmp_path, training=False) == (
        "Expected one folder for each class in ROOT/test, got images. "
        "Try the layout DATA/<class>/<image> or DATA/{train,test}/<class>/<image>."
    )


def test_splits_below_classes(tmp_path):
    names = [f"{c}/{split}/{i}" for c in ("a", "b") for split in ("Train", "Test") for i in (1, 2)]
    photos(tmp_path, *names)
    masks(tmp_path, *(f"{PurePosixPath(n).parent}/Label/{n[-1]}_label" for n in names))
    images = ImageSet.from_folder(tmp_path)
    assert images.counts() == {"train": {"a": 2, "b": 2}, "test": {"a": 2, "b": 2}}
    assert list(found_masks(tmp_path).values()) == [
        8 * (4 + names.index(sample.image.removesuffix(".jpg"))) for sample in images.samples
    ]


def test_a_class_folder_of_other_files_names_them(flat_folder):
    shutil.rmtree(flat_folder / "cat")
    (flat_folder / "cat").mkdir()
    for index in range(3):
        (flat_folder / f"cat/{index}.dcm").write_bytes(b"x")
    assert error_of(flat_folder) == (
        "Expected images in class folder ROOT/cat, got 3 .dcm. Try campare data import ROOT OUT "
        "(pip install 'campare[medical]'), or to convert them to PNG"
    )
    for path in (flat_folder / "cat").iterdir():
        path.rename(path.with_suffix(".psd"))
    assert error_of(flat_folder).endswith("got 3 .psd. Try to convert them to PNG.")


@pytest.mark.parametrize("classes", [("cat",), ("cat", "dog")], ids=["refused", "counted"])
def test_heic_is_counted_or_refused_with_the_command_that_reads_it(tmp_path, monkeypatch, classes):
    """Beside images of a class; or alone in it. The command works, and first names the extra."""
    photos(tmp_path / "in", "cat/1", "dog/1", "dog/2")
    heic = [tmp_path / f"in/{name}/{index}.heic" for name in classes for index in (7, 8)]
    for path in heic:
        paint(path.with_suffix(".png"))
        path.with_suffix(".png").rename(path)
    if classes == ("cat",):
        (tmp_path / "in/cat/1.jpg").unlink()
        said = error_of(tmp_path / "in")
        assert "class folder ROOT/cat, got 2 .heic. Try campare data" in said
    else:
        images = ImageSet.from_folder(tmp_path / "in", training=False)
        said, unused = images.inventory.lines([])
        assert (len(images.samples), unused) == (3, "Not used: 4 .heic")
        assert said.startswith("4 images are read by campare data import ")
    assert "OUT (pip install 'campare[formats]')" in said
    argument = re.search(r"campare (data import) \S+ OUT", said)[1]
    command = [*argument.split(), str(tmp_path / "in"), str(tmp_path / "out")]
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'campare\[formats\]'"):
        ImageSet.from_dataset(tmp_path / "in")
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(open_heif=opened))
    assert main(command) == 0
    found = ImageSet.from_folder(tmp_path / "out", training=False)
    assert len(found.samples) == len(heic) + (2 if classes == ("cat",) else 3)


def opened(path, **_):
    """As pillow_heif opens a file; here it is PNG."""
    image = Image.open(path, formats=["PNG"])
    return SimpleNamespace(to_pillow=lambda: image, size=image.size)


def test_validation_images_without_class_folders_are_ignored_by_an_audit(split_folder):
    paint(split_folder / "val/images/4.png")
    assert ImageSet.from_folder(split_folder, training=False).class_names == ("cat", "dog")


def test_a_folder_around_the_class_folders(tmp_path):
    photos(tmp_path, *(f"my data/{name}" for name in FLAT))
    assert error_of(tmp_path) == (
        "Expected at least two class folders in ROOT, got only 'my data'. "
        "Try ROOT/my data as DATA, if its folders are the classes."
    )
    assert len(ImageSet.from_folder(tmp_path / "my data").samples) == 4


def test_images_and_masks_each_in_a_folder_of_their_own(tmp_path):
    photos(tmp_path, *(f"Images/{name}" for name in FLAT))
    masks(tmp_path, *(f"Masks/{name}" for name in FLAT))
    message = error_of(tmp_path)
    assert message.endswith("Try mv ROOT/Images/* ROOT if its folders are the classes.")
    follow(message.replace(" if its folders are the classes.", ""), tmp_path)
    shutil.rmtree(tmp_path / "Images")
    assert found_masks(tmp_path) == AREAS
