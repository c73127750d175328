"""Rows of the measures that ask the network again: stability, sanity, shortcuts.

They change the image, the class or the weights and compare the maps, so they need the method that
made the maps as a function, `explain`. `measure_maps` has the rows of the maps themselves.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from campare.data.samples import Images
from campare.metrics.metric import Explain, Predict
from campare.metrics.registry import choose
from campare.metrics.robustness.dose_response import LADDERS, metric_name, stability_scores
from campare.metrics.robustness.sensitivity import sensitivity
from campare.metrics.rows import rows
from campare.metrics.sanity.controls import random_logit
from campare.metrics.sanity.mprt import efficient_mprt, mprt, mprt_scores, smooth_mprt
from campare.metrics.shortcut import drop_scores, region_drop
from campare.metrics.values import Values
from campare.types import Classifier, Floats, Ints


def measure_probes(
    explain: Explain,
    predict: Predict,
    images: Images,
    *,
    recipe: str,
    seed: int,
    split: str,
    method: str,
    layer: str,
    predictions: Ints,
    targets: Ints,
    rng: np.random.Generator,
    metrics: str | Sequence[str] = "all",
    classifier: Classifier | None = None,
    matched: tuple[int, int] | None = None,
) -> pl.DataFrame:
    """Measure a network and its maps of images (N, S, S, 3) by changing what it sees or knows.

    Takes those of `metrics` that ask for maps again: every ladder of changes with all its doses,
    sensitivities, `random-logit`, with a `classifier`, which `explain` asks, also the randomized
    weights, and the drop of every region of `images` (see `with_border`). Each brings its nulls as
    rows `<metric>@null`. With `matched`, stability once more on maps pooled to that grid. Raises
    TargetError for a class index without a name, CampareError for an unknown metric.

    Example:
        >>> pixels = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
        >>> two = Images(pixels, np.array([0, 0]), ("a", "b"), {}, ("x", "y"))
        >>> frame = measure_probes(lambda x, t: x.mean(axis=3), lambda x: np.zeros((len(x), 2)),
        ...     two, recipe="A", seed=0, split="test", method="m", layer="conv", targets=two.labels,
        ...     predictions=two.labels, rng=np.random.default_rng(0), metrics=["flip-equivariance"])
        >>> frame.filter(pl.col("metric") == "flip-equivariance")["value"].to_list()
        [1.0, 1.0]
    """
    wanted = {metric.name for metric in choose(metrics, images.regions)}
    pixels = images.images.astype(np.float32)
    ladders = {name: steps for name, steps in LADDERS.items() if metric_name(name) in wanted}
    asked = (explain, predict, pixels, targets, rng)
    results: dict[str, Values] = {}
    if ladders:
        results |= stability_scores(*asked, ladders=ladders, matched=matched)
    if wanted & {"max-sensitivity", "average-sensitivity"}:
        largest, mean = sensitivity(*asked)
        both = {"max-sensitivity": largest, "average-sensitivity": mean}
        results |= {name: values for name, values in both.items() if name in wanted}
    if "random-logit" in wanted:
        results["random-logit"] = random_logit(*asked)
    if classifier is not None:
        results |= _randomized(wanted, explain, classifier, pixels, targets, rng)
    for region, masks in images.regions.items():
        if f"{region}-drop" in wanted:
            results |= drop_scores(region, region_drop(predict, pixels, masks, targets, rng))
    return rows(
        results,
        images.names,
        images.class_names,
        recipe=recipe,
        seed=seed,
        split=split,
        method=method,
        layer=layer,
        label=images.labels,
        prediction=predictions,
        target=targets,
    )


def _randomized(
    wanted: set[str],
    explain: Explain,
    classifier: Classifier,
    pixels: Floats,
    targets: Ints,
    rng: np.random.Generator,
) -> dict[str, Values]:
    """The rows of the randomized weights that are wanted."""
    asked = (explain, classifier, pixels, targets, rng)
    results: dict[str, Values] = {}
    if "mprt" in wanted:
        results |= mprt_scores(mprt(*asked, order="bottom-up"))
    for name, function in (("smooth-mprt", smooth_mprt), ("efficient-mprt", efficient_mprt)):
        if name in wanted:
            results[name] = function(*asked)
    return results
