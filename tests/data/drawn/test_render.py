import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from campare.data.drawn import ANIMALS, CLASSES
from campare.data.drawn.geometry import Frame, box
from campare.data.drawn.render import fitted, render


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(CLASSES),
    size=st.sampled_from([16, 33, 96, 130]),
    seed=st.integers(0, 2**40),
    split=st.sampled_from(["train", "test"]),
    index=st.integers(0, 10**6),
)
def test_any_picture_has_its_shape_and_parts_within_the_object(name, size, seed, split, index):
    picture = render(name, size, seed, split, index)
    assert picture.image.shape == (size, size, 3)
    assert picture.image.dtype == np.uint8
    inside = picture.regions["object"]
    assert inside.shape == (size, size)
    assert inside.any()
    assert not inside.all()
    if name in ANIMALS:
        parts = picture.regions["parts"]
        assert not (parts & ~inside).any()
        assert (inside & ~parts).any()
    again = render(name, size, seed, split, index)
    assert np.array_equal(again.image, picture.image)


def test_pictures_of_seeds_splits_and_indices_differ():
    seen = {
        render("cat", 32, seed, split, index).image.tobytes()
        for seed in (0, 1)
        for split in ("train", "test")
        for index in range(4)
    }
    assert len(seen) == 16


def test_a_small_picture_shows_the_same_scene_as_a_large_one():
    for index in range(6):
        small, large = (render("dog", size, 3, "train", index) for size in (40, 120))
        shrunk = large.image.reshape(40, 3, 40, 3, 3).mean((1, 3))
        assert np.abs(shrunk - small.image).mean() < 8
        covered = large.regions["object"].reshape(40, 3, 40, 3).mean((1, 3)) > 0.5
        assert (covered != small.regions["object"]).mean() < 0.05


@given(
    share=st.floats(0.4, 1.06), angle=st.floats(-0.4, 0.4), mirrored=st.booleans(),
    x=st.floats(0, 1), y=st.floats(0, 1), wide=st.floats(0.3, 2.0),
)  # fmt: skip
def test_an_object_is_as_large_as_told_and_stays_inside(share, angle, mirrored, x, y, wide):
    canvas = Frame(90 * np.eye(2), np.zeros(2))
    low, high = np.array([-wide, -0.5]), np.array([0.2, 0.7])
    frame = fitted(canvas, low, high, share, angle, mirrored, np.array([x, y]))
    corners = frame(box(*low, *high)) / 90
    assert np.isclose(np.ptp(corners, axis=0).max(), share)
    assert corners.min() >= -0.06 - 1e-9
    assert corners.max() <= 1.06 + 1e-9
    assert (np.linalg.det(frame.matrix) < 0) == mirrored


def test_a_thing_has_one_mask_and_an_animal_two():
    assert set(render("fox", 16, 0, "train", 0).regions) == {"object", "parts"}
    assert set(render("kite", 16, 0, "train", 0).regions) == {"object"}
