"""Compare recipes: the table in, differences with intervals out.

    effects   for each contrast, method and metric: treatment minus control, on the same images
    nulls     for each recipe: method minus null, on the same images and the same models
    summary   for each recipe, method and metric: the mean

All by the hierarchical bootstrap of campare.stats.bootstrap with one set of draws.
docs/statistics.md says why, and what its intervals cover.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from campare.errors import RunError
from campare.metrics.declaration import METRICS
from campare.stats.bootstrap import Draws, difference, holm
from campare.stats.comparison import EFFECTS, NULLS, SUMMARY, Comparison
from campare.stats.headline import headline
from campare.stats.scores import UNTRAINED, Contrasts, Key, Measured, is_null, matrices, read
from campare.stats.words import MATCHED, Verdict, family_of, verdict_words

__all__ = ["Comparison", "Verdict", "compare", "headline", "verdict_words"]

CLASSIFIER = "-"
FEWEST_RESAMPLES = 100

Table = dict[Key, Measured]
Row = dict[str, Any]


def compare(
    table: Any,
    *,
    baseline: str | None = None,
    contrasts: Sequence[tuple[str, str]] | None = None,
    method: str | Sequence[str] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Differences between recipes with bootstrap intervals over images and seeds.

    Args:
        table: a Run, the path of a run directory, or a polars or pandas table of SCORE_COLUMNS.
            Of several splits only 'test' counts.
        baseline: the recipe that every other one is compared with.
        contrasts: pairs (treatment, control), instead of a baseline. Default: those of the run,
            else every recipe against the first.
        method: the methods to compare. Default: all but the nulls, and the classifier ('-').
        confidence: of the intervals, in (0, 1).
        resamples: replicates of the bootstrap, at least 100.
        seed: of the bootstrap; the same seed gives the same numbers, whatever the order of rows.

    p_adjusted is Holm's over one family: the metrics of one contrast and method at one resolution
    (native, or '@matched'). It answers "in which of these metrics do the two recipes differ?" What
    stands under another condition of a metric (`rotation-equivariance@10`) is a family by itself.

    Raises:
        RunError: a table without the columns or rows, an unknown recipe or method, nothing to
            compare, or settings out of range.

    Example:
        >>> from campare.types import SCORE_COLUMNS
        >>> rows = [
        ...     (r, 0, "test", f"{i}", "cat", "cat", "cat", "grad-cam", "top", "energy", x, "ok")
        ...     for r, gain in (("A", 0.0), ("B", 0.25)) for i, x in enumerate([gain, gain + 0.5])
        ... ]
        >>> found = compare(pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row"))
        >>> found.effects.select("contrast", "metric", "estimate", "images", "seeds").row(0)
        ('B - A', 'energy', 0.25, 2, 1)
    """
    _check_settings(baseline, contrasts, confidence, resamples)
    frame, declared = read(table)
    measured = matrices(frame)
    pairs = _pairs(_unique(key[0] for key in measured), baseline, contrasts, declared)
    methods = _methods(_unique(key[1] for key in measured), method)
    draws = Draws(resamples, seed)
    return Comparison(
        effects=_table(_effects(measured, pairs, methods, draws, confidence), EFFECTS),
        summary=_table(_summary(measured, draws, confidence), SUMMARY),
        nulls=_table(_nulls(measured, methods, draws, confidence), NULLS),
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )


def _effects(
    measured: Table, pairs: Contrasts, methods: list[str], draws: Draws, confidence: float
) -> list[Row]:
    rows = []
    for treatment, control in pairs:
        for method in methods:
            family = [
                {
                    "contrast": f"{treatment} - {control}", "treatment": treatment,
                    "control": control, "method": method, "metric": metric,
                    **difference(
                        measured[treatment, method, metric].values,
                        measured[control, method, metric].values,
                        draws, confidence=confidence,
                    )._asdict(),
                }
                for metric in _metrics(measured, method)
                if (treatment, method, metric) in measured and (control, method, metric) in measured
            ]  # fmt: skip
            rows += _adjusted(family)
    return rows


def _adjusted(rows: list[Row]) -> list[Row]:
    """Rows of one contrast and method with p_adjusted: Holm's over each family."""
    for name in dict.fromkeys(family_of(row["metric"]) for row in rows):
        family = [row for row in rows if family_of(row["metric"]) == name]
        for row, p in zip(family, holm([row["p"] for row in family]), strict=True):
            row["p_adjusted"] = float(p)
    return rows


def _summary(measured: Table, draws: Draws, confidence: float) -> list[Row]:
    rows = []
    for (recipe, method, metric), one in measured.items():
        mean = difference(one.values, None, draws, confidence=confidence)
        least, most = _range(metric)
        rows.append(
            {
                "recipe": recipe, "method": method, "metric": metric,
                "mean": mean.estimate,
                "low": max(mean.low, least), "high": min(mean.high, most),
                "images": mean.images, "seeds": mean.seeds,
                "undefined": one.undefined, "rows": one.rows,
            }
        )  # fmt: skip
    return rows


def _range(metric: str) -> tuple[float, float]:
    """The values that a metric can have: no mean lies outside, so no interval needs to."""
    declared = METRICS.get(metric.removesuffix(MATCHED))
    return (declared.low, declared.high) if declared else (-math.inf, math.inf)


def _nulls(measured: Table, methods: list[str], draws: Draws, confidence: float) -> list[Row]:
    rows = []
    for (recipe, method, metric), one in measured.items():
        if method not in methods or method == CLASSIFIER:
            continue
        for null in _unique(key[1] for key in measured if key[0] == recipe):
            other = measured.get((recipe, null, metric))
            own = not null.endswith(UNTRAINED) or null == method + UNTRAINED
            if other is None or not is_null(null) or not own:
                continue
            same = _same_models(one, other)
            found = difference(one.values - same, None, draws, confidence=confidence)
            rows.append(
                {
                    "recipe": recipe, "method": method, "metric": metric, "null": null,
                    "estimate": found.estimate, "low": found.low, "high": found.high, "p": found.p,
                }
            )  # fmt: skip
    return rows


def _same_models(method: Measured, null: Measured) -> Any:
    """The null's values, (S, N), or (1, N) where it was measured once for all seeds."""
    seeds = np.isfinite(null.values).any(axis=1)
    own = np.isfinite(method.values).any(axis=1)
    return null.values[seeds] if seeds.sum() == 1 and own.sum() > 1 else null.values


def _pairs(
    recipes: list[str],
    baseline: str | None,
    contrasts: Sequence[tuple[str, str]] | None,
    declared: Contrasts,
) -> Contrasts:
    """The contrasts to make, none of one recipe alone; the run's where both have rows."""
    asked = {name for pair in contrasts or () for name in pair} | ({baseline} - {None})
    unknown = sorted(str(name) for name in asked - set(recipes))
    if unknown:
        raise RunError(
            f"Expected recipes of the table, got {', '.join(unknown)}. Try {', '.join(recipes)}."
        )
    if contrasts is not None:
        return tuple((treatment, control) for treatment, control in contrasts)
    known = tuple(pair for pair in declared if set(pair) <= set(recipes))
    if baseline is None and known:
        return known
    control = baseline or recipes[0]
    return tuple((recipe, control) for recipe in recipes if recipe != control)


def _methods(present: list[str], asked: str | Sequence[str] | None) -> list[str]:
    if asked is None:
        return [name for name in present if not is_null(name)]
    names = [asked] if isinstance(asked, str) else list(asked)
    unknown = [name for name in names if name not in present]
    if unknown:
        raise RunError(
            f"Expected methods of the table, got {', '.join(unknown)}. Try {', '.join(present)}."
        )
    return names


def _metrics(measured: Table, method: str) -> list[str]:
    return _unique(metric for _, name, metric in measured if name == method)


def _check_settings(
    baseline: str | None,
    contrasts: Sequence[tuple[str, str]] | None,
    confidence: float,
    resamples: int,
) -> None:
    if baseline is not None and contrasts is not None:
        raise RunError("Expected a baseline or contrasts, got both. Try leaving one out.")
    if contrasts is not None and not all(
        not isinstance(pair, str) and len(pair) == 2 and pair[0] != pair[1] for pair in contrasts
    ):
        raise RunError(
            f"Expected contrasts as pairs of two recipes, got {list(contrasts)}. Try [('B', 'A')]."
        )
    if not 0 < confidence < 1:
        raise RunError(f"Expected a confidence between 0 and 1, got {confidence}. Try 0.95.")
    needed = max(FEWEST_RESAMPLES, math.ceil(2 / (1 - confidence)))
    if resamples < needed:
        raise RunError(
            f"Expected {needed} resamples or more at confidence {confidence}, got {resamples}. "
            "Try 2000."
        )


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _table(rows: list[Row], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema)
