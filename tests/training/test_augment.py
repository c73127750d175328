"""Augmentation layers: random in training, exactly inert outside it, repeatable by seed."""

import keras
import numpy as np
import pytest

from campare.training import augment
from campare.training.recipe import Augment

ALL = Augment(
    flip="horizontal_and_vertical",
    rotation=0.1,
    zoom=0.1,
    translation=0.1,
    contrast=0.2,
    brightness=0.1,
)
ONE_EACH = [
    Augment(flip="vertical"), Augment(rotation=0.1), Augment(zoom=0.2), Augment(translation=0.2),
    Augment(contrast=0.5), Augment(brightness=0.2),
]  # fmt: skip
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 12, 12, 3)).astype("float32")


def model(settings, seed=0):
    return keras.Sequential([keras.Input((12, 12, 3)), *augment.layers(settings, seed=seed)])


@pytest.mark.parametrize("settings", [ALL, *ONE_EACH])
def test_inert_outside_training(settings):
    np.testing.assert_array_equal(model(settings)(IMAGES, training=False), IMAGES)


@pytest.mark.parametrize("settings", ONE_EACH)
def test_each_change_happens_in_training_and_stays_in_range(settings):
    changed = np.asarray(model(settings)(IMAGES, training=True))
    assert not np.array_equal(changed, IMAGES)
    assert changed.min() >= -1e-3
    assert changed.max() <= 255 + 1e-3


def test_horizontal_flip_mirrors_some_images_and_keeps_the_others():
    changed = np.asarray(model(Augment(flip="horizontal"))(IMAGES, training=True))
    kept = [np.array_equal(a, b) for a, b in zip(changed, IMAGES, strict=True)]
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(changed, IMAGES, strict=True)]
    assert all(k != m for k, m in zip(kept, mirrored, strict=True))
    assert any(kept)
    assert any(mirrored)


def test_the_seed_decides():
    first, again, other = (
        np.asarray(model(ALL, seed)(IMAGES, training=True)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nothing_asked_nothing_added():
    assert augment.layers(Augment(), seed=0) == []
