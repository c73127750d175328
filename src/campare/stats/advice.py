"""What to do next, as one answer: what stands in the way of the others, first what is worst."""

from collections.abc import Iterator, Sequence

import polars as pl

from campare.stats.alone import FOLLOWS, NOT_LEARNED
from campare.stats.answer import Answer
from campare.stats.judging import NOT_SETTLED
from campare.stats.words import count, listed, replicate

ENOUGH_SEEDS = 5


def advice(
    found: Sequence[Answer], claims: pl.DataFrame, seeds: int, kind: str
) -> Iterator[Answer]:
    """The step that would tell most; none where nothing is in the way.

    `found` are faults of arms, `seeds` the most trainings of an arm that were compared (0: none).

    Example:
        >>> none = pl.DataFrame(schema={"claim": pl.String, "verdict": pl.String})
        >>> [str(answer) for answer in advice([], none, 1, "study")]
        ['Next: train each arm with 5 seeds or more.']
    """
    steps = [*_of_arms(found, kind), *_of_seeds(seeds, kind), *_of_claims(claims, kind)]
    if steps:
        text = f"Next: {'; '.join(steps[:2])}"
        yield Answer("next", NOT_SETTLED, f"{text}.", text)


def _of_arms(found: Sequence[Answer], kind: str) -> Iterator[str]:
    following = [one.subject for one in found if one.verdict == FOLLOWS]
    guessing = [one.subject for one in found if one.verdict == NOT_LEARNED]
    if following:
        yield (
            "test on images where the cue says nothing of the class, or take it out of the "
            f"training images of {listed(list(dict.fromkeys(following)))}"
        )
    if guessing and kind == "audit":
        yield f"check that pixels and classes fit {listed(guessing)}"
    elif guessing:
        them = "it beats" if len(guessing) == 1 else "they beat"
        yield f"train {listed(guessing)} until {them} the commonest class"


def _of_seeds(seeds: int, kind: str) -> Iterator[str]:
    if 0 < seeds < ENOUGH_SEEDS and (kind != "audit" or seeds > 1):
        yield f"train each arm with {ENOUGH_SEEDS} {replicate(kind)}s or more"
    elif seeds == 1:
        yield f"audit {ENOUGH_SEEDS} models of each way of training, to speak of the ways"


def _of_claims(claims: pl.DataFrame, kind: str) -> Iterator[str]:
    """What settles the claim that needs least."""
    rows = claims.filter(pl.col("verdict") == NOT_SETTLED)
    if "more_seeds" in rows.columns and rows["more_seeds"].drop_nulls().len():
        row = rows.sort("more_seeds", nulls_last=True).row(0, named=True)
        yield f"{count(row['more_seeds'], f'more {replicate(kind)}')} would settle {row['claim']}"
