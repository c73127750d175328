"""The settings of a comparison, checked against what the table has.

baseline or contrasts -> pairs     methods     claims -> hypotheses     design -> levels
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from campare.errors import RunError
from campare.stats.claims import Claim, check, from_yaml
from campare.stats.design import Levels, design_of, levels_from
from campare.stats.nulls import is_null

FEWEST_RESAMPLES = 100

#: Pairs (treatment, control).
Contrasts = tuple[tuple[str, str], ...]


def pairs_of(
    recipes: list[str],
    baseline: str | None,
    contrasts: Sequence[tuple[str, str]] | None,
    declared: Contrasts,
) -> Contrasts:
    """The contrasts to make, none of one recipe alone; the run's where both have rows."""
    wanted = {name for pair in contrasts or () for name in pair} | ({baseline} - {None})
    unknown = sorted(str(name) for name in wanted - set(recipes))
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


def methods_of(present: list[str], chosen: str | Sequence[str] | None) -> list[str]:
    """The methods to compare: all but the nulls, or those chosen."""
    if chosen is None:
        return [name for name in present if not is_null(name)]
    names = [chosen] if isinstance(chosen, str) else list(chosen)
    unknown = [name for name in names if name not in present]
    if unknown:
        raise RunError(
            f"Expected methods of the table, got {', '.join(unknown)}. Try {', '.join(present)}."
        )
    return names


def check_settings(
    baseline: str | None,
    contrasts: Sequence[tuple[str, str]] | None,
    confidence: float,
    resamples: int,
) -> None:
    """Check what does not depend on the table."""
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


def hypotheses_of(claims: str | Path | Sequence[Claim] | None) -> tuple[Claim, ...] | None:
    """The claims to judge; None: those that suit the table."""
    if claims is None:
        return None
    return from_yaml(claims) if isinstance(claims, str | Path) else check(claims)


def levels_of(
    design: Mapping[str, Levels | Mapping[str, Any]] | None,
    manifest: Iterable[Mapping[str, Any]],
    recipes: Sequence[str],
) -> dict[str, Levels]:
    """Recipe -> levels, of the recipes that the table has; empty where nothing is known of them."""
    if design is None:
        found = design_of(manifest, recipes)
        return {name: levels for name, levels in found.items() if name in recipes}
    unknown = [name for name in design if name not in recipes]
    if unknown:
        raise RunError(
            f"Expected recipes of the table in the design, got {', '.join(unknown)}. "
            f"Try {', '.join(recipes)}."
        )
    return {name: levels_from(given) for name, given in design.items()}
