"""The order of pixels, and what stands in for them."""

import numpy as np
import pytest
from faithful import IMAGES, RNG

from campare.attribution import maps as m
from campare.data.stored import Computed
from campare.metrics.faithfulness.replacing import BASELINES, baseline, ranking, ranking_of


def test_ranking_breaks_ties_at_random_or_in_reading_order():
    maps = np.zeros((400, 2, 2))
    maps[:, 0, 1] = 1
    ordered = ranking(maps, (2, 2), ties="reading-order")
    assert np.array_equal(ordered[0], [[1, 0], [2, 3]])
    mixed = ranking(maps, (2, 2), rng=np.random.default_rng(0))
    assert (mixed[:, 0, 1] == 0).all()
    assert np.allclose(mixed.mean(axis=0), [[2, 0], [2, 2]], atol=0.2)
    assert (np.sort(mixed.reshape(400, 4), axis=1) == np.arange(4)).all()


def test_ranking_is_that_of_the_enlarged_map():
    maps = RNG.random((3, 2, 3))
    large = m.resize(maps, (6, 9))
    ranks = ranking(maps, (6, 9))
    for image, rank in zip(large, ranks, strict=True):
        assert (np.diff(image.ravel()[np.argsort(rank.ravel())]) <= 0).all()


@pytest.mark.parametrize("kind", BASELINES)
def test_baselines_lie_in_the_range_of_their_image(kind):
    other = baseline(IMAGES, kind, np.random.default_rng(0))
    assert other.shape == IMAGES.shape
    assert other.dtype == np.float32
    assert (other.min(axis=(1, 2, 3)) >= 0).all()
    assert (other.max(axis=(1, 2, 3)) <= IMAGES.max(axis=(1, 2, 3)) + 1e-3).all()


def test_the_blur_is_a_gaussian_and_keeps_a_plain_image():
    from scipy.ndimage import gaussian_filter

    plain = np.full((1, 20, 30, 3), 7, np.float32)
    assert baseline(plain, "blur") == pytest.approx(7)
    dot = np.zeros((1, 40, 40, 1), np.float32)
    dot[0, 20, 20] = 1
    expected = gaussian_filter(dot[0, :, :, 0].astype(float), 2, truncate=8)
    assert baseline(dot, "blur")[0, :, :, 0] == pytest.approx(expected, abs=1e-6)


def computed(count=600):
    images = RNG.integers(0, 256, (count, 4, 4, 3)).astype(np.float32)
    return images, Computed(images.shape, lambda rows: images[rows])


def test_the_ranking_of_computed_images_is_the_same_and_draws_as_much():
    images, read_later = computed()
    maps = RNG.integers(0, 3, (600, 2, 2)).astype(np.float32)
    for ties in ("random", "reading-order"):
        first, second = np.random.default_rng(1), np.random.default_rng(1)
        at_once = ranking_of(images, maps, ties=ties, rng=first)
        later = ranking_of(read_later, maps, ties=ties, rng=second)
        assert isinstance(later, Computed)
        assert first.random() == second.random()
        assert np.array_equal(
            at_once, ranking(maps, (4, 4), ties=ties, rng=np.random.default_rng(1))
        )
        assert np.array_equal(np.asarray(later), at_once)
        assert np.array_equal(later[250:270], at_once[250:270])


def test_what_stands_in_for_pixels_of_computed_images_is_the_same():
    images, read_later = computed()
    for kind in BASELINES:
        first, second = np.random.default_rng(1), np.random.default_rng(1)
        at_once, later = baseline(images, kind, first), baseline(read_later, kind, second)
        assert np.array_equal(np.asarray(later), at_once), kind
        assert first.random() == second.random()
