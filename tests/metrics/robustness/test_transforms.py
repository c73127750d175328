import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import reference_stability as slow
from campare.data.stored import Computed
from campare.metrics.robustness.colors import jpeg, noise
from campare.metrics.robustness.transforms import crop, flip, inverse, rotation, translation, zoom

RNG = np.random.default_rng(0)
MOVES = {
    "flip": flip(),
    "vertical": flip("vertical"),
    "rotation": rotation(25),
    "zoom-in": zoom(1.3),
    "zoom-out": zoom(0.6),
    "crop": crop(0.3),
    "translation": translation(0.22),
}


def in_pixels(transform, h, w):
    """The source of pixel (i, j), written out for each transformation from its meaning."""
    cy, cx = (h - 1) / 2, (w - 1) / 2
    d = transform.dose
    t = np.deg2rad(d)
    return {
        "flip": lambda i, j: (i, w - 1 - j),
        "rotation": lambda i, j: (
            cy + np.cos(t) * (i - cy) + np.sin(t) * (j - cx),
            cx - np.sin(t) * (i - cy) + np.cos(t) * (j - cx),
        ),
        "zoom-in": lambda i, j: (cy + (i - cy) / (1 + d), cx + (j - cx) / (1 + d)),
        "zoom-out": lambda i, j: (cy + (i - cy) / (1 - d), cx + (j - cx) / (1 - d)),
        "crop": lambda i, j: ((i + 0.5) * (1 - d) - 0.5, (j + 0.5) * (1 - d) - 0.5),
        "translation": lambda i, j: (i - d * h, j - d * w),
    }[transform.name]


@pytest.mark.parametrize("name", [n for n in MOVES if n != "vertical"])
def test_images_and_maps_move_as_the_slow_one(name):
    transform = MOVES[name]
    h, w = (9, 9) if name == "rotation" else (7, 10)
    maps = RNG.random((3, h, w)).astype(np.float32)
    expected = np.stack([slow.warp(m, in_pixels(transform, h, w)) for m in maps])
    assert transform.maps(maps) == pytest.approx(expected, abs=1e-6)
    images = np.stack([maps, 2 * maps], axis=-1)
    moved = transform.images(images, np.random.default_rng(0))
    assert moved[..., 0] == pytest.approx(expected, abs=1e-6)
    assert moved[..., 1] == pytest.approx(2 * expected, abs=1e-6)


def test_flips_are_exact():
    maps = RNG.random((2, 128, 7)).astype(np.float32)
    assert np.array_equal(flip().maps(maps), maps[:, :, ::-1])
    assert np.array_equal(flip("vertical").maps(maps), maps[:, ::-1])
    assert np.array_equal(flip().back(flip().maps(maps)), maps)


@pytest.mark.parametrize("n", [4, 5, 16, 96])
def test_a_quarter_turn_is_exact(n):
    maps = RNG.random((2, n, n)).astype(np.float32)
    assert np.array_equal(rotation(90).maps(maps), np.rot90(maps, axes=(1, 2)))


def test_rotation_is_that_of_scipy_inside():
    maps = RNG.random((1, 33, 33)).astype(np.float32)
    inside = rotation(20).valid((33, 33))
    core = ndimage.minimum_filter(inside, 5, mode="constant", cval=0)
    expected = ndimage.rotate(maps[0].astype(float), 20, order=1, reshape=False)
    assert rotation(20).maps(maps)[0][core] == pytest.approx(expected[core], abs=1e-5)


def test_rotation_of_wide_images_turns_in_pixels():
    wide = np.zeros((1, 20, 40), np.float32)
    wide[0, 9:11, 28:30] = 1  # 9 pixels right of the center
    turned = rotation(90, aspect=2).maps(wide)
    assert np.argwhere(turned[0] > 0.9).mean(axis=0) == pytest.approx([0.5, 19.5], abs=0.51)


def test_whole_pixels_move_exactly():
    maps = RNG.random((1, 8, 8)).astype(np.float32)
    moved = translation(0.25).maps(maps)
    assert np.array_equal(moved[:, 2:, 2:], maps[:, :-2, :-2])
    assert np.array_equal(moved[:, 1, 2:], maps[:, 0, :-2])  # mirrored at the border


@pytest.mark.parametrize("name", [n for n in MOVES if n != "vertical"])
def test_valid_cells_come_from_inside(name):
    h, w = (11, 11) if name == "rotation" else (9, 14)
    source = in_pixels(MOVES[name], h, w)
    expected = np.empty((h, w), bool)
    for i in range(h):
        for j in range(w):
            y, x = source(i, j)
            expected[i, j] = -0.5 <= y <= h - 0.5 and -0.5 <= x <= w - 0.5
    assert np.array_equal(MOVES[name].valid((h, w)), expected)


def test_enlarging_leaves_no_border_and_shrinking_does():
    assert zoom(1.5).valid((8, 8)).all()
    assert crop(0.4).valid((8, 8)).all()
    assert flip().valid((8, 8)).all()
    assert zoom(0.5).valid((8, 8)).sum() == 16
    assert zoom(1.5).valid_back((12, 12)).sum() == 64
    assert not rotation(45).valid((8, 8))[0, 0]
    assert rotation(45).valid((8, 8))[3:5, 3:5].all()


@pytest.mark.parametrize("transform", MOVES.values(), ids=MOVES)
def test_back_undoes_it_for_smooth_maps(transform):
    y, x = np.mgrid[:64, :64] / 64
    smooth = (np.sin(3 * y + 2 * x) + 2)[None].astype(np.float32)
    again = transform.back(transform.maps(smooth))
    inside = ndimage.minimum_filter(transform.valid_back((64, 64)), 7, mode="constant", cval=0)
    assert again[0][inside] == pytest.approx(smooth[0][inside], abs=3e-3)


@pytest.mark.parametrize("transform", MOVES.values(), ids=MOVES)
@given(value=st.floats(-1e6, 1e6, width=32))
def test_a_plateau_stays_exactly_flat(transform, value):
    assert np.array_equal(
        transform.maps(np.full((1, 5, 6), value)), np.full((1, 5, 6), value, np.float32)
    )


@pytest.mark.parametrize("transform", MOVES.values(), ids=MOVES)
def test_any_grid_moves_alike(transform):
    """A coarse map moved is the fine map moved, seen coarsely."""
    y, x = np.mgrid[:96, :96] / 96
    fine = (np.cos(2 * y) * (1 + x))[None].astype(np.float32)
    coarse = fine.reshape(1, 12, 8, 12, 8).mean(axis=(2, 4))
    moved = transform.maps(fine).reshape(1, 12, 8, 12, 8).mean(axis=(2, 4))
    core = ndimage.minimum_filter(transform.valid((12, 12)), 3)[1:-1, 1:-1]
    assert transform.maps(coarse)[0, 1:-1, 1:-1][core] == pytest.approx(
        moved[0, 1:-1, 1:-1][core], abs=0.01
    )


def test_maps_of_one_cell_stay():
    maps = np.array([[[3.0]]], np.float32)
    for transform in MOVES.values():
        assert transform.maps(maps).tolist() == [[[3.0]]]


def test_no_images_give_none():
    assert rotation(10).images(np.empty((0, 4, 4, 3)), np.random.default_rng(0)).shape[0] == 0


@given(st.floats(-180, 180), st.floats(0.3, 3))
def test_the_inverse_undoes_a_source(degrees, factor):
    for transform in (rotation(degrees), zoom(factor), crop(0.3)):
        twice = np.vstack([transform.source, (0, 0, 1)]) @ np.vstack(
            [inverse(transform.source), (0, 0, 1)]
        )
        assert twice == pytest.approx(np.eye(3), abs=1e-9)


def test_doses_count_from_no_change():
    assert (zoom(1.35).dose, zoom(0.65).dose, zoom(1.35).name, zoom(0.65).name) == (
        0.35,
        0.35,
        "zoom-in",
        "zoom-out",
    )


@pytest.mark.parametrize("change", [rotation(25), noise(0.1), jpeg(50)])
def test_computed_images_change_as_they_do_at_once(change):
    images = RNG.integers(0, 256, (300, 8, 8, 3)).astype(np.float32)
    read_later = Computed(images.shape, lambda rows: images[rows])
    drawn, rng = np.random.default_rng(2), np.random.default_rng(2)
    at_once, later = change.images(images, drawn), change.images(read_later, rng)
    assert isinstance(later, Computed)
    for _ in range(2):  # the model is queried, then the method
        assert np.array_equal(np.asarray(later), at_once)
    assert rng.random() == drawn.random()
