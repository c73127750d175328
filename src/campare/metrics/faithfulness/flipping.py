"""What the network loses without the pixels ranked highest, or keeps with them alone.

Pixel flipping (Bach et al. 2015; Samek et al. 2017), comprehensiveness and sufficiency (DeYoung et
al. 2020, ERASER): means of the fall of a score over several shares of the pixels.
"""

from collections.abc import Sequence

import numpy as np

from campare.metrics.faithfulness.curve import curve
from campare.metrics.faithfulness.predicting import BATCH, logit
from campare.metrics.faithfulness.replacing import Baseline, Ties
from campare.metrics.metric import INF, Metric, Predict
from campare.metrics.values import Values, with_reasons
from campare.types import Array

#: Shares of the pixels that ERASER removes or keeps.
ERASER_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)


def pixel_flipping(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    flip_to: Baseline = "mean",
    share: float = 1.0,
    steps: int = 20,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Mean fall of the target's logit as pixels are flipped, highest first; in logits.

    AOPC = 1/(L + 1) sum over k = 0..L of f(x) - f(x after k steps), of the `share` of the pixels
    ranked highest in L = `steps` equal steps (Samek et al. 2017, equation 12, on the pixels of Bach
    et al. 2015). High is good.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> pixel_flipping(predict, image, image[..., 0], np.array([1]),
        ...     flip_to="zero", steps=4).values.tolist()
        [1.8]
    """
    found = curve(
        predict, images, maps, targets, shares=np.linspace(0, share, steps + 1), insert=False,
        other=flip_to, ties=ties, rng=rng, batch_size=batch_size, score=logit,
    )  # fmt: skip
    fall = found.scores[:, :1] - found.scores
    return with_reasons(fall.mean(axis=1), found.reasons)


def comprehensiveness(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    delete_to: Baseline = "mean",
    shares: Sequence[float] = ERASER_SHARES,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Fall of the target's probability without the pixels ranked highest: in [-1, 1].

    Mean over `shares` q of p(x) - p(x without its top q), the area of DeYoung et al. 2020 (ERASER),
    section 4.2. High is good.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> comprehensiveness(predict, image, image[..., 0], np.array([1]),
        ...     delete_to="zero").values.round(2).tolist()
        [0.49]
    """
    found = curve(
        predict, images, maps, targets, shares=[0, *shares], insert=False,
        other=delete_to, ties=ties, rng=rng, batch_size=batch_size,
    )  # fmt: skip
    fall = found.scores[:, :1] - found.scores[:, 1:]
    return with_reasons(fall.mean(axis=1), found.reasons)


def sufficiency(
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    insert_from: Baseline = "mean",
    shares: Sequence[float] = ERASER_SHARES,
    ties: Ties = "random",
    rng: np.random.Generator | None = None,
    batch_size: int = BATCH,
) -> Values:
    """Fall of the target's probability with the pixels ranked highest alone: in [-1, 1].

    Mean over `shares` q of p(x) - p(top q of x), the area of DeYoung et al. 2020 (ERASER), section
    4.2. Low is good.

    Example:
        >>> predict = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-9, 9]]
        >>> image = np.array([[[[1.0], [0.0], [0.0], [0.0]]]])
        >>> sufficiency(predict, image, image[..., 0], np.array([1]),
        ...     insert_from="zero").values.round(2).tolist()
        [0.0]
    """
    found = curve(
        predict, images, maps, targets, shares=[1, *shares], insert=True,
        other=insert_from, ties=ties, rng=rng, batch_size=batch_size,
    )  # fmt: skip
    fall = found.scores[:, :1] - found.scores[:, 1:]
    return with_reasons(fall.mean(axis=1), found.reasons)


_NEEDS = frozenset({"model", "image", "target"})

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="pixel-flipping",
        function=pixel_flipping,
        title="Pixel flipping",
        formula="mean over k = 0..20 of f(x) - f(x with its k/20 highest pixels at the mean color)",
        needs=_NEEDS,
        region=None,
        higher_is_better=True,
        low=-INF,
        high=INF,
        null="a random order on the same network",
        misleads="Logits have the scale of their network: two networks are compared only relative "
        "to their own nulls, and then in different units.",
        paper="Bach et al. 2015; AOPC of Samek et al. 2017, equation 12",
        cost="21 forward passes an image",
        order=("perfect", "random", "inverted"),
        default=False,
        parts=True,
    ),
    Metric(
        name="comprehensiveness",
        function=comprehensiveness,
        title="Comprehensiveness",
        formula="mean over q = 1, 5, 10, 20, 50 % of p(x) - p(x without its top q)",
        needs=_NEEDS,
        region=None,
        higher_is_better=True,
        low=-1,
        high=1,
        null="a random order on the same network",
        misleads="Any hole upsets a network; an unconfident network has nothing to lose.",
        paper="DeYoung et al. 2020 (ERASER), section 4.2",
        cost="6 forward passes an image",
        order=("perfect", "random", "inverted"),
        default=False,
        parts=True,
    ),
    Metric(
        name="sufficiency",
        function=sufficiency,
        title="Sufficiency",
        formula="mean over q = 1, 5, 10, 20, 50 % of p(x) - p(top q of x on the mean color)",
        needs=_NEEDS,
        region=None,
        higher_is_better=False,
        low=-1,
        high=1,
        null="a random order on the same network",
        misleads="A map that gathers what speaks for the target, wherever it is, scores well; a "
        "few pixels on a plain ground are unlike any image.",
        paper="DeYoung et al. 2020 (ERASER), section 4.2",
        cost="6 forward passes an image",
        order=("inverted", "random", "perfect"),
        default=False,
        parts=True,
    ),
)
