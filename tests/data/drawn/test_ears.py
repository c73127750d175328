import numpy as np
import pytest
from sketch import pen
from skimage.measure import points_in_poly

from campare.data.drawn import ears
from campare.data.drawn.geometry import flipped

ALL = (ears.cat, ears.fox, ears.dog, ears.rabbit, ears.bear, ears.mouse, ears.pig)


def all_of(view, count=6):
    return [
        (make, make(np.random.default_rng(seed), view)) for make in ALL for seed in range(count)
    ]


def test_from_the_front_each_ear_has_its_mirror_image():
    for make, found in all_of("front"):
        shapes = [ear.shape for ear in found]
        for shape in shapes:
            assert any(np.allclose(flipped(shape), other) for other in shapes), make.__name__


def test_from_the_side_the_near_ear_hides_its_root_and_the_far_one_stands_behind():
    for make, found in all_of("side"):
        assert not found[-1].behind, make.__name__
        for far in found[:-1]:
            assert far.behind and far.shaded, make.__name__  # noqa: PT018
            assert far.inner is None


@pytest.mark.parametrize("view", ["front", "side"])
def test_ears_grow_on_the_head_and_what_is_pink_is_inside(view):
    for make, found in all_of(view):
        for ear in found:
            distance = np.hypot(*ear.shape.T)
            assert distance.min() < 1.02, make.__name__  # the head is a disc of radius one
            assert distance.max() < 3, make.__name__
            if ear.inner is not None:
                inside = points_in_poly(ear.inner, ear.shape)
                assert inside.mean() > 0.75, make.__name__


def test_they_are_drawn_in_two_goes():
    found = ears.mouse(np.random.default_rng(0), "side")
    drawn = {}
    for behind in (True, False):
        one = pen()
        ears.draw_ears(one.within((0, 0), 0.3), found, behind=behind)
        drawn[behind] = np.asarray(one.canvas.labels).any(0).nonzero()[0]
    far, near = drawn[True], drawn[False]
    assert far[0] > near[0]  # the head looks to the right, its far ear is the more forward one
    assert len(far) == pytest.approx(len(near), abs=1)


def test_species_differ_by_their_ears():
    for view in ("front", "side"):
        heights = {make: max(-ear.shape[:, 1].min() for ear in found)
                   for make, found in all_of(view, 1)}  # fmt: skip
        assert heights[ears.rabbit] == max(heights.values())
        assert heights[ears.fox] > heights[ears.cat] > heights[ears.dog]
        assert heights[ears.mouse] > heights[ears.bear]
