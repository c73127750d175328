import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from campare.data.drawn import ANIMALS, CLASSES, SOURCE_CATEGORIES, drawn_set
from campare.data.drawn import canvas as canvas_module
from campare.data.drawn.canvas import Canvas, Pen, Skin
from campare.data.drawn.geometry import box, ellipse, expand, limb, rounded, smooth
from campare.data.drawn.render import render
from campare.errors import DataError


@pytest.fixture(scope="module")
def pets():
    return drawn_set(train=160, test=40, seed=5).load("train", 96)


# The set


def test_a_set_is_balanced_and_names_every_image_once():
    drawn = drawn_set(("cat", "dog", "fish"), train=9, test=6, size=32)
    assert drawn.counts() == {
        "train": {"cat": 3, "dog": 3, "fish": 3},
        "test": {"cat": 2, "dog": 2, "fish": 2},
    }
    assert len({sample.image for sample in drawn.samples}) == 15
    assert drawn.samples[1].image == "train/dog/dog_00001.png"
    assert (drawn.default_size, drawn.regions, drawn.skipped) == (32, ("object", "parts"), ())


def test_there_are_enough_animals_and_source_categories_and_none_is_both():
    assert {"cat", "dog"} < set(ANIMALS)
    assert len(ANIMALS) >= 4
    assert len(SOURCE_CATEGORIES) >= 20
    assert not set(ANIMALS) & set(SOURCE_CATEGORIES)
    assert len(set(CLASSES)) == len(CLASSES) == len(ANIMALS) + len(SOURCE_CATEGORIES)


def test_the_first_images_do_not_depend_on_how_many_there_are():
    few, many = drawn_set(train=4, test=2, size=32), drawn_set(train=50, test=20, size=32)
    for one, same in zip(few.of("train"), many.of("train"), strict=False):
        assert one == same
        assert np.array_equal(few.read(one).image, many.read(same).image)


def test_fingerprint_follows_every_parameter():
    sets = [
        drawn_set(train=4, test=2),
        drawn_set(train=6, test=2),
        drawn_set(train=4, test=4),
        drawn_set(train=4, test=2, size=48),
        drawn_set(train=4, test=2, seed=1),
        drawn_set(("dog", "cat"), train=4, test=2),
        drawn_set(train=4, test=2, shortcut=0.9),
    ]
    assert len({drawn.fingerprint for drawn in sets}) == len(sets)
    assert drawn_set(train=4, test=2).fingerprint == sets[0].fingerprint


def test_source_categories_have_no_parts_to_localize():
    drawn = drawn_set(("tree", "car"), train=2, test=2, size=32)
    assert drawn.regions == ("object",)
    assert set(drawn.read(drawn.samples[0]).regions) == {"object"}
    assert drawn_set(("tree", "cat"), train=2, test=2).regions == ("object", "parts")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"classes": ("cat", "unicorn")}, "got 'unicorn'. Try some of: cat, dog, "),
        ({"classes": ()}, "got none. Try some of: cat"),
        ({"classes": ("cat", "cat")}, "Expected each class once, got cat, cat"),
        ({"train": 1}, "Expected a training image of each of the 2 classes or more, got 1"),
        ({"test": 0}, "Expected a test image of each of the 2 classes or more, got 0"),
        ({"size": 8}, "Expected a size of at least 16 pixels, got 8"),
        ({"seed": -1}, "Expected a seed of 0 or more, got -1"),
        ({"shortcut": 1.5}, "Expected a probability p from 0 to 1, got 1.5"),
    ],
)
def test_wrong_arguments_are_explained_in_one_line(arguments, text):
    with pytest.raises(DataError, match="Try") as error:
        drawn_set(**arguments)
    assert text in str(error.value)
    assert "\n" not in str(error.value)


# One picture


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


def test_another_process_draws_identical_bytes():
    code = (
        "import sys; from hashlib import sha256\n"
        "from campare.data.drawn import drawn_set\n"
        "drawn = drawn_set(('cat', 'dog', 'bicycle'), train=6, test=3, size=48, shortcut=0.8)\n"
        "pictures = [drawn.read(sample) for sample in drawn.samples]\n"
        "total = sha256()\n"
        "for p in pictures:\n"
        "    total.update(p.image.tobytes())\n"
        "    [total.update(p.regions[name].tobytes()) for name in sorted(p.regions)]\n"
        "print(total.hexdigest())\n"
        "assert not {'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)\n"
    )
    digests = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
        for _ in range(2)
    }
    assert len(digests) == 1


def test_reading_can_be_spread_over_processes():
    drawn = drawn_set(train=4, test=2, size=32, shortcut=0.5)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.map(drawn.read, drawn.samples)
    for sample, picture in zip(drawn.samples, there, strict=True):
        assert np.array_equal(picture.image, drawn.read(sample).image)


def test_a_small_picture_shows_the_same_scene_as_a_large_one():
    for index in range(6):
        small, large = (render("dog", size, 3, "train", index) for size in (40, 120))
        shrunk = large.image.reshape(40, 3, 40, 3, 3).mean((1, 3))
        assert np.abs(shrunk - small.image).mean() < 8
        covered = large.regions["object"].reshape(40, 3, 40, 3).mean((1, 3)) > 0.5
        assert (covered != small.regions["object"]).mean() < 0.05


# No leak: everything that tells the class is in its parts


@pytest.mark.parametrize("other", [name for name in ANIMALS if name != "cat"])
def test_another_species_in_the_same_picture_changes_its_parts_only(other):
    for index in range(8):
        one, two = (render(name, 96, 0, "test", index) for name in ("cat", other))
        parts = _grown(one.regions["parts"] | two.regions["parts"])
        changed = (one.image != two.image).any(-1)
        assert changed.any()
        assert not (changed & ~parts).any()


def test_color_and_background_do_not_tell_the_class():
    """A logistic regression on color statistics stays near chance (0.5 +- 3 standard errors)."""
    drawn = drawn_set(train=500, test=200, size=24, seed=11)
    train, test = drawn.load("train", 24), drawn.load("test", 24)
    accuracy = _logistic_accuracy(
        _color_statistics(train.images), train.labels, _color_statistics(test.images), test.labels
    )
    assert abs(accuracy - 0.5) < 3 * 0.5 / np.sqrt(200)


def test_the_parts_themselves_do_tell_the_class():
    """The same regression on the masks of the parts, seen in the frame of the object."""
    drawn = drawn_set(train=300, test=150, size=48, seed=2)

    def shapes(split):
        regions = drawn.load(split, 48).regions
        crops = [_cropped(p, o) for p, o in zip(regions["parts"], regions["object"], strict=True)]
        return np.stack([np.maximum(c, c[:, ::-1]).ravel() for c in crops])

    labels = {split: drawn.load(split, 16).labels for split in ("train", "test")}
    accuracy = _logistic_accuracy(shapes("train"), labels["train"], shapes("test"), labels["test"])
    assert accuracy > 0.7


def test_objects_are_neither_tiny_nor_all_over(pets):
    areas = pets.regions["object"].mean((1, 2))
    assert np.quantile(areas, 0.02) > 0.1
    assert np.quantile(areas, 0.95) < 0.65
    shares = pets.regions["parts"].sum((1, 2)) / pets.regions["object"].sum((1, 2))
    assert shares.min() > 0.03
    assert shares.max() < 0.8
    means = [areas[pets.labels == label].mean() for label in (0, 1)]
    assert abs(means[0] - means[1]) < 0.06


def test_objects_stand_in_many_places(pets):
    masks = pets.regions["object"]
    y, x = np.mgrid[:96, :96]
    centers = np.array([(x[mask].mean(), y[mask].mean()) for mask in masks]) / 96
    assert centers.std(0).min() > 0.06
    assert np.all(np.abs(centers.mean(0) - (0.5, 0.58)) < 0.08)


def test_the_mask_is_where_the_object_was_drawn():
    """Against supersampled coverage of a disc, computed from its equation."""
    canvas = Canvas(3 * 64, (0.0, -1.0))
    skins = {"coat": Skin.plain((200, 100, 50))}
    pen = Pen(canvas, canvas.frame, skins, outline=0.0)
    pen.fill(ellipse(0.4, 0.55, 0.3, 0.3, n=200))
    pen.telling.fill(ellipse(0.4, 0.55, 0.1, 0.1, n=200))
    _, inside, parts = canvas.picture(64)
    fine = (np.arange(64 * 8) + 0.5) / (64 * 8)
    distance = np.hypot(fine[None, :] - 0.4, fine[:, None] - 0.55)
    for mask, radius in ((inside, 0.3), (parts, 0.1)):
        covered = (distance < radius).reshape(64, 8, 64, 8).mean((1, 3))
        assert mask[covered > 0.75].all()
        assert not mask[covered < 0.05].any()


def test_what_is_drawn_in_front_is_not_object():
    canvas = Canvas(96, (0.0, -1.0))
    pen = Pen(canvas, canvas.frame, {"coat": Skin.plain((9, 99, 9))}, outline=0.0)
    pen.fill(box(0.25, 0.25, 0.75, 0.75))
    Pen(canvas, canvas.frame, pen.skins, canvas_module.BACKGROUND, 0.0).fill(box(0.5, 0, 1, 1))
    _, inside, parts = canvas.picture(32)
    assert inside[10:22, 10:15].all()
    assert not inside[:, 16:].any()
    assert not parts.any()


# Shapes


def test_shapes_have_the_areas_of_their_formulas():
    assert _shoelace(ellipse(1, 2, 0.5, 0.25, 0.7, n=400)) == pytest.approx(np.pi / 8, rel=1e-3)
    straight = limb([(0, 0), (3, 0)], (1.0,), steps=30)
    assert _shoelace(straight) == pytest.approx(3 + np.pi / 4, rel=0.02)
    corners = [(np.cos(t), np.sin(t)) for t in np.arange(12) * np.pi / 6]
    assert _shoelace(smooth(corners)) == pytest.approx(np.pi, rel=0.01)
    assert 0.8 < _shoelace(rounded(box(0, 0, 1, 1))) < 1.0


@given(x=st.floats(-3, 3), y=st.floats(-3, 3), r=st.floats(0.5, 4), by=st.floats(0.0, 0.5))
def test_expanding_a_disc_either_way_round_gives_a_larger_disc(x, y, r, by):
    disc = ellipse(x, y, r, r, n=64)
    for shape in (disc, disc[::-1]):
        radii = np.hypot(*(expand(shape, by) - (x, y)).T)
        assert np.allclose(radii, r + by)


def _shoelace(points):
    x, y = points.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _grown(mask):
    """The mask and every pixel that touches it: a part may cover a pixel by less than a third."""
    padded = np.pad(mask, 1)
    return np.any(
        [padded[i : i + len(mask), j : j + len(mask)] for i in range(3) for j in range(3)], axis=0
    )


def _cropped(parts, inside):
    """Parts in the box of the object, averaged on a 12 x 12 grid."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    at_y = np.linspace(rows[0], rows[-1], 24).round().astype(int)
    at_x = np.linspace(columns[0], columns[-1], 24).round().astype(int)
    return parts[np.ix_(at_y, at_x)].reshape(12, 2, 12, 2).mean((1, 3))


def _color_statistics(images):
    x = images / 255.0
    edge = max(1, len(x[0]) // 12)
    borders = [x[:, :, :edge], x[:, :, -edge:], x[:, :edge], x[:, -edge:]]
    return np.concatenate(
        [x.mean((1, 2)), x.std((1, 2)), *(border.mean((1, 2)) for border in borders)], axis=1
    )


def _logistic_accuracy(x, y, x_test, y_test, ridge=10.0):
    mean, spread = x.mean(0), x.std(0) + 1e-9
    design, design_test = (np.c_[(v - mean) / spread, np.ones(len(v))] for v in (x, x_test))
    sign = 2 * y - 1

    def loss(w):
        margin = sign * (design @ w)
        slope = -design.T @ (sign / (1 + np.exp(margin)))
        return np.logaddexp(0, -margin).sum() + ridge * w @ w / 2, slope + ridge * w

    weights = minimize(loss, np.zeros(design.shape[1]), jac=True).x
    return float((((design_test @ weights) > 0) == y_test).mean())
