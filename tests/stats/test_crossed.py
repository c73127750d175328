import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from campare.errors import CampareError
from campare.stats.crossed import contrast, difference, interval, size_interval, split

NAN = np.nan
FIXTURES = Path(__file__).parent.parent / "fixtures"
FACTS = json.loads((FIXTURES / "statsmodels.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def data():
    with np.load(FIXTURES / "statsmodels.npz") as arrays:
        return dict(arrays)


def crossed(rng, seeds, images, gain=0.0, seed_sd=0.05, residual=0.1):
    """Y[seed, image] = image + seed + residual."""
    hard, seed = rng.normal(0, 0.2, images), rng.normal(0, seed_sd, (seeds, 1))
    return gain + hard + seed + rng.normal(0, residual, (seeds, images))


@pytest.mark.parametrize("name", ["three", "five"])
def test_the_variance_is_that_of_crossed_random_effects_by_reml(data, name):
    facts = FACTS[f"mixed_{name}"]
    found = split([data[f"{name}_1"], data[f"{name}_0"]], [1, -1])
    assert min(facts["components"].values()) > 0  # else REML and moments differ
    assert found.estimate == pytest.approx(facts["estimate"], rel=1e-6)
    assert math.sqrt(found.variance) == pytest.approx(facts["error"], rel=2e-3)
    S = found.seeds
    seed = sum(part.between - part.residual for part in found.parts) * S / 2
    assert seed == pytest.approx(facts["components"]["seed"], rel=5e-3)
    assert sum(p.residual for p in found.parts) * S * 20 / 2 == pytest.approx(
        facts["residual"], rel=5e-3
    )
    assert found.image_variance * 20 / 2 == pytest.approx(facts["components"]["cell"], rel=5e-3)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("paired", (-1, 1, 0, 0)),
        ("pretraining", (-0.5, 0.5, 0.5, -0.5)),
        ("augmentation", (-0.5, -0.5, 0.5, 0.5)),
        ("interaction", (1, -1, 1, -1)),
    ],
)
def test_with_one_seed_it_is_the_paired_t_test_of_statsmodels(data, name, weights):
    arms = [data[f"square_{arm}"] for arm in "ABCD"]
    used = [(Y, w) for Y, w in zip(arms, weights, strict=True) if w]
    found = contrast([Y for Y, _ in used], [w for _, w in used])
    facts = FACTS[name]
    assert found.estimate == pytest.approx(facts["estimate"], rel=1e-10)
    np.testing.assert_allclose([found.low, found.high], facts["interval"], rtol=1e-8)
    assert found.p == pytest.approx(facts["p"], rel=1e-8)
    assert (found.images, found.seeds) == (40, 1)


def slow_split(arms, weights):
    """The definition as loops."""
    N = arms[0].shape[1]
    common = [i for i in range(N) if all(np.isfinite(Y[:, i]).any() for Y in arms)]
    d = [sum(w * np.nanmean(Y[:, i]) for Y, w in zip(arms, weights, strict=True)) for i in common]
    parts = []
    for Y, w in zip(arms, weights, strict=True):
        S = len(Y)
        n = {i: np.isfinite(Y[:, i]).sum() for i in common}
        off = {
            (s, i): Y[s, i] - np.nanmean(Y[:, i])
            for s in range(S) for i in common if np.isfinite(Y[s, i])
        }  # fmt: skip
        pulls = [
            sum(v / n[i] for (t, i), v in off.items() if t == s) / len(common) for s in range(S)
        ]
        level = [np.mean([v for (t, _), v in off.items() if t == s]) for s in range(S)]
        square = sum((v - level[s]) ** 2 for (s, _), v in off.items())
        residual = square / (len(off) - len(common) - (S - 1))
        between = w**2 * sum(g**2 for g in pulls) * S / (S - 1)
        mean = residual * sum(1 / n[i] for i in common) / len(common) ** 2
        parts.append((S, between, w**2 * mean))
    return np.mean(d), np.std(d, ddof=1), len(common), parts


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_the_split_is_its_definition_written_as_loops(missing):
    rng = np.random.default_rng(1)
    arms = [crossed(rng, S, 25) for S in (3, 4, 2)]
    for Y in arms:
        Y[rng.random(Y.shape) < missing] = NAN
    weights = [1.0, -0.5, -0.5]
    found = split(arms, weights)
    mean, spread, images, parts = slow_split(arms, weights)
    assert (found.estimate, found.spread, found.images) == (
        pytest.approx(mean), pytest.approx(spread), images
    )  # fmt: skip
    np.testing.assert_allclose(found.parts, parts)


def test_the_variance_is_unbiased():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(3000):
        T, C = (crossed(rng, 4, 30) for _ in range(2))
        found.append(split([T, C], [1, -1]))
    truth = 2 * (0.2**2 / 30 + 0.05**2 / 4 + 0.1**2 / 120)
    assert np.var([one.estimate for one in found]) == pytest.approx(truth, rel=0.1)
    assert np.mean([one.variance for one in found]) == pytest.approx(truth, rel=0.03)


def test_seeds_that_the_residual_explains_cost_no_degrees_of_freedom():
    rng = np.random.default_rng(3)
    quiet = split([crossed(rng, 3, 400, seed_sd=0.0) for _ in range(2)], [1, -1])
    loud = split([crossed(rng, 3, 400, seed_sd=0.5) for _ in range(2)], [1, -1])
    assert quiet.freedom > 20
    assert 2 <= loud.freedom < 4.5


def test_many_seeds_without_variance_between_images_are_welch():
    rng = np.random.default_rng(4)
    T, C = (rng.normal(0, sd, (S, 1)) + np.zeros((S, 500)) for S, sd in ((40, 0.1), (60, 0.3)))
    found = difference(T, C)
    test = stats.ttest_ind(T[:, 0], C[:, 0], equal_var=False)
    assert found.p == pytest.approx(test.pvalue, abs=0.01)


def test_an_image_that_one_arm_lacks_is_left_out_of_both():
    T = [[1.0, 5.0, 2.0, NAN], [3.0, NAN, 2.0, NAN]]
    found = difference(T, [[0.0, NAN, 1.0, 7.0]])
    assert found.estimate == pytest.approx(((2 - 0) + (2 - 1)) / 2)
    assert found.images == 2


def test_seeds_that_miss_hard_images_do_not_count_as_better():
    hard = np.linspace(0, 1, 30)
    T, C = np.tile(hard, (4, 1)), np.tile(hard, (4, 1))
    T[1:, :10] = NAN
    assert difference(T, C).estimate == pytest.approx(0, abs=1e-12)


def test_what_cannot_be_told():
    assert math.isnan(difference([[1.0, NAN]], [[NAN, 1.0]]).estimate)
    one = difference([[1.0], [2.0]], [[0.5]])
    assert (one.estimate, one.images) == (1.0, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.p)
    assert difference([[1.0, 2.0], [NAN, NAN]], [[0.0, 3.0]]).seeds == 1


def test_without_any_variance_p_is_that_of_the_signs():
    Y = np.ones((3, 20))
    assert difference(Y, Y)[:4] == (0.0, 0.0, 0.0, 1.0)
    assert difference(2 * Y, Y)[:4] == (1.0, 1.0, 1.0, 2.0**-19)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    gain=st.floats(-0.2, 0.2),
    seeds=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    confidence=st.sampled_from([0.8, 0.95, 0.99]),
)
def test_p_and_interval_say_the_same(seed, gain, seeds, confidence):
    rng = np.random.default_rng(seed)
    T, C = (crossed(rng, S, 15, g) for S, g in zip(seeds, (gain, 0.0), strict=True))
    found = split([T, C], [1, -1])
    low, high, p = interval(found, confidence)
    if abs(p - (1 - confidence)) > 1e-9:
        assert (low > 0 or high < 0) == (p < 1 - confidence)
    assert low <= found.estimate <= high


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_it_moves_and_scales_with_the_metric(seed, shift, scale):
    rng = np.random.default_rng(seed)
    T, C = crossed(rng, 3, 20), crossed(rng, 2, 20)
    plain, moved = difference(T, C), difference(scale * T + shift, scale * C)
    np.testing.assert_allclose(moved[:3], [scale * x + shift for x in plain[:3]], atol=1e-9)
    turned = difference(C, T)
    np.testing.assert_allclose([turned.low, turned.high], [-plain.high, -plain.low], atol=1e-12)


def test_the_size_interval_is_near_the_noncentral_t():
    rng = np.random.default_rng(5)
    d = rng.normal(0.5, 1, (1, 60))
    found = split([d], [1])
    t, n = found.estimate / found.spread * math.sqrt(60), 60
    shifts = np.linspace(-5, 12, 20001)
    low = shifts[np.argmin(abs(stats.nct.sf(t, n - 1, shifts) - 0.025))] / math.sqrt(n)
    high = shifts[np.argmin(abs(stats.nct.cdf(t, n - 1, shifts) - 0.025))] / math.sqrt(n)
    np.testing.assert_allclose(size_interval(found), (low, high), atol=0.02)


def test_arms_need_weights():
    with pytest.raises(CampareError, match=r"one weight for each arm, got 2 arms and 1 weights"):
        split([[[1.0]], [[2.0]]], [1])


def grouped_arms(rng, sizes, seeds=(4, 3)):
    """Two arms in which images of a group share an effect, and a seed has one on each group."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    images = len(groups)
    arms = [
        rng.normal(0, 0.1, images)
        + rng.normal(0, 0.2, len(sizes))[groups]
        + rng.normal(0, 0.1, (S, len(sizes)))[:, groups]
        + rng.normal(0, 0.05, (S, images))
        for S in seeds
    ]
    return arms, groups


def test_groups_of_one_size_are_units_like_images():
    arms, groups = grouped_arms(np.random.default_rng(0), [5] * 12)
    found = split(arms, [1, -1], groups)
    means = split([Y.reshape(len(Y), 12, 5).mean(axis=2) for Y in arms], [1, -1])
    assert found.units == means.images == 12
    assert found.estimate == pytest.approx(means.estimate)
    assert found.variance == pytest.approx(means.variance)
    assert found.freedom == pytest.approx(means.freedom)
    assert found.groups.freedom == pytest.approx(11)
    assert interval(found) == pytest.approx(interval(means))
    effect = contrast(arms, [1, -1], groups=groups)
    assert (effect.images, effect.groups, effect.seeds) == (60, 12, 3)
    assert effect.high - effect.low > np.ptp(interval(split(arms, [1, -1]))[:2])


def test_groups_of_one_image_are_images_to_the_last_bit():
    arms, _ = grouped_arms(np.random.default_rng(1), [1] * 30)
    arms[0][1, 4] = arms[1][:, 7] = NAN
    groups = np.random.default_rng(2).permutation(30)
    assert split(arms, [1, -1], groups) == split(arms, [1, -1])
    pair = np.r_[0, np.arange(29)]  # the second of the pair is undefined
    arms[0][:, 1] = NAN
    assert split(arms, [1, -1], pair) == split(arms, [1, -1])


def test_the_degrees_of_freedom_of_unequal_groups_are_satterthwaites():
    rng = np.random.default_rng(3)
    sizes = [1, 1, 2, 3, 8, 20]
    groups = np.repeat(np.arange(6), sizes)
    w = np.array(sizes) / 35
    off = np.eye(6) - w  # a shared effect of each group, minus the mean of all
    q = np.diag(w**2 / (1 - 2 * w + (w**2).sum()))
    form = off.T @ q @ off
    found = split([rng.normal(size=(1, 35))], [1], groups).groups
    assert np.trace(form) == pytest.approx((w**2).sum())  # unbiased
    assert found.freedom == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form))
    values = [split([rng.normal(size=6)[None, groups]], [1], groups) for _ in range(4000)]
    estimates = np.array([one.estimate for one in values])
    variances = np.array([one.groups.variance for one in values])
    assert variances.mean() == pytest.approx((w**2).sum(), rel=0.05)
    assert estimates.var() == pytest.approx((w**2).sum(), rel=0.08)
    kurtosis = 2 * variances.mean() ** 2 / variances.var()
    assert kurtosis == pytest.approx(found.freedom, rel=0.2)


def test_one_group_says_nothing_of_others():
    (Y, _), _ = grouped_arms(np.random.default_rng(4), [6])
    found = difference(Y, groups=np.zeros(6, int))
    assert math.isfinite(found.estimate)
    assert (found.images, found.groups) == (6, 1)
    assert all(math.isnan(x) for x in (found.low, found.high, found.p))
    assert all(math.isnan(x) for x in size_interval(split([Y], [1], np.zeros(6, int))))


@given(st.integers(0, 1000), st.lists(st.integers(1, 6), min_size=2, max_size=8))
@settings(deadline=None)
def test_the_estimate_is_the_mean_over_images_whatever_the_groups(seed, sizes):
    rng = np.random.default_rng(seed)
    arms, groups = grouped_arms(rng, sizes)
    for Y in arms:
        Y[rng.random(Y.shape) < 0.2] = NAN
    alone, found = split(arms, [1, -1]), split(arms, [1, -1], groups)
    assert found.estimate == alone.estimate or math.isnan(found.estimate)
    order = rng.permutation(len(groups))
    again = split([Y[:, order] for Y in arms], [1, -1], 7 - groups[order])
    if found.units > 1:
        assert again.variance == pytest.approx(found.variance)
        assert found.variance >= 0
