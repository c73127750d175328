"""Does the map change when the weights do? The model parameter randomization test, in three forms.

A map that stays the same when weights are drawn anew explains the image, not the model (Adebayo et
al. 2018). `mprt` randomizes layer by layer: one after another (cascading) or one at a time, from
the top or from the bottom. `smoothed` maps make it Smooth MPRT, and `efficient_mprt` looks at the
map's complexity instead of a similarity (Hedstroem et al. 2023). Low similarity is good; how low
chance is, the null says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from campare.data.stored import as_floats, gathered
from campare.errors import CampareError, LayerError
from campare.metrics.metric import INF, Explain, Metric
from campare.metrics.robustness.stability import compared, in_batches, partners
from campare.metrics.similarity import Similarity, spearman
from campare.metrics.values import Average, Found, Values, average, pixels, unless, with_reasons
from campare.types import Array, Classifier, Floats, Ints

#: Bins of the histogram in `efficient_mprt`.
BINS = 100

#: Kinds of layers whose weights describe the data: they are not learned, so they stay.
PREPROCESSING = ("Normalization",)

Order = Literal["top-down", "bottom-up"]


class Step(NamedTuple):
    """The maps after one step of randomization, compared with those of the trained network."""

    layer: str  # randomized in this step; with 'cascading' those of all steps before as well
    value: Values
    null: Values  # of maps of two images of one class: trained against randomized


def mprt(
    explain: Explain,
    classifier: Classifier,
    images: Array,
    targets: Ints,
    rng: np.random.Generator,
    *,
    order: Order = "top-down",
    cascading: bool = True,
    layers: Sequence[str] | None = None,
    similarity: Similarity = spearman,
) -> tuple[Step, ...]:
    """Model parameter randomization test: similarity of the maps before and after, step by step.

    Adebayo et al. 2018, section 3. `explain` asks `classifier`, whose weights are drawn anew within
    each step and left as they were; `targets` (N,) stay. 'top-down' starts at the output, as in the
    paper; Binder et al. 2023 and Hedstroem et al. 2023 advise 'bottom-up', for what lies below the
    randomized layers keeps the map alike. `layers`: paths in the order they run; None: all that
    have weights, found by one forward pass of an image each. Costs a tapped pass an image and step.

    Raises:
        CampareError: an order that does not exist. LayerError: no layer has weights.

    Example:
        >>> import keras
        >>> from campare.attribution.explain import explain
        >>> from campare.models import wrap
        >>> network = wrap(keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, name="dense"),
        ... ]))
        >>> images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
        >>> steps = mprt(lambda x, t: explain(network, x, target=t).maps, network, images,
        ...     np.zeros(4, np.int64), np.random.default_rng(0))
        >>> [step.layer for step in steps]
        ['dense', 'conv']
    """
    if order not in ("top-down", "bottom-up"):
        raise CampareError(f"Expected an order, got {order!r}. Try 'top-down' or 'bottom-up'.")
    return tuple(
        _steps(
            explain, classifier, images, targets, rng, order=order, cascading=cascading,
            layers=layers, similarity=similarity,
        )
    )  # fmt: skip


def _steps(
    explain: Explain,
    classifier: Classifier,
    images: Array,
    targets: Ints,
    rng: np.random.Generator,
    *,
    order: Order = "bottom-up",
    cascading: bool = True,
    layers: Sequence[str] | None = None,
    similarity: Similarity = spearman,
) -> Iterator[Step]:
    """The steps of `mprt`, each when it is asked for."""
    images = as_floats(images)
    targets = np.asarray(targets, np.int64)
    partner = partners(targets, rng)
    before = in_batches(explain, images, targets)
    paths = tuple(layers) if layers is not None else randomizable(classifier, images[:1], rng)
    with ExitStack() as randomized:
        for layer in paths[::-1] if order == "top-down" else paths:
            if not cascading:
                randomized.close()  # the layer before has its weights again
            randomized.enter_context(classifier.randomized((layer,), rng))
            after = in_batches(explain, images, targets)
            null = compared(before, after, similarity, partner)
            yield Step(
                layer,
                compared(before, after, similarity),
                unless(null, {"no-partner": partner < 0}),
            )


def mprt_conditions(
    explain: Explain,
    classifier: Classifier,
    images: Array,
    targets: Ints,
    rng: np.random.Generator,
) -> Mapping[str, Values]:
    """`mprt` from the bottom up under its conditions: each layer, and the nulls.

    '' is the mean over the steps in which it is defined, '<layer>' the value of a step; 'null' and
    '<layer>-null' stand beside them.
    """
    return by_layer(_steps(explain, classifier, images, targets, rng))


def by_layer(steps: Iterable[Step]) -> Mapping[str, Values]:
    """The steps of `mprt`, of which there is one at least, by condition.

    Example:
        >>> one = Values(np.array([1.0]), np.array(["ok"]))
        >>> list(by_layer([Step("conv", one, one)]))
        ['', 'null', 'conv', 'conv-null']
    """
    value, null = Average(), Average()
    found = Found(0)
    for step in steps:
        if not found:
            found = Found(len(step.value.values), ("", "null"))
        value.add(step.value)
        null.add(step.null)
        found.put(step.layer, found.every, step.value)
        found.put(f"{step.layer}-null", found.every, step.null)
    found.put("", found.every, value.values)
    found.put("null", found.every, null.values)
    return found


def mprt_average(
    explain: Explain,
    classifier: Classifier,
    images: Array,
    targets: Ints,
    rng: np.random.Generator,
) -> Values:
    """Mean similarity over the steps of `mprt` in which it is defined, cascading from the bottom.

    Hedstroem et al. 2023 sum a test up so. (Quantus 0.6 averages the trained network's map with
    itself in as well, which is 1.)
    """
    return average(step.value for step in _steps(explain, classifier, images, targets, rng))


def smoothed(
    explain: Explain, rng: np.random.Generator, *, samples: int = 10, share: float = 0.1
) -> Explain:
    """The mean of the maps of noisy images: `mprt(smoothed(explain, rng), ...)` is Smooth MPRT.

    Hedstroem et al. 2023: Gaussian noise with a standard deviation of `share` of the range of each
    image. Costs `samples` tapped passes an image.

    Example:
        >>> steady = smoothed(lambda x, t: x.mean(axis=3), np.random.default_rng(0), samples=50)
        >>> ramp = np.linspace(0, 255, 64).reshape(1, 8, 8, 1)
        >>> bool(np.abs(steady(ramp, np.zeros(1, int)) - ramp[..., 0]).max() < 15)
        True
    """

    def smooth(images: Floats, targets: Ints) -> Array:
        images = np.asarray(images, np.float32)
        axes = tuple(range(1, images.ndim))
        spread = images.max(axis=axes, keepdims=True) - images.min(axis=axes, keepdims=True)
        maps = []
        for _ in range(samples):
            noise = share * spread * rng.standard_normal(images.shape, np.float32)
            maps.append(np.asarray(explain(images + noise, targets), np.float32))
        return np.asarray(np.mean(maps, axis=0, dtype=np.float64), np.float32)

    return smooth


def smooth_mprt(
    explain: Explain,
    classifier: Classifier,
    images: Array,
    targets: Ints,
    rng: np.random.Generator,
) -> Values:
    """`mprt_average` of the `smoothed` maps."""
    return mprt_average(smoothed(explain, rng), classifier, images, targets, rng)


def efficient_mprt(
    explain: Explain,
    classifier: Classifier,
    images: Array,
    targets: Ints,
    rng: np.random.Generator,
) -> Values:
    """Relative rise of the map's complexity when all layers are randomized; high is good.

    (H(randomized) - H(map)) / H(map), H the entropy of a histogram of the positive map in 100 bins
    (Hedstroem et al. 2023), in [-1, inf). No pairwise similarity, so no noise in it. A flat map has
    H = 0 and is undefined. Costs two tapped passes an image.

    Example:
        >>> from contextlib import nullcontext
        >>> from types import SimpleNamespace
        >>> deaf = SimpleNamespace(layers=(), randomized=lambda layers, rng: nullcontext())
        >>> images, rng = np.random.default_rng(0).random((1, 4, 4, 3)), np.random.default_rng(0)
        >>> efficient_mprt(lambda x, t: x[..., 0], deaf, images, np.zeros(1), rng).values.tolist()
        [0.0]
    """
    images, targets = as_floats(images), np.asarray(targets, np.int64)
    learned = tuple(info.path for info in classifier.layers if info.kind not in PREPROCESSING)
    before = in_batches(explain, images, targets)
    with classifier.randomized(learned, rng):
        after = in_batches(explain, images, targets)
    return complexity_rise(before, after)


def complexity_rise(before: Array, after: Array) -> Values:
    """(H(after) - H(before)) / H(before), H the entropy of a histogram of each map in 100 bins.

    Example:
        >>> complexity_rise(np.array([[[0, 0, 0, 1.0]]]), np.array([[[0, 0, 1.0, 1.0]]])).values
        array([0.23262291])
    """
    found = gathered(_rise, before, after)
    return with_reasons(found.pop("rise"), found)


def _rise(before: Array, after: Array) -> dict[str, Array]:
    """The `complexity_rise`, and why it is undefined."""
    (x, reasons), (y, broken) = pixels(before), pixels(after)
    flat = x.min(axis=1) == x.max(axis=1)
    low, high = _histogram_entropy(x), _histogram_entropy(y)
    reasons = {**reasons, "non-finite": reasons["non-finite"] | broken["non-finite"]}
    rise = (high - low) / np.where(low > 0, low, 1)
    return {"rise": rise, **reasons, "flat": reasons["flat"] | flat}


def randomizable(classifier: Classifier, image: Array, rng: np.random.Generator) -> tuple[str, ...]:
    """Paths of the layers whose weights matter: drawn anew, they change the logits of an image.

    Layers of the kinds in `PREPROCESSING` are left out. Raises LayerError where none is left.
    """
    logits = classifier.predict(image)

    def matters(path: str) -> bool:
        with classifier.randomized((path,), rng):
            return not np.array_equal(classifier.predict(image), logits)

    found = tuple(
        info.path
        for info in classifier.layers
        if info.kind not in PREPROCESSING and matters(info.path)
    )
    if not found:
        raise LayerError(
            f"Expected a model with weights to randomize, got none in {classifier.name!r}. "
            "Try naming its layers."
        )
    return found


def _histogram_entropy(rows: Array) -> Array:
    """Entropy (N,) of the histogram of each row (N, n) in equal bins between its extremes."""
    rows = rows.astype(np.float64)
    low, high = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
    width = np.where(high > low, high - low, 1)
    bins = np.minimum(((rows - low) / width * BINS).astype(np.int64), BINS - 1)
    cells = bins + BINS * np.arange(len(rows))[:, None]
    counts = np.bincount(cells.ravel(), minlength=BINS * len(rows)).reshape(-1, BINS)
    p = counts / rows.shape[1]
    return np.asarray(-(p * np.log(np.where(p > 0, p, 1))).sum(axis=1))


_MPRT = Metric(
    name="mprt",
    function=mprt_average,
    conditions=mprt_conditions,
    title="Similarity after randomizing weights",
    formula="mean over layers of the Spearman correlation with the map after randomizing it and "
    "all below",
    needs=frozenset({"model", "method", "weights"}),
    region=None,
    resolution="map",
    higher_is_better=False,
    low=-1,
    high=1,
    null="maps of different images of a class, trained against randomized, in the rows @null",
    misleads="The order matters: from the top, layers that are left below keep any map alike. Low "
    "similarity is no merit by itself: a random map has the lowest. A randomized network often "
    "gives flat maps, which are undefined.",
    cost="a tapped pass an image and layer, and a forward pass a layer",
    paper="Adebayo et al. 2018; bottom-up as Hedstroem et al. 2023 advise",
    default=False,
    parts=True,
)

#: The metrics of this module.
DECLARED: tuple[Metric, ...] = (
    _MPRT,
    replace(
        _MPRT,
        name="smooth-mprt",
        function=smooth_mprt,
        conditions=None,
        title="Similarity after randomizing weights, smoothed maps",
        formula="mprt of the mean map of 10 noisy images, sigma 10 % of the image's range",
        cost="10 tapped passes an image and layer, and a forward pass a layer",
        paper="Hedstroem et al. 2023, Smooth MPRT",
    ),
    replace(
        _MPRT,
        name="efficient-mprt",
        function=efficient_mprt,
        conditions=None,
        title="Rise of complexity after randomizing weights",
        formula="(H(randomized) - H(map)) / H(map), H the entropy of a histogram of 100 bins",
        higher_is_better=True,
        high=INF,
        null=0.0,
        misleads="It presumes that maps of a random network are more complex. A map of few pixels "
        "has few occupied bins, so H hardly moves; a randomized network with a flat map scores -1.",
        cost="two tapped passes an image",
        paper="Hedstroem et al. 2023, Efficient MPRT",
    ),
)
