import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2yiq, yiq2rgb

import reference_stability as slow
from campare.errors import DataError
from campare.metrics.robustness.colors import blur, brightness, contrast, hue, jpeg, noise

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 16, 20, 3)).astype(np.float32)
ALL = {f.__name__: f for f in (brightness, contrast, hue, noise, jpeg)}


def changed(transform, images=IMAGES, seed=0):
    return transform.images(images, np.random.default_rng(seed))


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_nothing_moves_and_pixels_stay_in_range(make):
    transform = make(0.4)
    maps = RNG.random((2, 5, 5)).astype(np.float32)
    assert np.array_equal(transform.maps(maps), maps)
    assert np.array_equal(transform.back(maps), maps)
    assert transform.valid((4, 4)).all()
    after = changed(transform)
    assert after.dtype == np.float32
    assert after.shape == IMAGES.shape
    assert 0 <= after.min() <= after.max() <= 255
    assert not np.array_equal(after, IMAGES)


@pytest.mark.parametrize("make", [brightness, contrast, hue, noise], ids=lambda f: f.__name__)
def test_a_dose_of_zero_changes_nothing(make):
    assert changed(make(0)) == pytest.approx(IMAGES, abs=1e-3)


def test_brightness_adds():
    assert changed(brightness(0.1)) == pytest.approx(np.minimum(IMAGES + 25.5, 255))


def test_contrast_shrinks_towards_the_mean_of_each_channel():
    after = changed(contrast(0.75))
    assert after.mean(axis=(1, 2)) == pytest.approx(IMAGES.mean(axis=(1, 2)), rel=1e-5)
    assert after.std(axis=(1, 2)) == pytest.approx(IMAGES.std(axis=(1, 2)) / 4, rel=1e-4)


def test_hue_turns_in_the_plane_of_chrominance():
    mild = 100 + (IMAGES - 128) / 8  # so that nothing is clipped
    yiq = rgb2yiq(mild.astype(float))
    t = np.deg2rad(70)
    turned = yiq.copy()
    turned[..., 1] = np.cos(t) * yiq[..., 1] - np.sin(t) * yiq[..., 2]
    turned[..., 2] = np.sin(t) * yiq[..., 1] + np.cos(t) * yiq[..., 2]
    assert changed(hue(70), mild) == pytest.approx(yiq2rgb(turned), abs=0.1)


def test_hue_half_a_turn_twice_is_no_change():
    mild = 100 + (IMAGES - 128) / 8
    assert changed(hue(180), changed(hue(180), mild)) == pytest.approx(mild, abs=1e-2)


def test_noise_has_its_size_and_is_repeatable():
    gray = np.full((2, 64, 64, 3), 128, np.float32)
    after = changed(noise(0.05), gray)
    assert (after - gray).std() == pytest.approx(0.05 * 255, rel=0.03)
    assert np.array_equal(after, changed(noise(0.05), gray))
    assert not np.array_equal(after, changed(noise(0.05), gray, seed=1))


def test_jpeg_is_pillows():
    memory = io.BytesIO()
    Image.fromarray(IMAGES[1].astype(np.uint8)).save(memory, "JPEG", quality=40)
    assert np.array_equal(changed(jpeg(60))[1], np.asarray(Image.open(memory)))


@pytest.mark.parametrize("make", [hue, jpeg], ids=lambda f: f.__name__)
def test_gray_images_are_one_line(make):
    with pytest.raises(DataError) as error:
        changed(make(10), np.zeros((1, 4, 4, 1)))
    assert str(error.value) == (
        "Expected RGB images (N, H, W, 3), got shape (1, 4, 4, 1). "
        "Try another transformation than hue or JPEG."
    )


def test_blur_is_the_slow_one():
    assert blur(IMAGES[:1], 2.5)[0] == pytest.approx(slow.blurred(IMAGES[0], 2.5), abs=1e-3)


def test_blur_is_scipys_away_from_the_border():
    images = RNG.random((2, 40, 40, 3)).astype(np.float32)
    expected = gaussian_filter(images, (0, 2, 2, 0), truncate=6)
    assert blur(images, 2)[:, 13:27, 13:27] == pytest.approx(expected[:, 13:27, 13:27], abs=1e-5)


@pytest.mark.parametrize("grid", [(12,), (6, 8), (4, 6, 5)])
def test_a_blur_of_any_rank_is_scipys_divided_by_that_of_ones(grid):
    from scipy.ndimage import gaussian_filter

    images = np.random.default_rng(0).normal(size=(2, *grid, 2)).astype(np.float32)
    sigma = tuple(0.1 * side + 0.3 for side in grid)
    widths = (0, *sigma, 0)
    far = {"mode": "constant", "truncate": 50}
    expected = gaussian_filter(images.astype(float), widths, **far)
    expected /= gaussian_filter(np.ones(images.shape), widths, **far)
    np.testing.assert_allclose(blur(images, sigma), expected, rtol=1e-4, atol=1e-5)
