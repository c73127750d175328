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
    Augment(contrast=0.5), Augment(brightness=0.2), Augment(randaugment=0.5), Augment(erasing=1.0),
    Augment(blur=1.0), Augment(noise=0.1),
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


LABELS = np.eye(4, dtype="float32")[[0, 1, 2, 3, 0, 1, 2, 3]]


def mixed(settings, seed=0):
    found = augment.mixer(settings, seed=seed)({"images": IMAGES, "labels": LABELS})
    return (keras.ops.convert_to_numpy(found[name]) for name in ("images", "labels"))


@pytest.mark.parametrize("settings", [Augment(mixup=0.5), Augment(cutmix=1.0)])
def test_labels_are_mixed_as_the_images_are(settings):
    flat = np.broadcast_to(np.arange(8.0)[:, None, None, None], IMAGES.shape).astype("float32")
    labels = np.eye(8, dtype="float32")
    found = augment.mixer(settings, seed=0)({"images": flat, "labels": labels})
    images, shares = (keras.ops.convert_to_numpy(found[name]) for name in ("images", "labels"))
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    assert (np.count_nonzero(shares, axis=1) <= 2).all()
    assert (np.count_nonzero(shares, axis=1) == 2).any()
    expected = shares @ np.arange(8)  # an image of one value is as bright as its number
    tolerance = 0 if settings.mixup else 7 * 2 / 12  # a pasted box ends within a pixel
    np.testing.assert_allclose(images.mean((1, 2, 3)), expected, atol=tolerance + 1e-5)


def test_mixing_follows_the_seed_and_is_wanted_only_where_it_is_said():
    first, again, other = (np.array(list(mixed(Augment(mixup=0.5), seed))[1]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert augment.mixer(ALL, seed=0) is None
    assert augment.layers(Augment(mixup=0.5), seed=0) == []


def test_erasing_replaces_a_rectangle_of_some_images():
    changed = np.asarray(model(Augment(erasing=0.5))(IMAGES, training=True))
    moved = (changed != IMAGES).any(-1)
    assert 0 < moved.any((1, 2)).sum() < len(IMAGES)
    for image in moved[moved.any((1, 2))]:
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        inside = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert inside.mean() > 0.9  # noise may equal a pixel


def test_noise_has_the_standard_deviation_that_is_said():
    grey = np.full((16, 32, 32, 3), 127.0, "float32")
    layers = augment.layers(Augment(noise=0.1), seed=0)
    changed = np.asarray(keras.Sequential([keras.Input((32, 32, 3)), *layers])(grey, training=True))
    assert np.std(changed - grey) == pytest.approx(25.5, rel=0.05)


def test_blur_leaves_the_mean_and_lowers_the_contrast():
    changed = np.asarray(model(Augment(blur=1.0))(IMAGES, training=True))
    assert changed.std() < IMAGES.std()
    inside = (slice(None), slice(3, -3), slice(3, -3))
    assert changed[inside].mean() == pytest.approx(IMAGES[inside].mean(), rel=0.05)
