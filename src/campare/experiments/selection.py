"""Which metrics a study or an audit measures, and why others are left out.

What a metric needs its declaration says. One that is named and cannot be measured is an error; of a
set such as 'default' it is left out, with the reason in words.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from campare.attribution.method import Method, find
from campare.data.imageset import ImageSet
from campare.data.samples import REGIONS, Images
from campare.errors import CampareError, DataError
from campare.metrics import METRICS, SETS, Metric, choose
from campare.metrics.mosaic import KINDS, mosaics
from campare.metrics.registry import as_list
from campare.stats.article import ARTICLE

#: Measured wherever the classes are known: what the report and the reader judge maps by.
ALWAYS = ("correct", "confidence")

#: The set of what the article's claims are about.
CLAIMS = "claims"

#: Sets of recipes whose arms the article's claims compare: its own, and one backbone throughout.
CLAIMED = ("article", "factorial")

#: The region that the masks of another one come from.
_DERIVED_FROM = {"background": "object"}

#: Where masks of a region come from.
_MASKS = {
    "object": "boxes.csv or masks/",
    "parts": "parts/",
    "cue": "cues/",
    "other": "labels of several classes in boxes.csv",
}


#: What mosaics, boxes, segments, colors and rotation are of.
_PICTURES = "pictures (N, H, W, 3) of 0..255"

#: How metrics are wanted: names, sets and values, one or several; None: the default ones.
Wanted = str | Metric | Sequence[str | Metric] | None


def usual_metrics(recipes: object) -> tuple[str, ...]:
    """The sets of metrics of a study that says nothing of them: with claims, where arms have some.

    Example:
        >>> usual_metrics("article"), usual_metrics("mine.yaml")
        (('default', 'claims'), ('default',))
    """
    return ("default", CLAIMS) if recipes in CLAIMED else ("default",)


class Selection(NamedTuple):
    """What is measured, and what is not."""

    metrics: tuple[Metric, ...]
    left_out: Mapping[str, str]  # metric -> what it lacks

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics that are measured."""
        return tuple(metric.name for metric in self.metrics)

    def words(self) -> list[str]:
        """A line for each thing that is lacking, with the metrics that it keeps out.

        Example:
            >>> Selection((), {"iou": "masks of the object"}).words()
            ['Left out for want of masks of the object: iou']
        """
        return [
            f"Left out for want of {lack}: "
            + ", ".join(name for name, other in self.left_out.items() if other == lack)
            for lack in dict.fromkeys(self.left_out.values())
        ]


def select(
    metrics: Wanted,
    regions: Sequence[str],
    no_mosaics: Mapping[str, str],
    *,
    known: bool,
    pictures: bool = True,
    scored: bool = False,
) -> Selection:
    """Which of the metrics that are wanted can be measured on data with these `regions`.

    `metrics` are values, names of metrics and of sets: default, all, claims. `no_mosaics` says for
    a metric of mosaics why there are none; `known`, whether every model's outputs are matched with
    the data's classes; `pictures`, whether the data are some, and no arrays of another kind;
    `scored`, whether maps explain a score such as 'region:cat' and no class.

    Raises:
        CampareError: an unknown metric, or one that is named and lacks something.

    Example:
        >>> select(["gini"], (), {}, known=True).names
        ('correct', 'confidence', 'gini')
    """
    wanted = as_list(metrics)
    chosen = choose([*_claimed(wanted), *(name for name in wanted if name != CLAIMS)], regions)
    if not chosen:
        raise CampareError("Expected metrics, got none. Try: metrics='default'")
    lacking = {
        metric.name: (_needs_class(metric) if scored else None)
        or _lacks(metric, regions, no_mosaics, known, pictures)
        for metric in chosen
    }
    left_out = {name: lack for name, lack in lacking.items() if lack}
    named = choose([name for name in wanted if name not in (*SETS, CLAIMS)], regions)
    for name in (metric.name for metric in named if metric.name in left_out):
        what, advice = left_out[name]
        raise CampareError(f"Expected {what} for {name!r}, got none. Try: {advice}")
    kept = [metric for metric in chosen if metric.name not in left_out]
    names = {metric.name for metric in kept}
    always = [METRICS[name] for name in ALWAYS if known and name not in names]
    return Selection((*always, *kept), {name: what for name, (what, _) in left_out.items()})


def _claimed(wanted: Sequence[str | Metric]) -> list[str]:
    """What the article's claims are about, if `claims` are wanted."""
    outcomes = [outcome for claim in ARTICLE for outcome in claim.outcomes]
    measures = [name.partition("@")[0] for one in outcomes for name in one.measures]
    return list(dict.fromkeys(measures)) if CLAIMS in wanted else []


def is_default(metrics: Wanted) -> bool:
    """Whether the default metrics are wanted, and nothing else.

    Example:
        >>> is_default(None), is_default(["default"]), is_default(["default", "iou"])
        (True, True, False)
    """
    return as_list(metrics) == ["default"]


def methods_of(methods: str | Method | Sequence[str | Method]) -> tuple[Method, ...]:
    """The methods that are wanted, each once.

    Raises:
        CampareError: an unknown one, none, or a map that looks at no model.

    Example:
        >>> [method.name for method in methods_of(["grad-cam", "score-cam(channels=8)"])]
        ['grad-cam', 'score-cam(channels=8)']
    """
    if not isinstance(methods, str | Method | Iterable):
        raise CampareError(f"Expected methods by name, got {methods!r}. Try: methods=['grad-cam']")
    several = [methods] if isinstance(methods, (str, Method)) else list(methods)
    found = {each.name: each for each in map(find, several or [""])}
    for name, method in found.items():
        if method.kind == "baseline":
            raise CampareError(
                f"Expected methods that look at a model, got {name!r}, a control that every run "
                "has in its table. Try: methods=['grad-cam']"
            )
    return tuple(found.values())


#: Why there are no mosaics, and what to try.
_LABEL, _SQUARE = "target='label', whose class the cells show", "models that all take square images"
_INSTEAD = {
    _LABEL: "other metrics, or target='label' (--target label)",
    _SQUARE: "other metrics, or models with as many rows as columns",
}


def without_mosaics(
    images: ImageSet, sizes: Sequence[tuple[int, ...]], target: str
) -> dict[str, str]:
    """Metric of mosaics -> why it cannot be measured; empty where all can.

    Example:
        >>> without_mosaics(ImageSet.drawn(train=4, test=8, size=16), [(16, 16)], "label")
        {}
    """
    names = [metric for metric, _ in KINDS.values()]
    if images.arrays is not None:
        return dict.fromkeys(names, f"{_PICTURES}, of which mosaics are made")
    if target != "label":
        return dict.fromkeys(names, _LABEL)
    if any(len(set(sides)) > 1 for sides in sizes):
        return dict.fromkeys(names, _SQUARE)
    several = images.inventory.with_mask("other")  # photos that show several classes
    alone = [sample for sample in images.of("test") if sample.image not in several]
    labels = np.array([sample.label for sample in alone], np.int64)
    none = np.zeros((len(labels), 2, 2, 3), np.uint8)
    blank = Images(none, labels, ("",) * len(labels), {}, images.class_names)
    lacking = {}
    for kind, (metric, shown) in KINDS.items():
        try:
            mosaics(blank, count=1, seed=0, kind=kind)
        except DataError:
            kind_of = " that show one class" if several else ""
            lacking[metric] = (
                f"a class with {shown} images{kind_of} beside {4 - shown} of others{kind_of}"
            )
    return lacking


def _needs_class(metric: Metric) -> tuple[str, str] | None:
    """What a metric lacks where maps explain a score: a class's probability, or another class."""
    reads = metric.stage in ("faithfulness", "drops") and metric.name in METRICS
    of_logits = metric.name.partition("-over-")[0] in ("pixel-flipping", "infidelity")
    if (reads and not of_logits) or metric.name == "random-logit":
        return "a class and its probability, which a score is not", "pixel-flipping in its place"
    return None


def _lacks(
    metric: Metric,
    regions: Sequence[str],
    no_mosaics: Mapping[str, str],
    known: bool,
    pictures: bool,
) -> tuple[str, str] | None:
    """What the metric needs and does not have, and what to try; None: it has all."""
    region = _DERIVED_FROM.get(metric.region or "", metric.region)
    if metric.name in ALWAYS and not known:
        return "outputs matched with the classes of the data", "classes={...} (--classes)"
    if metric.pictures and not pictures:
        return _PICTURES, "other metrics: 'all' leaves out what is of pictures alone"
    if "networks" in metric.needs:
        seeds = "campare.metrics.robustness.stability.seed_consistency(maps of several seeds)"
        return "maps of several networks", seeds
    if region == "cells":
        kind = metric.name if metric.name in no_mosaics else "focus"
        if kind in no_mosaics:
            why = no_mosaics[kind]
            return why, _INSTEAD.get(why, "other metrics, or more images of each class")
        region = "object" if "other-mask" in metric.needs else None
    wanted = [region, "other"] if metric.is_of_classes else [region]
    for name in wanted:
        if name in REGIONS and name not in regions:
            what = "objects of other classes" if name == "other" else f"masks of the {name}"
            return what, f"{_MASKS[name]} beside the images, or other metrics"
    return None
