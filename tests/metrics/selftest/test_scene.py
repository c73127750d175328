"""The scene of the self-tests, where the right map is known."""

import numpy as np
import pytest

from campare.attribution.maps import resize
from campare.metrics.classification import predicted
from campare.metrics.localization import energy
from campare.metrics.selftest.scene import (
    SIDE,
    evidence,
    explainers,
    predict,
    predict_untrained,
    scene,
)


def test_the_network_of_the_scene_is_right_for_the_right_reason():
    made = scene(40, np.random.default_rng(1))
    assert np.array_equal(predicted(predict(made.images)), made.targets)
    assert not (made.own & made.other).any()
    seen = evidence(made.images)
    both = made.own | made.other
    near = both.copy()
    near[:, :-1] |= both[:, 1:]
    near[:, :, :-1] |= both[:, :, 1:]
    assert seen[~near].max() < 10  # next to nothing off the patches
    own = np.take_along_axis(seen, made.targets[:, None, None, None], axis=-1)[..., 0]
    assert own[made.own].mean() > 10 * own[~near].mean()


@pytest.fixture(scope="module")
def made():
    return scene(24, np.random.default_rng(3))


def test_both_patches_are_squares_of_one_size_and_each_half_shows_one(made):
    for masks in (made.own, made.other):
        areas = masks.sum((1, 2))
        assert len(set(areas.tolist())) == 1
        assert (masks.any(1).sum(1) * masks.any(2).sum(1) == areas).all()
    left = made.own[:, :, : SIDE // 2].any((1, 2))
    assert (left != made.other[:, :, : SIDE // 2].any((1, 2))).all()
    assert 0 < left.sum() < len(left)
    assert np.bincount(made.targets).tolist() == [12, 12]


def without(images, patches, ground):
    """The mean color of the ground in place of patches; nothing else is touched."""
    gone = images.copy()
    for image, patch, rest in zip(gone, patches, ground, strict=True):
        image[patch] = image[rest].mean(axis=0)
    return gone


def test_the_network_follows_the_patch_that_is_said_to_be_the_reason(made):
    ground = ~(made.own | made.other)
    assert (predict(without(made.images, made.other, ground)).argmax(1) == made.targets).all()
    gone = predict(without(made.images, made.own, ground))
    assert (gone.argmax(1) != made.targets).all()
    assert (gone[:, :2].argmax(1) == 1 - made.targets).all()  # what is left is of the other
    assert (predict(np.full_like(made.images, 120.0)).argmax(1) == 2).all()


def test_evidence_is_of_texture_and_not_of_an_edge():
    image = np.zeros((1, 8, 8, 3))
    image[:, :, 4:, 0] = 200
    assert evidence(image).max() == 0
    image[0, ..., 0] = 200 * (np.indices((8, 8)).sum(0) % 2)
    assert evidence(image)[0, :-1, :-1, 0].min() == 200
    assert evidence(image)[..., 1].max() == 0
    gray = np.repeat(image[..., :1], 3, axis=-1)
    assert evidence(gray).max() == 0


def test_maps_are_what_their_names_say(made):
    found = {
        name: explain(made.images, made.targets)
        for name, explain in explainers(np.random.default_rng(0)).items()
    }
    inside = {
        name: energy(resize(maps, (SIDE, SIDE)), made.own).values.mean()
        for name, maps in found.items()
    }
    share = made.own.mean()
    assert inside["perfect"] > 0.9
    assert inside["perfect"] > inside["grad-cam"] > 2 * share
    assert inside["inverted"] < share
    assert inside["constant"] == pytest.approx(share)
    assert inside["untrained"] < inside["grad-cam"]
    for name in ("random", "fake-cam"):
        assert inside[name] == pytest.approx(share, abs=0.03), name
    np.testing.assert_allclose(found["inverted"], 1 - found["perfect"])
    assert (found["fake-cam"] == 0).sum() == len(made.targets)


def test_an_untrained_network_reads_brightness_and_knows_no_class(made):
    one = predict_untrained(made.images)
    np.testing.assert_allclose(predict_untrained(2 * made.images), 2 * one, rtol=1e-5)
    swapped = made.images[..., [2, 1, 0]]
    np.testing.assert_allclose(predict_untrained(swapped), one, rtol=1e-5)
