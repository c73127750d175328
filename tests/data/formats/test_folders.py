"""Class folders with splits, groups and masks, whatever the files are."""

import numpy as np
import pytest
from foreign import save

from campare.data.formats import folders
from campare.data.formats.items import Files, Reading
from campare.data.shapes import fill
from campare.errors import DataError

IMAGE, MASK = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8)
MASK[1:3, 2:5] = 255


def read(root):
    return folders.read(Files.below(root), Reading())


def test_classes_splits_and_masks_are_said_by_folders(tmp_path):
    save(IMAGE, tmp_path / "train/cat/1.png")
    save(IMAGE, tmp_path / "test/dog/patient/2.png")
    save(IMAGE, tmp_path / "cow/3.png")
    save(MASK, tmp_path / "masks/train/cat/1_mask.png")
    found = read(tmp_path)
    assert {item.name: (item.labels, item.split) for item in found.items} == {
        "train/cat/1.png": (("cat",), "train"),
        "test/dog/patient/2.png": (("dog",), "test"),
        "cow/3.png": (("cow",), None),
    }
    ((one,),) = (item.annotations for item in found.items if item.annotations)
    np.testing.assert_array_equal(fill(one.shape, (4, 6)), MASK > 0)
    assert found.files == ("masks/train/cat/1_mask.png",)


def test_what_is_in_no_class_and_masks_without_an_image_are_counted(tmp_path):
    save(IMAGE, tmp_path / "cat/1.png")
    save(IMAGE, tmp_path / "loose.png")
    save(IMAGE, tmp_path / "train/loose.png")
    save(MASK, tmp_path / "masks/cat/9.png")
    found = read(tmp_path)
    assert [item.labels for item in found.items if item.name == "cat/1.png"] == [("cat",)]
    assert "loose.png" in found.left_out.images["in no class folder"]
    assert found.left_out.annotations["mask of an image that is not there"] == ["masks/cat/9.png"]


def test_a_volume_is_a_group_of_slices_of_which_the_marked_are_taken(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    mask = np.zeros((4, 6, 3), np.uint8)
    mask[1, 2, 1] = 1
    for path, values in (("ill/a.nii.gz", pixels), ("masks/ill/a.nii.gz", mask)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / path)
    found = read(tmp_path)
    (item,) = found.items
    assert (item.name, item.group, item.slice) == ("ill/a.nii.gz#001", "ill/a", 1)
    assert found.left_out.images["slice without a mask"] == ["ill/a.nii.gz#0", "ill/a.nii.gz#2"]
    every = folders.read(Files.below(tmp_path), Reading(slices="all"))
    assert [item.slice for item in every.items] == [0, 1, 2]
    middle = folders.read(Files.below(tmp_path), Reading(slices="middle"))
    assert [item.slice for item in middle.items] == [1]
    nibabel.save(nibabel.Nifti1Image(mask[..., :2], np.eye(4)), tmp_path / "masks/ill/a.nii.gz")
    with pytest.raises(DataError, match=r"a mask of 3 slices for ill/a\.nii\.gz, got 2"):
        read(tmp_path)
