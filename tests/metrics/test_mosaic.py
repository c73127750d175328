import sys
from dataclasses import replace

import numpy as np
import pytest

from campare.attribution.maps import pool
from campare.data import stored
from campare.data.samples import Images
from campare.errors import CampareError, DataError
from campare.metrics.mosaic import class_masks, mosaics
from resident import resident


def image_set(counts, size=10):
    """Images of one gray each, so that a cell tells which image it shows."""
    labels = np.repeat(np.arange(len(counts)), counts)
    grays = np.arange(1, len(labels) + 1, dtype=np.uint8)
    pixels = np.broadcast_to(grays[:, None, None, None], (len(labels), size, size, 3)).copy()
    names = tuple(f"{i}.png" for i in range(len(labels)))
    classes = tuple("abcdefgh"[: len(counts)])
    return Images(pixels, labels.astype(np.int64), names, {}, classes)


def corners(picture):
    return [int(picture[y, x, 0]) - 1 for y in (0, -1) for x in (0, -1)]


@pytest.mark.parametrize("size", [10, 11])
@pytest.mark.parametrize(("kind", "own"), [("focus", 2), ("grid", 1)])
@pytest.mark.parametrize("counts", [[5, 5], [4, 3, 5], [2, 3, 2, 4, 3]])
def test_cells_mark_exactly_the_images_of_the_target(kind, own, counts, size):
    images = image_set(counts, size)
    made = mosaics(images, count=30, seed=3, kind=kind)
    assert made.images.shape == (30, size, size, 3)
    for picture, target, cells, picked in zip(
        made.images, made.targets, made.cells, made.picked, strict=True
    ):
        shown = corners(picture)
        assert shown == picked.tolist()
        assert len(set(shown)) == 4
        labels = images.labels[shown]
        assert (labels == target).sum() == own
        # pixel by pixel: the mask is True where the image shown has the target's class
        assert np.array_equal(images.labels[picture[..., 0] - 1] == target, cells)


def test_the_cells_of_an_even_mosaic_have_the_share_of_chance():
    images = image_set([4, 4])
    for kind, share in (("focus", 0.5), ("grid", 0.25)):
        made = mosaics(images, count=8, seed=0, kind=kind)
        assert (made.cells.mean(axis=(1, 2)) == share).all()


def test_the_grid_game_shows_four_classes_where_there_are_four():
    images = image_set([3, 3, 3, 3, 3])
    made = mosaics(images, count=40, seed=1, kind="grid")
    assert all(len(set(images.labels[picked])) == 4 for picked in made.picked)


def test_targets_are_even_and_places_vary():
    images = image_set([6, 6, 6])
    made = mosaics(images, count=300, seed=0)
    assert np.bincount(made.targets).tolist() == [100, 100, 100]
    first = made.cells[:, 0, 0].mean()  # is the top left cell of the target?
    assert abs(first - 0.5) < 4 * np.sqrt(0.25 / 300)


def test_a_cell_is_the_image_averaged_down():
    images = image_set([2, 2], size=8)
    images.images[:] = np.random.default_rng(0).integers(0, 256, images.images.shape)
    made = mosaics(images, count=1, seed=0)
    small = pool(images.images[made.picked[0, 1], :, :, 2][None], (4, 4))[0]
    assert np.array_equal(made.images[0, :4, 4:, 2], np.rint(small))


def test_the_seed_decides():
    images = image_set([5, 5])
    first, again, other = (mosaics(images, count=9, seed=s) for s in (0, 0, 1))
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.targets, again.targets)
    assert not np.array_equal(first.picked, other.picked)
    assert len(set(first.names)) == 9
    assert first.names[0] == "focus-0000"


def test_a_class_with_one_image_is_never_the_target_of_focus():
    made = mosaics(image_set([1, 3, 3]), count=20, seed=0)
    assert set(made.targets.tolist()) == {1, 2}


@pytest.mark.parametrize(
    ("kind", "counts", "text"),
    [
        ("focus", [4], "2 images and 2 of other classes for mosaics, got 4 images a class"),
        ("focus", [1, 1], "2 images and 2 of other classes for mosaics, got 1, 1 images a class"),
        ("grid", [2, 2], "1 images and 3 of other classes for mosaics, got 2, 2 images a class"),
    ],
)
def test_too_few_images_are_one_line(kind, counts, text):
    with pytest.raises(DataError) as error:
        mosaics(image_set(counts), count=2, seed=0, kind=kind)
    assert str(error.value) == f"Expected a class with {text}. Try adding test images."


@pytest.mark.parametrize("shape", [(8, 12, 3), (8, 12, 12, 2), (8, 12, 16, 3), (8, 4, 4, 4, 3)])
def test_signals_and_volumes_have_no_mosaics(shape):
    arrays = Images.from_arrays(np.zeros(shape, np.float32), [0, 1] * 4, classes=["a", "b"])
    with pytest.raises(DataError, match=r"^Expected square pictures .* got float32 of shape \(8"):
        mosaics(arrays, count=2, seed=0)


def test_an_unknown_kind_is_one_line():
    with pytest.raises(CampareError) as error:
        mosaics(image_set([2, 2]), count=1, seed=0, kind="tiles")
    assert str(error.value) == ("Expected a kind of mosaic, got 'tiles'. Try 'focus' or 'grid'.")


@pytest.mark.parametrize(("kind", "own"), [("focus", 2), ("grid", 1)])
def test_the_objects_of_the_class_lie_on_its_cells(kind, own):
    images = image_set([4, 4, 4])
    objects = np.zeros(images.images.shape[:3], bool)
    for i, mask in enumerate(objects):
        mask[: 2 * (i % 4 + 1), :6] = True  # a share of its own
    made = mosaics(images, count=12, seed=0, kind=kind)
    mine, theirs = class_masks(made, objects)
    assert not (mine & theirs).any()
    assert not (mine & ~made.cells).any()
    assert not (theirs & made.cells).any()
    cells = {(0, 0): 0, (0, 5): 1, (5, 0): 2, (5, 5): 3}
    for one, other, picked in zip(mine, theirs, made.picked, strict=True):
        for (down, across), which in cells.items():
            cell = (one | other)[down : down + 5, across : across + 5]
            assert np.array_equal(cell, pool(objects[picked[which]], (5, 5)) >= 0.5)
    assert (mine.reshape(12, -1).any(axis=1) & theirs.reshape(12, -1).any(axis=1)).all()


def test_mosaics_of_different_blocks_share_no_group():
    groups = tuple(f"{i // 4}" if i % 5 else None for i in range(80))
    given = replace(image_set([40, 40]), groups=groups)
    made = mosaics(given, count=60, seed=0)
    names = [group or f"image {i}" for i, group in enumerate(groups)]
    blocks = {}
    for block, picked in zip(made.groups, made.picked, strict=True):
        for image in picked:
            blocks.setdefault(names[image], set()).add(block)
    assert max(map(len, blocks.values())) == 1
    assert len(set(made.groups)) == 9  # 18 groups of a class
    assert np.bincount(made.targets).tolist() == [30, 30]
    few = mosaics(replace(given, groups=("p",) * 80), count=6, seed=0)
    assert set(few.groups) == {"focus block 0"}
    assert mosaics(image_set([40, 40]), count=6, seed=0).groups == ()


@pytest.mark.skipif(sys.platform != "linux", reason="pages of a process, as Linux tells them")
def test_images_and_masks_in_files_leave_the_memory(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stored, "LIMIT", 0)
    images = image_set([300, 300], size=32)
    masks = stored.zeros((600, 32, 32), bool)
    filed = stored.zeros(images.images.shape, np.uint8)
    masks[:], filed[:] = True, images.images
    assert resident(masks) + resident(filed) > 2_000_000
    stored.release(masks, filed)
    made = mosaics(replace(images, images=filed), count=50, seed=0)
    own, other = class_masks(made, masks)
    assert own.any()
    assert other.any()
    assert resident(masks) + resident(filed) == 0
