"""Ground truth lands on the right pixels of the right image; what cannot be used says so."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest
from painting import error_of, paint, paint_mask, picture
from PIL import Image

from campare.__main__ import main
from campare.data import ImageSet
from campare.errors import DataError, MissingExtraError


def test_masks_parts_and_cues_with_and_without_the_split(split_folder):
    paint_mask(split_folder / "masks/train/cat/1.png", (0, 0, 3, 2))
    paint_mask(split_folder / "masks/dog/3.png", (0, 0, 1, 1))
    paint_mask(split_folder / "parts/train/cat/2.png", (4, 4, 6, 6))
    paint_mask(split_folder / "cues/test/cat/3.png", (1, 1, 2, 2))
    images = ImageSet.from_folder(split_folder)
    assert images.regions == ("object", "parts", "cue")
    regions = picture(images, "train/cat/1.png").regions
    assert list(regions) == ["object"]
    assert np.argwhere(regions["object"]).tolist() == [[y, x] for y in (0, 1) for x in (0, 1, 2)]
    assert picture(images, "test/dog/3.png").regions["object"].sum() == 1
    assert picture(images, "train/cat/2.jpg").regions["parts"][4, 4]
    assert picture(images, "test/cat/3.png").regions["cue"][1, 1]
    assert picture(images, "train/dog/1.png").regions == {}
    loaded = images.load("train", 12)
    assert set(loaded.regions) == {"object", "parts", "cue"}
    assert loaded.regions["object"].any((1, 2)).tolist() == [True, False, False, False]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_with_its_image_unless_it_is_upright_already(tmp_path, orientation):
    stored = np.zeros((8, 12, 3), np.uint8)
    stored[1:3, 2:7] = 255
    tags = Image.Exif()
    tags[0x0112] = orientation
    for name in ("cat", "dog"):
        for split in ("train", "test"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.fromarray(stored).save(tmp_path / split / name / "1.png", exif=tags)
    box = (2, 1, 7, 3)
    paint_mask(tmp_path / "masks/train/cat/1.png", box)
    rows = [["train/dog/1.png", *box], ["test/cat/1.png", *box]]
    with (tmp_path / "boxes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "xmin", "ymin", "xmax", "ymax"], *rows])
    images = ImageSet.from_folder(tmp_path)
    white = picture(images, "train/cat/1.png").image[..., 0] == 255
    assert white.shape == ((12, 8) if orientation >= 5 else (8, 12))
    for image in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png"):
        assert np.array_equal(picture(images, image).regions["object"], white), image
    if orientation >= 5:  # a mask made on the displayed image
        Image.fromarray(white).save(tmp_path / "masks/train/cat/1.png")
        images = ImageSet.from_folder(tmp_path)
        assert np.array_equal(picture(images, "train/cat/1.png").regions["object"], white)


def test_boxes_become_the_union_and_a_mask_wins_over_boxes(split_folder):
    (split_folder / "boxes.csv").write_text(
        "image,xmin,ymin,xmax,ymax,label\n"
        "train/cat/1.png,0,0,4,2,cat\n"  # with the split
        "train\\cat\\1.png,2,1,6,3,CAT\n"
        "train/cat/1.png,0,3,12,8,tabby\n"  # of no class: no object
        "train/cat/1.png,10,0,12,2,Dog\n"  # of another class
        "cat/2.jpg,0,0,13,8.9,\n"  # without the split; rounding is clipped
        "test/dog/3.png,0,0,1,1,\n"
    )
    paint_mask(split_folder / "masks/test/dog/3.png", (0, 0, 5, 5))
    images = ImageSet.from_folder(split_folder)
    assert images.regions == ("object", "other")
    assert picture(images, "train/cat/1.png").regions["object"].sum() == 8 + 8 - 2
    assert picture(images, "train/cat/1.png").regions["other"].sum() == 4
    assert picture(images, "train/cat/2.jpg").regions["object"].all()
    assert picture(images, "test/dog/3.png").regions["object"].sum() == 25


def test_coco_outlines_become_masks(split_folder):
    coco = {
        "images": [
            {"id": 1, "file_name": "train/cat/1.png", "width": 12, "height": 8},
            {"id": 2, "file_name": "train/cat/2.jpg", "width": 12, "height": 8},
            {"id": 3, "file_name": "not/annotated.png"},
        ],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]]},
            {"image_id": 1, "category_id": 1, "bbox": [10, 6, 2, 2]},
            {"image_id": 2, "segmentation": {"size": [8, 12], "counts": [8, 8, 80]}},
        ],
    }
    (split_folder / "instances.json").write_text(json.dumps(coco))
    images = ImageSet.from_folder(split_folder)
    assert picture(images, "train/cat/1.png").regions["object"].sum() == 20
    second_column = picture(images, "train/cat/2.jpg").regions["object"]
    assert np.unique(np.argwhere(second_column)[:, 1]).tolist() == [1]
    assert second_column.sum() == 8


def test_voc_boxes_become_masks_by_path_or_filename(split_folder):
    box = "<bndbox><xmin>2</xmin><ymin>1</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    thing = f"<object><name>cat</name>{box}</object>"
    for path, filename in {"train/cat/1": "wrong.jpg", "other": "train/cat/2.jpg"}.items():
        xml = split_folder / "annotations" / f"{path}.xml"
        xml.parent.mkdir(parents=True, exist_ok=True)
        xml.write_text(f"<annotation><filename>{filename}</filename>{thing}</annotation>")
    images = ImageSet.from_folder(split_folder)
    for image in ("train/cat/1.png", "train/cat/2.jpg"):
        mask = picture(images, image).regions["object"]
        assert np.argwhere(mask).tolist() == [[y, x] for y in range(4) for x in (1, 2)]


def test_no_folder(tmp_path):
    assert error_of(tmp_path / "none") == (
        "Expected a folder of images at ROOT, got no such folder. "
        "Try the layout DATA/<class>/<image> or DATA/{train,test}/<class>/<image>."
    )
    (tmp_path / "file").write_text("")
    assert "got a file." in error_of(tmp_path / "file")


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


def test_a_class_missing_in_one_split(split_folder):
    shutil.rmtree(split_folder / "test" / "dog")
    assert error_of(split_folder) == (
        "Expected images of class 'dog' for test, got none. "
        "Try to add some: every class needs at least one in train and one in test."
    )


def test_a_class_of_one_image_cannot_be_split(flat_folder):
    paint(flat_folder / "fox" / "1.png")
    assert "Expected images of class 'fox' for test, got none." in error_of(flat_folder)


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


def test_a_mask_of_another_size(split_folder):
    paint_mask(split_folder / "masks/train/cat/1.png", (0, 0, 1, 1), width=8, height=12)
    assert error_of(split_folder) == (
        "Expected mask masks/train/cat/1.png to have the size of image train/cat/1.png, "
        "12 x 8 pixels, got 8 x 12 pixels. Try to make the mask anew from that image."
    )


def test_masks_that_cannot_be_used(split_folder):
    mask = split_folder / "parts/train/cat/9.png"
    paint_mask(mask, (0, 0, 1, 1))
    assert "Expected parts/train/cat/9.png to belong to an image of the data folder, got " in (
        error_of(split_folder)
    )
    mask.unlink()
    mask.with_name("1.png").write_bytes(b"x")
    assert "Expected a readable mask in parts/train/cat/1.png, got no image" in (
        error_of(split_folder)
    )
    paint_mask(mask.with_name("1.png"), (0, 0, 1, 1))
    paint_mask(split_folder / "parts/cat/1.png", (0, 0, 1, 1))
    assert "Expected one parts mask for image train/cat/1.png, got parts/cat/1.png and parts/" in (
        error_of(split_folder)
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("train/cat/1.png,0,0,14,8", "image train/cat/1.png of 12 x 8 pixels in boxes.csv line 2"),
        ("train/cat/7.png,0,0,1,1", "Expected boxes.csv line 2 to belong to an image of the data "),
        ("1.png,0,0,1,1", "'1.png', which fits train/cat/1.png and train/dog/1.png. Try the path"),
        ("train/cat/1.png,0,0,1", "Expected a number for ymax in boxes.csv line 2, got nothing."),
        ("train/cat/1.png,5,0,5,3", "got an empty box, x 5 to 5, y 0 to 3."),
    ],
)
def test_boxes_that_cannot_be_used(split_folder, row, message):
    (split_folder / "boxes.csv").write_text(f"image,xmin,ymin,xmax,ymax\n{row}\n")
    assert message in error_of(split_folder)


def test_two_kinds_of_annotations(split_folder):
    (split_folder / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\n")
    (split_folder / "instances.json").write_text("{}")
    assert error_of(split_folder) == (
        "Expected one kind of annotations in ROOT, got boxes.csv and instances.json. "
        "Try to keep one of them."
    )


def test_malformed_json_and_xml(split_folder):
    (split_folder / "instances.json").write_text("{")
    assert "Expected JSON in instances.json" in error_of(split_folder)
    (split_folder / "instances.json").unlink()
    (split_folder / "annotations").mkdir()
    (split_folder / "annotations" / "1.xml").write_text("<a>")
    assert "Expected Pascal VOC's XML in annotations/1.xml" in error_of(split_folder)


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


def test_not_one_image_that_can_be_read(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"Expected a readable image in .*, got 2 that cannot be"):
        ImageSet.from_folder(tmp_path, training=False)


def turned_photo(path, orientation: int, height: int = 8, width: int = 12) -> None:
    """A photograph with a white corner at the top left as it is stored."""
    stored = np.zeros((height, width, 3), np.uint8)
    stored[:2, :4] = 255
    tags = Image.Exif()
    tags[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stored).save(path, exif=tags)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["box", "mask", "voc"])
def test_ground_truth_of_a_turned_photo_is_said_to_be_as_stored(flat_folder, orientation, kind):
    square = 12 if kind == "mask" else 8  # the size of a mask tells its grid unless it is square
    turned_photo(flat_folder / "cat/0.png", orientation, square)
    where = np.argwhere(picture(ImageSet.from_folder(flat_folder), "cat/0.png").image[..., 0])
    (top, left), (bottom, right) = where.min(0), where.max(0) + 1
    grids = {"displayed": (left, top, right, bottom), "stored": (0, 0, 4, 2)}
    for grid, box in grids.items():
        if kind == "mask":
            paint_mask(flat_folder / "masks/cat/0.png", box, 12, square)
        elif kind == "box":
            (flat_folder / "boxes.csv").write_text(
                f"image,xmin,ymin,xmax,ymax\ncat/0.png,{','.join(map(str, box))}\n"
            )
        else:
            edges = zip(("xmin", "ymin", "xmax", "ymax"), np.add(box, (1, 1, 0, 0)), strict=True)
            text = "".join(f"<{edge}>{x}</{edge}>" for edge, x in edges)
            (flat_folder / "annotations").mkdir(exist_ok=True)
            (flat_folder / "annotations/0.xml").write_text(
                f"<annotation><filename>cat/0.png</filename><object><bndbox>{text}</bndbox>"
                "</object></annotation>"
            )
        given = ImageSet.from_folder(flat_folder, annotations_as=grid)
        shown = picture(given, "cat/0.png")
        assert np.array_equal(shown.regions["object"], shown.image[..., 0] == 255)
        assert not any("EXIF" in line for line in given.inventory.lines([]))
    before = ImageSet.from_folder(flat_folder)
    assert before.fingerprint != given.fingerprint
    assert before.inventory.lines([])[-1] == (
        "EXIF turns 1 photo whose masks and boxes are taken as drawn before the turn; drawn after "
        "it, they need --annotations-as displayed: cat/0.png"
    )


def test_the_size_in_a_file_tells_the_grid_of_a_turned_photo(flat_folder):
    turned_photo(flat_folder / "cat/0.png", 6)
    for width, height, box in ((12, 8, [0, 0, 4, 2]), (8, 12, [6, 0, 2, 4])):
        coco = {
            "images": [{"id": 0, "file_name": "cat/0.png", "width": width, "height": height}],
            "annotations": [{"image_id": 0, "bbox": box}],
        }
        (flat_folder / "instances.json").write_text(json.dumps(coco))
        images = ImageSet.from_folder(flat_folder)
        shown = picture(images, "cat/0.png")
        assert np.array_equal(shown.regions["object"], shown.image[..., 0] == 255)
        assert not any("EXIF" in line for line in images.inventory.lines([]))


def test_a_box_outside_the_stored_grid_of_a_turned_photo(flat_folder):
    turned_photo(flat_folder / "cat/0.png", 6)
    (flat_folder / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\ncat/0.png,4,8,8,12\n")
    assert error_of(flat_folder).endswith("8 pixels. Try --annotations-as displayed.")
    images = ImageSet.from_folder(flat_folder, annotations_as="displayed")
    assert picture(images, "cat/0.png").regions["object"].sum() == 16


def test_a_grid_that_is_none(flat_folder):
    assert error_of(flat_folder, annotations_as="upright") == (
        "Expected annotations_as stored or displayed, got 'upright'. Try 'stored'."
    )


def ellipse(index: int) -> np.ndarray:
    """An object of 4 + index columns on 20 x 30 pixels."""
    mask = np.zeros((20, 30), np.bool_)
    mask[4:12, 3 : 7 + index] = True
    return mask


def photos(root, *names: str, suffix: str = ".jpg") -> None:
    """Photographs `<name><suffix>`, each with an index that tells its mask."""
    for index, name in enumerate(names):
        paint(root / f"{name}{suffix}", 30, 20, seed=index)


def masks(root, *names: str) -> None:
    for index, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((ellipse(index) * 255).astype(np.uint8)).save(root / f"{name}.png")


def found_masks(root, **options) -> dict[str, int]:
    """Pixels inside the mask of each image that has one."""
    images = ImageSet.from_folder(root, training=False, **options)
    return {
        sample.image: int(mask.sum())
        for sample in images.samples
        if (mask := images.read(sample).regions.get("object")) is not None
    }


FLAT = ("cat/1", "cat/2", "dog/1", "dog/2")
AREAS = {f"{name}.jpg": 8 * (4 + index) for index, name in enumerate(FLAT)}


@pytest.mark.parametrize(
    ("pattern", "note"),
    [
        ("Masks/{}", "Masks in Masks: 4 files"),
        ("mask/{}", "Masks in mask: 4 files"),
        ("SegmentationClass/{}", "Masks in SegmentationClass: 4 files"),
        ("ground_truth/{}_mask", "Masks in ground_truth: 4 files"),
        ("lesion masks/{}_segmentation", "Masks in lesion masks: 4 files"),
        ("annotations/{}", "Masks in annotations: 4 files"),
        ("labels/{}", "Masks in labels: 4 files"),
        ("{}_mask", "Masks beside their images: 4 files"),
        ("{}-seg", "Masks beside their images: 4 files"),
        ("{}", "Masks beside their images: 4 files"),
        ("{}_lesion", "Masks beside their images: 4 files"),
        ("masks/{}_gt", None),
    ],
)
def test_masks_are_found_by_folder_and_name(tmp_path, pattern, note):
    photos(tmp_path, *FLAT)
    masks(tmp_path, *map(pattern.format, FLAT))
    assert found_masks(tmp_path) == AREAS
    images = ImageSet.from_folder(tmp_path)
    assert images.class_names == ("cat", "dog")
    lines = images.inventory.lines([])
    assert note in lines if note else not lines[1:]


def test_masks_in_class_folders_and_in_splits(tmp_path):
    for top in ("", "train/", "test/"):
        root = tmp_path / (top and "split")
        photos(root, *(f"{top}{name}" for name in FLAT))
        inside = [f"{top}{c}/{'masks/' if not top else ''}{i}" for c, i in map(_split_name, FLAT)]
        if top:
            inside = [f"{top}Masks/{name}" for name in FLAT]
        masks(root, *inside)
    shutil.move(tmp_path / "split", tmp_path.parent / "split")
    assert found_masks(tmp_path) == AREAS
    assert set(found_masks(tmp_path.parent / "split").values()) == set(AREAS.values())
    assert len(found_masks(tmp_path.parent / "split")) == 8


def _split_name(name: str) -> tuple[str, str]:
    folder, _, stem = name.partition("/")
    return folder, stem


def test_several_masks_of_one_photo_are_united(tmp_path):
    photos(tmp_path, *FLAT)
    masks(tmp_path, *(f"{name}_mask" for name in FLAT))
    second = np.zeros((20, 30), np.uint8)
    second[15:17, 20:25] = 255
    Image.fromarray(second).save(tmp_path / "cat/1_mask_1.png")
    assert found_masks(tmp_path) == {**AREAS, "cat/1.jpg": AREAS["cat/1.jpg"] + 10}


def test_photographs_in_a_folder_called_mask_are_a_class(tmp_path):
    photos(tmp_path, "mask/1", "mask/2", "no_mask/1", "no_mask/2")
    assert ImageSet.from_folder(tmp_path).class_names == ("mask", "no_mask")
    photos(tmp_path, "mask/3_mask", "mask/3")
    assert len(ImageSet.from_folder(tmp_path).samples) == 6


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


def test_what_is_not_used_is_counted_by_kind(split_folder):
    for path in ("train/cat/a.HEIC", "train/cat/b.HEIC", "train/cat/IMG_1", "test/dog/c.dcm"):
        (split_folder / path).write_bytes(b"x")
    (split_folder / "masks").mkdir()
    (split_folder / "masks/Thumbs.db").write_bytes(b"x")
    paint(split_folder / "holdout/cat/1.png")
    (split_folder / "README.md").write_text("a")
    paint_mask(split_folder / "masks/train/cat/1.png", (0, 0, 3, 3))
    paint_mask(split_folder / "old masks/train/cat/1.png", (0, 0, 3, 3))
    images = ImageSet.from_folder(split_folder)
    assert images.inventory.lines([])[-1] == (
        "Not used: 1 .md, holdout/ (1 file), 1 .db, old masks/ (1 file), 1 .dcm, 1 without suffix, "
        "2 .HEIC"
    )


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


def test_names_of_composed_and_of_decomposed_letters_are_the_same(tmp_path):
    paint(tmp_path / "cafe\u0301/1.png")
    paint(tmp_path / "tea/1.png")
    (tmp_path / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\ncaf\u00e9/1.png,0,0,4,2\n")
    assert found_masks(tmp_path) == {"cafe\u0301/1.png": 8}


@pytest.mark.parametrize(
    "pattern", ["{0}/mask_{1}", "{0}/masks/{1}", "{0}_masks/{1}", "gt/{0}/{1}"]
)
def test_masks_of_other_names_are_those_of_the_image_in_the_class(tmp_path, pattern):
    photos(tmp_path, *FLAT)
    masks(tmp_path, *(pattern.format(*_split_name(name)) for name in FLAT))
    assert found_masks(tmp_path) == AREAS
    assert ImageSet.from_folder(tmp_path).class_names == ("cat", "dog")


def test_photographs_of_two_formats_are_no_masks_of_each_other(tmp_path):
    photos(tmp_path, *FLAT)
    photos(tmp_path, *FLAT, suffix=".png")
    assert len(ImageSet.from_folder(tmp_path).samples) == 8


def test_ground_truth_of_validation_images_is_no_mistake_of_an_audit(split_folder):
    paint(split_folder / "val/cat/4.png")
    paint(split_folder / "val/dog/4.png")
    paint_mask(split_folder / "masks/val/cat/4.png", (0, 0, 3, 2))
    paint_mask(split_folder / "masks/test/cat/3.png", (0, 0, 3, 2))
    audited = ImageSet.from_folder(split_folder, training=False)
    assert list(audited.inventory.areas["object"]) == ["test/cat/3.png"]
    assert audited.inventory.lines([])[-1] == "Not used: masks/val/cat/ (1 file), val/ (2 files)"
    trained = ImageSet.from_folder(split_folder)
    assert picture(trained, "val/cat/4.png").regions["object"].sum() == 6
    shutil.rmtree(split_folder / "masks")
    (split_folder / "boxes.csv").write_text(
        "image,xmin,ymin,xmax,ymax\nval/cat/4.png,0,0,4,2\ntest/cat/3.png,0,0,4,2\n"
    )
    audited = ImageSet.from_folder(split_folder, training=False)
    assert list(audited.inventory.areas["object"]) == ["test/cat/3.png"]


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


def test_runs_of_campare_are_no_classes(flat_folder):
    before = ImageSet.from_folder(flat_folder)
    run = flat_folder / "runs" / "mine"
    (run / "figures").mkdir(parents=True)
    (run / "run.json").write_text('{"schema_version": 3, "kind": "study", "campare": "0.1.0"}')
    picture = next(flat_folder.rglob("*.png"), None) or next(flat_folder.rglob("*.jpg"))
    (run / "figures" / "effects.png").write_bytes(picture.read_bytes())
    found = ImageSet.from_folder(flat_folder)
    assert found.class_names == before.class_names
    assert found.fingerprint == before.fingerprint
    assert "Not of the images: runs/mine, a run of campare" in found.inventory.notes
    with pytest.raises(DataError, match=r"got a run of campare\. Try the layout"):
        ImageSet.from_folder(run)
    (run / "run.json").write_text('{"of": "something else"}')
    with pytest.raises(DataError):
        ImageSet.from_folder(flat_folder / "runs")
