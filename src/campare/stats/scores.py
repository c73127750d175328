"""The table as matrices: rows of measurements in, one Y[seed, image] per arm, method, metric out.

    a Run, its path, or a data frame  ->  checked rows  ->  {(recipe, method, metric): Measured}

Undefined rows (status not 'ok', or no finite value) become NaN and are counted.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campare.cams.baselines import BASELINES
from campare.errors import RunError
from campare.types import SCORE_COLUMNS

Contrasts = tuple[tuple[str, str], ...]

UNTRAINED = ":untrained"
TEST = "test"
_KEYS = ("recipe", "seed", "image", "method", "layer", "metric")


@dataclass(frozen=True)
class Measured:
    """One metric of one method in one arm; `values[s, i]` is NaN where undefined.

    The seeds and images of all `Measured` of a table are the same, in sorted order, so that rows
    and columns of two of them belong together. Several rows of a seed and an image are averaged.
    """

    values: NDArray[np.float64]  # (seeds, images)
    rows: int
    undefined: int


Key = tuple[str, str, str]  # recipe, method, metric


def is_null(method: str) -> bool:
    """Whether a method is a null: a map that looks at no model, or at an untrained one.

    Example:
        >>> is_null("centre"), is_null("grad-cam:untrained"), is_null("grad-cam")
        (True, True, False)
    """
    return method in BASELINES or method.endswith(UNTRAINED)


def read(table: Any) -> tuple[pl.DataFrame, Contrasts]:
    """The checked rows of a run, a run directory, Scores or a frame, and the contrasts of the run.

    Raises:
        RunError: no such directory, no finished cell, missing columns, no defined row, several
            layers of one method.
    """
    frame: Any
    manifest: Any
    if isinstance(table, str | Path):
        frame, manifest = _read_directory(Path(table))
    elif callable(getattr(table, "scores", None)):
        frame, manifest = table.scores(), table.manifest
    else:
        frame, manifest = getattr(table, "frame", table), {}
    pairs = tuple((str(a), str(b)) for a, b in manifest.get("contrasts") or ())
    return _check(checked_columns(frame)), pairs


def checked_columns(frame: Any) -> pl.DataFrame:
    """A polars or pandas frame of SCORE_COLUMNS as a polars frame.

    Raises RunError where one is missing.

    Example:
        >>> checked_columns(pl.DataFrame(schema=SCORE_COLUMNS)).width
        12
    """
    missing = [column for column in SCORE_COLUMNS if column not in getattr(frame, "columns", ())]
    if missing:
        raise RunError(
            f"Expected a table with the columns {', '.join(SCORE_COLUMNS)}, "
            f"got none named {', '.join(missing)}. Try a Run or the path of a run directory."
        )
    if isinstance(frame, pl.DataFrame):
        return frame
    return pl.DataFrame({column: list(frame[column]) for column in SCORE_COLUMNS})  # no pyarrow


def _read_directory(path: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    manifest = path / "run.json"
    if not manifest.is_file():
        raise RunError(
            f"Expected a run directory with run.json, got {path}. "
            "Try the folder that campare study wrote."
        )
    try:
        facts = json.loads(manifest.read_text("utf-8"))
    except ValueError as error:
        raise RunError(
            f"Expected JSON in {manifest}, got: {error}. Try another run directory."
        ) from error
    files = sorted((path / "scores").glob("*.parquet"))
    if not files:
        raise RunError(
            f"Expected finished cells in {path}, got none. Try the study's command again."
        )
    frame = pl.concat([pl.read_parquet(file) for file in files])
    names = [recipe["name"] for recipe in facts.get("recipes", [])]
    order = {name: i for i, name in enumerate(names)}
    rank = pl.col("recipe").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    return frame.sort(rank, maintain_order=True), facts


def of_test(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of the test split, where there are any; else all.

    Example:
        >>> of_test(pl.DataFrame({"split": ["train", "test"]})).height
        1
    """
    tested = frame.filter(pl.col("split") == TEST)
    return tested if tested.height else frame


def _check(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that count, with `value` null where undefined; one split, one layer."""
    frame = of_test(frame)
    value = pl.col("value").cast(pl.Float64)
    defined = (pl.col("status") == "ok") & value.is_finite()
    frame = frame.select(*_KEYS, pl.when(defined).then(value).alias("value"))
    if frame["value"].count() == 0:
        raise RunError(
            f"Expected rows with status 'ok' and a finite value, got none in {frame.height}. "
            "Try campare study again with another layer or method."
        )
    layers = frame.group_by("recipe", "seed", "method").agg(pl.col("layer").unique().sort())
    several = layers.filter(pl.col("layer").list.len() > 1).sort("recipe", "seed", "method")
    if several.height:
        row = several.row(0, named=True)
        raise RunError(
            f"Expected one layer for {row['method']} of recipe {row['recipe']}, "
            f"got {', '.join(row['layer'])}. Try filtering the table by layer."
        )
    return frame.drop("layer")


def matrices(frame: pl.DataFrame) -> dict[Key, Measured]:
    """(recipe, method, metric) -> Measured, in the order in which the table names them."""
    return dict(_matrices(frame))


def _matrices(frame: pl.DataFrame) -> Iterator[tuple[Key, Measured]]:
    names = pl.Enum(frame["image"].unique().sort())
    images = len(names.categories)
    seeds = frame["seed"].n_unique()
    row = pl.col("seed").rank("dense").cast(pl.Int64) - 1
    place = row * images + pl.col("image").cast(names).to_physical().cast(pl.Int64)
    placed = frame.select("recipe", "method", "metric", place.alias("place"), "value")
    parts = placed.partition_by("recipe", "method", "metric", as_dict=True, include_key=False)
    for (recipe, method, metric), part in parts.items():
        known = part.drop_nulls()
        cells, value = known["place"].to_numpy(), known["value"].to_numpy()
        count = np.bincount(cells, minlength=seeds * images)
        total = np.bincount(cells, weights=value, minlength=seeds * images)
        mean = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
        measured = Measured(
            mean.reshape(seeds, images), rows=part.height, undefined=part.height - known.height
        )
        yield (str(recipe), str(method), str(metric)), measured
