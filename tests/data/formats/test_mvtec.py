"""MVTec AD: kinds of defects with their masks, of one product and of several."""

import numpy as np
from contents import assert_shapes_are_the_things, read_with
from foreign import mvtec as write_mvtec
from foreign import save

from campare.data.formats import mvtec
from campare.data.formats.items import Files, Reading


def test_shapes_are_the_things_that_were_drawn(tmp_path):
    drawn, found = read_with(mvtec.read, write_mvtec, tmp_path)
    assert_shapes_are_the_things(drawn, found)


def test_masks_belong_to_the_image_of_their_product_and_what_fits_nowhere_is_counted(tmp_path):
    image, mask = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8)
    mask[1, 2:4] = 255
    for product in ("bottle", "cable"):
        save(image, tmp_path / product / "test/scratch/000.png")
        save(image, tmp_path / product / "train/good/000.png")
    save(mask, tmp_path / "cable/ground_truth/scratch/000_mask.png")
    save(mask, tmp_path / "cable/ground_truth/scratch/001_mask.png")
    save(image, tmp_path / "cable/loose.png")
    found = mvtec.read(Files.below(tmp_path), Reading())
    shown = {item.name: (item.labels, item.split, len(item.annotations)) for item in found.items}
    assert shown == {
        "bottle/test/scratch/000.png": (("scratch",), "test", 0),
        "bottle/train/good/000.png": (("good",), "train", 0),
        "cable/test/scratch/000.png": (("scratch",), "test", 1),
        "cable/train/good/000.png": (("good",), "train", 0),
    }
    assert dict(found.left_out.images) == {"not in PRODUCT/train or test/KIND": ["cable/loose.png"]}
    assert dict(found.left_out.annotations) == {
        "of an image that is not there": ["cable/ground_truth/scratch/001_mask.png"]
    }
