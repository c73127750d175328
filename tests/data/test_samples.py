"""Images in memory: loading, subsets, and splits that keep the share of every class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campare.data import Images, ImageSet, Picture, Sample
from campare.errors import DataError


def grey_set(count: int = 6) -> ImageSet:
    """Image i is grey 10 i; even ones have an object mask; the first two of three train."""
    samples = tuple(
        Sample(f"img_{i}", i % 2, "test" if i % 3 == 2 else "train") for i in range(count)
    )

    def read(sample: Sample) -> Picture:
        index = int(sample.image.removeprefix("img_"))
        mask = np.zeros((6, 8), np.bool_)
        mask[:, :4] = True
        regions = {"object": mask} if index % 2 == 0 else {}
        return Picture(np.full((6, 8, 3), 10 * index % 256, np.uint8), regions)

    return ImageSet("grey", ("even", "odd"), samples, read, "0" * 64, regions=("object",))


def test_load_keeps_the_order_and_leaves_absent_masks_empty():
    progress = []
    images = grey_set(30).load("train", 4, progress=lambda *step: progress.append(step))
    indices = [i for i in range(30) if i % 3 != 2]
    assert images.names == tuple(f"img_{i}" for i in indices)
    assert images.images[:, 0, 0, 0].tolist() == [(10 * i) % 256 for i in indices]
    assert images.images.shape == (20, 4, 4, 3)
    assert images.images.dtype == np.uint8
    assert images.labels.tolist() == [i % 2 for i in indices]
    assert images.labels.dtype == np.int64
    assert images.regions["object"].dtype == np.bool_
    assert images.regions["object"].mean((1, 2)).tolist() == [0.5 * (i % 2 == 0) for i in indices]
    assert progress == [(i + 1, 20) for i in range(20)]
    assert len(images) == 20


def test_counts():
    assert grey_set().counts() == {"train": {"even": 2, "odd": 2}, "test": {"even": 1, "odd": 1}}


def test_load_refuses_what_makes_no_sense():
    with pytest.raises(DataError) as caught:
        grey_set().load("validation", 8)
    assert str(caught.value) == ("Expected a split, train or test, got 'validation'. Try 'test'.")
    with pytest.raises(DataError, match=r"Expected a size of at least 1 pixel, got 0\. Try 128\."):
        grey_set().load("test", 0)


def test_a_subset_takes_everything_along():
    images = grey_set().load("train", 4)
    part = images.subset([3, 0])
    assert part.names == ("img_4", "img_0")
    assert part.labels.tolist() == [0, 0]
    assert part.images[:, 0, 0, 0].tolist() == [40, 0]
    assert part.regions["object"].any((1, 2)).tolist() == [True, True]
    part.images[:] = 1
    assert images.images[0, 0, 0, 0] == 0


def labelled(labels: list[int]) -> Images:
    count = len(labels)
    names = tuple(map(str, range(count)))
    pixels = np.zeros((count, 1, 1, 3), np.uint8)
    return Images(pixels, np.array(labels, np.int64), names, {}, ("a", "b", "c"))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=60),
    st.floats(0.05, 0.95),
    st.integers(0, 10**6),
)
def test_a_stratified_split_parts_every_class_alike(labels, fraction, seed):
    images = labelled(labels)
    rest, held = images.stratified_split(fraction, seed)
    assert sorted(rest.names + held.names, key=int) == list(images.names)
    for label in set(labels):
        size, taken = labels.count(label), int((held.labels == label).sum())
        if size == 1:
            assert taken == 0
        else:
            assert 1 <= taken <= size - 1
            assert abs(taken - fraction * size) <= 1
    again = images.stratified_split(fraction, seed)[1]
    assert again.names == held.names


def test_load_at_an_oblong_size_keeps_image_and_mask_aligned():
    images = ImageSet.drawn(train=2, test=2, size=32).load("test", (16, 8))
    assert images.images.shape == (2, 16, 8, 3)
    assert images.regions["object"].shape == (2, 16, 8)
    square = ImageSet.drawn(train=2, test=2, size=32).load("test", 32)
    share = square.regions["object"].mean(axis=(1, 2))
    np.testing.assert_allclose(images.regions["object"].mean(axis=(1, 2)), share, atol=0.05)


def test_images_in_memory_become_a_set_with_the_same_pixels():
    images = ImageSet.drawn(train=2, test=4, size=16).load("test", 16)
    made = ImageSet.from_images(images)
    again = made.load("test", 16)
    np.testing.assert_array_equal(again.images, images.images)
    np.testing.assert_array_equal(again.regions["object"], images.regions["object"])
    assert (again.names, again.class_names) == (images.names, images.class_names)
    assert made.fingerprint == ImageSet.from_images(images).fingerprint
    assert made.fingerprint != ImageSet.from_images(images.subset([1, 0, 2, 3])).fingerprint
    with pytest.raises(DataError, match="of different names"):
        ImageSet.from_images(images.subset([0, 0]))
