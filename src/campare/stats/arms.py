"""What the rows say of each arm by itself: did its models learn, and on which grid are its maps?

classified rows, the run's facts  ->  ARMS
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from campare.metrics.classification import learned

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
    classified: pl.DataFrame | Iterable[pl.DataFrame],
    names: Iterable[str],
    recipes: Iterable[Mapping[str, Any]] = (),
    grids: Mapping[str, Sequence[int]] = {},
    maps: Mapping[str, tuple[int, int]] = {},
    fits: Mapping[str, Mapping[str, Any]] = {},
) -> list[dict[str, Any]]:
    """A row for each arm, with the columns of ARMS.

    Args:
        classified: recipe, seed, label, prediction, right (null where undefined), and group, if
            any: a row for each image that a model classified; or several such tables, each with all
            rows of its models.
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
    found: dict[str, list[_Model]] = {}
    for table in [classified] if isinstance(classified, pl.DataFrame) else classified:
        for (name, _), model in table.partition_by("recipe", "seed", as_dict=True).items():
            found.setdefault(str(name), []).append(_Model.of(model))
    rows = []
    for name in names:
        models = found.get(name, [])
        known = [model.accuracy for model in models if model.accuracy is not None]
        grid = grids.get(name)
        rows.append(
            {
                "arm": name,
                "title": titles.get(name) or name,
                "grid": " × ".join(map(str, grid)) if grid else None,
                "replicates": len(models),
                "unlearned": sum(not model.learned for model in models),
                "accuracy": sum(known) / len(known) if known else math.nan,
                "chance": _commonest(models),
                **dict(zip(("maps", "flat"), maps.get(name, (0, 0)), strict=True)),
                "fits": _named(fits.get(name, {})),
                "fits_accuracy": fits.get(name, {}).get("accuracy", math.nan),
                "fits_images": fits.get(name, {}).get("images"),
                "prepared": fits.get(name, {}).get("prepared"),
            }
        )
    return rows


class _Model(NamedTuple):
    """What the rows of one model say: its accuracy, if any, and the images of each class."""

    accuracy: float | None
    learned: bool
    labels: Counter[str | None]

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "_Model":
        mean = rows["right"].mean()
        accuracy = float(mean) if isinstance(mean, float) else None
        return cls(accuracy, _learned(rows), Counter(dict(rows["label"].value_counts().rows())))


def _learned(model: pl.DataFrame) -> bool:
    """Whether a model beats the commonest class, if there are several; undefined is not right."""
    hits = model["right"].fill_null(value=False).to_numpy()
    if model["label"].n_unique() < 2:
        return bool(model["right"].null_count() < model.height)
    label = model["label"].rank("dense").to_numpy().astype(np.int64) - 1
    groups = model["group"].to_list() if "group" in model.columns else ()
    return learned(label, np.where(hits, label, -1), groups=groups)


def _named(fits: Mapping[str, Any]) -> str | None:
    """The pixels that fit best, then those with which a model is right as often."""
    return ", ".join([fits["pixels"], *fits.get("also", ())]) if "pixels" in fits else None


def _commonest(models: Sequence[_Model]) -> float:
    """The share of the commonest class."""
    labels = sum((model.labels for model in models), Counter[str | None]())
    return max(labels.values()) / labels.total() if labels else math.nan
