"""Oracles: Quantus 0.6.0 (recorded, with the maps it compared) and Captum's sensitivity_max."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_stability as slow
from campare.metrics.robustness.dose_response import ladder_conditions
from campare.metrics.robustness.sensitivity import (
    DECLARED,
    average_sensitivity,
    in_ball,
    max_sensitivity,
    sensitivity,
)

QUANTUS = np.load(Path(__file__).parents[2] / "fixtures" / "quantus_stability.npz")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 8, 8, 3)).astype(np.float32)


def alone(images):
    return np.tile([1.0, 0.0], (len(images), 1))


def measured(explain, images=IMAGES, predict=alone, **settings):
    return sensitivity(explain, predict, images, None, np.random.default_rng(0), **settings)


def recorded(stacks):
    """An explain function that returns one recorded stack of maps a call."""
    queue = iter(stacks)
    return lambda *_: next(queue)


def test_equals_quantus():
    maps = QUANTUS["sensitivity_maps"]
    found = measured(recorded(maps), images=np.zeros((5, 8, 8, 3)), samples=6)
    assert found.largest.values == pytest.approx(QUANTUS["max_sensitivity"], rel=1e-5)
    assert found.average.values == pytest.approx(QUANTUS["avg_sensitivity"], rel=1e-5)


def test_equals_captum():
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("captum.metrics")
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 3, padding=1)
    )
    noise = [in_ball()(np.zeros_like(IMAGES), np.random.default_rng(s)) for s in range(5)]

    def maps(x):
        if isinstance(x, tuple):  # as Captum asks first
            return (maps(x[0]),)
        with torch.no_grad():
            return network(x / 255)[:, 1].clamp(min=0)

    def explain(images, targets):
        return maps(torch.from_numpy(np.moveaxis(images, -1, 1))).numpy()

    queue = iter(noise)
    found = measured(explain, samples=5, perturb=lambda x, _: x + next(queue))
    stacked = torch.from_numpy(np.moveaxis(np.stack(noise, axis=1), -1, 2).reshape(20, 3, 8, 8))
    expected = metrics.sensitivity_max(
        maps,
        torch.from_numpy(np.moveaxis(IMAGES, -1, 1)),
        perturb_func=lambda x: x + stacked,
        n_perturb_samples=5,
    )
    assert found.largest.values == pytest.approx(expected.numpy(), rel=1e-5)


@given(st.integers(0, 10**6), st.integers(-20, 20))
def test_equals_the_slow_one_and_ignores_scale(seed, power):
    maps = np.random.default_rng(seed).random((4, 3, 5, 5)).astype(np.float32)
    found = measured(recorded(maps), images=IMAGES[:3], samples=3)
    scaled = measured(recorded(np.ldexp(maps, power)), images=IMAGES[:3], samples=3)
    for i in range(3):
        largest, mean = slow.sensitivity(maps[0, i].astype(float), maps[1:, i].astype(float))
        assert found.largest.values[i] == pytest.approx(largest, rel=1e-6)
        assert found.average.values[i] == pytest.approx(mean, rel=1e-6)
    assert scaled.largest.values == pytest.approx(found.largest.values, rel=1e-6)
    assert (found.average.values <= found.largest.values).all()


def test_a_constant_map_is_perfectly_stable_and_the_declaration_says_so():
    found = measured(lambda x, _: np.ones((len(x), 4, 4)))
    assert found.largest.values.tolist() == [0] * 4
    assert found.average.values.tolist() == [0] * 4
    assert all("constant map is perfectly stable" in m.misleads for m in DECLARED)
    assert all(m.higher_is_better is False and m.low == 0 for m in DECLARED)


def test_undefined_is_nan_with_a_reason():
    first = RNG.random((4, 3, 3))
    first[1], first[2], first[3, 0, 0] = 0, -1 - first[2], np.nan
    after = RNG.random((4, 3, 3))
    found = measured(recorded([first, after]), samples=1)
    assert found.largest.status.tolist() == ["ok", "flat", "all-negative", "non-finite"]
    assert np.isnan(found.average.values[1:]).all()
    after[0, 0, 0] = np.inf
    found = measured(recorded([RNG.random((4, 3, 3)), after]), samples=1)
    assert found.largest.status.tolist() == ["non-finite", "ok", "ok", "ok"]


def test_a_sample_that_changes_the_prediction_makes_it_undefined():
    def predict(images):
        z = images[:, 0, 0, 0] - 100
        return np.stack([-z, z], axis=1)

    images = np.full((2, 4, 4, 3), 150.0)
    images[1] = 100.5
    found = measured(lambda x, _: x[..., 0], images=images, predict=predict)
    assert found.largest.status.tolist() == ["ok", "prediction-changed"]


def test_the_ball_is_that_of_the_maximum_norm():
    noise = in_ball(0.02)(np.zeros((2, 50, 50, 3)), np.random.default_rng(0))
    assert 0.99 * 5.1 < abs(noise).max() <= 5.1 + 1e-5
    assert noise.std() == pytest.approx(5.1 / np.sqrt(3), rel=0.02)


def test_the_two_metrics_are_its_two_values():
    def explain(images, targets):
        return images[..., 0]

    found = measured(explain)
    for function, values in (
        (max_sensitivity, found.largest),
        (average_sensitivity, found.average),
    ):
        again = function(explain, alone, IMAGES, None, np.random.default_rng(0))
        assert np.array_equal(again.values, values.values)


def test_the_unchanged_images_are_explained_once_for_ladders_and_sensitivity():
    passes, images = [], np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3))

    def explain(some, targets):
        passes.append(len(some))
        return some.mean(axis=3)

    known = {}

    def shared(key, compute):
        if key not in known:
            known[key] = compute()
        return known[key]

    def predict(some):
        return np.zeros((len(some), 2))

    model = (explain, predict, images, None)
    ladder_conditions("flip", *model, np.random.default_rng(0), shared=shared)
    before = len(passes)
    found = max_sensitivity(*model, np.random.default_rng(0), shared=shared)
    assert len(passes) - before == 10
    alone = max_sensitivity(*model, np.random.default_rng(0))
    np.testing.assert_array_equal(found.values, alone.values)
