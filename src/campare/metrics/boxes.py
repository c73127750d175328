"""Boxes and pooled pixels: how weakly supervised localization is scored (Choe et al. 2020).

`max_box_accuracy` is MaxBoxAccV2: does a box around a region of the map match a box of the object?
`pixel_precision` is PxAP: the average precision of the pixels of all images together. Both read
the map scaled to [0, 1] and need a threshold or a ranking that all images share, so both are
measured on all images at once; no image is scored at a threshold that was chosen with it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from campare.data.stored import BLOCK, gathered, parts
from campare.errors import DataError
from campare.metrics.localization import energy
from campare.metrics.metric import INF, MASK, Metric
from campare.metrics.values import Reasons, Values, inside, pixels, with_reasons
from campare.types import Array, Bools, Floats, Ints

#: A box is right where its intersection over union reaches these; the score is the mean.
OVERLAPS = (0.3, 0.5, 0.7)

#: Thresholds on the scaled map that are tried.
THRESHOLDS: NDArray[np.float64] = np.arange(100) / 100

#: Steps of the scaled map in which pixels are ranked.
BINS = 1000


def max_box_accuracy(
    maps: Array, masks: Array, *, thresholds: Sequence[float] | None = None
) -> Values:
    """Share of the overlaps 0.3, 0.5, 0.7 that the best box of the map reaches: 0, 1/3, 2/3 or 1.

    MaxBoxAccV2 (Choe et al. 2020, section 4.1): boxes around the connected regions (8 neighbors) of
    the scaled map at or above a threshold, one for each overlap, against boxes around the connected
    regions of the mask; the best pair counts. `thresholds` are those of `box_thresholds` on other
    images; None: those of one half of the images for the other and the other way round (`halves`),
    where the paper takes the best for the images themselves. Shapes: (N, H, W), (N, H, W).

    Example:
        >>> one = np.zeros((2, 6, 6))
        >>> one[:, 1:3, 1:4] = 1
        >>> max_box_accuracy(one, one > 0).values.tolist()
        [1.0, 1.0]
    """
    reasons = gathered(_by_threshold, maps, masks)
    reached = reasons.pop("reached")
    count = len(reached)
    if thresholds is not None:
        chosen = np.broadcast_to(_nearest(thresholds), (count, len(OVERLAPS)))
        return with_reasons(_at(reached, chosen), reasons)
    usable = ~np.any(list(reasons.values()), axis=0)
    chosen, alone = np.zeros((count, len(OVERLAPS)), np.int64), np.zeros(count, bool)
    half_of = halves(count)
    for half in (0, 1):
        own = half_of == half
        held_out = usable & ~own
        alone |= own & (not held_out.any())
        chosen[own] = _best(_hits(reached, held_out))
    return with_reasons(_at(reached, chosen), {**reasons, "no-held-out": alone})


def _by_threshold(maps: Array, masks: Array) -> dict[str, Bools]:
    """At which thresholds a box is right (N, T, overlaps), and what is undefined."""
    scaled, reasons = _scaled(maps, masks)
    return {"reached": _reached(best_overlaps(scaled, np.asarray(masks, bool))), **reasons}


def halves(count: int) -> Ints:
    """Which of two halves each image is in: drawn from a fixed seed, always the same (N,).

    Not every second image: where two classes take turns, each half would be one of them.

    Example:
        >>> sorted(halves(5).tolist())
        [0, 0, 0, 1, 1]
    """
    return np.random.default_rng(0).permutation(count) % 2


def box_thresholds(maps: Array, masks: Array) -> tuple[float, ...]:
    """For each overlap the threshold, of 0.00 to 0.99, that gives these images most right boxes.

    Undefined maps and masks do not count; of equally good thresholds, the middle one. Raises
    DataError where none is left.

    Example:
        >>> one = np.zeros((1, 6, 6))
        >>> one[:, 1:3, 1:4] = 1
        >>> box_thresholds(one, one > 0)
        (0.5, 0.5, 0.5)
    """
    scaled, reasons = _scaled(maps, masks)
    usable = ~np.any(list(reasons.values()), axis=0)
    if not usable.any():
        raise DataError(
            "Expected a map with a mask to choose thresholds by, got none that is defined. "
            "Try other held-out images."
        )
    reached = _reached(best_overlaps(scaled[usable], np.asarray(masks, bool)[usable]))
    best = _best(reached.sum(axis=0))
    return tuple(THRESHOLDS[best].tolist())


def best_overlaps(scaled: Array, masks: Bools) -> NDArray[np.float64]:
    """Highest intersection over union of a box of the map and one of the mask, by threshold.

    Shapes: maps in [0, 1] (N, H, W), masks (N, H, W) -> (N, thresholds); 0 where there is no box.

    Example:
        >>> one = np.zeros((1, 6, 6))
        >>> one[:, 1:3, 1:4] = 1
        >>> best_overlaps(one, one > 0)[0, [0, 1]].round(2).tolist()
        [0.17, 1.0]
    """
    found = np.zeros((len(scaled), len(THRESHOLDS)))
    for image, mask, row in zip(scaled, masks, found, strict=True):
        truth = boxes(mask)
        for t, threshold in enumerate(THRESHOLDS):
            row[t] = _overlap(boxes(image >= np.float32(threshold)), truth).max(initial=0)
    return found


def boxes(region: Bools) -> Ints:
    """Boxes around the connected parts (8 neighbors) of a region: (H, W) -> (B, 4).

    Each is top, left, bottom, right; the last two are the first row and column outside.

    Example:
        >>> boxes(np.array([[True, False, True]])).tolist()
        [[0, 0, 1, 1], [0, 2, 1, 3]]
    """
    from scipy.ndimage import find_objects, label

    labels, _ = label(region, structure=np.ones((3, 3)))
    found = [(y.start, x.start, y.stop, x.stop) for y, x in find_objects(labels)]
    return np.array(found, np.int64).reshape(-1, 4)


def attribution_localization(maps: Array, masks: Array) -> Values:
    """Share of the positive map inside the boxes around the mask, in [0, 1].

    The inside-total relevance ratio of Kohlbrenner et al. 2020, section 3.2, which is `energy` on
    boxes: comparable between data with masks and data with boxes. Shapes: (N, H, W), (N, H, W).

    Example:
        >>> attribution_localization(
        ...     np.array([[[1.0, 1.0], [1.0, 1.0]]]), np.array([[[True, False], [False, False]]])
        ... ).values.tolist()
        [0.25]
    """
    filled = np.zeros_like(np.asarray(masks, bool))
    for mask, box in zip(np.asarray(masks, bool), filled, strict=True):
        for top, left, bottom, right in boxes(mask):
            box[top:bottom, left:right] = True
    return energy(maps, filled)


def pixel_precision(maps: Array, masks: Array) -> Values:
    """Each image's part in `pooled_precision`: their mean estimates it for more images of the kind.

    Jackknife: N PxAP(all) - (N - 1) PxAP(all but this image), so that images can be resampled like
    any other value; a single image is its own PxAP. Shapes: (N, H, W), (N, H, W).

    Example:
        >>> pixel_precision(np.array([[[3.0, 1.0]]]), np.array([[[True, False]]])).values.tolist()
        [1.0]
    """
    reasons = gathered(_counted, maps, masks)
    hits, misses = reasons.pop("hits"), reasons.pop("misses")
    usable = ~np.any(list(reasons.values()), axis=0)
    n, every = int(usable.sum()), np.array([_hits(hits, usable), _hits(misses, usable)])

    def part_in_all(hits: Array, misses: Array) -> dict[str, Array]:
        if n <= 1:
            return {"": _precision(hits, misses)}
        without = _precision(every[0] - hits, every[1] - misses)
        return {"": n * _precision(every[0][None], every[1][None]) - (n - 1) * without}

    values = gathered(part_in_all, hits, misses)[""]
    return with_reasons(values, reasons)


def _counted(maps: Array, masks: Array) -> dict[str, Array]:
    """The `_histograms` of maps, which fit into 32 bits, and what is undefined."""
    scaled, reasons = _scaled(maps, masks)
    hits, misses = _histograms(scaled, np.asarray(masks, bool))
    return {"hits": hits.astype(np.int32), "misses": misses.astype(np.int32), **reasons}


def pooled_precision(maps: Array, masks: Array) -> float:
    """PxAP: average precision of the pixels of all images, ranked by the scaled maps; in [0, 1].

    Sum over thresholds t, highest first, of (recall_t - recall_before) precision_t (Choe et al.
    2020, section 4.1), in steps of 0.001. Undefined maps and masks do not count; NaN without any.

    Example:
        >>> pooled_precision(np.array([[[3.0, 1.0]]]), np.array([[[False, True]]]))
        0.5
    """
    scaled, reasons = _scaled(maps, masks)
    usable = ~np.any(list(reasons.values()), axis=0)
    if not usable.any():
        return float("nan")
    hits, misses = _histograms(scaled[usable], np.asarray(masks, bool)[usable])
    return float(_precision(hits.sum(axis=0)[None], misses.sum(axis=0)[None])[0])


def _scaled(maps: Array, masks: Array) -> tuple[Floats, Reasons]:
    """The positive part scaled to [0, 1], lowest to highest, and what is undefined."""
    rows, of_maps = pixels(maps)
    _, of_masks = inside(maps, masks)
    low, high = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
    flat = (low == high)[:, 0]
    scaled = (rows - low) / np.where(low == high, 1, high - low)
    return scaled.reshape(np.shape(maps)), {**of_masks, **of_maps, "flat": flat}


def _reached(overlaps: NDArray[np.float64]) -> Bools:
    """(N, T) -> (N, T, overlaps): where a box is right."""
    return np.asarray(overlaps[..., None] >= np.array(OVERLAPS))


def _hits(counts: Array, where: Bools) -> Ints:
    """Sums over some of the images: (N, ...), (N,) -> (...)."""
    total = np.zeros(counts.shape[1:], np.int64)
    for some in parts(len(counts), BLOCK, counts):
        total += counts[some][where[some]].sum(axis=0)
    return total


def _best(hits: Ints) -> Ints:
    """The place of the threshold of most hits (T, overlaps) for each overlap, the middle one."""
    best = hits == hits.max(axis=0)
    return np.array([np.flatnonzero(column)[column.sum() // 2] for column in best.T], np.int64)


def _nearest(thresholds: Sequence[float]) -> Ints:
    distance = np.abs(THRESHOLDS[:, None] - np.asarray(thresholds))
    return np.asarray(distance.argmin(axis=0), np.int64)


def _at(reached: Bools, chosen: Ints) -> NDArray[np.float64]:
    """Mean over the overlaps at the chosen thresholds: (N, T, O), (N, O) -> (N,)."""
    taken = np.take_along_axis(reached, chosen[:, None, :], axis=1)
    return np.asarray(taken.mean(axis=(1, 2)))


def _overlap(a: Ints, b: Ints) -> NDArray[np.float64]:
    """Intersection over union of every box of a with every one of b: (A, 4), (B, 4) -> (A, B)."""
    start = np.maximum(a[:, None, :2], b[None, :, :2])
    stop = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.maximum(stop - start, 0).prod(axis=-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(axis=-1) for x in (a, b))
    return np.asarray(both / (area_a[:, None] + area_b - both))


def _histograms(scaled: Floats, masks: Bools) -> tuple[Ints, Ints]:
    """How many pixels of each step lie in the mask and how many outside: twice (N, BINS + 1)."""
    hits = np.zeros((len(scaled), BINS + 1), np.int64)
    misses = np.zeros_like(hits)
    for image, mask, hit, miss in zip(scaled, masks, hits, misses, strict=True):
        step = (image * BINS).astype(np.int64)
        hit[:] = np.bincount(step[mask], minlength=BINS + 1)
        miss[:] = np.bincount(step[~mask], minlength=BINS + 1)
    return hits, misses


def _precision(hits: Ints, misses: Ints) -> NDArray[np.float64]:
    """Average precision of each row of two histograms, lowest step first."""
    found = np.cumsum(hits[:, ::-1], axis=1)
    chosen = found + np.cumsum(misses[:, ::-1], axis=1)
    gained = np.diff(found, axis=1, prepend=0)
    precision = found / np.maximum(chosen, 1)
    return np.asarray((gained * precision).sum(axis=1) / np.maximum(found[:, -1], 1))


#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="max-box-accuracy",
        pictures=True,
        function=max_box_accuracy,
        title="Box accuracy (MaxBoxAccV2)",
        formula="mean over IoU 0.3, 0.5, 0.7 of: the best box of the map reaches it, at the "
        "threshold that is best for the other half of the images",
        needs=MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null="the method 'centre'",
        misleads="It asks for the extent of the object: a map on its telling part scores low. "
        "Centered objects make a centered box a strong guess: 52.5 % on ImageNet.",
        paper="Choe et al. 2020, section 4.1; threshold from held-out images",
        order=("perfect", "random"),
        together=True,
        parts=True,
        default=False,
    ),
    Metric(
        name="pixel-precision",
        function=pixel_precision,
        title="Average precision of all pixels (PxAP)",
        formula="jackknife of the average precision of the pixels of all images together",
        needs=MASK,
        higher_is_better=True,
        low=-INF,
        high=INF,
        null="about the mean area share",
        misleads="Large objects have most pixels and weigh most. It asks for the whole object.",
        paper="Choe et al. 2020, section 4.1",
        order=("perfect", "random"),
        together=True,
        parts=True,
        default=False,
    ),
    Metric(
        name="attribution-localization",
        pictures=True,
        function=attribution_localization,
        title="Attribution localization",
        formula="sum of the positive map inside the boxes of the mask / sum of the positive map",
        needs=MASK,
        higher_is_better=True,
        low=0,
        high=1,
        null="area share of the boxes",
        misleads="The energy on boxes, which hold background: read energy where there are masks.",
        paper="Kohlbrenner et al. 2020, section 3.2",
        order=("perfect", "random", "inverted"),
        default=False,
    ),
)
