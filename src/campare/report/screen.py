"""The first screen of a page: what the answer rests on, in charts and numbers that fit a laptop.

cautions   faults of arms and of the run, one line each with the arms that they are of
charts     the measures that the answer is about: what differs, or where the arms are
standings  each arm with its accuracy and its means, those that are ahead marked
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from campare.report.faults import Fault
from campare.report.plots import forest
from campare.report.plots.chart import Panel
from campare.report.plots.standing import Level, standing
from campare.report.view import CONTROLS, Arm, Effect, Mean, control_of, matched
from campare.report.words import verdict_of
from campare.stats.alone import DECIDE, FOLLOWS
from campare.stats.answer import Answer
from campare.stats.answers import arms_in
from campare.stats.comparison import Comparison
from campare.stats.deciding import ahead
from campare.stats.order import alike
from campare.stats.ranking import CLASSIFIER
from campare.stats.words import listed

#: Charts beside each other, rows of each, and measures beside the accuracy of an arm.
CHARTS, ROWS, MEASURES = 3, 6, 3
HEIGHT = 30.0  # of a row, in pixels


class Caution(NamedTuple):
    """What must be known before a number is believed, in a line; `texts` say it in full.

    It `changes` the answer where a comparison of the arms means something else with it.
    """

    changes: bool
    line: str
    texts: list[str]


class Standing(NamedTuple):
    """An arm with its accuracy and its means; whether it is ahead of others in each."""

    arm: Arm
    accuracy: Mean
    means: list[Mean]
    ahead: list[bool]  # of the accuracy, then of the means


class Screen(NamedTuple):
    """What the first screen shows."""

    cautions: list[Caution]
    charts: list[Panel]
    measures: list[str]
    standings: list[Standing]
    shown: str  # which differences the charts are of, where these are not all
    lines: list[tuple[str, str]]  # a word, and what is said


def screen(
    comparison: Comparison,
    answers: Sequence[Answer],
    faults: Sequence[Fault],
    arms: Sequence[Arm],
    method: str,
    metrics: Sequence[str],
    size: tuple[int, ...] | None,
    effects: Mapping[tuple[str, str], Effect],
    factors: Mapping[tuple[str, str], Effect],
    found: Mapping[tuple[str, str, str], Mean],
    differ: Sequence[str] = (),
    by_image: Sequence[Panel] = (),
) -> Screen:
    """The first screen of a run with these answers; see `campare.report.page.read`.

    `differ` are the settings in which arms differ, `by_image` their differences image by image,
    for which there is room where one pair is compared.
    """
    told = [answer for answer in answers if answer.kind == "arm"]
    rows = {**effects, **factors}
    names = _contrasts(factors, effects)
    telling = _telling(metrics, rows, names)
    cues = list(dict.fromkeys(a.metric for a in told if a.verdict == FOLLOWS and a.metric))
    charts = [_levels(metric, arms, method, found, size) for metric in cues]
    if rows:
        labels = {name: _labeled(name, comparison) for name, _ in factors}
        drawn = forest.panels(rows, names[:ROWS], telling, arms, named=labels)
        charts += [_low(panel) for panel in drawn]
    else:
        charts += [_levels(metric, arms, method, found, size) for metric in telling]
    charts = [one for one in charts if one.rows][:CHARTS]
    if all(len(one.rows) == 1 for one in charts):
        charts += by_image[:CHARTS]
    return Screen(
        cautions=_cautions(told, faults, len(arms)),
        charts=charts,
        measures=telling[:MEASURES],
        standings=_standings(comparison, arms, method, telling[:MEASURES], size, found),
        shown=f"the first {ROWS} of {len(names)} differences" if len(names) > ROWS else "",
        lines=_lines(answers, faults, differ),
    )


def _lines(
    answers: Sequence[Answer], faults: Sequence[Fault], differ: Sequence[str]
) -> list[tuple[str, str]]:
    """What differs besides, by the answers or else by the settings, and what to do next."""
    besides = [answer.short for answer in answers if answer.kind == "besides"]
    if not besides and differ:
        besides = [f"they differ in {listed(differ)}"]
    first = [answer.short.removeprefix("Next: ") for answer in answers if answer.kind == "next"]
    first = first or [fault.step for fault in faults if fault.step][:1]
    lines = (("Besides", ". ".join(besides)), ("Next", ". ".join(first)))
    return [(word, f"{text}.") for word, text in lines if text]


def _cautions(told: Sequence[Answer], faults: Sequence[Fault], arms: int) -> list[Caution]:
    """A line for each fault with the arms that have it, those that change the answer first."""
    found = [
        Caution(
            one.verdict in DECIDE,
            f"{_of(one.subjects, arms)}: {verdict_of(one.answers[0])}",
            [str(answer) for answer in one.answers],
        )
        for one in alike(told)
    ]
    found += [
        Caution(True, fault.text.rstrip("."), [fault.text]) for fault in faults if fault.alarm
    ]
    return sorted(found, key=lambda caution: not caution.changes)


def _of(subjects: Sequence[str], arms: int) -> str:
    """Which arms: named where they are few."""
    if len(subjects) == arms and arms > 1:
        return f"All {arms}" if arms > 2 else " and ".join(subjects)
    return ", ".join(subjects) if len(subjects) < 4 else f"{len(subjects)} of {arms}"


def _low(panel: Panel) -> Panel:
    """A panel whose rows need less height."""
    return panel._replace(rows=tuple(row._replace(height=HEIGHT) for row in panel.rows))


def _contrasts(*of: Mapping[tuple[str, str], Effect]) -> list[str]:
    """Contrasts by name: those of the first mapping first, what depends on what last."""
    names = dict.fromkeys(contrast for effects in of for contrast, _ in effects)
    return sorted(names, key=lambda name: " x " in name)


def _labeled(factor: str, comparison: Comparison) -> str:
    """A factor with what always comes with it: its effect may be that of any."""
    rows = comparison.design.filter(comparison.design["contrast"] == factor)["together"].to_list()
    return ", ".join([factor, *(rows[0] if rows and rows[0] else ())])


def _telling(
    metrics: Sequence[str], rows: Mapping[tuple[str, str], Effect], names: Sequence[str]
) -> list[str]:
    """The metrics of most interest: the first, then those in which something is detected."""

    def detected(metric: str) -> bool:
        pairs = (
            rows.get((name, matched(metric)), rows.get((name, metric))) for name in names[:ROWS]
        )
        return any(effect is not None and effect.detected for effect in pairs)

    rest = list(metrics[1:])
    return [*metrics[:1], *filter(detected, rest), *(m for m in rest if not detected(m))]


def _levels(
    metric: str,
    arms: Sequence[Arm],
    method: str,
    found: Mapping[tuple[str, str, str], Mean],
    size: tuple[int, ...] | None,
) -> Panel:
    """Where arms are in a measure, beside the controls of the first of them."""
    levels = [Level(arm.name, _mean(arm, method, metric, found, size), arm.index) for arm in arms]
    present = {name for _, name, _ in found}
    for kind, name in CONTROLS.items():
        control = control_of(method, kind, present)
        first = (found.get((arm.name, control or "", metric)) for arm in arms)
        mean = next((one for one in first if one and math.isfinite(one.mean)), None)
        if mean is not None:
            levels.append(Level(name, mean))
    return standing(metric, levels[: ROWS + 4])


def _mean(
    arm: Arm,
    method: str,
    metric: str,
    found: Mapping[tuple[str, str, str], Mean],
    size: tuple[int, ...] | None,
) -> Mean:
    """The mean that is comparable: at equal resolution where the arms' maps differ in it."""
    native = found.get((arm.name, method, metric), Mean())
    pooled = found.get((arm.name, method, matched(metric)))
    return pooled if size and pooled and math.isfinite(pooled.mean) else native


def _standings(
    comparison: Comparison,
    arms: Sequence[Arm],
    method: str,
    metrics: Sequence[str],
    size: tuple[int, ...] | None,
    found: Mapping[tuple[str, str, str], Mean],
) -> list[Standing]:
    known, confidence = arms_in(comparison), comparison.confidence
    leaders = ahead(comparison.effects, method, metrics, known, confidence)
    right = ahead(comparison.effects, CLASSIFIER, ["correct"], known, confidence)
    return [
        Standing(
            arm,
            found.get((arm.name, CLASSIFIER, "correct"), Mean()),
            [_mean(arm, method, metric, found, size) for metric in metrics],
            [arm.name in right.get("correct", ()),
             *(arm.name in leaders.get(metric, ()) for metric in metrics)],
        )
        for arm in arms
    ]  # fmt: skip
