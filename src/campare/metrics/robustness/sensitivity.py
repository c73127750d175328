"""How much does the map change when the image hardly does? Max- and average-sensitivity.

Yeh et al. 2019: the largest change of the map in a small ball around the image, found by drawing
from it; divided by the length of the map, as in Captum and Quantus. 0 is best, and a constant map
has it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from campare.data.stored import gathered, lazily
from campare.metrics.metric import INF, Explain, Metric, Predict, Shared, alone
from campare.metrics.robustness.colors import WHITE
from campare.metrics.robustness.stability import Reference, classes_and_maps, refer
from campare.metrics.values import Values, pixels, with_reasons
from campare.types import Array, Floats

#: (images, rng) -> images that differ a little.
Perturb = Callable[[Floats, np.random.Generator], Floats]


class Sensitivity(NamedTuple):
    """Relative change of the map when the image is changed a little; of several samples."""

    largest: Values
    average: Values


def in_ball(radius: float = 0.02, span: float = WHITE) -> Perturb:
    """Uniform noise in the ball of the maximum norm, `radius` as a share of the range `span`.

    Pixels are not clipped, as in the definition.

    Example:
        >>> abs(in_ball(0.5)(np.zeros((1, 1, 1, 3)), np.random.default_rng(0))).max() <= 127.5
        np.True_
    """
    high = radius * span
    return lambda images, rng: (images + rng.uniform(-high, high, images.shape)).astype(np.float32)


def sensitivity(
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    rng: np.random.Generator,
    *,
    perturb: Perturb | None = None,
    samples: int = 10,
    reference: Reference | None = None,
) -> Sensitivity:
    """How much the map changes when the image hardly does: |map(x + d) - map(x)| / |map(x)|, >= 0.

    Yeh et al. 2019 (SENS_MAX over |map(x)|) and the mean, over `samples` of d from `in_ball()`;
    norms are Euclidean, of the positive maps. Undefined where a map is, where map(x) is zero, and
    where a sample changes the prediction. Costs one tapped pass an image and sample, and one
    for x unless its `reference` is there; as many forward passes more if `explain` is no
    `Observer`.

    Example:
        >>> found = sensitivity(lambda x, t: x[..., 0] + 100, lambda x: np.zeros((len(x), 2)),
        ...     np.zeros((1, 2, 2, 3)), None, np.random.default_rng(0))
        >>> bool(0 < found.average.values[0] < found.largest.values[0] < 0.051)
        True
    """
    perturb = perturb or in_ball()
    reference = reference or refer(explain, predict, images, targets)
    reasons = gathered(lambda maps: pixels(maps)[1], reference.maps)
    total = len(reference.targets)
    changes = np.empty((samples, total))
    changed = np.zeros(total, bool)
    for change in changes:
        images = lazily(perturb, reference.images, rng=rng)
        predictions, maps = classes_and_maps(explain, predict, images, reference.targets)
        changed |= predictions != reference.predictions
        found = gathered(_change, reference.maps, maps)
        reasons["non-finite"] = reasons["non-finite"] | found["non-finite"]
        change[:] = found["change"]
    reasons = {"prediction-changed": changed, **reasons}
    return Sensitivity(
        with_reasons(changes.max(axis=0), reasons), with_reasons(changes.mean(axis=0), reasons)
    )


def _change(before: Array, after: Array) -> dict[str, Array]:
    """|after - before| / |before| of maps (N, h, w), and which of those after are not finite."""
    (rows, _), (moved, broken) = pixels(before), pixels(after)
    rows = rows.astype(np.float64)
    length = np.linalg.norm(rows, axis=1)
    change = np.linalg.norm(moved - rows, axis=1) / np.where(length > 0, length, 1)
    return {"change": change, "non-finite": broken["non-finite"]}


def _shared(
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    rng: np.random.Generator,
    shared: Shared,
    span: float,
) -> Sensitivity:
    """The sensitivity, once for both of its metrics; the unchanged images are those of ladders."""

    def compute() -> Sensitivity:
        reference = shared("reference", lambda: refer(explain, predict, images, targets))
        return sensitivity(
            explain, predict, images, targets, rng, perturb=in_ball(span=span), reference=reference
        )

    found = shared("sensitivity", compute)
    assert isinstance(found, Sensitivity)
    return found


def max_sensitivity(
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    rng: np.random.Generator,
    *,
    shared: Shared = alone,
    span: float = WHITE,
) -> Values:
    """The largest change of `sensitivity`: a lower bound of the maximum over the ball.

    Example:
        >>> max_sensitivity(lambda x, t: np.ones((1, 2, 2)), lambda x: np.zeros((1, 2)),
        ...     np.zeros((1, 2, 2, 3)), None, np.random.default_rng(0)).values.tolist()
        [0.0]
    """
    return _shared(explain, predict, images, targets, rng, shared, span).largest


def average_sensitivity(
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    rng: np.random.Generator,
    *,
    shared: Shared = alone,
    span: float = WHITE,
) -> Values:
    """The mean change of `sensitivity`.

    Example:
        >>> average_sensitivity(lambda x, t: np.ones((1, 2, 2)), lambda x: np.zeros((1, 2)),
        ...     np.zeros((1, 2, 2, 3)), None, np.random.default_rng(0)).values.tolist()
        [0.0]
    """
    return _shared(explain, predict, images, targets, rng, shared, span).average


_MAX = Metric(
    name="max-sensitivity",
    function=max_sensitivity,
    title="Largest sensitivity",
    formula="max over samples d of |map(x + d) - map(x)| / |map(x)|, |d| <= 2 % of the range",
    needs=frozenset({"model", "method"}),
    region=None,
    resolution="map",
    higher_is_better=False,
    low=0,
    high=INF,
    null=0.0,
    misleads="A constant map is perfectly stable: it scores 0, the best value. A random sample "
    "bounds the maximum from below only, and the value grows with the number of samples. The map "
    "of a model with large gradients changes more in size alone.",
    cost="11 tapped passes an image",
    paper="Yeh et al. 2019, definition 2; radius 0.02 and 10 samples as in Captum",
    default=False,
    parts=True,
)

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    _MAX,
    replace(
        _MAX,
        name="average-sensitivity",
        function=average_sensitivity,
        title="Average sensitivity",
        formula="mean over samples d of |map(x + d) - map(x)| / |map(x)|, |d| <= 2 % of the range",
        misleads="A constant map is perfectly stable: it scores 0, the best value. The map of a "
        "model with large gradients changes more in size alone.",
        paper="Yeh et al. 2019; Bhatt et al. 2020",
    ),
)
