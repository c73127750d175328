"""How concentrated is the map, and does it merely follow edges? Scores without ground truth.

Pure functions of the positive part of maps (N, h, w) at their own resolution: an enlarged map has
other values, and so have maps of different grids. None of them is better high or low by itself.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from campare.attribution.baselines import edges
from campare.metrics.metric import INF, MAP_ONLY, Metric
from campare.metrics.values import Values, pixels, with_reasons
from campare.types import Array, Bools


def entropy(maps: Array) -> Values:
    """Shannon entropy of the map as a distribution over its n pixels, divided by log n: in [0, 1].

    H = -sum p log p / log n with p = map / sum. 1: uniform; 0: a single pixel.

    Example:
        >>> entropy(np.array([[[1.0, 1.0]], [[1.0, 0.0]]])).values.tolist()
        [1.0, 0.0]
    """
    rows, reasons = pixels(maps)
    n = rows.shape[1]
    p = _scaled(rows)
    p /= np.maximum(p.sum(axis=1, keepdims=True), 1)
    information = np.zeros_like(p)
    np.log(p, out=information, where=p > 0)
    spread = np.abs(np.einsum("np,np->n", p, information))  # never -0.0
    return with_reasons(np.minimum(spread / np.log(max(n, 2)), 1), _with_single(reasons, n))


def gini(maps: Array) -> Values:
    """Gini index of the pixels, in [0, 1 - 1/n]: 0 for a uniform map, high for a sparse one.

    G = sum (2 i - n - 1) x_i / (n sum x), x ascending (Hurley and Rickard 2009; "sparseness" of
    Chalasani et al. 2020).

    Example:
        >>> gini(np.array([[[1.0, 1.0]], [[1.0, 0.0]]])).values.tolist()
        [0.0, 0.5]
    """
    rows, reasons = pixels(maps)
    n = rows.shape[1]
    x = _scaled(np.sort(rows, axis=1))
    rank = 2.0 * np.arange(1, n + 1) - n - 1
    index = (x * rank).sum(axis=1) / (n * np.maximum(x.sum(axis=1), 1))
    return with_reasons(np.maximum(index, 0), _with_single(reasons, n))


def area_50(maps: Array) -> Values:
    """Smallest share of the area that holds half of the map, in (0, 0.5]; 0.5: uniform.

    Pixels are patches of constant value, so the last one counts by the part that is needed.

    Example:
        >>> area_50(np.array([[[1.0, 1.0]], [[1.0, 0.0]]])).values.tolist()
        [0.5, 0.25]
    """
    return _area_holding(0.5, maps)


def area_80(maps: Array) -> Values:
    """Smallest share of the area that holds 80 % of the map, in (0, 0.8]; 0.8: uniform.

    As `area_50`; it sees the wide foot of a peak, too.

    Example:
        >>> area_80(np.array([[[1.0, 1.0]], [[1.0, 0.0]]])).values.tolist()
        [0.8, 0.4]
    """
    return _area_holding(0.8, maps)


def peaks(maps: Array) -> Values:
    """Number of connected peaks: regions of pixels at half of the maximum or above, at least 1.

    Pixels that touch at a side or a corner are connected. A constant positive map is one peak.

    Example:
        >>> peaks(np.array([[[9.0, 1.0, 5.0]], [[9.0, 5.0, 1.0]]])).values.tolist()
        [2.0, 1.0]
    """
    rows, reasons = pixels(maps)
    high = _scaled(rows) >= 0.5
    touching = np.zeros((3,) * np.ndim(maps), int)
    touching[1] = 1  # within a map, never between maps
    regions, count = label(high.reshape(np.shape(maps)), touching)
    owner = np.zeros(count + 1, np.int64)  # region -> its map
    owner[regions] = np.arange(len(rows)).reshape(-1, *[1] * (np.ndim(maps) - 1))
    number = np.bincount(owner[1:], minlength=len(rows))
    return with_reasons(number, _with_single(reasons, rows.shape[1]))


def edge_alignment(maps: Array, images: Array) -> Values:
    """Spearman's rank correlation of the map with the image's edges on the grid of the map.

    Shapes: maps (N, h, w), images (N, H, W, 3). In [-1, 1]; ties have their mean rank. A constant
    map is undefined ('flat'), and so is an image without edges ('no-edges'). The edges are those
    of the baseline `edge`, which scores 1.

    Example:
        >>> image = np.zeros((1, 4, 8, 3))
        >>> image[:, :, 6:] = 255
        >>> edge_alignment(np.array([[[0.0, 1.0]]]), image).values.round(6).tolist()
        [1.0]
    """
    rows, reasons = pixels(maps)
    edge = edges(images, maps.shape[1:]).reshape(rows.shape)
    blank = edge.max(axis=1) == edge.min(axis=1)
    flat = rows.max(axis=1) == rows.min(axis=1)
    a, b = (_centered(mean_ranks(x)) for x in (rows, edge))
    correlation = np.einsum("np,np->n", a, b)
    return with_reasons(np.clip(correlation, -1, 1), {**reasons, "flat": flat, "no-edges": blank})


def mean_ranks(rows: Array) -> NDArray[np.float64]:
    """Ranks 1..n within each row (N, n), tied values sharing the mean of their ranks.

    Example:
        >>> mean_ranks(np.array([[5.0, 1.0, 5.0]])).tolist()
        [[2.5, 1.0, 2.5]]
    """
    from scipy.stats import rankdata  # half a second to import

    return np.asarray(rankdata(rows, axis=1), np.float64)


def _area_holding(share: float, maps: Array) -> Values:
    """Smallest share of the area that holds `share` of the map."""
    rows, reasons = pixels(maps)
    n = rows.shape[1]
    x = _scaled(np.sort(rows, axis=1))[:, ::-1]
    held = np.cumsum(x, axis=1)
    wanted = share * held[:, -1]
    last = (held < wanted[:, None]).sum(axis=1)[:, None]  # pixels that are needed entirely
    value = np.take_along_axis(x, last, axis=1)[:, 0]
    before = np.take_along_axis(held, last, axis=1)[:, 0] - value
    part = (wanted - before) / np.where(value > 0, value, 1)
    return with_reasons((last[:, 0] + part) / n, _with_single(reasons, n))


def _centered(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of mean 0 and length 1; constant rows are 0."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("np,np->n", rows, rows))[:, None]
    return rows / np.where(length > 0, length, 1)


def _scaled(rows: Array) -> NDArray[np.float64]:
    """Rows divided by their maximum: safe to sum at any scale."""
    rows = rows.astype(np.float64)
    top = rows.max(axis=1, keepdims=True)
    rows /= np.where(top > 0, top, 1)
    return rows


def _with_single(reasons: dict[str, Bools], n: int) -> dict[str, Bools]:
    """A map of one pixel has no shape: it is flat."""
    return {**reasons, "flat": np.ones_like(reasons["flat"])} if n == 1 else reasons


_ENTROPY = Metric(
    name="entropy",
    function=entropy,
    title="Entropy",
    formula="-sum p log p / log n, p = positive map / its sum over n pixels",
    needs=MAP_ONLY,
    region=None,
    resolution="map",
    higher_is_better=None,
    low=0,
    high=1,
    null=1.0,
    misleads="It depends on the grid of the map: compare arms on matched grids only. A sharp map "
    "in the wrong place is still sharp.",
    paper="Bhatt et al. 2020 (complexity), normalized",
    order=("constant", "random", "perfect"),
)

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    _ENTROPY,
    replace(
        _ENTROPY,
        name="gini",
        function=gini,
        title="Gini index",
        formula="sum (2 i - n - 1) x_i / (n sum x), x the ascending positive pixels",
        null=0.0,
        paper="Chalasani et al. 2020 (sparseness); Hurley and Rickard 2009",
        order=("perfect", "random", "constant"),
    ),
    replace(
        _ENTROPY,
        name="area-50",
        function=area_50,
        title="Area holding half of the map",
        formula="smallest share of the area with 50 % of the positive map",
        high=0.5,
        null=0.5,
        paper="a quantile of the Lorenz curve",
    ),
    replace(
        _ENTROPY,
        name="area-80",
        function=area_80,
        title="Area holding 80 % of the map",
        formula="smallest share of the area with 80 % of the positive map",
        high=0.8,
        null=0.8,
        paper="a quantile of the Lorenz curve",
    ),
    replace(
        _ENTROPY,
        name="peaks",
        function=peaks,
        title="Connected peaks",
        formula="number of connected regions of pixels >= 0.5 maximum, corners touching",
        low=1,
        high=INF,
        null=1.0,
        misleads="It depends on the grid of the map: a coarse grid joins what a fine one parts. "
        "Noise near the threshold makes many peaks; a uniform map is a single one.",
        paper="full width at half maximum, as regions",
        order=("random", "perfect"),
    ),
    replace(
        _ENTROPY,
        name="edge-alignment",
        function=edge_alignment,
        title="Alignment with image edges",
        formula="Spearman correlation of the positive map and the Sobel edges on the map's grid",
        needs=frozenset({"image"}),
        low=-1,
        null=0.0,
        misleads="Objects have edges, too: a right map aligns with them more than a random one. "
        "On a coarse grid few pixels are correlated.",
        paper="Adebayo et al. 2018 compare maps with an edge detector",
        order=("edge", "random"),
    ),
)
