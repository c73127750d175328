"""Verdicts: each claim tested on the table, p adjusted by Holm over the claims of one comparison.

equivalent     the interval lies inside +- the smallest effect of interest
supported      p_adjusted < alpha (two-sided), in the claimed direction
contradicted   p_adjusted < alpha, in the other direction
not settled    anything else: too wide, or too few seeds; `reason` says which
not measured   the table has no such measure, or no such arms; `reason` says which
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from campare.stats import design as d
from campare.stats.claims import Claim, Direction, Outcome, contrasts_of
from campare.stats.crossed import Effect, Split, effect_of, split
from campare.stats.gathered import Key, Measured
from campare.stats.holm import holm
from campare.stats.power import FEWEST_SEEDS, images_needed, seeds_needed
from campare.stats.ranking import CLASSIFIER
from campare.stats.words import MATCHED, replicate

SUPPORTED, CONTRADICTED = "supported", "contradicted"
EQUIVALENT, NOT_SETTLED, NOT_MEASURED = "equivalent", "not settled", "not measured"

#: All words, in the order in which they are listed.
VERDICTS = (SUPPORTED, CONTRADICTED, EQUIVALENT, NOT_SETTLED, NOT_MEASURED)

#: How the reason begins where arms were compared, but not by what the claim is about.
NO_MEASURE = "not part of this run: "


class Component(NamedTuple):
    """One test of a claim; most claims have one."""

    outcome: Outcome
    measured: str  # the measures in words
    contrast: str
    split: Split
    lacking: tuple[str, ...] = ()  # measures that the run does not have, or has of no image


class Evidence(NamedTuple):
    """A claim with what was found, before its p is adjusted."""

    claim: Claim
    components: tuple[Component, ...]
    missing: str = ""  # why there are none


def judge(
    claims: Sequence[Claim],
    measured: Mapping[Key, Measured],
    design: d.Design,
    method: str,
    confidence: float = 0.95,
    kind: str = "",
) -> list[dict[str, Any]]:
    """A row for each claim with the columns of `Comparison.claims`; `method` makes the maps.

    `kind` is that of the run: an audit's reasons speak of replicates.
    """
    tested = [_test(claim, measured, design, method) for claim in claims]
    worst = [_combined(one, confidence) for one in tested]
    adjusted = holm([effect.p for _, effect in worst])
    family = max(sum(math.isfinite(effect.p) for _, effect in worst), 1)
    return [
        _row(one, component, effect, float(p), method, confidence, family, replicate(kind))
        for one, (component, effect), p in zip(tested, worst, adjusted, strict=True)
    ]


def verdict(
    direction: Direction, effect: Effect, p_adjusted: float, smallest: float, alpha: float = 0.05
) -> str:
    """The word for an effect; see the module's docstring. Too few seeds settle nothing.

    Example:
        >>> found = Effect(0.1, 0.06, 0.14, 0.001, 0.8, 200, 5)
        >>> verdict("higher", found, 0.004, 0.05), verdict("lower", found, 0.004, 0.05)
        ('supported', 'contradicted')
        >>> verdict("higher", found, 0.004, 0.2), verdict("higher", found, 0.06, 0.05)
        ('equivalent', 'not settled')
    """
    if not _tells(effect):
        return NOT_SETTLED
    if -smallest < effect.low and effect.high < smallest:
        return EQUIVALENT
    if p_adjusted < alpha and not effect.low <= 0 <= effect.high:
        return SUPPORTED if (effect.estimate > 0) == (direction == "higher") else CONTRADICTED
    return NOT_SETTLED


def _test(
    claim: Claim, measured: Mapping[Key, Measured], design: d.Design, method: str
) -> Evidence:
    contrasts = contrasts_of(claim.contrast, design, {key[0] for key in measured})
    if not contrasts:
        return Evidence(claim, (), f"no recipes for '{claim.contrast}'")
    components = []
    for outcome in claim.outcomes:
        found = [
            _component(outcome, name, weights, measured, method)
            for name, weights in contrasts.items()
        ]
        known = [one for one in found if one is not None]
        if len(known) == len(found):
            components += known
            if not claim.all_of:
                break
        elif claim.all_of:
            components = []
            break
    if not components:
        wanted = list(dict.fromkeys(_called(outcome.measures) for outcome in claim.outcomes))
        joined = (" and " if claim.all_of else "; or ").join(wanted)
        return Evidence(claim, (), NO_MEASURE + joined)
    return Evidence(claim, tuple(components))


def _called(measures: Sequence[str]) -> str:
    first = measures[0].partition("@")[0]
    return first if len(measures) == 1 else f"{first} or {len(measures) - 1} like it"


def _component(
    outcome: Outcome,
    name: str,
    weights: d.Weights,
    measured: Mapping[Key, Measured],
    method: str,
) -> Component | None:
    known: dict[str, list[NDArray[np.float64]]] = {}
    lacking = []
    groups = None  # of mosaics, where a measure is of these, else of images
    for measure in outcome.measures:
        for form in dict.fromkeys((measure, measure.removesuffix(MATCHED))):
            found = [
                measured.get((arm, method, form)) or measured.get((arm, CLASSIFIER, form))
                for arm in weights
            ]
            arms = [one.values for one in found if one is not None]
            if len(arms) == len(weights) and all(np.isfinite(one).any() for one in arms):
                known[form] = arms
                own = found[0].groups if found[0] else None
                groups = groups if own is None else own
                break
        else:
            lacking.append(measure.removesuffix(MATCHED))
    if not known:
        return None
    together = _together(np.stack(list(known.values())))
    words = next(iter(known)) if len(known) == 1 else f"mean of {', '.join(known)}"
    found_split = split(list(together), list(weights.values()), groups)
    return Component(outcome, words, name, found_split, tuple(lacking))


def _together(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of several measures, (measures, arms, seeds, images) -> (arms, seeds, images).

    On an image those measures count that every arm has there, so that all arms are compared by the
    same ones. Each has its mean over the arms taken off first: a seed that lacks a measure with low
    values would else score higher for it. Contrasts of arms do not change by that.
    """
    if len(values) == 1:
        return np.asarray(values[0])
    of_arms = _mean(values, axis=2)
    level = of_arms.mean(axis=1)  # NaN where an arm has no seed with this measure
    return _mean(values - level[:, None, None, :], axis=0)


def _mean(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean of what is defined, NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _combined(one: Evidence, confidence: float) -> tuple[Component | None, Effect]:
    """The component that decides, its effect with the p of the whole claim.

    All must hold for a claim to be supported: p is the largest of all (an intersection-union
    test). One that goes the other way contradicts it: p is the least of those, times their number.
    One that tells nothing, of few seeds or a single image, neither holds nor goes the other way.
    """
    if not one.components:
        return None, Effect()
    sign = 1 if one.claim.direction == "higher" else -1
    effects = [effect_of(component.split, confidence) for component in one.components]
    ranked = [(not _tells(effect), effect.p) for effect in effects]
    against = [i for i, e in enumerate(effects) if not sign * e.estimate > 0]
    if against:
        chosen = min(against, key=lambda i: ranked[i])
        p = min(1.0, len(effects) * effects[chosen].p)
    else:
        chosen = max(range(len(effects)), key=lambda i: ranked[i])
        p = effects[chosen].p
    return one.components[chosen], effects[chosen]._replace(p=p)


def _tells(effect: Effect) -> bool:
    """Whether an effect has an interval that is known to hold."""
    return effect.seeds >= FEWEST_SEEDS and math.isfinite(effect.low)


def _row(
    one: Evidence,
    component: Component | None,
    effect: Effect,
    p_adjusted: float,
    method: str,
    confidence: float,
    family: int,
    called: str,
) -> dict[str, Any]:
    claim, alpha = one.claim, 1 - confidence
    base = {"claim": claim.name, "text": claim.text, "direction": claim.direction}
    if component is None:
        return base | {
            "verdict": NOT_MEASURED, "contrast": claim.contrast, "method": method, "metric": "",
            **dict.fromkeys(("estimate", "low", "high", "p", "p_adjusted"), math.nan),
            "smallest": claim.outcomes[0].smallest, "images": 0, "seeds": 0, "groups": 0,
            "more_seeds": None, "more_images": None, "reason": one.missing,
        }  # fmt: skip
    smallest = component.outcome.smallest
    said = verdict(claim.direction, effect, p_adjusted, smallest, alpha)
    intervals = [(effect_of(c.split, confidence), c.outcome.smallest) for c in one.components]
    inside = [verdict(claim.direction, e, 1.0, s, alpha) == EQUIVALENT for e, s in intervals]
    if said == EQUIVALENT and not all(inside):
        said = NOT_SETTLED
    more_seeds, more_images = None, None
    reason = component.outcome.reason
    if said == NOT_SETTLED:
        more_seeds, more_images = _needed(component.split, smallest, alpha, family)
        reason = _why(effect, component.split.units, p_adjusted, smallest, alpha, called)
    if component.lacking:
        reason += f"; not measured, or undefined on every image: {', '.join(component.lacking)}"
    return base | {
        "verdict": said, "contrast": component.contrast, "method": method,
        "metric": component.measured, "estimate": effect.estimate, "low": effect.low,
        "high": effect.high, "p": effect.p, "p_adjusted": p_adjusted, "smallest": smallest,
        "images": effect.images, "seeds": effect.seeds, "groups": effect.groups,
        "more_seeds": more_seeds, "more_images": more_images, "reason": reason,
    }  # fmt: skip


def _why(
    effect: Effect, units: int, p_adjusted: float, smallest: float, alpha: float, called: str
) -> str:
    """Why a measured claim is not settled; `called` is what replicates are."""
    if effect.images == 0:
        return "no image that all arms have in common"
    if effect.images == 1:
        return "one image that all arms have in common: nothing says what another one would give"
    if units < 2:
        return "all images belong to one group: nothing says what another one would give"
    if effect.seeds < FEWEST_SEEDS:
        return f"fewer than {FEWEST_SEEDS} {called}s: no interval is known to hold"
    if not effect.low <= 0 <= effect.high and p_adjusted >= alpha:
        return "the interval excludes zero, but not after Holm's correction for all claims"
    return f"the interval holds zero and reaches beyond the smallest effect of {smallest:g}"


def _needed(
    found: Split, smallest: float, alpha: float, family: int
) -> tuple[int | None, int | None]:
    """Seeds and images to add until the interval excludes zero or lies inside +- smallest.

    Each alone, were the estimate and the variances to stay; None where no number suffices.
    """
    if found.units < 2 or found.seeds < 2:  # of one training nobody knows how another would differ
        return None, None
    far = abs(found.estimate)

    def enough(other: Split) -> bool:
        error = math.sqrt(other.variance)
        t = stdtrit(min(other.freedom, 1e9), [1 - alpha / family / 2, 1 - alpha / 2]) * error
        return bool(t[0] < far or t[1] < smallest - far)

    seeds, images = seeds_needed(found, enough), images_needed(found, enough)
    if found.seeds < FEWEST_SEEDS:
        images = None
    return (
        None if seeds is None else max(seeds - found.seeds, 1),
        None if images is None else max(images - found.images, 1),
    )
