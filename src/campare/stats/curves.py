"""Dose-response: each recipe's mean over growing training sets or stronger augmentation, as curves.

    summary (a mean with its interval, for each arm) + design -> one row for each point of a curve

The trend through a curve, with its test, is in `Comparison.factors`.
"""

from typing import Any

import polars as pl

from campare.stats.design import Design, ladders

#: Columns of `dose_curves`.
CURVES: dict[str, Any] = {
    **dict.fromkeys(("factor", "recipe", "arm", "method", "metric"), pl.String),
    **dict.fromkeys(("dose", "value", "low", "high"), pl.Float64),
    **dict.fromkeys(("images", "seeds"), pl.Int64),
}


def dose_curves(summary: pl.DataFrame, design: Design) -> pl.DataFrame:
    """The points of every curve, smallest dose first: value with its band, [low, high].

    `summary` is that of a Comparison, `design` the levels of its recipes, for a run
    `design_of(run.manifest.recipe_fields)`. Columns: CURVES; factor is 'train size' (dose:
    images) or 'strength'. The band holds each mean by itself, over other images and other
    trainings; points of one curve share their images, so that bands that overlap may still differ.
    No rows where no recipe has two doses.

    Example:
        >>> from campare.stats.design import Levels
        >>> arms = {f"A-n{n}": Levels(False, False, train_size=n, recipe="A") for n in (50, 100)}
        >>> rows = [(arm, "grad-cam", "focus", 0.5, 0.4, 0.6, 20, 3) for arm in arms]
        >>> columns = ["recipe", "method", "metric", "mean", "low", "high", "images", "seeds"]
        >>> found = dose_curves(pl.DataFrame(rows, schema=columns, orient="row"), arms)
        >>> found.select("recipe", "metric", "dose", "value", "low").rows()
        [('A', 'focus', 50.0, 0.5, 0.4), ('A', 'focus', 100.0, 0.5, 0.4)]
    """
    points = [
        {"factor": one.factor, "recipe": one.recipe, "arm": arm, "dose": float(dose)}
        for one in ladders(design)
        for arm, dose in one.doses
    ]
    doses = pl.DataFrame(
        points, schema={name: CURVES[name] for name in ("factor", "recipe", "arm", "dose")}
    )
    means = summary.rename({"recipe": "arm", "mean": "value"})
    order = ("factor", "recipe", "method", "metric")
    found = doses.join(means, on="arm", maintain_order="left_right").select(*CURVES)
    parts = found.partition_by(*order, maintain_order=True)
    return pl.concat(parts) if parts else pl.DataFrame(schema=CURVES)
