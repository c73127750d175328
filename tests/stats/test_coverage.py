"""Do intervals cover the truth, are verdicts true? A small simulation of benchmarks/coverage.py."""

import numpy as np
import pytest

from campare.stats.article import ARTICLE
from campare.stats.crossed import difference
from campare.stats.design import design_of
from campare.stats.gathered import Measured
from campare.stats.judging import judge

SIMULATIONS = 1000


def arms(rng, seeds, count=2, images=60, seed_sd=(0.05, 0.05)):
    """Arms that do not differ; image, image x arm, seed and residual vary as energies do."""
    hard = rng.normal(0, 0.2, images)
    return [
        hard + rng.normal(0, 0.1, images) + rng.normal(0, seed_sd[i % 2], (seeds, 1))
        + rng.normal(0, 0.1, (seeds, images))
        for i in range(count)
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


@pytest.mark.parametrize("seed_sd", [(0.0, 0.0), (0.05, 0.05), (0.05, 0.01)])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_covers(seeds, seed_sd):
    covered = 0
    for i in range(SIMULATIONS):
        found = difference(*arms(np.random.default_rng([seeds, i]), seeds, seed_sd=seed_sd))
        covered += found.low <= 0 <= found.high
    assert 0.93 <= covered / SIMULATIONS <= 0.98  # 0.93 to 0.97, and two standard errors


def test_plain_percentiles_do_not_cover():
    plain = 0
    for i in range(300):
        rng = np.random.default_rng([3, i])
        plain += percentile_covers(*arms(rng, 3), rng)
    assert plain / 300 < 0.91


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_few_verdicts_are_false(seeds):
    claims = [claim for claim in ARTICLE if claim.name != "9 small sets"]
    names = sorted({name for claim in claims for o in claim.outcomes for name in o.measures})
    false = 0
    for i in range(150):
        rng = np.random.default_rng([seeds, 99, i])
        measured = {}
        for name in names:
            for arm, Y in zip("ABDC", arms(rng, seeds, 4), strict=True):
                measured[arm, "-" if name == "correct" else "grad-cam", name] = Measured(Y, 0, 0)
        rows = judge(claims, measured, design_of([], "ABCD"), "grad-cam")
        false += any(row["verdict"] in ("supported", "contradicted") for row in rows)
    assert false / 150 <= 0.09  # 0.05, and two standard errors


@pytest.mark.parametrize("shape", [(40, 5), (20, 20), (100, 2)])
def test_the_interval_covers_where_groups_share_their_effect(shape):
    number, size = shape
    groups = np.repeat(np.arange(number), size)
    covered = plain = 0
    for i in range(500):
        rng = np.random.default_rng([5, number, i])
        both = [
            rng.normal(0, 0.1, number)[groups]
            + rng.normal(0, 0.1, len(groups))
            + rng.normal(0, 0.02, (5, 1))
            + rng.normal(0, 0.1, (5, len(groups)))
            for _ in "AB"
        ]
        found = difference(*both, groups=groups)
        covered += found.low <= 0 <= found.high
        images = difference(*both)
        plain += images.low <= 0 <= images.high
    assert 0.92 <= covered / 500 <= 0.985
    assert plain / 500 < {40: 0.90, 20: 0.75, 100: 0.96}[number]  # images as units
