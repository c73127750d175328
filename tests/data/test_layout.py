"""Ground truth lands on the right pixels of the right image; what cannot be used says so."""

import csv
import json
import shutil

import numpy as np
import pytest
from painting import error_of, found_masks, paint, paint_mask, picture
from PIL import Image

from campare.data import ImageSet
from campare.errors import DataError


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


def test_a_class_of_one_image_cannot_be_split(flat_folder):
    paint(flat_folder / "fox" / "1.png")
    assert "Expected images of class 'fox' for test, got none." in error_of(flat_folder)


def test_a_mask_of_another_size(split_folder):
    paint_mask(split_folder / "masks/train/cat/1.png", (0, 0, 1, 1), width=8, height=12)
    assert error_of(split_folder) == (
        "Expected mask masks/train/cat/1.png to have the size of image train/cat/1.png, "
        "12 x 8 pixels, got 8 x 12 pixels. Try to make the mask anew from that image."
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


def test_names_of_composed_and_of_decomposed_letters_are_the_same(tmp_path):
    paint(tmp_path / "cafe\u0301/1.png")
    paint(tmp_path / "tea/1.png")
    (tmp_path / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\ncaf\u00e9/1.png,0,0,4,2\n")
    assert found_masks(tmp_path) == {"cafe\u0301/1.png": 8}


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
