"""How often does a 95 % interval of Focus hold the truth, where mosaics share images? Simulated.

Mosaics as campare draws them; each image has an effect on its mosaics, beside that of the mosaic:

    d[m] = sum over the images of m (as target, or beside one) + the mosaic's own

python benchmarks/mosaics.py [SIMULATIONS]      the table of docs/statistics.md
"""

import sys

import numpy as np
from scipy.special import stdtrit

from campare.data.samples import Images
from campare.metrics.mosaic import mosaics
from campare.stats.shared import Shared

#: Name -> (sd of an image's effect, its effect beside a target: the same, another, minus it; own).
CASES = {
    "u, 0.2": (0.1, "same", 0.2),
    "u, 0.02": (0.1, "same", 0.02),
    "by role, 0.1": (0.1, "other", 0.1),
    "opposite, 0.1": (0.1, "minus", 0.1),
    "none": (0.0, "same", 0.1),
}


def drawn(images, classes, kind):
    """(M, 4) the images of each mosaic, and whether each is a target."""
    labels = np.sort(np.arange(images) % classes)
    names = tuple(map(str, range(images)))
    blank = Images(np.zeros((images, 2, 2, 3), np.uint8), labels, names, {}, names[:classes])
    made = mosaics(blank, count=min(200, images), seed=0, kind=kind)
    return made.picked, labels[made.picked] == made.targets[:, None]


def covered(picked, is_target, case, simulations):
    """Shares of intervals that hold 0, with mosaics that share images and as if none did."""
    sd, beside, own = CASES[case]
    shared, M, rng = Shared.of(picked), len(picked), np.random.default_rng(1)
    images, found = picked.max() + 1, np.zeros(2)
    for _ in range(simulations):
        effect = rng.normal(0, sd, images)
        other = {"same": effect, "minus": -effect}.get(beside)
        other = rng.normal(0, sd, images) if other is None else other
        d = np.where(is_target, effect[picked], other[picked]).sum(1) + rng.normal(0, own, M)
        off = d - d.mean()
        for at, (variance, freedom) in enumerate(
            (shared.variance(off), (off @ off / (M - 1) / M, M - 1))
        ):
            found[at] += abs(d.mean()) <= stdtrit(freedom, 0.975) * np.sqrt(variance)
    return 100 * found / simulations


def main():
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print("| images, classes | kind |", " | ".join(CASES), "|")
    print("| --- | --- |" + " ---: |" * len(CASES))
    for images, classes in ((40, 2), (87, 4), (200, 2)):
        for kind in ("focus", "grid"):
            pair = drawn(images, classes, kind)
            cells = ["{:.1f} ({:.1f})".format(*covered(*pair, c, simulations)) for c in CASES]
            print(f"| {images}, {classes} | {kind} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
