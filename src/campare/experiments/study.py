"""study(): recipes x seeds on one set of images -> a run directory with an answer.

    plan (all is checked, nothing written) -> cells (an engine runs them) -> comparison, report

A study that was stopped continues with its next cell when it is called again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from campare.attribution.method import Method
from campare.data import Images, ImageSet
from campare.data.groups import By
from campare.data.samples import VALIDATION
from campare.errors import RecipeError
from campare.experiments.arms import Arm, to_train
from campare.experiments.cells import warn_of_failures
from campare.experiments.curve import Curve, curve_on
from campare.experiments.engines import engine as find_engine
from campare.experiments.engines.protocol import Work
from campare.experiments.evaluate import Terms
from campare.experiments.evaluated import Evaluated, grids_of
from campare.experiments.inputs import (
    Grids,
    Inputs,
    InputsBySize,
    coarsest,
    image_set,
    regions_of_test,
    say_inventory,
)
from campare.experiments.manifest import open_run, settings_of
from campare.experiments.progress import Live
from campare.experiments.selection import (
    Selection,
    Wanted,
    is_default,
    methods_of,
    select,
    usual_metrics,
    without_mosaics,
)
from campare.experiments.session import carry_out, keeps_images, out_of, say_mended
from campare.experiments.sharing import Share, numbered
from campare.experiments.train import (
    Study,
    as_evaluated,
    keep_own,
    train_and_evaluate,
    watch_own,
)
from campare.files import shortened
from campare.metrics.mosaic import COUNT, shown_by
from campare.runs.kept import Keep, kept, number_of
from campare.runs.resume import earlier, require_unchanged
from campare.runs.run import Cell, Run
from campare.training import own_code
from campare.training.masks import masks_of
from campare.training.progress import Trained
from campare.training.recipe import Recipe, from_yaml, require_unique
from campare.training.recipes import RECIPES
from campare.training.sweep import check_sizes, dosed
from campare.training.torch_options import LIBRARIES, as_code, is_of_torch

if TYPE_CHECKING:
    from rich.console import Console

#: Pixels a side for images that name no size of their own: the article's.
SIZE = 128


def study(
    data: ImageSet | str | Path,
    *,
    recipes: str | Sequence[Recipe] = "article",
    seeds: int | Sequence[int] = 5,
    out: str | Path | None = None,
    backbone: str | None = None,
    weights: str | None = None,
    backbone_options: Mapping[str, Any] | None = None,
    size: int | None = None,
    epochs: int | None = None,
    only: Sequence[str] | None = None,
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
    console: "Console | None" = None,
) -> Run:
    """Train every recipe with every seed, measure the maps of each, compare, and write a report.

    `data` is an ImageSet, a folder, or "drawn"; `recipes` a set's name (`article`, `factorial`,
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
    with Live(console) as live:
        images = image_set(data, live, group=group)
        chosen = _recipes(recipes, images.name, backbone, weights, backbone_options, epochs, only)
        chosen = dosed(chosen, train_sizes, augment_strengths)
        require_unique(chosen)
        labels = np.array([sample.label for sample in images.of("train")], np.int64)
        check_sizes([recipe.train_size for recipe in chosen if recipe.train_size], labels)
        _check_curve(curve, chosen)
        trainable = [as_code(recipe) for recipe in chosen]
        own = [recipe for recipe in trainable if recipe.train is not None]
        for recipe in own:
            own_code.check(recipe)
        silent = [recipe.name for recipe in own if not own_code.tells_progress(recipe)]
        if curve and silent:
            live.say(_no_curve(silent))
        by_name = {recipe.name: recipe for recipe in trainable}
        arms = to_train(chosen, _seeds(seeds))
        seed_list = [replicate.seed for replicate in arms[0].replicates]
        every = _in_turn(arms)
        mine = None if cells is None else numbered(every, cells)
        found = methods_of(methods)
        run_engine = find_engine(engine)
        label = recipes if isinstance(recipes, str) else "recipes"
        usual = shortened(_slug(f"{images.name}-{Path(label).stem}"))
        path = out_of(out or Path("runs") / usual, images, joined=mine is not None)
        counts = {split: sum(n.values()) for split, n in images.counts().items()}
        live.say(
            f"campare: {_plural(len(arms), 'recipe')} ({', '.join(arm.name for arm in arms)}) x "
            f"{_plural(len(seed_list), 'seed')} on {images.name}: "
            f"{counts['train']} training{_validation(counts)} and {counts['test']} test images"
        )
        say_inventory(images, live)
        side = size or images.default_size or SIZE
        wanted = usual_metrics(recipes) if metrics is None else metrics
        selection = _select(wanted, images, side, live, say=metrics is not None)
        measured = None if is_default(wanted) else selection.names
        settings = settings_of(images, chosen, side, [each.name for each in found], measured)
        before = earlier(path, settings)

        live.say("Building each recipe's network to find the layers that can be compared")
        known = dict(before.manifest.config.grids) if before else {}
        ours = [recipe for recipe in trainable if recipe.train is None]
        grids = _grids(ours, len(images.class_names), side, found)
        train = images.load("train", side, progress=partial(live.count, "train images"))
        _check_training(ours, train, side)
        for recipe in (each for each in chosen if each.guidance):
            masks_of(train, recipe)
        validation = images.load(VALIDATION, side) if VALIDATION in images.splits else None
        watched = curve_on(images.load("test", side), curve, found, seed=0) if curve else None
        firsts = _firsts(own, known, train, validation, side, seed_list[0], watched, live)
        grids |= {name: first.grids(found) for name, (_, first) in firsts.items()}
        matched = coarsest({**known, **grids}.values())
        inputs = InputsBySize(images, selection.metrics, matched, live).of((side, side))

        def begin() -> Run:
            before = earlier(path, settings, deep=mine is None)
            if strict:
                require_unchanged(before)
            run = open_run(
                path, before, settings, images, seed_list, grids, matched, COUNT,
                selection.metrics, keep=keep_maps,
            )  # fmt: skip
            say_mended(run, before, live)
            _keep_firsts(run, firsts, by_name, seed_list[0], train.class_names)
            if not keeps_images(run):
                _keep_images(run, inputs)
            return run

        def work(run: Run) -> Work:
            terms = Terms(found, target="label", split="test", seed=0)
            cache = _cache() if ours else None
            shared = Study(run, train, inputs, terms, by_name, side, validation, cache, watched)
            return partial(train_and_evaluate, shared)

        def before_report(run: Run) -> None:
            if curve and (without := _without_curve(run, own, silent)):
                live.say(_no_curve(without))
            live.say("Comparing the recipes and writing the report")

        run = carry_out(
            path,
            begin,
            work,
            every,
            run_engine,
            live,
            mine=mine,
            skip_failed=skip_failed,
            before_report=before_report,
        )
    if quiet:
        warn_of_failures(run.manifest.failures)
    return run


def numbered_cells(
    data: ImageSet | str | Path,
    *,
    recipes: str | Sequence[Recipe] = "article",
    seeds: int | Sequence[int] = 5,
    only: Sequence[str] | None = None,
    train_sizes: Sequence[int] | None = None,
    augment_strengths: Sequence[float] | None = None,
) -> list[Cell]:
    """The cells of a study in their order, by whose numbers processes share them.

    Example:
        >>> [cell.name for cell in numbered_cells("drawn", seeds=2, only=["A", "B"])]
        ['A-0', 'B-0', 'A-1', 'B-1']
    """
    name = data.name if isinstance(data, ImageSet) else Path(data).name
    chosen = dosed(
        _recipes(recipes, name, None, None, None, None, only), train_sizes, augment_strengths
    )
    require_unique(chosen)
    return _in_turn(to_train(chosen, _seeds(seeds)))


def _in_turn(arms: Sequence[Arm]) -> list[Cell]:
    """Cells of arms of as many seeds: all of the first seed, then all of the next."""
    return [cell for cells in zip(*(arm.cells for arm in arms), strict=True) for cell in cells]


def _check_curve(curve: int | None, recipes: Sequence[Recipe]) -> None:
    """Check that every recipe is trained long enough for a point of its curve."""
    if curve is None:
        return
    shortest = min(recipes, key=lambda recipe: recipe.warmup + recipe.epochs)
    epochs = shortest.warmup + shortest.epochs
    if not 1 <= curve <= epochs:
        raise RecipeError(
            f"Expected a curve of every 1 to {epochs} epochs, as many as recipe {shortest.name!r} "
            f"has, got {curve}. Try: curve={max(1, epochs // 5)} (--curve)"
        )


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


def _validation(counts: Mapping[str, int]) -> str:
    return f", {counts[VALIDATION]} validation" if VALIDATION in counts else ""


def _recipes(
    recipes: str | Sequence[Recipe],
    data: str,
    backbone: str | None,
    weights: str | None,
    options: Mapping[str, Any] | None,
    epochs: int | None,
    only: Sequence[str] | None,
) -> tuple[Recipe, ...]:
    """The recipes asked for, with what overrides them."""
    if isinstance(recipes, str) and recipes in RECIPES:
        default = "embedded" if data.startswith("drawn") else "resnet50"
        arms = RECIPES[recipes](backbone=backbone or default, weights=weights, options=options)
        _check_backbone(recipes, backbone or default)
    elif isinstance(recipes, str) and Path(recipes).suffix not in (".yaml", ".yml"):
        raise RecipeError(
            f"Expected a set of recipes or a YAML file, got {recipes!r}. "
            f"Try: {', '.join(RECIPES)}, or mine.yaml"
        )
    else:
        arms = from_yaml(recipes) if isinstance(recipes, str) else tuple(recipes)
        if backbone or weights or options:
            raise RecipeError(
                "Expected a built-in set of recipes with --backbone, --weights or "
                "--backbone-option, got recipes that name their own. Try: the YAML file's fields"
            )
    for arm in arms:
        if not isinstance(arm, Recipe):
            raise RecipeError(
                f"Expected Recipe objects, got {arm!r}. Try: recipes='article', only=['A']"
            )
    require_unique(arms)
    if only:
        known = [arm.name for arm in arms]
        wrong = [name for name in only if name not in known]
        if wrong:
            raise RecipeError(
                f"Expected names of recipes with --only, got {wrong[0]!r}. Try: {', '.join(known)}"
            )
        arms = tuple(arm for arm in arms if arm.name in only)
    if not arms:
        raise RecipeError("Expected at least one recipe, got none. Try: recipes='article'")
    return tuple(replace(arm, epochs=epochs) for arm in arms) if epochs else arms


def _check_backbone(recipes: str, backbone: str) -> None:
    """Check that a set whose arms differ in weights has a backbone that can be had with either."""
    own = is_of_torch(backbone) and backbone.partition(":")[0] not in LIBRARIES
    if recipes == "factorial" and own:
        raise RecipeError(
            "Expected a backbone with and without weights for the set factorial, such as "
            f"timm:resnet18, got {backbone!r}, a function that gives one of them. Try: --recipes "
            "depth"
        )


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _slug(text: str) -> str:
    """Text as the name of a folder: letters, digits, dots and single hyphens."""
    return "-".join("".join(c if c.isalnum() or c == "." else " " for c in text).split())


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not chosen or len(set(chosen)) != len(chosen) or not 0 <= min(chosen) <= max(chosen) < 2**32:
        raise RecipeError(
            "Expected a number of seeds of at least 1, or different seeds, got "
            f"{str(seeds)[:80]}. Try: 5"
        )
    return chosen


def _grids(
    recipes: Sequence[Recipe], n_classes: int, size: int, methods: Sequence[Method]
) -> dict[str, Grids]:
    """The resolutions of each recipe's maps, found once for recipes of one network."""
    from campare.models import wrap
    from campare.training import fit

    found: dict[Any, Grids] = {}
    grids = {}
    for recipe in recipes:
        options = tuple(sorted(recipe.backbone_options.items()))
        last = recipe.trainable.startswith("last-")  # whether there are so many layers
        network = (recipe.backbone, recipe.weights, options, last and recipe.trainable)
        if network not in found:
            classifier = wrap(fit.build(recipe, n_classes, size=size, seed=0), name=recipe.name)
            found[network] = grids_of(classifier, None, (size, size, 3), methods)
        grids[recipe.name] = found[network]
    return grids


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

    return FeatureCache()


def _select(metrics: Wanted, images: ImageSet, size: int, live: Live, *, say: bool) -> Selection:
    """The metrics that can be measured; what is left out of a set that was wanted is said."""
    selection = select(
        metrics,
        regions_of_test(images),
        without_mosaics(images, [(size, size)], "label"),
        known=True,
    )
    if say and not is_default(metrics):
        for line in selection.words():
            live.say(line)
    return selection
