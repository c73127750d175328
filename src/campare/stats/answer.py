"""An answer, and what is read for one: the tables of a comparison, and what is known of an arm."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import polars as pl


@dataclass(frozen=True)
class Answer:
    """One thing that a comparison says.

    Attributes:
        kind: 'arm', 'cue', 'ahead', 'factor', 'interaction', 'trend', 'contrast', 'classifier',
            'equivalent', 'alone', 'controls', 'claims', 'curve', 'next', 'besides', 'methods' or
            'limit'.
        verdict: 'better', 'worse', 'higher', 'lower', 'mixed', 'ahead', 'equivalent',
            'not detected', 'undefined'; of claims their verdict; of an arm alone, of what differs
            besides and of limits what is wrong, in a few words.
        text: the claim, a sentence or two.
        short: the claim as a headline, without a full stop.
        evidence: the numbers behind it, a sentence; empty where `text` has them.
        subject: the contrast, factor or arm that it is about.
        method, metric: of the numbers; '' where they are of several.
        estimate, low, high, p: of `metric`; NaN where there are none.
        images, seeds: how many the numbers are over.

    Example:
        >>> str(Answer("contrast", "better", "B is better.", evidence="Energy +0.1."))
        'B is better. Energy +0.1.'
    """

    kind: str
    verdict: str
    text: str
    short: str = ""
    evidence: str = ""
    subject: str = ""
    method: str = ""
    metric: str = ""
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    images: int = 0
    seeds: int = 0

    def __str__(self) -> str:
        return f"{self.text} {self.evidence}".strip()


class Compared(Protocol):
    """The tables of a comparison, which `campare.stats.comparison.Comparison` holds."""

    @property
    def effects(self) -> pl.DataFrame:
        """Treatment minus control."""

    @property
    def claims(self) -> pl.DataFrame:
        """Hypotheses and their verdicts."""

    @property
    def factors(self) -> pl.DataFrame:
        """Main effects, interactions and trends."""

    @property
    def sensitivity(self) -> pl.DataFrame:
        """The effects by other sound analyses."""

    @property
    def summary(self) -> pl.DataFrame:
        """Means by arm."""

    @property
    def nulls(self) -> pl.DataFrame:
        """Each arm's maps minus controls."""

    @property
    def design(self) -> pl.DataFrame:
        """What each contrast is about."""

    @property
    def arms(self) -> pl.DataFrame:
        """Each arm by itself."""

    @property
    def curves(self) -> pl.DataFrame:
        """What was measured while recipes were trained."""

    @property
    def methods(self) -> pl.DataFrame:
        """Claims by each method."""

    @property
    def ranks(self) -> pl.DataFrame:
        """How alike methods rank the arms."""

    @property
    def kind(self) -> str:
        """'study', 'audit', or '' where it is not known."""

    @property
    def confidence(self) -> float:
        """Of the intervals."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know, a line each."""


class Arm(NamedTuple):
    """What is said of an arm by itself; see `campare.stats.arms`."""

    name: str
    title: str
    grid: str | None
    replicates: int
    unlearned: int
    accuracy: float
    chance: float
    maps: int = 0
    flat: int = 0
    fits: str | None = None
    fits_accuracy: float = math.nan
    fits_images: int | None = None
    prepared: str | None = None

    @property
    def called(self) -> str:
        """The name, with the title where it has one."""
        return self.name if self.title == self.name else f"{self.name} ({self.title})"
