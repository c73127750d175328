"""How often does a 95 % interval hold the truth, and how often is a verdict false? Simulated.

Two arms without a difference, 200 images, 3, 5 and 10 seeds an arm:

    Y[s, i] = image i (sd 0.2) + image i in this arm (0.1) + seed s (below) + residual (0.1)

python benchmarks/coverage.py [SIMULATIONS]             coverage of candidates
python benchmarks/coverage.py [SIMULATIONS] verdicts    false verdicts of whole studies
Both print the tables of docs/statistics.md.
"""

import sys
from collections import defaultdict

import numpy as np
from scipy import stats

from bootstrap import Draws, difference
from campare.stats.article import ARTICLE
from campare.stats.crossed import contrast
from campare.stats.design import design_of
from campare.stats.gathered import Measured
from campare.stats.judging import judge

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
    used = contrast(Ys, [1.0, -1.0][: len(Ys)])
    return {
        "percentile": percentiles(image + sum(crossed)),
        "+ unshrunk": percentiles(unshrunk),
        "+ t": percentiles(unshrunk, t() / z),
        "additive + t": percentiles(additive, t() / z),
        "unbiased SE, t": D + np.array([-1, 1]) * unbiased * t(),
        "bootstrap": (found.low, found.high),
        "used": (used.low, used.high),
    }


#: Studies of A, B, C and D in which no recipe differs. Seed: of arms from scratch, of transferred
#: ones. Images and standard deviations as intervals in docs/results.md imply.
STUDIES = {
    "fruits: 55 images, seeds 0.05 and 0.01": (55, (0.05, 0.01), 0.1, 0.1),
    "pets: 400 images, seeds 0.02 and 0.02": (400, (0.02, 0.02), 0.1, 0.1),
    "seeds vary much: 200 images, 0.08 and 0.08": (200, (0.08, 0.08), 0.1, 0.1),
    "seeds do not vary: 200 images": (200, (0.0, 0.0), 0.1, 0.1),
    "large residual: 200 images, seeds 0.02": (200, (0.02, 0.02), 0.1, 0.4),
    "one kind varies: 200 images, 0.1 and 0": (200, (0.1, 0.0), 0.1, 0.1),
}
MEASURES = sorted({name for claim in ARTICLE for o in claim.outcomes for name in o.measures})


def study(rng, seeds, images, seed_sd, arm_sd, residual):
    """A table without effects: every measure of every claim, in arms A to D."""
    measured = {}
    for measure in MEASURES:
        image = rng.normal(0, 0.2, images)
        for arm in "ABCD":
            sd = seed_sd[arm in "BC"]
            Y = image + rng.normal(0, arm_sd, images) + rng.normal(0, sd, (seeds, 1))
            Y = Y + rng.normal(0, residual, (seeds, images))
            method = "-" if measure == "correct" else "grad-cam"
            measured[arm, method, measure] = Measured(Y, Y.size, 0)
    return measured


def verdicts(simulations: int) -> None:
    """Share of studies with any false verdict, and of claims judged alone."""
    claims = [claim for claim in ARTICLE if claim.name != "9 small sets"]
    design = design_of([], "ABCD")
    false = ("supported", "contradicted")
    print(
        "| no effect in | seeds | any of 8 claims | one claim, alone | worst claim | equivalent |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for case, (title, settings) in enumerate(STUDIES.items()):
        for seeds in SEEDS:
            any_false, alone, same = 0, np.zeros(len(claims)), 0
            for i in range(simulations):
                rng = np.random.default_rng([1000 + case, seeds, i])
                rows = judge(claims, study(rng, seeds, *settings), design, "grad-cam")
                any_false += any(row["verdict"] in false for row in rows)
                same += sum(row["verdict"] == "equivalent" for row in rows)
                alone += [row["p"] < 0.05 for row in rows]
            print(
                f"| {title} | {seeds} | {100 * any_false / simulations:.1f} "
                f"| {100 * alone.mean() / simulations:.1f} | {100 * alone.max() / simulations:.1f} "
                f"| {100 * same / simulations / len(claims):.0f} |",
                flush=True,
            )


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if "verdicts" in sys.argv:
        verdicts(simulations)
        return
    names = [
        "percentile",
        "+ unshrunk",
        "+ t",
        "additive + t",
        "unbiased SE, t",
        "bootstrap",
        "used",
    ]
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
