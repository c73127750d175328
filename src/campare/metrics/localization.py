"""Does the map lie on the object? Scores of maps against masks.

Each is a pure function (maps (N, H, W), masks (N, H, W)) -> Values and looks at the positive part
of the map, which has the size of the mask. A mask that is empty or covers the image leaves nothing
to find, so the value is undefined. A constant positive map scores the mask's share of the area
(lift: 1), which is chance; ties count as their expectation under random order, so no map gains
from the order in which pixels are stored.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from campare.metrics.metric import AREA, INF, MASK, Metric
from campare.metrics.values import Reasons, Values, inside, pixels, with_reasons
from campare.models.arrays import map_axes
from campare.types import Array, Bools

#: The Grad-CAM paper keeps the pixels above this share of the maximum (section 4.1).
IOU_THRESHOLD = 0.15

#: Share of the pixels that the top-k intersection looks at.
TOP_SHARE = 0.05


def energy(maps: Array, masks: Array) -> Values:
    """Share of the positive map inside the mask, in [0, 1].

    Energy-based pointing game (Wang et al. 2020, Score-CAM, section 4.3); also relevance mass
    accuracy (Arras et al. 2022). Chance is the mask's share of the area: see `lift`.

    Example:
        >>> energy(np.array([[[3.0, 1.0]]]), np.array([[[True, False]]])).values.tolist()
        [0.75]
    """
    rows, mask, reasons = _read(maps, masks)
    total = rows.sum(axis=1, dtype=np.float64)
    hit = np.where(mask, rows, 0).sum(axis=1, dtype=np.float64)
    return with_reasons(_ratio(hit, total), reasons)


def lift(maps: Array, masks: Array) -> Values:
    """Energy divided by the mask's share of the area: 1 is chance, in [0, pixels / pixels of mask].

    Example:
        >>> lift(np.array([[[3.0, 1.0]]]), np.array([[[True, False]]])).values.tolist()
        [1.5]
    """
    share = energy(maps, masks)
    area = np.asarray(masks, bool).mean(axis=map_axes(masks))
    return Values(_ratio(share.values, area), share.status)


def pointing_game(maps: Array, masks: Array) -> Values:
    """Whether the maximum lies on the mask: 1 or 0, between for a tie.

    Zhang et al. 2018 (Excitation Backprop), without the margin of 15 pixels. Of several equal
    maxima the share inside counts; a constant map points nowhere and is undefined ('flat').

    Example:
        >>> pointing_game(np.array([[[3.0, 1.0]]]), np.array([[[True, False]]])).values.tolist()
        [1.0]
    """
    rows, mask, reasons = _read(maps, masks)
    maximal = rows == rows.max(axis=1, keepdims=True)
    count = maximal.sum(axis=1)
    hits = (maximal & mask).sum(axis=1)
    return with_reasons(hits / count, {**reasons, "flat": count == rows.shape[1]})


def top_intersection(maps: Array, masks: Array, *, share: float = TOP_SHARE) -> Values:
    """Share of the highest pixels, `share` of all and at least one, inside the mask, in [0, 1].

    Top-k intersection (Theiner et al. 2022), where k grows with the image; ties as in
    `rank_accuracy`.

    Example:
        >>> top_intersection(np.array([[[3.0, 1.0]]]), np.array([[[True, False]]])).values.tolist()
        [1.0]
    """
    rows, mask, reasons = _read(maps, masks)
    size = np.full(len(rows), max(1, round(share * rows.shape[1])))
    return with_reasons(_hits_at_top(rows, mask, size) / size, reasons)


def rank_accuracy(maps: Array, masks: Array) -> Values:
    """Share of the K highest pixels inside the mask, where K is the size of the mask, in [0, 1].

    Relevance rank accuracy (Arras et al. 2022). Of the pixels tied at the K-th place, as many as
    fit count with their mean.

    Example:
        >>> rank_accuracy(np.array([[[3.0, 1.0]]]), np.array([[[False, True]]])).values.tolist()
        [0.0]
    """
    rows, mask, reasons = _read(maps, masks)
    size = mask.sum(axis=1)
    return with_reasons(_ratio(_hits_at_top(rows, mask, size), size), reasons)


def iou(maps: Array, masks: Array) -> Values:
    """Intersection over union of the mask and the pixels of at least 15 % of the maximum.

    The threshold is the Grad-CAM paper's (Selvaraju et al. 2017, section 4.1); it then boxes the
    largest segment, whereas here the whole region is compared with the mask. In [0, 1]; the only
    score here that is defined for a mask that covers the image.

    Example:
        >>> iou(np.array([[[3.0, 1.0]]]), np.array([[[True, False]]])).values.tolist()
        [0.5]
    """
    rows, mask, reasons = _read(maps, masks)
    region = rows >= np.float32(IOU_THRESHOLD) * rows.max(axis=1, keepdims=True)
    either = (region | mask).sum(axis=1)
    kept = {reason: where for reason, where in reasons.items() if reason != "full-mask"}
    return with_reasons(_ratio((region & mask).sum(axis=1), either), kept)


def average_precision(maps: Array, masks: Array) -> Values:
    """Average precision of the pixels ranked by the map, in (0, 1].

    AP = sum over distinct values t, highest first, of (recall_t - recall_before) * precision_t,
    where the pixels of one value come together (as scikit-learn defines it, without interpolation).

    Example:
        >>> average_precision(np.array([[[3.0, 1.0]]]), np.array([[[False, True]]])).values.tolist()
        [0.5]
    """
    rows, mask, reasons = _read(maps, masks)
    # Floats >= 0 order like their bits, and the free sign bit takes the mask through one sort.
    keys = np.sort((rows.view(np.uint32) << 1) | mask, axis=1)[:, ::-1]
    value, hits = keys >> 1, np.cumsum(keys & 1, axis=1, dtype=np.int32)
    closes = np.ones(value.shape, bool)  # the last pixel of its value
    closes[:, :-1] = value[:, 1:] != value[:, :-1]
    found = hits[closes].astype(np.float64)  # the rows one after the other
    groups = closes.sum(axis=1)
    first = np.cumsum(groups) - groups  # where each row begins
    gained = np.diff(found, prepend=0)
    gained[first] = found[first]
    precision = found / (np.flatnonzero(closes) % value.shape[1] + 1)
    summed = np.add.reduceat(gained * precision, first)
    return with_reasons(_ratio(summed, mask.sum(axis=1)), reasons)


def class_discrimination(maps: Array, own: Array, other: Array) -> Values:
    """Of the positive map on two objects, the share on the one of its own class, in [0, 1].

    For images that show two classes, and the map of one of them: own / (own + other). Chance is the
    share of the own mask in both; pixels of both masks, or of neither, do not count. A map without
    mass on either is undefined ('off-both'), and so is an image that lacks one ('no-mask').
    Shapes: (N, H, W) three times.

    Example:
        >>> cat, dog = np.array([[[True, False, False]]]), np.array([[[False, True, False]]])
        >>> class_discrimination(np.array([[[3.0, 1.0, 9.0]]]), cat, dog).values.tolist()
        [0.75]
    """
    rows, reasons = pixels(maps)
    mine, _ = inside(maps, own)
    theirs, _ = inside(maps, other)
    mine, theirs = mine & ~theirs, theirs & ~mine
    missing = np.asarray(~(mine.any(axis=1) & theirs.any(axis=1)))
    on_own, on_other = (
        np.where(mask, rows, 0).sum(axis=1, dtype=np.float64) for mask in (mine, theirs)
    )
    off = on_own + on_other <= 0
    return with_reasons(
        _ratio(on_own, on_own + on_other), {"no-mask": missing, **reasons, "off-both": off}
    )


def _hits_at_top(rows: Array, mask: Bools, size: Array) -> NDArray[np.float64]:
    """Of the `size` highest pixels of each row, how many lie on the mask, expected over ties."""
    last = np.take_along_axis(np.sort(rows, axis=1), -np.maximum(size, 1)[:, None], axis=1)
    above, tied = rows > last, rows == last
    places = size - above.sum(axis=1)  # left for the tied
    among = (tied & mask).sum(axis=1) / np.maximum(tied.sum(axis=1), 1)
    return np.asarray((above & mask).sum(axis=1) + places * among)


def _read(maps: Array, masks: Array) -> tuple[Array, Bools, Reasons]:
    """Maps and masks as rows of pixels (N, P), and the reasons for undefined values."""
    rows, of_maps = pixels(maps)
    mask, of_masks = inside(maps, masks)
    return rows, mask, {**of_masks, **of_maps}


def _ratio(part: Array, whole: Array) -> NDArray[np.float64]:
    """part / whole, NaN where whole is zero."""
    undefined = np.asarray(whole) <= 0
    return np.where(undefined, np.nan, part / np.where(undefined, 1, whole))


#: Also the metric of mosaics, on their cells.
ENERGY = Metric(
    name="energy",
    function=energy,
    title="Energy in the object",
    formula="sum of the positive map inside the mask / sum of the positive map",
    needs=MASK,
    higher_is_better=True,
    low=0,
    high=1,
    null=AREA,
    misleads="A large object gives a high value to any map; compare with the area share, or read "
    "lift. Coarse maps spill over the border of the object.",
    paper="Wang et al. 2020 (Score-CAM), section 4.3; Arras et al. 2022",
    order=("perfect", "random", "inverted"),
)
_LIFT = Metric(
    name="lift",
    function=lift,
    title="Lift over the area share",
    formula="energy / (area of the mask / area of the image)",
    needs=MASK,
    higher_is_better=True,
    low=0,
    high=INF,
    null=1.0,
    misleads="Its ceiling is 1 / area share, so small objects weigh most in its mean.",
    paper="Arras et al. 2022, relevance mass over its chance level",
    order=("perfect", "random", "inverted"),
)
#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    ENERGY,
    _LIFT,
    Metric(
        name="pointing-game",
        function=pointing_game,
        title="Pointing game",
        formula="1 if the maximum of the map lies on the mask, else 0; ties count by share",
        needs=MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=AREA,
        misleads="One pixel decides. Centered objects make the center a strong guess: 69.6 % on "
        "VOC07. Read it next to the method 'centre'.",
        paper="Zhang et al. 2018 (Excitation Backprop), without its 15 pixel margin",
        order=("perfect", "random", "inverted"),
    ),
    Metric(
        name="rank-accuracy",
        function=rank_accuracy,
        title="Relevance rank accuracy",
        formula="share of the K highest pixels that lie on the mask of K pixels",
        needs=MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=AREA,
        misleads="A map smaller than the object fills its places with tied zeros, which count as "
        "chance.",
        paper="Arras et al. 2022",
        order=("perfect", "random", "inverted"),
    ),
    Metric(
        name="top-intersection",
        function=top_intersection,
        title="Top-k intersection",
        formula="share of the 5 % highest pixels that lie on the mask",
        needs=MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=AREA,
        misleads="On an object smaller than 5 % of the image even a perfect map stays below 1.",
        paper="Theiner et al. 2022; k as a share",
        order=("perfect", "random", "inverted"),
        default=False,
    ),
    Metric(
        name="iou",
        function=iou,
        title="IoU at 15 % of the maximum",
        formula="intersection / union of the mask and the pixels >= 0.15 maximum",
        needs=MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null="area share of a uniform map; less of any map with a shape",
        misleads="The fixed threshold rewards maps as wide as the object, not those that are "
        "right; a single outlier of a fine map shrinks its region to a speck.",
        paper="Selvaraju et al. 2017 (Grad-CAM), section 4.1; the region instead of its box",
        order=("perfect", "random", "inverted"),
    ),
    Metric(
        name="average-precision",
        function=average_precision,
        title="Average precision of pixels",
        formula="sum over thresholds of (recall gained) x precision",
        needs=MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null=AREA,
        misleads="It asks for the whole object, so a map on its telling part alone scores low.",
        paper="Choe et al. 2020 (PxAP), per image; Arun et al. 2021",
        order=("perfect", "random"),
    ),
    replace(ENERGY, name="parts-energy", region="parts", title="Energy on the telling parts"),
    replace(_LIFT, name="parts-lift", region="parts", title="Lift on the telling parts"),
    replace(
        ENERGY,
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
    Metric(
        name="photo-discrimination",
        function=class_discrimination,
        title="Class discrimination inside a photograph",
        formula="map on objects of the class / map on objects of all classes of the photograph",
        needs=MASK | {"other-mask"},
        higher_is_better=True,
        low=0,
        high=1,
        null="share of the class's objects in the area of all objects",
        misleads="It does not see the background; a map off all objects is undefined. It is of "
        "photographs that show several classes alone, which may be few.",
        paper="own / (own + other), as the mosaics of Arias-Duart et al. 2022, on objects of one "
        "photograph",
        order=("perfect", "random", "inverted"),
        default=False,  # but where photographs show several classes: see `registry.choose`
    ),
)
