"""How often does a 95 % interval hold the truth? Candidates for campare.stats.bootstrap, simulated.

Two arms without a difference, 200 images, 3, 5 and 10 seeds an arm:

    Y[s, i] = image i (sd 0.2) + image i in this arm (0.1) + seed s (below) + residual (0.1)

python benchmarks/coverage.py [SIMULATIONS]      prints the tables of docs/statistics.md
"""

import sys
from collections import defaultdict

import numpy as np
from scipy import stats

from campare.stats.bootstrap import Draws, difference

IMAGES, RESAMPLES, SEEDS = 200, 1000, (3, 5, 10)
CASES = {
    "seeds do not vary": {"seed_sd": (0.0, 0.0)},
    "seeds vary a little (0.02)": {"seed_sd": (0.02, 0.02)},
    "seeds vary much (0.08)": {"seed_sd": (0.08, 0.08)},
    "one arm varies (0.05, 0.005)": {"seed_sd": (0.05, 0.005)},
    "one arm varies much (0.1, 0)": {"seed_sd": (0.1, 0.0)},
    "large residual (0.4), seeds 0.02": {"seed_sd": (0.02, 0.02), "residual": 0.4},
    "hit or miss, seeds 0.04": {"seed_sd": (0.04, 0.04), "kind": "binary"},
    "skewed (log-normal), seeds 0.04": {"seed_sd": (0.04, 0.04), "kind": "skewed"},
    "20 % undefined, seeds 0.02": {"seed_sd": (0.02, 0.02), "missing": 0.2},
    "mean of one arm, seeds 0.02": {"seed_sd": (0.02, 0.02), "single": True},
    "mean of one arm, seeds 0.08": {"seed_sd": (0.08, 0.08), "single": True},
}


def arms(rng, seeds, seed_sd, residual=0.1, kind="normal", missing=0.0, single=False):
    image = rng.normal(0, 0.2, IMAGES)
    both = []
    for sd in seed_sd:
        Y = image + rng.normal(0, 0.1, IMAGES) + rng.normal(0, sd, (seeds, 1))
        Y = Y + rng.normal(0, residual, (seeds, IMAGES))
        if kind == "binary":
            Y = (Y > -0.25).astype(float)
        if kind == "skewed":
            Y = np.exp(3 * Y)
        Y[rng.random(Y.shape) < missing] = np.nan
        both.append(Y)
    return both[:1] if single else both


def candidates(Ys, seed):
    """Name -> interval, each from its definition; `used` is what campare reports."""
    draws = Draws(RESAMPLES, seed)
    Ys = [Y[:, np.all([np.isfinite(Z).any(axis=0) for Z in Ys], axis=0)] for Y in Ys]
    N = Ys[0].shape[1]
    w = draws.images(N).astype(float)
    sign = (1, -1)
    m = [np.nanmean(Y, axis=0) for Y in Ys]
    Z = [
        np.nan_to_num((Y - mean) / np.isfinite(Y).sum(axis=0))
        for Y, mean in zip(Ys, m, strict=True)
    ]
    d = sum(s * mean for s, mean in zip(sign, m, strict=False))
    D = d.mean()
    image = w @ (d - D) / N
    c = [draws.seeds(len(Y), a).astype(float) - 1 for a, Y in enumerate(Ys)]
    k = [np.sqrt(len(Y) / (len(Y) - 1)) for Y in Ys]
    crossed = [s * (w @ z.T * x).sum(axis=1) / N for s, z, x in zip(sign, Z, c, strict=False)]
    added = [s * x @ z.sum(axis=1) / N for s, z, x in zip(sign, Z, c, strict=False)]
    v_image = d.var(ddof=1) / N
    v_seed = [(z.mean(axis=1) ** 2).sum() * x**2 for z, x in zip(Z, k, strict=True)]
    twice = sum(  # the residual's part, in v_image and in v_seed
        ((z - z.mean(axis=1, keepdims=True)) ** 2).sum() / N**2 * x**2
        for z, x in zip(Z, k, strict=True)
    )

    def t(caution=1):
        parts = [(v_image, N - 1)] + [
            (caution * v, len(Y) - 1) for v, Y in zip(v_seed, Ys, strict=True)
        ]
        freedom = sum(v for v, _ in parts) ** 2 / sum(v**2 / f for v, f in parts)
        return stats.t.ppf(0.975, freedom)

    def percentiles(deviations, widening=1.0):
        return D + widening * np.quantile(deviations, [0.025, 0.975])

    z = stats.norm.ppf(0.975)
    unshrunk = image + sum(x * y for x, y in zip(k, crossed, strict=True))
    additive = image * np.sqrt(N / (N - 1)) + sum(x * y for x, y in zip(k, added, strict=True))
    unbiased = np.sqrt(max(v_image + sum(v_seed) - twice, 1e-12))
    found = difference(Ys[0], Ys[1] if len(Ys) == 2 else None, draws)
    return {
        "percentile": percentiles(image + sum(crossed)),
        "+ unshrunk": percentiles(unshrunk),
        "+ t": percentiles(unshrunk, t() / z),
        "additive + t": percentiles(additive, t() / z),
        "unbiased SE, t": D + np.array([-1, 1]) * unbiased * t(),
        "used": (found.low, found.high),
    }


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    names = ["percentile", "+ unshrunk", "+ t", "additive + t", "unbiased SE, t", "used"]
    print("| case | seeds | " + " | ".join(names) + " |")
    print("| --- | ---: | " + " | ".join(["---:"] * len(names)) + " |")
    for case, (title, settings) in enumerate(CASES.items()):
        for seeds in SEEDS:
            hits, width = defaultdict(int), defaultdict(float)
            for i in range(simulations):
                rng = np.random.default_rng([case, seeds, i])
                for name, (low, high) in candidates(arms(rng, seeds, **settings), i).items():
                    hits[name] += low <= 0 <= high
                    width[name] += (high - low) / simulations
            cells = [
                f"{100 * hits[n] / simulations:.1f} ({width[n] / width['used']:.2f})" for n in names
            ]
            print(f"| {title} | {seeds} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
