"""study(): recipes x seeds on one set of images -> a run directory with an answer.

    plan (all is checked, nothing written) -> cells (an engine runs them) -> comparison, report

A study that was stopped continues with its next cell when it is called again.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.arguments import checked
from campare.attribution.method import Method
from campare.data import Images
from campare.data.groups import By
from campare.data.samples import VALIDATION
from campare.experiments.cells import warn_of_failures
from campare.experiments.cost import Cost, cost_of_study
from campare.experiments.curve import Curve, curve_on
from campare.experiments.engines import engine as find_engine
from campare.experiments.engines.pictures import in_processes
from campare.experiments.engines.protocol import Work
from campare.experiments.evaluate import Terms
from campare.experiments.evaluated import Evaluated
from campare.experiments.inputs import (
    Grids,
    Inputs,
    InputsBySize,
    coarsest,
)
from campare.experiments.manifest import open_run
from campare.experiments.plan import networks, planned, sharing_views
from campare.experiments.progress import Live
from campare.experiments.selection import (
    Wanted,
)
from campare.experiments.session import carry_out, keeps_images, say_mended
from campare.experiments.sharing import Share
from campare.experiments.train import (
    Study,
    as_evaluated,
    keep_own,
    train_and_evaluate,
    watch_own,
)
from campare.metrics.mosaic import COUNT, shown_by
from campare.runs.kept import Keep, kept, number_of
from campare.runs.resume import earlier, require_unchanged
from campare.runs.run import Cell, Run
from campare.trackers.log import tracker_of
from campare.trackers.protocol import Tracker
from campare.training import own_code
from campare.training.masks import masks_of
from campare.training.progress import Trained
from campare.training.recipe import Recipe

if TYPE_CHECKING:
    from rich.console import Console

#: Pixels a side for images that name no size of their own: the article's.
SIZE = 128


@checked("train_sizes", "augment_strengths")
def study(
    data: Any,
    *,
    recipes: str | Sequence[Recipe] = "article",
    seeds: int | Sequence[int] = 5,
    out: str | Path | None = None,
    backbone: str | None = None,
    weights: str | Path | None = None,
    backbone_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    epochs: int | None = None,
    only: str | Sequence[str] | None = None,
    train_sizes: Sequence[int] | None = None,
    augment_strengths: Sequence[float] | None = None,
    methods: str | Method | Sequence[str | Method] = ("grad-cam",),
    metrics: Wanted = None,
    group: By | None = None,
    curve: int | None = None,
    engine: str = "local",
    strict: bool = False,
    skip_failed: bool = False,
    cells: Share | None = None,
    keep_maps: Keep | None = None,
    log: str | Tracker | None = None,
    console: "Console | None" = None,
) -> Run:
    """Train every recipe with every seed, measure the maps of each, compare, and write a report.

    `data` is an ImageSet, a folder, "drawn", or what `ImageSet.from_data` takes: arrays, a data set
    of torch, tf.data or Hugging Face; `recipes` a set's name (`article`, `factorial`,
    `depth`, `augmentation`, `loss`, `guided`), a YAML file, or Recipe objects, `only` some of them
    by name; `seeds` a number or the seeds themselves; `out` the run directory (default
    runs/<data>-<recipes>). `backbone`, `weights` and
    `backbone_options` go to the set; default: `embedded` for drawn images, else ResNet50 with the
    weights of ImageNet; `timm:NAME`, `torchvision:NAME` and `module:function` are trained by torch.
    `size` are pixels a side; `epochs` overrides that of every recipe.
    `train_sizes` and `augment_strengths` train every recipe in each of these sizes of the training
    set and strengths of its augmentation (`campare.training.sweep`); the test images stay.
    `metrics` are names (`campare list metrics`) or sets: 'default', 'all', and 'claims', which is
    all that the article's claims are about. Default: ('default', 'claims') for `article` and
    `factorial`, else 'default'. What queries the model again, as faithfulness and stability do,
    takes time for every cell. `group` says which images belong
    together (patients, videos), as in `campare.audit`; splits that are drawn keep them apart.

    A study that is there goes on (docs/runs.md). A cell that fails costs itself alone, and is tried
    again by the next call unless `skip_failed`; `strict` refuses to go on with other versions,
    another backend, number of cores or machine, which are said otherwise.

    `cells` are the numbers of the cells that this call does, "0-3,7": several processes, also on
    several machines, may share a run, and the one that does the last cell compares
    (docs/engines.md).

    `keep_maps` says of how many test images, drawn at random, the run keeps pictures and maps, that
    the gallery shows: a number, 'all' or 'none'. Default: 1,000, or what a study that goes on has.
    The table has all images.

    `curve` measures quality and accuracy every so many epochs, on a fixed sample of test images;
    the answers say where the two part. No row of the table changes. A recipe that is code gives its
    model to `progress` for it.

    `log` says where the run is logged when it is done: "mlflow", "tensorboard", "wandb",
    "fiftyone", with a place after a colon, or a tracker; see `campare.log` and docs/trackers.md.

    Raises:
        CampareError: a setting that cannot work, where nothing has been written; or all cells
            failed.

    Example:
        >>> study("drawn", seeds=1, epochs=1, out="runs/quick")  # doctest: +SKIP
    """
    from rich.console import Console

    quiet, console = console is None, console or Console(quiet=True)
    if keep_maps is not None:
        number_of(keep_maps)
    tracker = None if log is None else tracker_of(log)
    with Live(console) as live:
        run_engine = find_engine(engine)
        plan = planned(
            data,
            live,
            recipes=recipes,
            seeds=seeds,
            out=out,
            backbone=backbone,
            weights=None if weights is None else str(weights),
            backbone_options=backbone_options,
            size=size,
            epochs=epochs,
            only=only,
            train_sizes=train_sizes,
            augment_strengths=augment_strengths,
            methods=methods,
            metrics=metrics,
            group=group,
            curve=curve,
            cells=cells,
        )
        live.say("Building each recipe's network to find the layers that can be compared")
        begun = networks(plan)
        grids = {name: network.grids(plan.methods) for name, network in begun.items()}
        if not console.quiet and plan.todo:
            for line in cost_of_study(plan, begun, engine, keep_maps).words():
                live.say(line)
        if plan.todo and (sharing := sharing_views(plan, begun)):
            live.say(
                f"Seeds of {', '.join(sharing)} see the same augmented images, of which the frozen "
                "backbone is asked once. 'views: own' in a recipe draws them for each"
            )
        del begun
        images, side, path, settings = plan.images, plan.size, plan.path, plan.settings
        own, ours, found, seed_list = plan.own, plan.ours, plan.methods, list(plan.seeds)
        silent = [recipe.name for recipe in own if not own_code.tells_progress(recipe)]
        if curve and silent:
            live.say(_no_curve(silent))
        known = dict(plan.before.manifest.config.grids) if plan.before else {}
        count, elsewhere = partial(live.count, "train images"), in_processes(run_engine)
        train = images.load("train", side, progress=count, in_processes=elsewhere)
        _check_training(ours, train, side)
        for recipe in (each for each in plan.recipes if each.guidance):
            masks_of(train, recipe)
        validation = images.load(VALIDATION, side) if VALIDATION in images.splits else None
        watched = curve_on(images.load("test", side), curve, found, seed=0) if curve else None
        firsts = _firsts(own, known, train, validation, side, seed_list[0], watched, live)
        grids |= {name: first.grids(found) for name, (_, first) in firsts.items()}
        matched = coarsest({**known, **grids}.values())
        inputs = InputsBySize(images, plan.selection.metrics, matched, live).of((side, side))

        def begin() -> Run:
            before = earlier(path, settings, deep=plan.mine is None)
            if strict:
                require_unchanged(before)
            run = open_run(
                path, before, settings, images, seed_list, grids, matched, COUNT,
                plan.selection.metrics, keep=keep_maps,
            )  # fmt: skip
            say_mended(run, before, live)
            _keep_firsts(run, firsts, plan.code, seed_list[0], train.class_names)
            if not keeps_images(run):
                _keep_images(run, inputs)
            return run

        def work(run: Run) -> Work:
            terms = Terms(found, target="label", split="test", seed=0)
            cache = _cache() if ours else None
            shared = Study(
                run, train, inputs, terms, dict(plan.code), side, validation, cache, watched
            )
            return partial(train_and_evaluate, shared)

        def before_report(run: Run) -> None:
            if curve and (without := _without_curve(run, own, silent)):
                live.say(_no_curve(without))
            live.say("Comparing the recipes and writing the report")

        run = carry_out(
            path,
            begin,
            work,
            plan.cells,
            run_engine,
            live,
            mine=plan.mine,
            skip_failed=skip_failed,
            before_report=before_report,
            tracker=tracker,
        )
    if quiet:
        warn_of_failures(run.manifest.failures)
    return run


def dry_run(data: Any, *, console: "Console | None" = None, **settings: Any) -> Cost:
    """What `study` with these arguments would cost; nothing is trained or written.

    Raises:
        CampareError: a setting that cannot work.

    Example:
        >>> dry_run("drawn", seeds=2).cells  # doctest: +SKIP
        8
    """
    from rich.console import Console

    engine, keep = settings.pop("engine", "local"), settings.pop("keep_maps", None)
    for name in ("strict", "skip_failed", "log"):  # nothing of the cost depends on them
        settings.pop(name, None)
    with Live(console or Console(quiet=True)) as live:
        find_engine(engine)
        plan = planned(data, live, **settings)
        live.say("Trying each recipe's network and the measures on a few images")
        return cost_of_study(plan, networks(plan), engine, keep)


def _no_curve(names: Sequence[str]) -> str:
    """What is said of recipes that are code and have no curve."""
    return (
        f"No curve of {', '.join(names)}: its training function does not give its model to "
        "progress. Try: progress(epoch, epochs, model=model) after each epoch"
    )


def _without_curve(run: Run, own: Sequence[Recipe], said: Sequence[str]) -> list[str]:
    """Recipes that are code of which no cell has a curve, beside those of which it was said."""
    curves = {name.rpartition("-")[0] for name, cell in run.manifest.cells.items() if cell.curve}
    return [one.name for one in own if one.name not in curves and one.name not in said]


def _firsts(
    recipes: Sequence[Recipe],
    known: Mapping[str, Grids],
    train: Images,
    validation: Images | None,
    size: int,
    seed: int,
    curve: Curve | None,
    live: Live,
) -> dict[str, tuple[Trained | None, Evaluated]]:
    """A first model of each recipe that is code and new: untrained where it says how, else trained.

    Only a model shows at which resolution its maps are.
    """
    found = {}
    new = [recipe for recipe in recipes if recipe.name not in known]
    for recipe in sorted(new, key=lambda recipe: recipe.build is None):  # those that train are last
        network = own_code.build(recipe, len(train.class_names), size=size, seed=seed)
        trained = None
        if network is None:
            live.say(f"Training the first model of {recipe.name} to find its layers")
            watch = watch_own(curve, recipe, train.class_names, size)
            trained = own_code.train(recipe, train, seed=seed, validation=validation, watch=watch)
            network = trained.model
        found[recipe.name] = trained, as_evaluated(recipe, network, train.class_names, size, 0)
    return found


def _keep_images(run: Run, inputs: Inputs) -> None:
    """Write the test images, or a sample of many."""
    test, which = inputs.images, kept(len(inputs.images), run.manifest.config.kept)
    if len(which) == len(test):
        run.write_images(test)
    else:
        run.write_images(test.subset(which), mosaics=shown_by(inputs.mosaics))


def _keep_firsts(
    run: Run,
    firsts: Mapping[str, tuple[Trained | None, Evaluated]],
    recipes: Mapping[str, Recipe],
    seed: int,
    class_names: Sequence[str],
) -> None:
    """Save those that were trained, as the first cells would."""
    for name, (trained, _) in firsts.items():
        if trained is not None:
            keep_own(run, Cell(name, seed), recipes[name], class_names, lambda: trained)  # noqa: B023


def _check_training(recipes: Sequence[Recipe], train: Images, size: int) -> None:
    """Check that campare can train its recipes on the images."""
    if recipes:
        from campare.training import fit

        fit.check(train, size)


def _cache() -> Any:
    """What frozen backbones said of images, for all cells."""
    from campare.training.cache import FeatureCache

    return FeatureCache.of_processes()
