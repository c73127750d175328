"""Self-tests of the measures: known maps must come out in the order that each declaration promises.

A measure that ranks Fake-CAM, a map that knows nothing, above an honest Grad-CAM is gameable and
has to be declared so. `campare list metrics --verify` shows the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from campare.attribution.maps import resize
from campare.metrics.evaluate import Context, evaluate_metric
from campare.metrics.metric import Explain, Metric, Predict
from campare.metrics.registry import choose
from campare.metrics.selftest.scene import Scene, explainers, predict, predict_untrained, scene
from campare.metrics.values import Values

#: What a metric can need here; others need weights or several networks.
_ANSWERABLE = {"mask", "other-mask", "image", "model", "target", "method"}

#: Images for the measures that ask a network, and for those that do not.
_FEW, _MANY = 10, 100

#: By what share of the distance from the perfect to the inverted map Fake-CAM has to be ahead.
_MARGIN = 0.05


def verify(names: str | Sequence[str] = "all", *, seed: int = 0) -> list[dict[str, str]]:
    """Measure every known map by every metric of `names`, and compare with what is promised.

    Columns: metric; verdict: 'kept', 'broken' or 'no promise'; promised: the maps in descending
    order of the value; gameable: whether Fake-CAM beat the honest map, '-' where neither direction
    is better; then the mean of every map, '-' where it is undefined. It is 'broken' where neighbors
    of the promised order are not apart by their mean, where a network without training tells the
    perfect from a random map, or where a gameable measure is not declared so. Raises CampareError
    for an unknown metric.

    Example:
        >>> row = verify("energy")[0]
        >>> row["verdict"], row["promised"], row["perfect"]
        ('kept', 'perfect > random > inverted', '1.00')
    """
    rng = np.random.default_rng(seed)
    few, many = (scene(count, rng) for count in (_FEW, _MANY))
    maps = explainers(rng)
    return [
        _row(metric, few if "model" in metric.needs else many, maps, seed)
        for metric in choose(names)
    ]


def _row(metric: Metric, drawn: Scene, maps: Mapping[str, Explain], seed: int) -> dict[str, str]:
    """One metric as text."""
    means: dict[str, float] = {}
    verdict, gameable = "no promise", None
    if metric.order and metric.needs <= _ANSWERABLE:
        means = {name: _mean(metric, drawn, explain, seed) for name, explain in maps.items()}
        gameable = _gameable(metric, means)
        kept = (
            all(means[a] > means[b] for a, b in pairwise(metric.order))
            and (metric.gameable is not None or not gameable)
            and _blind_without_training(metric, drawn, maps, means, seed)
        )
        verdict = "kept" if kept else "broken"
    return {
        "metric": metric.name,
        "verdict": verdict,
        "promised": " > ".join(metric.order) or "-",
        "gameable": {True: "yes", False: "no", None: "-"}[gameable],
        **{name: _text(means.get(name, np.nan)) for name in maps},
    }


def _mean(
    metric: Metric, drawn: Scene, explain: Explain, seed: int, network: Predict = predict
) -> float:
    """Mean over the images where it is defined, NaN where it nowhere is."""
    values = _measured(metric, drawn, explain, seed, network).values
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else np.nan


def _measured(
    metric: Metric, drawn: Scene, explain: Explain, seed: int, network: Predict
) -> Values:
    """The metric of the maps that `explain` makes, with the arguments that it needs."""
    context = Context(
        images=drawn.images,
        regions={metric.region or "": drawn.own, "other": drawn.other},
        targets=drawn.targets,
        predict=network,
        explain=explain,
        rng=np.random.default_rng(seed),
    )
    if metric.stage != "probes":  # they ask for maps themselves
        maps = np.asarray(explain(drawn.images, drawn.targets), np.float32)
        context = replace(context, maps=maps)
        if metric.stage == "maps":
            context = replace(context, enlarged=resize(maps, drawn.own.shape[1:]))
    return evaluate_metric(replace(metric, conditions=None), context)[""]


def _gameable(metric: Metric, means: Mapping[str, float]) -> bool | None:
    """Whether Fake-CAM beats the honest map; None where neither direction is better.

    Nor is it on a cue: there a low value speaks for the network, not for the map.
    """
    if metric.higher_is_better is None or metric.region == "cue":
        return None
    ahead = means["fake-cam"] - means["grad-cam"]
    scale = abs(means["perfect"] - means["inverted"])
    return bool((ahead if metric.higher_is_better else -ahead) > _MARGIN * scale)


def _blind_without_training(
    metric: Metric, drawn: Scene, maps: Mapping[str, Explain], means: Mapping[str, float], seed: int
) -> bool:
    """Whether nothing is found where there is nothing to find, of what tells perfect from random.

    A network with random weights must not tell them apart by more than a quarter; without a
    network, its map must lie nearer to the random one than to the perfect one.
    """
    if not {"perfect", "random"} <= set(metric.order) or not metric.needs & {"mask", "model"}:
        return True
    apart = abs(means["perfect"] - means["random"])
    if {"model", "target"} <= metric.needs:
        perfect, random = (
            _mean(metric, drawn, maps[name], seed, predict_untrained)
            for name in ("perfect", "random")
        )
        return abs(perfect - random) < apart / 4
    return not abs(means["untrained"] - means["random"]) > apart / 2


def _text(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"
