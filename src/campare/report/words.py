"""The answer in words: an effect becomes a sentence, and numbers become text for people.

A difference in map resolution alone can move every localization metric, so where the grids of
two arms differ the sentence gives the result at equal resolution next to the native one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from campare.report.facts import Arm, Effect, coarsest, title
from campare.stats.words import MATCHED, UNDEFINED, higher_is_better

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


class Finding(NamedTuple):
    """A claim, the numbers behind it, the verdict that its chip shows, and the claim in short."""

    verdict: str
    claim: str
    evidence: str
    short: str = ""
    factor: str = ""


def number(value: float | None, digits: int = 2) -> str:
    """A number for people: a real minus sign, an en dash where it is undefined.

    Example:
        >>> number(0.123), number(float("nan"))
        ('0.12', '\N{EN DASH}')
    """
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference: always with its sign."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text[0].isdigit() else text


def p_value(value: float | None) -> str:
    """A p value with three digits."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def grid(size: tuple[int, int] | None) -> str:
    """A grid as `12 × 12`, with spaces that do not break."""
    return "unknown" if size is None else f"{size[0]}{NARROW}×{NARROW}{size[1]}"


def interval(effect: Effect) -> str:
    """The estimate with its interval."""
    ends = f"{signed(effect.low)} to {signed(effect.high)}"
    return f"{signed(effect.estimate)} ({100 * effect.confidence:.4g}{NARROW}% interval {ends})"


def called(arm: Arm) -> str:
    """The name of an arm, with its title where it has one."""
    return arm.name if arm.title == arm.name else f"{arm.name} ({arm.title})"


def sentence(
    effects: Mapping[tuple[str, str], Effect],
    contrast: str,
    metrics: Sequence[str],
    arms: Mapping[str, Arm],
) -> Finding:
    """One contrast in words, over all main metrics; numbers for the first and for what differs.

    Where the grids of the two arms differ the matched results decide, since native ones are
    confounded; the sentence then says what the native ones would have claimed.
    """
    native = [effects[contrast, metric] for metric in metrics if (contrast, metric) in effects]
    treatment, control = arms[native[0].treatment], arms[native[0].control]
    size = coarsest((treatment, control))
    deciding = [
        effects.get((contrast, effect.metric + MATCHED), effect) if size else effect
        for effect in native
    ]
    verdict, claim = _claim(deciding, treatment, control)
    if size:
        claim += _resolution(
            native, deciding, f"{grid(treatment.grid)} against {grid(control.grid)}"
        )
    guesses = listed([arm.name for arm in (treatment, control) if arm.unlearned])
    caveat = f" But {guesses} {treatment.guess}." if guesses else ""
    shown = [i for i, effect in enumerate(deciding) if i == 0 or effect.detected]
    evidence = "; ".join(_numbers(native[i], deciding[i]) for i in shown)
    short = _short(verdict, deciding, treatment, control) + (
        f", but {guesses} {treatment.guess}" if guesses else ""
    )
    return Finding(verdict, f"{claim}.{caveat}", f"{evidence[0].upper()}{evidence[1:]}.", short)


def _short(verdict: str, effects: Sequence[Effect], treatment: Arm, control: Arm) -> str:
    """The claim as a headline."""
    one, other = treatment.name, control.name
    found = [effect for effect in effects if effect.verdict == verdict]
    if not any(effect.detected for effect in effects):
        words = "cannot be compared" if verdict == UNDEFINED else "do not differ detectably"
        return f"The maps of {one} and {other} {words}"
    if verdict == "mixed":
        return f"{one} gives better maps than {other} by some measures and worse ones by others"
    many = f" by {len(found)} of {len(effects)} measures" if len(effects) > 1 else ""
    return (
        f"{one} gives {verdict} maps than {other}{many}"
        if verdict in ("better", "worse")
        else (f"The maps of {one} are {verdict} than those of {other}{many}")
    )


def _resolution(native: Sequence[Effect], deciding: Sequence[Effect], grids: str) -> str:
    """What becomes of the claim at equal resolution, and which measures it is not about."""
    pairs = [(raw, equal) for raw, equal in zip(native, deciding, strict=True) if raw is not equal]
    alone = [raw for raw, equal in zip(native, deciding, strict=True) if raw is equal]
    if not pairs:
        return f", at native resolution ({grids}) alone"
    if all(raw.verdict == equal.verdict for raw, equal in pairs):
        text = f", at native ({grids}) and at equal resolution alike"
    else:
        text = f", once resolution is equal; the raw maps ({grids}) alone would say: "
        text += _summed(native)[1] or "no difference"
    if not alone:
        return text
    names = listed([_measure(effect.metric) for effect in alone])
    return f"{text}; {names} at native resolution alone"


def _claim(effects: Sequence[Effect], treatment: Arm, control: Arm) -> tuple[str, str]:
    """Verdict over several metrics, and what it says of two arms."""
    one, other = called(treatment), called(control)
    verdict, where = _summed(effects)
    if verdict == UNDEFINED:
        return verdict, f"The maps of {one} and {other} cannot be compared"
    if verdict == "not detected":
        measures = "measure" if len(effects) == 1 else "measures"
        return verdict, (
            f"No difference is detected between the maps of {one} and {other} "
            f"in {len(effects)} {measures}"
        )
    return verdict, f"Against {other}, {one} gives maps that are {where}"


def _summed(effects: Sequence[Effect]) -> tuple[str, str]:
    """One verdict for several metrics, and in which of them it holds: `better by focus`."""
    by: dict[str, list[str]] = {}
    for effect in effects:
        by.setdefault(effect.verdict, []).append(_measure(effect.metric))
    found = [verdict for verdict in ("better", "worse", "higher", "lower") if verdict in by]
    if not found:
        return ("not detected" if "not detected" in by else UNDEFINED), ""
    where = " and ".join(f"{verdict} by {listed(by[verdict])}" for verdict in found)
    return ("mixed" if {"better", "worse"} <= by.keys() else found[0]), where


def _measure(metric: str) -> str:
    """A metric's title within a sentence: `energy in the object`, but `IoU`."""
    text = title(metric)
    return text[:1].lower() + text[1:] if text.split()[0][1:].islower() else text


def _numbers(native: Effect, deciding: Effect) -> str:
    """The measured difference, at equal resolution too where that decides."""
    text = f"{_measure(native.metric)} {interval(native)}"
    if deciding is native:
        return text
    return f"{text}, at equal resolution {interval(deciding)}"


def findings(
    effects: Mapping[tuple[str, str], Effect],
    contrasts: Sequence[str],
    metrics: Sequence[str],
    arms: Mapping[str, Arm],
    *,
    most: int = 5,
) -> list[Finding]:
    """A sentence for each contrast, at most `most`."""
    known = [c for c in contrasts if any((c, metric) in effects for metric in metrics)]
    return [sentence(effects, contrast, metrics, arms) for contrast in known[:most]]


def factor_findings(
    effects: Mapping[tuple[str, str], Effect], metrics: Sequence[str], arms: Sequence[Arm] = ()
) -> list[Finding]:
    """A sentence for each main effect, interaction and trend of a factorial set, over all metrics.

    The effect at equal resolution decides, where there is one.
    """
    guessing = [arm for arm in arms if arm.unlearned]
    caveat = f" But {listed([a.name for a in guessing])} {guessing[0].guess}." if guessing else ""
    found = []
    for factor in dict.fromkeys(name for name, _ in effects):
        deciding = [
            effects.get((factor, metric + MATCHED), effects[factor, metric])
            for metric in metrics
            if (factor, metric) in effects
        ]
        if deciding:
            one = _factor(factor, deciding)
            found.append(one._replace(claim=one.claim + caveat))
    return found


def _factor(factor: str, deciding: Sequence[Effect]) -> Finding:
    verdict, where = _summed(deciding)
    name = factor[:1].upper() + factor[1:]
    shown = [e for i, e in enumerate(deciding) if i == 0 or e.detected][:2]
    evidence = "; ".join(f"{_measure(effect.metric)} {interval(effect)}" for effect in shown)
    says = (
        _interaction(verdict)
        if " x " in factor
        else _trend(verdict, factor)
        if ":" in factor or factor in ("train size", "strength")
        else {
            "better": f"{name} makes the maps better",
            "worse": f"{name} makes the maps worse",
            "mixed": f"{name} makes the maps better by some measures and worse by others",
            "not detected": f"{name} makes no detectable difference",
            UNDEFINED: f"The effect of {factor} cannot be said",
        }.get(verdict, f"{name} changes the maps")
    )
    claim = f"{says}: {where}." if where else f"{says} in {len(deciding)} measures."
    return Finding(verdict, claim, f"{evidence[0].upper()}{evidence[1:]}.", says, factor)


def both(one: Finding, other: Finding) -> str:
    """Two findings on factors in one sentence.

    Example:
        >>> none = Finding("not detected", "", "", "Sun makes no detectable difference", "sun")
        >>> both(none, none._replace(factor="rain"))
        'Neither sun nor rain makes a detectable difference.'
    """
    if one.verdict == other.verdict == "not detected":
        return f"Neither {one.factor} nor {other.factor} makes a detectable difference."
    if one.verdict == other.verdict and one.verdict in ("better", "worse"):
        return f"Both {one.factor} and {other.factor} make the maps {one.verdict}."
    return f"{one.short}; {other.short[:1].lower()}{other.short[1:]}."


def _trend(verdict: str, factor: str) -> str:
    """A trend over a dose, within arms that agree in the rest: `train size: scratch, plain`."""
    dose, _, stratum = factor.partition(": ")
    what = {"train size": "More training images make", "strength": "Stronger augmentation makes"}
    effect = {
        "better": "the maps better",
        "worse": "the maps worse",
        "mixed": "the maps better by some measures and worse by others",
        "not detected": "no detectable difference",
        UNDEFINED: "a difference that is undefined",
    }.get(verdict, "a difference")
    return f"{what.get(dose, dose)} {effect}" + (f" ({stratum})" if stratum else "")


def _interaction(verdict: str) -> str:
    return {
        "better": "Augmentation gains more on pre-trained networks than on those from scratch",
        "worse": "Augmentation gains less on pre-trained networks than on those from scratch",
        "not detected": "Pre-training and augmentation do not detectably depend on each other",
        UNDEFINED: "Whether pre-training and augmentation depend on each other cannot be said",
    }.get(verdict, "Pre-training and augmentation depend on each other")


def against_nulls(nulls: pl.DataFrame, metric: str, method: str, arms: Sequence[Arm]) -> str | None:
    """Which arms are detectably above a prior that looks at no model, in one sentence."""
    rows = nulls.filter(
        (pl.col("metric") == metric)
        & (pl.col("method") == method)
        & (pl.col("null") == "centre")
        & pl.col("estimate").is_finite()
    )
    low = dict(zip(rows["recipe"].to_list(), rows["low"].to_list(), strict=True))
    if not low or not higher_is_better(metric):
        return None
    over = [arm.name for arm in arms if low.get(arm.name, math.nan) > 0]
    rest = [arm.name for arm in arms if arm.name in low and arm.name not in over]
    bump = f"a bump in the middle of the image ({title(metric)})"
    if len(low) == 1:
        return f"{over[0]} beats {bump}." if over else f"{rest[0]} does not beat {bump}."
    if not rest:
        return f"Every {arms[0].noun} beats {bump}."
    if not over:
        return f"No {arms[0].noun} beats {bump}."
    return (
        f"{listed(over)} {'beats' if len(over) == 1 else 'beat'} {bump}; "
        f"{listed(rest)} {'does' if len(rest) == 1 else 'do'} not."
    )


def listed(words: Sequence[str]) -> str:
    """Words as a list for people.

    Example:
        >>> listed(["A", "B", "C"])
        'A, B and C'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
