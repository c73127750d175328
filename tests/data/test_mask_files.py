"""Masks are found by their folders and names, and are those of the right image and region."""

import shutil

import numpy as np
import pytest
from painting import AREAS, FLAT, error_of, found_masks, masks, paint_mask, photos, picture
from PIL import Image

from campare.data import ImageSet


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
