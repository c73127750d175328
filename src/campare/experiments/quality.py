"""Quality of a model's maps in a few numbers: means of measures over a fixed sample of images.

    sample, measures, methods, model -> one tap for each image -> accuracy, (method, metric) -> mean

What a training is watched with, by a callback or by a study: the same images each time, nothing
but the maps of one pass, and nothing drawn at random.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from campare.attribution.method import Method
from campare.data.samples import Images
from campare.errors import CampareError
from campare.experiments.evaluated import Evaluated
from campare.experiments.selection import Wanted
from campare.metrics import SETS, Metric, choose
from campare.metrics.classification import predicted
from campare.metrics.evaluate import measure_maps
from campare.metrics.registry import as_list
from campare.metrics.shortcut import with_border
from campare.stats.ranking import main_metrics
from campare.types import Ints


class Means(NamedTuple):
    """What is found of one model; NaN where a measure is undefined on every image."""

    accuracy: float
    quality: dict[tuple[str, str], float]  # (method, metric) -> mean over the images


@dataclass(frozen=True, eq=False)
class Quality:
    """Measures of maps on a fixed sample; call it with a model."""

    images: Images
    metrics: tuple[Metric, ...]
    methods: tuple[Method, ...]

    def __call__(self, model: Evaluated) -> Means:
        """Means of the model as it is now, each over the images on which it is defined."""
        labels = self.images.labels
        logits, maps = model.observe(self.images.images, labels, self.methods)
        found = predicted(logits)
        quality = {}
        for method in self.methods:
            rows = measure_maps(
                maps[method.name],
                self.images,
                predictions=labels,  # columns of the table that no mean needs
                targets=labels,
                metrics=self.metrics,
                method=method.name,
                layer=model.layer,
                recipe=model.name,
                seed=0,
                split="",
            )
            means = dict(rows.group_by("metric").agg(pl.col("value").mean()).rows())
            for metric in self.metrics:
                mean = means.get(metric.name)
                quality[method.name, metric.name] = np.nan if mean is None else float(mean)
        return Means(float((found == labels).mean()), quality)


def quality(images: Images, metrics: Wanted, methods: Sequence[Method]) -> Quality:
    """Measures on these images; None: the two that come first among those that can be measured.

    Raises:
        CampareError: a measure that needs more than the maps of these images.

    Example:
        >>> from campare.data import ImageSet
        >>> from campare.attribution.method import METHODS
        >>> drawn = ImageSet.drawn(train=4, test=4, size=32).load("test", 32)
        >>> [metric.name for metric in quality(drawn, None, [METHODS["grad-cam"]]).metrics]
        ['energy', 'pointing-game']
    """
    images = with_border(images)
    regions = [name for name, masks in images.regions.items() if masks.any()]
    return Quality(images, measures(metrics, regions), tuple(methods))


def measures(metrics: Wanted, regions: Iterable[str]) -> tuple[Metric, ...]:
    """The measures that are wanted and need nothing but maps of images with these regions.

    Example:
        >>> [metric.name for metric in measures(None, ())]
        ['entropy', 'area-50']
    """
    regions = tuple(regions)
    wanted: list[str | Metric] = as_list(metrics)
    if metrics is None:
        known = [one.name for one in choose(regions=regions) if _fits(one, regions)]
        wanted = list(main_metrics(known, "", most=2))
    named = [each for each in wanted if each not in SETS]
    for metric in choose(named, regions) if named else ():
        if not _fits(metric, regions):
            lack = f"masks of the {metric.region}" if metric.stage == "maps" else "maps alone"
            raise CampareError(
                f"Expected a measure for which these images and {lack} are enough, got "
                f"{metric.name!r}. Try: metrics=['{_first(regions)}']"
            )
    return tuple(metric for metric in choose(wanted, regions) if _fits(metric, regions))


def _first(regions: Sequence[str]) -> str:
    return next(one.name for one in measures(None, regions))


def _fits(metric: Metric, regions: Sequence[str]) -> bool:
    """Whether maps of images with these regions are all that it needs."""
    wanted = {metric.region} - {None} | ({"other"} if "other-mask" in metric.needs else set())
    return metric.stage == "maps" and wanted <= set(regions)


def sampled(images: Images, count: int, seed: int) -> Images:
    """`count` images, as many of each class as can be; those whose object has a mask, if any has.

    Example:
        >>> from campare.data import ImageSet
        >>> len(sampled(ImageSet.drawn(train=4, test=8, size=32).load("test", 32), 4, seed=0))
        4
    """
    masks = images.regions.get("object")
    masked = () if masks is None else np.flatnonzero(masks.any((1, 2)))
    usable = masked if len(masked) else np.arange(len(images))
    return images.subset(usable[sample(images.labels[usable], count, seed)])


def sample(labels: Ints, count: int, seed: int) -> Ints:
    """Rows of `count` images, as many of each class as can be, drawn from the seed; ascending.

    Shapes: (N,) -> (min(count, N),).

    Example:
        >>> labels = np.array([0] * 8 + [1] * 4)
        >>> np.bincount(labels[sample(labels, 6, seed=0)]).tolist()
        [3, 3]
    """
    rng = np.random.default_rng(seed)
    turn = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        turn[members] = np.arange(len(members))
    order = np.lexsort((rng.permutation(len(labels)), turn))  # among equal turns by lot
    return np.sort(order[:count])
