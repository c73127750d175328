"""ROAD (Rong et al. 2022): remove pixels so that the hole tells the network nothing.

Removed pixels are filled from their neighbors with a little noise, most relevant first or least
relevant first. A good map loses the target early in the first order and late in the second.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from campare.metrics.faithfulness.curve import also_unscored, counts_of
from campare.metrics.faithfulness.imputation import impute
from campare.metrics.faithfulness.predicting import BATCH, check, scores
from campare.metrics.faithfulness.replacing import Ties, generator, ranking_of, undefined
from campare.metrics.metric import Metric, Predict
from campare.metrics.values import Reasons, Values, with_reasons
from campare.types import Array, Floats, Ints

#: Shares of the pixels that are removed.
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

#: Tolerance of the imputation: its error, 0.04 % of the range, is a fraction of the noise.
ROUGH = 2e-2

_TOGETHER = 2**23  # values filled at once, so that threads have enough to do

#: Standard deviation of the noise on filled pixels, in those of the image.
NOISE = 0.01


def road(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    shares: Sequence[float] = SHARES,
    noise: float = NOISE,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Half of the difference of the two orders: (least first - most first) / 2, in [-0.5, 0.5].

    Both are means over `shares` of the probability of the target, which the paper's accuracy counts
    in steps of one. High is good; 0 is the expectation of a random order.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-99, 99]]
        >>> image = np.zeros((1, 8, 8, 1))
        >>> image[:, 2:4, 2:4] = 1
        >>> bool(road(predict, image, image[..., 0], np.array([1])).values > 0.1)
        True
    """
    (most, least), reasons = _mean_scores(
        predict, images, maps, targets, shares=shares, noise=noise, ties=ties, rng=rng,
        batch_size=batch_size, orders=("most", "least"),
    )  # fmt: skip
    return with_reasons((least - most) / 2, reasons)


def road_most_first(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    shares: Sequence[float] = SHARES,
    noise: float = NOISE,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Mean probability of the target with the most relevant pixels removed (MoRF): low is good.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-99, 99]]
        >>> image = np.zeros((1, 8, 8, 1))
        >>> image[:, 2:4, 2:4] = 1
        >>> road_most_first(predict, image, image[..., 0], np.array([1])).values.round(1).tolist()
        [0.5]
    """
    (most,), reasons = _mean_scores(
        predict, images, maps, targets, shares=shares, noise=noise, ties=ties, rng=rng,
        batch_size=batch_size, orders=("most",),
    )  # fmt: skip
    return with_reasons(most, reasons)


def road_least_first(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    shares: Sequence[float] = SHARES,
    noise: float = NOISE,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Mean probability of the target with the least relevant pixels removed (LeRF): high is good.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-99, 99]]
        >>> image = np.zeros((1, 8, 8, 1))
        >>> image[:, 2:4, 2:4] = 1
        >>> road_least_first(predict, image, image[..., 0], np.array([1])).values.round(1).tolist()
        [1.0]
    """
    (least,), reasons = _mean_scores(
        predict, images, maps, targets, shares=shares, noise=noise, ties=ties, rng=rng,
        batch_size=batch_size, orders=("least",),
    )  # fmt: skip
    return with_reasons(least, reasons)


def _mean_scores(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    shares: Sequence[float],
    noise: float,
    ties: Ties,
    rng: np.random.Generator | None,
    batch_size: int,
    orders: Sequence[Literal["most", "least"]],
) -> tuple[NDArray[np.float64], Reasons]:
    """Mean score over `shares` of each order (orders, N), and what is undefined."""
    pixels, maps, targets = check(images, maps, targets)
    rng = generator(rng)
    ranks = ranking_of(pixels, maps, ties=ties, rng=rng)
    counts = counts_of(shares, ranks)
    variants = _filled(pixels, ranks, counts, noise, rng, orders)
    found = scores(predict, variants, targets, batch_size=batch_size)
    curves = found.reshape(-1, len(orders), len(counts))
    means = curves.mean(axis=2)
    return means.T, also_unscored(undefined(maps), means)


def _filled(
    images: Floats,
    ranks: Ints,
    counts: Ints,
    noise: float,
    rng: np.random.Generator,
    orders: Sequence[Literal["most", "least"]],
) -> Iterator[tuple[int, Floats]]:
    """Every image with `counts` pixels removed and filled, order by order, image by image.

    Noise is drawn once an image, so that its pictures differ by what is removed alone.
    """
    holes = len(orders) * len(counts)
    together = max(1, _TOGETHER // max(1, holes * images[:1].size))
    for start in range(0, len(images), together):
        some = slice(start, start + together)
        missing = np.concatenate([_missing(rank, counts, orders) for rank in ranks[some]])
        filled = impute(np.repeat(images[some], holes, axis=0), missing, tolerance=ROUGH)
        for j, (pixels, hole) in enumerate(zip(filled, missing, strict=True)):
            i = start + j // holes
            if j % holes == 0:
                drawn = rng.standard_normal(pixels.shape, dtype=np.float32)
                drawn *= np.float32(noise) * images[i].std()
            each = np.repeat(hole, pixels.shape[-1], axis=-1).reshape(pixels.shape)  # a channel
            np.add(pixels, drawn, out=pixels, where=each)
            yield i, pixels


def _missing(
    rank: Ints, counts: Ints, orders: Sequence[Literal["most", "least"]]
) -> NDArray[np.bool_]:
    """The pixels (orders x counts, H, W) that are removed from one image."""
    first = {"most": rank, "least": rank.size - 1 - rank}
    return np.stack([first[order] < count for order in orders for count in counts])


_NEEDS = frozenset({"model", "image", "target"})

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="road",
        pictures=True,
        function=road,
        title="ROAD, combined",
        formula="(least relevant first - most relevant first) / 2 of the mean p(target) while 10 "
        "to 90 % of the pixels are removed and filled from their neighbors",
        needs=_NEEDS,
        region=None,
        higher_is_better=True,
        low=-0.5,
        high=0.5,
        null=0.0,
        misleads="The fill is smooth: what a network reads from texture goes at once, what it "
        "reads from color stays. A network that knows the target from any tenth of it scores 0.",
        paper="Rong et al. 2022",
        cost="18 forward passes and 18 systems of linear equations an image",
        order=("perfect", "random", "inverted"),
        default=False,
        parts=True,
    ),
    Metric(
        name="road-most-first",
        pictures=True,
        function=road_most_first,
        title="ROAD, most relevant first",
        formula="mean p(target) while the 10 to 90 % most relevant pixels are removed and filled",
        needs=_NEEDS,
        region=None,
        higher_is_better=False,
        low=0,
        high=1,
        null="a random order on the same network",
        misleads="Low also for a network that is easily upset, under every map; read 'road'.",
        paper="Rong et al. 2022, MoRF",
        cost="9 forward passes and 9 systems of linear equations an image",
        order=("inverted", "random", "perfect"),
        default=False,
        parts=True,
    ),
    Metric(
        name="road-least-first",
        pictures=True,
        function=road_least_first,
        title="ROAD, least relevant first",
        formula="mean p(target) while the 10 to 90 % least relevant pixels are removed and filled",
        needs=_NEEDS,
        region=None,
        higher_is_better=True,
        low=0,
        high=1,
        null="a random order on the same network",
        misleads="High also for a network that is hard to upset, under every map; read 'road'.",
        paper="Rong et al. 2022, LeRF",
        cost="9 forward passes and 9 systems of linear equations an image",
        order=("perfect", "random", "inverted"),
        default=False,
        parts=True,
    ),
)
