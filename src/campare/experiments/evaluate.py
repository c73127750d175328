"""One trained model on the inputs of a run -> rows of the table, in a study and in an audit alike.

evaluated model, inputs -> outputs (logits and maps) -> rows of the classifier, of its maps, of the
controls beside them, and of the metrics that query the model again

Images, maps and rows of many images lie in files (`data.stored`, `spool`): memory does not grow.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, cast

import numpy as np

from campare.attribution.baselines import BASELINES
from campare.attribution.method import Method
from campare.data import Images
from campare.data.stored import filled, parts
from campare.experiments.conventions import fitting, in_doubt
from campare.experiments.evaluated import Evaluated
from campare.experiments.inputs import DISCRIMINATION, Grids, Inputs
from campare.experiments.progress import STAGES
from campare.experiments.spool import Spool
from campare.metrics.classification import correct, learned
from campare.metrics.evaluate import (
    measure_maps,
    measure_mosaics,
    measure_predictions,
    measure_queries,
)
from campare.metrics.metric import Stage
from campare.runs.kept import kept
from campare.runs.run import Cell, Run
from campare.stats.ranking import CLASSIFIER
from campare.types import SCORE_COLUMNS, Array, Classifier, Floats, Ints

if TYPE_CHECKING:
    import polars as pl


#: Maps that look at no model, in the table beside every model: `centre` for all methods whose maps
#: have the layer's grid, `guided-grad-cam:centre` for one whose maps have another resolution.
CONTROLS = ("uniform", "centre", "edge")
#: What the maps of the same network before training are called: `grad-cam:untrained`.
UNTRAINED = "untrained"

_TOGETHER = 1024  # images that are read together

#: Is told the stage of a cell (`maps`, `metrics`), a training step, or how far a stage is.
Report = Callable[[Any], None]


@dataclass(frozen=True, eq=False)
class Terms:
    """What is the same for all cells of a run."""

    methods: tuple[Method, ...]
    target: str  # 'label' or 'prediction'
    split: str
    seed: int  # of all that the metrics draw; each cell draws alike


class Base(TypedDict):
    """Columns that all rows of a cell share."""

    recipe: str
    seed: int
    split: str


class Columns(NamedTuple):
    """What else the rows of some maps say of them, and the resolution that they are pooled to."""

    base: Base
    method: str
    layer: str
    matched: tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class Outputs:
    """Logits and maps of one model on the images and on the mosaics."""

    logits: Floats  # (N, K)
    maps: dict[str, Floats]  # method -> (N, h, w)
    targets: Ints  # (N,) the class that each map explains
    mosaics: list[tuple[Floats, dict[str, Floats]]]  # logits and maps for each kind of mosaic

    @cached_property
    def predictions(self) -> Ints:
        """(N,) the class of the highest logit of each image."""
        return _predicted(self.logits)

    @property
    def grids(self) -> Grids:
        """The resolution of the maps by each method."""
        return {name: maps.shape[1:] for name, maps in self.maps.items()}


class Evaluation(NamedTuple):
    """What is found of one model."""

    table: Spool
    maps: dict[str, Floats]  # method -> (N, h, w)
    facts: dict[str, Any]

    def write(self, run: Run, cell: Cell) -> None:
        """Keep maps and rows in the run; the rows come last, since they say that it is done.

        Of many images those maps are kept whose pictures are (`runs.kept`).
        """
        most = run.manifest.config.kept
        run.write_maps(cell, {name: _kept(maps, most) for name, maps in self.maps.items()})
        run.write_scores(cell, self.table.lazy())


def _kept(maps: Floats, most: int | None) -> Floats:
    """The maps that a run keeps."""
    which = kept(len(maps), most)
    return maps if len(which) == len(maps) else maps[which]


def evaluate(
    model: Evaluated,
    inputs: Inputs,
    terms: Terms,
    cell: Cell,
    report: Report,
    untrained: Outputs | None = None,
) -> Evaluation:
    """Explain the inputs with one model, measure the maps, and query the model again.

    `untrained` are the outputs of the same network before training, measured as a control. Metrics
    that query the model draw from the same stream in every cell.
    """
    started = time.perf_counter()
    base = Base(recipe=cell.recipe, seed=cell.seed, split=terms.split)
    stages = _Stages(report)
    model = replace(model, progress=stages.count)
    stages.next("maps")
    outputs = outputs_of(model, inputs, terms)
    reasons = _reasons(model, inputs, outputs, terms)
    own = _as_named(inputs, model)
    stages.next("metrics")
    rows = chain(
        _classifier_rows(own, outputs, base) if model.classes.known else (),
        _map_rows(own, outputs, base, layer=model.layer),
        _map_rows(own, untrained, base, layer=model.layer, suffix=f":{UNTRAINED}")
        if untrained
        else (),
        _control_rows(model, inputs, outputs, terms.methods, base),
        _query_rows(model, own, outputs, terms, base, stages.next),
    )
    table, measured = Spool(), set[str]()
    for frame in rows:
        frame = _tidy(frame, inputs, terms, labeled=model.classes.known)
        measured.update(frame["metric"].unique().str.split("@").list.first())
        table.add(_with_reasons(frame, reasons))
    missing = set(inputs.names) - measured
    assert not missing, f"metrics without a row: {', '.join(sorted(missing))}"
    facts = {
        "measure_seconds": time.perf_counter() - started,
        "layer": model.layer,
        "grids": {name: list(grid) for name, grid in outputs.grids.items()},
        "score": f"logits ({model.classifier.bypassed} bypassed)"
        if model.classifier.bypassed
        else "logits",
        **(_judged(outputs.logits, inputs.images) if model.classes.known else {}),
    }
    if untrained is None and "accuracy" in facts and inputs.images.pictures:  # of somebody else
        facts["fits"] = _fits(model, inputs.images, facts)
    return Evaluation(table, outputs.maps, facts)


def _fits(model: Evaluated, images: Images, judged: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pixels that would fit a model better, where its answers are bad."""
    if not in_doubt(judged["accuracy"], bool(judged.get("learned", True)), images.labels):
        return {}
    return fitting(model, images)


def outputs_of(model: Evaluated, inputs: Inputs, terms: Terms) -> Outputs:
    """Logits and maps of every method, from one tap for each image and mosaic."""
    if terms.target != "label":
        logits, maps = model.observe(inputs.images.images, None, terms.methods)
        return Outputs(logits, maps, _predicted(logits), [])
    labels = inputs.images.labels
    logits, maps = model.observe(inputs.images.images, labels, terms.methods)
    mosaics = [model.observe(each.images, each.targets, terms.methods) for each in inputs.mosaics]
    return Outputs(logits, maps, labels, mosaics)


def _predicted(logits: Floats) -> Ints:
    """The output of the highest logit, (N, K) -> (N,); of a single value it is that one."""
    found = np.empty(len(logits), np.int64)
    for part in parts(len(logits), _TOGETHER, logits):
        found[part] = logits[part].argmax(axis=1)
    return found


class _Stages:
    """Reports which stage an evaluation is in, and after how many forward passes."""

    def __init__(self, report: Report) -> None:
        self.report, self.stage, self.passes = report, "", 0

    def next(self, stage: str) -> None:
        """Begin a stage."""
        self.stage = STAGES.get(stage, stage)
        self.count(0)

    def count(self, images: int) -> None:
        """Add forward passes."""
        self.passes += images
        self.report(f"{self.stage}, {self.passes:,} passes")


def _as_named(inputs: Inputs, model: Evaluated) -> Inputs:
    """The inputs with a name for each output; labels that mean no output become the first one."""
    own = inputs.named(model.classes.names)
    if model.classes.known:
        return own
    return replace(own, images=replace(own.images, labels=np.zeros_like(own.images.labels)))


def _classifier_rows(inputs: Inputs, outputs: Outputs, base: Base) -> "Iterator[pl.DataFrame]":
    """Rows of `correct` and `confidence`."""
    return measure_predictions.frames(outputs.logits, inputs.images, **base)


def _map_rows(
    inputs: Inputs, outputs: Outputs, base: Base, *, layer: str, suffix: str = ""
) -> "Iterator[pl.DataFrame]":
    """Rows of the maps of every method, on the images and on the mosaics."""
    for method, maps in outputs.maps.items():
        columns = Columns(base, method + suffix, layer, inputs.matched.get(method))
        yield from _measure(inputs, maps, outputs.predictions, outputs.targets, columns)
    for index, (logits, of_method) in enumerate(outputs.mosaics):
        for method, maps in of_method.items():
            columns = Columns(base, method + suffix, layer, inputs.matched.get(method))
            yield from _measure_mosaics(inputs, index, maps, _predicted(logits), columns)


def _control_rows(
    model: Evaluated, inputs: Inputs, outputs: Outputs, methods: tuple[Method, ...], base: Base
) -> "Iterator[pl.DataFrame]":
    """Rows of the maps that look at no model, at the resolution of those that they stand beside.

    Computed once a resolution; the predictions are the model's.
    """
    import polars as pl

    predictions = _predictions(inputs, outputs, model.classes.names)
    for method, name in _beside(methods):
        grid = outputs.grids[method]
        key = (name, grid)
        if key not in inputs.control_rows:
            columns = Columns(base, name, model.layer, inputs.matched.get(method))
            spool = Spool()
            for frame in _rows_of_controls(inputs, grid, columns):
                spool.add(frame)
            inputs.control_rows[key] = spool
        for frame in inputs.control_rows[key].frames():
            yield (
                frame.drop("prediction")
                .join(predictions, on="image", how="left", maintain_order="left")
                .with_columns(
                    pl.lit(base["recipe"]).alias("recipe"),
                    pl.lit(base["seed"], dtype=pl.Int64).alias("seed"),
                    pl.lit(model.layer).alias("layer"),
                )
                .select(SCORE_COLUMNS)
            )


def _beside(methods: tuple[Method, ...]) -> list[tuple[str, str]]:
    """(method, what stands before the names of its controls): '' for all on the layer's grid.

    Example:
        >>> from campare.attribution.method import METHODS
        >>> _beside((METHODS["grad-cam"], METHODS["fem"], METHODS["guided-grad-cam"]))
        [('grad-cam', ''), ('guided-grad-cam', 'guided-grad-cam:')]
    """
    on_layer = [method.name for method in methods if method.resolution == "layer"]
    finer = [method.name for method in methods if method.resolution != "layer"]
    return [*((name, "") for name in on_layer[:1]), *((name, f"{name}:") for name in finer)]


def _rows_of_controls(
    inputs: Inputs, grid: tuple[int, ...], columns: Columns
) -> "Iterator[pl.DataFrame]":
    labels = inputs.images.labels
    nobody = np.zeros(len(inputs.images), np.int64)  # predictions, replaced by those of each model
    for name in CONTROLS:
        own = columns._replace(method=columns.method + name)
        maps = _control(name, inputs.images.images, grid)
        yield from _measure(inputs, maps, nobody, labels, own)
        for index, each in enumerate(inputs.mosaics):
            maps = _control(name, each.images, grid)
            yield from _measure_mosaics(inputs, index, maps, np.zeros(len(each), np.int64), own)


def _control(name: str, images: Array, grid: tuple[int, ...]) -> Floats:
    """The maps (N, h, w) of a control; none of CONTROLS draws."""
    rng = np.random.default_rng(0)
    found = (
        {name: BASELINES[name](images[part], grid, rng)}
        for part in parts(len(images), _TOGETHER, images)
    )
    return filled(found, len(images))[name]


def _predictions(inputs: Inputs, outputs: Outputs, names: tuple[str, ...]) -> "pl.DataFrame":
    """The predicted class of each image and mosaic: columns image, prediction."""
    pairs = [(inputs.images.names, outputs.predictions)]
    mosaics = zip(inputs.mosaics, outputs.mosaics, strict=True)
    pairs += [(mosaic.names, _predicted(logits)) for mosaic, (logits, _) in mosaics]
    return _of_images("prediction", pairs, names)


def _of_images(
    column: str, pairs: Sequence[tuple[Sequence[str], Ints]], class_names: Sequence[str]
) -> "pl.DataFrame":
    """Columns image and `column`, the classes of the images by name."""
    import polars as pl

    classes = pl.Series(class_names, dtype=pl.String)
    return pl.concat(
        pl.DataFrame(
            {
                "image": pl.Series(images, dtype=pl.String),
                column: classes.gather(indices.astype(np.uint32)),
            }
        )
        for images, indices in pairs
    )


def _measure(
    inputs: Inputs, maps: Floats, predictions: Ints, targets: Ints, columns: Columns
) -> "Iterator[pl.DataFrame]":
    return measure_maps.frames(
        maps,
        inputs.images,
        predictions=predictions,
        targets=targets,
        metrics=inputs.metrics,
        method=columns.method,
        layer=columns.layer,
        matched=columns.matched,
        **columns.base,
    )


def _measure_mosaics(
    inputs: Inputs, index: int, maps: Floats, predictions: Ints, columns: Columns
) -> "Iterator[pl.DataFrame]":
    mosaics = inputs.mosaics[index]
    wanted = DISCRIMINATION in inputs.names and mosaics.kind == "focus"
    return measure_mosaics.frames(
        maps,
        mosaics,
        predictions=predictions,
        objects=inputs.images.regions["object"] if wanted else None,
        method=columns.method,
        layer=columns.layer,
        matched=columns.matched,
        **columns.base,
    )


def _query_rows(
    model: Evaluated,
    inputs: Inputs,
    outputs: Outputs,
    terms: Terms,
    base: Base,
    stage: Callable[[str], None],
) -> "Iterator[pl.DataFrame]":
    """Rows of what queries the model again. Each kind draws anew, so that models draw alike."""
    stages = {metric.stage for metric in inputs.metrics}

    def queried(of: Stage, method: str, layer: str, **more: Any) -> "Iterator[pl.DataFrame]":
        stage("faithfulness" if of == "faithfulness" else "probes")
        return measure_queries.frames(
            of,
            inputs.images,
            method=method,
            layer=layer,
            predict=model.predict,
            predictions=outputs.predictions,
            targets=outputs.targets,
            rng=np.random.default_rng(terms.seed),
            metrics=inputs.metrics,
            **base,
            **more,
        )

    if "drops" in stages:
        yield from queried("drops", CLASSIFIER, CLASSIFIER)
    network = cast("Classifier", model)  # takes pixels and answers in classes of the data
    for method in terms.methods:
        explain = model.explain(method)
        more: dict[Stage, dict[str, Any]] = {
            "probes": {"explain": explain, "matched": inputs.matched.get(method.name)},
            "weights": {"explain": explain, "classifier": network},
            "faithfulness": {"explain": explain, "maps": outputs.maps[method.name]},
        }
        for of, settings in more.items():
            if of in stages:
                yield from queried(of, method.name, model.layer, **settings)


def _tidy(table: "pl.DataFrame", inputs: Inputs, terms: Terms, *, labeled: bool) -> "pl.DataFrame":
    """Rows of the metrics chosen alone, with labels of the data and the controls' targets."""
    import polars as pl

    table = table.filter(pl.col("metric").str.split("@").list.first().is_in(inputs.names))
    if not labeled:  # they were measured with the first output as the label
        pairs = [(inputs.images.names, inputs.images.labels)]
        pairs += [(each.names, each.targets) for each in inputs.mosaics]
        labels = _of_images("label", pairs, inputs.images.class_names)
        table = (
            table.drop("label")
            .join(labels, on="image", how="left", maintain_order="left")
            .select(SCORE_COLUMNS)
        )
    if terms.target == "label":
        return table
    control = pl.col("method").str.split(":").list.last().is_in(CONTROLS)
    return table.with_columns(
        pl.when(control).then(pl.col("prediction")).otherwise(pl.col("target")).alias("target")
    )


def _reasons(model: Evaluated, inputs: Inputs, outputs: Outputs, terms: Terms) -> "pl.DataFrame":
    """Why a map is blank, where that is known: columns method, image (or mosaic), reason."""
    import polars as pl

    targets = outputs.targets if terms.target == "label" else None
    groups = [(inputs.images.names, inputs.images.images, targets, outputs.maps)]
    for each, (_, maps) in zip(inputs.mosaics, outputs.mosaics, strict=False):
        groups.append((each.names, each.images, each.targets, maps))
    found = [
        (method, names[index], reasons[index])
        for names, images, chosen, maps in groups
        for method, reasons in model.reasons(images, chosen, terms.methods, maps).items()
        for index in np.flatnonzero(reasons != "")
    ]
    schema = {"method": pl.String, "image": pl.String, "reason": pl.String}
    return pl.DataFrame(found, schema, orient="row")


def _with_reasons(table: "pl.DataFrame", known: "pl.DataFrame") -> "pl.DataFrame":
    """Rows that say why a map is blank in place of `flat`."""
    import polars as pl

    if not known.height or not (table["status"] == "flat").any():
        return table
    table = table.join(known, on=["method", "image"], how="left", maintain_order="left")
    blank = (pl.col("status") == "flat") & pl.col("reason").is_not_null()
    status = pl.when(blank).then(pl.col("reason")).otherwise(pl.col("status"))
    return table.with_columns(status.alias("status")).drop("reason")


def _judged(logits: Floats, images: Images) -> dict[str, Any]:
    """Accuracy, and whether it is better than that of the commonest class, if there are several."""
    labels = images.labels
    hits = correct(logits, labels).values  # NaN where the logits are
    known = np.isfinite(hits)
    accuracy = {"accuracy": float(hits[known].mean())} if known.any() else {}
    if len(np.unique(labels)) < 2:
        return accuracy
    better = learned(labels, np.where(known, _predicted(logits), -1), groups=images.groups)
    return accuracy | {"learned": better}
