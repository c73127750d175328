"""Compare recipes: the table in, differences with intervals and verdicts out.

    effects      for each contrast, method and metric: treatment minus control, on the same images
    factors      main effects of pre-training and augmentation, their interaction, trends
    claims       each hypothesis with its verdict (campare.stats.judging)
    sensitivity  the effects again, by other sound analyses
    nulls        for each recipe: method minus null, on the same images and the same models
    summary      for each recipe, method and metric: the mean
    methods      each hypothesis by each method, and `ranks`, how alike they rank recipes

Intervals and p come from campare.stats.crossed; docs/statistics.md says what they cover.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from campare.arguments import checked
from campare.data.groups import units
from campare.metrics.mosaic import OF_MOSAICS
from campare.metrics.registry import find
from campare.stats.answer import Answer
from campare.stats.answers import answers
from campare.stats.arms import ARMS, arms_of
from campare.stats.article import ARTICLE
from campare.stats.by_method import METHODS, RANKS, ranks, verdicts_by_method
from campare.stats.claims import Claim
from campare.stats.comparison import CLAIMS, EFFECTS, NULLS, SENSITIVITY, SUMMARY, Comparison
from campare.stats.contrasts import both, metrics_of, unique
from campare.stats.crossed import Effect, Split, difference, effect_of, size_interval, split
from campare.stats.design import Design, Levels, Weights, written
from campare.stats.factors import DESIGN, PAIR, Contrast, differences
from campare.stats.factors import contrasts as contrasts_of
from campare.stats.gathered import Key, Measured
from campare.stats.holm import holm
from campare.stats.judging import judge
from campare.stats.nulls import controls_of
from campare.stats.parting import CURVES
from campare.stats.permutation import Flips, Paired, permutation_tests
from campare.stats.ranking import CLASSIFIER, main_method
from campare.stats.scores import Rows, read
from campare.stats.sensitivity import sensitivity
from campare.stats.settings import (
    Contrasts,
    check_settings,
    hypotheses_of,
    levels_of,
    methods_of,
    pairs_of,
)
from campare.stats.words import MATCHED, Verdict, family_of, listed, verdict_words

__all__ = ["Answer", "Comparison", "Verdict", "answers", "compare", "verdict_words"]

#: How the note on groups of images begins.
UNITS = "Units of independence: "

Table = Mapping[Key, Measured]
Row = dict[str, Any]


@checked("contrasts")
def compare(
    table: Any,
    *,
    baseline: str | None = None,
    contrasts: Sequence[tuple[str, str]] | None = None,
    method: str | Sequence[str] | None = None,
    claims: str | Path | Sequence[Claim] | None = None,
    design: Mapping[str, Levels | Mapping[str, Any]] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Differences between recipes with intervals over images and seeds, and verdicts on claims.

    Args:
        table: a Run, the path of a run directory, a polars or pandas table of SCORE_COLUMNS, a
            polars LazyFrame of them, or the path of a file (.parquet, .csv) or a folder of Parquet
            files that hold them; these are read a part at a time. Of several splits only 'test'
            counts.
        baseline: the recipe that every other one is compared with.
        contrasts: pairs (treatment, control), instead of a baseline. Default: those of the run,
            else every recipe against the first.
        method: the methods to compare. Default: all but the nulls, and the classifier ('-').
        claims: hypotheses to judge: a YAML file or Claim objects. Default: the article's nine,
            where the design of the recipes is known.
        design: recipe -> its level of each factor: {'B': {'pre-training': True, 'hidden': 64}}.
            Default: from the fields in which the run's recipes differ, or of a built-in set.
        confidence: of the intervals, in (0, 1).
        resamples: replicates of the permutation test, at least 100.
        seed: of these; the same seed gives the same numbers, whatever the order of rows.

    p_adjusted is Holm's over one family: the metrics of one contrast and method at one resolution
    (native, or '@matched'). It answers "in which of these metrics do the two recipes differ?" What
    stands under another condition of a metric (`rotation-equivariance@10`) is a family by itself.
    For claims the family is all of them.

    Raises:
        RunError: a table without the columns or rows, an unknown recipe or method, nothing to
            compare, a claim that cannot be read, or settings out of range.

    Example:
        >>> from campare.types import NEEDED_COLUMNS
        >>> rows = [
        ...     (r, 0, "test", f"{i}", "cat", "cat", "cat", "grad-cam", "top", "energy", x, "ok")
        ...     for r, gain in (("A", 0.0), ("B", 0.25)) for i, x in enumerate([gain, gain + 0.5])
        ... ]
        >>> found = compare(pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row"))
        >>> found.effects.select("contrast", "metric", "estimate", "images", "seeds").row(0)
        ('B - A', 'energy', 0.25, 2, 1)
        >>> found.claims.select("claim", "verdict").row(1)  # one seed settles nothing
        ('2 object', 'not settled')
    """
    check_settings(baseline, contrasts, confidence, resamples)
    hypotheses = hypotheses_of(claims)
    rows = read(table)
    measured = rows.matrices()
    recipes = unique(key[0] for key in measured)
    pairs = pairs_of(recipes, baseline, contrasts, rows.source.contrasts)
    methods = methods_of(unique(key[1] for key in measured), method)
    levels = levels_of(design, rows.source.recipes, recipes)
    if hypotheses is None:
        hypotheses = ARTICLE if levels else ()
    by_name = sorted(levels) if design is None and not rows.source.recipes else []
    flips = Flips(resamples, seed)
    main = main_method(methods)
    kind = rows.source.kind
    judged = judge(hypotheses, measured, levels, main, confidence, kind)
    each = verdicts_by_method(hypotheses, measured, levels, methods, confidence, kind)
    summary = _table(_summary(measured, confidence), SUMMARY)
    return Comparison(
        effects=_table(_effects(measured, pairs, methods, confidence, flips), EFFECTS),
        summary=summary,
        nulls=_table(_nulls(measured, methods, confidence), NULLS),
        claims=_table(judged, CLAIMS),
        factors=_table(_factors(measured, levels, methods, confidence), EFFECTS),
        sensitivity=_table(sensitivity(rows.gathered, pairs, methods, confidence), SENSITIVITY),
        design=_table(_design(levels, pairs), DESIGN),
        arms=_table(
            arms_of(
                rows.classified(),
                recipes,
                rows.source.recipes,
                {name: grids[main] for name, grids in rows.grids.items() if main in grids},
                {arm: maps for (arm, name), maps in rows.gathered.maps.items() if name == main},
                rows.fits,
            ),
            ARMS,
        ),
        curves=pl.DataFrame(rows.curves, schema=CURVES, orient="row").with_columns(
            pl.col("value").fill_null(math.nan)
        ),
        kind=kind,
        methods=_table(each, METHODS),
        ranks=_table(ranks(summary, methods), RANKS),
        notes=(*_notes(rows), *_taken(by_name), *rows.source.notes),
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )


def _notes(rows: Rows) -> tuple[str, ...]:
    """What the units of independence are, where these are groups, or mosaics that share images."""
    known = rows.known.images
    judged = known.filter("judged")
    images = (judged if judged.height else known).unique("image")
    found = units(images["group"].to_list())
    if found:
        return (f"{UNITS}{found}.",)
    metrics = {metric.partition("@")[0] for metric in rows.known.units["metric"].unique()}
    if rows.source.shown or not metrics & {*OF_MOSAICS}:
        return ()
    return (
        "Mosaics count as independent here, since this table does not say which of them share "
        "images: intervals of Focus are too narrow. Those of a run, or of an audit's Scores, hold.",
    )


def _taken(arms: Sequence[str]) -> tuple[str, ...]:
    """That arms of a table of which nothing else is known are taken for campare's own recipes."""
    if not arms:
        return ()
    what = "a recipe" if len(arms) == 1 else "recipes"
    return (
        f"By name alone {listed(arms)} {'is' if len(arms) == 1 else 'are'} taken for {what} of "
        "campare's own. compare(..., design={}) in Python takes them for any others.",
    )


def _effects(
    measured: Table, pairs: Contrasts, methods: list[str], confidence: float, flips: Flips
) -> list[Row]:
    rows = []
    for treatment, control in pairs:
        for method in methods:
            family, tests = [], []
            for metric, (T, C) in both(measured, (treatment, control), method):
                found = split([T.values, C.values], [1.0, -1.0], T.groups)
                tests.append(Paired.of(T.values, C.values, T.groups))
                row = _effect_row(method, metric, effect_of(found, confidence), found, confidence)
                family.append(
                    {
                        "contrast": f"{treatment} - {control}", "treatment": treatment,
                        "control": control, **row,
                    }
                )  # fmt: skip
            for row, p in zip(family, permutation_tests(tests, flips), strict=True):
                row["p_permutation"] = p
            rows += _adjusted(family)
    return rows


def _effect_row(method: str, metric: str, effect: Effect, found: Split, confidence: float) -> Row:
    low, high = size_interval(found, confidence)
    sizes = {"size_low": low, "size_high": high}
    return {"method": method, "metric": metric, **effect._asdict(), **sizes}


def _factors(measured: Table, design: Design, methods: list[str], confidence: float) -> list[Row]:
    """Main effects, interaction and trends; Holm as for effects."""
    rows = []
    for one in contrasts_of(design):
        for method in methods:
            family = [
                _factor_row(one.name, one.weights, method, metric, measured, confidence)
                for metric in metrics_of(measured, method)
                if all((arm, method, metric) in measured for arm in one.weights)
            ]
            rows += _adjusted(family)
    return rows


def _design(design: Design, pairs: Contrasts) -> list[Row]:
    """What each contrast is about, and what else differs with it."""
    found = contrasts_of(design)
    for pair in pairs:
        differ = differences(design, pair)
        if differ:
            found.append(Contrast(" - ".join(pair), PAIR, differ[0], {}, together=differ[1:]))
    return [one.row for one in found]


def _factor_row(
    name: str, weights: Weights, method: str, metric: str, measured: Table, confidence: float
) -> Row:
    arms = [measured[arm, method, metric] for arm in weights]
    found = split([arm.values for arm in arms], list(weights.values()), arms[0].groups)
    treatment, control = written(weights)
    row = _effect_row(method, metric, effect_of(found, confidence), found, confidence)
    words = {"contrast": name, "treatment": treatment, "control": control}
    return {**words, **row, "p_permutation": math.nan}


def _adjusted(rows: list[Row]) -> list[Row]:
    """Rows of one contrast and method with p_adjusted: Holm's over each family."""
    for name in dict.fromkeys(family_of(row["metric"]) for row in rows):
        family = [row for row in rows if family_of(row["metric"]) == name]
        for row, p in zip(family, holm([row["p"] for row in family]), strict=True):
            row["p_adjusted"] = float(p)
    return rows


def _summary(measured: Table, confidence: float) -> list[Row]:
    rows = []
    for (recipe, method, metric), one in measured.items():
        mean = difference(one.values, confidence=confidence, groups=one.groups)
        least, most = _range(metric)
        rows.append(
            {
                "recipe": recipe, "method": method, "metric": metric,
                "mean": mean.estimate,
                "low": max(mean.low, least), "high": min(mean.high, most),
                "images": mean.images, "seeds": mean.seeds, "groups": mean.groups,
                "undefined": one.undefined, "rows": one.rows,
            }
        )  # fmt: skip
    return rows


def _range(metric: str) -> tuple[float, float]:
    """The values that a metric can have: no mean lies outside, so no interval needs to."""
    declared = find(metric.removesuffix(MATCHED))
    return (declared.low, declared.high) if declared else (-math.inf, math.inf)


def _nulls(measured: Table, methods: list[str], confidence: float) -> list[Row]:
    rows = []
    present: dict[str, dict[str, None]] = {}  # recipe -> its methods in order
    for recipe, method, _ in measured:
        present.setdefault(recipe, {})[method] = None
    for key in measured:
        recipe, method, metric = key
        if method not in methods or method == CLASSIFIER:
            continue
        for null in controls_of(method, present[recipe]):
            if (recipe, null, metric) not in measured:
                continue
            one = measured[key]
            same = _same_models(one, measured[recipe, null, metric])
            found = difference(one.values - same, confidence=confidence, groups=one.groups)
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


def _table(rows: list[Row], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema)
