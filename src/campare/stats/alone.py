"""What is said of one arm alone, before any difference between arms.

    did not learn       no better than the commonest class: its maps explain a guess
    follows a cue       its map lies on a region that should not matter, more than the region's area
                        and an untrained network explain
    no better           than a map that looks at no model (middle, edges, uniform), or at one that
                        is not trained, in the first metric
    flat maps           nothing to be seen on many images

All from the tables: means (`summary`), arms minus controls (`nulls`), `arms`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from campare.metrics import find
from campare.stats.answer import Answer, Arm, Compared
from campare.stats.article import SMALLEST
from campare.stats.nulls import control_kind
from campare.stats.ranking import CLASSIFIER
from campare.stats.words import (
    count,
    higher_is_better,
    images_in,
    listed,
    measure,
    replicate,
    signed,
)

NOT_LEARNED, FOLLOWS, WORSE = "did not learn", "follows a cue", "worse than untrained"
BELOW, NO_BETTER, FLAT = "worse than a control", "no better than a control", "flat maps"
NOT_TOLD, NOT_DETECTED = "may follow a cue", "not detected"

#: Faults after which the maps of an arm say nothing of how good another's are.
HOPELESS = (NOT_LEARNED, WORSE, BELOW)
#: Faults after which a comparison of arms says something else.
DECIDE = (FOLLOWS, *HOPELESS)

#: A map follows a region that it puts so many times the region's share on, ...
LIFT = 2.0
#: ... and this much more than an untrained network does.
MORE = SMALLEST["cue-energy"]
#: A model needs a region whose blur costs so much of the class's probability, or moves it so much.
NEEDED = SMALLEST["cue-drop"]
#: From here on that needs no map beside it: a blur of what is merely conspicuous moves it, too, by
#: up to 0.06 in small networks that learned nothing of it, and by 0.16 or more in those that did.
MOVED = 0.12
#: The share of flat maps from which on it is said.
MANY_FLAT = 0.1
#: Regions that every image or object mask has: no cues.
_PLAIN = ("object", "parts", "border", "background", "other")
_UNTRAINED = "an untrained network"
_CONTROLS = {
    "untrained": _UNTRAINED,
    "uniform": "a uniform map",
    "centre": "a bump in the middle of the image",
    "edge": "the edges of the image",
}


class Mean(NamedTuple):
    """A mean with its interval."""

    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    images: int = 0
    seeds: int = 0
    groups: int | None = 0


class Beside(NamedTuple):
    """An arm's map minus a control's."""

    control: str  # in words
    mean: float  # of the control
    estimate: float
    low: float
    high: float


class Means:
    """Means of a comparison, and differences from controls, by name."""

    def __init__(self, comparison: Compared) -> None:
        columns = ("recipe", "method", "metric", "mean", "low", "high", "images", "seeds", "groups")
        rows = comparison.summary.select(columns).rows()
        self._means = {row[:3]: Mean(*row[3:]) for row in rows}
        self._nulls = comparison.nulls

    def __call__(self, arm: str, method: str, metric: str) -> Mean:
        """The mean of an arm; NaN where it has none."""
        return self._means.get((arm, method, metric), Mean())

    def beside(self, arm: str, method: str, metric: str) -> list[Beside]:
        """The arm's maps minus each control's, where both were measured."""
        rows = self._nulls.filter(
            (pl.col("recipe") == arm)
            & (pl.col("method") == method)
            & (pl.col("metric") == metric)
            & pl.col("low").is_finite()
        )
        return [
            Beside(
                _CONTROLS[kind],
                self(arm, row["null"], metric).mean, row["estimate"], row["low"], row["high"],
            )
            for row in rows.iter_rows(named=True)
            if (kind := control_kind(row["null"]) or "") in _CONTROLS
        ]  # fmt: skip

    def cues(self) -> list[str]:
        """Metrics of the energy on a region that should not matter."""
        names = dict.fromkeys(metric for _, _, metric in self._means)
        return [name for name in names if name.endswith("-energy") and _of_cue(name)]


class Flawed:
    """The faults of arms as one phrase: `A and B follow the cue; C did not learn`."""

    def __init__(self, found: Sequence[Answer]) -> None:
        self.found = found

    def but(self, arms: Sequence[str]) -> str:
        """What makes a comparison of some arms doubtful."""
        doubtful = [a for a in self.found if a.verdict in (NOT_LEARNED, FOLLOWS)]
        words = _phrases([answer for answer in doubtful if answer.subject in arms])
        return f"but {listed(words)}" if words else ""

    @property
    def words(self) -> str:
        """The worst fault of each arm."""
        worst = {answer.subject: answer for answer in reversed(self.found)}
        return "; ".join(_phrases([answer for answer in self.found if answer in worst.values()]))

    def decides(self, arms: int) -> bool:
        """Whether no difference between so many arms can say how good their maps are."""
        faulty = {answer.subject for answer in self.found if answer.verdict in HOPELESS}
        return 0 < arms <= len(faulty) or any(a.verdict == FOLLOWS for a in self.found)


def _phrases(found: Sequence[Answer]) -> list[str]:
    """Arms with the same fault in one phrase."""
    arms: dict[str, list[str]] = {}
    for answer in found:
        arms.setdefault(answer.short.removeprefix(f"{answer.subject} "), []).append(answer.subject)
    return [f"{listed(names)} {_agree(phrase, len(names))}" for phrase, names in arms.items()]


def _agree(phrase: str, number: int) -> str:
    """A phrase of one arm, of several."""
    if number == 1:
        return phrase
    for one, many in (("follows ", "follow "), ("is ", "are "), ("has ", "have ")):
        if phrase.startswith(one):
            return many + phrase.removeprefix(one)
    return phrase


def faults(
    comparison: Compared, arms: Iterable[Arm], method: str, metrics: Sequence[str]
) -> list[Answer]:
    """What must be known of single arms, the worst kind first.

    An arm that follows a cue is at chance where the cue is at random, and that is the reason.
    """
    means, arms = Means(comparison), list(arms)
    metric = next((m for m in metrics if higher_is_better(m) is not None), "")
    return [
        *(one for arm in arms for cue in means.cues() for one in _cue(arm, method, cue, means)),
        *(answer for arm in arms for answer in _not_learned(arm, comparison.kind)),
        *(answer for arm in arms if metric for answer in _controls(arm, method, metric, means)),
        *(answer for arm in arms for answer in _flat(arm, method)),
    ]


def open_cues(
    comparison: Compared, arms: Iterable[Arm], method: str, found: Sequence[Answer]
) -> Iterator[Answer]:
    """Of each cue that no arm is `found` to follow: which may, or that none detectably does.

    An arm may where its means are those of one that follows the cue, and the intervals, of few
    seeds say, do not tell.
    """
    means, arms = Means(comparison), list(arms)
    for cue in means.cues():
        told = {one.subject for one in found if one.verdict == FOLLOWS and one.metric == cue}
        shares = {arm: means(arm.name, method, cue) for arm in arms if arm.name not in told}
        known = {arm: own for arm, own in shares.items() if math.isfinite(own.mean)}
        may = [arm for arm in known if _may_follow(arm, method, cue, means)]
        region = cue.removesuffix("-energy")
        where = "; ".join(
            f"{arm.name} puts {_percent(own.mean)} there" for arm, own in known.items()
        )
        seeds = max((own.seeds for own in known.values()), default=0)
        of = f" of {count(seeds, replicate(comparison.kind))}" if seeds > 1 else ""
        if may:
            names = listed([arm.name for arm in may])
            yield Answer(
                "cue", NOT_TOLD, f"Whether {names} {'follows' if len(may) == 1 else 'follow'} the "
                f"{region} is not told by the intervals{of}: {where}. Train more.",
                f"{names} may follow the {region}", method=method, metric=cue, seeds=seeds,
            )  # fmt: skip
        elif known and not told:
            yield Answer(
                "cue", NOT_DETECTED, f"No arm detectably follows the {region}: {where}.",
                f"No arm follows the {region}", method=method, metric=cue, seeds=seeds,
            )  # fmt: skip


def alone(
    comparison: Compared, arms: Iterable[Arm], method: str, metrics: Sequence[str]
) -> Iterator[Answer]:
    """Where the maps of an arm are, beside the controls: of one that nothing is compared with."""
    means = Means(comparison)
    for arm in arms:
        for metric in metrics[:1]:
            own, beside = means(arm.name, method, metric), means.beside(arm.name, method, metric)
            if not math.isfinite(own.mean):
                continue
            others = "; ".join(f"{one.control} {one.mean:.3f}" for one in beside)
            text = f"The maps of {arm.called}: {measure(metric)} {_with_interval(own, comparison)}"
            text += f"; {others}." if others else "."
            if math.isfinite(arm.accuracy):
                text += (
                    f" Accuracy {arm.accuracy:.2f}, the commonest class alone gives "
                    f"{arm.chance:.2f}."
                )
            short = f"{arm.name} has {own.mean:.2f} in {measure(metric)}"
            best = _strongest(beside, metric)
            if best:
                short += f", {best.control} {best.mean:.2f}"
            yield Answer(
                "alone", _beats(beside, metric), text, short, subject=arm.name, method=method,
                metric=metric, estimate=own.mean, low=own.low, high=own.high, images=own.images,
                seeds=own.seeds,
            )  # fmt: skip


def _not_learned(arm: Arm, kind: str) -> Iterator[Answer]:
    """An audit does not know whether its images are those of the training."""
    if not arm.unlearned:
        if arm.fits:
            yield _misfit(arm)
        return
    facts = f"the commonest class alone gives {arm.chance:.2f}"
    if math.isfinite(arm.accuracy):
        facts = f"accuracy {arm.accuracy:.2f}, {facts}"
    else:
        facts = f"its outputs are no numbers, so it has no accuracy; {facts}"
    if kind == "audit":
        short = "may be guessing"
        how_many = f" in {arm.unlearned} of {arm.replicates} models" if arm.replicates > 1 else ""
        text = (
            f"{arm.called} may be guessing on these images{how_many}: {facts}. "
            f"{_fits(arm) or _untried(arm)} "
            "The maps of a guess say little."
        )
    else:
        short = NOT_LEARNED
        mean = "mean " if math.isfinite(arm.accuracy) else ""
        text = (
            f"{arm.called} {NOT_LEARNED} in {arm.unlearned} of {arm.replicates} seeds: {mean}"
            f"{facts}. Its maps explain a guess; do not read a comparison with it as an effect of "
            "the recipe."
        )
    yield Answer(
        "arm", NOT_LEARNED, text, f"{arm.name} {short}", subject=arm.name, metric="correct",
        estimate=arm.accuracy, seeds=arm.replicates,
    )  # fmt: skip


def _misfit(arm: Arm) -> Answer:
    """A model that has learned, and would answer better with other pixels."""
    text = f"{arm.called} may get other pixels than it takes: accuracy {arm.accuracy:.2f}."
    return Answer(
        "arm", NOT_LEARNED, f"{text} {_fits(arm)}", f"{arm.name} may get other pixels",
        subject=arm.name, metric="correct", estimate=arm.accuracy, seeds=arm.replicates,
    )  # fmt: skip


def _fits(arm: Arm) -> str:
    """Which pixels would fit better, in a sentence; nothing where none do."""
    if not arm.fits:
        return ""
    names = [{"-1..1": "tf"}.get(name, name) for name in arm.fits.split(", ")]
    alike = ", which do not tell them apart" if len(names) > 1 else ""
    return (  # tf: a minus is no hyphen in a report
        f"With pixels={' or '.join(map(repr, names))} accuracy would be {arm.fits_accuracy:.2f} on "
        f"{arm.fits_images} images{alike}. Try: --pixels {names[0]}."
    )


def _untried(arm: Arm) -> str:
    """What else may be wrong where no pixels would fit better."""
    if arm.prepared:
        return (
            f"Your own {arm.prepared} prepares its pixels: no known convention in its stead does "
            "better, and none can be tried within it. Do it and the classes fit the model?"
        )
    return "Do the pixels and the classes fit what the model takes?"


def _cue(arm: Arm, method: str, metric: str, means: Means) -> Iterator[Answer]:
    """An arm whose map lies on a region that should not matter, and that needs the region.

    The map must hold detectably more of the region than a uniform map does. Then blurring the
    region must cost NEEDED of the class's probability, detectably. A cue that is drawn at random
    speaks for the class on some images and against it on others, so that its cost is 0 on the mean
    and its size is not: blurring it must move the probability NEEDED more, up or down, than
    blurring as much elsewhere, and the map be on it (or MOVED more). Where nothing was blurred, the
    map must be on it: hold LIFT times the region's share of the image, and detectably MORE than
    that of an untrained network, where there is one.
    """
    own, beside = means(arm.name, method, metric), means.beside(arm.name, method, metric)
    by = {one.control: one for one in beside}
    area, untrained = by.get(_CONTROLS["uniform"]), by.get(_UNTRAINED)
    region = metric.removesuffix("-energy")
    drop, change = (means(arm.name, CLASSIFIER, f"{region}-drop{of}") for of in ("", "@change"))
    if area is None or not area.low > 0:
        return
    learned = untrained is None or (untrained.low > 0 and untrained.estimate >= MORE)
    on_it = learned and own.mean >= LIFT * area.mean
    costs, moves = (one.low > 0 and one.mean >= NEEDED for one in (drop, change))
    moves = moves and (on_it or change.low >= MOVED)
    if not (costs or moves if math.isfinite(drop.low) else on_it):
        return
    where = f"a region of {_percent(area.mean)} of the image"
    if untrained:
        where += f" ({_UNTRAINED} puts {_percent(untrained.mean)} there)"
    text = f"{arm.called} puts {_percent(own.mean)} of its map on the {region}, {where}"
    if moves and not costs:
        text += f"; blurring it moves the probability of the class by {change.mean:.2f} more than "
        text += f"blurring as much elsewhere ({signed(change.low)} to {signed(change.high)})"
    elif math.isfinite(drop.mean):
        text += f"; blurring it costs {drop.mean:.2f} of the probability of the class"
        text += f" ({signed(drop.low)} to {signed(drop.high)})" if math.isfinite(drop.low) else ""
    text += ". How well its maps find anything else says little."
    yield Answer(
        "arm", FOLLOWS, text, f"{arm.name} follows the {region}", subject=arm.name, method=method,
        metric=metric, estimate=own.mean, low=own.low, high=own.high, images=own.images,
        seeds=own.seeds,
    )  # fmt: skip


def _may_follow(arm: Arm, method: str, metric: str, means: Means) -> bool:
    """Whether means alone, without their intervals, are those of an arm that follows a cue."""
    own, region = means(arm.name, method, metric), metric.removesuffix("-energy")
    area = means(arm.name, f"{method}:uniform", metric)  # of maps of pixels
    if not math.isfinite(area.mean):
        area = means(arm.name, "uniform", metric)
    untrained = means(arm.name, f"{method}:untrained", metric)
    drop, change = (means(arm.name, CLASSIFIER, f"{region}-drop{of}") for of in ("", "@change"))
    if not own.mean > area.mean:
        return False
    on_it = own.mean >= LIFT * area.mean and not own.mean - untrained.mean < MORE
    if not math.isfinite(drop.mean):
        return on_it
    moves = change.mean >= NEEDED and (on_it or change.mean >= MOVED)
    open_ = not drop.high < NEEDED or not change.high < NEEDED
    return open_ and (drop.mean >= NEEDED or moves)


def _of_cue(metric: str) -> bool:
    declared = find(metric)
    return (
        declared is not None
        and declared.higher_is_better is False
        and declared.region is not None
        and declared.region not in _PLAIN
    )


def _controls(arm: Arm, method: str, metric: str, means: Means) -> Iterator[Answer]:
    """An arm that is worse than an untrained network, or not detectably better than a control.

    The mean of the control is that on the images of the arm, which may lack some.
    """
    beside = means.beside(arm.name, method, metric)
    sign = 1 if higher_is_better(metric) else -1
    own = means(arm.name, method, metric)
    below = [one for one in beside if max(sign * one.low, sign * one.high) < 0]
    level = [one for one in beside if min(sign * one.low, sign * one.high) <= 0]
    if not level:
        return
    untrained = [one for one in below if one.control == _UNTRAINED]
    one = untrained[0] if untrained else _strongest(below or level, metric)
    assert one is not None
    is_ = "is worse than" if one in below else "is not detectably better than"
    ends = f"{signed(one.low)} to {signed(one.high)}"
    text = (
        f"{arm.called} {is_} {one.control}, by {measure(metric)}: {own.mean:.3f} and "
        f"{own.mean - one.estimate:.3f}, difference {signed(one.estimate)} ({ends}; "
        f"{images_in(own.images, own.groups)})."
    )
    rest = [other.control for other in level if other is not one]
    text += f" Nor is it better than {listed(rest, 'or')}." if rest else ""
    verdict = WORSE if untrained else BELOW if one in below else NO_BETTER
    yield Answer(
        "arm", verdict, text, f"{arm.name} {is_} {one.control}",
        subject=arm.name, method=method, metric=metric, estimate=one.estimate, low=one.low,
        high=one.high, images=own.images, seeds=own.seeds,
    )  # fmt: skip


def _strongest(beside: Sequence[Beside], metric: str) -> Beside | None:
    """The control that does best."""
    known = [one for one in beside if math.isfinite(one.mean)] or list(beside)
    if not known:
        return None
    pick = max if higher_is_better(metric) is not False else min
    return pick(known, key=lambda one: one.mean)


def _beats(beside: Sequence[Beside], metric: str) -> str:
    good = higher_is_better(metric)
    if good is None or not beside:
        return "no controls" if not beside else "no direction"
    sign = 1 if good else -1
    above = all(min(sign * one.low, sign * one.high) > 0 for one in beside)
    return "above controls" if above else "not above controls"


def _flat(arm: Arm, method: str) -> Iterator[Answer]:
    if not arm.maps or arm.flat < MANY_FLAT * arm.maps:
        return
    share = f"{arm.flat} of {arm.maps}"
    yield Answer(
        "arm", FLAT,
        f"{arm.called} has {method} maps with nothing on them, flat or nowhere positive, {share}. "
        "They count in no measure.",
        f"{arm.name} has flat maps",
        subject=arm.name, method=method, estimate=arm.flat / arm.maps,
    )  # fmt: skip


def _with_interval(mean: Mean, comparison: Compared) -> str:
    if not math.isfinite(mean.low):
        return f"{mean.mean:.3f} ({images_in(mean.images, mean.groups)})"
    level = f"{100 * comparison.confidence:.4g}% interval {mean.low:.3f} to {mean.high:.3f}"
    seeds = f", {count(mean.seeds, replicate(comparison.kind))}" if mean.seeds > 1 else ""
    return f"{mean.mean:.3f} ({level}; {images_in(mean.images, mean.groups)}{seeds})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.01 else f"{100 * share:.1f}%"
