"""Intervals of mosaics hold although they share images: against simulation and closed forms."""

import numpy as np
import pytest
from scipy.special import stdtrit

from campare.data.samples import Images
from campare.metrics.mosaic import shown_on
from campare.stats.crossed import difference, split
from campare.stats.shared import Shared


def shown(images, classes=2, kind="focus"):
    """(M, 4) as the mosaics of a run show them."""
    labels = np.sort(np.arange(images) % classes)
    names = tuple(map(str, range(images)))
    blank = np.zeros((images, 2, 2, 3), np.uint8)
    every = shown_on(Images(blank, labels, names, {}, names[:classes]), np.zeros(images, bool))
    return np.array([four for name, four in every.items() if name.startswith(kind)])


def test_where_none_share_the_variance_is_that_of_images():
    apart = np.arange(40).reshape(10, 4)
    Y = np.random.default_rng(0).normal(size=(3, 10))
    assert Shared.of(apart) is None
    assert difference(Y, groups=apart) == difference(Y)


def test_pairs_that_share_are_groups_of_two():
    """Ten pairs of mosaics of the same images: what groups say, but for how a mean is taken off."""
    rng = np.random.default_rng(1)
    pairs = np.repeat(np.arange(40).reshape(10, 4), 2, axis=0)
    Y = np.repeat(rng.normal(size=10), 2) + rng.normal(0, 0.3, (4, 20))
    by_groups = split([Y], [1.0], np.repeat(np.arange(10), 2))
    by_images = split([Y], [1.0], pairs)
    assert by_images.groups.variance == pytest.approx(by_groups.groups.variance, rel=0.02)
    assert by_images.parts[0].residual == pytest.approx(by_groups.parts[0].residual, rel=0.1)
    assert (by_images.units, by_images.groups.number) == (20, 0)


def test_the_estimate_of_the_variance_is_right_on_the_mean():
    four, rng = shown(120, 3), np.random.default_rng(3)
    shared, counts = Shared.of(four), np.bincount(four.ravel(), minlength=120)
    true = (0.01 * (counts**2).sum() + 0.04 * len(four)) / len(four) ** 2
    found = []
    for _ in range(300):
        d = rng.normal(0, 0.1, 120)[four].sum(axis=1) + rng.normal(0, 0.2, len(four))
        found.append(shared.variance(d - d.mean())[0])
    assert np.mean(found) == pytest.approx(true, rel=0.08)


def test_a_seed_with_its_own_effect_of_every_image_is_in_the_residual():
    four, rng = shown(87, 4), np.random.default_rng(2)
    ratio = []
    for _ in range(40):
        Y = rng.normal(0, 0.1, (3, 87))[:, four].sum(axis=2)
        ratio.append(split([Y], [1.0], four).parts[0].residual)
    counts = np.bincount(four.ravel(), minlength=87)
    true = 0.01 * (counts**2).sum() / len(four) ** 2 / 3
    assert np.mean(ratio) == pytest.approx(true, rel=0.2)


def test_where_every_two_share_there_is_no_interval():
    found = difference(np.random.default_rng(0).normal(size=(1, 4)), groups=np.zeros((4, 4), int))
    assert np.isnan([found.low, found.high]).all()
    assert found.groups == 1


@pytest.mark.parametrize(
    ("images", "classes", "kind"), [(40, 2, "focus"), (87, 4, "grid"), (200, 2, "focus")]
)
def test_the_interval_covers_where_mosaics_share_images(images, classes, kind):
    four = shown(images, classes, kind)
    shared = Shared.of(four)
    covered = plain = 0
    for i in range(400):
        rng = np.random.default_rng([6, images, i])
        d = rng.normal(0, 0.1, images)[four].sum(axis=1) + rng.normal(0, 0.15, len(four))
        variance, freedom = shared.variance(d - d.mean())
        covered += abs(d.mean()) <= stdtrit(freedom, 0.975) * np.sqrt(variance)
        found = difference(d[None])
        plain += found.low <= 0 <= found.high
    assert 0.925 <= covered / 400 <= 0.985
    assert plain / 400 < 0.85


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_difference_of_arms_covers_too(seeds):
    four, covered = shown(80), 0
    for i in range(400):
        rng = np.random.default_rng([7, seeds, i])
        hard = rng.normal(0, 0.1, 80)
        T, C = (
            (hard + rng.normal(0, 0.1, 80) + rng.normal(0, 0.05, (seeds, 80)))[:, four].sum(axis=2)
            + rng.normal(0, 0.02, (seeds, 1)) + rng.normal(0, 0.1, (seeds, len(four)))
            for _ in "AB"
        )  # fmt: skip
        found = difference(T, C, groups=four)
        covered += found.low <= 0 <= found.high
    assert 0.93 <= covered / 400 <= 0.985


def test_images_that_show_themselves_alone_share_nothing():
    assert Shared.of(np.array([[-1] * 4, [-1] * 4, [0, 1, 2, 3]])) is None
    mixed = Shared.of(np.array([[0, 1, 2, 3], [-1] * 4, [3, 4, 5, 6], [-1] * 4]))
    assert np.argwhere(mixed.sharing).tolist() == [[0, 2], [2, 0]]


def test_it_does_not_matter_how_many_images_there_are():
    """Of 10^12 images those that are shown count: there is nothing as large as all."""
    few = shown(40)
    many = few * 10**11
    for a, b in zip(Shared.of(few), Shared.of(many), strict=True):
        np.testing.assert_array_equal(a, b)
