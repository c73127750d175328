"""What every metric in the table is: its function, what it needs, its range, and when it misleads.

`METRICS` is the one list that measuring, statistics, report and command line read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from campare.errors import CampareError
from campare.metrics import classification, focus, localization
from campare.metrics.values import Values

INF = float("inf")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as a value.

    Attributes:
        name: as in the column `metric`, without the suffix `@matched`.
        function: (maps), (maps, masks), (maps, images) or (logits, labels) -> Values, by `needs`.
        needs: of 'mask', 'image', 'model'; nothing: the map alone.
        region: which mask it is measured on: 'object', 'parts', 'cue', or 'cells' of a mosaic;
            None where it needs no mask.
        resolution: whether it wants maps enlarged to the 'image' or as they are, 'map'.
        higher_is_better: None where neither direction is better by itself.
        low, high: the range of its values.
        null: the value of a map that knows nothing (uniform, or random where that is undefined).
        misleads: when it misleads. cost: what it costs beyond the map. paper: where it comes from.
    """

    name: str
    function: Callable[..., Values]
    title: str
    formula: str
    needs: frozenset[str]
    higher_is_better: bool | None
    low: float
    high: float
    null: str | float
    misleads: str
    paper: str
    region: str | None = "object"
    resolution: Literal["image", "map"] = "image"
    cost: str = "no forward pass"


_MASK, _MAP_ONLY = frozenset({"mask"}), frozenset[str]()
_AREA = "area share"

_ENERGY = Metric(
    name="energy",
    function=localization.energy,
    title="Energy in the object",
    formula="sum of the positive map inside the mask / sum of the positive map",
    needs=_MASK,
    higher_is_better=True,
    low=0,
    high=1,
    null=_AREA,
    misleads="A large object gives a high value to any map; compare with the area share, or read "
    "lift. Coarse maps spill over the border of the object.",
    paper="Wang et al. 2020 (Score-CAM), section 4.3; Arras et al. 2022",
)
_LIFT = Metric(
    name="lift",
    function=localization.lift,
    title="Lift over the area share",
    formula="energy / (area of the mask / area of the image)",
    needs=_MASK,
    higher_is_better=True,
    low=0,
    high=INF,
    null=1.0,
    misleads="Its ceiling is 1 / area share, so small objects weigh most in its mean.",
    paper="Arras et al. 2022, relevance mass over its chance level",
)
_CELLS = replace(
    _ENERGY,
    name="focus",
    region="cells",
    title="Focus on mosaics",
    formula="share of the positive map on the two of four cells that show the class",
    null=0.5,
    misleads="A model with a Flatten head sees shrunken cells in unusual places; use the same "
    "mosaics for all arms. Evidence against other classes is not looked at.",
    cost="one tapped pass a mosaic",
    paper="Arias-Duart et al. 2022, Focus!",
)

_LOCALIZATION = (
    _ENERGY,
    _LIFT,
    Metric(
        name="pointing-game",
        function=localization.pointing_game,
        title="Pointing game",
        formula="1 if the maximum of the map lies on the mask, else 0; ties count by share",
        needs=_MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=_AREA,
        misleads="One pixel decides. Centered objects make the center a strong guess: 69.6 % on "
        "VOC07. Read it next to the method 'centre'.",
        paper="Zhang et al. 2018 (Excitation Backprop), without its 15 pixel margin",
    ),
    Metric(
        name="rank-accuracy",
        function=localization.rank_accuracy,
        title="Relevance rank accuracy",
        formula="share of the K highest pixels that lie on the mask of K pixels",
        needs=_MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=_AREA,
        misleads="A map smaller than the object fills its places with tied zeros, which count as "
        "chance.",
        paper="Arras et al. 2022",
    ),
    Metric(
        name="iou",
        function=localization.iou,
        title="IoU at 15 % of the maximum",
        formula="intersection / union of the mask and the pixels >= 0.15 maximum",
        needs=_MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=_AREA,
        misleads="The fixed threshold rewards maps as wide as the object, not those that are "
        "right; a single outlier of a fine map shrinks its region to a speck.",
        paper="Selvaraju et al. 2017 (Grad-CAM), section 4.1; the region instead of its box",
    ),
    Metric(
        name="average-precision",
        function=localization.average_precision,
        title="Average precision of pixels",
        formula="sum over thresholds of (recall gained) x precision",
        needs=_MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=_AREA,
        misleads="It asks for the whole object, so a map on its telling part alone scores low.",
        paper="Choe et al. 2020 (PxAP), per image; Arun et al. 2021",
    ),
    replace(_ENERGY, name="parts-energy", region="parts", title="Energy on the telling parts"),
    replace(_LIFT, name="parts-lift", region="parts", title="Lift on the telling parts"),
    replace(
        _ENERGY,
        name="cue-energy",
        region="cue",
        title="Energy on the planted cue",
        higher_is_better=False,
        misleads="Zero does not show that the model ignores the cue, only that the map does; a "
        "coarse map cannot resolve a small cue.",
    ),
    replace(
        _LIFT,
        name="cue-lift",
        region="cue",
        title="Lift on the planted cue",
        higher_is_better=False,
    ),
)

_ENTROPY = Metric(
    name="entropy",
    function=focus.entropy,
    title="Entropy",
    formula="-sum p log p / log n, p = positive map / its sum over n pixels",
    needs=_MAP_ONLY,
    region=None,
    resolution="map",
    higher_is_better=None,
    low=0,
    high=1,
    null=1.0,
    misleads="It depends on the grid of the map: compare arms on matched grids only. A sharp map "
    "in the wrong place is still sharp.",
    paper="Bhatt et al. 2020 (complexity), normalized",
)

_FOCUS = (
    _ENTROPY,
    replace(
        _ENTROPY,
        name="gini",
        function=focus.gini,
        title="Gini index",
        formula="sum (2 i - n - 1) x_i / (n sum x), x the ascending positive pixels",
        null=0.0,
        paper="Chalasani et al. 2020 (sparseness); Hurley and Rickard 2009",
    ),
    replace(
        _ENTROPY,
        name="area-50",
        function=focus.area_50,
        title="Area holding half of the map",
        formula="smallest share of the area with 50 % of the positive map",
        high=0.5,
        null=0.5,
        paper="a quantile of the Lorenz curve",
    ),
    replace(
        _ENTROPY,
        name="edge-alignment",
        function=focus.edge_alignment,
        title="Alignment with image edges",
        formula="Spearman correlation of the positive map and the Sobel edges on the map's grid",
        needs=frozenset({"image"}),
        low=-1,
        null=0.0,
        misleads="Objects have edges, too: a right map aligns with them more than a random one. "
        "On a coarse grid few pixels are correlated.",
        paper="Adebayo et al. 2018 compare maps with an edge detector",
    ),
)

_MOSAIC = (
    _CELLS,
    replace(
        _CELLS,
        name="grid-pointing-game",
        title="Grid pointing game",
        formula="share of the positive map on the one of four cells that shows the class",
        null=0.25,
        paper="Boehle et al. 2021 (CoDA-Nets), section 4; 2 x 2 cells",
    ),
)

_CORRECT = Metric(
    name="correct",
    function=classification.correct,
    title="Accuracy",
    formula="1 if the predicted class is the label, else 0",
    needs=frozenset({"model"}),
    region=None,
    higher_is_better=True,
    low=0,
    high=1,
    null="share of the commonest class",
    misleads="It says nothing about maps; an arm near chance has none worth comparing.",
    cost="one forward pass an image",
    paper="with the interval of Wilson 1927",
)

_CLASSIFICATION = (
    _CORRECT,
    replace(
        _CORRECT,
        name="confidence",
        function=classification.confidence,
        title="Confidence in the label",
        formula="softmax(logits)[label]; sigmoid for a single logit",
        higher_is_better=None,
        null="1 / classes",
        misleads="Networks are overconfident, and longer training alone raises it.",
        paper="Guo et al. 2017 on its calibration",
    ),
)

#: Every metric by its name in the table.
METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*_LOCALIZATION, *_FOCUS, *_MOSAIC, *_CLASSIFICATION)
}


def declared(name: str) -> Metric:
    """The metric of a name, with or without the suffix `@matched`.

    Raises CampareError for a name that is not in METRICS.

    Example:
        >>> declared("energy@matched").title
        'Energy in the object'
    """
    base = name.partition("@")[0]
    if base not in METRICS:
        near = get_close_matches(base, METRICS, n=1) or ["campare list metrics"]
        raise CampareError(f"Expected the name of a metric, got {name!r}. Try {near[0]!r}.")
    return METRICS[base]


def list_metrics(names: Sequence[str] | None = None) -> list[dict[str, str]]:
    """The declarations as rows of text for a table, all or those of `names`.

    Columns: metric, title, needs, range, null, better, formula, misleads, cost, paper.

    Example:
        >>> row = list_metrics(["lift"])[0]
        >>> row["range"], row["null"], row["better"]
        ('0 to inf', '1', 'higher')
    """
    chosen = METRICS.values() if names is None else [declared(name) for name in names]
    return [_row(metric) for metric in chosen]


def _row(metric: Metric) -> dict[str, str]:
    """One declaration as text."""
    needs = [f"mask: {metric.region}" if need == "mask" else need for need in metric.needs]
    better = {True: "higher", False: "lower", None: "neither"}
    null = metric.null if isinstance(metric.null, str) else f"{metric.null:g}"
    return {
        "metric": metric.name,
        "title": metric.title,
        "needs": ", ".join(sorted(needs)) or "map",
        "range": f"{metric.low:g} to {metric.high:g}",
        "null": null,
        "better": better[metric.higher_is_better],
        "formula": metric.formula,
        "misleads": metric.misleads,
        "cost": metric.cost,
        "paper": metric.paper,
    }
