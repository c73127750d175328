"""The answer in words: an effect becomes a sentence, a fault of the run becomes a warning.

A difference in map resolution alone can move every localization metric, so where the grids of
two arms differ the sentence gives the result at equal resolution next to the native one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from campare.report.facts import Arm, Effect, coarsest, is_audit, title
from campare.stats.words import MATCHED, UNDEFINED, higher_is_better

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


class Finding(NamedTuple):
    """A claim, the numbers behind it, and the verdict that its chip shows."""

    verdict: str
    claim: str
    evidence: str


class Warned(NamedTuple):
    """A fault of the run; `loud` ones stand above the answer."""

    loud: bool
    text: str


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


def _called(arm: Arm) -> str:
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
    return Finding(verdict, f"{claim}.{caveat}", f"{evidence[0].upper()}{evidence[1:]}.")


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
    one, other = _called(treatment), _called(control)
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


def warnings(manifest: Mapping[str, Any], arms: Sequence[Arm]) -> list[Warned]:
    """What a reader must know before believing a number, the loudest first."""
    audit = is_audit(manifest)
    found = [_guessing(manifest, arm, audit) for arm in arms if arm.unlearned]
    done = len(manifest["cells"])
    wanted = len(manifest["recipes"]) * len(manifest["seeds"])
    if done < wanted:
        what = "models are not measured" if audit else "cells are not finished"
        found.append(Warned(True, f"{wanted - done} of {wanted} {what}."))
    seeds = len(manifest["seeds"])
    if audit and len(arms) > 1:
        found.append(
            Warned(
                False,
                "Each model is one training: a difference speaks of these models, not of the ways "
                "in which they were trained.",
            )
        )
    elif not audit and seeds < 5:
        found.append(
            Warned(
                False,
                f"Only {seeds} {'seed' if seeds == 1 else 'seeds'}: the intervals know little of "
                f"how much another training run would differ. Take 5 or more for a claim.",
            )
        )
    skipped = manifest["data"].get("skipped") or []
    if skipped:
        found.append(
            Warned(
                False,
                f"{len(skipped)} {'file was' if len(skipped) == 1 else 'files were'} skipped, "
                f"as listed below.",
            )
        )
    size = coarsest(arms)
    if size is not None:
        grids = listed([f"{arm.name} {grid(arm.grid)}" for arm in arms])
        found.append(
            Warned(
                False,
                f"The {arms[0].noun}s' maps differ in resolution ({grids}), and resolution alone "
                f"moves most metrics. “Matched” results pool every map to {grid(size)} first.",
            )
        )
    return found


def _guessing(manifest: Mapping[str, Any], arm: Arm, audit: bool) -> Warned:
    """An arm whose predictions are no better than the commonest class."""
    split = manifest.get("config", {}).get("split", "test")
    counts = list((manifest["data"].get("counts") or {}).get(split, {}).values())
    chance = max(counts) / sum(counts) if sum(counts) else 1 / len(manifest["data"]["classes"])
    accuracy = (
        f"accuracy {number(arm.mean_accuracy)}, the commonest class alone gives {number(chance)}"
    )
    if audit:
        return Warned(
            True,
            f"{_called(arm)} may be guessing on these images: {accuracy}. Do the pixels and the "
            "classes fit what the model takes? The maps of a guess say little.",
        )
    trained = len(arm.accuracy) or len(manifest["seeds"])
    return Warned(
        True,
        f"{_called(arm)} did not learn in {len(arm.unlearned)} of {trained} seeds: mean "
        f"{accuracy}. Its maps explain a guess; do not read a comparison with it as an effect of "
        "the recipe.",
    )
