"""How far measures agree with one another, and with themselves, on the maps of a run.

`agreement`: the rank correlation of every two measures, over images and over models. `reliability`:
split in half, do the halves tell the same? Over images: would other images order the models alike?
(Groups, such as patients, are in one half.)
Over seeds: would other trainings order the images alike? Half a test is less reliable than the
whole; Spearman and Brown (1910) foretell the whole from the half: 2 r / (1 + r).

A model is a recipe with a seed. Nulls, `@` rows and the classifier's own rows do not count.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from campare.stats.gathered import Key, Measured, gather
from campare.stats.nulls import is_null
from campare.stats.scores import read
from campare.stats.words import higher_is_better
from campare.types import Array, Ints

Doubles = NDArray[np.float64]

#: Fewer pairs of numbers have no correlation worth a name.
FEWEST = 3

#: Fewer seeds cannot be halved into means.
SEEDS = 4

_AGREEMENT = pl.Schema(
    {"method": pl.String, "metric": pl.String, "other": pl.String}
    | {"over_images": pl.Float64, "images": pl.Int64}
    | {"over_models": pl.Float64, "models": pl.Int64}
)
_RELIABILITY = pl.Schema(
    {"method": pl.String, "metric": pl.String}
    | {"over_images": pl.Float64, "images": pl.Int64, "models": pl.Int64}
    | {"over_seeds": pl.Float64, "seeds": pl.Int64}
)


def agreement(table: Any) -> pl.DataFrame:
    """Spearman's rank correlation of every two measures of a method.

    Columns: method, metric, other; `over_images`, the mean over the models of the correlation over
    the images that both define, and how many `images` that are on average; `over_models`, the
    correlation over `models` of the means over these images. Where low is better a measure counts
    with its sign turned, so that 1 is agreement. Without three images or models, and for a constant
    measure, it is NaN; mosaics and images are different images. Raises RunError as `compare` does.

    Example:
        >>> from campare.types import NEEDED_COLUMNS
        >>> rows = [("a", 0, "test", image, "x", "x", "x", "grad-cam", "top", metric, value, "ok")
        ...     for metric, values in {"energy": [0.1, 0.2, 0.9], "iou": [0.0, 0.3, 0.4]}.items()
        ...     for image, value in zip("123", values)]
        >>> found = agreement(pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row"))
        >>> found.select("metric", "other", "over_images", "images").row(0)
        ('energy', 'iou', 1.0, 3)
    """
    rows = [
        {"method": method, "metric": a, "other": b, **_together(of_method[a], of_method[b])}
        for method, of_method in _stacked(_measured(table))
        for a, b in combinations(of_method, 2)
    ]
    return pl.DataFrame(rows, schema=_AGREEMENT)


def reliability(table: Any, *, splits: int = 100, seed: int = 0) -> pl.DataFrame:
    """Split-half reliability of every measure of a method, by Spearman and Brown; at most 1.

    Columns: method, metric; `over_images`: the images that all `models` define are halved at random
    and the means of the models correlated; `over_seeds`: the `seeds` are halved and the means of
    the images correlated, recipe by recipe, and the recipes averaged. Pearson's correlation, mean
    over `splits` random halves from `seed`. NaN with fewer than three models, or four seeds. Raises
    RunError as `compare` does.

    Example:
        >>> from campare.types import NEEDED_COLUMNS
        >>> rows = [(recipe, 0, "test", image, "x", "x", "x", "cam", "top", "gini", value, "ok")
        ...     for recipe, value in {"a": 0.1, "b": 0.2, "c": 0.4}.items() for image in "1234"]
        >>> found = reliability(pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row"))
        >>> found.select("metric", "over_images", "images", "models").row(0)
        ('gini', 1.0, 4, 3)
    """
    rows = []
    measured = _measured(table)
    groups = next(iter(measured.values())).groups
    for method, of_method in _stacked(measured):
        for metric, values in of_method.items():
            models = values.reshape(-1, values.shape[-1])
            models = models[~np.isnan(models).all(axis=1)]
            known = ~np.isnan(models).any(axis=0)
            items = models[:, known].T  # (images, models)
            own = None if groups is None else groups[known]
            rows.append(
                {
                    "method": method,
                    "metric": metric,
                    "over_images": split_half(items, splits=splits, seed=seed, groups=own),
                    "images": len(items),
                    "models": len(models),
                    **_over_seeds(values, splits, seed),
                }
            )
    return pl.DataFrame(rows, schema=_RELIABILITY)


def split_half(
    items: Array, *, splits: int = 100, seed: int = 0, groups: Ints | None = None
) -> float:
    """Spearman-Brown reliability of the mean of items (I, S) that each judge S subjects.

    Mean correlation r of the means of random halves over the subjects, then 2 r / (1 + r); at most
    1, and NaN with fewer than three subjects, two items, or without any variance. `groups` (I,)
    says which items stay in one half.

    Example:
        >>> split_half(np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]]))
        1.0
    """
    items = np.asarray(items, np.float64)
    subjects = items.shape[1]
    of_item = np.arange(len(items)) if groups is None else np.unique(groups, return_inverse=True)[1]
    members = [np.flatnonzero(of_item == group) for group in range(of_item.max(initial=-1) + 1)]
    count = len(members)
    if count < 2 or subjects < FEWEST:
        return math.nan
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(splits):
        order = rng.permutation(count)
        parts = (order[: count // 2], order[count // 2 :])
        halves = [items[np.concatenate([members[group] for group in part])] for part in parts]
        found.append(_correlation(*(half.mean(axis=0) for half in halves)))
    r = float(np.mean(found))
    return r if math.isnan(r) else 2 * r / (1 + r) if r > -1 else -math.inf


def _measured(table: Any) -> Mapping[Key, Measured]:
    """The matrices of a table, in which a mosaic is an image like others."""
    rows = read(table)
    return gather(replace(rows.source, shown={}), rows.known).measured


def _stacked(found: Mapping[Key, Measured]) -> Iterator[tuple[str, dict[str, Doubles]]]:
    """Each method with its metrics (recipes, seeds, images), NaN where undefined."""
    recipes = list(dict.fromkeys(recipe for recipe, _, _ in found))
    methods = dict.fromkeys(method for _, method, _ in found)
    nothing = np.full_like(next(iter(found.values())).values, np.nan)
    for method in (name for name in methods if name != "-" and not is_null(name)):
        metrics = dict.fromkeys(metric for _, m, metric in found if m == method)
        yield (
            method,
            {
                metric: np.stack(
                    [
                        found[recipe, method, metric].values
                        if (recipe, method, metric) in found
                        else nothing
                        for recipe in recipes
                    ]
                )
                * (-1 if higher_is_better(metric) is False else 1)
                for metric in metrics
                if "@" not in metric
            },
        )


def _together(a: Doubles, b: Doubles) -> dict[str, float | int]:
    """The correlations of two measures (recipes, seeds, images) over images and over models."""
    a, b = (values.reshape(-1, values.shape[-1]) for values in (a, b))
    both = ~(np.isnan(a) | np.isnan(b))
    counts = both.sum(axis=1)
    kept = counts >= FEWEST
    over = [_ranked(a[m, both[m]], b[m, both[m]]) for m in np.flatnonzero(kept)]
    defined = [r for r in over if not math.isnan(r)]
    known = np.flatnonzero(counts)
    means = [np.array([x[m, both[m]].mean() for m in known]) for x in (a, b)]
    return {
        "over_images": float(np.mean(defined)) if defined else math.nan,
        "images": round(float(counts[kept].mean())) if kept.any() else 0,
        "over_models": _ranked(*means) if len(known) >= FEWEST else math.nan,
        "models": len(known),
    }


def _over_seeds(values: Doubles, splits: int, seed: int) -> dict[str, float | int]:
    """Mean over the recipes of the reliability of the mean over seeds."""
    found, counts = [], []
    for of_recipe in values:  # (seeds, images)
        seeds = of_recipe[~np.isnan(of_recipe).all(axis=1)]
        if len(seeds) < SEEDS:
            continue
        items = seeds[:, ~np.isnan(seeds).any(axis=0)]
        found.append(split_half(items, splits=splits, seed=seed))
        counts.append(len(seeds))
    defined = [r for r in found if not math.isnan(r)]
    return {
        "over_seeds": float(np.mean(defined)) if defined else math.nan,
        "seeds": min(counts, default=0),
    }


def _ranked(a: Doubles, b: Doubles) -> float:
    """Spearman's rank correlation; ties have their mean rank."""
    return _correlation(rankdata(a), rankdata(b))


def _correlation(a: Doubles, b: Doubles) -> float:
    """Pearson's correlation, NaN where one is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.clip(np.corrcoef(a, b)[0, 1], -1, 1))
