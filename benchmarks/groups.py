"""How often does a 95 % interval hold the truth where images come in groups? Simulated.

Two arms without a difference, groups of images that share their effect, 3, 5 and 10 seeds an arm:

    Y[s, i] = image i, group g (sd 0.2 each) + image i in this arm + group g in this arm
              + seed s + seed s on group g + residual (0.1)

python benchmarks/groups.py [SIMULATIONS]             coverage, with groups and with images as units
python benchmarks/groups.py [SIMULATIONS] verdicts    false verdicts of whole studies
Both print the tables of benchmarks/RESULTS-GROUPS.md.
"""

import sys
from dataclasses import replace

import numpy as np

from campare.stats.article import ARTICLE
from campare.stats.crossed import contrast
from campare.stats.design import design_of
from campare.stats.gathered import Measured
from campare.stats.judging import judge

SHAPES, SEEDS = ((40, 5), (20, 20), (100, 2)), (3, 5, 10)
CASES = {
    "half of it shared, seeds 0.02": {},
    "all of it shared, seeds 0.02": {"image": 0.0},
    "half shared, seeds do not vary": {"seed": (0.0, 0.0)},
    "half shared, seeds vary much (0.08)": {"seed": (0.08, 0.08)},
    "half shared, one arm varies (0.1, 0)": {"seed": (0.1, 0.0)},
    "half shared, seed x group 0.1": {"seed_group": 0.1},
    "half shared, 20 % undefined": {"missing": 0.2},
    "half shared, sizes differ (log-normal)": {"unequal": True},
    "half shared, mean of one arm": {"single": True},
    "nothing shared": {"group": 0.0, "level": 0.0},
}


def groups_of(rng, number, size, unequal):
    """The group of each image; sizes are `size`, or log-normal around it."""
    sizes = np.full(number, size)
    if unequal:
        sizes = np.maximum(1, np.round(size * rng.lognormal(0, 0.8, number))).astype(int)
    return np.repeat(np.arange(number), sizes)


def arms(
    rng, groups, seeds, image=0.1, group=0.1, seed=(0.02, 0.02), seed_group=0.0, residual=0.1,
    level=0.2, missing=0.0, single=False,
):  # fmt: skip
    images, number = len(groups), groups.max() + 1
    # The mean of one arm alone has no image that is the same in another: its level is its effect.
    hard = rng.normal(0, 0.2, images) + rng.normal(0, level, number)[groups]
    both = []
    for sd in seed[: 1 if single else 2]:
        Y = (
            hard
            + rng.normal(0, image, images)
            + rng.normal(0, group, number)[groups]
            + rng.normal(0, sd, (seeds, 1))
            + rng.normal(0, seed_group, (seeds, number))[:, groups]
            + rng.normal(0, residual, (seeds, images))
        )
        Y[rng.random(Y.shape) < missing] = np.nan
        both.append(Y)
    return both


def coverage(simulations: int) -> None:
    shapes = " | ".join(f"{number} x {size}" for number, size in SHAPES)
    print(f"| case | seeds | {shapes} |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for case, (title, settings) in enumerate(CASES.items()):
        settings = dict(settings)
        unequal = settings.pop("unequal", False)
        for seeds in SEEDS:
            cells = []
            for number, size in SHAPES:
                hits = np.zeros(2)
                for i in range(simulations):
                    rng = np.random.default_rng([case, number, seeds, i])
                    groups = groups_of(rng, number, size, unequal)
                    Ys = arms(rng, groups, seeds, **settings)
                    weights = [1.0, -1.0][: len(Ys)]
                    for k, units in enumerate((groups, None)):
                        found = contrast(Ys, weights, groups=units)
                        hits[k] += found.low <= 0 <= found.high
                cells.append("{:.1f} ({:.1f})".format(*(100 * hits / simulations)))
            print(f"| {title} | {seeds} | {' | '.join(cells)} |", flush=True)


MEASURES = sorted({name for claim in ARTICLE for o in claim.outcomes for name in o.measures})


def study(rng, groups, seeds, seed):
    """A table without effects: every measure of every claim, in arms A to D."""
    measured = {}
    for measure in MEASURES:
        hard = rng.normal(0, 0.2, len(groups)) + rng.normal(0, 0.2, groups.max() + 1)[groups]
        for arm in "ABCD":
            (Y,) = arms(rng, groups, seeds, seed=(seed,), level=0.0, single=True)
            method = "-" if measure == "correct" else "grad-cam"
            measured[arm, method, measure] = Measured(hard + Y, Y.size, 0, groups)
    return measured


def verdicts(simulations: int) -> None:
    """Share of studies with any false verdict, with groups and with images as units."""
    claims = [claim for claim in ARTICLE if claim.name != "9 small sets"]
    design = design_of([], "ABCD")
    false = ("supported", "contradicted")
    print("| no effect in | seeds | any of 8 claims | one claim, alone | images as units: any |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for number, size in SHAPES:
        for seeds in SEEDS:
            counts = np.zeros(3)
            for i in range(simulations):
                rng = np.random.default_rng([1000, number, seeds, i])
                groups = groups_of(rng, number, size, unequal=False)
                measured = study(rng, groups, seeds, 0.02)
                images = {key: replace(one, groups=None) for key, one in measured.items()}
                for k, table in enumerate((measured, images)):
                    rows = judge(claims, table, design, "grad-cam")
                    counts[2 * k] += any(row["verdict"] in false for row in rows)
                    if k == 0:
                        counts[1] += np.mean([row["p"] < 0.05 for row in rows])
            cells = " | ".join(f"{100 * count / simulations:.1f}" for count in counts)
            print(f"| {number} groups of {size} | {seeds} | {cells} |", flush=True)


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    (verdicts if "verdicts" in sys.argv else coverage)(simulations)


if __name__ == "__main__":
    main()
