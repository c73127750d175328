"""`campare study`: train recipes, map, measure, compare."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from campare.cli.defaults import take_of_data
from campare.cli.options import (
    DATA,
    MOST_IMAGES,
    MOST_PIXELS,
    MOST_SEEDS,
    Address,
    AnnotationsAs,
    Cells,
    DryRun,
    Engine,
    Group,
    Jobs,
    KeepMaps,
    Labels,
    Log,
    MaskValues,
    Methods,
    Shortcut,
    SkipFailed,
    Strict,
    folder,
    name_of,
    numbers,
    setting,
    words,
)
from campare.cli.terminal import LIST, conclude, list_cells, say_cost, terminal
from campare.errors import CampareError, RecipeError

if TYPE_CHECKING:
    from campare.data import ImageSet

DRAWN = "drawn"
#: What --quick and --thorough stand for, and a study with neither; what is given besides counts.
ENDS: dict[str, dict[str, Any]] = {
    "": {"seeds": 5, "metrics": None},
    "quick": {"seeds": 3, "metrics": ("default",)},
    "thorough": {"seeds": 10, "metrics": ("all",)},
}
SIZES, STRENGTHS = "50,100,200,400", "0,0.5,1,2"  # as an example


def study(
    data: Annotated[
        str,
        Argument(metavar="DATA", help=DATA + " Or: drawn.", is_eager=True, callback=take_of_data),
    ],
    recipes: Annotated[
        str, Option(help="A set (campare list recipes) or a YAML file.")
    ] = "article",
    only: Annotated[
        Sequence[str] | None,
        Option(parser=words, metavar="NAME,...", help="Some of the recipes: A,B."),
    ] = None,
    seeds: Annotated[
        int | None,
        Option(min=1, max=MOST_SEEDS, help="How many times each recipe is trained. Default: 5."),
    ] = None,
    backbone: Annotated[
        str | None,
        Option(
            help="A keras.applications name, or embedded; of torch timm:NAME, torchvision:NAME or "
            "module:function. Default: resnet50; drawn: embedded."
        ),
    ] = None,
    weights: Annotated[
        str | None, Option(help="imagenet, or a weights file of the backbone.")
    ] = None,
    backbone_option: Annotated[
        list[Any] | None,
        Option(parser=setting, metavar="NAME=VALUE", help="As alpha=0.75; may be repeated."),
    ] = None,
    size: Annotated[
        int | None, Option(min=8, max=MOST_PIXELS, help="Pixels a side that models see.")
    ] = None,
    epochs: Annotated[
        int | None, Option(min=1, max=MOST_IMAGES, help="Instead of the recipes' epochs.")
    ] = None,
    train_sizes: Annotated[
        Sequence[int] | None,
        Option(
            parser=numbers("--train-sizes", SIZES),
            metavar="N,N,...",
            help="Train each recipe on so many images, the smaller sets parts of the larger ones, "
            f"for curves and trends: {SIZES}. The test images stay.",
        ),
    ] = None,
    augment_strengths: Annotated[
        Sequence[float] | None,
        Option(
            parser=numbers("--augment-strengths", STRENGTHS),
            metavar="X,X,...",
            help="Train each recipe that augments with its rotation, zoom and so on times so much: "
            f"{STRENGTHS}. A flip is left out at 0.",
        ),
    ] = None,
    curve: Annotated[
        int | None,
        Option(
            metavar="N",
            help="Measure quality and accuracy every N epochs on a sample of test images; the "
            "report says where the two part.",
        ),
    ] = None,
    method: Methods = "grad-cam",
    metrics: Annotated[
        Sequence[str] | None,
        Option(
            parser=words,
            metavar="NAME,...",
            help="Names (campare list metrics) and sets: default, all, claims. Default: "
            "default,claims for article and factorial, else default.",
        ),
    ] = None,
    quick: Annotated[
        bool, Option("--quick", help="A first look: --seeds 3 --metrics default.")
    ] = False,
    thorough: Annotated[
        bool, Option("--thorough", help="All there is: --seeds 10 --metrics all.")
    ] = False,
    shortcut: Shortcut = None,
    train: Annotated[
        int | None, Option(min=2, max=MOST_IMAGES, help="drawn: images to train on.")
    ] = None,
    test: Annotated[
        int | None, Option(min=2, max=MOST_IMAGES, help="drawn: images to test on.")
    ] = None,
    classes: Annotated[
        Sequence[str] | None,
        Option(parser=words, metavar="NAME,...", help="drawn: cat,dog or others."),
    ] = None,
    mask_values: MaskValues = None,
    labels: Labels = None,
    annotations_as: AnnotationsAs = None,
    group: Group = None,
    out: Annotated[
        Path | None,
        Option("--out", "-o", help="The run's folder. Default: runs/DATA-RECIPES."),
    ] = None,
    engine: Engine = "local",
    jobs: Jobs = None,
    address: Address = None,
    strict: Strict = False,
    skip_failed: SkipFailed = False,
    keep_maps: KeepMaps = None,
    log: Log = None,
    cells: Cells = None,
    dry_run: DryRun = False,
) -> None:
    """Train recipes x seeds, map, measure, compare, and write a report.

    Give the same command again after a stop: finished cells are kept.
    """
    drawn = {"shortcut": shortcut, "train": train, "test": test, "classes": classes}
    source = _data(data, size, {name: value for name, value in drawn.items() if value is not None})
    from campare.experiments.engines import with_options
    from campare.experiments.plan import numbered_cells
    from campare.experiments.study import dry_run as cost_of
    from campare.experiments.study import study as run_study
    from campare.files import shortened

    end = _end(quick, thorough)
    seeds = end["seeds"] if seeds is None else seeds
    console = terminal(optional=True)
    if cells == LIST:
        planned = numbered_cells(
            source,
            recipes=recipes,
            only=only,
            seeds=seeds,
            train_sizes=train_sizes,
            augment_strengths=augment_strengths,
        )
        list_cells(terminal(), planned)
        return
    images = folder(
        source,
        training=True,
        mask_values=mask_values,
        labels=labels,
        annotations_as=annotations_as,
        group=group,
    )
    settings: dict[str, Any] = {
        "recipes": recipes,
        "only": only,
        "seeds": seeds,
        "backbone": backbone,
        "weights": weights,
        "backbone_options": dict(backbone_option or ()),
        "size": size,
        "epochs": epochs,
        "train_sizes": train_sizes,
        "augment_strengths": augment_strengths,
        "methods": method,
        "metrics": end["metrics"] if metrics is None else metrics,
        "curve": curve,
        "out": out or Path("runs") / shortened(f"{name_of(data)}-{Path(recipes).stem}"),
        "engine": with_options(engine, jobs, address),
        "strict": strict,
        "skip_failed": skip_failed,
        "keep_maps": keep_maps,
        "log": log,
        "cells": cells,
        "console": console,
    }
    if dry_run:
        say_cost(terminal(), cost_of(images, **settings))
        return
    run = run_study(images, **settings)
    conclude(console, run, run.path, joined=cells is not None)


def _end(quick: bool, thorough: bool) -> dict[str, Any]:
    """What is measured, and how often, where neither is said.

    Raises:
        CampareError: both ends at once.
    """
    if quick and thorough:
        raise CampareError("Expected --quick or --thorough, got both. Try one of them")
    return ENDS["quick" if quick else "thorough" if thorough else ""]


def _data(data: str, size: int | None, drawn: dict[str, Any]) -> "ImageSet | str":
    """What study() takes: a folder's path, or the drawn set with the options that it alone has."""
    if data != DRAWN:
        if drawn:
            raise RecipeError(
                f"Expected --{next(iter(drawn))} with the drawn set only, got the folder {data!r}. "
                "Try: campare study drawn"
            )
        return data
    from campare.data import ImageSet

    if size:
        drawn = drawn | {"size": size}
    return ImageSet.drawn(**drawn)
