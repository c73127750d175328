"""Does the map depend on the class, on the labels, or only on the edges of the image?

Three controls beside the randomization of weights (`campare.metrics.sanity.mprt`): the map of
another class of the same image, the map of a network trained on permuted labels, and the image's
edges. A map that resembles them explains neither the class nor what was learned.
"""

from dataclasses import replace

import numpy as np

from campare.data.stored import as_floats
from campare.errors import CampareError
from campare.metrics.concentration import edge_alignment
from campare.metrics.metric import Explain, Metric, Predict
from campare.metrics.robustness.stability import compared, in_batches
from campare.metrics.similarity import Similarity, spearman
from campare.metrics.values import Values
from campare.types import Array

#: A map whose rank correlation with the edges of its image reaches this is an edge map.
EDGE_MAP = 0.8


def random_logit(
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    rng: np.random.Generator,
    similarity: Similarity = spearman,
) -> Values:
    """Similarity of the maps of an image's target and of another class, drawn at random.

    Sixt et al. 2020. `targets` None: the predicted classes. Costs two tapped passes an image.
    (Quantus' default similarity slides SSIM along the map as one row of pixels, ours over squares.)

    Raises:
        CampareError: a model with a single class.

    Example:
        >>> def blind(images, targets):
        ...     return images.mean(axis=3)
        >>> images = np.random.default_rng(0).random((2, 4, 4, 3))
        >>> random_logit(blind, lambda x: np.zeros((len(x), 3)), images, np.array([0, 1]),
        ...     np.random.default_rng(0)).values.tolist()
        [1.0, 1.0]
    """
    images = as_floats(images)
    logits = in_batches(predict, images if targets is None else images[:1])
    classes = logits.shape[1]
    if classes < 2:
        raise CampareError(
            "Expected a model of two classes or more, got one logit. "
            "Try a classifier made by campare.models.wrap."
        )
    chosen = logits.argmax(axis=1) if targets is None else np.asarray(targets)
    other = (chosen + rng.integers(1, classes, len(images))) % classes
    one, two = (in_batches(explain, images, np.asarray(t, np.int64)) for t in (chosen, other))
    return compared(one, two, similarity)


def label_randomization(maps: Array, permuted: Array, similarity: Similarity = spearman) -> Values:
    """Similarity of the maps of two networks: trained on the labels, and on permuted labels.

    Adebayo et al. 2018, section 4 (data randomization test). Shapes: (N, h, w), (N, h, w) -> (N,);
    both explain the same classes of the same images.

    Example:
        >>> map_ = np.arange(4.0).reshape(1, 2, 2)
        >>> label_randomization(map_, map_[:, ::-1, ::-1]).values.tolist()
        [-1.0]
    """
    return similarity(maps, permuted, None)


def edge_map(maps: Array, images: Array) -> Values:
    """1 where the map is the edge map of its image: `edge_alignment` of 0.8 or more, else 0.

    Shapes: maps (N, h, w), images (N, H, W, 3) -> (N,). Undefined as `edge_alignment` is.

    Example:
        >>> from campare.attribution.baselines import edges
        >>> images = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3))
        >>> edge_map(edges(images, (4, 4)), images).values.tolist()
        [1.0]
    """
    alignment = edge_alignment(maps, images)
    found = np.where(np.isnan(alignment.values), np.nan, alignment.values >= EDGE_MAP)
    return Values(found, alignment.status)


_RANDOM_LOGIT = Metric(
    name="random-logit",
    function=random_logit,
    title="Similarity to another class",
    formula="Spearman of the maps of the target and of another class drawn at random",
    needs=frozenset({"model", "method"}),
    region=None,
    resolution="map",
    higher_is_better=False,
    low=-1,
    high=1,
    null=1.0,
    misleads="Where two objects of an image speak for several classes, alike maps are right. With "
    "two classes of one logit, each map is the negative of the other, whatever the model learned. "
    "Positive maps of one object each may be undefined for the other class.",
    cost="two tapped passes an image",
    paper="Sixt et al. 2020",
    default=False,
    parts=True,
)

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    _RANDOM_LOGIT,
    replace(
        _RANDOM_LOGIT,
        name="label-randomization",
        function=label_randomization,
        title="Similarity to a network of permuted labels",
        formula="Spearman of the maps of the network and of one trained on permuted labels",
        needs=frozenset({"model", "networks"}),
        misleads="Both networks see the same images: maps of a coarse grid, or with a center bias, "
        "agree by chance; compare with the maps of different images of a class.",
        cost="training a second network",
        paper="Adebayo et al. 2018, data randomization test",
    ),
    replace(
        _RANDOM_LOGIT,
        name="edge-map",
        function=edge_map,
        title="Is an edge map",
        formula="1 if the Spearman correlation of map and Sobel edges is >= 0.8, else 0",
        needs=frozenset({"image"}),
        low=0,
        null=0.0,
        misleads="A constant map is no edge map, but no explanation either. An object on a plain "
        "ground has all edges on itself, so a right map may be flagged.",
        cost="no forward pass",
        paper="Adebayo et al. 2018 compare maps with an edge detector",
    ),
)
