"""Do intervals cover the truth? A small simulation; benchmarks/coverage.py is the whole one."""

import numpy as np
import pytest

from campare.stats.bootstrap import Draws, difference

SIMULATIONS = 400


def arms(rng, seeds, images=200):
    """Two arms that do not differ; image, image x arm, seed and residual vary as energies do."""
    hard = rng.normal(0, 0.2, images)
    return [
        hard + rng.normal(0, 0.1, images) + rng.normal(0, 0.05, (seeds, 1))
        + rng.normal(0, 0.1, (seeds, images))
        for _ in range(2)
    ]  # fmt: skip


def percentile_covers(T, C, rng, resamples=300):
    """The uncorrected bootstrap of images and seeds."""
    N = T.shape[1]
    weights = rng.multinomial(N, np.full(N, 1 / N), resamples) / N
    t, c = (
        rng.multinomial(len(Y), np.full(len(Y), 1 / len(Y)), resamples) / len(Y) for Y in (T, C)
    )
    replicates = ((weights @ T.T) * t - (weights @ C.T) * c).sum(axis=1)
    low, high = np.quantile(replicates, [0.025, 0.975])
    return low <= 0 <= high


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_interval_covers_where_the_plain_percentiles_do_not(seeds):
    covered = plain = rejected = 0
    for i in range(SIMULATIONS):
        rng = np.random.default_rng([seeds, i])
        T, C = arms(rng, seeds)
        found = difference(T, C, Draws(300, i))
        covered += found.low <= 0 <= found.high
        rejected += found.p < 0.05
        plain += percentile_covers(T, C, rng)
    assert 0.92 <= covered / SIMULATIONS <= 0.99
    assert abs(rejected - (SIMULATIONS - covered)) <= 1  # p and interval are one test
    assert plain < covered - 0.02 * SIMULATIONS
