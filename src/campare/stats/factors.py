"""Every contrast that a design allows, and what its effect may be confounded with.

    design -> [Contrast]: main effects, interactions, trends

Pre-training, augmentation, training size and strength are those of campare.stats.design. Any other
field in which recipes differ is a factor where arms agree in all the rest: two levels make a main
effect, more numbers a trend, more names an effect of each against the first. A field that changes
whenever a factor does is named with that factor: nothing tells the two apart.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import polars as pl

from campare.stats.design import (
    AUGMENTATION,
    INTERACTION,
    NONE,
    PRETRAINING,
    Design,
    Weights,
    factorial,
    main_effect,
    separable,
    slope,
    together,
    total,
    trends,
    value_of,
)

MAIN, CROSSED, TREND, PAIR = "factor", "interaction", "trend", "contrast"

#: Columns of `Comparison.design`; `together`: what the effect may be, too.
DESIGN: dict[str, Any] = {
    **dict.fromkeys(("contrast", "kind", "factor", "high", "low"), pl.String),
    "together": pl.List(pl.String),
}
#: Fields of a recipe that say how long and how carefully it is trained.
_SCHEDULE = (
    "epochs", "batch_size", "learning_rate", "schedule", "warmup", "warmup_learning_rate",
    "patience", "keep", "weight_decay", "label_smoothing", "batch_norm_momentum",
)  # fmt: skip
_NAMES = {"trainable": "trainable part", "hidden": "hidden units", "weights": "source of weights",
          "augment": "kind of augmentation", "views": "views that seeds share",
          "lora_rank": "rank of updates"}  # fmt: skip


class Contrast(NamedTuple):
    """Weights over arms with their name; `high` and `low` are levels in words."""

    name: str
    kind: str
    factor: str
    weights: Weights
    high: str = ""
    low: str = ""
    together: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, Any]:
        """A row of DESIGN."""
        return {
            "contrast": self.name, "kind": self.kind, "factor": self.factor, "high": self.high,
            "low": self.low, "together": list(self.together),
        }  # fmt: skip


def contrasts(design: Design) -> list[Contrast]:
    """Main effects, then interactions, then trends; none for fewer than three arms.

    Example:
        >>> from campare.stats.design import design_of
        >>> [(one.name, one.together) for one in contrasts(design_of([], "ABCD"))][0]
        ('pre-training', ('backbone', 'trainable part'))
    """
    if len(design) < 3:
        return []  # two arms: it is their difference again
    found = [*_known(design), *_of_fields(design)]
    crossed = [one for one in found if one.kind == CROSSED]
    mains = [one for one in found if one.kind == MAIN]
    crossed += [
        one
        for first, second in combinations(mains, 2)
        if (one := _interaction(design, first, second)) and one.name != INTERACTION
    ]
    return [*mains, *crossed, *(one for one in found if one.kind == TREND)]


def differences(design: Design, pair: Sequence[str]) -> tuple[str, ...]:
    """What two arms differ in, in words.

    Example:
        >>> from campare.stats.design import design_of
        >>> differences(design_of([], "ABCD"), ("B", "A"))
        ('pre-training', 'backbone', 'trainable part')
        >>> differences(design_of([], "ABCD"), ("C", "B"))
        ('augmentation',)
    """
    if not all(name in design for name in pair):
        return ()
    one, other = (design[name] for name in pair)
    known = {
        PRETRAINING: one.pretrained != other.pretrained,
        AUGMENTATION: one.augmented != other.augmented,
        "train size": one.train_size != other.train_size,
        "strength": None not in (one.strength, other.strength) and one.strength != other.strength,
    }
    own = {"weights"} if known[PRETRAINING] else set()
    own |= {"augment", "views"} if known[AUGMENTATION] else set()
    fields = [
        field
        for field in dict.fromkeys(name for name, _ in (*one.others, *other.others))
        if value_of(one, field) != value_of(other, field) and field not in own
    ]
    return (*(name for name, differs in known.items() if differs), *named(fields))


def named(fields: Sequence[str]) -> tuple[str, ...]:
    """Fields in words, those of the training schedule as one.

    Example:
        >>> named(["backbone", "backbone_options", "epochs", "patience"])
        ('backbone', 'training schedule')
    """
    schedule = [field for field in fields if field in _SCHEDULE]
    found = []
    for field in fields:
        if field == "backbone_options" and "backbone" in fields:
            continue
        word = "training schedule" if len(schedule) > 1 and field in schedule else _word(field)
        found.append(word)
    return tuple(dict.fromkeys(found))


def _word(field: str) -> str:
    return _NAMES.get(field, field.replace("_", " "))


def _known(design: Design) -> Iterator[Contrast]:
    """The factors that campare knows."""
    words = {
        PRETRAINING: ("pretrained", "on pre-trained networks", "on those from scratch"),
        AUGMENTATION: ("augmented", "with augmentation", "without"),
    }
    for name, weights in factorial(design).items():
        if name in words:
            attribute, high, low = words[name]
            along = _confounded(design, attribute, weights)
            yield Contrast(name, MAIN, name, weights, high, low, along)
        else:
            high, low = words[PRETRAINING][1:]
            yield Contrast(name, CROSSED, AUGMENTATION, weights, high, low)
    for name, weights in trends(design).items():
        yield Contrast(name, TREND, name.partition(": ")[0], weights)


def _confounded(design: Design, attribute: str, weights: Weights) -> tuple[str, ...]:
    """Fields that differ between every arm with a factor and every arm without."""
    sides: dict[bool, list[str]] = {True: [], False: []}
    for name in weights:
        sides[getattr(design[name], attribute)].append(name)
    own = {"pretrained": "weights", "augmented": "augment"}[attribute]
    fields = [field for head, rest in together(design).items() for field in (head, *rest)]
    order = [field for field, _ in next(iter(design.values())).others]
    fields.sort(key=lambda field: order.index(field) if field in order else len(order))
    return named(
        [
            field
            for field in fields
            if field != own
            and not {value_of(design[name], field) for name in sides[True]}
            & {value_of(design[name], field) for name in sides[False]}
        ]
    )


def _of_fields(design: Design) -> Iterator[Contrast]:
    """Factors from the other fields that can be told apart."""
    aliases = together(design)
    for field, strata in separable(design).items():
        arms = [name for stratum in strata for name in stratum]
        levels = list(dict.fromkeys(value_of(design[name], field) for name in arms))
        numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in levels)
        name, along = _word(field), named(aliases[field])
        if numbers:
            levels.sort()
        if numbers and len(levels) > 2:
            yield Contrast(name, TREND, name, _trend(design, field, strata), together=along)
            continue
        for level in levels[1:]:
            weights = _against(design, field, strata, level, levels[0])
            if weights:
                title = name if len(levels) == 2 else f"{name} {level}"
                high, low = str(level), str(levels[0])
                yield Contrast(title, MAIN, name, weights, high, low, along)


def _against(
    design: Design, field: str, strata: Sequence[Sequence[str]], high: Any, low: Any
) -> Weights:
    """Mean over strata of (arms of one level - arms of another)."""
    pairs = [
        tuple([n for n in stratum if value_of(design[n], field) == level] for level in (high, low))
        for stratum in strata
    ]
    both = [pair for pair in pairs if all(pair)]
    return total(
        (name, sign / len(arms) / len(both))
        for pair in both
        for sign, arms in zip((1.0, -1.0), pair, strict=True)
        for name in arms
    )


def _trend(design: Design, field: str, strata: Sequence[Sequence[str]]) -> Weights:
    """Mean over strata of the slope: by doubling where all levels are above zero, else by unit."""
    values = {name: float(value_of(design[name], field)) for arms in strata for name in arms}
    scale = math.log2 if all(value > 0 for value in values.values()) else float
    slopes = [slope({name: scale(values[name]) for name in stratum}) for stratum in strata]
    return total((n, w / len(slopes)) for weights in slopes for n, w in weights.items())


def _interaction(design: Design, first: Contrast, second: Contrast) -> Contrast | None:
    """What the second factor does at the high level of the first, more than at the low one."""
    if first.factor == second.factor:
        return None
    sides = [
        {name: design[name] for name in design if _level(design, first, name) == level}
        for level in (first.high, first.low)
    ]
    gains = [_effect(side, second) for side in sides]
    if not all(gains):
        return None
    weights = gains[0] | {name: -weight for name, weight in gains[1].items()}
    high, low = (
        (first.high, first.low)
        if first.factor in (PRETRAINING, AUGMENTATION)
        else (f"at {first.factor} {first.high}", _at(first.low))
    )
    title = f"{first.name} x {second.name}"
    return Contrast(title, CROSSED, second.name, weights, high, low)


def _at(low: str) -> str:
    return "without" if low == NONE else f"at {low}"


def _level(design: Design, factor: Contrast, name: str) -> str:
    """The level of an arm, in the words of the factor."""
    known = {PRETRAINING: design[name].pretrained, AUGMENTATION: design[name].augmented}
    if factor.factor in known:
        return factor.high if known[factor.factor] else factor.low
    field = next(f for f in together(design) if _word(f) == factor.factor)
    return str(value_of(design[name], field))


def _effect(design: Design, factor: Contrast) -> Weights:
    """The main effect of a factor among some of the arms."""
    attribute = {PRETRAINING: "pretrained", AUGMENTATION: "augmented"}.get(factor.factor)
    if attribute:
        return main_effect(design, attribute)
    for field, strata in separable(design).items():
        if _word(field) == factor.factor:
            levels = {str(value_of(one, field)): value_of(one, field) for one in design.values()}
            if factor.high in levels and factor.low in levels:
                return _against(design, field, strata, levels[factor.high], levels[factor.low])
    return {}
