"""The command line: each verb is a thin call of the function of the same name.

Nothing heavy is imported here: a verb imports what it needs when it is called, so that
`campare --help` answers at once. Errors are turned into one line by `campare.__main__`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Context, Exit, Option, Typer

from campare import __version__
from campare.cli.data import data_app
from campare.cli.listing import list_app, table, terminal
from campare.cli.options import (
    assigned,
    contrast,
    named,
    numbers,
    picture,
    settings,
    sides,
    stretched,
    words,
)
from campare.errors import RecipeError, RunError

if TYPE_CHECKING:
    from campare.data import ImageSet

app = Typer(add_completion=False, pretty_exceptions_enable=False)
app.add_typer(data_app, name="data")
app.add_typer(list_app, name="list")

DRAWN = "drawn"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"campare {__version__}")
        raise Exit


@app.callback(invoke_without_command=True)
def campare(
    context: Context,
    version: Annotated[  # noqa: ARG001  its callback acts on it
        bool, Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[  # noqa: ARG001  __main__ looks for it
        bool, Option("--debug", "--verbose", help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Measure whether a training recipe makes Grad-CAM heatmaps better."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def study(
    data: Annotated[
        str, Argument(metavar="DATA", help="A folder of images, one folder a class; or: drawn.")
    ],
    recipes: Annotated[str, Option(help="article, factorial, or a YAML file.")] = "article",
    only: Annotated[str, Option(help="Some of the recipes: A,B.")] = "",
    seeds: Annotated[int, Option(min=1, help="How many times each recipe is trained.")] = 5,
    backbone: Annotated[
        str | None,
        Option(help="A keras.applications name, or embedded. Default: resnet50; drawn: embedded."),
    ] = None,
    weights: Annotated[
        str | None, Option(help="imagenet, or a weights file of the backbone.")
    ] = None,
    backbone_option: Annotated[
        list[str] | None, Option(metavar="NAME=VALUE", help="As alpha=0.75; may be repeated.")
    ] = None,
    size: Annotated[int | None, Option(min=8, help="Pixels a side that models see.")] = None,
    epochs: Annotated[int | None, Option(min=1, help="Instead of the recipes' epochs.")] = None,
    train_sizes: Annotated[
        str | None,
        Option(
            metavar="N,N,...",
            help="Train each recipe on so many images, the smaller sets parts of the larger ones, "
            "for curves and trends: 50,100,200,400. The test images stay.",
        ),
    ] = None,
    augment_strengths: Annotated[
        str | None,
        Option(
            metavar="X,X,...",
            help="Train each recipe that augments with its rotation, zoom and so on times so much: "
            "0,0.5,1,2. A flip is left out at 0.",
        ),
    ] = None,
    method: Annotated[str, Option(help="One or more: campare list methods.")] = "grad-cam",
    metrics: Annotated[
        str, Option(help="Names (campare list metrics) and sets: default, all, claims.")
    ] = "default",
    shortcut: Annotated[
        float | None,
        Option(min=0, max=1, help="drawn: plant a cue that agrees with the label this often."),
    ] = None,
    train: Annotated[int | None, Option(min=2, help="drawn: images to train on.")] = None,
    test: Annotated[int | None, Option(min=2, help="drawn: images to test on.")] = None,
    classes: Annotated[str | None, Option(help="drawn: cat,dog or others.")] = None,
    out: Annotated[
        Path | None, Option(help="The run's folder. Default: runs/DATA-RECIPES.")
    ] = None,
    engine: Annotated[str, Option(help="Where cells run.")] = "local",
) -> None:
    """Train recipes x seeds, map, measure, compare, and write a report.

    Give the same command again after a stop: finished cells are kept.
    """
    drawn = {"shortcut": shortcut, "train": train, "test": test, "classes": words(classes)}
    given = {name: value for name, value in drawn.items() if value is not None}
    sizes = numbers(train_sizes, "--train-sizes", "50,100,200,400")
    strengths = numbers(augment_strengths, "--augment-strengths", "0,0.5,1,2")
    images, options = _data(data, size, given), settings(backbone_option or [])
    from campare.experiments.study import study as run_study

    console = terminal()
    run = run_study(
        images,
        recipes=recipes,
        only=words(only),
        seeds=seeds,
        backbone=backbone,
        weights=weights,
        backbone_options=options,
        size=size,
        epochs=epochs,
        train_sizes=sizes,
        augment_strengths=strengths,
        methods=words(method) or (),
        metrics=words(metrics) or (),
        out=out or Path("runs") / f"{Path(data).resolve().name}-{Path(recipes).stem}",
        engine=engine,
        console=console,
    )
    from campare.experiments.summary import summary

    console.print(summary(run), highlight=False)
    console.print(f"Every effect: campare compare {run.path}", highlight=False, soft_wrap=True)
    console.print(f"Report: {run.path / 'report.html'}", highlight=False, soft_wrap=True)


@app.command()
def explain(
    model: Annotated[Path, Argument(metavar="MODEL", help="A saved Keras model: MODEL.keras.")],
    images: Annotated[list[Path], Argument(metavar="IMAGE...", help="Image files.")],
    out: Annotated[Path, Option(help="Folder for the overlays and the raw maps.")],
    layer: Annotated[
        str | None,
        Option(
            help="As in: campare list layers MODEL; several, with commas, are fused. "
            "Default: the last spatial layer."
        ),
    ] = None,
    target: Annotated[
        str | None,
        Option(help="A class by name or index, or second-best. Default: the predicted class."),
    ] = None,
    against: Annotated[
        str | None, Option(help="Another class: why --target rather than this one.")
    ] = None,
    output: Annotated[
        str | None, Option(help="The name of one of the model's outputs, if it has several.")
    ] = None,
    method: Annotated[str, Option(help="As in: campare list methods.")] = "grad-cam",
    size: Annotated[
        int | None, Option(min=8, help="Pixels a side, for a model that takes any size.")
    ] = None,
    pixels: Annotated[
        Literal["0..255", "0..1", "-1..1"],
        Option(help="The range that the model takes; 0..255 where it rescales by itself."),
    ] = "0..255",
    smooth: Annotated[
        bool, Option("--smooth", help="Average over mirrored, brighter and darker copies.")
    ] = False,
) -> None:
    """Write an overlay (PNG) and the raw map (.npy) of each image."""
    from rich.text import Text

    from campare.attribution.explain import explain as run_explain
    from campare.data.pixels import in_channels, in_range
    from campare.models import wrap

    pictures = [picture(path) for path in images]
    classifier = wrap(model, output=output)
    shape = classifier.input_shape
    shown = in_channels(stretched(pictures, sides(shape, size)), shape[-1])
    explanation = run_explain(
        classifier,
        in_range(shown, pixels),
        target=contrast(target, against),
        method=method,
        layer=words(layer),
        smooth=smooth,
    )
    files = explanation.save(out, names=[path.name for path in images])
    rows = table("image", "prediction", "target", "logit", "status", "overlay")
    targets = explanation.prediction if explanation.target is None else explanation.target
    for path, prediction, index, score, status, file in zip(
        images,
        explanation.prediction,
        targets,
        explanation.scores,
        explanation.status,
        files,
        strict=True,
    ):
        name = explanation.class_name(int(prediction))
        explained = explanation.class_name(int(index))
        cells = (str(path), name, explained, f"{score:.3f}", str(status), str(file))
        rows.add_row(*(Text(cell) for cell in cells))
    console = terminal()
    console.print(rows)
    console.print(f"{explanation.method} at layer {explanation.layer}", highlight=False)


@app.command()
def audit(
    models: Annotated[
        list[str],
        Argument(metavar="MODEL...", help="Saved Keras models: MODEL.keras, NAME=MODEL.keras."),
    ],
    data: Annotated[str, Option(help="A folder of images, one folder a class; or: drawn.")],
    metrics: Annotated[
        str, Option(help="Names (campare list metrics) and sets: default, all, claims.")
    ] = "default",
    methods: Annotated[str, Option(help="One or more: campare list methods.")] = "grad-cam",
    layer: Annotated[
        str | None,
        Option(help="For all models, or NAME=LAYER,... Default: the last spatial layer of each."),
    ] = None,
    size: Annotated[
        int | None, Option(min=8, help="Pixels a side, for models that take any size.")
    ] = None,
    pixels: Annotated[
        str, Option(help="The range that models take: 0..255, 0..1, -1..1, or NAME=RANGE,...")
    ] = "0..255",
    classes: Annotated[
        str | None,
        Option(help="Outputs of the data's classes: apple=948,banana=954, or a YAML file."),
    ] = None,
    target: Annotated[
        Literal["label", "prediction"], Option(help="The class that maps explain.")
    ] = "label",
    split: Annotated[
        Literal["test", "train", "all"] | None,
        Option(help="Images to measure. Default: test where there is one, else all."),
    ] = None,
    out: Annotated[Path | None, Option(help="The run's folder. Default: runs/DATA-audit.")] = None,
    seed: Annotated[int, Option(min=0, help="Of all that is drawn.")] = 0,
    batch_size: Annotated[int, Option(min=1, help="Images at a time.")] = 32,
    engine: Annotated[str, Option(help="Where models are evaluated: local, ray.")] = "local",
) -> None:
    """Measure trained models on the same images, compare, and write a report.

    Models trained elsewhere: --pixels and --classes say what they take and what they answer.
    """
    from campare.experiments.audit import audit as run_audit
    from campare.experiments.outputs import read_classes
    from campare.experiments.summary import summary
    from campare.runs.run import Run

    console, path = terminal(), out or Path("runs") / f"{Path(data).resolve().name}-audit"
    run_audit(
        named(models),
        data,
        metrics=words(metrics) or (),
        methods=words(methods) or (),
        layer=assigned(layer),
        size=size,
        pixels=assigned(pixels),
        classes=read_classes(classes),
        target=target,
        split=split,
        out=path,
        seed=seed,
        batch_size=batch_size,
        engine=engine,
        console=console,
    )
    console.print(summary(Run.open(path)), highlight=False)
    console.print(f"Every effect: campare compare {path}", highlight=False, soft_wrap=True)
    console.print(f"Report: {path / 'report.html'}", highlight=False, soft_wrap=True)


@app.command()
def report(
    run: Annotated[Path, Argument(metavar="RUN", help="The folder of a run.")],
    format: Annotated[
        Literal["html", "md", "pdf", "ipynb"],
        Option(help="A page, Markdown, a PDF (needs Chromium), or a notebook."),
    ] = "html",
    out: Annotated[
        Path | None, Option(help="The file to write. Default: report.FORMAT in RUN.")
    ] = None,
) -> None:
    """Compare the recipes or models of a run again, from its rows, and write its report."""
    from campare.experiments.cells import conclude
    from campare.runs.run import Run

    print(f"Report: {conclude(Run.open(run), format=format, out=out)}")


@app.command()
def compare(
    run: Annotated[Path, Argument(metavar="RUN", help="The folder of a run.")],
    other: Annotated[
        Path | None,
        Argument(metavar="[OTHER]", help="Another run: compare the recipes that both have."),
    ] = None,
    claims: Annotated[
        Path | None, Option(help="A YAML file of claims. Default: those of the article.")
    ] = None,
) -> None:
    """Print verdicts on claims and the effects of a run, or of one run against another."""
    from campare.runs.run import Run
    from campare.stats.compare import compare as run_compare
    from campare.stats.compare_runs import compare_runs
    from campare.stats.stored import comparison_of

    first = Run.open(run)
    if other is not None:
        if claims is not None:
            raise RunError("Expected --claims with one run, got two runs. Try leaving one out.")
        terminal().print(compare_runs(first, Run.open(other)))
    elif claims is not None:
        terminal().print(run_compare(first, claims=claims))
    else:
        terminal().print(comparison_of(first))


@app.command()
def power(
    run: Annotated[Path, Argument(metavar="RUN", help="The folder of a run.")],
    smallest: Annotated[
        float | None,
        Option(help="The smallest effect of interest. Default: that of the claims, by metric."),
    ] = None,
    goal: Annotated[
        float, Option("--power", min=0.01, max=0.99, help="How surely it is to be found.")
    ] = 0.8,
) -> None:
    """Print how many seeds and images it takes to find an effect, from a run's own variance."""
    from campare.runs.run import Run
    from campare.stats.power import power as run_power
    from campare.stats.printed import power_tables

    found = run_power(Run.open(run), smallest=smallest, goal=goal)
    terminal().print(power_tables(found, goal))


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
