"""Does the map follow what happens to the image, and do training seeds agree on it?

A change g of the image (`campare.metrics.robustness.transforms`) should move the map as it moves
the image: map(g x) is compared with g map(x), where g x shows the image, explaining the same class.
Where the prediction changes the map may change, so the value is undefined ('prediction-changed').
Two numbers stand beside each value: `floor`, a map carried through g and back against itself, which
is what interpolation alone leaves of the similarity; and `null`, the map of another image of the
class.
A model enters as two functions, `explain` and `predict`.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np

from campare.attribution.maps import positive
from campare.attribution.maps import status as map_status
from campare.data.stored import Computed, as_floats, filled, parts
from campare.errors import DataError
from campare.metrics.classification import predicted
from campare.metrics.faithfulness.predicting import BATCH
from campare.metrics.metric import Explain, Metric, Observer, Predict
from campare.metrics.robustness.transforms import IDENTITY, Transform
from campare.metrics.similarity import Similarity, spearman
from campare.metrics.values import Found, Values, average, unless
from campare.types import Array, Bools, Floats, Ints

_TOGETHER = 512  # maps that are compared together


class Reference(NamedTuple):
    """What a model says of the unchanged images; computed once for all changes."""

    images: Floats  # (N, H, W, C)
    targets: Ints  # (N,) the classes explained, before and after every change
    predictions: Ints  # (N,)
    maps: Floats  # (N, h, w) raw


class Observed(NamedTuple):
    """The maps of a changed image beside those of the unchanged one."""

    transform: Transform
    maps: Floats  # (N, h, w) map(x)
    after: Floats  # (N, h, w) map(g x)
    changed: Bools  # (N,) whether the prediction is another one


class Response(NamedTuple):
    """How alike map(g x) and g map(x) are at one dose, with what that is to be read against."""

    dose: float
    value: Values
    floor: Values  # of a map and itself, moved there and back
    null: Values  # of maps of two images of one class


def refer(
    explain: Explain, predict: Predict, images: Array, targets: Array | None = None
) -> Reference:
    """Explain the unchanged images: the given targets, or the predicted classes.

    Example:
        >>> gray = np.ones((2, 4, 4, 3))
        >>> refer(lambda x, t: x[..., 0], lambda x: np.eye(2), gray).targets.tolist()
        [0, 1]
    """
    images = as_floats(images)
    chosen = (
        predicted(in_batches(predict, images)) if targets is None else np.asarray(targets, np.int64)
    )
    if chosen.shape != (len(images),):
        raise DataError(
            f"Expected one target for each of {len(images)} images, got shape {chosen.shape}. "
            "Try None for the predicted classes."
        )
    return Reference(images, chosen, *classes_and_maps(explain, predict, images, chosen))


def observe(
    reference: Reference,
    explain: Explain,
    predict: Predict,
    transform: Transform,
    rng: np.random.Generator,
) -> Observed:
    """Change the images, explain the same classes again, and note where the prediction changed.

    Example:
        >>> from campare.metrics.robustness.transforms import flip
        >>> rng, images = np.random.default_rng(0), np.arange(16.0).reshape(1, 4, 4, 1)
        >>> model = (lambda x, t: x[..., 0], lambda x: np.zeros((len(x), 2)))
        >>> observed = observe(refer(*model, images), *model, flip(), rng)
        >>> observed.after[0, 0].tolist(), observed.changed.tolist()
        ([3.0, 2.0, 1.0, 0.0], [False])
    """
    images = transform.images(reference.images, rng)
    predictions, after = classes_and_maps(explain, predict, images, reference.targets)
    return Observed(transform, reference.maps, after, predictions != reference.predictions)


def classes_and_maps(
    explain: Explain, predict: Predict, images: Floats, targets: Ints
) -> tuple[Ints, Floats]:
    """Predicted classes (N,) and maps (N, h, w); of one pass where the method tells both.

    Example:
        >>> images, targets = np.ones((2, 1, 1, 3)), np.zeros(2)
        >>> classes_and_maps(lambda x, t: x[..., 0], lambda x: np.eye(2), images, targets)[0]
        array([0, 1])
    """
    if isinstance(explain, Observer):
        logits, maps = explain.observe(images, targets)
        return predicted(logits), np.asarray(maps, np.float32)
    return predicted(in_batches(predict, images)), in_batches(explain, images, targets)


def maps_of(explain: Explain, images: Floats | Computed, targets: Ints) -> Floats:
    """Maps (N, h, w), of all images at once, or in batches of those that are `Computed`.

    Example:
        >>> maps_of(lambda x, t: x[..., 0], np.ones((2, 1, 1, 3)), np.zeros(2)).shape
        (2, 1, 1)
    """
    if isinstance(images, Computed) and not isinstance(explain, Observer):
        return in_batches(explain, cast("Floats", images), targets)
    return np.asarray(explain(cast("Floats", images), targets), np.float32)


def compared(
    before: Floats, after: Floats, similarity: Similarity, partner: Ints | None = None
) -> Values:
    """How alike maps (N, h, w) are, a part of them at a time; of each with its partner's, if given.

    Example:
        >>> one = np.arange(4.0).reshape(1, 2, 2)
        >>> compared(one, 2 * one, spearman).values.tolist()
        [1.0]
    """
    found = Found(len(before), ("",))
    for some in parts(len(before), _TOGETHER, before, after):
        other = after[some if partner is None else partner[some]]
        found.put("", some, similarity(before[some], other, None))
    return found[""]


def in_batches(function: Callable[..., Array], *arrays: Array) -> Floats:
    """`function` of arrays of one length, called with 64 rows of them at a time.

    Example:
        >>> in_batches(lambda x: [len(x)] * len(x), np.zeros(66))[[0, -1]].tolist()
        [64.0, 2.0]
    """
    starts = range(0, max(len(arrays[0]), 1), BATCH)
    found = (function(*(array[i : i + BATCH] for array in arrays)) for i in starts)
    return filled(({"": np.asarray(part, np.float32)} for part in found), len(arrays[0]))[""]


def respond(observed: Observed, partner: Ints, similarity: Similarity = spearman) -> Response:
    """Compare what was observed: value, floor and null of one dose, without asking the model.

    `partner` (N,) names another image of the same class for each, as `partners` draws it.

    Example:
        >>> from campare.metrics.robustness.transforms import flip
        >>> maps = np.arange(16.0).reshape(1, 4, 4)
        >>> observed = Observed(flip(), maps, maps[:, :, ::-1], np.array([False]))
        >>> found = respond(observed, np.array([-1]))
        >>> found.value.values.tolist(), found.floor.values.tolist(), found.null.status.tolist()
        ([1.0], [1.0], ['no-partner'])
    """
    found = Found(len(observed.maps), ("value", "floor", "null"))
    for some in parts(len(observed.maps), _TOGETHER, observed.maps, observed.after):
        for name, values in _respond(observed, partner, similarity, some).items():
            found.put(name, some, values)
    return Response(observed.transform.dose, found["value"], found["floor"], found["null"])


def _respond(
    observed: Observed, partners: Ints, similarity: Similarity, some: slice
) -> dict[str, Values]:
    """Value, floor and null of some of the images."""
    transform, every, partner = observed.transform, observed.after, partners[some]
    maps, after, changed = observed.maps[some], every[some], observed.changed[some]
    grid, read, like = (maps.shape[1], maps.shape[2]), similarity.read, similarity.like
    moved, valid = transform.maps(positive(maps)), transform.valid(grid)
    still = read(maps, transform.valid_back(grid))
    moves_maps = transform.source != IDENTITY
    there = read(moved, valid) if moves_maps else still
    back = read(transform.back(moved), still.cells) if moves_maps else still
    here = read(after, valid)
    other = here.rows(partner) if len(after) == len(every) else read(every[partner], valid)
    value, floor, null = like(there, here), like(still, back), like(there, other)
    negative = map_status(maps) == "all-negative"
    moves = {"prediction-changed": changed, "all-negative": negative}
    pairs = {
        "no-partner": partner < 0,
        "prediction-changed": changed | observed.changed[partner],
        "all-negative": negative,
    }
    return {"value": unless(value, moves), "floor": floor, "null": unless(null, pairs)}


def equivariance(
    explain: Explain,
    predict: Predict,
    images: Array,
    targets: Array | None,
    transform: Transform,
    rng: np.random.Generator,
    similarity: Similarity = spearman,
) -> Response:
    """Similarity of map(g x) and g map(x), in [-1, 1], with its floor and null, for one change g.

    Costs two forward and two tapped passes an image; `dose_response` shares half of them.
    Invariance is equivariance under a change of color, which moves nothing.

    Example:
        >>> from campare.metrics.robustness.transforms import flip
        >>> rng = np.random.default_rng(0)
        >>> def map_of_luminance(images, targets):
        ...     return images.mean(axis=3)
        >>> def predict(images):
        ...     return np.zeros((len(images), 2))
        >>> images = rng.integers(0, 256, (2, 4, 4, 3))
        >>> equivariance(map_of_luminance, predict, images, None, flip(), rng).value.values.tolist()
        [1.0, 1.0]
    """
    reference = refer(explain, predict, images, targets)
    observed = observe(reference, explain, predict, transform, rng)
    return respond(observed, partners(reference.targets, rng), similarity)


def partners(targets: Ints, rng: np.random.Generator) -> Ints:
    """For each image another one of its class, at random, each once; -1 where it is alone.

    Shapes: (N,) -> (N,).

    Example:
        >>> partners(np.array([0, 1, 0]), np.random.default_rng(0)).tolist()
        [2, -1, 0]
    """
    partner = np.full(len(targets), -1, np.int64)
    for label in np.unique(targets):
        members = rng.permutation(np.flatnonzero(targets == label))
        if len(members) > 1:
            partner[members] = np.roll(members, 1)
    return partner


def seed_consistency(
    maps: Array, predictions: Array | None = None, partner: Ints | None = None
) -> Values:
    """Mean similarity of the maps of one image between training seeds, over all pairs, in [-1, 1].

    Shapes: maps (S, N, h, w), predictions (S, N), partner (N,) -> (N,). Spearman's correlation; a
    pair counts where both maps have ranks, and an image without such a pair has the status of its
    first pair. With predictions, an image on which the seeds differ is undefined
    ('prediction-changed'). With `partner`, the null: each map with the other image's of the other
    seed. Raises DataError for fewer than two seeds.

    Example:
        >>> map_ = np.arange(4.0).reshape(1, 2, 2)
        >>> seed_consistency(np.stack([map_, 2 * map_])).values.tolist()
        [1.0]
    """
    maps = np.asarray(maps)
    if len(maps) < 2:
        raise DataError(
            f"Expected maps of at least two training seeds, got {len(maps)}. "
            "Try a study with --seeds 2 or more."
        )
    alone = np.zeros(maps.shape[1], bool) if partner is None else partner < 0
    other = maps if partner is None else maps[:, partner]
    pairs = [spearman(maps[a], other[b], None) for a in range(len(maps)) for b in range(a)]
    differ = np.zeros(maps.shape[1], bool)
    if predictions is not None:
        differ = (np.asarray(predictions) != np.asarray(predictions)[0]).any(axis=0)
    return unless(average(pairs), {"prediction-changed": differ, "no-partner": alone})


#: The metrics of this module; those of the changes of an image are in `dose_response`.
DECLARED: tuple[Metric, ...] = (
    Metric(
        name="seed-consistency",
        function=seed_consistency,
        title="Agreement of training seeds",
        formula="mean over pairs of seeds of the Spearman correlation of their maps of an image",
        needs=frozenset({"model", "networks"}),
        region=None,
        resolution="map",
        higher_is_better=True,
        low=-1,
        high=1,
        null="maps of different images of a class in two seeds",
        misleads="Seeds agree on maps that ignore the image, as a center bias: subtract the null. "
        "A constant map has no ranks and is undefined.",
        cost="no pass beyond the maps of every seed",
        paper="Spearman correlation as in Adebayo et al. 2018, between networks",
        default=False,
    ),
)
