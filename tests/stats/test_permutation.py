import itertools
import math

import numpy as np
import pytest
from scipy import stats

from campare.stats import permutation
from campare.stats.permutation import Flips, Paired, permutation_test, permutation_tests

FLIPS = Flips(4000, 0)


def test_signs_of_few_images_are_exact_as_in_scipy():
    rng = np.random.default_rng(0)
    T, C = rng.normal(0.5, 1, (2, 1, 9))
    expected = stats.permutation_test(
        (T[0], C[0]), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert permutation_test(T, C, FLIPS) == pytest.approx(expected.pvalue)


def test_exchanged_trainings_are_all_enumerated():
    # Written as loops: two images that show the same, signs x exchanges.
    rng = np.random.default_rng(1)
    T, C = rng.normal(0.8, 1, (3, 1)), rng.normal(0, 1, (3, 1))
    values = np.concatenate([T, C])[:, 0]
    D = T.mean() - C.mean()
    count = 0
    ways = list(itertools.combinations(range(6), 3))
    for signs in itertools.product((-1, 1), repeat=2):
        for chosen in ways:
            rest = [i for i in range(6) if i not in chosen]
            exchanged = values[list(chosen)].mean() - values[rest].mean()
            count += abs(np.mean(signs) * D + exchanged) >= abs(D) * (1 - 1e-6)
    found = permutation_test(np.tile(T, 2), np.tile(C, 2), FLIPS)
    assert found == pytest.approx(count / len(ways) / 4)


def test_three_seeds_alone_hardly_prove_anything():
    # 2 of 20 exchanges are as far out as this, and the signs of images halve them.
    T, C = np.ones((3, 40)), np.zeros((3, 40))
    assert permutation_test(T, C, FLIPS) > 0.045


def test_drawn_replicates_come_near_the_exact_ones():
    rng = np.random.default_rng(2)
    T, C = rng.normal(0.3, 1, (1, 12)), rng.normal(0, 1, (1, 12))
    exact = permutation_test(T, C, FLIPS)
    more = [np.concatenate([Y, np.full((1, 8), np.nan)], axis=1) for Y in (T, C)]
    assert permutation_test(*more, FLIPS) == pytest.approx(exact)  # what is not common has no say
    d = (T - C)[0]
    drawn = np.abs(FLIPS.images(12) @ d / 12) >= abs(d.mean()) * (1 - 1e-6)
    assert drawn.mean() == pytest.approx(exact, abs=0.03)


def test_it_holds_its_level_and_finds_effects():
    rejected = found = 0
    flips = Flips(400, 1)
    for i in range(300):
        rng = np.random.default_rng(i)
        T, C = (
            rng.normal(0, 0.1, 60) + rng.normal(0, 0.03, (5, 1)) + rng.normal(0, 0.1, (5, 60))
            for _ in range(2)
        )
        rejected += permutation_test(T, C, flips) < 0.05
        found += permutation_test(T + 0.15, C, flips) < 0.05
    assert rejected / 300 <= 0.06
    assert found / 300 > 0.9


def test_missing_values_and_too_few_images():
    assert math.isnan(permutation_test([[1.0, np.nan]], [[1.0, 2.0]], FLIPS))
    T = np.array([[1.0, np.nan, 2.0], [2.0, 3.0, 4.0]])
    assert 0 < permutation_test(T, np.zeros((2, 3)), FLIPS) <= 1


def test_images_of_a_group_have_one_sign():
    d = np.array([[3.0, 1.0, -1.0, 2.0, 0.5, 2.0]])
    groups = np.array([0, 0, 1, 1, 2, 2])
    flips = Flips(100, seed=0)
    summed = np.array([4.0, 1.0, 2.5])
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    exact = np.mean(np.abs(signs @ summed) >= summed.sum() - 1e-9)
    assert permutation_test(d, 0 * d, flips, groups) == exact == 0.25
    many = np.tile(d, 10)
    units = np.arange(60) // 2
    drawn = permutation_test(many, 0 * many, Flips(2000, seed=0), units)
    means = np.tile([[4.0, 1.0, 2.5]], 10) / 2
    assert drawn == permutation_test(means, 0 * means, Flips(2000, seed=0))
    assert np.isnan(permutation_test(d, 0 * d, flips, np.zeros(6, int)))


def test_signs_of_many_images_are_drawn_some_replicates_at_a_time(monkeypatch):
    rng = np.random.default_rng(4)
    values = [rng.normal(size=301) for _ in range(3)]
    at_once = Flips(1001, 5).sums(values)
    monkeypatch.setattr(permutation, "KEPT", 301 * 200)
    flips = Flips(1001, 5)
    for whole, parts in zip(at_once, flips.sums(values), strict=True):
        np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-4)
    assert not flips._kept  # nothing stays


def test_tests_of_several_metrics_are_those_of_each_alone():
    rng = np.random.default_rng(6)
    T, C = rng.normal(0.2, 1, (5, 3, 40)), rng.normal(0, 1, (5, 3, 40))
    C[1, :, 9:] = np.nan  # few images: exact
    C[2] = np.nan  # none
    groups = np.repeat(np.arange(20), 2)
    each = [(t, c, groups if i == 3 else None) for i, (t, c) in enumerate(zip(T, C, strict=True))]
    found = permutation_tests([Paired.of(*one) for one in each], FLIPS)
    alone = [permutation_test(t, c, FLIPS, own) for t, c, own in each]
    np.testing.assert_array_equal(found, alone)
    assert np.isfinite(found).tolist() == [True, True, False, True, True]
