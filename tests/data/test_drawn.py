import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import minimize

from campare.data.drawn import ANIMALS, CLASSES, SOURCE_CATEGORIES, drawn_set
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


# No leak: everything that tells the class is in its parts


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
