"""One model of an audit: map the images, measure the maps, ask the model again -> rows.

subject, scene -> Seen -> rows of maps and nulls, of probes, of faithfulness
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from campare.experiments.rows import NULLS, Base, Seen, classifier_rows, map_rows, null_rows, see
from campare.experiments.scene import Scene
from campare.experiments.selection import ALWAYS
from campare.experiments.subject import Subject
from campare.metrics import choose
from campare.metrics.classification import correct, learned, predicted
from campare.metrics.evaluate import measure_network
from campare.metrics.probes import measure_probes
from campare.stats.ranking import CLASSIFIER
from campare.types import Array, Classifier, Floats, Ints

if TYPE_CHECKING:
    import polars as pl

    from campare.data import Images


@dataclass(frozen=True, eq=False)
class Terms:
    """What is the same for all models of an audit."""

    methods: tuple[str, ...]
    target: str  # 'label' or 'prediction'
    split: str
    seed: int


class Examined(NamedTuple):
    """What an audit finds of one model."""

    table: "pl.DataFrame"
    maps: dict[str, Floats]  # method -> (N, h, w)
    facts: dict[str, Any]


def examine(subject: Subject, scene: Scene, terms: Terms, stage: Callable[[str], None]) -> Examined:
    """Measure one model on a scene of its own size; `stage` is told what comes next."""
    import polars as pl

    started = time.perf_counter()
    base = Base(recipe=subject.name, seed=0, split=terms.split)
    stage("maps")
    seen = _see(subject, scene, terms)
    own = _as_named(scene, subject)
    stage("metrics")
    tables = [
        *([classifier_rows(own, seen, base)] if subject.outputs.known else []),
        *map_rows(own, seen, base, layer=subject.layer),
        null_rows(scene, seen, base, layer=subject.layer, names=subject.outputs.names),
        *asked_again(subject, own, seen, terms, base, stage),
    ]
    table = _tidy(pl.concat(tables), scene, terms)
    facts = {
        "measure_seconds": time.perf_counter() - started,
        "layer": subject.layer,
        "grid": list(seen.grid),
        "score": f"logits ({subject.classifier.bypassed} bypassed)"
        if subject.classifier.bypassed
        else "logits",
        **(_judged(seen.logits, scene.images.labels) if subject.outputs.known else {}),
    }
    return Examined(table, seen.maps, facts)


def _see(subject: Subject, scene: Scene, terms: Terms) -> Seen:
    def explain(images: Array, targets: Ints | None) -> tuple[Floats, dict[str, Floats]]:
        return subject.observe(images, targets, terms.methods)

    if terms.target == "label":
        return see(explain, scene, scene.images.labels)
    logits, maps = explain(scene.images.images, None)
    return Seen(logits, maps, predicted(logits), [])


def _as_named(scene: Scene, subject: Subject) -> Scene:
    """The scene with a name for each output; labels that mean no output become the first one."""
    own = scene.named(subject.outputs.names)
    if subject.outputs.known:
        return own
    return replace(own, images=replace(own.images, labels=np.zeros_like(own.images.labels)))


def asked_again(
    subject: Subject,
    scene: Scene,
    seen: Seen,
    terms: Terms,
    base: Base,
    stage: Callable[[str], None],
) -> "Iterator[pl.DataFrame]":
    """Rows of what asks the model again. Each kind draws anew, so that models draw alike."""
    chosen = choose(scene.metrics or (), scene.images.regions)
    model = [m for m in chosen if "model" in m.needs and m.name not in ALWAYS]
    faithful = tuple(m.name for m in model if "target" in m.needs)
    weights = tuple(m.name for m in model if "weights" in m.needs)
    drops = tuple(m.name for m in model if "mask" in m.needs)
    probes = tuple(
        m.name for m in model if "method" in m.needs and m.name not in (*faithful, *weights)
    )
    network = cast("Classifier", subject)  # asked for layers, predict and randomized alone

    def settings(**more: Any) -> dict[str, Any]:
        rng = np.random.default_rng(terms.seed)
        common = {"predictions": predicted(seen.logits), "targets": seen.targets, "rng": rng}
        return {**base, **common, **more}

    def probed(explain: Any, images: "Images", **more: Any) -> "pl.DataFrame":
        return measure_probes(explain, subject.predict, images, **settings(**more))

    if drops:
        stage("probes")
        nobody = subject.explain(terms.methods[0])  # a drop asks for no map
        yield probed(nobody, scene.images, method=CLASSIFIER, layer=CLASSIFIER, metrics=drops)
    for method, maps in seen.maps.items():
        of_method = {"method": method, "layer": subject.layer}
        explain = subject.explain(method)
        bare = replace(scene.images, regions={})
        if probes:
            stage("probes")
            yield probed(explain, bare, **of_method, metrics=probes, matched=scene.matched)
        if weights:
            stage("probes")
            yield probed(explain, bare, **of_method, metrics=weights, classifier=network)
        if faithful:
            stage("faithfulness")
            yield measure_network(
                subject.predict,
                maps,
                scene.images,
                **settings(**of_method, metrics=faithful, explain=explain),
            )


def _tidy(table: "pl.DataFrame", scene: Scene, terms: Terms) -> "pl.DataFrame":
    """Rows of the metrics chosen alone, with labels of the data and the nulls' targets."""
    import polars as pl

    names = scene.images.class_names
    labels = {n: names[i] for n, i in zip(scene.images.names, scene.images.labels, strict=True)}
    for each in scene.mosaics:
        labels |= {n: names[i] for n, i in zip(each.names, each.targets, strict=True)}
    table = table.filter(
        pl.col("metric").str.split("@").list.first().is_in(scene.metrics or ())
    ).with_columns(pl.col("image").replace_strict(labels, return_dtype=pl.String).alias("label"))
    if terms.target == "label":
        return table
    null = pl.col("method").is_in(NULLS)
    return table.with_columns(
        pl.when(null).then(pl.col("prediction")).otherwise(pl.col("target")).alias("target")
    )


def _judged(logits: Floats, labels: Ints) -> dict[str, Any]:
    """Accuracy, and whether it is better than that of the commonest class, if there are several."""
    hits = correct(logits, labels).values  # NaN where the logits are
    accuracy = {"accuracy": float(hits.mean())}
    if len(np.unique(labels)) < 2:
        return accuracy
    better = bool(np.isfinite(hits).all()) and learned(labels, predicted(logits))
    return accuracy | {"learned": better}
