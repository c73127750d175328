"""Boxes of maps: those of plain loops, and COCO that COCO's own reader and campare's read back."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import find_objects, label

from campare.attribution.boxes import boxes_of, parts_of, run_lengths
from campare.attribution.explanation import Explanation
from campare.data import ImageSet
from campare.errors import CampareError


def blobs(n: int = 4, side: int = 24) -> np.ndarray:
    """Maps with a few bright rectangles on a dim ground."""
    rng = np.random.default_rng(1)
    maps = rng.uniform(0, 0.05, (n, side, side)).astype(np.float32)
    for one in maps:
        for top, left in ((2, 3), (14, 10)):
            height, width = rng.integers(3, 8, 2)
            one[top : top + height, left : left + width] = rng.uniform(0.5, 1)
    return maps


def explained(maps: np.ndarray, **changes) -> Explanation:
    n = len(maps)
    made = Explanation(
        maps=maps,
        scores=np.ones(n, np.float32),
        target=np.arange(n) % 2,
        logits=np.zeros((n, 2), np.float32),
        layer="conv",
        method="grad-cam",
        status=np.array(["ok"] * n),
        images=np.zeros((n, *maps.shape[1:], 3), np.uint8),
        class_names=("cat", "dog"),
    )
    return replace(made, **changes)


@pytest.mark.parametrize("threshold", [0.2, 0.6, 1.0])
def test_boxes_are_those_that_another_library_finds(threshold: float):
    for one in blobs():
        scaled = (one - one.min()) / (one.max() - one.min())
        labels, _ = label(scaled >= threshold, structure=np.ones((3, 3)))
        found = {(y.start, x.start, y.stop, x.stop) for y, x in find_objects(labels)}
        assert {tuple(box) for box in boxes_of(one, threshold).tolist()} == found


def test_parts_come_by_their_energy_and_share_it():
    parts = parts_of(blobs(1)[0], 0.3)
    shares = [part.share for part in parts]
    assert len(parts) > 1
    assert shares == sorted(shares, reverse=True)
    assert 0.5 < sum(shares) <= 1
    negative = np.array([[-5.0, 0.0], [0.0, 2.0]])
    assert [part.box for part in parts_of(negative)] == [(1, 1, 2, 2)]


def test_what_marks_nothing_has_no_box():
    assert boxes_of(np.ones((3, 3))).shape == boxes_of(-np.ones((3, 3))).shape == (0, 4)
    assert boxes_of(np.full((3, 3), np.nan)).shape == (0, 4)
    maps = blobs(2)
    of_each = explained(maps, status=np.array(["ok", "flat"])).boxes()
    assert len(of_each[0]) > 0
    assert len(of_each[1]) == 0


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.5, float("nan")])
def test_a_threshold_is_a_share(threshold: float):
    with pytest.raises(CampareError, match=r"above 0 and up to 1, got .*Try: 0\.2"):
        boxes_of(np.eye(3), threshold)


def test_boxes_are_in_pixels_of_the_images():
    maps = np.zeros((1, 4, 4), np.float32)
    maps[0, 1, 2] = 1
    found = explained(maps, images=np.zeros((1, 64, 32, 3), np.uint8))
    ((top, left, bottom, right),) = found.boxes(0.5)[0].tolist()
    assert 16 <= top < 24 < bottom <= 32  # the middle of the cell is row 24, column 20
    assert 16 <= left < 20 < right <= 24
    assert found.boxes(0.5, size=(4, 4))[0].tolist() == [[1, 2, 2, 3]]


def test_run_lengths_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    for mask in (rng.random((5, 7)) > 0.5, np.ones((2, 3), bool), np.zeros((2, 3), bool)):
        counts, value = [0], False
        for inside in mask.T.ravel():
            if inside == value:
                counts[-1] += 1
            else:
                value = not value
                counts.append(1)
        assert run_lengths(mask) == counts


def test_coco_reads_back_what_was_written(tmp_path):
    maps = blobs()
    found = explained(maps)
    names = [f"{i}.png" for i in range(len(maps))]
    for name in names:
        Image.new("RGB", (24, 24)).save(tmp_path / name)
    (tmp_path / "instances.json").write_text(json.dumps(found.to_coco(names, threshold=0.3)))
    images = ImageSet.from_dataset(tmp_path, "coco")
    marked = [np.any([p.mask for p in parts_of(one, 0.3)], axis=0) for one in maps]
    for sample in images.samples:
        number = int(sample.image.rpartition("/")[2].partition(".")[0])
        assert images.class_names[sample.label] == ("cat", "dog")[number % 2]
        np.testing.assert_array_equal(images.read(sample).regions["object"], marked[number])


def test_cocos_own_tools_read_it(tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    path = tmp_path / "maps.json"
    found = explained(blobs())
    path.write_text(json.dumps(found.to_coco(threshold=0.3)))
    read = coco.COCO(path)
    for annotation in read.loadAnns(read.getAnnIds(imgIds=[1])):
        mask = read.annToMask(annotation).astype(bool)
        left, top, width, height = map(int, annotation["bbox"])
        rows, columns = np.nonzero(mask)
        assert (rows.min(), columns.min()) == (top, left)
        assert (rows.max() + 1, columns.max() + 1) == (top + height, left + width)
        assert mask.sum() == annotation["area"]


def test_a_function_is_one_category_and_names_are_counted():
    found = explained(blobs(2), target=None).to_coco()
    assert [each["name"] for each in found["categories"]] == ["target"]
    with pytest.raises(CampareError, match="2 names, one for each map, got 1"):
        explained(blobs(2)).to_coco(["a.png"])
    with pytest.raises(CampareError, match="maps of images, got those of 3 axes"):
        explained(np.zeros((1, 2, 2, 2), np.float32)).boxes()
