"""The table as matrices: rows of measurements in, one Y[seed, image] per arm, method, metric out.

    a Run, its path, or a data frame  ->  checked rows  ->  {(recipe, method, metric): Measured}

Undefined rows (status not 'ok', or no finite value) become NaN and are counted. Rows of another
layer than the run's, and of the predicted class where the true one was explained too, are kept
apart for the sensitivity analyses.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campare.attribution.baselines import BASELINES
from campare.errors import RunError
from campare.runs.manifest import CellRecord, Manifest
from campare.runs.run import Run
from campare.types import NEEDED_COLUMNS, SCORE_COLUMNS, Ints

Contrasts = tuple[tuple[str, str], ...]
Shown = Mapping[str, Sequence[int]]

UNTRAINED = ":untrained"
TEST = "test"
_CLASSIFIED: dict[str, Any] = {
    "recipe": pl.String, "seed": pl.Int64, "group": pl.String, "label": pl.String,
    "prediction": pl.String, "right": pl.Boolean,
}  # fmt: skip
_KEYS = ("recipe", "seed", "image", "group", "method", "layer", "metric")


class Rows(NamedTuple):
    """The checked rows of a table, and what the run says of its recipes.

    frame: recipe, seed, image, group, method, metric, value (null where undefined), right (the
    prediction is the label).
    others: name of an analysis -> rows like `frame`.
    classified: recipe, seed, group, label, prediction, right: a row for each image that a model
    judged.
    checked: the rows of the test split as they are.
    grids: recipe -> method -> resolution of its maps; kind: of the run.
    shown: mosaic -> the images that it shows, as numbers; {}: not known.
    fits: recipe -> the pixels that would fit its models better, as `CellRecord` has it.
    curves: recipe, seed, epoch, measure, value, of what was measured while recipes were trained.
    """

    frame: pl.DataFrame
    contrasts: Contrasts = ()
    recipes: tuple[Mapping[str, Any], ...] = ()
    others: Mapping[str, pl.DataFrame] = {}
    classified: pl.DataFrame = pl.DataFrame(schema=_CLASSIFIED)
    checked: pl.DataFrame = pl.DataFrame(schema=SCORE_COLUMNS)
    grids: Mapping[str, Mapping[str, tuple[int, ...]]] = {}
    kind: str = ""
    shown: Mapping[str, Sequence[int]] = {}
    fits: Mapping[str, Mapping[str, Any]] = {}
    curves: tuple[tuple[str, int, int, str, float | None], ...] = ()
    notes: tuple[str, ...] = ()  # what of a run is missing, in sentences

    def matrices(self) -> "dict[Key, Measured]":
        """(recipe, method, metric) -> Measured, in the order in which the table names them."""
        return matrices(self.frame, self.shown)


@dataclass(frozen=True)
class Measured:
    """One metric of one method in one arm; `values[s, i]` is NaN where undefined.

    The seeds and images of all `Measured` of a table are the same, in sorted order, so that rows
    and columns of two of them belong together. Several rows of a seed and an image are averaged.
    `groups` says which images belong together, or which ones each mosaic shows, as `crossed.split`
    takes it; None: all are by themselves.
    """

    values: NDArray[np.float64]  # (seeds, images)
    rows: int
    undefined: int
    groups: Ints | None = None  # (images,) or (images, 4)


Key = tuple[str, str, str]  # recipe, method, metric


def is_null(method: str) -> bool:
    """Whether a method is a null: a map that looks at no model, or at an untrained one.

    Example:
        >>> is_null("centre"), is_null("grad-cam:untrained"), is_null("grad-cam")
        (True, True, False)
    """
    return control_kind(method) is not None


def control_kind(method: str) -> str | None:
    """What a null is: 'untrained', or the map that looks at no model; None: it is no null.

    Example:
        >>> control_kind("guided-grad-cam:centre"), control_kind("guided-grad-cam")
        ('centre', None)
    """
    kind = method.rpartition(":")[2]
    return kind if kind in BASELINES or method.endswith(UNTRAINED) else None


def controls_of(method: str, present: Iterable[str]) -> list[str]:
    """Those methods of a table that are nulls of `method`, in their order.

    They carry its name, or are common to all methods of its resolution.

    Example:
        >>> present = ["centre", "fem:untrained", "guided-grad-cam:centre", "edge"]
        >>> controls_of("guided-grad-cam", present), controls_of("fem", present)
        (['guided-grad-cam:centre'], ['centre', 'fem:untrained', 'edge'])
    """
    nulls = [name for name in present if is_null(name)]
    own = [name for name in nulls if name.startswith(f"{method}:")]
    if any(control_kind(name) in BASELINES for name in own):
        return own
    return [name for name in nulls if name in own or ":" not in name]


def read(table: Any) -> Rows:
    """The checked rows of a run, a run directory, Scores or a frame, and what the run says.

    Raises:
        RunError: no such directory, no finished cell, missing columns, no defined row, several
            layers of one method of which the run names none as its own.
    """
    if isinstance(table, str | Path):
        table = Run.open(table)
    if callable(getattr(table, "scores", None)):
        manifest: Manifest = table.manifest
        return _rows(
            table.scores(),
            tuple(manifest.cells.values()),
            contrasts=tuple(manifest.contrasts),
            recipes=tuple(manifest.recipe_fields),
            kind=manifest.kind,
            shown=getattr(table, "mosaics", dict)(),
            notes=missing(table),
        )
    cells = tuple(getattr(table, "cells", ()))
    return _rows(
        getattr(table, "frame", table),
        cells,
        recipes=tuple(getattr(table, "arms", ())),
        kind="audit" if cells else "",  # which alone measures without a run
        shown=getattr(table, "mosaics", {}),
    )


def missing(run: Any) -> tuple[str, ...]:
    """What a run lacks: cells that are not as they were written, or failed; a sentence each."""
    failures: Mapping[str, str] = run.manifest.failures
    return (
        *(f"Not as it was written: {fault}." for fault in getattr(run, "faults", ())),
        *(f"Failed: {name}: {cause}" for name, cause in failures.items()),
    )


def _rows(frame: Any, cells: Sequence[CellRecord], **said: Any) -> Rows:
    """The checked rows of a frame with what is known of the models that they are of."""
    checked = of_test(checked_columns(frame))
    main = {cell.recipe: cell.layer for cell in cells if cell.layer}
    rows, others = _check(checked, main)
    return Rows(
        rows,
        others=others,
        classified=_classified(checked),
        checked=checked,
        grids={cell.recipe: cell.grids for cell in cells if cell.grids},
        fits={cell.recipe: cell.fits for cell in reversed(cells) if cell.fits},
        curves=tuple(
            (cell.recipe, cell.seed, epoch, measure, value)
            for cell in cells
            for epoch, point in cell.curve.items()
            for measure, value in point.items()
        ),
        **said,
    )


def _classified(frame: pl.DataFrame) -> pl.DataFrame:
    """What each model said of each image: the rows of `correct`."""
    correct = frame.filter(pl.col("metric") == "correct")
    right = pl.when(pl.col("status") == "ok").then(pl.col("prediction") == pl.col("label"))
    return correct.select("recipe", "seed", "group", "label", "prediction", right.alias("right"))


def checked_columns(frame: Any) -> pl.DataFrame:
    """A polars or pandas frame of SCORE_COLUMNS as a polars frame, `group` null where it lacks.

    Raises RunError where another one is missing.

    Example:
        >>> checked_columns(pl.DataFrame(schema=NEEDED_COLUMNS)).width
        13
    """
    columns = getattr(frame, "columns", ())
    missing = [column for column in NEEDED_COLUMNS if column not in columns]
    if missing:
        raise RunError(
            f"Expected a table with the columns {', '.join(NEEDED_COLUMNS)}, "
            f"got none named {', '.join(missing)}. Try a Run or the path of a run directory."
        )
    if not isinstance(frame, pl.DataFrame):
        known = [column for column in SCORE_COLUMNS if column in columns]
        frame = pl.DataFrame({column: list(frame[column]) for column in known})  # no pyarrow
    table: pl.DataFrame = frame
    return table if "group" in columns else table.with_columns(group=pl.lit(None, pl.String))


def of_test(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of the test split, where there are any; else all.

    Example:
        >>> of_test(pl.DataFrame({"split": ["train", "test"]})).height
        1
    """
    tested = frame.filter(pl.col("split") == TEST)
    return tested if tested.height else frame


def _check(
    frame: pl.DataFrame, main: Mapping[str, str]
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The columns that count, with `value` null where undefined; one split, layer and target."""
    value = pl.col("value").cast(pl.Float64)
    defined = (pl.col("status") == "ok") & value.is_finite()
    frame = frame.select(
        *_KEYS,
        pl.when(defined).then(value).alias("value"),
        (pl.col("prediction") == pl.col("label")).alias("right"),
        (pl.col("target") == pl.col("label")).alias("of_label"),
        (pl.col("target") == pl.col("prediction")).alias("of_prediction"),
    )
    if frame["value"].count() == 0:
        raise RunError(
            f"Expected rows with status 'ok' and a finite value, got none in {frame.height}. "
            "Try campare study again with another layer or method."
        )
    frame, others = _one_layer(frame, main)
    frame, predicted = _one_target(frame)
    if predicted is not None:
        others = {"predicted class": predicted, **others}
    drop = ("layer", "of_label", "of_prediction")
    return frame.drop(drop), {name: rows.drop(drop) for name, rows in others.items()}


def _one_layer(
    frame: pl.DataFrame, main: Mapping[str, str]
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The rows of each recipe's own layer, and those of every other layer by its name."""
    layers = frame.group_by("recipe", "seed", "method").agg(pl.col("layer").unique().sort())
    several = layers.filter(pl.col("layer").list.len() > 1).sort("recipe", "seed", "method")
    for row in several.iter_rows(named=True):
        if main.get(row["recipe"]) not in row["layer"]:
            raise RunError(
                f"Expected one layer for {row['method']} of recipe {row['recipe']}, "
                f"got {', '.join(row['layer'])}. Try filtering the table by layer."
            )
    if not several.height:
        return frame, {}
    recipes = several["recipe"].unique().to_list()
    own = pl.col("recipe").replace_strict(
        {name: main[name] for name in recipes}, default=None, return_dtype=pl.String
    )
    elsewhere = own.is_not_null() & (pl.col("layer") != own) & (pl.col("layer") != "-")
    away = frame.filter(elsewhere)
    parts = away.partition_by("layer", as_dict=True, maintain_order=True)
    return frame.filter(~elsewhere), {f"layer {name}": part for (name,), part in parts.items()}


def _one_target(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Rows that explain the true class; those of the predicted one where both were measured.

    Only wrong predictions tell the two apart.
    """
    wrong = frame.filter(~pl.col("right") & (pl.col("layer") != "-"))
    both = (
        wrong.group_by("method", "metric")
        .agg(pl.col("of_label").any(), pl.col("of_prediction").any())
        .filter(pl.col("of_label") & pl.col("of_prediction"))
        .select("method", "metric")
    )
    if not both.height:
        return frame, None
    twice = frame.join(both, on=("method", "metric"), maintain_order="left")
    once = frame.join(both, on=("method", "metric"), how="anti", maintain_order="left")
    main = pl.concat([once, twice.filter(pl.col("of_label"))])
    return main, twice.filter(pl.col("of_prediction"))


def matrices(frame: pl.DataFrame, shown: Shown | None = None) -> dict[Key, Measured]:
    """(recipe, method, metric) -> Measured, in the order in which the table names them.

    `shown` is that of `Rows`: which images each mosaic shows.
    """
    return dict(_matrices(frame, shown or {}))


def _matrices(frame: pl.DataFrame, shown: Shown) -> Iterator[tuple[Key, Measured]]:
    groups = groups_of(frame)
    mosaics = _mosaics_of(frame, shown) if groups is None else None
    located, shape = _located(frame, "method", "metric", "value")
    parts = located.partition_by("recipe", "method", "metric", as_dict=True, include_key=False)
    for (recipe, method, metric), part in parts.items():
        known = part.drop_nulls()
        mean = _averaged(known["cell"].to_numpy(), known["value"].to_numpy(), shape)
        undefined = part.height - known.height
        of_mosaics = mosaics is not None and (mosaics[np.isfinite(mean).any(axis=0)] >= 0).all()
        yield (
            (str(recipe), str(method), str(metric)),
            Measured(mean, part.height, undefined, mosaics if of_mosaics else groups),
        )


def _mosaics_of(frame: pl.DataFrame, shown: Shown) -> Ints | None:
    """(images, 4): what each image of a table shows, in the order of `matrices`, -1: itself."""
    names = frame["image"].unique().sort().to_list()
    if not any(name in shown for name in names):
        return None
    alone = [-1] * len(next(iter(shown.values())))
    return np.array([shown.get(name, alone) for name in names], np.int64)


def groups_of(frame: pl.DataFrame) -> Ints | None:
    """The group of each image of a table, in the order of `matrices`, as numbers; None: no groups.

    An image of no group is one by itself. Raises RunError for an image of two groups.

    Example:
        >>> table = pl.DataFrame({"image": ["c", "a", "b"], "group": ["p", None, "p"]})
        >>> groups_of(table).tolist()
        [1, 2, 2]
    """
    if frame["group"].null_count() == frame.height:
        return None
    known = pl.col("group").drop_nulls()
    each = frame.group_by("image").agg(known.first(), known.n_unique().alias("number"))
    several = each.filter(pl.col("number") > 1).sort("image")
    if several.height:
        image = several["image"][0]
        own = frame.filter(pl.col("image") == image)["group"].drop_nulls().unique().sort()
        raise RunError(
            f"Expected one group for each image, got {', '.join(own)} for {image}. "
            "Try one name in the column group in all rows of an image."
        )
    unit = pl.struct(pl.col("group"), pl.when(pl.col("group").is_null()).then("image"))
    codes = each.sort("image").select(unit.rank("dense"))
    return codes.to_series().to_numpy().astype(np.int64)


def right(frame: pl.DataFrame) -> dict[str, NDArray[np.float64]]:
    """recipe -> (seeds, images): 1 where the prediction is the label, 0 where not, NaN unknown.

    On the grid of `matrices` of the same frame; rows of nulls, which tell of other models, apart.
    """
    located, shape = _located(frame, "method", "right")
    trained = [name for name in frame["method"].unique().to_list() if not is_null(name)]
    known = located.filter(pl.col("method").is_in(trained)).drop_nulls()
    parts = known.partition_by("recipe", as_dict=True, include_key=False)
    return {
        str(recipe): _averaged(part["cell"].to_numpy(), part["right"].to_numpy(), shape)
        for (recipe,), part in parts.items()
    }


def _located(frame: pl.DataFrame, *columns: str) -> tuple[pl.DataFrame, tuple[int, int]]:
    """Recipe, the cell of each row on the flattened grid of seeds and images, and `columns`."""
    names = pl.Enum(frame["image"].unique().sort())
    images = len(names.categories)
    seed = pl.col("seed").rank("dense").cast(pl.Int64) - 1
    cell = seed * images + pl.col("image").cast(names).to_physical().cast(pl.Int64)
    return frame.select("recipe", cell.alias("cell"), *columns), (
        frame["seed"].n_unique(),
        images,
    )


def _averaged(
    at: NDArray[Any], values: NDArray[Any], shape: tuple[int, int]
) -> NDArray[np.float64]:
    cells = shape[0] * shape[1]
    count = np.bincount(at, minlength=cells)
    total = np.bincount(at, weights=values, minlength=cells)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(cells, np.nan), where=count > 0)
    return mean.reshape(shape)
