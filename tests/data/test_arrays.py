"""Arrays of any rank in memory: shapes, masks, intervals, labels, and what is refused."""

import pickle

import numpy as np
import pytest

from campare.data import Images, ImageSet
from campare.data.arrays import inputs_of, masks_of
from campare.errors import DataError

SIGNALS = np.random.default_rng(0).normal(size=(4, 30, 2))


@pytest.mark.parametrize("grid", [(30,), (6, 5), (4, 5, 6), (2, 3, 4, 5)])
def test_arrays_keep_their_numbers_and_masks_their_places(grid):
    arrays = np.random.default_rng(0).normal(size=(3, *grid, 2))
    masks = np.random.default_rng(1).random((3, *grid)) > 0.5
    images = Images.from_arrays(arrays, [1, 0, 1], masks, classes=["ill", "well"])
    np.testing.assert_array_equal(images.images, arrays.astype(np.float32))
    np.testing.assert_array_equal(images.regions["object"], masks)
    assert images.grid == grid
    assert images.span == np.float32(images.images.max()) - np.float32(images.images.min())
    assert (images.names, images.pictures) == (("well/0", "ill/1", "well/2"), False)
    back = pickle.loads(pickle.dumps(images))
    np.testing.assert_array_equal(back.images, images.images)
    some = ImageSet.from_images(images).load("test", grid)
    np.testing.assert_array_equal(some.images, images.images)
    np.testing.assert_array_equal(some.regions["object"], masks)
    assert some.labels.tolist() == [1, 0, 1]


def test_pictures_stay_pictures():
    images = Images.from_arrays(np.zeros((2, 4, 4, 3), np.uint8), ["a", "b"])
    assert images.pictures
    assert images.span == 255
    assert ImageSet.from_images(images).load("test", 2).images.shape == (2, 2, 2, 3)


def test_intervals_are_masks_of_signals():
    lists = [[(0, 3), (10, 12)], [], [(29, 30)], []]
    images = Images.from_arrays(SIGNALS, masks={"object": lists, "cue": np.ones((4, 30))})
    assert images.regions["object"].sum(1).tolist() == [5, 0, 1, 0]
    assert images.regions["object"][0].nonzero()[0].tolist() == [0, 1, 2, 10, 11]
    assert images.regions["cue"].all()
    assert images.class_names == ("all",)


def test_a_mask_may_have_an_axis_of_one_channel():
    assert masks_of(np.ones((2, 3, 3, 1)), (2, 3, 3))["object"].shape == (2, 3, 3)


def test_groups_and_samples_go_along():
    images = Images.from_arrays(SIGNALS, ["a", "b", "a", "b"], groups=["p", "p", None, "q"])
    data = ImageSet.from_images(images)
    assert [sample.group for sample in data.samples] == ["p", "p", None, "q"]
    assert data.load("test", (30,)).groups == ("p", "p", None, "q")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"arrays": SIGNALS[..., 0]}, r"\(N, T, C\).*Try: arrays\[\.\.\., None\]"),
        ({"arrays": [np.zeros((3, 1)), np.zeros((4, 1))]}, "got several shapes"),
        ({"arrays": np.full((1, 3, 1), np.nan)}, "finite numbers, got others in number 0"),
        ({"arrays": SIGNALS, "labels": [0, 1]}, r"a label for each of 4 arrays"),
        ({"arrays": SIGNALS, "labels": [0, 1, 2, 0], "classes": ["a", "b"]}, "labels from 0 to 1"),
        ({"arrays": SIGNALS, "labels": list("abca"), "classes": ["a", "b"]}, "got 'c'"),
        ({"arrays": SIGNALS, "masks": np.ones((4, 29))}, r"Expected masks \(4, 30\)"),
        ({"arrays": SIGNALS, "masks": [[(0, 31)], [], [], []]}, "within 0 and 30"),
        ({"arrays": SIGNALS, "masks": [[(0, 3)]]}, "intervals of each of 4 signals, got 1 lists"),
        ({"arrays": SIGNALS, "names": ["a"]}, "a name for each of 4 arrays"),
        ({"arrays": SIGNALS, "groups": ["a"]}, "a group for each of 4 arrays"),
    ],
)
def test_what_does_not_fit_is_one_line(given, said):
    with pytest.raises(DataError, match=said) as told:
        Images.from_arrays(**given)
    assert "\n" not in str(told.value)


def test_advice_of_arrays_without_channels_works():
    assert inputs_of(SIGNALS[..., 0][..., None]).shape == (4, 30, 1)


def test_arrays_are_not_resized():
    with pytest.raises(DataError, match=r"Try: size=\(30,\)"):
        ImageSet.from_images(Images.from_arrays(SIGNALS)).load("test", 20)
