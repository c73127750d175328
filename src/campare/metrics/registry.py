"""Every metric by its name in the table, merged from the modules that declare them.

`METRICS` is the one list that measuring, statistics, report and command line read.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from campare.errors import CampareError
from campare.metrics import boxes, classification, faithfulness, localization, mosaic, shortcut
from campare.metrics import concentration as focus
from campare.metrics.metric import Metric
from campare.metrics.robustness import dose_response, sensitivity, stability
from campare.metrics.sanity import controls as sanity
from campare.metrics.sanity import mprt

__all__ = ["METRICS", "SETS", "Metric", "choose", "declared", "find", "list_metrics"]

_MODULES = (
    *(localization, boxes, focus, mosaic, classification, faithfulness),
    *(dose_response, sensitivity, stability, mprt, sanity, shortcut),
)

#: Every metric by its name in the table.
METRICS: Mapping[str, Metric] = {
    metric.name: metric for module in _MODULES for metric in module.DECLARED
}

#: Sets of metrics, asked for by name as metrics are.
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
    """The metric of exactly this name, also of a region of the data's own; None: unknown.

    Example:
        >>> find("watermark-energy").title, find("energy@null")
        ('Energy on the watermark', None)
    """
    if name in METRICS:
        return METRICS[name]
    own = shortcut.region_metrics(name.rpartition("-")[0])
    return next((metric for metric in own if metric.name == name), None)


def choose(
    names: str | Sequence[str] | None = None, regions: Iterable[str] = ()
) -> tuple[Metric, ...]:
    """Metrics in the order of METRICS: names, among them 'default' (None: this) and 'all'.

    After them come those of `shortcut.region_metrics` for `regions` of the data that have a name of
    their own, such as 'watermark'. Raises CampareError for a name that is in neither.

    Example:
        >>> [metric.name for metric in choose(["lift", "energy"])]
        ['energy', 'lift']
        >>> len(choose(["default", "deletion"])) - len(choose())
        1
        >>> [metric.name for metric in choose(["watermark-drop"], ["object", "watermark"])]
        ['watermark-drop']
    """
    known = {**METRICS, **_of_own_regions(regions)}
    asked = asked_for(names)
    named = [name for name in asked if name not in SETS]
    bases = [name.partition("@")[0] for name in named]
    wanted = {
        base if base in known else declared(name).name
        for name, base in zip(named, bases, strict=True)
    }
    return tuple(
        metric
        for name, metric in known.items()
        if name in wanted or "all" in asked or ("default" in asked and metric.default)
    )


def asked_for(names: str | Sequence[str] | None) -> list[str]:
    """Names of metrics and sets as a list; None: the default ones.

    Example:
        >>> asked_for(None), asked_for("all"), asked_for(("lift", "gini"))
        (['default'], ['all'], ['lift', 'gini'])
    """
    return ["default"] if names is None else [names] if isinstance(names, str) else list(names)


def _of_own_regions(regions: Iterable[str]) -> dict[str, Metric]:
    """The metrics of regions that no declaration knows."""
    named = {metric.region for metric in METRICS.values()}
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
