"""The claims that a run does not measure: told in one line, with what would measure them."""

from collections.abc import Sequence

import polars as pl

from campare.metrics.registry import Metric, find
from campare.stats.article import ARTICLE
from campare.stats.claims import GAIN, Claim, Outcome
from campare.stats.judging import NO_MEASURE, NOT_MEASURED

_OF_ARTICLE = {claim.name: claim for claim in ARTICLE}

#: Region -> what images lack where nothing is measured on it.
_LACKS: dict[str | None, str] = {
    "object": "masks or boxes of the objects",
    "cells": "more test images of each class, for mosaics",
}


def unmeasured(claims: pl.DataFrame, kind: str = "") -> str:
    """Which rows of `Comparison.claims` are not measured, and what would measure them; '' if none.

    `kind` is that of the run: only a study trains on sets of several sizes.

    Example:
        >>> unmeasured(pl.DataFrame({"claim": ["2 object", "9 small sets"], "verdict": [
        ...     "not measured"] * 2, "reason": ["not part of this run: energy", "no recipes"],
        ...     "contrast": ["pre-training", "pre-training x train size"]}))
        '2 object (a run with --metrics default,claims), 9 small sets (--train-sizes 50,100,200)'
    """
    rows = claims.filter(pl.col("verdict") == NOT_MEASURED).to_dicts()
    told = claims.filter(pl.col("verdict") != NOT_MEASURED)["claim"].to_list()
    wanted = any(_is_extra(_OF_ARTICLE[name]) for name in told if name in _OF_ARTICLE)
    needs: dict[str, list[str]] = {}
    for row in rows:
        need = _need(row["claim"], row["reason"], row["contrast"], wanted, kind)
        needs.setdefault(need, []).append(row["claim"])
    return ", ".join(f"{_joined(names)} ({need})" for need, names in needs.items())


def _is_extra(claim: Claim) -> bool:
    """Whether the default metrics tell nothing of a claim: a run that tells was to measure all."""
    return not any(metric.default for outcome in claim.outcomes for metric in _metrics(outcome))


def _need(claim: str, reason: str, contrast: str, wanted: bool, kind: str) -> str:
    """What a claim lacks; `wanted`, where the run was to measure what the article's are about."""
    if reason.startswith(NO_MEASURE):
        if claim in _OF_ARTICLE and not wanted:
            return "a run with --metrics default,claims"
        return _images(claim) or reason.removeprefix(NO_MEASURE)
    sizes = contrast == GAIN and kind != "audit"
    return "--train-sizes 50,100,200" if sizes else f"arms for '{contrast}'"


def _images(claim: str) -> str:
    """What images must have for all measures of a claim of the article; '' where it is unknown."""
    outcomes = _OF_ARTICLE[claim].outcomes if claim in _OF_ARTICLE else ()
    regions = {metric.region for outcome in outcomes for metric in _metrics(outcome)}
    return _LACKS[next(iter(regions))] if len(regions) == 1 and regions <= {*_LACKS} else ""


def _metrics(outcome: Outcome) -> list[Metric]:
    found = [find(name.partition("@")[0]) for name in outcome.measures]
    return [metric for metric in found if metric is not None]


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
