"""audit(): models that were trained elsewhere, measured on the same images -> the table.

    check (models, classes, layers, metrics) -> each model: maps, rows -> Scores, run directory

Each model counts as one recipe of one seed: images are the replicates. A difference between two of
them speaks of these two models, not of the ways in which they were trained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.attribution.method import find as find_method
from campare.data import Images, ImageSet
from campare.data.pixels import Pixels
from campare.data.samples import SPLITS
from campare.errors import CampareError, DataError, TargetError
from campare.experiments.examine import Terms, examine
from campare.experiments.manifest import file_digest, open_audit
from campare.experiments.progress import STAGES, Live
from campare.experiments.scene import Scenes, image_set
from campare.experiments.selection import Selection, select, without_mosaics
from campare.experiments.study import conclude
from campare.experiments.subject import Subject, named, of_model, subject
from campare.runs.run import Cell, Run
from campare.stats.table import Scores

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

#: What maps may explain: the class of the data, or what each model predicts.
TARGETS = ("label", "prediction")


def audit(
    models: Any,
    data: ImageSet | Images | str | Path,
    *,
    metrics: str | Sequence[str] | None = None,
    methods: str | Sequence[str] = ("grad-cam",),
    layer: Any = None,
    size: int | None = None,
    pixels: Pixels | Mapping[str, Pixels] = "0..255",
    classes: Mapping[str, Any] | None = None,
    target: str = "label",
    split: str | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    batch_size: int = 32,
    console: "Console | None" = None,
) -> Scores:
    """Measure models that are trained already, all on the same images.

    Args:
        models: {"name": model}, or one or several: the path of a Keras file, a Keras model, a torch
            module, a Classifier.
        data: an ImageSet, Images, "drawn", or a folder of images.
        metrics: names (`campare list metrics`) or sets: 'default', 'all', 'claims'.
        methods: of maps, `campare list methods`; all from the same passes.
        layer: path of the layer to read, for all models; default: the last spatial one of each.
        size: pixels a side for models that take any; others get the pictures in their own size.
        pixels: what models take: '0..255', '0..1', '-1..1', or a function of float32 images
            (N, H, W, 3) of 0..255.
        classes: which output speaks for which class of the data, by index or name:
            {"apple": 948, "banana": 954}. Default: by name where the model carries names, by order
            where it has as many outputs as there are classes.
        target: the class that maps explain, the 'label', or each model's 'prediction', which needs
            no outputs that match.
        split: 'test', 'train' or 'all'. Default: test where there is one, else all.
        out: a run directory for rows, maps and report; None: nothing is written.
        seed: of all that is drawn; the same for each model.
        batch_size: images at a time.

    `layer`, `pixels` and `classes` may be {model's name: value}, too.

    Raises:
        CampareError: something does not fit; the text says what would. Nothing has been written.

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
    import polars as pl
    from rich.console import Console

    with Live(console or Console(quiet=True), "audit", "model") as live:
        given, ticker = named(models), _Ticker(live)
        images, split = _images(data, split, target, live)
        terms = Terms(_methods(methods), target, split, seed)
        options = {"layer": layer, "pixels": pixels, "classes": classes}
        subjects = [
            subject(
                name,
                model,
                images.class_names,
                **{option: of_model(option, o, name, list(given)) for option, o in options.items()},
                size=size or images.default_size,
                target=target,
                batch_size=batch_size,
                seed=seed,
                asked=ticker.asked,
            )
            for name, model in given.items()
        ]
        selection = _select(images, subjects, metrics, target, live)
        scenes = Scenes(images, selection.names, _coarsest(subjects), live)
        run = None
        if out is not None:
            digests = {one.name: _digest(one, given[one.name]) for one in subjects}
            run = open_audit(Path(out), images, subjects, terms, selection, scenes.matched, digests)
            if not (run.path / "images.npz").is_file():
                run.write_images(scenes.shown([one.size for one in subjects]))
        live.plan({one.name: one.name for one in subjects})
        tables = [_table(one, scenes, terms, run, ticker) for one in subjects]
        if run is not None:
            live.say("Comparing the models and writing the report")
            conclude(run)
    return Scores(pl.concat(tables), None if run is None else run.path)


@dataclass(eq=False)
class _Ticker:
    """Shows which model is at which stage, and after how many images."""

    live: Live
    model: str = ""
    stage: str = ""
    images: int = 0

    def turn(self, stage: str) -> None:
        self.stage = STAGES.get(stage, stage)
        self.asked(0)

    def asked(self, images: int) -> None:
        self.images += images
        self.live.event(self.model, f"{self.stage}, {self.images:,} passes")


def _table(
    one: Subject, scenes: Scenes, terms: Terms, run: Run | None, ticker: _Ticker
) -> "pl.DataFrame":
    """The rows of one model: measured now, or read where an earlier audit was stopped later."""
    import polars as pl

    cell = Cell(one.name, 0)
    if run is not None and run.finished(cell):
        ticker.live.say(f"{one.name}: measured already")
        ticker.live.finish(one.name, run.manifest.cells[cell.name].model_dump())
        return pl.read_parquet(run.scores_path(cell))
    ticker.model, ticker.images = one.name, 0
    table, maps, facts = examine(one, scenes.of(one.size), terms, ticker.turn)
    if run is not None:
        run.write_maps(cell, maps)
        run.write_scores(cell, table)
        run.record(cell, **facts)
    ticker.live.finish(one.name, facts)
    return table


def _images(
    data: ImageSet | Images | str | Path, split: str | None, target: str, live: Live
) -> tuple[ImageSet, str]:
    """The images to measure, all of them as test images, and which split they are."""
    if split not in (None, "all", *SPLITS):
        raise DataError(f"Expected split test, train or all, got {split!r}. Try: split='test'")
    if target not in TARGETS:
        raise TargetError(
            f"Expected target 'label' or 'prediction', got {target!r}. Try: target='label'"
        )
    if isinstance(data, Images):
        images = ImageSet.from_images(data)
    else:
        images = image_set(data, live, training=False)
    chosen = split or ("test" if images.of("test") else "all")
    samples = images.samples if chosen == "all" else images.of(chosen)
    if not samples:
        raise DataError(
            f"Expected images in split {chosen!r} of {images.name}, got none. Try: split='all'"
        )
    live.say(f"campare: {len(samples)} images of {images.name} ({chosen})")
    for skipped in images.skipped[:5]:
        live.say(f"Skipped {skipped.image}: {skipped.reason}")
    tested = tuple(replace(sample, split="test") for sample in samples)
    return replace(images, samples=tested), chosen


def _methods(methods: str | Sequence[str]) -> tuple[str, ...]:
    """The methods by name, each once."""
    names = tuple(dict.fromkeys([methods] if isinstance(methods, str) else methods))
    for name in names or ("",):
        if find_method(name).kind == "baseline":
            raise CampareError(
                f"Expected methods that look at a model, got {name!r}, a null that every audit has "
                "in its table. Try: methods=['grad-cam']"
            )
    return names


def _select(
    images: ImageSet,
    subjects: Sequence[Subject],
    metrics: str | Sequence[str] | None,
    target: str,
    live: Live,
) -> Selection:
    """The metrics that can be measured; the others are named, with the reason, once."""
    selection = select(
        metrics,
        images.regions,
        without_mosaics(images, [one.size for one in subjects], target),
        known=all(one.outputs.known for one in subjects),
    )
    for line in selection.words():
        live.say(line)
    return selection


def _coarsest(subjects: Sequence[Subject]) -> tuple[int, int] | None:
    """The smallest grid of maps where grids differ; None where all maps have the same."""
    grids = {one.grid for one in subjects}
    return min(grids, key=lambda grid: grid[0] * grid[1]) if len(grids) > 1 else None


def _digest(one: Subject, model: Any) -> str | None:
    """Tells a model apart from another of its name; None where only Python knows it."""
    if not isinstance(model, (str, Path)) or callable(one.pixels):
        return None
    return file_digest(Path(model))
