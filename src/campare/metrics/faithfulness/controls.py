"""The same measure of maps that know nothing, on the same network, and how far a map is above them.

A network that stands occlusion well scores well under every map, so a recipe that makes networks
sturdy would pass for one that makes maps good. The difference to a random and to an edge map takes
that out.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from campare.attribution.baselines import edges, random
from campare.errors import CampareError
from campare.metrics.faithfulness.average_drop import DECLARED as AVERAGE_DROP
from campare.metrics.faithfulness.flipping import DECLARED as FLIPPING
from campare.metrics.faithfulness.infidelity import DECLARED as INFIDELITY
from campare.metrics.faithfulness.insertion_deletion import DECLARED as INSERTION_DELETION
from campare.metrics.faithfulness.irof import DECLARED as IROF
from campare.metrics.faithfulness.road import DECLARED as ROAD
from campare.metrics.metric import Metric, Predict, Shared, alone
from campare.metrics.values import Values
from campare.types import Array

Measure = Callable[..., Values]

#: Suffixes of the measures that are relative to a null.
OVER_RANDOM, OVER_EDGE = "-over-random", "-over-edge"


def relative_to_nulls(
    measure: Measure,
    predict: Predict,
    images: Array,
    maps: Array,
    targets: Array,
    *,
    rng: np.random.Generator,
    draws: int = 1,
    over: Collection[str] = (OVER_RANDOM, OVER_EDGE),
    own: Callable[[Callable[[], Values]], Values] | None = None,
    **options: Any,
) -> dict[str, Values]:
    """Measure maps, and subtract what random and edge maps of the same grid score.

    Under '' the measure itself, under each suffix of `over` the difference to that null. The random
    null is the mean over `draws` maps of independent noise; the edges are those of the baseline
    `edge`. A difference is undefined where the map's value is, with its status, or where the null's
    is ('null: ' and its status). Costs 1 + `draws` + 1 times the measure, less what is not in
    `over`. Raises CampareError for fewer than one draw.

    Example:
        >>> from campare.metrics.faithfulness import deletion
        >>> rng = np.random.default_rng(0)
        >>> dark = lambda images: images.mean(axis=(1, 2))[:, :1] * [[-99, 99]]
        >>> image = np.zeros((1, 8, 8, 3))
        >>> image[:, 2:4, 2:4] = 1
        >>> found = relative_to_nulls(deletion, dark, image, image[..., 0], np.array([1]),
        ...     rng=rng, delete_to="zero", over=["-over-random"])
        >>> {suffix: bool(each.values[0] < 0.2) for suffix, each in found.items()}
        {'': False, '-over-random': True}
    """
    if draws < 1:
        raise CampareError(f"Expected at least one draw of random maps, got {draws}. Try draws=1.")
    grid = np.shape(maps)[1:]

    def measured(of: Array) -> Values:
        return measure(predict, images, of, targets, rng=rng, **options)

    found = {"": own(lambda: measured(maps)) if own else measured(maps)}
    if OVER_RANDOM in over:
        drawn = [measured(random(images, grid, rng)) for _ in range(draws)]
        mean = Values(np.mean([each.values for each in drawn], axis=0), drawn[0].status)
        found[OVER_RANDOM] = _over(found[""], mean)
    if OVER_EDGE in over:
        found[OVER_EDGE] = _over(found[""], measured(edges(images, grid)))
    return found


def _over(own: Values, null: Values) -> Values:
    """The difference, with the status of whichever is undefined."""
    of_null = np.char.add("null: ", null.status)
    status = np.where(own.status != "ok", own.status, np.where(null.status != "ok", of_null, "ok"))
    return Values(own.values - null.values, status)


def _relative(metric: Metric, suffix: str) -> Metric:
    """The declaration of a metric relative to a null."""
    which = suffix.removeprefix("-over-")
    width = metric.high - metric.low

    def function(
        predict: Predict,
        images: Array,
        maps: Array,
        targets: Array,
        *,
        rng: np.random.Generator,
        shared: Shared = alone,
    ) -> Values:
        def own(compute: Callable[[], Values]) -> Values:
            found: Values = shared(metric.name, lambda: {"": compute()})[""]  # as evaluate keeps it
            return found

        return relative_to_nulls(
            metric.function, predict, images, maps, targets, rng=rng, over=[suffix], own=own
        )[suffix]

    return replace(
        metric,
        name=metric.name + suffix,
        function=function,
        title=f"{metric.title}, over {which} maps",
        formula=f"{metric.name} of the map - {metric.name} of {which} maps on the same network",
        low=-width,
        high=width,
        null=0.0,
        misleads=f"A difference of two noisy values. {metric.misleads}",
        cost=f"{metric.cost}, and as many for the {which} map",
    )


#: The metrics of all modules, as they are.
FAITHFULNESS: tuple[Metric, ...] = (
    *INSERTION_DELETION, *FLIPPING, *ROAD, *AVERAGE_DROP, *IROF, *INFIDELITY
)  # fmt: skip

#: The metrics of all modules, each also relative to both nulls, if it needs no method to make maps.
DECLARED: tuple[Metric, ...] = tuple(
    declared
    for metric in FAITHFULNESS
    for declared in (
        metric,
        *(_relative(metric, s) for s in (OVER_RANDOM, OVER_EDGE) if "method" not in metric.needs),
    )
)
