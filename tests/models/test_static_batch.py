"""A batch in parts: every row comes back once, in its order."""

import numpy as np
import pytest

from campare.models.static_batch import joined, split


@pytest.mark.parametrize(("n", "size"), [(1, 4), (3, 4), (4, 4), (7, 4), (8, 4), (5, 1)])
@pytest.mark.parametrize("axis", [0, 1])
def test_parts_are_of_one_size_and_give_all_rows_back(n, size, axis):
    images = np.arange(n * 6).reshape(n, 2, 3)
    parts = list(split(images, size))
    assert {len(part.images) for part in parts} == {size}
    assert sum(part.new for part in parts) == n
    moved = [(np.moveaxis(part.images, 0, axis), part.new) for part in parts]
    np.testing.assert_array_equal(joined(moved, axis), np.moveaxis(images, 0, axis))


@pytest.mark.parametrize("index", [np.array([7, 8, 9]), [7, 8, 9]], ids=["array", "list"])
def test_what_there_is_one_each_of_is_split_with_the_images_and_the_rest_is_not(index):
    images, scale = np.arange(3), np.ones((1, 2))
    first, last = split(images, 2, index, scale, None, "second-best")
    assert first.own[0].tolist() == [7, 8]
    assert last.own[0].tolist() == [9, 7]
    for part in (first, last):
        assert part.own[1] is scale
        assert part.own[2:] == [None, "second-best"]
