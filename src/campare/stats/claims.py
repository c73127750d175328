"""Claims as hypotheses that are fixed before anything is measured.

A claim names an outcome, a contrast, a direction and the smallest effect of interest, with the
reason for its size. `campare.stats.article` holds the nine of the article, `from_yaml` reads those
of a user, `campare.stats.judging` tests them.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from campare.errors import RunError
from campare.stats import design as d

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
        >>> Claim("mine", "B looks at the object", "B - A", "higher", (energy,)).direction
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

    `recipes` are those of the table, also such that have no place in the design.

    Example:
        >>> contrasts_of("both - neither", d.design_of([], "ABCD"))
        {'C - A': {'C': 1.0, 'A': -1.0}}
        >>> list(contrasts_of("both - each other", d.design_of([], "ABCD")))
        ['C - A', 'C - B', 'C - D']
    """
    made: dict[str, Callable[[], d.Weights]] = {
        d.PRETRAINING: lambda: d.main_effect(design, "pretrained"),
        d.AUGMENTATION: lambda: d.main_effect(design, "augmented"),
        d.INTERACTION: lambda: d.interaction(design),
        GAIN: lambda: d.gain_over_size(design),
    }
    if contrast in made:
        weights = made[contrast]()
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
    seen = set()
    for claim in claims:
        if not isinstance(claim, Claim):
            raise RunError(
                f"Expected Claim objects or a YAML file, got {claim!r}. Try claims=None."
            )
        if claim.name in seen:
            raise RunError(
                f"Expected claims with different names, got {claim.name!r} twice. "
                f"Try {claim.name + '-2'!r} for the second."
            )
        seen.add(claim.name)
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


_FIELDS = ("name", "text", "contrast", "direction", "measure", "smallest", "reason")


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
    where = Path(path).name
    try:
        content = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError as error:
        raise RunError(
            f"Expected a YAML file of claims, got no readable file {str(path)!r}. "
            "Try claims=None for those of the article."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RunError(
            f"Expected YAML in {where}, got text that does not parse. "
            "Try '- name: mine' on a line of its own for each claim."
        ) from error
    if not isinstance(content, list) or not content:
        raise RunError(
            f"Expected a list of claims in {where}, got {type(content).__name__}. "
            "Try '- name: mine' on a line of its own for each claim."
        )
    return check([_claim(item, f"{where}, claim {i}") for i, item in enumerate(content, 1)])


def _claim(item: Any, where: str) -> Claim:
    if not isinstance(item, Mapping):
        raise RunError(f"Expected fields in {where}, got {item!r}. Try 'name: mine'.")
    for name in item:
        if name not in _FIELDS:
            hint = get_close_matches(str(name), _FIELDS, n=1) or [f"one of {', '.join(_FIELDS)}"]
            raise RunError(f"Expected a known field in {where}, got {name!r}. Try {hint[0]}.")
    for name in _FIELDS:
        if name != "text" and item.get(name) in (None, "", []):
            raise RunError(f"Expected a {name} in {where}, got none. Try '{name}: {_TRY[name]}'.")
    smallest = item["smallest"]
    if isinstance(smallest, bool) or not isinstance(smallest, int | float):
        raise RunError(f"Expected smallest in {where} as a number, got {smallest!r}. Try 0.05.")
    measure = item["measure"]
    measures = (measure,) if isinstance(measure, str) else tuple(str(name) for name in measure)
    contrast = str(item["contrast"])
    if contrast not in CONTRASTS and not all(part.strip() for part in _pair(contrast)):
        raise RunError(
            f"Expected contrast in {where} as 'X - Y' for two recipes, got {contrast!r}. "
            f"Try one of {', '.join(CONTRASTS)}."
        )
    outcome = Outcome(measures, float(smallest), str(item["reason"]))
    text, direction = str(item.get("text", "")), cast(Direction, item["direction"])
    return Claim(str(item["name"]), text, contrast, direction, (outcome,))


_TRY = {
    "name": "mine", "contrast": "B - A", "direction": "higher", "measure": "energy",
    "smallest": "0.05", "reason": "a twentieth of the map",
}  # fmt: skip


def _pair(contrast: str) -> tuple[str, str]:
    treatment, _, control = contrast.partition(" - ")
    return treatment, control
