"""`campare audit`: measure models that are trained already."""

from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, Option

from campare.cli.defaults import take_of_data
from campare.cli.options import (
    DATA,
    LAST_SEED,
    MODEL,
    MOST_IMAGES,
    MOST_PIXELS,
    Address,
    AnnotationsAs,
    Cells,
    DryRun,
    Engine,
    Group,
    Jobs,
    KeepMaps,
    Labels,
    Loader,
    Log,
    MaskValues,
    Methods,
    Metrics,
    Pixels,
    Prompts,
    SkipFailed,
    Strict,
    Trust,
    assigned,
    folder,
    layer_grids,
    name_of,
    read_classes,
)
from campare.cli.terminal import LIST, conclude, list_cells, say_cost, terminal


def audit(
    models: Annotated[
        list[str],
        Argument(
            metavar="MODEL...",
            help="MODEL, or NAME=MODEL: " + MODEL + " NAME='runs/a-*.keras' for the replicates of "
            "an arm; or arms.yaml.",
        ),
    ],
    data: Annotated[str, Option(help=DATA + " Or: drawn.", is_eager=True, callback=take_of_data)],
    metrics: Metrics = "default",
    methods: Methods = "grad-cam",
    layer: Annotated[
        Any,
        Option(
            parser=assigned,
            metavar="LAYER",
            help="For all models, or NAME=LAYER,... Default: of each the last spatial layer that "
            "everything passes through.",
        ),
    ] = None,
    output: Annotated[
        Any,
        Option(
            parser=assigned,
            metavar="OUTPUT",
            help="One of several outputs of all models, or NAME=OUTPUT,...",
        ),
    ] = None,
    task: Annotated[
        Any,
        Option(
            parser=assigned,
            metavar="TASK",
            help="What an output of one unit is: binary, the second of two classes, or regression, "
            "a value; or NAME=TASK,...",
        ),
    ] = None,
    layer_grid: Annotated[
        Any,
        Option(
            parser=layer_grids,
            metavar="GRID",
            help="How the tokens of that layer lie, where it cannot be found: 14x14, 14x14+1 with "
            "one in front, my_module:my_function, or NAME=GRID,...",
        ),
    ] = None,
    size: Annotated[
        int | None,
        Option(min=8, max=MOST_PIXELS, help="Pixels a side, for models that take any size."),
    ] = None,
    pixels: Pixels = None,
    loader: Loader = None,
    trust: Trust = False,
    prompts: Prompts = None,
    classes: Annotated[
        Any,
        Option(
            parser=read_classes,
            metavar="CLASS=OUTPUT,...",
            help="Outputs of the data's classes: apple=948,dog=151..268, or a YAML file.",
        ),
    ] = None,
    target: Annotated[
        str,
        Option(
            metavar="TARGET",
            help="What maps explain: label, prediction; or a score: value, -value, region:CLASS, "
            "box:CLASS.",
        ),
    ] = "label",
    split: Annotated[
        Literal["test", "train", "all"] | None,
        Option(help="Images to measure. Default: test where there is one, else all."),
    ] = None,
    mask_values: MaskValues = None,
    labels: Labels = None,
    annotations_as: AnnotationsAs = None,
    group: Group = None,
    out: Annotated[
        Path | None, Option("--out", "-o", help="The run's folder. Default: runs/DATA-audit.")
    ] = None,
    seed: Annotated[int, Option(min=0, max=LAST_SEED, help="Of all that is drawn.")] = 0,
    batch_size: Annotated[int, Option(min=1, max=MOST_IMAGES, help="Images at a time.")] = 32,
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
    """Measure trained models on the same images, compare, and write a report.

    Models trained elsewhere: --pixels and --classes say what they take and what they answer. With
    several models of each way of training, differences speak of the ways.
    """
    from campare.experiments.arms import named
    from campare.experiments.audit import audit as run_audit
    from campare.experiments.audit import dry_run as cost_of
    from campare.experiments.audit import numbered_cells
    from campare.experiments.engines import with_options
    from campare.files import shortened
    from campare.runs.run import Run

    name = shortened(f"{name_of(data)}-audit")
    console, path = terminal(optional=True), out or Path("runs") / name
    if cells == LIST:
        list_cells(terminal(), numbered_cells(named(models)))
        return
    images = folder(
        data,
        training=False,
        mask_values=mask_values,
        labels=labels,
        annotations_as=annotations_as,
        group=group,
    )
    settings: dict[str, Any] = {
        "metrics": metrics,
        "methods": methods,
        "layer": layer,
        "layer_grid": layer_grid,
        "output": output,
        "task": task,
        "size": size,
        "pixels": pixels,
        "loader": loader,
        "trust": trust,
        "prompts": prompts,
        "classes": classes,
        "target": target,
        "split": split,
        "out": path,
        "seed": seed,
        "batch_size": batch_size,
        "engine": with_options(engine, jobs, address),
        "strict": strict,
        "skip_failed": skip_failed,
        "keep_maps": keep_maps,
        "log": log,
        "cells": cells,
        "console": console,
    }
    if dry_run:
        say_cost(terminal(), cost_of(named(models), images, **settings), "model")
        return
    run_audit(named(models), images, **settings)
    conclude(console, Run.open(path), path, joined=cells is not None)
