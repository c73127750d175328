import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from campare.stats.bootstrap import Draws, difference, holm

NAN = np.nan


def crossed(rng, seeds, images, *, gain=0.0, seed_sd=0.05, residual=0.1, hard=None):
    """Y[seed, image] = image + seed + residual."""
    hard = rng.normal(0, 0.2, images) if hard is None else hard
    seed = rng.normal(0, seed_sd, (seeds, 1))
    return gain + hard + seed + rng.normal(0, residual, (seeds, images))


def slow_interval(T, C, draws, confidence):
    """The definition as loops over replicates; no value is undefined."""
    N = T.shape[1]
    estimate = np.mean([T[:, i].mean() - C[:, i].mean() for i in range(N)])
    weights = draws.images(N).astype(int)
    chosen = [draws.seeds(len(Y), arm).astype(int) for arm, Y in enumerate((T, C))]
    deviations = []
    for r in range(draws.resamples):
        images = np.repeat(np.arange(N), weights[r])
        deviation = T[:, images].mean() - C[:, images].mean() - estimate
        deviation *= math.sqrt(N / (N - 1))
        for Y, counts, sign in ((T, chosen[0], 1), (C, chosen[1], -1)):
            seeds = np.repeat(np.arange(len(Y)), counts[r])
            unshrink = math.sqrt(len(Y) / (len(Y) - 1))
            deviation += sign * unshrink * (Y[seeds].mean() - Y.mean())
        deviations.append(deviation)
    variances = [np.var(T.mean(0) - C.mean(0), ddof=1) / N]
    variances += [2 * np.var(Y.mean(1), ddof=1) / len(Y) for Y in (T, C)]
    freedoms = [N - 1, len(T) - 1, len(C) - 1]
    v = sum(variances) ** 2 / sum(x**2 / f for x, f in zip(variances, freedoms, strict=True))
    tail = (1 - confidence) / 2
    widening = stats.t.ppf(tail, v) / stats.norm.ppf(tail)
    limits = np.quantile(deviations, [tail, 1 - tail], method="weibull")
    return estimate, *(estimate + widening * limits)


@pytest.mark.parametrize("seeds", [(3, 3), (5, 2)])
def test_it_is_the_resampling_written_as_loops(seeds):
    rng = np.random.default_rng(1)
    T, C = (crossed(rng, S, 40, gain=0.1) for S in seeds)
    found = difference(T, C, Draws(199, 5), confidence=0.9)
    expected = slow_interval(T, C, Draws(199, 5), 0.9)
    np.testing.assert_allclose(found[:3], expected, rtol=1e-5)
    assert (found.images, found.seeds) == (40, min(seeds))


def test_drawing_whole_images_and_seeds_at_once_spreads_as_far():
    # Owen's pigeonhole bootstrap: both factors in one replicate. With a small residual the
    # interaction of the two draws, which the sum leaves out, is negligible.
    rng = np.random.default_rng(2)
    T, C = (crossed(rng, 8, 60, residual=0.01) for _ in range(2))
    replicates = []
    for _ in range(4000):
        i = rng.integers(60, size=60)
        t, c = rng.integers(8, size=8), rng.integers(8, size=8)
        replicates.append(T[t][:, i].mean() - C[c][:, i].mean())
    seeds = sum(np.var(Y.mean(1), ddof=1) / 8 for Y in (T, C))
    images = np.var(T.mean(0) - C.mean(0), ddof=1) / 60
    assert np.var(replicates) == pytest.approx(seeds * 7 / 8 + images * 59 / 60, rel=0.1)
    found = difference(T, C, Draws(4000, 0))
    v = (2 * seeds + images) ** 2 / (
        sum((2 * np.var(Y.mean(1), ddof=1) / 8) ** 2 / 7 for Y in (T, C)) + images**2 / 59
    )
    expected = 2 * stats.t.ppf(0.975, v) * math.sqrt(seeds + images)
    assert found.high - found.low == pytest.approx(expected, rel=0.06)


def test_one_seed_agrees_with_the_paired_t_test_and_scipy_bootstrap():
    rng = np.random.default_rng(3)
    T, C = rng.normal(0.05, 0.3, (1, 60)), rng.normal(0, 0.3, (1, 60))
    found = difference(T, C, Draws(20000, 0))
    test = stats.ttest_rel(T[0], C[0])
    low, high = test.confidence_interval()
    width = high - low
    assert found.low == pytest.approx(low, abs=0.03 * width)
    assert found.high == pytest.approx(high, abs=0.03 * width)
    assert found.p == pytest.approx(test.pvalue, abs=0.02)
    assert found.effect_size == pytest.approx(test.statistic / math.sqrt(60))
    assert found.seeds == 1
    boot = stats.bootstrap(
        ((T - C)[0],), np.mean, n_resamples=20000, method="percentile", rng=rng
    ).confidence_interval
    widening = math.sqrt(60 / 59) * stats.t.ppf(0.975, 59) / stats.norm.ppf(0.975)
    assert found.low - found.estimate == pytest.approx(
        widening * (boot.low - found.estimate), rel=0.04
    )


def test_the_mean_of_one_arm_covers_images_and_seeds():
    Y = crossed(np.random.default_rng(4), 3, 50, gain=1.0, seed_sd=0.5)
    found, images_only = (difference(rows, None, Draws(999, 0)) for rows in (Y, Y[:1]))
    assert found.estimate == pytest.approx(Y.mean())
    assert found.high - found.low > 3 * (images_only.high - images_only.low)


def test_an_image_that_one_arm_lacks_is_left_out_of_both():
    T = [[1.0, 5.0, 2.0, NAN], [3.0, NAN, 2.0, NAN]]
    C = [[0.0, NAN, 1.0, 7.0]]
    found = difference(T, C, Draws(500, 0))
    assert found.estimate == pytest.approx(((2 - 0) + (2 - 1)) / 2)
    assert found.images == 2


def test_seeds_that_miss_hard_images_do_not_count_as_better():
    # Both recipes are the same; the treatment's maps fail on hard images in all seeds but one.
    hard = np.linspace(0, 1, 30)
    T, C = np.tile(hard, (4, 1)), np.tile(hard, (4, 1))
    T[1:, :10] = NAN
    found = difference(T, C, Draws(500, 0))
    assert found.estimate == pytest.approx(0, abs=1e-12)
    assert np.nanmean(T) > np.mean(C) + 0.1  # what a mean over all entries would claim


def test_a_seed_without_any_value_does_not_count():
    Y = np.array([[1.0, 2.0, 3.0], [NAN, NAN, NAN], [2.0, 2.0, 5.0]])
    assert difference(Y, Y[[0, 2]], Draws(500, 0)).seeds == 2


def test_nothing_in_common_is_undefined():
    found = difference([[1.0, NAN]], [[NAN, 1.0]], Draws(100, 0))
    assert all(math.isnan(x) for x in found[:5])
    assert found[5:] == (0, 0)


def test_one_image_has_an_estimate_and_no_interval():
    found = difference([[1.0], [2.0]], [[0.5]], Draws(100, 0))
    assert found.estimate == 1.0
    assert math.isnan(found.low)
    assert math.isnan(found.p)
    assert found.images == 1


def test_the_same_maps_do_not_differ():
    Y = np.ones((3, 20))
    found = difference(Y, Y, Draws(100, 0))
    assert found[:4] == (0.0, 0.0, 0.0, 1.0)
    assert math.isnan(found.effect_size)


def test_seeds_widen_the_interval_when_they_disagree():
    rng = np.random.default_rng(5)
    agree, disagree = (
        difference(
            crossed(rng, 3, 200, seed_sd=sd), crossed(rng, 3, 200, seed_sd=sd), Draws(999, 0)
        )
        for sd in (0.0, 0.2)
    )
    assert disagree.high - disagree.low > 3 * (agree.high - agree.low)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    gain=st.floats(-0.2, 0.2),
    seeds=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    confidence=st.sampled_from([0.8, 0.9, 0.95, 0.98]),
)
def test_p_and_interval_say_the_same(seed, gain, seeds, confidence):
    rng = np.random.default_rng(seed)
    T, C = (crossed(rng, S, 15, gain=g) for S, g in zip(seeds, (gain, 0.0), strict=True))
    found = difference(T, C, Draws(299, seed), confidence=confidence)
    excluded = found.low > 0 or found.high < 0
    if abs(found.p - (1 - confidence)) > 1e-9:
        assert excluded == (found.p < 1 - confidence)
    assert found.low <= found.estimate <= found.high
    assert 2 / 300 <= found.p <= 1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_it_moves_and_scales_with_the_metric(seed, shift, scale):
    rng = np.random.default_rng(seed)
    T, C = crossed(rng, 3, 20), crossed(rng, 2, 20)
    plain = difference(T, C, Draws(199, 0))
    moved = difference(scale * T + shift, scale * C, Draws(199, 0))
    expected = [scale * x + shift for x in plain[:3]]
    np.testing.assert_allclose(moved[:3], expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_swapping_arms_of_one_seed_flips_the_sign(seed):
    rng = np.random.default_rng(seed)
    T, C = crossed(rng, 1, 20), crossed(rng, 1, 20)
    one, other = difference(T, C, Draws(199, 0)), difference(C, T, Draws(199, 0))
    np.testing.assert_allclose([one.low, one.high], [-other.high, -other.low], rtol=1e-6)
    assert one.p == pytest.approx(other.p, rel=1e-5)


def test_draws_are_multinomial_and_belong_to_the_seed():
    draws = Draws(3000, 7)
    counts = draws.images(10)
    assert (counts.sum(axis=1) == 10).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(10), abs=0.08)
    assert counts.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.1)
    np.testing.assert_array_equal(counts, Draws(3000, 7).images(10))
    assert (counts != Draws(3000, 8).images(10)).any()


def test_arms_draw_their_seeds_independently():
    draws = Draws(3000, 0)
    first, second = draws.seeds(4, 0), draws.seeds(4, 1)
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.06


def test_draws_do_not_depend_on_what_was_drawn_before():
    draws = Draws(50, 0)
    first = draws.images(3).copy()
    for n in range(4, 12):
        draws.images(n)
    np.testing.assert_array_equal(draws.images(3), first)


def slow_holm(p):
    """The closed test: p of hypothesis i is the largest Bonferroni p of any set that holds it."""
    m = len(p)
    adjusted = []
    for i in range(m):
        sets = [[j for j in range(m) if mask >> j & 1] for mask in range(1, 2**m) if mask >> i & 1]
        adjusted.append(max(min(1.0, len(s) * min(p[j] for j in s)) for s in sets))
    return adjusted


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_bonferroni_test(p):
    np.testing.assert_allclose(holm(p), slow_holm(p))


def test_holm_leaves_undefined_out_of_the_family():
    np.testing.assert_allclose(holm([0.02, NAN, 0.01]), [0.02, NAN, 0.02])
    assert holm([]).shape == (0,)
