"""The factors behind recipes, and contrasts as weights over arms.

A recipe has a level of each factor: pre-trained or not, augmented or not, how many training images,
how strong an augmentation, and the value of any other field in which recipes differ. A contrast is
a set of weights over recipes:

    pre-training                 mean over strata of (pre-trained - from scratch)
    augmentation                 mean over strata of (augmented - plain)
    pre-training x augmentation  what augmentation adds to a pre-trained arm, more than to another
    train size, strength         slope over an ordered factor, within a stratum

A stratum holds arms that agree in every other factor; one that lacks a side is left out. Other
fields are in campare.stats.factors: what they do where they can be told apart, and which of them
go along with a factor, so that its effect may be theirs.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from campare.errors import RunError

PRETRAINING, AUGMENTATION = "pre-training", "augmentation"
INTERACTION = "pre-training x augmentation"
SIZE, STRENGTH = "train size", "strength"
#: The level of an arm that has nothing of a factor, in words.
NONE = str(None)

#: Factors that change together: a plain arm has no strength.
_TOGETHER = {
    "pretrained": ("pretrained", "recipe", "series"),
    "augmented": ("augmented", "strength", "recipe", "series"),
    "strength": ("augmented", "strength", "recipe"),
    "train_size": ("train_size", "recipe"),
}

Weights = dict[str, float]


@dataclass(frozen=True)
class Levels:
    """The levels of a recipe.

    `train_size` and `strength` are None where the study did not vary them. `recipe` is the one that
    this is a dose of; `series` is the same for all that differ in their doses, or in being
    augmented, alone. Both may be empty: then all that agree in the other factors make one trend.
    `others` are fields of the recipe with their values; two that differ in them alone are equal.
    """

    pretrained: bool
    augmented: bool
    train_size: float | None = None
    strength: float | None = None
    recipe: str = ""
    series: str = ""
    others: tuple[tuple[str, Any], ...] = field(default=(), compare=False)


Design = Mapping[str, Levels]


class Ladder(NamedTuple):
    """A recipe in growing doses of a factor: (arm, dose), smallest first."""

    factor: str  # SIZE or STRENGTH
    recipe: str  # in words
    doses: tuple[tuple[str, float], ...]


def design_of(recipes: Iterable[Mapping[str, Any]], names: Iterable[str] = ()) -> dict[str, Levels]:
    """The levels of recipes as a manifest lists them; else of `names` that a built-in set has.

    Example:
        >>> design_of([], ["A", "C"])["C"].augmented
        True
    """
    from campare.training.recipe import completed
    from campare.training.recipes import RECIPES
    from campare.training.sweep import alike

    listed = list(recipes)
    builtin = [asdict(arm) for make in RECIPES.values() for arm in make()]
    # Of models trained by somebody's own code nothing is known but what somebody says.
    given = {str(arm["name"]): _as_said(arm) for arm in listed if _said(arm)}
    known = [completed(recipe) for recipe in listed or builtin if "weights" in recipe]
    series: dict[str, str] = {}
    for recipe in known:
        series.setdefault(alike(recipe), str(recipe["name"]))
    levels = {str(r["name"]): replace(of_recipe(r), series=series[alike(r)]) for r in known}
    levels |= given
    return levels if listed else {name: levels[name] for name in names if name in levels}


#: Fields of a recipe that is code, which say how it trains.
_OF_CODE = {"train": "training code", "train_size": SIZE}
_OF_CODE |= {name: name for name in ("epochs", "batch_size", "learning_rate")}


def _said(arm: Mapping[str, Any]) -> bool:
    """Whether somebody says what an arm differs in, of which nothing else is known."""
    return bool(arm.get("factors") or arm.get("train"))


def _as_said(arm: Mapping[str, Any]) -> "Levels":
    """The levels of an arm by its own factors and options."""
    from campare.training.sweep import base_of

    own = {word: arm[name] for name, word in _OF_CODE.items() if arm.get(name) is not None}
    options = {  # an option may be called as a factor is, and mean something else
        f"option {name}" if name in _EXPECTED and not _EXPECTED[name].fits(value) else name: value
        for name, value in arm.get("options", {}).items()
    }
    levels = levels_from({**own, **options, **arm.get("factors", {})})
    return replace(levels, recipe=base_of(arm) if arm.get("dose_of") else "")


class _Expected(NamedTuple):
    """What a level of a factor that campare knows must be."""

    words: str
    example: str
    fits: Callable[[Any], bool]


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not _is_bool(value) and math.isfinite(value)


_EXPECTED = {
    PRETRAINING: _Expected("true or false", "true", _is_bool),
    AUGMENTATION: _Expected("true or false", "true", _is_bool),
    SIZE: _Expected("a number of images", "200", lambda x: _is_number(x) and x > 0),
    STRENGTH: _Expected("a number from 0", "0.5", lambda x: _is_number(x) and x >= 0),
}


def levels_from(given: "Levels | Mapping[str, Any]") -> Levels:
    """Levels from a mapping of factors to levels, those of a user's own among them.

    Raises:
        RunError: a level that pre-training, augmentation, train size or strength cannot have.

    Example:
        >>> levels_from({"pre-training": True, "learning rate": 0.1})
        Levels(pretrained=True, augmented=False, train_size=None, strength=None, recipe='', \
series='', others=(('learning rate', 0.1),))
    """
    if isinstance(given, Levels):
        return given
    for name, expected in _EXPECTED.items():
        if given.get(name) is not None and not expected.fits(given[name]):
            raise RunError(
                f"Expected {name!r} of an arm as {expected.words}, got {given[name]!r}. "
                f"Try {name}: {expected.example}, or another name for the factor"
            )
    rest = dict(given)
    return Levels(
        pretrained=bool(rest.pop(PRETRAINING, False)),
        augmented=bool(rest.pop(AUGMENTATION, False)),
        train_size=rest.pop(SIZE, None),
        strength=rest.pop(STRENGTH, None),
        others=tuple((str(name), _plain(value)) for name, value in rest.items()),
    )


def of_recipe(recipe: Mapping[str, Any]) -> Levels:
    """The levels of one recipe of a manifest.

    Example:
        >>> found = of_recipe({"name": "x", "weights": "random", "augment": {"zoom": 0.1}})
        >>> found.pretrained, found.augmented
        (False, True)
    """
    from campare.training.sweep import base_of

    strength = recipe.get("augment_strength")
    augmented = bool(changes_of(recipe)) and strength != 0
    return Levels(
        pretrained=recipe.get("weights", "random") != "random",
        augmented=augmented,
        train_size=recipe.get("train_size"),
        strength=strength if augmented else None,
        recipe=base_of(recipe),
        others=_others(recipe, augmented),
    )


def changes_of(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of images in training: a strength of 0 leaves one out.

    Example:
        >>> changes_of({"name": "x", "augment": {"flip": "none", "zoom": 0.1, "noise": 0.0}})
        {'zoom': 0.1}
    """
    changes = recipe.get("augment") or {}
    return {name: value for name, value in changes.items() if value not in (0, "none", None)}


#: Fields of a recipe that are no factor: words, and what the other factors are made of.
_KNOWN = ("name", "title", "dose_of", "train_size", "augment_strength")


def _others(recipe: Mapping[str, Any], augmented: bool) -> tuple[tuple[str, Any], ...]:
    """The other fields, values as text or numbers; weights and augmentation where there are any."""
    none = {"weights": recipe.get("weights") == "random", "augment": not augmented}
    fields = {**recipe, "augment": changes_of(recipe)} if "augment" in recipe else recipe
    return tuple(
        (name, None if none.get(name) else _plain(value))
        for name, value in fields.items()
        if name not in _KNOWN
    )


def _plain(value: Any) -> Any:
    """A value that can be compared: a number as it is, anything else as text."""
    if value is None or isinstance(value, int | float | str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return str(value)


def factorial(design: Design) -> dict[str, Weights]:
    """Main effects and interaction that the arms allow, by name.

    Example:
        >>> square = design_of([], "ABCD")
        >>> dict(sorted(factorial(square)["augmentation"].items()))
        {'A': -0.5, 'B': -0.5, 'C': 0.5, 'D': 0.5}
        >>> list(factorial(design_of([], "ABC")))
        ['pre-training', 'augmentation']
    """
    found = {
        PRETRAINING: main_effect(design, "pretrained"),
        AUGMENTATION: main_effect(design, "augmented"),
        INTERACTION: interaction(design),
    }
    return {name: weights for name, weights in found.items() if weights}


def main_effect(design: Design, factor: str) -> Weights:
    """Mean over strata of (arms with the factor - arms without); empty where no stratum has both.

    Example:
        >>> main_effect(design_of([], "AB"), "pretrained")
        {'B': 1.0, 'A': -1.0}
    """
    sides = [_sides(arms, design, factor) for arms in _strata(design, factor)]
    both = [(with_, without) for with_, without in sides if with_ and without]
    return total(
        (name, sign / len(arms) / len(both))
        for pair in both
        for sign, arms in zip((1.0, -1.0), pair, strict=True)
        for name in arms
    )


def interaction(design: Design) -> Weights:
    """What augmentation adds to the pre-trained arms, minus what it adds to those from scratch.

    Example:
        >>> interaction(design_of([], "ABCD"))
        {'C': 1.0, 'B': -1.0, 'D': -1.0, 'A': 1.0}
    """
    gains = [
        main_effect({n: p for n, p in design.items() if p.pretrained == side}, "augmented")
        for side in (True, False)
    ]
    if not all(gains):
        return {}
    return gains[0] | {name: -weight for name, weight in gains[1].items()}


def trends(design: Design) -> dict[str, Weights]:
    """Slopes over the ordered factors, one a recipe: by doubling of size, by unit of strength.

    An augmented recipe of strength 0 is its plain twin.

    Example:
        >>> sizes = {f"A-{n}": Levels(False, False, train_size=n) for n in (50, 100, 200)}
        >>> trends(sizes)
        {'train size: scratch, plain': {'A-50': -0.5, 'A-100': 0.0, 'A-200': 0.5}}
    """
    scales: dict[str, Callable[[float], float]] = {SIZE: math.log2, STRENGTH: float}
    return {
        f"{one.factor}: {one.recipe}": slope({n: scales[one.factor](x) for n, x in one.doses})
        for one in ladders(design)
    }


def ladders(design: Design) -> list["Ladder"]:
    """The arms of each recipe that differ in one ordered factor alone, in its order.

    Example:
        >>> sizes = {f"A-{n}": Levels(False, False, train_size=n) for n in (100, 50)}
        >>> ladders(sizes)
        [Ladder(factor='train size', recipe='scratch, plain', doses=(('A-50', 50), ('A-100', 100)))]
    """
    found = []
    for factor, name in ((SIZE, "train_size"), (STRENGTH, "strength")):
        for arms in _strata(design, name):
            doses = [(n, x) for n in arms if (x := _level(design[n], name)) is not None]
            if len({x for _, x in doses}) >= 2:
                words = _words([design[n] for n, _ in doses], name)
                found.append(Ladder(factor, words, tuple(sorted(doses, key=lambda dose: dose[1]))))
    return found


def gain_over_size(design: Design) -> Weights:
    """How the effect of pre-training changes with each doubling of the training set.

    Example:
        >>> sizes = {f"{p:d}-{n}": Levels(p, False, n) for p in (True, False) for n in (50, 100)}
        >>> gain_over_size(sizes)
        {'1-50': -1.0, '1-100': 1.0, '0-50': 1.0, '0-100': -1.0}
    """
    slopes: dict[tuple[Any, ...], list[Weights]] = {}
    for title, weights in trends(design).items():
        if title.startswith(SIZE):
            levels = design[next(iter(weights))]
            slopes.setdefault((levels.pretrained, levels.augmented, levels.strength), []).append(
                weights
            )
    pairs = [
        (slopes[True, *other], slopes[False, *other])
        for pretrained, *other in slopes
        if pretrained and (False, *other) in slopes
    ]
    return total(
        (name, sign * weight / len(side) / len(pairs))
        for pair in pairs
        for sign, side in zip((1.0, -1.0), pair, strict=True)
        for weights in side
        for name, weight in weights.items()
    )


def written(weights: Weights) -> tuple[str, str]:
    """The arms of a contrast in words: those that count for it, those against.

    Example:
        >>> written({"C": 0.5, "B": -0.5, "D": 0.5, "A": -0.5})
        ('C + D', 'B + A')
    """
    sides = ([n for n, w in weights.items() if s * w > 1e-12] for s in (1, -1))
    plus, minus = (" + ".join(names) for names in sides)
    return plus, minus


def _strata(design: Design, factor: str) -> list[list[str]]:
    """Names of arms that agree in all factors but this."""
    blank: Any = dict.fromkeys(_TOGETHER[factor])
    apart = [name for name in separable(design) if name != _OF.get(factor)]
    strata: dict[Any, list[str]] = {}
    for name, levels in design.items():
        others = dict(levels.others)
        key = replace(levels, **blank), tuple(others.get(one) for one in apart)
        strata.setdefault(key, []).append(name)
    return list(strata.values())


#: The field of a recipe that a factor is made of.
_OF = {"pretrained": "weights", "augmented": "augment"}


def separable(design: Design) -> dict[str, list[list[str]]]:
    """The other fields whose effect can be told from all others: field -> strata.

    A stratum holds arms that agree in every factor and every other field, and differ in this one.
    Fields that always change together stand under the first of them.

    Example:
        >>> arms = {f"{rate}-{units}": levels_from({"rate": rate, "units": units})
        ...     for rate in (0.1, 0.2) for units in (8, 16)}
        >>> separable(arms)["rate"]
        [['0.1-8', '0.2-8'], ['0.1-16', '0.2-16']]
    """
    aliases = together(design)
    found = {}
    for one in aliases:
        strata: dict[Any, list[str]] = {}
        for name, levels in design.items():
            others = dict(levels.others)
            rest = tuple(others.get(other) for other in aliases if other != one)
            known = (levels.pretrained, levels.augmented, levels.train_size, levels.strength)
            strata.setdefault((known, rest), []).append(name)
        several = [a for a in strata.values() if len({value_of(design[n], one) for n in a}) > 1]
        if several:
            found[one] = several
    return found


def together(design: Design) -> dict[str, list[str]]:
    """The other fields in which arms differ: field -> those that change with it, always.

    Example:
        >>> arms = {n: Levels(True, False, others=(("rate", n), ("epochs", 2 * n), ("units", 8)))
        ...     for n in (1, 2)}
        >>> together(arms)
        {'rate': ['epochs']}
    """
    fields = dict.fromkeys(name for levels in design.values() for name, _ in levels.others)
    groups: dict[tuple[int, ...], list[str]] = {}
    for one in fields:
        values = [value_of(levels, one) for levels in design.values()]
        order = list(dict.fromkeys(values))
        if len(order) > 1:
            groups.setdefault(tuple(order.index(value) for value in values), []).append(one)
    return {group[0]: group[1:] for group in groups.values()}


def value_of(levels: Levels, field: str) -> Any:
    """The value of another field; None where the recipe has none.

    Example:
        >>> value_of(Levels(True, False, others=(("rate", 0.1),)), "rate")
        0.1
    """
    return dict(levels.others).get(field)


def _sides(arms: list[str], design: Design, factor: str) -> tuple[list[str], list[str]]:
    with_ = [name for name in arms if getattr(design[name], factor)]
    return with_, [name for name in arms if name not in with_]


def slope(x: Mapping[str, float]) -> Weights:
    """Weights of the least squares slope of arms' means over x."""
    middle = sum(x.values()) / len(x)
    square = sum((v - middle) ** 2 for v in x.values())
    return {name: (v - middle) / square for name, v in x.items()}


def _level(levels: Levels, factor: str) -> float | None:
    """The level of an ordered factor; a plain arm has an augmentation of strength 0."""
    if factor == "strength" and not levels.augmented:
        return 0.0
    value: float | None = getattr(levels, factor)
    return value


def _words(arms: Sequence[Levels], factor: str) -> str:
    """What arms have in common: the recipe and the other dose, else the other factors."""
    sizes = factor == "train_size"
    named = [arm for arm in arms if sizes or arm.augmented] or arms
    arm = named[0]
    said = [name for name in dict.fromkeys(arm.recipe for arm in named) if name]
    if not said:
        said = ["pre-trained" if arm.pretrained else "scratch"]
        said += ["augmented" if arm.augmented else "plain"] if sizes else []
    if sizes and arm.strength is not None:
        said.append(f"strength {arm.strength:g}")
    if not sizes and arm.train_size is not None:
        said.append(f"{arm.train_size:g} images")
    return ", ".join(said)


def total(terms: Iterable[tuple[str, float]]) -> Weights:
    """Weights by arm, in the order of the first mention."""
    total: Weights = {}
    for name, weight in terms:
        total[name] = total.get(name, 0.0) + weight
    return total
