"""`campare list`: what there is to choose from, as tables in the terminal."""

from math import isfinite
from pathlib import Path
from typing import Annotated

from typer import Exit, Option, Typer

from campare.cli.options import LayerGrid, Loader, ModelFile, Output, Prompts, Trust
from campare.cli.terminal import opened, table, terminal

list_app = Typer(help="What there is to choose from.")


@list_app.command("recipes")
def list_recipes() -> None:
    """The built-in sets of recipes."""
    from campare.training.recipes import RECIPES

    rows = table("set", "recipe", "what it is", "weights", "trains", "augmentation", "guidance")
    for name, make in RECIPES.items():
        for recipe in make():
            rows.add_row(
                name,
                recipe.name,
                recipe.title,
                recipe.weights,
                recipe.trainable,
                "yes" if recipe.augment else "-",
                recipe.guidance or "-",
            )
    terminal().print(rows)


@list_app.command("methods")
def list_methods() -> None:
    """The methods that make maps."""
    from campare.attribution.method import METHODS

    rows = table("method", "title", "kind", "cost", "source")
    for name, method in METHODS.items():
        rows.add_row(name, method.title, method.kind, method.cost, method.paper)
    terminal().print(rows)


@list_app.command("metrics")
def list_metrics(
    verify: Annotated[
        bool,
        Option("--verify", help="Measure known maps, and compare with what each metric promises."),
    ] = False,
    run: Annotated[
        Path | None,
        Option(
            "--run", help="The folder of a run: how reliable its metrics are, and how they agree."
        ),
    ] = None,
) -> None:
    """The metrics of maps."""
    if verify:
        _verify()
        return
    if run is not None:
        _in_run(run)
        return
    from campare.metrics.registry import list_metrics as declarations

    rows = table("metric", "what it is", "needs", "range", "null", "better")
    for row in declarations():
        names = ("metric", "title", "needs", "range", "null", "better")
        rows.add_row(*(row[name] for name in names))
    terminal().print(rows)


def _verify() -> None:
    """The self-tests of the metrics; exit status 1 where a promise is broken."""
    from campare.metrics.selftest.verify import verify

    found = verify()
    rows = table(*found[0])
    for row in found:
        rows.add_row(*row.values(), style="red" if row["verdict"] == "broken" else "")
    terminal().print(rows, highlight=False)
    broken = [row["metric"] for row in found if row["verdict"] == "broken"]
    if broken:
        print(f"Broken promises: {', '.join(broken)}")
        raise Exit(1)


def _in_run(run: Path) -> None:
    """Reliability of every metric in a run, and the agreement of every two as a matrix."""
    import polars as pl

    from campare.stats.reliability import agreement, reliability

    measured = opened(run)
    reliable, agreed = reliability(measured), agreement(measured)
    for (method,), rows in reliable.group_by("method", maintain_order=True):
        metrics = rows["metric"].to_list()
        pairs = agreed.filter(pl.col("method") == method)
        found = {
            (a, b): r for a, b, r in pairs.select("metric", "other", "over_images").iter_rows()
        }
        shown = table("metric", "over images", "over seeds", *map(str, range(1, len(metrics) + 1)))
        for i, row in enumerate(rows.iter_rows(named=True), 1):
            name = row["metric"]
            cells = [found.get((name, b), found.get((b, name), 1.0)) for b in metrics]
            numbers = (row["over_images"], row["over_seeds"], *cells)
            shown.add_row(f"{i} {name}", *(_two_digits(value) for value in numbers))
        terminal().print(f"{method}: split-half reliability, and rank correlation over images")
        terminal().print(shown, highlight=False)


def _two_digits(value: float) -> str:
    """A correlation, a dash where it is undefined.

    Example:
        >>> _two_digits(0.5), _two_digits(float("nan"))
        ('0.50', '-')
    """
    return f"{value:.2f}" if isfinite(value) else "-"


@list_app.command("layers")
def list_layers(
    model: ModelFile,
    layer_grid: LayerGrid = None,
    output: Output = None,
    loader: Loader = None,
    trust: Trust = False,
    prompts: Prompts = None,
) -> None:
    """The layers of a model that can be mapped, in the order they run."""
    from campare.models import wrap

    classifier = wrap(
        model,
        layer_grid=layer_grid,
        output=output,
        loader=loader,
        trust=trust,
        prompts=prompts,
    )
    default = classifier.default_layer  # says so where there is none
    rows = table("layer", "kind", "shape", "")
    for layer in classifier.layers:
        if layer.spatial:
            shape = " x ".join("?" if side is None else str(side) for side in layer.shape)
            if layer.grid and "tokens" in layer.grid.layout:
                shape += f" ({' x '.join(map(str, layer.grid.shape))} of them a grid)"
            mark = "default" if layer.path == default else ""
            rows.add_row(layer.path, layer.kind, shape, mark)
    terminal().print(rows)
