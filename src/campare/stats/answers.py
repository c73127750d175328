"""What a comparison says: every answer decided once, in the order in which a reader must know it.

    arms alone      did not learn, follows a cue, no better than a control, flat maps
    factors         what a factor does to the maps, over all arms; interactions; trends
    contrasts       one arm against another: better, worse, mixed, not detected
    equivalence     what differs too little to matter
    claims          which are supported, contradicted, equivalent, open
    controls        whether an arm beats a map that looks at no model
    curves          where accuracy still rises in training and quality falls
    besides         what else differs between arms
    methods         where verdicts depend on the method that makes the maps
    limits          what the numbers cannot say

campare.stats.order says in which order they stand. Terminal, report, Markdown and notebook print
these; none of them decides anything. A verdict is over the main metrics (campare.stats.ranking).
Where arms have maps of different resolution the values at equal resolution decide, since a finer
map alone can score higher, and the text says what the native ones would have claimed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import polars as pl

from campare.stats.advice import ENOUGH_SEEDS, advice
from campare.stats.alone import Flawed, alone, faults, open_cues
from campare.stats.answer import Answer, Arm, Compared
from campare.stats.article import SMALLEST
from campare.stats.besides import besides
from campare.stats.by_method import by_method
from campare.stats.deciding import NOT_DETECTED, Deciding, ahead, contrasts, deciding
from campare.stats.design import AUGMENTATION, NONE, PRETRAINING, SIZE, STRENGTH
from campare.stats.nulls import is_null
from campare.stats.order import ordered
from campare.stats.parting import partings
from campare.stats.power import FEWEST_SEEDS
from campare.stats.ranking import CLASSIFIER, main_method, main_metrics
from campare.stats.verdicts import verdicts
from campare.stats.words import (
    UNDEFINED,
    count,
    decided,
    higher_is_better,
    images_in,
    listed,
    measure,
    p_text,
    replicate,
    signed,
    title,
)

MIXED = "mixed"


def answers(comparison: Compared) -> list[Answer]:
    """All that a comparison says, in the order in which a reader must know it.

    Example:
        >>> answers(campare.compare(run))[0].text  # doctest: +SKIP
    """
    arms = arms_in(comparison)
    method = method_of(comparison)
    metrics = metrics_of(comparison, method)
    found = faults(comparison, arms.values(), method, metrics)
    flawed = Flawed(found)
    others = [name for name in _methods(comparison) if name not in (method, CLASSIFIER)]
    order = [name for name in (method, CLASSIFIER, *others) if name]
    said = [
        *found,
        *open_cues(comparison, arms.values(), method, found),
        *_of_controls(comparison, method),
        *_of_ahead(comparison, method, arms, flawed),
        *_of_factors(comparison, method, arms, flawed),
        *(answer for name in order for answer in _of_pairs(comparison, name, arms, flawed)),
        *(alone(comparison, arms.values(), method, metrics) if len(arms) == 1 else ()),
        *_equivalences(comparison, method, arms),
        *_of_next(comparison, method, found),
        *verdicts(comparison.claims, comparison.kind),
        *partings(comparison.curves, comparison.confidence),
        *besides(comparison.design, arms.values(), _noun(comparison)),
        *by_method(comparison.methods, comparison.ranks, metrics),
        *_limits(comparison, method),
    ]
    return ordered(said)


def headline(found: Sequence[Answer], arms: int = 0) -> str:
    """The answer in a sentence or two: what must be known of single arms, then what differs.

    `arms` is how many there are. Where one follows a cue, or all guess or are worse than a control,
    differences between them say nothing of how good their maps are, and are not in it.
    """
    lead = Flawed([answer for answer in found if answer.kind == "arm"])
    if lead.decides(arms):
        return f"{lead.words}."
    differ = _difference(found)
    if not lead.words:
        could = "compared" if arms > 1 else "measured"
        return differ or f"No map of this run could be {could}."
    return f"{lead.words}. {differ}" if differ else f"{lead.words}."


def _difference(found: Sequence[Answer]) -> str:
    """What differs: of two factors where there are two, else the first that is said."""
    mains = [answer for answer in found if answer.kind in ("factor", "trend")][:2]
    if len(mains) == 2:
        return both(*mains)
    for kind in ("contrast", "alone", "controls", "classifier"):
        for answer in found:
            if answer.kind == kind:
                return f"{answer.short}."
    return ""


def both(one: Answer, other: Answer) -> str:
    """Two answers on factors in one sentence.

    Example:
        >>> sun = Answer("factor", "not detected", "", "Sun makes no detectable difference",
        ...     subject="sun")
        >>> both(sun, Answer("factor", "not detected", "", "", subject="rain"))
        'Neither sun nor rain makes a detectable difference to the maps.'
    """
    single = not any(" together" in answer.subject for answer in (one, other))
    if single and one.verdict == other.verdict == NOT_DETECTED:
        return (
            f"Neither {one.subject} nor {other.subject} makes a detectable difference to the maps."
        )
    if single and one.verdict == other.verdict and one.verdict in ("better", "worse"):
        return f"Both {one.subject} and {other.subject} make the maps {one.verdict}."
    return f"{one.short}; {other.short[:1].lower()}{other.short[1:]}."


def method_of(comparison: Compared) -> str:
    """The method that the first answers are about; '' where no map was compared."""
    means = comparison.summary.filter(pl.col("mean").is_finite())["method"]
    of_means = [name for name in dict.fromkeys(means) if not is_null(name)]
    for known in (_methods(comparison), of_means):
        if maps := [name for name in known if name != CLASSIFIER]:
            return main_method(maps)
    return ""


def metrics_of(comparison: Compared, method: str) -> list[str]:
    """The metrics that answers on a method are about, the first first."""
    means = comparison.summary.filter((pl.col("method") == method) & pl.col("mean").is_finite())[
        "metric"
    ]
    tables = (comparison.effects, comparison.factors)
    rows = pl.concat([t.filter(pl.col("method") == method).select("metric", "low") for t in tables])
    known = rows.filter(pl.col("low").is_finite())["metric"]
    return main_metrics([*means, *known] or list(rows["metric"]), method)


def arms_in(comparison: Compared) -> dict[str, Arm]:
    """The arms by name; of one that only the effects name nothing else is known."""
    known = {row["arm"]: Arm(*row.values()) for row in comparison.arms.iter_rows(named=True)}
    pairs = comparison.effects.select("treatment", "control").unique(maintain_order=True).rows()
    names = dict.fromkeys(name for pair in pairs for name in pair)
    blank = {name: Arm(name, name, None, 0, 0, math.nan, math.nan) for name in names}
    return known | {name: arm for name, arm in blank.items() if name not in known}


def _methods(comparison: Compared) -> list[str]:
    tables = (comparison.effects, comparison.factors, comparison.nulls)
    return list(dict.fromkeys(name for table in tables for name in table["method"]))


def _measures(found: Sequence[Deciding]) -> int:
    """How many measures a verdict is about: those that are defined, or all where none is."""
    return sum(one.verdict != UNDEFINED for one in found) or len(found)


def _summed(of: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """One verdict for several (verdict, metric), and in which it holds: `better by focus`."""
    by: dict[str, list[str]] = {}
    for verdict, name in of:
        by.setdefault(verdict, []).append(name)
    found = [verdict for verdict in ("better", "worse", "higher", "lower") if verdict in by]
    if not found:
        return (NOT_DETECTED if NOT_DETECTED in by else UNDEFINED), ""
    where = " and ".join(f"{verdict} by {listed(by[verdict])}" for verdict in found)
    return (MIXED if {"better", "worse"} <= by.keys() else found[0]), where


def _answer(
    kind: str, verdict: str, text: str, short: str, found: Sequence[Deciding], comparison: Compared
) -> Answer:
    """An answer whose numbers are those of the first metric; evidence has all that differ."""
    shown = [one for i, one in enumerate(found) if i == 0 or one.detected]
    first = found[0].row
    numbers = "; ".join(_numbers(one, comparison.confidence) for one in shown)
    seeds = f", {count(first['seeds'], replicate(comparison.kind))}" if first["seeds"] > 1 else ""
    counts = images_in(first["images"], first["groups"]) + seeds
    return Answer(
        kind, verdict, text, short, f"{numbers[:1].upper()}{numbers[1:]} ({counts}).",
        subject=first["contrast"], method=first["method"], metric=first["metric"],
        estimate=first["estimate"], low=first["low"], high=first["high"], p=first["p_adjusted"],
        images=first["images"] or 0, seeds=first["seeds"] or 0,
    )  # fmt: skip


def _numbers(one: Deciding, confidence: float) -> str:
    """The measured difference, at equal resolution too where that decides."""
    text = f"{one.name} {_interval(one.native, confidence)}"
    if one.row is one.native:
        return text
    return f"{text}, at equal resolution {_interval(one.row, confidence)}"


def _interval(row: Mapping[str, Any], confidence: float) -> str:
    if not math.isfinite(row["low"]):
        return f"{signed(row['estimate'])} (no interval)"
    ends = f"{signed(row['low'])} to {signed(row['high'])}"
    apart = not row["low"] <= 0 <= row["high"] and decided(row, confidence) == NOT_DETECTED
    p = f", p after Holm {p_text(row['p_adjusted'])}" if apart else ""
    return f"{signed(row['estimate'])} ({100 * confidence:.4g}% interval {ends}{p})"


# --- pairs of arms -------------------------------------------------------------------------------


def _of_pairs(
    comparison: Compared, method: str, arms: Mapping[str, Arm], flawed: Flawed
) -> Iterator[Answer]:
    """An answer for each contrast of a method."""
    metrics = metrics_of(comparison, method)
    for rows in contrasts(comparison.effects, method):
        found = deciding(rows, metrics, arms, comparison.confidence)
        if found and method == CLASSIFIER:
            yield _of_classifiers(found, comparison)
        elif found:
            yield _of_pair(found, method, arms, flawed, comparison)


def _of_pair(
    found: Sequence[Deciding],
    method: str,
    arms: Mapping[str, Arm],
    flawed: Flawed,
    comparison: Compared,
) -> Answer:
    first = found[0].native
    treatment, control = arms[first["treatment"]], arms[first["control"]]
    verdict, where = _summed((one.verdict, one.name) for one in found)
    maps = "maps" if method == method_of(comparison) else f"{method} maps"
    but = flawed.but([treatment.name, control.name])
    claim = _claim(verdict, where, _measures(found), maps, treatment, control)
    claim += _of_resolution(found, treatment, control)
    text = f"{claim}. {_capital(but)}." if but else f"{claim}."
    differ = _design(comparison).get(first["contrast"])
    if differ and differ.together:
        text += f" They differ in {listed(differ.names)}."
    short = _short(verdict, found, maps, treatment.name, control.name)
    if differ and differ.together:
        short += f" (they differ in {listed(differ.names)})"
    return _answer("contrast", verdict, text, short, found, comparison)


def _claim(verdict: str, where: str, metrics: int, maps: str, treatment: Arm, control: Arm) -> str:
    one, other = treatment.called, control.called
    if verdict == UNDEFINED:
        return f"The {maps} of {one} and {other} cannot be compared"
    if verdict == NOT_DETECTED:
        measures = count(metrics, "measure")
        return f"No difference is detected between the {maps} of {one} and {other} in {measures}"
    return f"Against {other}, {one} gives {maps} that are {where}"


def _of_resolution(found: Sequence[Deciding], treatment: Arm, control: Arm) -> str:
    """What becomes of the claim at equal resolution, and which measures it is not about."""
    known = treatment.grid and control.grid
    if known and treatment.grid == control.grid:
        return ""
    sizes = f" ({treatment.grid} against {control.grid})" if known else ""
    equal = [one for one in found if one.row is not one.native]
    alone = [one.name for one in found if one.row is one.native]
    if not equal:
        return f", at native resolution{sizes} alone" if known else ""
    if all(one.verdict == one.native_verdict for one in equal):
        text = f", at native{sizes} and at equal resolution alike"
    else:
        raw = _summed((one.native_verdict, one.name) for one in found)[1]
        text = f", once resolution is equal; the raw maps{sizes} alone would say: "
        text += raw or "no difference"
    return f"{text}; {listed(alone)} at native resolution alone" if alone else text


def _short(verdict: str, found: Sequence[Deciding], maps: str, one: str, other: str) -> str:
    """The claim as a headline."""
    if not any(metric.detected for metric in found):
        words = "cannot be compared" if verdict == UNDEFINED else "do not differ detectably"
        return f"The {maps} of {one} and {other} {words}"
    if verdict == MIXED:
        return f"{one} gives better {maps} than {other} by some measures and worse ones by others"
    agree = sum(metric.verdict == verdict for metric in found)
    of = _measures(found)
    many = f" by {agree} of {of} measures" if of > 1 else ""
    if verdict in ("better", "worse"):
        return f"{one} gives {verdict} {maps} than {other}{many}"
    return f"The {maps} of {one} are {verdict} than those of {other}{many}"


def _of_classifiers(found: Sequence[Deciding], comparison: Compared) -> Answer:
    """Which of two arms classifies better."""
    first = found[0]
    one, other = first.row["treatment"], first.row["control"]
    accurate = first.native["metric"] == "correct"
    what = "classifies" if accurate else f"has a {first.name} that is"
    short = {
        NOT_DETECTED: f"{one} and {other} do not detectably differ in {first.name}",
        UNDEFINED: f"{one} and {other} cannot be compared in {first.name}",
    }.get(first.verdict, f"{one} {what} {first.verdict} than {other}")
    return _answer("classifier", first.verdict, f"{short}.", short, found[:1], comparison)


def _of_ahead(
    comparison: Compared, method: str, arms: Mapping[str, Arm], flawed: Flawed
) -> Iterator[Answer]:
    """Which arm is best at what, of three or more; of two their contrast says it."""
    if len(arms) < 3 or flawed.decides(len(arms)):
        return
    leaders: dict[tuple[str, ...], list[str]] = {}
    for of in (CLASSIFIER, method):
        metrics = metrics_of(comparison, of)
        found = ahead(comparison.effects, of, metrics, arms, comparison.confidence)
        for metric, names in found.items():
            leaders.setdefault(tuple(names), []).append(measure(metric))
    if leaders:
        said = [f"{listed(names)} in {listed(metrics)}" for names, metrics in leaders.items()]
        short = f"Ahead of others: {'; '.join(said)}"
        yield Answer("ahead", "ahead", f"{short}.", short, method=method)


def _equivalences(comparison: Compared, method: str, arms: Mapping[str, Arm]) -> Iterator[Answer]:
    """Contrasts whose interval lies within the smallest effect of interest, by measure.

    Of few trainings no interval is known to hold; one of single models speaks of these alone.
    """
    metrics = metrics_of(comparison, method)
    single = _noun(comparison) == "model"
    for rows in contrasts(comparison.effects, method):
        found = [
            one
            for one in deciding(rows, metrics, arms, comparison.confidence)
            if _within(one.row, SMALLEST.get(one.native["metric"], 0.0))
            and (single or one.row["seeds"] >= FEWEST_SEEDS)
        ]
        if found:
            first = found[0].row
            one, other = first["treatment"], first["control"]
            by = [f"{m.name} (within ±{SMALLEST[m.native['metric']]:g})" for m in found]
            short = f"{one} and {other} are equivalent by {listed([m.name for m in found])}"
            text = f"{one} and {other} are equivalent by {listed(by)}."
            yield _answer("equivalent", "equivalent", text, short, found, comparison)


def _within(row: Mapping[str, Any], smallest: float) -> bool:
    """Whether an interval lies inside what is too small to matter."""
    return bool(-smallest < row["low"] and row["high"] < smallest)


def _noun(comparison: Compared) -> str:
    """What an arm is called: of an audit of one model each, a model."""
    single = comparison.kind == "audit" and comparison.arms["replicates"].max() == 1
    return "model" if single else "arm"


# --- factors -------------------------------------------------------------------------------------


class Factor(NamedTuple):
    """What a contrast is about; see `campare.stats.factors`."""

    contrast: str
    kind: str
    factor: str
    high: str = ""
    low: str = ""
    together: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """The factor and what changes with it."""
        return [self.factor, *self.together]

    @property
    def levels(self) -> str:
        """' 64 instead of 32' of a factor with such levels; ' energy' where it has none else."""
        if self.factor in (PRETRAINING, AUGMENTATION) or not self.high:
            return ""
        if self.low == NONE:
            return "" if self.contrast == self.factor else f" {self.high}"
        return f" {self.high} instead of {self.low}"


def _design(comparison: Compared) -> dict[str, Factor]:
    return {row["contrast"]: Factor(**row) for row in comparison.design.iter_rows(named=True)}


def _factor(contrast: str, design: Mapping[str, Factor]) -> Factor:
    """What a contrast is about; of a table without a design its name tells."""
    if contrast in design:
        return design[contrast]
    first, crossed, second = contrast.partition(" x ")
    dose, _, _ = contrast.partition(":")
    if crossed:
        known = second == AUGMENTATION and first == PRETRAINING
        levels = ("on pre-trained networks", "on those from scratch") if known else ("", "")
        return Factor(contrast, "interaction", second, *levels)
    return Factor(contrast, "trend" if dose in (SIZE, STRENGTH) else "factor", dose)


def _of_factors(
    comparison: Compared, method: str, arms: Mapping[str, Arm], flawed: Flawed
) -> Iterator[Answer]:
    """An answer for each main effect, interaction and trend."""
    metrics, design = metrics_of(comparison, method), _design(comparison)
    but = flawed.but(list(arms))
    caveat = f" {_capital(but)}." if but else ""
    for rows in contrasts(comparison.factors, method):
        found = deciding(rows, metrics, arms, comparison.confidence)
        if found:
            verdict, where = _summed((one.verdict, one.name) for one in found)
            factor = _factor(found[0].native["contrast"], design)
            short = _SAYS[factor.kind](factor, verdict)
            measures = count(_measures(found), "measure")
            text = f"{short}: {where}." if where else f"{short} in {measures}."
            text += _confounding(factor) + caveat
            answer = _answer(factor.kind, verdict, text, short, found, comparison)
            yield replace(answer, subject=_subject(factor))


def _subject(factor: Factor) -> str:
    """The factor within a sentence, with all that it cannot be told from."""
    if factor.kind != "factor":
        return factor.contrast
    return f"{listed(factor.names)} together" if factor.together else factor.factor + factor.levels


def _confounding(factor: Factor) -> str:
    """What the effect may be, too."""
    if factor.kind != "factor" or not factor.together:
        return ""
    return f" {_capital(factor.factor)} always comes with another {listed(factor.together)} here."


def _main(factor: Factor, verdict: str) -> str:
    """A main effect; of what it cannot be told from, together."""
    name, make = _capital(_subject(factor)), "make" if factor.together else "makes"
    return {
        "better": f"{name} {make} the maps better",
        "worse": f"{name} {make} the maps worse",
        MIXED: f"{name} {make} the maps better by some measures and worse by others",
        NOT_DETECTED: f"{name} {make} no detectable difference to the maps",
        UNDEFINED: f"The effect of {_subject(factor)} cannot be said",
    }.get(verdict, f"{name} {'change' if factor.together else 'changes'} the maps")


def _trend(factor: Factor, verdict: str) -> str:
    """A trend over a dose, within arms that agree in the rest: `train size: scratch, plain`."""
    _, _, stratum = factor.contrast.partition(": ")
    known = {SIZE: "More training images make", STRENGTH: "Stronger augmentation makes"}
    what = known.get(factor.factor, f"A larger {listed(factor.names)} makes")
    effect = {
        "better": "the maps better",
        "worse": "the maps worse",
        MIXED: "the maps better by some measures and worse by others",
        NOT_DETECTED: "no detectable difference to the maps",
        UNDEFINED: "a difference that is undefined",
    }.get(verdict, "a difference")
    return f"{what} {effect}" + (f" ({stratum})" if stratum else "")


def _interaction(factor: Factor, verdict: str) -> str:
    """Whether one factor does more where another one is high."""
    first, second = factor.contrast.split(" x ", 1)
    gains = {"better": "more", "worse": "less"}.get(verdict)
    if gains and factor.high:
        return f"{_capital(second)} gains {gains} {factor.high} than {factor.low}"
    return {
        NOT_DETECTED: f"{_capital(first)} and {second} do not detectably depend on each other",
        UNDEFINED: f"Whether {first} and {second} depend on each other cannot be said",
    }.get(verdict, f"{_capital(first)} and {second} depend on each other")


_SAYS = {"factor": _main, "interaction": _interaction, "trend": _trend}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- controls and limits -------------------------------------------------------------------------


def _of_controls(comparison: Compared, method: str) -> Iterator[Answer]:
    """Which arms are detectably better than a bump in the middle, by the first metric."""
    metric = next(iter(metrics_of(comparison, method)), "")
    rows = comparison.nulls.filter(
        (pl.col("metric") == metric)
        & (pl.col("method") == method)
        & (pl.col("null") == "centre")
        & pl.col("estimate").is_finite()
    )
    if not rows.height or not higher_is_better(metric):
        return
    over = [row["recipe"] for row in rows.iter_rows(named=True) if row["low"] > 0]
    rest = [name for name in rows["recipe"] if name not in over]
    bump = f"a bump in the middle of the image ({title(metric)})"
    noun = _noun(comparison)
    does = "does" if len(rest) == 1 else "do"
    if rows.height == 1:
        short = f"{over[0]} beats {bump}" if over else f"{rest[0]} does not beat {bump}"
    elif not rest or not over:
        short = f"{'No' if rest else 'Every'} {noun} beats {bump}"
    else:
        beats = "beats" if len(over) == 1 else "beat"
        short = f"{listed(over)} {beats} {bump}; {listed(rest)} {does} not"
    verdict = "above controls" if not rest else "not above controls" if not over else MIXED
    yield Answer("controls", verdict, f"{short}.", short, method=method, metric=metric)


def _trainings(comparison: Compared, method: str) -> int:
    """Of how many trainings an arm has, at most, where arms were compared; 0 where none were."""
    seeds = comparison.effects.filter(pl.col("method") == method)["seeds"].max()
    return seeds if isinstance(seeds, int) else 0


def _of_next(comparison: Compared, method: str, found: Sequence[Answer]) -> Iterator[Answer]:
    """What to do next."""
    seeds = _trainings(comparison, method)
    yield from advice(found, comparison.claims, seeds, comparison.kind)


def _limits(comparison: Compared, method: str) -> Iterator[Answer]:
    """Few trainings."""
    seeds = _trainings(comparison, method)
    single = comparison.effects.filter(
        (pl.col("method") == method) & (pl.col("seeds") == 1), pl.col("low").is_finite()
    )
    if seeds > 1 and single.height:
        names = listed(single["contrast"].unique(maintain_order=True).to_list())
        text = f"{names}: an arm is one training, and its interval covers images alone"
        yield Answer("limit", "one training", f"{text}.", f"One training in {names}", seeds=1)
    if seeds == 1:
        yield Answer(
            "limit", "one training each",
            "Each model is one training: a difference speaks of these models, not of the ways in "
            "which they were trained.",
            "One training each", seeds=1,
        )  # fmt: skip
    elif 0 < seeds < ENOUGH_SEEDS:
        few = f"{replicate(comparison.kind)}s"
        yield Answer(
            "limit", f"few {few}",
            f"Only {seeds} {few}: the intervals know little of how much another training run would "
            f"differ. Take {ENOUGH_SEEDS} or more for a claim.",
            f"Only {seeds} {few}", seeds=seeds,
        )  # fmt: skip
