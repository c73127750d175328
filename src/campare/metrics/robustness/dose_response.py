"""Stability as a curve: the same comparison over growing doses of each change of the image.

A ladder is one change in several doses (`LADDERS`). `dose_response`
measures one, `stability_scores` all of them under the names they have in the table, and the area
under the curve sums a ladder up, so 'more robust to other angles' is a number and a curve.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from campare.attribution.maps import pool, positive
from campare.data.stored import BLOCK, filled, parts
from campare.metrics.metric import Explain, Metric, Predict, Shared, alone
from campare.metrics.robustness.colors import brightness, contrast, hue, jpeg, noise
from campare.metrics.robustness.stability import (
    Observed,
    Reference,
    Response,
    observe,
    partners,
    refer,
    respond,
)
from campare.metrics.robustness.transforms import (
    IDENTITY,
    Transform,
    crop,
    flip,
    rotation,
    translation,
    zoom,
)
from campare.metrics.similarity import Similarity, spearman, ssim
from campare.metrics.values import Found, Values
from campare.types import Array

#: Similarities in the table: how the names of their rows end, and the function.
SIMILARITIES: Mapping[str, Similarity] = {"": spearman, "ssim": ssim}


_KINDS = ("value", "floor", "null")

#: What is measured when nothing is said: each change in growing doses.
LADDERS: Mapping[str, tuple[Transform, ...]] = {
    "flip": (flip(),),
    "rotation": tuple(map(rotation, (5, 10, 20, 30, 45))),
    "zoom-in": tuple(map(zoom, (1.1, 1.2, 1.35, 1.5))),
    "zoom-out": tuple(map(zoom, (0.9, 0.8, 0.65, 0.5))),
    "crop": tuple(map(crop, (0.1, 0.2, 0.3, 0.4))),
    "translation": tuple(map(translation, (0.05, 0.1, 0.2, 0.3))),
    "brightness": tuple(map(brightness, (0.05, 0.1, 0.2, 0.3))),
    "contrast": tuple(map(contrast, (0.2, 0.4, 0.6, 0.8))),
    "hue": tuple(map(hue, (15, 45, 90, 180))),
    "noise": tuple(map(noise, (0.02, 0.05, 0.1, 0.2))),
    "jpeg": tuple(map(jpeg, (20, 50, 80, 95))),
}


def dose_response(
    reference: Reference,
    explain: Explain,
    predict: Predict,
    ladder: Sequence[Transform],
    rng: np.random.Generator,
    similarity: Similarity = spearman,
) -> tuple[Response, ...]:
    """The response to every dose of a ladder, one tapped pass an image and dose.

    Example:
        >>> rng, images = np.random.default_rng(0), np.arange(64.0).reshape(1, 8, 8, 1)
        >>> model = (lambda x, t: x[..., 0], lambda x: np.zeros((len(x), 2)))
        >>> curve = dose_response(refer(*model, images), *model, LADDERS["rotation"], rng)
        >>> [(step.dose, bool(step.value.values[0] > 0.99)) for step in curve][:2]
        [(5, True), (10, True)]
    """
    partner = partners(reference.targets, rng)
    return tuple(
        respond(observe(reference, explain, predict, g, rng), partner, similarity) for g in ladder
    )


def area_under(doses: Sequence[float], values: Sequence[Values]) -> Values:
    """Mean over the doses by the trapezoidal rule: the area under the curve / the range of doses.

    Shapes: D doses, D x (N,) -> (N,). Of a single dose: its value. Undefined where it is at any
    dose, with the reason at the smallest of these: all images average over the same doses.

    Example:
        >>> one = Values(np.array([1.0]), np.array(["ok"]))
        >>> half = Values(np.array([0.5]), np.array(["ok"]))
        >>> area_under([1, 2, 4], [one, half, half]).values.round(4).tolist()
        [0.5833]
    """
    order = np.argsort(doses)
    x = np.asarray(doses, np.float64)[order]
    y = np.stack([values[i].values for i in order])
    states = np.stack([values[i].status for i in order])
    first = (states != "ok").argmax(axis=0)
    status = np.take_along_axis(states, first[None], axis=0)[0]
    mean = y[0] if len(x) == 1 else np.trapezoid(y, x, axis=0) / (x[-1] - x[0])
    return Values(mean, status)


def ladder_conditions(
    transform: str,
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    rng: np.random.Generator,
    *,
    ladder: Sequence[Transform] | None = None,
    matched: tuple[int, ...] | None = None,
    shared: Shared = alone,
) -> Mapping[str, Values]:
    """A ladder under its conditions: the area under the curve, and what stands beside it.

    '' is the area under the curve, '10' the value at dose 10; 'floor', 'null', '10-floor' and
    '10-null' stand beside them, and '-ssim' at the end marks the second similarity. With `matched`,
    everything once more on maps pooled to that grid, with '-matched' at the end. Costs one tapped
    pass an image and dose, and one for the unchanged images, which ladders share; as many forward
    passes more if `explain` is no `Observer`.

    Example:
        >>> images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3))
        >>> found = ladder_conditions("flip", lambda x, t: x.mean(axis=3),
        ...     lambda x: np.zeros((len(x), 2)), images, None, np.random.default_rng(0))
        >>> list(found)[:3]
        ['1', '1-floor', '1-null']
    """
    reference = shared("reference", lambda: refer(explain, predict, images, targets))
    partner = shared("partners", lambda: partners(reference.targets, rng))
    steps = [observe(reference, explain, predict, g, rng) for g in ladder or LADDERS[transform]]
    found = Found(len(partner))
    for suffix, similarity in SIMILARITIES.items():
        _put(found, suffix, (respond(s, partner, similarity) for s in steps))
        if matched is not None:
            pooled = (_pooled(step, matched) for step in steps)
            ending = "-".join(filter(None, (suffix, "matched")))
            _put(found, ending, (respond(s, partner, similarity) for s in pooled))
    return found


def metric_name(transform: str) -> str:
    """The metric that measures stability under a transformation.

    Example:
        >>> metric_name("flip"), metric_name("noise")
        ('flip-equivariance', 'noise-invariance')
    """
    moves = LADDERS[transform][0].source != IDENTITY
    return f"{transform}-{'equivariance' if moves else 'invariance'}"


def _pooled(observed: Observed, grid: tuple[int, ...]) -> Observed:
    """The same maps on a coarser grid."""
    before, after = observed.maps, observed.after
    pooled = filled(
        (
            {name: pool(positive(one[some]), grid) for name, one in (("", before), ("g", after))}
            for some in parts(len(before), BLOCK, before, after)
        ),
        len(before),
    )
    return observed._replace(maps=pooled[""], after=pooled["g"])


def _put(found: Found, suffix: str, responses: Iterable[Response]) -> None:
    """The responses of a ladder, and their areas, by condition."""
    doses = []
    for response in responses:
        doses.append(response.dose)
        for kind in _KINDS:
            name = _condition(f"{response.dose:g}", kind, suffix)
            found.put(name, found.every, getattr(response, kind))
    for kind in _KINDS:
        values = [found[_condition(f"{dose:g}", kind, suffix)] for dose in doses]
        found.put(_condition("", kind, suffix), found.every, area_under(doses, values))


def _condition(dose: str, kind: str, suffix: str) -> str:
    return "-".join(filter(None, (dose, "" if kind == "value" else kind, suffix)))


def _area(
    name: str,
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    rng: np.random.Generator,
) -> Values:
    """Area under the curve of one ladder of `LADDERS`."""
    reference = refer(explain, predict, images, targets)
    responses = dose_response(reference, explain, predict, LADDERS[name], rng)
    return area_under([r.dose for r in responses], [r.value for r in responses])


_PASSES = "a tapped pass an image and dose, and one more"

_EQUIVARIANCE = Metric(
    name="equivariance",
    pictures=True,
    function=partial(_area, "flip"),
    title="Equivariance",
    formula="",
    needs=frozenset({"model", "method"}),
    region=None,
    resolution="map",
    higher_is_better=True,
    low=-1,
    high=1,
    null="the map of another image of the class, in the rows @null",
    misleads="A map that ignores the image is stable: read it beside the null, and a constant map "
    "beside the focus, for it is perfectly stable (SSIM 1; without ranks, so undefined here). "
    "Coarse maps lose similarity to interpolation alone: the rows @floor. Only images whose "
    "prediction survives every dose count, other ones for every model: compare paired.",
    paper="",
    default=False,
    parts=True,
)


def _declare(name: str) -> Metric:
    """The metric of one ladder."""
    doses = ", ".join(f"{step.dose:g}" for step in LADDERS[name])
    moved = metric_name(name).endswith("equivariance")
    return replace(
        _EQUIVARIANCE,
        name=metric_name(name),
        function=partial(_area, name),
        conditions=partial(ladder_conditions, name),
        title=f"{'Equivariance' if moved else 'Invariance'} under {name}",
        formula=f"Spearman of map(g x) and {'g map(x)' if moved else 'map(x)'}, "
        f"mean over the doses {doses}",
        cost=f"{_PASSES}; doses: {len(LADDERS[name])}",
        paper="Crabbe and van der Schaar 2023; Tetkova and Hansen 2023",
    )


#: The metrics of this module, one a ladder.
DECLARED: tuple[Metric, ...] = tuple(map(_declare, LADDERS))
