"""What the rows say of each arm by itself: did its models learn, and on which grid are its maps?

classified rows, the run's facts  ->  ARMS
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from campare.metrics.classification import learned

#: Of a map on which nothing can be seen.
_BLANK = ("flat", "all-negative", "non-finite", "unconnected")

#: Columns of `Comparison.arms`; `unlearned`: replicates no better than the commonest class; `maps`:
#: of the main method, `flat` of which have nothing on them; `fits`: the pixels that would fit its
#: models better, if any, with commas between those that do alike, and the accuracy on some images;
#: `prepared`: the function of the user's own that prepares pixels, where no others are better.
ARMS: dict[str, Any] = {
    **dict.fromkeys(("arm", "title", "grid"), pl.String),
    **dict.fromkeys(("replicates", "unlearned"), pl.Int64),
    **dict.fromkeys(("accuracy", "chance"), pl.Float64),
    **dict.fromkeys(("maps", "flat"), pl.Int64),
    "fits": pl.String,
    "fits_accuracy": pl.Float64,
    "fits_images": pl.Int64,
    "prepared": pl.String,
}


def arms_of(
    classified: pl.DataFrame,
    names: Iterable[str],
    recipes: Iterable[Mapping[str, Any]] = (),
    grids: Mapping[str, Sequence[int]] = {},
    maps: Mapping[str, tuple[int, int]] = {},
    fits: Mapping[str, Mapping[str, Any]] = {},
) -> list[dict[str, Any]]:
    """A row for each arm, with the columns of ARMS.

    Args:
        classified: recipe, seed, label, prediction, right (null where undefined), and group, if
            any: a row for each image that a model classified.
        names: the arms.
        recipes: as a manifest lists them; titles are theirs.
        grids: arm -> resolution of its maps.
        maps: arm -> how many maps there are, and how many of them are flat.
        fits: arm -> the pixels that would fit better, the accuracy with them, and of how many
            images; or the function that prepares them, where none would.

    `accuracy` is the mean over replicates, `chance` the share of the commonest class; both are NaN,
    and `unlearned` is 0, where nothing was classified.

    Example:
        >>> rows = pl.DataFrame({"recipe": ["A"] * 8, "seed": [0] * 8, "label": list("abababab"),
        ...     "prediction": list("aaaaaaaa"), "right": [True, False] * 4})
        >>> [(row["accuracy"], row["chance"], row["unlearned"]) for row in arms_of(rows, ["A"])]
        [(0.5, 0.5, 1)]
    """
    titles = {str(recipe.get("name")): recipe.get("title") for recipe in recipes}
    parts = classified.partition_by("recipe", as_dict=True)
    rows = []
    for name in names:
        part = parts.get((name,), classified.clear())
        models = part.partition_by("seed")
        accuracies = [model["right"].mean() for model in models]
        known = [float(value) for value in accuracies if isinstance(value, float)]
        grid = grids.get(name)
        rows.append(
            {
                "arm": name,
                "title": titles.get(name) or name,
                "grid": " × ".join(map(str, grid)) if grid else None,
                "replicates": len(models),
                "unlearned": sum(not _learned(model) for model in models),
                "accuracy": sum(known) / len(known) if known else math.nan,
                "chance": _commonest(part["label"]),
                **dict(zip(("maps", "flat"), maps.get(name, (0, 0)), strict=True)),
                "fits": _named(fits.get(name, {})),
                "fits_accuracy": fits.get(name, {}).get("accuracy", math.nan),
                "fits_images": fits.get(name, {}).get("images"),
                "prepared": fits.get(name, {}).get("prepared"),
            }
        )
    return rows


def _learned(model: pl.DataFrame) -> bool:
    """Whether a model beats the commonest class, if there are several; undefined ones do not."""
    if model["right"].null_count():
        return False
    if model["label"].n_unique() < 2:
        return True
    label = model["label"].rank("dense").to_numpy().astype(np.int64) - 1
    hits = model["right"].to_numpy()
    groups = model["group"].to_list() if "group" in model.columns else ()
    return learned(label, np.where(hits, label, -1), groups=groups)


def _named(fits: Mapping[str, Any]) -> str | None:
    """The pixels that fit best, then those with which a model is right as often."""
    return ", ".join([fits["pixels"], *fits.get("also", ())]) if "pixels" in fits else None


def _commonest(labels: pl.Series) -> float:
    if not len(labels):
        return math.nan
    return float(labels.value_counts()["count"].max() or 0) / len(labels)  # type: ignore[arg-type]


def flat_maps(frame: pl.DataFrame, method: str) -> dict[str, tuple[int, int]]:
    """Arm -> how many maps of a method there are, and how many of them have nothing on them.

    Example:
        >>> rows = [("A", 0, "1.png", "grad-cam", "energy", "flat"),
        ...     ("A", 0, "2.png", "grad-cam", "energy", "ok")]
        >>> names = ["recipe", "seed", "image", "method", "metric", "status"]
        >>> flat_maps(pl.DataFrame(rows, schema=names, orient="row"), "grad-cam")
        {'A': (2, 1)}
    """
    own = frame.filter((pl.col("method") == method) & ~pl.col("metric").str.contains("@"))
    blank = own.group_by("recipe", "seed", "image").agg(pl.col("status").is_in(_BLANK).any())
    counts = blank.group_by("recipe").agg(pl.len(), pl.col("status").sum().alias("flat"))
    return {name: (maps, flat) for name, maps, flat in counts.rows()}
