"""What becomes of claims, as answers: one for each verdict, with what the open ones lack."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from campare.stats.answer import Answer
from campare.stats.judging import NOT_MEASURED, NOT_SETTLED, VERDICTS
from campare.stats.unmeasured import unmeasured
from campare.stats.words import count, replicate


def verdicts(claims: pl.DataFrame, kind: str = "") -> Iterator[Answer]:
    """An answer for each verdict that a claim of a run of a kind got.

    Example:
        >>> claims = pl.DataFrame({"claim": ["2 object"], "verdict": ["supported"]})
        >>> [str(answer) for answer in verdicts(claims)]
        ['Claims supported: 2 object.']
    """
    for word in VERDICTS:
        rows = claims.filter(pl.col("verdict") == word).to_dicts()
        if not rows:
            continue
        names = [_named(row, kind) for row in rows]
        said = unmeasured(claims, kind) if word == NOT_MEASURED else ", ".join(names)
        short = f"{count(len(rows), 'claim')} {'is' if len(rows) == 1 else 'are'} {word}"
        yield Answer("claims", word, f"Claims {word}: {said}.", short)


def _named(row: Mapping[str, Any], kind: str) -> str:
    """A claim, and what it lacks if it is open."""
    needed = still_needed(row, kind) if row["verdict"] == NOT_SETTLED else ""
    return f"{row['claim']} ({needed})" if needed else str(row["claim"])


def still_needed(row: Mapping[str, Any], kind: str = "") -> str:
    """What an open claim of a run of a kind lacks, in words; nothing for a settled one.

    Example:
        >>> claim = {"verdict": "not settled", "more_seeds": 4, "more_images": 300, "reason": ""}
        >>> still_needed(claim)
        '4 more seeds or 300 more images'
        >>> still_needed(claim | {"groups": 40})
        '4 more seeds or 300 more images in new groups'
    """
    if row["verdict"] != NOT_SETTLED:
        return ""
    ways = [
        count(row[column], f"more {word}")
        for column, word in (("more_seeds", replicate(kind)), ("more_images", "image"))
        if row[column] is not None
    ]
    more = " in new groups" if row.get("groups") and row["more_images"] is not None else ""
    return " or ".join(ways) + more or str(row["reason"])
