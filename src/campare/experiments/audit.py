"""audit(): models that were trained elsewhere, measured on the same images -> the table.

    check (arms, classes, layers, metrics) -> each model: maps, rows -> Scores, run directory

A model is a replicate of its arm. Of arms with several, differences speak of the ways in which they
were trained, as those of a study do; of one model each, they speak of these models.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from campare.arguments import checked
from campare.attribution.method import Method
from campare.data import Images, ImageSet
from campare.data.groups import By
from campare.data.samples import SPLITS, Sample
from campare.errors import DataError, RunError, TargetError
from campare.experiments.arms import Arm, trained
from campare.experiments.cells import ERROR, all_failed, attempted, warn_of_failures
from campare.experiments.cost import Cost, cost_of_audit
from campare.experiments.engines import engine as find_engine
from campare.experiments.engines.protocol import FAILED, Engine
from campare.experiments.evaluate import Evaluation, Report, Terms, evaluate
from campare.experiments.evaluated import Evaluated, of_model
from campare.experiments.inputs import (
    Grids,
    Inputs,
    InputsBySize,
    View,
    coarsest,
    image_set,
    regions_of_test,
    say_inventory,
)
from campare.experiments.manifest import audit_settings, facts_of, measured, open_audit
from campare.experiments.numbers import require_whole
from campare.experiments.opened import Models, require_readable
from campare.experiments.progress import Live
from campare.experiments.selection import Selection, Wanted, methods_of, select, without_mosaics
from campare.experiments.session import carry_out, keeps_images, out_of, say_mended
from campare.experiments.sharing import Share, numbered
from campare.metrics.mosaic import shown_by
from campare.models.preprocessing import preprocessing
from campare.runs.failures import cause_of
from campare.runs.kept import Keep, kept, number_of
from campare.runs.manifest import CellRecord
from campare.runs.run import MANIFEST, Cell, Run
from campare.stats.table import Scores
from campare.targets import named
from campare.trackers.log import tracker_of
from campare.trackers.protocol import Tracker

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

#: What maps may explain: the class of the data, or what each model predicts.
TARGETS = ("label", "prediction")


@checked("seed")
def audit(
    models: Any,
    data: Any,
    *,
    metrics: Wanted = None,
    methods: str | Method | Sequence[str | Method] = ("grad-cam",),
    layer: Any = None,
    layer_grid: Any = None,
    output: Any = None,
    task: Any = None,
    size: int | None = None,
    pixels: Any = None,
    classes: Mapping[str, Any] | None = None,
    target: str = "label",
    split: str | None = None,
    group: By | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    engine: str = "local",
    loader: Any = None,
    trust: bool = False,
    prompts: Any = None,
    strict: bool = False,
    skip_failed: bool = False,
    cells: Share | None = None,
    keep_maps: Keep | None = None,
    log: str | Tracker | None = None,
    console: "Console | None" = None,
) -> Scores:
    """Measure models that are trained already, all on the same images.

    Args:
        models: {"name": model}, or {"name": [model, ...]} with the replicates of an arm; one or
            several models, each an arm by itself; or a YAML file of arms. A model is the path of a
            file ("runs/a-*.keras": all that match) or another line that `campare.load` takes,
            such as "timm:resnet50"; a Keras model, a torch module, a Loaded, a Classifier.
        data: an ImageSet, Images, "drawn", a folder of images, or what `ImageSet.from_data` takes:
            arrays, a data set of torch, tf.data or Hugging Face. Signals, volumes and other arrays
            with their masks as `Images.from_arrays` and `from_nifti` have them.
        metrics: names (`campare list metrics`), sets ('default', 'all', 'claims'), your own as
            `my_module:my_metric`, or values.
        methods: of maps, by name (`campare list methods`) or as values; all from the same passes.
        layer: path of the layer to read, for all models; default: the last spatial one of each.
        layer_grid: how its tokens lie, where that cannot be found: as in `campare.wrap`.
        output: the name or number of one of its outputs, where it has several.
        task: what an output of one unit is, 'binary' or 'regression': as in `campare.wrap`.
        size: pixels a side for models that take any; others get the pictures in their own size.
        pixels: what models take: '0..255', '0..1', '-1..1', 'imagenet', 'caffe', 'clip'; {"mean":
            [...], "std": [...], "crop_pct": 0.875}, as `campare.Preprocessing` has it; or a
            function of float32 images (N, H, W, 3) of 0..255. Default: what a model's source says,
            else pictures stretched to its size, of 0..255.
        classes: which output speaks for which class of the data, by index or name:
            {"apple": 948, "banana": 954}. Default: by name where the model carries names, by order
            where it has as many outputs as there are classes. Several outputs together for a
            class: {"dog": "151..268", "cat": [281, 282]}.
        target: the class that maps explain, the 'label', or each model's 'prediction', which needs
            no outputs that match. Or a score by name: 'value' and '-value' of a regression,
            'region:CLASS' of a segmentation, 'box:CLASS' of a one-stage detector; a class by its
            name or index, or as `classes` says. Arms of a file may say it, all the same.
        split: 'test', 'train' or 'all'. Default: test where there is one, else all.
        group: which images belong together, as patients or videos do: a regular expression of their
            paths, "folder", or {image: group}. Default: groups.csv of a folder.
        out: a run directory for rows, maps and report; None: nothing is written.
        seed: of all that is drawn; the same for each model.
        batch_size: images at a time.
        engine: where models are evaluated: 'local', or 'ray'.
        loader: of files, as of `campare.load`: "my_module:my_function", path -> model.
        trust: run code that files of models hold.
        prompts: of a CLIP model, a text for each class: as of `campare.load`.
        strict: do not go on with a run under other conditions: versions, backend, cores, machine.
        skip_failed: do not try again models that failed before.
        cells: the numbers of the models that this call measures, "0-3,7", where several processes
            share a run directory, as in `campare.study`. Default: all of them.
        keep_maps: of how many images, drawn at random, the run directory keeps pictures and maps,
            which the gallery shows: a number, 'all' or 'none'. Default: 1,000, or what a run that
            goes on has. The table has all images.
        log: where the run is logged when it is done: "mlflow", "tensorboard", "wandb",
            "fiftyone", with a place after a colon, or a tracker; see `campare.log` and
            docs/trackers.md.

    `layer`, `layer_grid`, `output`, `task`, `pixels`, `classes` and `loader` may be
    {arm's name: value}. A model that fails costs itself alone: the others are measured, and a
    warning, or the console, says the cause.

    Raises:
        CampareError: something does not fit; the text says what would. Nothing has been written.
            Or all models failed; without `out` the error of the first is raised as it is.

    Example:
        >>> import keras
        >>> network = keras.Sequential([
        ...     keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> drawn = ImageSet.drawn(train=4, test=8, size=16)
        >>> audit({"mine": network}, drawn, metrics=["energy", "entropy"])
        Scores(80 rows: 1 model, 8 images, grad-cam, 4 metrics)
    """
    from rich.console import Console

    quiet = console is None
    if keep_maps is not None:
        number_of(keep_maps)
    if log is not None and out is None:
        raise RunError("Expected a run to log, got none. Try: out='runs/audit'")
    tracker = None if log is None else tracker_of(log)
    with Live(console or Console(quiet=True), "audit", "model") as live:
        run_engine = find_engine(engine)
        plan = _planned(
            models,
            data,
            live,
            metrics=metrics,
            methods=methods,
            options={
                "layer": layer,
                "layer_grid": layer_grid,
                "output": output,
                "task": task,
                "pixels": pixels,
                "classes": classes,
                "loader": loader,
            },
            size=size,
            target=target,
            split=split,
            group=group,
            out=out,
            seed=seed,
            batch_size=batch_size,
            trust=trust,
            prompts=prompts,
            cells=cells,
        )
        arms, every, mine, images, path = plan.arms, plan.cells, plan.mine, plan.images, plan.path
        terms, reading, opened, selection = plan.terms, plan.reading, plan.opened, plan.selection
        firsts = [opened.first(arm.name) for arm in arms]
        grids = {one.name: one.grids(terms.methods) for one in firsts}
        if not live.console.quiet and not (
            path and (path / MANIFEST).is_file()
        ):  # else some are measured
            for line in _cost(plan, engine, keep_maps).words("model"):
                live.say(line)
        inputs = InputsBySize(images, selection.metrics, _differing(grids.values()), live)
        views = {one.name: (one.size, one.framing) for one in firsts}
        audited = Audit(opened, {view: inputs.of(*view) for view in views.values()}, terms)
        arms_facts = [facts_of(arm, one.facts) for arm, one in zip(arms, firsts, strict=True)]
        del firsts  # so that only `opened` holds their networks
        mosaics = shown_by(each for one in audited.inputs.values() for each in one.mosaics)
        called = {cell: _called(arm, cell) for arm in arms for cell in arm.cells}
        if path is None:
            rows, records, failures = _in_memory(audited, called, run_engine, live)
            if quiet:
                warn_of_failures(failures, kept=False)
            return Scores(rows, arms=tuple(arms_facts), mosaics=mosaics, cells=records)

        def begin() -> Run:
            run, before = open_audit(
                path,
                images,
                arms,
                arms_facts,
                [size for size, _ in views.values()],
                terms,
                selection,
                grids,
                plan.hidden,
                {name: each.get("prompts") for name, each in reading.items()},
                strict=strict,
                mine=mine,
                keep=keep_maps,
            )
            say_mended(run, before, live)
            if not keeps_images(run):
                total = len(images.of("test"))
                which = kept(total, run.manifest.config.kept)
                run.write_images(
                    inputs.shown(views.values(), which),
                    inputs.windows(views, which),
                    mosaics if len(which) < total else None,
                )
            return run

        run = carry_out(
            path,
            begin,
            lambda run: partial(_write, audited, run),
            every,
            run_engine,
            live,
            mine=mine,
            called=called.__getitem__,
            skip_failed=skip_failed,
            before_report=lambda _: live.say("Comparing the models and writing the report"),
            tracker=tracker,
        )
    if quiet:
        warn_of_failures(run.manifest.failures)
    known = tuple(run.manifest.cells.values())
    return Scores(run.tables(), run.path, tuple(arms_facts), mosaics, known)


class _Plan(NamedTuple):
    """What an audit is going to do, and the models as they are read."""

    arms: Sequence[Arm]
    cells: Sequence[Cell]
    mine: Sequence[Cell] | None
    images: ImageSet
    split: str
    path: Path | None
    terms: Terms
    reading: Mapping[str, Mapping[str, Any]]
    opened: Models
    selection: Selection

    @property
    def hidden(self) -> list[str]:
        """Arms that functions read: nothing tells what these do."""
        return [n for n, each in self.reading.items() if not preprocessing(each["pixels"]).known]


def _planned(
    models: Any,
    data: Any,
    live: Live,
    *,
    metrics: Wanted = None,
    methods: str | Method | Sequence[str | Method] = ("grad-cam",),
    options: Mapping[str, Any],
    size: int | None = None,
    target: str = "label",
    split: str | None = None,
    group: By | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    trust: bool = False,
    prompts: Any = None,
    cells: Share | None = None,
) -> _Plan:
    """Open the first model of each arm, and find what can be measured."""
    require_whole("batch_size", batch_size, 1, 32)
    require_whole("seed", seed, 0, 0)
    if size is not None:
        require_whole("size", size, 1, 224)
    arms, target = _with_target(trained(models), target)
    every = [cell for arm in arms for cell in arm.cells]
    mine = None if cells is None else numbered(every, cells)
    if mine is not None and out is None:
        raise RunError("Expected a run to share cells of, got none. Try: out='runs/audit'")
    said = _said(arms, options)
    images, split = _images(data, split, target, group, live)
    require_readable(arms, {name: each["loader"] for name, each in said.items()})
    path = None if out is None else out_of(out, images, joined=mine is not None)
    terms = Terms(methods_of(methods), target, split, seed)
    common: dict[str, Any] = {"class_names": images.class_names}
    common |= {"size": size, "usual_size": images.default_size, "batch_size": batch_size}
    common |= {"arrays": None if images.arrays is None else images.arrays.images.shape[1:]}
    common |= {"target": target, "seed": seed, "trust": trust, "prompts": prompts}
    reading = {name: common | each for name, each in said.items()}
    opened = Models({arm.name: arm for arm in arms}, reading, terms.methods)
    firsts = [opened.first(arm.name) for arm in arms]
    for line in dict.fromkeys(line for one in firsts for line in one.assumed):
        live.say(line)
    selection = _select(images, firsts, metrics, target, live)
    return _Plan(arms, every, mine, images, split, path, terms, reading, opened, selection)


def _with_target(arms: Sequence[Arm], target: str) -> tuple[Sequence[Arm], str]:
    """Arms without the target that a file says of them, and that target, which they share."""
    said = {arm.name: arm.options["target"] for arm in arms if "target" in arm.options}
    wanted = {*said.values(), *({target} if target != "label" or len(said) < len(arms) else ())}
    if said and len(wanted) > 1:
        other = next(iter(said.values()))
        raise TargetError(
            f"Expected one target for all arms, so that they can be compared, got "
            f"{', '.join(sorted(wanted))}. Try: target: {other} for each, or an audit of each"
        )
    arms = [
        replace(arm, options={k: v for k, v in arm.options.items() if k != "target"})
        for arm in arms
    ]
    return arms, next(iter(wanted)) if said else target


#: What of an audit's settings is said of its models.
_OF_MODELS = ("layer", "layer_grid", "output", "task", "pixels", "classes", "loader")


def dry_run(
    models: Any,
    data: Any,
    *,
    console: "Console | None" = None,
    **settings: Any,
) -> Cost:
    """What `audit` with these arguments would cost; nothing is measured or written.

    Raises:
        CampareError: something does not fit, as in `audit`.

    Example:
        >>> dry_run({"a": "a.keras"}, "drawn").cells  # doctest: +SKIP
        1
    """
    from rich.console import Console

    engine, keep = settings.pop("engine", "local"), settings.pop("keep_maps", None)
    for name in ("strict", "skip_failed", "log"):  # nothing of the cost depends on them
        settings.pop(name, None)
    options = {name: settings.pop(name, None) for name in _OF_MODELS}
    with Live(console or Console(quiet=True), "audit", "model") as live:
        find_engine(engine)
        plan = _planned(models, data, live, options=options, **settings)
        live.say("Trying the models and the measures on a few images")
        return _cost(plan, engine, keep)


def _cost(plan: _Plan, engine: str, keep: Keep | None) -> Cost:
    firsts = {arm.name: plan.opened.first(arm.name) for arm in plan.arms}
    matched = _differing(one.grids(plan.terms.methods) for one in firsts.values())
    todo = plan.cells if plan.mine is None else plan.mine
    if plan.path and (plan.path / MANIFEST).is_file():
        facts = [facts_of(arm, firsts[arm.name].facts) for arm in plan.arms]
        prompts = {name: each.get("prompts") for name, each in plan.reading.items()}
        done = measured(
            plan.path,
            audit_settings(
                plan.images, plan.arms, facts, plan.terms, plan.selection, plan.hidden, prompts
            ),
        )
        todo = [cell for cell in todo if cell.name not in done]
    return cost_of_audit(
        todo, firsts, plan.images, plan.selection.metrics, matched, plan.terms, engine, keep
    )


def numbered_cells(models: Any) -> list[Cell]:
    """The cells of an audit in their order, by whose numbers processes share them.

    Example:
        >>> [cell.name for cell in numbered_cells({"a": ["a-0.keras", "a-1.keras"]})]
        ['a-0', 'a-1']
    """
    return [cell for arm in trained(models) for cell in arm.cells]


def _said(arms: Sequence[Arm], options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Arm -> how its models are read: as is said of all, of it by name, or in its file."""
    names = [arm.name for arm in arms]
    return {
        arm.name: {
            **{
                option: of_model(option, value, arm.name, names)
                for option, value in options.items()
            },
            **arm.options,
        }
        for arm in arms
    }


@dataclass(frozen=True, eq=False)
class Audit:
    """What all cells of an audit share."""

    models: Models
    inputs: Mapping[View, Inputs]
    terms: Terms


def _evaluate(audited: Audit, cell: Cell, report: Report) -> Evaluation:
    """Evaluate the model of one cell."""
    model = audited.models.open(cell)
    return evaluate(model, audited.inputs[model.size, model.framing], audited.terms, cell, report)


def _write(audited: Audit, run: Run, cell: Cell, report: Report) -> dict[str, Any]:
    """Evaluate one cell, and write its maps and rows; facts about it."""
    evaluation = _evaluate(audited, cell, report)
    evaluation.write(run, cell)
    return evaluation.facts


def _keep(audited: Audit, cell: Cell, report: Report) -> dict[str, Any]:
    """Evaluate one cell whose rows nobody writes: they are among its facts."""

    def do() -> dict[str, Any]:
        evaluation = _evaluate(audited, cell, report)
        return evaluation.facts | {"table": evaluation.table.frame()}

    return attempted(do, cause_of, whole=True)


def _called(arm: Arm, cell: Cell) -> str:
    """What progress calls a model: its arm, which several of one share."""
    return arm.name if len(arm.cells) == 1 else cell.name


def _in_memory(
    audited: Audit, called: Mapping[Cell, str], engine: Engine, live: Live
) -> "tuple[pl.DataFrame, tuple[CellRecord, ...], dict[str, str]]":
    """The rows of all cells, in their order, facts about each, and why those that failed did.

    Nothing is written.
    """
    import polars as pl

    live.plan({name: cell.recipe for cell, name in called.items()})
    tables: dict[Cell, pl.DataFrame] = {}
    records: dict[Cell, CellRecord] = {}
    failures: dict[str, str] = {}
    first: Exception | None = None
    for cell, facts in engine(
        tuple(called), partial(_keep, audited), lambda cell, event: live.event(called[cell], event)
    ):
        if FAILED in facts:
            failures[called[cell]] = facts[FAILED]
            first = first or facts.get(ERROR)
            live.fail(called[cell], facts[FAILED])
            continue
        tables[cell] = facts.pop("table")
        records[cell] = CellRecord(recipe=cell.recipe, seed=cell.seed, **facts)
        live.finish(called[cell], facts)
    if not tables:
        raise first or all_failed(failures, live.part, "out='runs/audit', which keeps tracebacks")
    done = [cell for cell in called if cell in tables]
    return pl.concat([tables[cell] for cell in done]), tuple(records[c] for c in done), failures


def _images(
    data: Any,
    split: str | None,
    target: str,
    group: By | None,
    live: Live,
) -> tuple[ImageSet, str]:
    """The images to measure, all of them as test images, and which split they are."""
    if split not in (None, "all", *SPLITS):
        raise DataError(f"Expected split test, train or all, got {split!r}. Try: split='test'")
    if target not in TARGETS and not named(target):
        raise TargetError(
            "Expected target 'label', 'prediction', 'value', '-value', 'region:CLASS' or "
            f"'box:CLASS', got {target!r}. Try: target='label'"
        )
    if isinstance(data, Images):
        data = ImageSet.from_images(data)
    images = image_set(data, live, training=False, group=group)
    chosen = split or ("test" if images.of("test") else "all")
    samples = images.samples if chosen == "all" else images.of(chosen)
    if not samples:
        raise DataError(
            f"Expected images in split {chosen!r} of {images.name}, got none. Try: split='all'"
        )
    samples = _shown_by(target, samples, images, live)
    live.say(f"campare: {len(samples)} images of {images.name} ({chosen})")
    tested = tuple(
        sample if sample.split == "test" else replace(sample, split="test") for sample in samples
    )
    images = replace(images, samples=tested)
    say_inventory(images, live)
    return images, chosen


def _shown_by(
    target: str, samples: tuple[Sample, ...], images: ImageSet, live: Live
) -> tuple[Sample, ...]:
    """The samples that have what the target is of: the masks of others are of another class."""
    name = target.partition(":")[2]
    if name not in images.class_names:
        return samples
    own = tuple(each for each in samples if images.class_names[each.label] == name)
    if not own:
        raise DataError(
            f"Expected images of {name!r} for target={target!r}, got none. Try: split='all'"
        )
    if len(own) < len(samples):
        live.say(f"{target} is measured on the images of {name}, not on those of other classes")
    return own


def _select(
    images: ImageSet,
    models: Sequence[Evaluated],
    metrics: Wanted,
    target: str,
    live: Live,
) -> Selection:
    """The metrics that can be measured; the others are named, with the reason, once."""
    selection = select(
        metrics,
        regions_of_test(images),
        without_mosaics(images, [one.size for one in models], target),
        known=all(one.classes.known for one in models),
        pictures=images.arrays is None,
        scored=target not in TARGETS,
    )
    for line in selection.words():
        live.say(line)
    return selection


def _differing(arms: Iterable[Grids]) -> Grids:
    """The coarsest resolution of each method whose maps differ in it."""
    arms = list(arms)
    return {
        method: grid
        for method, grid in coarsest(arms).items()
        if any(grids[method] != grid for grids in arms)
    }
