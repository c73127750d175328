"""Claims as hypotheses that are fixed before anything is measured.

A claim names an outcome, a contrast, a direction and the smallest effect of interest, with the
reason for its size. `campare.stats.article` holds the nine of the article, `from_yaml` reads those
of a user, `campare.stats.judging` tests them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from campare.errors import RunError
from campare.stats import design as d
from campare.yamlfile import load_yaml

Direction = Literal["higher", "lower"]

#: Contrasts beyond those of the design: transfer with augmentation against other corners.
BOTH_NEITHER, ALONE_BOTH = "both - neither", "transfer alone - both"
BOTH_EACH = "both - each other"
GAIN = "pre-training x train size"
CONTRASTS = (
    d.PRETRAINING, d.AUGMENTATION, d.INTERACTION, BOTH_NEITHER, ALONE_BOTH, BOTH_EACH, GAIN
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What a claim is measured by: the mean of `measures`, as far as all arms have them.

    A measure '@matched' that a table lacks is taken at the maps' own resolution. `smallest` is the
    smallest effect of interest, `reason` why it is that large.
    """

    measures: tuple[str, ...]
    smallest: float
    reason: str = ""


@dataclass(frozen=True)
class Claim:
    """A hypothesis about recipes: `contrast` moves the outcome in `direction`.

    Of `outcomes` the first that is measured counts; with `all_of` each must hold. `contrast` is
    one of CONTRASTS or 'X - Y' for two recipes.

    Example:
        >>> energy = Outcome(("energy",), 0.05, "a twentieth of the map")
        >>> Claim("mine", "B finds the object", "B - A", "higher", (energy,)).direction
        'higher'
    """

    name: str
    text: str
    contrast: str
    direction: Direction
    outcomes: tuple[Outcome, ...]
    all_of: bool = False


def contrasts_of(
    contrast: str, design: d.Design, recipes: Iterable[str] = ()
) -> dict[str, d.Weights]:
    """The weights over arms that a contrast stands for, by name; none where arms are missing.

    `recipes` are those of the table, also such that the design does not have.

    Example:
        >>> contrasts_of("both - neither", d.design_of([], "ABCD"))
        {'C - A': {'C': 1.0, 'A': -1.0}}
        >>> list(contrasts_of("both - each other", d.design_of([], "ABCD")))
        ['C - A', 'C - B', 'C - D']
    """
    known: dict[str, Callable[[], d.Weights]] = {
        d.PRETRAINING: lambda: d.main_effect(design, "pretrained"),
        d.AUGMENTATION: lambda: d.main_effect(design, "augmented"),
        d.INTERACTION: lambda: d.interaction(design),
        GAIN: lambda: d.gain_over_size(design),
    }
    if contrast in known:
        weights = known[contrast]()
        return {contrast: weights} if weights else {}
    corners = {
        (pre, aug): [n for n, p in design.items() if (p.pretrained, p.augmented) == (pre, aug)]
        for pre in (False, True)
        for aug in (False, True)
    }
    both, alone = corners[True, True], corners[True, False]
    neither, augmented = corners[False, False], corners[False, True]
    pairs = {
        BOTH_NEITHER: [(both, neither)],
        ALONE_BOTH: [(alone, both)],
        BOTH_EACH: [(both, other) for other in (neither, alone, augmented)],
    }.get(contrast)
    if pairs is None:
        treatment, control = _pair(contrast)
        pairs = [([treatment], [control])] if {treatment, control} <= {*design, *recipes} else []
    if not pairs or not all(first and second for first, second in pairs):
        return {}
    return {
        f"{' + '.join(first)} - {' + '.join(second)}": _means(first, second)
        for first, second in pairs
    }


def _means(first: Sequence[str], second: Sequence[str]) -> d.Weights:
    plus = dict.fromkeys(first, 1 / len(first))
    return plus | dict.fromkeys(second, -1 / len(second))


def check(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Claims as they were given, if they can be tested.

    Raises:
        RunError: not claims, two of one name, an effect of interest that is not above zero.
    """
    names = set()
    for claim in claims:
        if not isinstance(claim, Claim):
            raise RunError(
                f"Expected Claim objects or a YAML file, got {claim!r}. Try claims=None."
            )
        if claim.name in names:
            raise RunError(
                f"Expected claims with different names, got {claim.name!r} twice. "
                f"Try {claim.name + '-2'!r} for the second."
            )
        names.add(claim.name)
        if claim.direction not in ("higher", "lower"):
            raise RunError(
                f"Expected direction of claim {claim.name!r} to be higher or lower, got "
                f"{claim.direction!r}. Try higher."
            )
        if not claim.outcomes or not all(outcome.measures for outcome in claim.outcomes):
            raise RunError(
                f"Expected a measure in claim {claim.name!r}, got none. Try measure: energy."
            )
        for outcome in claim.outcomes:
            if not (math.isfinite(outcome.smallest) and outcome.smallest > 0):
                raise RunError(
                    f"Expected smallest of claim {claim.name!r} above 0, got {outcome.smallest}. "
                    "Try 0.05, and say why."
                )
    return tuple(claims)


class Entry(BaseModel):
    """A claim as YAML has it: `measure` is one metric, or several, of which the mean counts."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, examples=["mine"])
    text: str = ""
    contrast: str = Field(min_length=1, examples=["B - A"])
    direction: Direction = Field(examples=["higher"])
    measure: str | list[str] = Field(min_length=1, examples=["energy"])
    smallest: float = Field(examples=[0.05])
    reason: str = Field(min_length=1, examples=["a twentieth of the map"])

    def claim(self, where: str) -> Claim:
        """The claim; `where` it stands."""
        if self.contrast not in CONTRASTS and not all(map(str.strip, _pair(self.contrast))):
            raise RunError(
                f"Expected contrast in {where} as 'X - Y' for two recipes, got {self.contrast!r}. "
                f"Try one of {', '.join(CONTRASTS)}."
            )
        measures = (self.measure,) if isinstance(self.measure, str) else tuple(self.measure)
        outcome = Outcome(measures, self.smallest, self.reason)
        return Claim(self.name, self.text, self.contrast, self.direction, (outcome,))


def from_yaml(path: str | Path) -> tuple[Claim, ...]:
    """Claims of a YAML file: a list of name, contrast, direction, measure, smallest, reason, text.

    `contrast` is 'X - Y' for two recipes or one of CONTRASTS; `measure` one metric or a list, of
    which the mean counts; `text` may be left out.

    Raises:
        RunError: no such file, no YAML, an unknown field, a field that is missing or wrong.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "mine.yaml"
        >>> _ = file.write_text("- {name: mine, contrast: B - A, direction: higher, "
        ...     "measure: energy, smallest: 0.05, reason: a twentieth of the map}")
        >>> from_yaml(file)[0].contrast
        'B - A'
    """
    entries = load_yaml(
        path,
        list[Entry],
        of="claims",
        like="'- name: mine' on a line of its own for each claim",
        advice="claims=None for those of the article",
        error=RunError,
    )
    where = Path(path).name
    return check([entry.claim(f"{where}, claim {i}") for i, entry in enumerate(entries, 1)])


def _pair(contrast: str) -> tuple[str, str]:
    treatment, _, control = contrast.partition(" - ")
    return treatment, control
