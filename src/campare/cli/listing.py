"""`campare list`: what there is to choose from, as tables in the terminal."""

from math import isfinite
from pathlib import Path
from typing import Annotated

from typer import Exit, Option, Typer

from campare.cli.options import Json, LayerGrid, Loader, ModelFile, Output, Prompts, Trust
from campare.cli.terminal import opened, print_json, show, table, terminal

list_app = Typer(help="What there is to choose from.")


@list_app.command("recipes")
def list_recipes(as_json: Json = False) -> None:
    """The built-in sets of recipes."""
    from campare.training.recipes import RECIPES

    rows = [
        {
            "set": name,
            "recipe": recipe.name,
            "what it is": recipe.title,
            "weights": recipe.weights,
            "trains": recipe.trainable,
            "augmentation": "yes" if recipe.augment else "-",
            "guidance": recipe.guidance or "-",
        }
        for name, make in RECIPES.items()
        for recipe in make()
    ]
    show(rows, as_json=as_json)


@list_app.command("methods")
def list_methods(as_json: Json = False) -> None:
    """The methods that make maps."""
    from campare.attribution.method import METHODS

    rows = [
        {
            "method": name,
            "title": method.title,
            "kind": method.kind,
            "cost": method.cost,
            "source": method.paper,
        }
        for name, method in METHODS.items()
    ]
    show(rows, as_json=as_json)


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
    as_json: Json = False,
) -> None:
    """The metrics of maps."""
    if verify:
        _verify(as_json)
        return
    if run is not None:
        _in_run(run, as_json)
        return
    from campare.metrics.registry import list_metrics as declarations

    names = ("metric", "title", "needs", "range", "null", "better")
    rows = [{name: row[name] for name in names} for row in declarations()]
    show(rows, as_json=as_json)


def _verify(as_json: bool) -> None:
    """The self-tests of the metrics; exit status 1 where a promise is broken."""
    from campare.metrics.selftest.verify import verify

    found = verify()
    broken = [row["metric"] for row in found if row["verdict"] == "broken"]
    if as_json:
        print_json(found)
    else:
        rows = table(*found[0])
        for row in found:
            rows.add_row(*row.values(), style="red" if row["verdict"] == "broken" else "")
        terminal().print(rows, highlight=False)
        if broken:
            print(f"Broken promises: {', '.join(broken)}")
    if broken:
        raise Exit(1)


def _in_run(run: Path, as_json: bool) -> None:
    """Reliability of every metric in a run, and the agreement of every two as a matrix."""
    import polars as pl

    from campare.stats.reliability import agreement, reliability

    measured = opened(run)
    reliable, agreed = reliability(measured), agreement(measured)
    if as_json:
        print_json({"reliability": reliable.to_dicts(), "agreement": agreed.to_dicts()})
        return
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
    as_json: Json = False,
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
    rows: list[dict[str, str | bool]] = []
    for layer in classifier.layers:
        if layer.spatial:
            shape = " x ".join("?" if side is None else str(side) for side in layer.shape)
            if layer.grid and "tokens" in layer.grid.layout:
                shape += f" ({' x '.join(map(str, layer.grid.shape))} of them a grid)"
            row: dict[str, str | bool] = {"layer": layer.path, "kind": layer.kind, "shape": shape}
            chosen = layer.path == default
            rows.append(row | ({"default": chosen} if as_json else {"": "default" * chosen}))
    show(rows, as_json=as_json)
