"""The claims that a run does not measure: told in one line, with what would measure them."""

from collections.abc import Sequence

import polars as pl

from campare.stats.article import ARTICLE
from campare.stats.claims import GAIN
from campare.stats.judging import NO_MEASURE, NOT_MEASURED

_OF_ARTICLE = {claim.name for claim in ARTICLE}


def unmeasured(claims: pl.DataFrame) -> str:
    """Which rows of `Comparison.claims` are not measured, and what would measure them; '' if none.

    Example:
        >>> unmeasured(pl.DataFrame({"claim": ["2 object", "9 small sets"], "verdict": [
        ...     "not measured"] * 2, "reason": ["not part of this run: energy", "no recipes"],
        ...     "contrast": ["pre-training", "pre-training x train size"]}))
        '2 object (a run with --metrics default,claims), 9 small sets (--train-sizes 50,100,200)'
    """
    rows = claims.filter(pl.col("verdict") == NOT_MEASURED).to_dicts()
    needs: dict[str, list[str]] = {}
    for row in rows:
        needs.setdefault(_need(row["claim"], row["reason"], row["contrast"]), []).append(
            row["claim"]
        )
    return ", ".join(f"{_joined(names)} ({need})" for need, names in needs.items())


def _need(claim: str, reason: str, contrast: str) -> str:
    if reason.startswith(NO_MEASURE):
        lacking = reason.removeprefix(NO_MEASURE)
        return "a run with --metrics default,claims" if claim in _OF_ARTICLE else lacking
    return "--train-sizes 50,100,200" if contrast == GAIN else f"arms for '{contrast}'"


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
