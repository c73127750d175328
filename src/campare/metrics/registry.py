"""Every metric by its name in the table, merged from the modules that declare them.

`METRICS` is the one list that measuring, statistics, report and command line read.
"""

import copyreg
import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from campare.data.samples import REGIONS
from campare.errors import CampareError
from campare.metrics import boxes, classification, faithfulness, localization, mosaic, shortcut
from campare.metrics import concentration as focus
from campare.metrics.metric import Metric
from campare.metrics.robustness import dose_response, sensitivity, stability
from campare.metrics.sanity import controls as sanity
from campare.metrics.sanity import mprt
from campare.metrics.values import Values
from campare.optional import load_object, name_and_parameters

__all__ = ["METRICS", "SETS", "Metric", "choose", "declared", "find", "list_metrics"]

_MODULES = (
    *(localization, boxes, focus, mosaic, classification, faithfulness),
    *(dose_response, sensitivity, stability, mprt, sanity, shortcut),
)

#: Every metric by its name in the table.
METRICS: Mapping[str, Metric] = {
    metric.name: metric for module in _MODULES for metric in module.DECLARED
}


def _reduced(metric: Metric) -> Any:
    """How a metric travels to another process: one of campare's by its name."""
    if METRICS.get(metric.name) is metric:
        return declared, (metric.name,)
    return object.__reduce_ex__(metric, 2)


copyreg.pickle(Metric, _reduced)

#: Sets of metrics, wanted by name as metrics are.
SETS = ("default", "all")


def declared(name: str) -> Metric:
    """The metric of a name, with or without the suffix `@matched`.

    Raises CampareError for a name that is not in METRICS.

    Example:
        >>> declared("energy@matched").title
        'Energy in the object'
    """
    base = name.partition("@")[0]
    if base not in METRICS:
        near = get_close_matches(base, METRICS, n=1) or ["campare list metrics"]
        raise CampareError(f"Expected the name of a metric, got {name!r}. Try {near[0]!r}.")
    return METRICS[base]


def find(name: str) -> Metric | None:
    """The metric of exactly this name, also of a region of the data's own, or a user's; else None.

    Example:
        >>> find("watermark-energy").title, find("energy@null")
        ('Energy on the watermark', None)
    """
    if name in METRICS:
        return METRICS[name]
    if name in _OWN:
        return _OWN[name]
    if "@" in name:  # a condition of a metric is none itself
        return None
    own = shortcut.region_metrics(name.rpartition("-")[0])
    return next((metric for metric in own if metric.name == name), None)


def resolve(metric: Metric | str) -> Metric:
    """A metric as it is, by its name, or one of your own as `my_module:my_metric`.

    A name may have parameters: 'top-intersection(share=0.1)'. What `my_metric` names is a Metric,
    or a function whose parameters say what it needs. It is remembered by its name, for statistics
    and report.

    Raises:
        CampareError: there is none of that name, or it bears the name of another one.

    Example:
        >>> resolve("top-intersection(share=0.1)").name
        'top-intersection(share=0.1)'
    """
    if isinstance(metric, Metric):
        return _remembered(metric)
    if metric in METRICS or metric in _OWN:
        return METRICS.get(metric) or _OWN[metric]
    name, parameters = name_and_parameters(metric)
    if parameters:
        return _remembered(resolve(name)(**parameters))
    if ":" not in metric:
        return declared(metric)
    loaded = load_object(metric)
    if callable(loaded) and not isinstance(loaded, Metric):
        loaded = Metric(name=getattr(loaded, "__name__", ""), function=loaded)
    if not isinstance(loaded, Metric):
        raise CampareError(
            f"Expected a Metric or a function at {metric!r}, got {type(loaded).__name__}. "
            "Try: campare.metrics.Metric(name='my-metric', function=function)"
        )
    return _remembered(loaded)


def remember(facts: Mapping[str, Any]) -> None:
    """What a run recorded of a metric of the user's own, so that its rows can be read.

    Example:
        >>> remember({"name": "recorded", "title": "As recorded", "higher_is_better": True})
        >>> find("recorded").title
        'As recorded'
    """
    if find(str(facts["name"])) is None:
        _OWN[str(facts["name"])] = Metric(**facts, function=_not_at_hand)


def recorded(metrics: Iterable[Metric]) -> dict[str, dict[str, Any]]:
    """What a run records of the user's own among its metrics.

    Example:
        >>> recorded([METRICS["iou"]])
        {}
    """
    kept = ("name", "title", "formula", "misleads", "paper", "cost", "region", "resolution")
    return {
        metric.name: {
            **{key: getattr(metric, key) for key in kept},
            "higher_is_better": metric.higher_is_better,
            **{key: x for key in ("low", "high") if math.isfinite(x := getattr(metric, key))},
        }
        for metric in metrics
        if metric.name in _OWN
    }


def _not_at_hand() -> Values:
    """Stands for the function of a metric that only a run knows of."""
    raise CampareError(
        "Expected a metric whose function is at hand, got one that an earlier run recorded. "
        "Try: --metrics my_module:my_metric"
    )


#: Metrics of the user's own by name, as far as this process knows them.
_OWN: dict[str, Metric] = {}


def _remembered(metric: Metric) -> Metric:
    known = METRICS.get(metric.name)
    if known is not None and known != metric:
        raise CampareError(
            f"Expected another name for a metric of your own, got {metric.name!r}, which campare "
            f"has. Try: Metric(name='my-{metric.name}', ...)"
        )
    if known is None:
        _OWN[metric.name] = metric
    return metric


def choose(
    names: str | Metric | Sequence[str | Metric] | None = None, regions: Iterable[str] = ()
) -> tuple[Metric, ...]:
    """Metrics in the order of METRICS: names, among them 'default' (None: this) and 'all', values.

    Where `regions` has objects of other classes, what compares them is among the default ones.
    After all these come those of `shortcut.region_metrics` for `regions` of the data that have a
    name of their own, such as 'watermark', and those of the user's own. Raises CampareError for a
    name that is in neither.

    Example:
        >>> [metric.name for metric in choose(["lift", "energy"])]
        ['energy', 'lift']
        >>> len(choose(["default", "deletion"])) - len(choose())
        1
        >>> [metric.name for metric in choose(["watermark-drop"], ["object", "watermark"])]
        ['watermark-drop']
    """
    regions = tuple(regions)
    known, several = {**METRICS, **_of_own_regions(regions)}, "other" in regions
    given = as_list(names)
    wanted: dict[str, Metric] = {}
    for each in given:
        base = each.partition("@")[0] if isinstance(each, str) else ""
        if base in SETS:
            continue
        metric = known[base] if base in known else resolve(base or each)
        wanted[metric.name] = metric
    listed = tuple(
        metric
        for name, metric in known.items()
        if name in wanted
        or "all" in given
        or ("default" in given and (metric.default or (several and metric.is_of_classes)))
    )
    return listed + tuple(metric for name, metric in wanted.items() if name not in known)


def as_list(names: str | Metric | Sequence[str | Metric] | None) -> list[str | Metric]:
    """Names of metrics and sets as a list; None: the default ones.

    Example:
        >>> as_list(None), as_list("all"), as_list(("lift", "gini"))
        (['default'], ['all'], ['lift', 'gini'])
    """
    if names is None:
        return ["default"]
    if not isinstance(names, str | Metric | Iterable):
        raise CampareError(f"Expected metrics by name, got {names!r}. Try: metrics=['energy']")
    return [names] if isinstance(names, (str, Metric)) else list(names)


def _of_own_regions(regions: Iterable[str]) -> dict[str, Metric]:
    """The metrics of regions that no declaration knows."""
    named = {metric.region for metric in METRICS.values()} | set(REGIONS)
    own = [region for region in regions if region not in named]
    return {metric.name: metric for region in own for metric in shortcut.region_metrics(region)}


def list_metrics(names: Sequence[str] | None = None) -> list[dict[str, str]]:
    """The declarations as rows of text for a table, all or those of `names`.

    Columns: metric, title, needs, range, null, better, formula, misleads, cost, gameable, paper.

    Example:
        >>> row = list_metrics(["lift"])[0]
        >>> row["range"], row["null"], row["better"]
        ('0 to inf', '1', 'higher')
    """
    chosen = METRICS.values() if names is None else [declared(name) for name in names]
    return [_row(metric) for metric in chosen]


def _row(metric: Metric) -> dict[str, str]:
    """One declaration as text."""
    needs = [f"mask: {metric.region}" if need == "mask" else need for need in metric.needs]
    better = {True: "higher", False: "lower", None: "neither"}
    null = metric.null if isinstance(metric.null, str) else f"{metric.null:g}"
    return {
        "metric": metric.name,
        "title": metric.title,
        "needs": ", ".join(sorted(needs)) or "map",
        "range": f"{metric.low:g} to {metric.high:g}",
        "null": null,
        "better": better[metric.higher_is_better],
        "formula": metric.formula,
        "misleads": metric.misleads,
        "cost": metric.cost,
        "gameable": metric.gameable or "no",
        "paper": metric.paper,
    }
