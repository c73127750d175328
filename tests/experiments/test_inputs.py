"""What models explain: photographs of several classes are measured inside, not in mosaics."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from campare import audit
from campare.data import ImageSet
from campare.data.folder import write_folder
from campare.errors import CampareError
from campare.experiments.inputs import inventory_lines, mosaics_of, regions_of_test
from campare.experiments.progress import Live
from campare.experiments.selection import without_mosaics


@pytest.fixture(scope="module")
def images():
    """Eight drawn images; 1, 4 and 5 show another class, too: its object lies in a corner."""
    found = ImageSet.drawn(train=4, test=8, size=16).load("test", 16)
    other = np.zeros(found.images.shape[:3], np.bool_)
    other[[1, 4, 5], :3, :3] = True
    return replace(found, regions={"object": found.regions["object"], "other": other})


def test_photos_that_show_several_classes_stay_out_of_mosaics(images):
    found = mosaics_of(images, Live(Console(quiet=True)))
    assert [each.kind for each in found] == ["focus", "grid"]
    for each in found:
        assert not np.isin(each.picked, [1, 4, 5]).any()
        assert len(each) == 5
        for target, four, cells in zip(each.targets, each.picked, each.cells, strict=True):
            corners = cells[[0, 0, -1, -1], [0, -1, 0, -1]]
            assert np.array_equal(images.labels[four] == target, corners)


def test_where_too_few_show_one_class_there_are_no_mosaics(images):
    full = replace(images, regions={"other": np.ones_like(images.regions["object"])})
    why = without_mosaics(ImageSet.from_images(full), [(16, 16)], "label")
    assert why["focus"] == (
        "a class with 2 images that show one class beside 2 of others that show one class"
    )
    assert without_mosaics(ImageSet.from_images(images), [(16, 16)], "label") == {}


def test_a_map_is_compared_on_the_classes_of_one_photo(images):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    frame = audit({"mine": network}, images, metrics=["photo-discrimination"]).frame
    rows = frame.filter(metric="photo-discrimination", method="uniform")
    own, other = images.regions["object"], images.regions["other"]
    both = own & other
    known = rows.filter(status="ok")
    assert known["image"].to_list() == [images.names[i] for i in (1, 4, 5)]
    share = [
        (own & ~both)[i].sum() / (own ^ other)[i].sum() for i in (1, 4, 5)
    ]  # of a map that is the same everywhere
    assert known["value"].to_list() == pytest.approx(share)
    assert rows.filter(status="no-mask").height == 5
    with pytest.raises(CampareError, match="objects of other classes for 'photo-discrimination'"):
        audit(
            {"mine": network},
            replace(images, regions={"object": own}),
            metrics=["photo-discrimination"],
        )


def test_regions_without_a_mask_on_a_test_image_are_not_measured(images, tmp_path):
    """Masks of the training images alone, or empty ones, give no mean of nothing."""
    for split in ("train", "test"):
        write_folder(ImageSet.drawn(train=4, test=4, size=16), tmp_path / "all")
        masks = tmp_path / "all/masks"
        for path in (masks / "test").rglob("*.png"):
            path.unlink() if split == "train" else Image.new("L", (16, 16)).save(path)
        found = ImageSet.from_folder(tmp_path / "all", training=False)
        assert "object" in found.regions
        assert regions_of_test(found) == ("parts",)
        assert (
            inventory_lines(found)[0]
            == {
                "train": "No test image has a mask",
                "test": "Masks for 4 of 4 test images, median area 0 %",
            }[split]
        )
        shutil.rmtree(tmp_path / "all")
    drawn = ImageSet.drawn(train=4, test=4, size=16)
    assert regions_of_test(drawn) == drawn.regions
    assert regions_of_test(ImageSet.from_images(images)) == ("object", "other")


def test_a_folder_without_ground_truth_is_said_to_have_none(tmp_path):
    write_folder(ImageSet.drawn(train=4, test=4, size=16), tmp_path / "all")
    for region in ("masks", "parts"):
        shutil.rmtree(tmp_path / "all" / region)
    found = ImageSet.from_folder(tmp_path / "all")
    assert inventory_lines(found) == ["No masks, boxes or outlines"]


def test_an_audit_of_items_that_a_program_holds_has_the_rows_of_the_folder(tmp_path):
    """Paths with their masks as items, as a torch data set gives them, beside the folder itself."""
    keras = pytest.importorskip("keras")
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    folder = write_folder(ImageSet.drawn(train=4, test=6, size=20), tmp_path / "pets")
    items = [
        {
            "image": Image.open(path),
            "label": path.parent.name,
            "mask": (folder / "masks/test" / path.parent.name / path.name).read_bytes(),
            "name": path.name,
        }
        for path in sorted((folder / "test").glob("*/*.png"))
    ]
    metrics = ["energy", "iou", "correct"]
    of_folder = audit({"mine": network}, folder, metrics=metrics).frame
    of_items = audit({"mine": network}, {"test": items}, metrics=metrics).frame
    keys = ["image", "method", "metric"]
    assert of_items.height > 50
    assert of_items.sort(keys).equals(of_folder.sort(keys))
